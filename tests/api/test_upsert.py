"""Upserts: what is given makes something, or changes what is there already as far as it differs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.catalogue import AGGREGATES
from domain.upsert import changers, maker
from tests.api.client import Api, some
from tests.api.company import a_product, an_account, euros


def upsert(api: Api, kind: str, shown: str = "", **input: Any) -> Any:
    return api.do(f"upsert{kind}", f"created {shown}", **input)


def erp(id: str) -> dict[str, str]:
    return {"system": "erp", "id": id}


def test_what_no_other_system_knows_is_made(api: Api) -> None:
    key, before = some("key"), api.head()

    payload = upsert(
        api,
        "Account",
        "account { name externalIds industry }",
        externalId=erp(key),
        name="Acme",
        details={"industry": "x"},
    )

    assert payload["account"] == {"name": "Acme", "externalIds": {"erp": key}, "industry": "x"}
    assert (payload["created"], payload["version"], payload["position"]) == (True, 2, before + 2)


def test_what_is_there_is_changed_as_far_as_it_differs(api: Api) -> None:
    key, neighbour = some("key"), an_account(api, "Neighbour")
    details = {"industry": "Pumps", "region": "North"}
    made = upsert(api, "Account", externalId=erp(key), name="Acme", details=details)

    shown = "account { name industry region }"
    payload = upsert(api, "Account", shown, externalId=erp(key), name="Acme", details={"region": "South"})

    assert payload["account"] == {"name": "Acme", "industry": "Pumps", "region": "South"}
    assert payload["created"] is False
    assert payload["changed"] == [{"id": made["changed"][0]["id"], "version": 3}]
    assert api.ask("query ($id: ID!) { account(id: $id) { version } }", id=neighbour)["account"]["version"] == 1


def test_to_ask_again_records_nothing_and_tells_how_it_stands(api: Api) -> None:
    key = some("key")
    made = upsert(api, "Account", externalId=erp(key), name="Acme")
    head = api.head()

    again = upsert(api, "Account", "account { name }", externalId=erp(f" {key} "), name=" Acme ")

    assert api.head() == head
    assert again["account"] == {"name": "Acme"}
    assert again == made | {"created": False, "account": {"name": "Acme"}}


def test_what_must_be_unique_is_a_key_too(api: Api) -> None:
    code = some("P")
    a_product(api, "Neighbour")
    made = upsert(api, "Product", code=code, name="Pump")

    changed = upsert(api, "Product", "product { id name unit }", code=code, name="Big pump", unit="hour")

    assert made["created"] and changed["created"] is False
    assert changed["product"] == {"id": made["changed"][0]["id"], "name": "Big pump", "unit": "hour"}


def test_several_commands_change_it_in_one_go(api: Api, pipeline: str) -> None:
    key, account = some("key"), an_account(api)
    upsert(api, "Opportunity", externalId=erp(key), pipelineId=pipeline, name="Pumps")
    head = api.head()

    given = {"name": "Big pumps", "accountId": account, "amount": euros("5"), "expectedClose": "2026-01-31"}
    shown = "opportunity { name accountId amount { amount currency } expectedClose }"
    payload = upsert(api, "Opportunity", shown, externalId=erp(key), pipelineId=pipeline, **given)

    assert payload["opportunity"] == given
    assert payload["position"] == api.head() == head + 4


def test_null_empties_and_what_is_left_out_stays(api: Api) -> None:
    key = some("key")
    upsert(api, "Contact", externalId=erp(key), person={"familyName": "Hopper"}, title="Admiral", department="Navy")

    payload = upsert(
        api, "Contact", "contact { title department }", externalId=erp(key), person={"familyName": "Hopper"}, title=None
    )

    assert payload["contact"] == {"title": None, "department": "Navy"}


def test_what_was_put_away_is_made_anew(api: Api) -> None:
    key = some("key")
    first = upsert(api, "Account", externalId=erp(key), name="Acme")["changed"][0]["id"]
    api.given("archiveAccount", id=first)

    second = upsert(api, "Account", externalId=erp(key), name="Acme")

    assert second["created"] and second["changed"][0]["id"] != first


def test_what_was_merged_takes_no_more_changes(api: Api) -> None:
    key, survivor = some("key"), an_account(api)
    merged = upsert(api, "Account", externalId=erp(key), name="Acme")["changed"][0]["id"]
    api.given("mergeAccountInto", id=merged, survivorId=survivor)

    assert api.user_error("upsertAccount", externalId=erp(key), name="Acme")["code"] == "REFUSED"


def test_of_many_at_once_one_makes_it(api: Api) -> None:
    key = some("key")

    def ask(number: int) -> Any:
        text = """mutation ($input: UpsertAccountInput!) {
            upsertAccount(input: $input) { created changed { id } userErrors { code } } }"""
        return api.ask(text, input={"externalId": erp(key), "name": f"Name {number % 3}"})["upsertAccount"]

    with ThreadPoolExecutor(12) as threads:
        payloads = list(threads.map(ask, range(24)))

    assert [payload["userErrors"] for payload in payloads if payload["userErrors"]] == []
    assert len({payload["changed"][0]["id"] for payload in payloads}) == 1
    assert sum(payload["created"] for payload in payloads) == 1


@pytest.mark.parametrize(
    ("kind", "input", "field"),
    [
        ("Account", {"externalId": {"system": "erp", "id": " "}, "name": "x"}, ["externalId", "id"]),
        ("Account", {"externalId": {"system": " ", "id": "1"}, "name": "x"}, ["externalId", "system"]),
        ("Account", {"externalId": {"system": "erp", "id": "9" * 300}, "name": "x"}, ["externalId", "id"]),
        ("Account", {"externalId": {"system": "erp", "id": "new"}, "name": " "}, ["name"]),
        ("User", {"name": "Ada"}, ["email"]),
        ("Product", {"code": " ", "name": "x"}, ["code"]),
    ],
)
def test_what_does_not_fit_is_named(api: Api, kind: str, input: Any, field: list[str]) -> None:
    error = api.user_error(f"upsert{kind}", **input)

    assert (error["code"], error["field"]) == ("INVALID", field)


def test_what_does_not_fit_is_named_of_what_is_there_too(api: Api) -> None:
    key = some("key")
    upsert(api, "Account", externalId=erp(key), name="Acme")

    error = api.user_error("upsertAccount", externalId=erp(key), name="Acme", details={"employees": -1})

    assert (error["code"], error["field"]) == ("REFUSED", ["details", "employees"])


def test_a_holder_of_another_value_is_named(api: Api) -> None:
    code = some("P")
    holder = api.given("listProduct", code=code, name="Pump")

    error = api.user_error("upsertProduct", externalId=erp(some("key")), code=code, name="Other")

    assert (error["code"], error["field"], error["holder"]) == ("DUPLICATE", ["code"], holder)


def test_which_command_changes_what() -> None:
    makers = {a.__name__: making for a in AGGREGATES if (making := maker(a))}

    found = {kind: {name: each.method for name, each in changers(making).items()} for kind, making in makers.items()}

    details = dict.fromkeys(("title", "department", "language", "preferred_channel"), "change_details")
    assert {kind: found[kind] for kind in WANTED} == WANTED | {"Contact": {"person": "correct", **details}}
    assert "Interaction" not in found


WANTED: dict[str, dict[str, str]] = {
    "User": dict.fromkeys(("name", "email", "locale", "time_zone"), "change_details"),
    "Team": {"name": "rename", "lead_id": "change_lead"},
    "CustomField": {"label": "relabel", "options": "change_options"},
    "Account": {"name": "rename", "details": "change_details"},
    "Contact": {},
    "Product": dict.fromkeys(("name", "family", "unit"), "change_details"),
    "Pipeline": {"name": "rename"},
    "RetentionRule": dict.fromkeys(
        ("purpose", "counts_from", "months", "basis", "because", "only_tagged", "only_without_account"), "change"
    ),
    "Opportunity": {
        **dict.fromkeys(("name", "source"), "change_details"),
        "account_id": "change_account",
        "amount": "change_amount",
        "expected_close": "reschedule",
    },
}
