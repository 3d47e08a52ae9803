"""Exporting a view: what its list shows, at one instant, in a form that no spreadsheet runs and no reader rounds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Timer
from typing import Any

import pytest

from domain.command import Request
from infra.accesses import Reader, since
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.exporting import AT_ONCE, CannotExport, Format, export
from infra.rebuild import rebuild
from projections.catalogue import VIEWS
from projections.view import shape
from tests.scenario import ME, World, a_custom_field, a_product, a_user, an_account, an_opportunity

READER = Reader("tests")


class Office:
    """A company whose views are built when they are exported."""

    def __init__(self, world: World, url: str, schema: str) -> None:
        self.world, self.url, self.schema = world, url, schema

    def exports(self, name: str, format: Format = Format.CSV) -> str:
        rebuild(self.url, self.schema, VIEWS)
        out = io.StringIO(newline="")
        export(self.world.connection, name, format, out, READER)
        return out.getvalue()

    def csv(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.exports(name), newline="")))

    def ndjson(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.exports(name, Format.NDJSON).splitlines()]


@pytest.fixture
def office(database_url: str, schema: str) -> Iterator[Office]:
    migrate(database_url, schema)
    with EventStore(database_url, schema) as store, connect(database_url, schema) as connection:
        yield Office(World(store, connection), database_url, schema)


def test_columns_come_in_the_order_of_their_declaration(office: Office) -> None:
    header, *_ = office.exports("opportunities").splitlines()

    view = next(view for view in VIEWS if view.table == "opportunities")
    assert header.split(",") == [column.name for field in shape(view) for column in field.columns]


def test_rows_come_in_the_order_of_their_ids_which_name_their_kind(office: Office) -> None:
    acme, bolt = an_account(office.world), an_account(office.world, "Bolt")
    office.world.given("Account.set_parent", bolt, parent_id=acme)

    first, second = office.csv("accounts")

    assert (first["id"], first["name"], first["parent_id"]) == (f"Account_{acme}", "Acme", "")
    assert (second["id"], second["name"], second["parent_id"]) == (f"Account_{bolt}", "Bolt", f"Account_{acme}")


@pytest.mark.parametrize("name", ["=1+1", "+49 30", "-1", "@SUM(A1)", " =1", "\uff1d1"])
def test_no_text_is_a_formula(office: Office, name: str) -> None:
    an_account(office.world, f"A{name}")
    account = an_account(office.world, "x")
    office.world.given("Account.rename", account, name=name)

    harmless, text = office.csv("accounts")

    assert text["name"] == f"'{name.strip()}"
    assert harmless["name"] == f"A{name}"


def test_quotes_line_ends_and_delimiters_survive(office: Office) -> None:
    an_account(office.world, 'Acme, "the firm"; Köln 株式')

    [row] = office.csv("accounts")

    assert row["name"] == 'Acme, "the firm"; Köln 株式'


def test_numbers_are_exact_and_unknown_is_empty(office: Office) -> None:
    opportunity = an_opportunity(office.world, amount={"amount": "1234567890123456789.123456", "currency": "EUR"})
    other = an_opportunity(office.world)

    known, unknown = office.csv("opportunities")
    as_json, _ = office.ndjson("opportunities")

    assert (known["id"], known["amount"], known["amount_currency"]) == (
        f"Opportunity_{opportunity}",
        "1234567890123456789.123456",
        "EUR",
    )
    assert (unknown["id"], unknown["amount"], unknown["amount_currency"]) == (f"Opportunity_{other}", "", "")
    assert as_json["amount"] == "1234567890123456789.123456"


def test_lists_and_documents_are_json_in_both(office: Office) -> None:
    account = an_account(office.world, phones=["+49 30 901820"])
    a_custom_field(office.world)
    office.world.given("Account.tag", account, label="=key")
    office.world.given("Account.watch", account)
    office.world.given("Account.set_custom_field", account, key="colour", value="red")

    [row], [document] = office.csv("accounts"), office.ndjson("accounts")

    assert (json.loads(row["tags"]), json.loads(row["custom_fields"])) == (["=key"], {"colour": "red"})
    assert (document["tags"], document["custom_fields"]) == (["=key"], {"colour": "red"})
    assert json.loads(row["watchers"]) == document["watchers"] == [f"User_{ME}"]
    assert row["created_at"] == document["created_at"] and "T" in row["created_at"]
    assert (row["archived"], document["archived"]) == ("false", False)


def test_what_a_list_leaves_out_is_left_out(office: Office) -> None:
    kept, archived, merged = (an_account(office.world, name) for name in ("Kept", "Archived", "Merged"))
    office.world.given("Account.archive", archived)
    office.world.given("Account.merge_into", merged, survivor_id=kept)

    assert [row["name"] for row in office.csv("accounts")] == ["Kept"]


def test_items_that_ended_are_left_out(office: Office) -> None:
    opportunity, product = an_opportunity(office.world), a_product(office.world)
    for quantity in (1, 2):
        line = {"product_id": product, "quantity": quantity, "price": {"amount": 5, "currency": "EUR"}}
        office.world.given("Opportunity.add_line", opportunity, **line)
    first = next(iter(office.world.load(opportunity).lines))
    office.world.given("Opportunity.remove_line", opportunity, line_id=first)

    [row] = office.csv("opportunityLines")

    assert (row["id"], row["product_id"], row["quantity"]) == (f"Opportunity_{opportunity}", f"Product_{product}", "2")


def test_more_rows_than_are_fetched_at_once_are_all_written(office: Office) -> None:
    pendings = [
        office.world.pipeline.start(lambda run, n=n: _add(run, n))  # type: ignore[misc]
        for n in range(AT_ONCE + 5)
    ]
    for pending in pendings:
        pending.result()

    told = list[tuple[int, int]]()
    rebuild(office.url, office.schema, VIEWS)
    out = io.StringIO(newline="")
    exported = export(
        office.world.connection, "users", Format.CSV, out, READER, lambda done, of: told.append((done, of))
    )

    assert exported.rows == AT_ONCE + 5 == len({line.split(",")[0] for line in out.getvalue().splitlines()}) - 1
    assert told == [(AT_ONCE, AT_ONCE + 5), (AT_ONCE + 5, AT_ONCE + 5)]


def test_an_empty_list_has_a_header(office: Office) -> None:
    assert len(office.exports("teams").splitlines()) == 1
    assert office.exports("teams", Format.NDJSON) == ""


def test_what_there_is_not_is_named_with_what_there_is(office: Office) -> None:
    with pytest.raises(
        CannotExport, match="there is no customers: there are accounts, api_tokens, budget_commitments, "
    ):
        office.exports("customers")


def test_what_is_not_built_yet_is_said(office: Office) -> None:
    a_user(office.world)

    with pytest.raises(CannotExport, match="users cannot be exported now: users is still being built"):
        export(office.world.connection, "users", Format.CSV, io.StringIO(), READER, patience=0.2)


def test_what_is_being_built_is_waited_for(office: Office) -> None:
    a_user(office.world)
    out = io.StringIO()

    builder = Timer(0.3, rebuild, (office.url, office.schema, VIEWS))
    builder.start()
    exported = export(office.world.connection, "users", Format.CSV, out, READER)
    builder.join()

    assert exported.rows == 1


def _add(run: Any, number: int) -> None:
    run(Request(command="User.add", arguments={"name": f"User {number}"}, actor=ME))


def test_whose_data_is_exported_is_noted_with_who_took_it(office: Office) -> None:
    shown = office.world.given("Contact.add", person={"given_name": "Ada"})
    away = office.world.given("Contact.add", person={"given_name": "Ben"})
    office.world.given("Contact.archive", away)

    office.exports("contacts")
    office.exports("accounts")
    office.exports("contacts", Format.NDJSON)

    noted = since(office.world.connection, datetime(2000, 1, 1, tzinfo=UTC), 10)
    assert [(each.way, each.kind, each.persons) for each in noted] == [("tests", "Contact", [shown])] * 2
