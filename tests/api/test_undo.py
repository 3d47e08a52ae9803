"""What a batch did is taken back in one mutation, told before, and only by whoever may do what is undone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra.keys import LENGTH, MasterKey, MasterKeys, unlock
from tests.api.cast import Cast, casting
from tests.api.client import Api, some
from tests.api.company import an_account, an_opportunity, euros
from tests.api.test_batch import register

SHOWN = """correlationId position undone refused already unchanged
    items { id fate changes { field items key now then } userError { code message field } }
    userErrors { code message field }"""
BATCH = (
    "mutation ($commands: [BatchCommand!]!) { it: batch(commands: $commands) { correlationId userErrors { message } } }"
)


@pytest.fixture(scope="module")
def cast(api: Api, database_url: str) -> Iterator[Cast]:
    unlock(MasterKeys([MasterKey(bytes(LENGTH))]))
    with casting(api, database_url, "test_api") as made:
        yield made


def done(api: Api, *commands: Any) -> str:
    """The correlation id of a batch."""
    payload = api.ask(BATCH, commands=list(commands))["it"]
    assert payload["userErrors"] == []
    api.position = api.head()
    return str(payload["correlationId"])


def undo(api: Api, **input: Any) -> Any:
    payload = api.ask(f"mutation ($input: UndoInput!) {{ it: undo(input: $input) {{ {SHOWN} }} }}", input=input)["it"]
    api.position = max(api.position, payload["position"] or 0)
    return payload


def preview(api: Api, **input: Any) -> Any:
    return api.ask(f"query ($input: UndoInput!) {{ it: previewUndo(input: $input) {{ {SHOWN} }} }}", input=input)["it"]


def renamed(account: str, name: str) -> Any:
    return {"renameAccount": {"id": account, "name": name}}


def name(api: Api, account: str, **at: int) -> Any:
    as_of = f", asOf: {{position: {at['position']}}}" if at else ""
    [found] = api.ask(f'{{ it: nodes(ids: ["{account}"]{as_of}) {{ ... on Account {{ name }} }} }}')["it"]
    return found["name"]


def test_a_batch_is_undone_as_the_preview_told(api: Api, pipeline: str) -> None:
    account, other = an_account(api, "Old"), an_account(api, "Other")
    deal = an_opportunity(api, pipeline, amount=euros("5"))
    edit = done(
        api, renamed(account, "New"), {"winOpportunity": {"id": deal, "amount": euros("7"), "on": "2026-01-31"}}
    )
    before, at = api.head(), api.position

    told = preview(api, correlationId=edit)
    assert api.head() == before
    made = undo(api, correlationId=edit, reason="the wrong list")

    assert told["items"] == made["items"] and (made["undone"], made["userErrors"]) == (2, [])
    sale, named = made["items"]
    assert [(c["field"], c["now"], c["then"]) for c in named["changes"]] == [("name", "New", "Old")]
    assert {c["field"]: c["then"] for c in sale["changes"]} == {
        "amount": euros("5"), "status": "OPEN", "closedOn": None,
    }  # fmt: skip
    assert (name(api, account), name(api, account, position=at), name(api, other)) == ("Old", "New", "Other")
    [again] = undo(api, correlationId=edit)["userErrors"]
    assert (again["code"], again["message"]) == ("REFUSED", "this was undone already")
    assert undo(api, correlationId=made["correlationId"])["userErrors"] == []
    assert name(api, account) == "New"


def test_one_mutation_is_undone_by_the_position_in_its_payload(api: Api) -> None:
    account = an_account(api, "Old")
    payload = api.do("renameAccount", id=account, name="New")

    made = undo(api, position=payload["position"])

    assert (made["undone"], name(api, account)) == (1, "Old")


def test_an_item_that_was_added_is_shown_as_gone(api: Api, pipeline: str) -> None:
    deal, product = an_opportunity(api, pipeline), api.given("listProduct", code=some("P"), name="Pump")
    line = {"id": deal, "productId": product, "quantity": "2", "price": euros("3")}
    edit = done(api, {"addOpportunityLine": line})

    [item] = preview(api, correlationId=edit)["items"]

    shown = {change["field"]: (change["now"], change["then"]) for change in item["changes"]}
    assert shown["quantity"] == ("2", None) and shown["productId"] == (product, None)
    assert {change["items"] for change in item["changes"]} == {"opportunityLines"}


def test_what_is_used_since_is_refused_with_the_reason(api: Api, pipeline: str) -> None:
    edit = done(api, register(some("Made")))
    [made] = preview(api, correlationId=edit)["items"]
    an_opportunity(api, pipeline, accountId=made["id"])

    refused = undo(api, correlationId=edit)

    [item] = refused["items"]
    assert item["userError"]["message"] == "it is used since: Opportunity names it as its account id"
    assert refused["userErrors"][0]["code"] == "REFUSED" and refused["position"] is None


@pytest.mark.parametrize("input", [{}, {"position": 1, "correlationId": "0190f3c2-0000-7000-8000-000000000000"}])
def test_it_is_said_what_is_undone_by_one_name(api: Api, input: dict[str, Any]) -> None:
    [error] = undo(api, **input)["userErrors"]

    assert (error["code"], error["message"]) == ("INVALID", "give one of these: commandId, correlationId, position")


def test_a_reason_that_is_too_long_is_named(api: Api) -> None:
    [error] = undo(api, position=1, reason="x" * 151)["userErrors"]

    assert (error["code"], error["field"]) == ("INVALID", ["reason"])


def test_two_undos_at_the_same_time_undo_once(api: Api) -> None:
    account = an_account(api, "Old")
    edit, before = done(api, renamed(account, "New")), api.head()

    with ThreadPoolExecutor(8) as threads:
        every = list(threads.map(lambda _: undo(api, correlationId=edit), range(8)))

    assert sorted(bool(each["userErrors"]) for each in every) == [False] + [True] * 7
    assert (api.head(), name(api, account)) == (before + 1, "Old")


# -- who may ------------------------------------------------------------------------------------------


def test_who_may_not_know_of_it_is_told_that_there_is_nothing(api: Api, cast: Cast) -> None:
    edit, guest, nobody = done(api, register(some("Secret"))), cast.user(), cast.user()
    before = api.head()

    of_it, of_nothing = undo(guest, correlationId=edit), undo(guest, correlationId=str(nobody.user_id))

    assert of_it == of_nothing == preview(guest, correlationId=edit)
    assert of_it["userErrors"][0]["code"] == "NOT_FOUND" and of_it["items"] == []
    assert api.head() == before


def test_who_may_see_and_not_do_it_is_refused(api: Api, cast: Cast) -> None:
    edit, reader = done(api, register(some("Seen"))), cast.user({"customers.see": "ALL"})

    [error] = undo(reader, correlationId=edit)["userErrors"]

    assert (error["code"], error["message"]) == ("FORBIDDEN", "you may not do this: it needs customers.edit")


def test_of_what_one_may_not_see_nothing_is_undone_and_nothing_is_told(api: Api, cast: Cast) -> None:
    seller = cast.user({"customers.see": "OWN", "customers.edit": "OWN"})
    mine, theirs = an_account(api, "Mine"), an_account(api, "Theirs")
    for account, owner in ((mine, seller.me), (theirs, api.me)):
        api.given("assignAccountOwner", id=account, ownerId=owner)
    edit = done(api, renamed(mine, "x"), renamed(theirs, "y"))
    api.ask("{ accounts(first: 1) { totalCount } }")  # whose they are can be read

    refused, partly = undo(seller, correlationId=edit), undo(seller, correlationId=edit, partial=True)

    assert (refused["userErrors"][0]["code"], [each["id"] for each in refused["items"]]) == ("FORBIDDEN", [mine])
    assert (partly["undone"], partly["refused"], [each["id"] for each in partly["items"]]) == (1, 0, [mine])
    api.position = api.head()
    assert (name(api, mine), name(api, theirs)) == ("Mine", "y")


def test_what_is_hidden_is_not_told_by_a_preview(api: Api, cast: Cast) -> None:
    account = an_account(api, industry="steel", region="north")
    who = cast.user({"customers.see": "ALL", "customers.edit": "ALL"}, ["Account.details.industry"])
    edit = done(api, {"changeAccountDetails": {"id": account, "details": {"industry": "coal", "region": "south"}}})

    [all_of_it], [part] = preview(api, correlationId=edit)["items"], preview(who, correlationId=edit)["items"]

    assert {each["field"] for each in all_of_it["changes"]} == {"industry", "region"}
    assert {each["field"] for each in part["changes"]} == {"region"}


def test_what_is_personal_is_told_to_whom_may_see_it(api: Api, cast: Cast) -> None:
    contact = api.given("addContact", person={"givenName": "Ada"})
    who = cast.user({"customers.see": "ALL", "customers.edit": "ALL"})
    edit = done(api, {"correctContact": {"id": contact, "person": {"givenName": "Eve"}}})

    [all_of_it], [part] = preview(api, correlationId=edit)["items"], preview(who, correlationId=edit)["items"]

    assert [(c["field"], c["now"], c["then"]) for c in all_of_it["changes"]] == [("givenName", "Eve", "Ada")]
    assert part["changes"] == []


def test_rights_come_back_by_nobody_who_does_not_have_them(api: Api, cast: Cast) -> None:
    role, user = cast.role({"sales.see": "ALL"}), cast.user()
    keeper = cast.user({"platform.*": "ALL"})
    granted = done(api, {"assignUserRole": {"id": user.me, "roleId": role}})

    refused = undo(keeper, correlationId=granted)
    done_by_all = undo(api, correlationId=granted)
    back = undo(keeper, correlationId=done_by_all["correlationId"])

    for each in (refused, back):
        assert each["userErrors"][0]["message"] == "only who may do everything undoes what is about rights"
    assert done_by_all["undone"] == 1
