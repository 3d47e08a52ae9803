"""What happened to one thing, who asked for it, and what each event changed of what is read elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import pytest

from api.catalogue import type_name
from domain.sales.opportunity import Opportunity
from infra.keys import LENGTH, MasterKey, MasterKeys, unlock
from infra.rebuild import rebuild
from infra.settings import Settings
from projections.customers.account import AccountView
from projections.sales.opportunity import OpportunityLineView, OpportunityView
from server import application
from tests.api.cast import Cast, casting
from tests.api.client import Api
from tests.api.company import a_pipeline, a_product, a_user, an_account, an_opportunity, euros
from tests.api.conftest import an_administrator, projecting, schema_called, serving
from tests.api.test_masks import leaf_fields

CHANGES = "changes { field items key before after hidden }"


@pytest.fixture(scope="module")
def cast(api: Api, database_url: str) -> Iterator[Cast]:
    unlock(MasterKeys([MasterKey(bytes(LENGTH))]))
    with casting(api, database_url, "test_api") as made:
        yield made


def history(api: Api, id: str, shown: str, **asked: Any) -> list[Any]:
    """The events of one thing."""
    given = {"first": 1000} | asked
    declared = {"first": "Int", "last": "Int", "after": "String", "before": "String", "kinds": "[EventKind!]"}
    declared["asOf"] = "AsOf"
    types = "".join(f", ${name}: {declared[name]}" for name in given)
    names = "".join(f", {name}: ${name}" for name in given)
    query = f"query ($id: ID!{types}) {{ history(id: $id{names}) {{ nodes {{ {shown} }} }} }}"
    found: list[Any] = api.ask(query, id=id, **given)["history"]["nodes"]
    return found


def changed(api: Api, id: str) -> list[dict[str, tuple[Any, Any]]]:
    """What each event of one thing changed: before and after, by field; those of items by list, key and field."""
    return [
        {
            each["field"] if each["items"] is None else f"{each['items']}.{each['key']}.{each['field']}": (
                each["before"],
                each["after"],
            )
            for each in event["changes"]
        }
        for event in history(api, id, CHANGES)
    ]


def test_every_event_of_one_thing_is_told_with_who_asked_for_what_and_why(api: Api, pipeline: str) -> None:
    other, start = an_opportunity(api, pipeline), api.head()
    sale = an_opportunity(api, pipeline, name="Pumps", correlationId="0190f3c2-0000-7000-8000-000000000001")
    api.given("loseOpportunity", id=sale, reason="too dear", on="2026-01-31", occurredAt="2026-01-31T12:00:00Z")
    api.given("tagOpportunity", id=other, label="x")
    shown = """position kind nodeId version recordedAt occurredAt actor actorUser { name } onBehalfOf
        onBehalfOfUser { name } command commandId reason correlationId causationId origin receipt schemaVersion
        data node { id ... on Opportunity { status } }"""

    opened, lost = history(api, sale, shown)

    assert (opened["position"], opened["kind"], opened["version"]) == (start + 1, "OPPORTUNITY_OPENED", 1)
    assert (lost["position"], lost["kind"], lost["version"]) == (start + 2, "OPPORTUNITY_LOST", 2)
    for event, command in ((opened, "Opportunity.open"), (lost, "Opportunity.lose")):
        assert (event["nodeId"], event["command"], event["origin"]) == (sale, command, "graphql")
        assert (event["actor"], event["actorUser"]) == (api.me, {"name": "administrator"})
        assert (event["onBehalfOf"], event["onBehalfOfUser"], event["schemaVersion"]) == (None, None, 1)
        assert event["node"] == {"id": sale, "status": "LOST"}
    assert opened["correlationId"] == "0190f3c2-0000-7000-8000-000000000001" and opened["reason"] is None
    assert (lost["reason"], lost["correlationId"]) == ("too dear", None)
    assert lost["occurredAt"].startswith("2026-01-31T12:00:00") and lost["recordedAt"] > opened["recordedAt"]
    assert opened["commandId"] != lost["commandId"] and len(lost["receipt"]) == 64
    assert lost["data"]["lost_reason"] == "too dear"


def test_what_an_event_changed_is_told_as_it_is_read(api: Api, pipeline: str) -> None:
    account, owner, product = an_account(api), a_user(api), a_product(api)
    sale = an_opportunity(api, pipeline, name="Pumps", accountId=account, amount=euros("1.50"))
    api.given("changeOpportunityAmount", id=sale, amount=euros("2"))
    api.given("assignOpportunityOwner", id=sale, ownerId=owner)
    api.given("winOpportunity", id=sale, amount=euros("2"), on="2026-01-31")

    opened, amount, owned, won = changed(api, sale)

    assert opened == {
        "pipelineId": (None, pipeline), "stage": (None, "first"), "accountId": (None, account), "name": (None, "Pumps"),
        "amount": (None, euros("1.50")), "probability": (None, opened["probability"][1]),
    }  # fmt: skip
    assert amount == {"amount": (euros("1.50"), euros("2"))}
    assert owned == {"ownerId": (None, owner)}
    assert won.items() >= {"status": ("OPEN", "WON"), "closedOn": (None, "2026-01-31")}.items() and "amount" not in won
    assert product


def test_an_item_is_told_by_its_key_from_its_beginning_to_its_end(api: Api, pipeline: str) -> None:
    sale, product = an_opportunity(api, pipeline), a_product(api)
    a_line: dict[str, Any] = {"id": sale, "productId": product, "price": euros("3")}
    api.given("addOpportunityLine", quantity="1", **a_line)
    api.given("addOpportunityLine", quantity="7", **a_line)
    [line, other] = api.ask(
        "query ($id: ID!) { opportunity(id: $id) { lines { nodes { lineId quantity } } } }", id=sale
    )["opportunity"]["lines"]["nodes"]
    api.given("changeOpportunityLine", id=sale, lineId=line["lineId"], quantity="2", price=euros("3"))
    api.given("removeOpportunityLine", id=sale, lineId=line["lineId"])

    _, added, _, more, removed = changed(api, sale)

    at = f"lines.{line['lineId']}"
    assert added == {
        f"{at}.productId": (None, product), f"{at}.quantity": (None, "1"), f"{at}.price": (None, euros("3")),
        f"{at}.discount": (None, "0"),
    }  # fmt: skip
    assert more == {f"{at}.quantity": ("1", "2")}
    assert removed == {
        f"{at}.productId": (product, None), f"{at}.quantity": ("2", None), f"{at}.price": (euros("3"), None),
        f"{at}.discount": ("0", None),
    }  # fmt: skip
    assert other["quantity"] == "7"


def test_one_event_that_sets_many_items_tells_of_each(api: Api) -> None:
    pipeline = a_pipeline(api)
    api.given("movePipelineStage", id=pipeline, key="won", before="first")

    last = changed(api, pipeline)[-1]

    assert last.pop("order") == (["first", "offer", "won"], ["won", "first", "offer"])
    assert last == {
        "stages.first.place": (1, 2), "stages.offer.place": (2, 3), "stages.won.place": (3, 1),
    }  # fmt: skip


def test_what_is_flat_has_its_parts_told_and_what_is_listed_is_told_whole(api: Api) -> None:
    account = an_account(api, "Acme", industry="books", revenue=euros("5"))
    api.given("changeAccountDetails", id=account, details={"industry": "pumps"})
    api.given("changeAccountAddress", id=account, use="billing", address={"city": "Bonn"})
    api.given("tagAccount", id=account, label="b")
    api.given("tagAccount", id=account, label="a")

    registered, details, address, _, tagged = changed(api, account)

    assert registered == {"name": (None, "Acme"), "industry": (None, "books"), "revenue": (None, euros("5"))}
    assert details == {"industry": ("books", "pumps")}
    blank = {"street": None, "postalCode": None, "region": None, "country": None}
    assert address == {"addresses": ([], [{"key": "billing", "city": "Bonn", **blank}])}
    assert tagged == {"tags": (["b"], ["a", "b"])}


def test_what_is_personal_is_told_until_the_person_is_forgotten(api: Api, cast: Cast) -> None:
    contact = api.given("addContact", person={"familyName": "Lovelace"}, title="head")
    api.given("archiveContact", id=contact, reason="she left")
    before = [changed(api, contact)[0]["familyName"], history(api, contact, "reason")[1]["reason"]]

    api.given("restoreContact", id=contact)
    api.given("forgetContact", id=contact, reason="asked on Monday")

    added, archived, _, forgotten = changed(api, contact)
    assert before == [(None, "Lovelace"), "she left"]
    assert "familyName" not in added and added["title"] == (None, "head")
    assert archived == {"archived": (False, True)}
    assert forgotten["forgotten"] == (False, True) and "familyName" not in forgotten
    assert [event["reason"] for event in history(api, contact, "reason")] == [None, None, None, "asked on Monday"]


def test_a_page_goes_on_from_any_position_both_ways(api: Api) -> None:
    account, start = an_account(api), api.head()
    for label in "abcdef":
        api.given("tagAccount", id=account, label=label)
        an_account(api)
    query = """query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
        history(id: $id, first: $first, after: $after, last: $last, before: $before) {
            totalCount edges { cursor node { position } } nodes { version }
            around: pageInfo { more: hasNextPage hasPreviousPage startCursor endCursor } } }"""

    def page(**asked: Any) -> tuple[list[int], Any, list[str]]:
        found = api.ask(query, id=account, **asked)["history"]
        assert found["totalCount"] == 7
        assert [edge["cursor"] for edge in found["edges"]] == [str(e["node"]["position"]) for e in found["edges"]]
        return [n["version"] for n in found["nodes"]], found["around"], [edge["cursor"] for edge in found["edges"]]

    first, around, cursors = page(first=3)
    second, _, _ = page(first=3, after=around["endCursor"])
    rest, last_around, _ = page(first=3, after=page(first=6)[1]["endCursor"])
    last, back, _ = page(last=2)
    earlier, _, _ = page(last=2, before=back["startCursor"])

    assert (first, second, rest, last, earlier) == ([1, 2, 3], [4, 5, 6], [7], [6, 7], [4, 5])
    assert (around["more"], around["hasPreviousPage"]) == (True, False)
    assert (last_around["more"], last_around["hasPreviousPage"]) == (False, True)
    assert (back["more"], back["hasPreviousPage"]) == (False, True)
    assert page(first=5, after=str(start))[0] == [2, 3, 4, 5, 6] and page()[0] == [1, 2, 3, 4, 5, 6, 7]
    assert cursors == sorted(cursors, key=int)


def test_only_some_kinds_are_told_and_only_what_was_known_then(api: Api) -> None:
    account = an_account(api)
    api.given("tagAccount", id=account, label="a")
    api.given("renameAccount", id=account, name="Renamed")
    position = api.head()
    api.given("tagAccount", id=account, label="b")

    renamed = history(api, account, "version", kinds=["ACCOUNT_RENAMED"])
    then = history(api, account, "version", asOf={"position": position})
    at_that_time = history(api, account, "version", asOf={"time": history(api, account, "recordedAt")[1]["recordedAt"]})

    assert [event["version"] for event in renamed] == [3]
    assert [event["version"] for event in then] == [1, 2, 3]
    assert [event["version"] for event in at_that_time] == [1, 2]
    assert history(api, account, "version", kinds=[]) == []


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ('id: "Account_junk"', "'Account_junk' is not an id"),
        ('id: "junk"', "'junk' is not an id: one looks like Account_0190f3c2-…"),
        ('id: "Account_0190f3c2-0000-7000-8000-000000000001", first: 0', "`first` is between 1 and 1000"),
        ('id: "Account_0190f3c2-0000-7000-8000-000000000001", first: 1001', "`first` is between 1 and 1000"),
        ('id: "Account_0190f3c2-0000-7000-8000-000000000001", after: "x"', "this cursor does not belong to a list of"),
        ('id: "Account_0190f3c2-0000-7000-8000-000000000001", after: "99999999999999999999"', "this cursor does not"),
        ('id: "Account_0190f3c2-0000-7000-8000-000000000001", asOf: {}', "`asOf` takes either a position or a time"),
    ],
)
def test_what_cannot_be_is_said(api: Api, asked: str, message: str) -> None:
    code, told = api.refused(f"{{ history({asked}) {{ nodes {{ position }} }} }}")

    assert code == "BAD_USER_INPUT" and told.startswith(message)


def test_of_what_is_not_there_nothing_happened(api: Api) -> None:
    an_account(api)

    assert history(api, "Account_0190f3c2-0000-7000-8000-000000000001", "position") == []


# -- who asks --------------------------------------------------------------------------------------


def test_whoever_may_not_see_a_thing_is_told_nothing_of_it(api: Api, cast: Cast, pipeline: str) -> None:
    ada, ben = cast.user({"customers.see": "OWN"}), cast.user({"customers.see": "ALL"})
    mine, other, sale = an_account(api), an_account(api), an_opportunity(api, pipeline)
    api.given("assignAccountOwner", id=mine, ownerId=ada.me)
    ada.position = ben.position = api.position
    count = "query ($id: ID!) { history(id: $id) { totalCount } }"

    assert [event["version"] for event in history(ada, mine, "version")] == [1, 2]
    assert (history(ada, other, "version"), ada.ask(count, id=other)["history"]["totalCount"]) == ([], 0)
    assert (len(history(ben, mine, "version")), ben.ask(count, id=mine)["history"]["totalCount"]) == (2, 2)
    assert ada.refused(f'{{ history(id: "{sale}") {{ nodes {{ position }} }} }}') == (
        "FORBIDDEN", "to see this you need sales.see",
    )  # fmt: skip
    [_, owned] = history(ada, mine, "actor actorUser { name } node { id }")
    assert owned == {"actor": api.me, "actorUser": None, "node": {"id": mine}}


def test_what_is_hidden_is_said_to_be_hidden_and_not_told(api: Api, cast: Cast, pipeline: str) -> None:
    ada = cast.user({"sales.see": "ALL"}, ["Opportunity.amount", "Opportunity.lost_reason"])
    sale = an_opportunity(api, pipeline, name="Pumps", amount=euros("7"))
    api.given("changeOpportunityAmount", id=sale, amount=euros("8"))
    api.given("loseOpportunity", id=sale, reason="price", on="2026-01-31")
    ada.position = api.position

    opened, amount, lost = history(ada, sale, f"data reason {CHANGES}")

    hidden = {"field": "amount", "items": None, "key": None, "before": None, "after": None, "hidden": True}
    assert hidden in opened["changes"] and amount["changes"] == [hidden]
    assert {each["field"]: each["hidden"] for each in lost["changes"]}["lostReason"]
    assert (lost["reason"], lost["data"]["lost_reason"], amount["data"]["amount"]) == (None, None, None)
    assert {each["field"]: each["after"] for each in opened["changes"] if not each["hidden"]}["name"] == "Pumps"


def test_a_change_is_told_once_its_view_has_come_as_far_and_alike_when_it_was_rebuilt(database_url: str) -> None:
    ask = f"query ($id: ID!) {{ history(id: $id) {{ nodes {{ version {CHANGES} }} }} }}"
    with (
        schema_called(database_url, "test_api_history") as schema,
        serving(application(Settings(), database_url, None, schema)) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        user, token = an_administrator(database_url, schema)
        api = Api(client, token, user)
        with projecting(database_url, schema):
            api.until_ready()
            account = an_account(api)
            told = api.ask(ask, id=account)["history"]["nodes"]
        api.position = 0
        payload = api.do("renameAccount", id=account, name="Later")
        api.position = 0
        late = api.post(ask, {"id": account}).json()
        with projecting(database_url, schema):
            api.position = payload["position"]
            then = api.ask(ask, id=account)["history"]["nodes"]

        rebuild(database_url, schema, [AccountView])
        with (
            serving(application(Settings(), database_url, None, schema)) as address,  # it knows the new tables only
            httpx.Client(base_url=address, timeout=30) as client,
        ):
            rebuilt = Api(client, token, user).ask(ask, id=account)["history"]["nodes"]

    assert rebuilt == then
    assert [event["version"] for event in told] == [1]
    assert late["data"]["history"]["nodes"] == [*told, {"version": 2, "changes": None}]
    [error] = late["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("VIEW_BEHIND", ["history", "nodes", 1, "changes"])
    assert [change["after"] for change in then[1]["changes"]] == ["Later"]


# -- the law ---------------------------------------------------------------------------------------

ALONE = {"id", "version", "createdAt", "updatedAt", "opportunityId"}


def as_read(api: Api, sale: str, position: int) -> dict[tuple[Any, ...], Any]:
    """Every field of an opportunity and of its lines at a position, each by list, key and name."""
    shown, lines = (" ".join(leaf_fields(view).values()) for view in (OpportunityView, OpportunityLineView))
    query = f"""query ($id: ID!, $asOf: AsOf) {{ row: opportunity(id: $id, asOf: $asOf) {{
        {shown} all: lines(first: 1000) {{ nodes {{ {lines} }} }} }} }}"""
    row = api.ask(query, id=sale, asOf={"position": position})["row"]
    if row is None:
        return {}
    items = row.pop("all")["nodes"]
    found: dict[tuple[Any, ...], Any] = {(None, None, name): value for name, value in row.items() if name not in ALONE}
    for item in items:
        found |= {("lines", item["lineId"], n): v for n, v in item.items() if n not in ALONE | {"lineId"}}
    return found


def random_story(api: Api, pipeline: str, seed: int) -> str:
    """An opportunity to which many things happened by chance."""
    chance, sale = Random(seed), an_opportunity(api, pipeline, amount=euros("5"))
    product, owners, lines = a_product(api), [a_user(api), api.me], list[str]()
    for _ in range(25):
        match chance.randrange(9):
            case 0:
                api.do("changeOpportunityAmount", id=sale, amount=chance.choice([None, euros("5"), euros("6.50")]))
            case 1:
                api.do("assignOpportunityOwner", id=sale, ownerId=chance.choice(owners))
            case 2:
                api.do("tagOpportunity", id=sale, label=chance.choice("abc"))
            case 3:
                api.do("moveOpportunityToStage", id=sale, stage=chance.choice(["first", "offer"]))
            case 4:
                api.do("setOpportunityNextStep", id=sale, nextStep=chance.choice(["call", "write"]))
            case 5 | 6:
                quantity = str(chance.randint(1, 9))
                api.do("addOpportunityLine", id=sale, productId=product, quantity=quantity, price=euros("1"))
                query = f'{{ opportunity(id: "{sale}") {{ lines {{ nodes {{ lineId }} }} }} }}'
                lines = [each["lineId"] for each in api.ask(query)["opportunity"]["lines"]["nodes"]]
            case 7 if lines:
                quantity = str(chance.randint(1, 9))
                api.do(
                    "changeOpportunityLine", id=sale, lineId=chance.choice(lines), quantity=quantity, price=euros("2")
                )
            case 8 if lines:
                api.do("removeOpportunityLine", id=sale, lineId=lines.pop(chance.randrange(len(lines))))
    api.do("loseOpportunity", id=sale, reason="price", on="2026-01-31")
    api.do("reopenOpportunity", id=sale)
    api.do("archiveOpportunity", id=sale, reason="done")
    return sale


@pytest.mark.parametrize("seed", range(3))
def test_the_changes_of_a_history_make_the_row_and_say_what_was_read_before_and_after(
    api: Api, pipeline: str, seed: int
) -> None:
    sale, beside = random_story(api, pipeline, seed), an_opportunity(api, pipeline)

    row: dict[tuple[Any, ...], Any] = {}
    for event in history(api, sale, f"position {CHANGES}"):
        before, after = (as_read(api, sale, event["position"] - back) for back in (1, 0))
        for each in event["changes"]:
            place = each["items"], each["key"], each["field"]
            assert each["before"] == before.get(place)
            assert each["after"] == after.get(place)
            assert each["before"] != each["after"]
            row[place] = each["after"]
        untold = after.keys() - row.keys()
        row |= {place: after[place] for place in untold if after[place] in (None, [], {}, False, "OPEN", "0")}
        row = {place: value for place, value in row.items() if place in after or value is not None}
        assert row == after

    assert as_read(api, beside, api.head())[None, None, "status"] == "OPEN"


def test_what_the_law_reads_is_all_there_is() -> None:
    assert {type_name(view) for view in (OpportunityView, OpportunityLineView)} == {"Opportunity", "OpportunityLine"}
    assert {view.of for view in (OpportunityView, OpportunityLineView)} == {Opportunity}
