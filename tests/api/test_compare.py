"""Two instants side by side: what came, what went, what changed, and what it adds up to."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.api.client import Api, some
from tests.api.company import a_product, a_won_opportunity, an_account, an_opportunity, euros

CHANGES = "changes { field before after }"
SUM = "{ count sum { amount { amount currency } } }"
MOVED = f"{{ count before {SUM} after {SUM} difference {{ amount {{ amount currency }} }} }}"
PIPELINE = f"""query ($filter: OpportunityFilter, $from: AsOf!, $to: AsOf, $first: Int, $after: String,
    $kinds: [DifferenceKind!]) {{ opportunities(filter: $filter) {{
    compare(from: $from, to: $to, first: $first, after: $after, kinds: $kinds) {{
        whole {MOVED} came {MOVED} went {MOVED} changed {MOVED}
        nodes {{ kind before {{ id status }} after {{ id status }} {CHANGES} }}
        pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }}"""
ONE = f"""query ($id: ID!, $from: AsOf!, $to: AsOf) {{ compare(id: $id, from: $from, to: $to) {{
    id standingBefore standingAfter before {{ id ... on Account {{ name }} ... on Opportunity {{ name }} }}
    after {{ id ... on Account {{ name }} ... on Opportunity {{ name }} }} {CHANGES}
    items {{ list key kind {CHANGES} }} }} }}"""


def at(position: int) -> dict[str, int]:
    return {"position": position}


def changed(told: Any) -> dict[str, tuple[Any, Any]]:
    return {each["field"]: (each["before"], each["after"]) for each in told["changes"]}


# -- a list ----------------------------------------------------------------------------------------


def test_a_pipeline_of_this_week_against_that_of_last_week(api: Api, pipeline: str) -> None:
    account, other = an_account(api), an_account(api)
    grows = an_opportunity(api, pipeline, accountId=account, amount=euros("10"))
    won = an_opportunity(api, pipeline, accountId=account, amount=euros("7"))
    an_opportunity(api, pipeline, accountId=account, amount=euros("1"))
    an_opportunity(api, pipeline, accountId=other, amount=euros("1000"))
    before = api.position
    api.given("changeOpportunityAmount", id=grows, amount=euros("15"))
    api.given("winOpportunity", id=won, amount=euros("8"), on="2026-01-02")
    new = an_opportunity(api, pipeline, accountId=account, amount=euros("3"))
    a_won_opportunity(api, pipeline, euros("500"), "2026-01-02", accountId=account)

    told = api.ask(PIPELINE, filter={"accountId": {"eq": account}, "status": {"eq": "OPEN"}}, **{"from": at(before)})[
        "opportunities"
    ]["compare"]

    def figures(part: str) -> Any:
        sums = told[part]
        one = [
            [money["amount"] for money in each["amount"]]
            for each in (sums["before"]["sum"], sums["after"]["sum"], sums["difference"])
        ]
        return sums["count"], sums["before"]["count"], sums["after"]["count"], *one

    assert figures("whole") == (4, 3, 3, ["18"], ["19"], ["1"])
    assert figures("came") == (1, 0, 1, [], ["3"], ["3"])
    assert figures("went") == (1, 1, 0, ["7"], [], ["-7"])
    assert figures("changed") == (1, 1, 1, ["10"], ["15"], ["5"])
    shown = {node["after"]["id"]: node for node in told["nodes"]}
    assert {id: node["kind"] for id, node in shown.items()} == {grows: "CHANGED", won: "WENT", new: "CAME"}
    assert changed(shown[grows]) == {
        "amount": ({"amount": "10", "currency": "EUR"}, {"amount": "15", "currency": "EUR"})
    }
    assert (shown[won]["before"]["status"], shown[won]["after"]["status"]) == ("OPEN", "WON")
    assert changed(shown[won])["status"] == ("OPEN", "WON")
    assert shown[new]["before"] is None


def test_a_page_of_what_differs_and_only_of_some_kinds(api: Api, pipeline: str) -> None:
    account, before = an_account(api), api.position
    ids = [an_opportunity(api, pipeline, accountId=account) for _ in range(5)]
    given: dict[str, Any] = {"filter": {"accountId": {"eq": account}}, "from": at(before)}

    first = api.ask(PIPELINE, **given, first=3)["opportunities"]["compare"]
    rest = api.ask(PIPELINE, **given, first=3, after=first["pageInfo"]["endCursor"])["opportunities"]["compare"]
    none = api.ask(PIPELINE, **given, kinds=["WENT", "CHANGED"])["opportunities"]["compare"]

    assert [node["after"]["id"] for node in first["nodes"] + rest["nodes"]] == ids
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert rest["pageInfo"]["hasPreviousPage"]
    assert none["nodes"] == [] and none["whole"]["count"] == 5


def test_what_is_put_away_goes_and_what_a_filter_reaches_elsewhere_counts(api: Api, pipeline: str) -> None:
    word, account = some("Filtered"), an_account(api)
    kept, gone = (an_opportunity(api, pipeline, accountId=account) for _ in range(2))
    before = api.position
    api.given("archiveOpportunity", id=gone, reason="a double")
    api.given("renameAccount", id=account, name=word)

    by_account = api.ask(PIPELINE, filter={"accountId": {"eq": account}}, **{"from": at(before)})
    by_name = api.ask(PIPELINE, filter={"account": {"name": {"eq": word}}}, **{"from": at(before)})

    [went] = by_account["opportunities"]["compare"]["nodes"]
    assert (went["kind"], went["before"]["id"], changed(went)["archived"]) == ("WENT", gone, (False, True))
    [came] = by_name["opportunities"]["compare"]["nodes"]
    assert (came["kind"], came["after"]["id"], came["changes"]) == ("CAME", kept, [])


def test_lists_below_others_are_compared_too(api: Api, pipeline: str) -> None:
    account, neighbour = an_account(api), an_account(api)
    sale = an_opportunity(api, pipeline, accountId=account)
    before = api.position
    line = {"id": sale, "productId": a_product(api), "quantity": "2", "price": euros("5")}
    api.given("addOpportunityLine", **line)
    new = an_opportunity(api, pipeline, accountId=account)
    ids = [account, neighbour]

    told = api.ask(
        """query ($ids: [ID!]!, $from: AsOf!) { nodes(ids: $ids) { ... on Account { opportunities {
        compare(from: $from) { came { count } nodes { after { id } } } nodes { lines { compare(from: $from) {
        nodes { kind after { quantity } changes { field after } } } } } } } } }""",
        ids=ids,
        **{"from": at(before)},
    )["nodes"]

    assert [each["opportunities"]["compare"]["came"]["count"] for each in told] == [1, 0]
    assert told[0]["opportunities"]["compare"]["nodes"] == [{"after": {"id": new}}]
    [added], none = (each["lines"]["compare"]["nodes"] for each in told[0]["opportunities"]["nodes"])
    assert (added["kind"], added["after"]) == ("CAME", {"quantity": "2"})
    assert {"field": "quantity", "after": "2"} in added["changes"]
    assert none == []


LISTED = """query ($ids: [ID!]!, $asOf: AsOf) { opportunities(first: 30, filter: {id: {in: $ids}, status: {eq: OPEN}},
    asOf: $asOf) { nodes { id %s } } }"""
FIELDS = "name stage probability status expectedClose nextStep tags archived amount { amount currency } accountId"
COMPARED = """query ($ids: [ID!]!, $from: AsOf!, $to: AsOf) { opportunities(filter: {id: {in: $ids},
    status: {eq: OPEN}}) { compare(from: $from, to: $to, first: 30) { nodes {
    kind before { id %s } after { id %s } %s } } } }"""


@pytest.mark.parametrize("number", range(3))
def test_what_differs_makes_the_list_before_the_list_after_whatever_happened(
    api: Api, pipeline: str, number: int
) -> None:
    """compare(a, b) over the list as of a gives that as of b; compare(a, a) is nothing; compare(b, a) is the mirror."""
    chance, instants = Random(number), [api.position or api.head()]
    accounts, ids = [an_account(api) for _ in range(2)], list[str]()
    for _ in range(24):
        _something_happens(api, chance, pipeline, accounts, ids)
        instants.append(api.position)
    neighbour = an_opportunity(api, pipeline)

    def listed(position: int) -> dict[str, Any]:
        found = api.ask(LISTED % FIELDS, ids=ids, asOf=at(position))["opportunities"]["nodes"]
        return {row["id"]: row for row in found}

    def compared(a: int, b: int) -> list[Any]:
        told = api.ask(COMPARED % (FIELDS, FIELDS, CHANGES), ids=ids, **{"from": at(a)}, to=at(b))
        nodes: list[Any] = told["opportunities"]["compare"]["nodes"]
        return nodes

    for _ in range(8):
        a, b = (chance.choice(instants) for _ in range(2))
        then, there, back = listed(a), compared(a, b), compared(b, a)
        applied = dict(then)
        for node in there:
            if node["kind"] == "WENT":
                assert applied.pop(node["before"]["id"]) == node["before"]
            else:
                id = node["after"]["id"]
                assert (id in applied) == (node["kind"] == "CHANGED")
                told = {f: after for f, (_, after) in changed(node).items()}
                assert told or node["before"]
                empty = dict.fromkeys(node["after"]) | {"tags": []}
                shown = {field: value for field, value in told.items() if field in empty}
                applied[id] = (applied.get(id) or node["before"] or empty) | {"id": id} | shown
        assert applied == listed(b)
        mirrored = {"CAME": "WENT", "WENT": "CAME", "CHANGED": "CHANGED"}
        assert [(mirrored[n["kind"]], n["after"], n["before"]) for n in there] == [
            (n["kind"], n["before"], n["after"]) for n in back
        ]
        assert [{f: (y, x) for f, (x, y) in changed(n).items()} for n in there] == [changed(n) for n in back]
        assert compared(a, a) == []
    assert neighbour not in ids


def _something_happens(api: Api, chance: Random, pipeline: str, accounts: list[str], ids: list[str]) -> None:
    if len(ids) < 3 or chance.random() < 0.2:
        ids.append(an_opportunity(api, pipeline, accountId=chance.choice(accounts)))
        return
    id, amount = chance.choice(ids), euros(str(chance.randint(1, 3)))
    match chance.randint(0, 7):
        case 0:
            api.do("changeOpportunityAmount", id=id, amount=chance.choice([amount, None]))
        case 1:
            api.do("moveOpportunityToStage", id=id, stage=chance.choice(["first", "offer"]))
        case 2:
            api.do("winOpportunity", id=id, amount=amount, on="2026-01-02")
        case 3:
            api.do("reopenOpportunity", id=id)
        case 4:
            api.do("archiveOpportunity", id=id, reason="x")
        case 5:
            api.do("restoreOpportunity", id=id)
        case 6:
            api.do("tagOpportunity", id=id, label=chance.choice("ab"))
        case _:
            api.do("changeOpportunityAccount", id=id, accountId=chance.choice(accounts))


def test_instants_that_cannot_be_are_refused_by_name(api: Api) -> None:
    ask = "query ($from: AsOf!, $to: AsOf) { accounts { compare(from: $from, to: $to) { whole { count } } } }"

    assert api.refused(ask, **{"from": {}}) == ("BAD_USER_INPUT", "`from` takes either a position or a time")
    assert api.refused(ask, **{"from": at(0)}, to={"time": "2999-01-01"}) == (
        "BAD_USER_INPUT",
        "`to.time` lies in the future: nothing is known of it yet",
    )


# -- one thing -------------------------------------------------------------------------------------


def lines(api: Api, sale: str) -> list[str]:
    query = "query ($id: ID!) { opportunity(id: $id) { lines { nodes { lineId } } } }"
    return [line["lineId"] for line in api.ask(query, id=sale)["opportunity"]["lines"]["nodes"]]


def test_one_thing_at_two_instants(api: Api, pipeline: str) -> None:
    product, other = a_product(api), a_product(api)
    sale = an_opportunity(api, pipeline, "Pumps", amount=euros("1"))
    line = {"id": sale, "price": euros("5")}
    for _ in range(2):
        api.given("addOpportunityLine", productId=product, quantity="1", **line)
    before, (kept, out) = api.position, lines(api, sale)
    api.given("setOpportunityNextStep", id=sale, nextStep="call")
    api.given("changeOpportunityLine", lineId=kept, quantity="3", **line)
    api.given("removeOpportunityLine", id=sale, lineId=out)
    api.given("addOpportunityLine", productId=other, quantity="2", **line)
    [new] = {*lines(api, sale)} - {kept}

    told = api.ask(ONE, id=sale, **{"from": at(before)})["compare"]
    mirror = api.ask(ONE, id=sale, **{"from": at(api.position)}, to=at(before))["compare"]

    assert (told["id"], told["standingBefore"], told["standingAfter"]) == (sale, "THERE", "THERE")
    assert (told["before"]["name"], told["after"]["name"]) == ("Pumps", "Pumps")
    assert changed(told) == {"nextStep": (None, "call")}
    items = {each["key"]: each for each in told["items"]}
    assert {key: (each["list"], each["kind"]) for key, each in items.items()} == {
        kept: ("lines", "CHANGED"),
        out: ("lines", "WENT"),
        new: ("lines", "CAME"),
    }
    assert changed(items[kept]) == {"quantity": ("1", "3")}
    assert changed(items[new])["productId"] == (None, other)
    assert changed(mirror) == {"nextStep": ("call", None)}
    assert sorted(each["kind"] for each in mirror["items"]) == ["CAME", "CHANGED", "WENT"]


def test_what_was_not_there_yet_or_put_away_or_merged_is_said_to_be_so(api: Api) -> None:
    beginning, other = api.position or api.head(), an_account(api)
    account = an_account(api, "Acme")
    made = api.position
    api.given("archiveAccount", id=account, reason="left")
    archived = api.position
    api.given("restoreAccount", id=account)
    api.given("mergeAccountInto", id=account, survivorId=other)

    def standing(a: int, b: int) -> tuple[str, str]:
        told = api.ask(ONE, id=account, **{"from": at(a)}, to=at(b))["compare"]
        assert (told["before"] is None) == (told["standingBefore"] == "NOT_YET")
        return told["standingBefore"], told["standingAfter"]

    assert standing(beginning, made) == ("NOT_YET", "THERE")
    assert standing(made, archived) == ("THERE", "ARCHIVED")
    assert standing(archived, api.position) == ("ARCHIVED", "MERGED")
    assert api.ask(ONE, id=account, **{"from": at(made)}, to=at(made))["compare"]["changes"] == []


BETWEEN = """query ($id: ID!, $from: AsOf!, $to: AsOf, $kinds: [EventKind!], $last: Int, $before: String) {
    compare(id: $id, from: $from, to: $to) { changes { field after }
    it: events(last: $last, before: $before, kinds: $kinds) { totalCount pageInfo { hasPreviousPage startCursor }
    nodes { version position kind command reason actorUser { name } changes { field before after } } } } }"""


def test_a_difference_is_explained_by_who_decided_it_in_between_and_why(api: Api, pipeline: str) -> None:
    sale, neighbour = (an_opportunity(api, pipeline, amount=euros("1")) for _ in range(2))
    before = api.position
    for id in (sale, neighbour):
        api.given("changeOpportunityAmount", id=id, amount=euros("2"))
    api.given("loseOpportunity", id=sale, reason="too dear", on="2026-01-31")
    after = api.position
    api.given("reopenOpportunity", id=sale)

    whole = api.ask(BETWEEN, id=sale, **{"from": at(before)}, to=at(after))["compare"]["it"]
    mirror = api.ask(BETWEEN, id=sale, **{"from": at(after)}, to=at(before))["compare"]["it"]
    to_now = api.ask(BETWEEN, id=sale, **{"from": at(after)})["compare"]["it"]
    nothing = api.ask(BETWEEN, id=sale, **{"from": at(after)}, to=at(after))["compare"]

    changed_it, lost = whole["nodes"]
    assert (changed_it["version"], changed_it["kind"]) == (2, "OPPORTUNITY_AMOUNT_CHANGED")
    assert changed(changed_it) == {"amount": (euros("1"), euros("2"))}
    assert (lost["version"], lost["position"], lost["command"]) == (3, after, "Opportunity.lose")
    assert (lost["reason"], lost["actorUser"]) == ("too dear", {"name": "administrator"})
    assert mirror == whole and whole["totalCount"] == 2
    assert [each["kind"] for each in to_now["nodes"]] == ["OPPORTUNITY_REOPENED"]
    assert nothing == {"changes": [], "it": nothing["it"]} and nothing["it"]["nodes"] == []


def test_what_happened_in_between_is_asked_in_pages_and_by_kind(api: Api, pipeline: str) -> None:
    sale = an_opportunity(api, pipeline)
    before = api.position
    for amount in "123":
        api.given("changeOpportunityAmount", id=sale, amount=euros(amount))
    api.given("tagOpportunity", id=sale, label="x")
    asked = {"id": sale, "from": at(before)}

    page = api.ask(BETWEEN, **asked, last=3)["compare"]["it"]
    rest = api.ask(BETWEEN, **asked, last=3, before=page["pageInfo"]["startCursor"])["compare"]["it"]
    amounts = api.ask(BETWEEN, **asked, kinds=["OPPORTUNITY_AMOUNT_CHANGED"])["compare"]["it"]

    assert [each["version"] for each in page["nodes"]] == [3, 4, 5] and page["pageInfo"]["hasPreviousPage"]
    assert [each["version"] for each in rest["nodes"]] == [2] and not rest["pageInfo"]["hasPreviousPage"]
    assert [each["version"] for each in amounts["nodes"]] == [2, 3, 4]


def test_what_is_not_there_is_compared_to_nothing(api: Api) -> None:
    assert api.ask(ONE, id="Account_00000000-0000-0000-0000-000000000000", **{"from": at(0)}) == {"compare": None}
