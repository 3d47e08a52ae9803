"""Views built beside the live ones: unseen until they are level, checked, and put in their place at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date
from time import sleep
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.errors import UndefinedTable
from psycopg.sql import SQL, Identifier

from infra.database import connect
from infra.feed.log import LogFeed
from infra.projection import Fenced, NotBuilt, Projector, Unreadable
from infra.rebuild import (
    LOCK,
    Busy,
    NotKept,
    Progress,
    WrongRows,
    abandon,
    back,
    build,
    build_missing,
    check,
    drop_old,
    finish,
    flip,
    level,
    prepare,
    rebuild,
    same,
    state_of,
)
from infra.serving import tables_of
from infra.tables import Table
from projections.customers.interaction import InteractionView
from projections.sales.opportunity import OpportunityView
from tests.infra.past import database, published, random_sales, record, shown, told, versions
from tests.infra.sale import VIEWS, Sale, SaleLineView, SaleView


class Revised(SaleView, revision=2):
    pass


class RevisedAgain(SaleView, revision=3):
    pass


class Wider(SaleView):
    lost_on: date | None = None

    @classmethod
    def changes(cls, event: Any) -> dict[str, Any]:
        return super().changes(event)


class Indexed(SaleView, indexes=("stage", "closed_on")):
    pass


class Searched(SaleView, search=("stage",)):
    pass


class SearchedOtherwise(SaleView, search=("stage", "status")):
    pass


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with database(database_url, schema) as connection:
        yield connection


@pytest.fixture
def other(database_url: str, schema: str, db: Connection[Any]) -> Iterator[Connection[Any]]:
    with connect(database_url, schema) as connection:
        yield connection


def states(connection: Connection[Any]) -> dict[str, str]:
    return dict(connection.execute("select name, state from projections").fetchall())


def test_a_rebuild_runs_beside_the_live_view_and_is_flipped_at_once(
    db: Connection[Any], other: Connection[Any]
) -> None:
    rows = random_sales(3, 400, 40).rows
    record(db, rows[:300])
    published(db)
    record(db, rows[300:350])

    prepare(other, [Revised])
    dead = build(other, other, Revised, most=60, batches=2)  # ... and dies here
    live = Projector(db, VIEWS)
    live.step(LogFeed(db), 1000)
    record(db, rows[350:])
    done = build(other, other, Revised, most=60)
    live.step(LogFeed(db), 1000)
    seen = shown(db, SaleView)
    at = level(other, other, [Revised])
    check(other, Revised, at)
    alike = same(other, Table(SaleView).name, Table(Revised))
    flip(other, [Revised])

    assert (dead, done, at, alike) == (False, True, 400, True)
    assert seen == shown(db, SaleView) == told(rows, 400)[0]
    assert states(db) == {
        Table(Revised).name: "live",
        Table(SaleView).name: "old",
        Table(SaleLineView).name: "live",
    }


def test_one_call_builds_level_checks_and_flips_and_says_how_far_it_is(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    rows = random_sales(3, 400, 40).rows
    record(db, rows)
    said: list[Progress] = []

    [sales, lines] = rebuild(database_url, schema, (view for view in VIEWS), said.append, most=60)

    assert (sales.view, sales.events, sales.position, sales.as_before) == ("sales", 400, 400, None)
    assert [shown(db, view) for view in VIEWS] == list(told(rows, 400))
    of_sales = [(p.stage, p.done, p.total) for p in said if p.view == "sales"]
    assert of_sales[0] == ("build", 0, 400) and of_sales[-1] == ("done", 400, 400)
    assert [done for _, done, _ in of_sales] == sorted(done for _, done, _ in of_sales)
    assert lines.notes == ()


def test_a_view_is_built_anew_under_the_same_declaration_while_a_projector_moves_it(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    rows = random_sales(3, 400, 40).rows
    record(db, rows[:300])
    published(db)
    name = Table(SaleView).name
    db.execute(f"update {name} set stage = 'wrong' where id = (select id from sales limit 1)".encode())
    Projector(db, VIEWS)
    live = Projector(db, VIEWS)
    record(db, rows[300:])

    [wrong] = rebuild(database_url, schema, [SaleView])
    [right] = rebuild(database_url, schema, [SaleView])

    assert (wrong.as_before, right.as_before) == (False, True)
    with pytest.raises(Fenced):
        live.step(LogFeed(db))
    Projector(db, VIEWS).step(LogFeed(db))
    assert [shown(db, view) for view in VIEWS] == list(told(rows, 400))
    assert states(db) == {name: "live", Table(SaleLineView).name: "live"}
    tables = db.execute("select count(*) from pg_tables where schemaname = %s", [schema]).fetchone()
    rebuild(database_url, schema, [SaleView])
    assert db.execute("select count(*) from pg_tables where schemaname = %s", [schema]).fetchone() == tables


def test_nobody_sees_time_go_back_when_a_view_is_flipped(db: Connection[Any]) -> None:
    rows = random_sales(3, 100, 10).rows
    record(db, rows[:50])
    published(db)
    prepare(db, [Revised])
    build(db, db, Revised)
    record(db, rows[50:])
    Projector(db, VIEWS).step(LogFeed(db))

    flip(db, [Revised])  # which was built up to position 50 only

    assert shown(db, SaleView) == told(rows, 100)[0]


def test_a_flip_can_be_taken_back_and_what_lies_further_back_is_dropped(db: Connection[Any]) -> None:
    record(db, random_sales(3, 50, 5).rows)
    published(db, [SaleView])

    for view, expected in [
        (Revised, {SaleView: "old", Revised: "live"}),
        (SaleView, {SaleView: "live", Revised: "old"}),
        (Revised, {SaleView: "old", Revised: "live"}),
        (RevisedAgain, {Revised: "old", RevisedAgain: "live"}),
    ]:
        prepare(db, [view])
        build(db, db, view)
        flip(db, [view])
        assert states(db) == {Table(view).name: state for view, state in expected.items()}


def test_what_was_half_built_for_another_declaration_goes_unless_somebody_is_at_it(
    db: Connection[Any], other: Connection[Any]
) -> None:
    record(db, random_sales(3, 50, 5).rows)
    published(db, [SaleView])
    prepare(db, [Revised])
    other.execute(LOCK, [Table(Revised).name])

    prepare(db, [RevisedAgain])
    kept = set(states(db))
    other.execute("select pg_advisory_unlock_all()")
    prepare(db, [RevisedAgain])

    assert kept == {Table(view).name for view in (SaleView, Revised, RevisedAgain)}
    assert states(db) == {Table(SaleView).name: "live", Table(RevisedAgain).name: "building"}


def test_wrong_rows_are_found_before_the_flip(db: Connection[Any], database_url: str, schema: str) -> None:
    record(db, random_sales(3, 80, 5).rows)
    published(db, [SaleView])
    for view in (UnclearedLines, Revised):
        prepare(db, [view])
        build(db, db, view)
        table = Table(view)
        check(db, view, 80)
        damage = f"update {table.name} set version = version + 1 where id = (select id from {table.name} limit 1)"
        db.execute(damage.encode())
        with pytest.raises(WrongRows, match=table.name):
            check(db, view, 80)

    with pytest.raises(WrongRows):
        build_missing(database_url, schema, Revised)

    assert states(db)[Table(SaleView).name] == "live"


class UnclearedLines(SaleLineView, ends=(Sale.LineRemoved,)):
    """Every event of these names the line that it is about, so that the history alone tells their last versions."""


def test_an_event_that_cannot_be_read_is_named_and_the_live_view_is_left_alone(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    rows = random_sales(3, 50, 5).rows
    record(db, rows)
    published(db, [SaleView])
    before = versions(db, Table(SaleView).name)
    record(db, [rows[0]._replace(position=51, originator_id=UUID(int=77), state=b"{}")])

    with pytest.raises(Unreadable, match=f"Sale.Opened at position 51, of {UUID(int=77)}"):
        build_missing(database_url, schema, Revised)

    assert versions(db, Table(SaleView).name) == before
    assert states(db) == {Table(SaleView).name: "live", Table(Revised).name: "building"}


def test_a_rebuild_that_was_cancelled_goes_on_where_it_stood(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    rows = random_sales(3, 200, 20).rows
    record(db, rows)
    said: list[Progress] = []

    def cancel(progress: Progress) -> None:
        said.append(progress)
        if progress.done > 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(database_url, schema, [SaleView], cancel, most=50)
    half = said[-1].done
    rebuild(database_url, schema, [SaleView], said.append, most=50)

    assert 60 < half < 200
    assert [p.done for p in said if p.stage == "build"].count(0) == 1
    assert shown(db, SaleView) == told(rows, 200)[0]


def test_a_second_builder_of_one_view_is_told_so(
    db: Connection[Any], other: Connection[Any], database_url: str, schema: str
) -> None:
    other.execute(LOCK, [Table(SaleView).name])

    with pytest.raises(Busy, match=f"{Table(SaleView).name} is in the hands of another process"):
        rebuild(database_url, schema, VIEWS)

    assert states(db) == {}


def test_somebodys_own_sql_view_keeps_working_where_columns_only_come(db: Connection[Any]) -> None:
    record(db, random_sales(3, 50, 5).rows)
    published(db, [SaleView])
    db.execute("create view mine as select stage, count(*) from sales group by stage")
    prepare(db, [Wider])
    build(db, db, Wider)

    notes = flip(db, [Wider])

    assert notes == []
    assert db.execute("select lost_on from sales limit 1").fetchone() == (None,)
    assert db.execute("select sum(count) from mine").fetchone() == (len(shown(db, SaleView)),)
    assert db.execute("select count(*) from sales_as_of(0)").fetchone() == (0,)


def test_where_a_column_has_gone_that_somebodys_view_needs_this_is_said_and_the_flip_goes_on(
    db: Connection[Any],
) -> None:
    published(db, [Wider])
    db.execute("create view mine as select lost_on from sales")
    prepare(db, [SaleView])
    build(db, db, SaleView)

    [note] = flip(db, [SaleView])

    assert "the SQL view sales still shows the rows as they were before" in note and "view mine depends on" in note
    assert states(db) == {Table(SaleView).name: "live", Table(Wider).name: "old"}
    db.execute("drop view mine")
    assert flip(db, [Wider]) == flip(db, [SaleView]) == []


def test_an_index_that_is_declared_later_is_made_beside_the_running_table(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    published(db, VIEWS)
    past_of = Table(SaleLineView).history
    drop = SQL("drop index {}").format(Identifier(f"{past_of}__to__from_idx"))
    db.execute(drop)

    build_missing(database_url, schema, Indexed)
    finish(db, Table(Indexed))
    build_missing(database_url, schema, SaleLineView)

    assert Table(Indexed).name == Table(SaleView).name
    made_ahead, *others = sorted(indexes(db, SaleView), key=lambda each: "WHERE" not in each)
    assert made_ahead.startswith("(id, created_at) WHERE (((uuid_extract_version(id) = 7) AND ")
    assert others == ["(amount, id)", "(closed_on, id)", "(id)", "(stage, id)"]
    assert indexes(db, SaleLineView) == ["(id, line_id)", "(product, id, line_id)"]
    history = db.execute("select indexdef from pg_indexes where tablename = %s", [past_of])
    definitions = sorted(definition.partition("btree ")[2] for (definition,) in history)
    assert definitions == ["(_to, _from)", "(id, line_id, _from)"]


def test_the_index_of_a_search_that_is_declared_later_or_otherwise_is_made_beside_the_running_table(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    published(db, VIEWS)

    for view in (Searched, Searched, SearchedOtherwise):
        build_missing(database_url, schema, view)
        finish(db, Table(view))

    made = "select indexdef from pg_indexes where schemaname = %s and indexdef like '%%\\_search\\_%%'"
    listed = db.execute(made, [schema]).fetchall()
    marks = [Table(view).search or "" for view in (Searched, SearchedOtherwise)]
    assert [sum(mark in definition for (definition,) in listed) for mark in marks] == [1, 1]
    assert all(f" ON {schema}.{Table(SaleView).name} " in definition for (definition,) in listed)


def test_what_belonged_to_something_once_is_found_by_an_index_of_few_versions(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    published(db, VIEWS)

    for view in (OpportunityView, InteractionView):
        build_missing(database_url, schema, view)

    made = "select indexdef from pg_indexes where schemaname = %s and tablename = %s"
    sales, calls = (
        [definition for (definition,) in db.execute(made, [schema, Table(view).history])]
        for view in (OpportunityView, InteractionView)
    )
    assert [each for each in sales if "(account_id) WHERE (_event = ANY" in each and "Opened" in each]
    assert [each for each in calls if "gin (contact_ids) WHERE" in each and "ParticipantsChanged" in each]
    assert not [each for each in calls if "(account_id)" in each], "an interaction stays with its account"


def indexes(connection: Connection[Any], view: Any) -> list[str]:
    found = connection.execute("select indexdef from pg_indexes where tablename = %s", [Table(view).name])
    return sorted(definition.partition("btree ")[2] for (definition,) in found)


def test_views_of_one_start_are_built_once_however_many_processes_start(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    record(db, random_sales(3, 50, 5).rows)
    built: list[Any] = []

    def start() -> None:
        try:
            built.append(build_missing(database_url, schema, SaleView))
        except Busy:
            built.append(None)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([one for one in built if one]) == 1
    assert state_of(db, Table(SaleView)) == "live"


def test_what_is_half_built_is_dropped_when_it_is_abandoned(
    db: Connection[Any], other: Connection[Any], database_url: str, schema: str
) -> None:
    record(db, random_sales(3, 200, 20).rows)
    published(db, [SaleView])

    def cancel(progress: Progress) -> None:
        if progress.done > 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(database_url, schema, [SaleView], cancel, most=50)
    half = Table(SaleView, shadow=True).name
    other.execute(LOCK, [half])
    with pytest.raises(Busy):
        abandon(db, SaleView)
    other.execute("select pg_advisory_unlock_all()")

    assert abandon(db, SaleView) == [half]

    assert states(db) == {Table(SaleView).name: "live"}
    with pytest.raises(NotKept, match="nothing of sales is half built"):
        abandon(db, SaleView)


def test_kept_tables_go_back_once_they_are_level(db: Connection[Any], database_url: str, schema: str) -> None:
    rows = random_sales(3, 400, 40).rows
    record(db, rows[:200])
    published(db, [SaleView])
    rebuild(database_url, schema, [Revised])
    record(db, rows[200:])

    gone_back = back(database_url, schema, SaleView)

    assert gone_back.position == 400
    assert states(db) == {Table(SaleView).name: "live", Table(Revised).name: "old"}
    assert shown(db, SaleView) == told(rows, 400)[0]
    with pytest.raises(NotKept, match="no old tables of sales are kept"):
        back(database_url, schema, SaleView)


def test_old_tables_are_dropped_when_nobody_needs_them_any_more(
    db: Connection[Any], other: Connection[Any], database_url: str, schema: str
) -> None:
    published(db, [SaleView])
    rebuild(database_url, schema, [Revised])
    other.execute(LOCK, [Table(SaleView).name])
    with pytest.raises(Busy):
        drop_old(db, SaleView)
    other.execute("select pg_advisory_unlock_all()")

    assert drop_old(db, SaleView) == ([Table(SaleView).name], [])

    assert states(db) == {Table(Revised).name: "live"}
    with pytest.raises(NotKept, match="no old tables"):
        drop_old(db, SaleView)


def test_whoever_reads_meanwhile_never_sees_an_error_nor_a_step_back_in_time(
    db: Connection[Any], other: Connection[Any], database_url: str, schema: str
) -> None:
    rows = random_sales(3, 3000, 60).rows
    record(db, rows[:300])
    published(db, [SaleView])
    stop, faults = threading.Event(), list[str]()
    readers = [threading.Thread(target=_read, args=(database_url, schema, stop, faults, n % 2)) for n in range(4)]
    live = threading.Thread(target=_live, args=(database_url, schema, rows[300:], stop, faults))
    for thread in (*readers, live):
        thread.start()

    for view in (SaleView, Revised, SaleView, SaleView, Revised, SaleView):
        if state_of(db, Table(view)) == "old":
            back(database_url, schema, view)
        else:
            rebuild(database_url, schema, [view])
    stop.set()
    for thread in (*readers, live):
        thread.join()

    assert faults == []
    at = _seen(other, SaleView, False)
    assert shown(db, SaleView) == told(rows, at)[0]


def _read(url: str, schema: str, stop: threading.Event, faults: list[str], turned: bool) -> None:
    """As servers do: the tables that answer, looked for now and then; state and history in any order."""
    last = 0
    try:
        with connect(url, schema) as connection:
            while not stop.is_set():
                seen = _seen(connection, SaleView, turned)
                if seen < last:
                    faults.append(f"{seen} after {last}")
                last = seen
                sleep(0.003)
    except Exception as error:
        faults.append(repr(error))


def _seen(connection: Connection[Any], view: Any, turned: bool) -> int:
    place = tables_of(connection, view)
    assert place
    tables = [place.history, place.live] if turned else [place.live, place.history]
    newest = " union all ".join(f"select max(_from) as _from, pg_sleep(0.002) from {table}" for table in tables)
    [seen] = connection.execute(f"select max(_from) from ({newest}) t".encode()).fetchone() or (0,)
    return int(seen)


def _live(url: str, schema: str, rows: Any, stop: threading.Event, faults: list[str]) -> None:
    """Events come, and two projectors of different declarations follow them."""
    try:
        with connect(url, schema) as connection:
            for n in range(0, len(rows), 10):
                if stop.is_set():
                    return
                record(connection, rows[n : n + 10])
                for view in (SaleView, Revised):
                    try:
                        if state_of(connection, Table(view)) == "live":
                            Projector(connection, [view]).step(LogFeed(connection))
                    except (Fenced, NotBuilt, UndefinedTable):
                        pass  # it was flipped a moment ago
                sleep(0.02)
    except Exception as error:
        faults.append(repr(error))
