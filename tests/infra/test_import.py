"""Importing: a row is whole or refused, and a second run doubles nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.catalogue import AGGREGATES
from domain.customers.account import Details
from domain.sales.opportunity import Opportunity, Status
from domain.values import Money, new_id
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.importing import CannotImport, Report, lookup, run
from infra.pipeline import CommandPipeline
from infra.rebuild import rebuild
from projections.catalogue import VIEWS
from tests.infra.importing import ACCOUNTS, HEADER, Desk
from tests.scenario import ME, Companies, World, a_pipeline, an_account

DEALS = """
    name = "deals"
    kind = "Opportunity"
    system = "old"
    key = "{number}"
    [columns.pipeline]
    always = "main"
    find = "Pipeline"
    [columns.stage]
    only = ["new", "won"]
    [columns.begun]
    type = "date"
    format = "%d.%m.%Y"
    empty = "01.02.2021"
    [columns.ended]
    type = "date"
    format = "%d.%m.%Y"
    [columns.value]
    type = "number"
    decimal = ","
    grouping = "."
    times = 1000
    [[commands]]
    call = "Opportunity.open"
    at = "{begun}"
    with = { pipeline_id = "{pipeline}", name = "Deal {number}" }
    [[commands]]
    call = "Opportunity.win"
    when = { stage = ["won"] }
    at = "{ended}"
    with = { amount = { amount = "{value}", currency = "EUR" }, on = "{ended}" }
    """
DEALS_HEADER = "number;stage;begun;ended;value"


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    return Desk(world, tmp_path)


@pytest.fixture
def own_desk(database_url: str, schema: str, tmp_path: Path) -> Iterator[Desk]:
    """In a schema of its own, in which views may be built and which others may reach."""
    migrate(database_url, schema)
    with EventStore(database_url, schema) as store, connect(database_url, schema) as connection:
        yield Desk(World(store, connection), tmp_path)


@pytest.fixture
def deals(desk: Desk) -> Desk:
    pipeline = a_pipeline(desk.world)
    desk.world.given("Pipeline.link_external", pipeline, system="old", external_id="main")
    desk.by = DEALS
    return desk


def test_a_row_becomes_its_commands(desk: Desk) -> None:
    report = desk.imports(HEADER, "A1,Acme,,120,1500000.50,EUR", "A2,Bolt,,,,")

    acme, bolt = desk.one("Account", "A1"), desk.one("Account", "A2")
    assert (acme.name, acme.details.employees, acme.details.revenue) == (
        "Acme",
        120,
        Money(Decimal("1500000.5"), "EUR"),
    )
    assert (bolt.name, bolt.details) == ("Bolt", Details())
    assert (report.rows, report.imported, report.refused, report.events) == (2, 2, 0, 4)


def test_what_a_row_becomes_is_recorded_in_one_piece_with_its_business_time(deals: Desk) -> None:
    start = deals.world.position

    deals.imports(DEALS_HEADER, "7;won;03.01.2021;28.02.2021;1.234,5")

    deal = deals.one("Opportunity", "7")
    opened, linked, won = deals.world.since(start)
    assert (deal.status, deal.amount, deal.closed_on.isoformat()) == (
        Status.WON,
        Money(Decimal(1_234_500), "EUR"),
        "2021-02-28",
    )
    assert isinstance(opened, Opportunity.Opened) and isinstance(won, Opportunity.Won)
    assert opened.timestamp == linked.timestamp == datetime(2021, 1, 3, tzinfo=UTC)
    assert won.timestamp == datetime(2021, 2, 28, tzinfo=UTC)


def test_what_has_no_date_gets_that_of_the_mapping(deals: Desk) -> None:
    start = deals.world.position

    deals.imports(DEALS_HEADER, "7;new;;;")

    assert deals.world.since(start)[0].timestamp == datetime(2021, 2, 1, tzinfo=UTC)


def test_a_second_run_doubles_nothing(desk: Desk) -> None:
    rows = [HEADER, "A1,Acme,A2,,,", "A2,Bolt,,,,"]
    desk.imports(*rows)
    end = desk.world.position

    report = desk.imports(*rows)

    assert (report.imported, report.already_there, report.refused, report.events) == (0, 2, 0, 0)
    assert desk.world.position == end


def test_a_run_by_somebody_else_doubles_nothing_either(desk: Desk) -> None:
    desk.imports(HEADER, "A1,Acme,,,,")
    end, first = desk.world.position, desk.one("Account", "A1")

    report = desk.imports(HEADER, "A1,Acme,,,,", actor=new_id())

    assert (report.imported, report.refused, desk.world.position) == (0, 1, end)
    assert desk.error[:2] == (2, "number") and f"Account_{first.id} has it" in desk.error[2]


def test_a_row_that_has_changed_is_reported_and_changes_nothing(desk: Desk) -> None:
    desk.imports(HEADER, "A1,Acme,,120,,", "A2,Bolt,,,,")
    end = desk.world.position

    report = desk.imports(HEADER, "A1,Acme,,121,,", "A2,Bolt,,,,")

    assert (report.changed, report.refused, report.already_there, desk.world.position) == (1, 1, 1, end)
    assert desk.error[:2] == (2, "number") and "was imported before" in desk.error[2]


def test_a_row_that_became_more_or_less_since_has_changed(deals: Desk) -> None:
    deals.imports(DEALS_HEADER, "7;new;03.01.2021;;", "8;won;03.01.2021;28.02.2021;5")

    report = deals.imports(DEALS_HEADER, "7;won;03.01.2021;28.02.2021;5", "8;new;03.01.2021;;")

    assert (report.changed, report.already_there) == (2, 0)
    assert deals.one("Opportunity", "7").status is Status.OPEN


def test_a_row_that_had_nothing_to_do_is_known_again_too(desk: Desk) -> None:
    acme = an_account(desk.world, "Acme")
    desk.world.given("Account.link_external", acme, system="old", external_id="A1")
    desk.world.given("Account.tag", acme, label="key")
    by = """
        name = "tags"
        kind = "Account"
        system = "old"
        key = "{number}"
        [columns.number]
        find = "Account"
        [[commands]]
        call = "Account.tag"
        on = "{number}"
        with = { label = "{label}" }
        """

    first, again, changed = (desk.imports("number,label", f"A1,{label}", by=by) for label in ("key", "key", "other"))

    assert (first.imported, first.events, again.already_there, changed.changed) == (1, 0, 1, 1)
    assert desk.world.load(acme).tags == {"key"}


def test_a_row_that_stands_twice_in_a_file_is_imported_once(desk: Desk) -> None:
    report = desk.imports(HEADER, "A1,Acme,,,,", "A1,Acme,,,,", "A1,Acme Ltd,,,,")

    assert (report.imported, report.already_there, report.changed) == (1, 1, 1)
    assert desk.error[0] == 4


def test_a_row_is_whole_or_refused_and_others_go_on(desk: Desk) -> None:
    report = desk.imports(HEADER, "A1,Acme,nobody,,,", "A2,Bolt,,many,,", "A3,Cog,,,,")

    first, second = desk.errors
    assert (report.imported, report.refused) == (1, 2)
    assert desk.one("Account", "A1") is None and desk.one("Account", "A2") is None and desk.one("Account", "A3")
    assert (second["_line"], second["_column"]) == ("2", "belongs_to")
    assert second["_reason"] == "there is no Account called 'nobody'"
    assert (first["_line"], first["_column"], first["number"], first["staff"]) == ("3", "staff", "A2", "many")


def test_what_a_later_command_is_refused_for_takes_the_earlier_ones_back(deals: Desk) -> None:
    start = deals.world.position

    deals.imports(DEALS_HEADER, "7;won;03.01.2021;28.02.2021;-5")

    assert deals.world.position == start
    assert deals.error == (2, "value", "Opportunity.win: an amount is not negative")


def test_the_rows_that_were_refused_can_be_mended_and_imported(desk: Desk) -> None:
    desk.imports(HEADER, "A1,Acme,,many,,", "A2,Bolt,,2,,")
    mended = desk.errors_file.read_bytes().replace(b"many", b"7").replace(b"no whole", b"=no whole")

    report = desk.imports(mended)

    assert (report.imported, report.refused) == (1, 0)
    assert desk.one("Account", "A1").details.employees == 7


def test_a_row_waits_for_those_that_it_names(desk: Desk) -> None:
    report = desk.imports(HEADER, "A1,Acme,A2,,,", "A2,Bolt,A3,,,", "A3,Cog,,,,")

    assert (report.imported, report.refused) == (3, 0)
    assert desk.one("Account", "A1").parent_id == desk.one("Account", "A2").id
    assert desk.one("Account", "A2").parent_id == desk.one("Account", "A3").id


def test_rows_that_wait_for_each_other_are_refused(desk: Desk) -> None:
    report = desk.imports(HEADER, "A1,Acme,A2,,,", "A2,Bolt,A1,,,", "A3,Cog,,,,")

    assert (report.imported, report.refused) == (1, 2)
    assert {row["_column"] for row in desk.errors} == {"belongs_to"}


def test_a_run_that_broke_off_is_completed_by_the_next_one(desk: Desk) -> None:
    rows = [HEADER, *(f"A{n},Firm {n},,,," for n in range(700))]

    def broken(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.imports(*rows, progress=broken)
    report = desk.imports(*rows)

    assert 0 < report.imported < 700
    assert report.imported + report.already_there == 700
    assert desk.world.position == 1400


def test_two_runs_at_once_double_nothing(own_desk: Desk, database_url: str, schema: str) -> None:
    desk, store = own_desk, own_desk.world.store
    read, file = desk.mapping(ACCOUNTS), desk.file(HEADER, *(f"A{n},Firm {n},,,," for n in range(600)))

    def imported(_: int) -> Report:
        pipeline = CommandPipeline(AGGREGATES, store)
        with connect(database_url, schema) as connection:
            return run(file, "Account", read, pipeline, store, connection, ME, UTC)

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(imported, range(2))

    assert desk.world.position == 1200
    assert one.imported + other.imported == 600 == one.already_there + other.already_there
    assert one.refused == other.refused == 0


def test_a_dry_run_says_what_would_be_and_records_nothing(desk: Desk) -> None:
    rows = [HEADER, "A1,Acme,A2,,,", "A2,Bolt,,many,,", "A3,Cog,A4,,,", "A4,Dot,,,,", "A4,Dot,,,,", "A4,Dots,,,,"]

    would = desk.imports(*rows, dry_run=True)
    refused, nothing = desk.errors, desk.world.position
    did = desk.imports(*rows)

    assert nothing == 0
    assert (would.imported, would.already_there, would.changed, would.refused) == (2, 1, 1, 3)
    assert (did.imported, did.already_there, did.changed, did.refused) == (2, 1, 1, 3)
    assert (would.undecided, did.undecided, would.events) == (1, 0, 0)
    assert refused == desk.errors


def test_a_dry_run_knows_what_is_there(desk: Desk) -> None:
    desk.imports(HEADER, "A1,Acme,,,,")
    end = desk.world.position

    report = desk.imports(HEADER, "A1,Acme,,,,", "A2,Bolt,A1,,,", dry_run=True)

    assert (report.already_there, report.imported, report.undecided) == (1, 1, 0)
    assert desk.world.position == end


def test_others_are_found_by_what_only_one_may_hold(desk: Desk) -> None:
    desk.world.given("Product.list_product", code="P-1", name="Pump")
    prices = """
        name = "prices"
        kind = "Product"
        key = "{code}/{since}"
        [columns.code]
        find = "Product"
        by = "code"
        [columns.since]
        type = "date"
        [columns.price]
        type = "number"
        [[commands]]
        call = "Product.set_price"
        on = "{code}"
        with = { price = { amount = "{price}", currency = "EUR" }, valid = { since = "{since}" } }
        """

    report = desk.imports("code,since,price", "p-1,2024-01-01,10", "P-1,2025-01-01,11", "P-2,2025-01-01,1", by=prices)
    again = desk.imports("code,since,price", "p-1,2024-01-01,10", "P-1,2025-01-01,11", by=prices)

    assert (report.imported, report.refused, again.already_there, again.events) == (2, 1, 2, 0)
    assert desk.reports[0].events == 2


def test_others_are_found_by_a_name_that_only_one_has(
    own_desk: Desk, database_url: str, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = own_desk
    acme, twin, other = an_account(desk.world, "Acme"), an_account(desk.world, "Twin"), an_account(desk.world, "Twin")
    gone = an_account(desk.world, "Acme")
    desk.world.given("Account.archive", gone)
    tags = """
        name = "tags"
        kind = "Account"
        key = "{account}"
        [columns.account]
        find = "Account"
        by = "name"
        [[commands]]
        call = "Account.tag"
        on = "{account}"
        with = { label = "{label}" }
        """

    monkeypatch.setattr(lookup, "PATIENCE", 0.1)
    with pytest.raises(CannotImport, match="Account cannot be found by name now"):
        desk.imports("account,label", "Acme,key", by=tags)
    rebuild(database_url, schema, VIEWS)
    report = desk.imports("account,label", "Acme,key", "Twin,key", "Nobody,key", by=tags)

    assert (report.imported, report.refused) == (1, 2)
    assert desk.world.load(acme).tags == {"key"}
    assert desk.world.load(twin).tags == desk.world.load(other).tags == desk.world.load(gone).tags == frozenset()
    assert [row["_reason"] for row in desk.errors] == [
        "there are several of Account whose name is 'Twin'",
        "there is no Account called 'Nobody' by its name",
    ]


def test_the_kind_that_is_asked_for_is_the_one_of_the_mapping(desk: Desk) -> None:
    world, read = desk.world, desk.mapping(ACCOUNTS)
    with pytest.raises(CannotImport, match="makes one of Account of a row, not of Product"):
        run(desk.file(HEADER), "Product", read, world.pipeline, world.store, world.connection, new_id(), UTC)


def test_the_events_of_an_import_are_found_by_its_correlation(desk: Desk) -> None:
    first = desk.imports(HEADER, "A1,Acme,,,,")
    second = desk.imports(HEADER, "A2,Bolt,,,,")

    counted = "select count(*), min(origin) from events where correlation_id = %s"
    found = desk.world.connection.execute(counted, [second.correlation_id]).fetchone()
    assert found and found[0] == 2 and found[1].startswith("import accounts ")
    assert first.correlation_id != second.correlation_id


LINES = st.integers(1, 8).flatmap(
    lambda n: st.tuples(st.permutations(range(n)), st.lists(st.integers(0, n - 1), min_size=n, max_size=n))
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES)
def test_rows_in_any_order_come_to_the_same(
    companies: Companies, tmp_path: Path, lines: tuple[list[int], list[int]]
) -> None:
    order, parents = lines
    rows = [f"A{n},Firm {n},{f'A{p}' if (p := parents[n]) < n else ''},{n},," for n in range(len(order))]
    with companies.one() as one, companies.one() as other:
        straight, mixed = (Desk(World(*company), tmp_path) for company in (one, other))

        straight.imports(HEADER, *rows)
        mixed.imports(HEADER, *(rows[n] for n in order))
        again = mixed.imports(HEADER, *reversed(rows))

        assert _firms(mixed, len(rows)) == _firms(straight, len(rows))
        assert (again.already_there, again.events) == (len(rows), 0)


def _firms(desk: Desk, count: int) -> list[tuple[str, int, str | None]]:
    found = [desk.one("Account", f"A{n}") for n in range(count)]
    names = {account.id: account.name for account in found}
    return [(account.name, account.details.employees, names.get(account.parent_id)) for account in found]
