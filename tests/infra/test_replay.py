"""A part of the history in views of its own: what it says, what no longer fits in it, and that nothing else moves."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterable, Iterator
from datetime import timedelta
from time import sleep
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from infra.database import connect
from infra.feed import Recorded
from infra.feed.log import LogFeed
from infra.misfits import Part, What
from infra.projection import Projector
from infra.rebuild import Busy
from infra.replaying import Bounds, CannotReplay, Expected, replay
from infra.replays import Kept, NoReplay, drop, drop_spent, holding, kept
from infra.tables import Table, digest
from projections.view import View
from tests.infra.past import HEADS, LINES, Past, database, published, random_sales, record, told, versions
from tests.infra.sale import VIEWS, Sale, SaleLineView

A, B, C = (UUID(int=number) for number in (101, 102, 103))
COMMAND, ANOTHER = UUID(int=7), UUID(int=8)


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with database(database_url, schema) as connection:
        yield connection


class Replays:
    """What makes replays of one history, as somebody."""

    def __init__(self, url: str, schema: str) -> None:
        self.url, self.schema = url, schema

    def make(self, name: str, part: Part, views: Iterable[type[View]] = VIEWS, **given: Any) -> Kept:
        return replay(self.url, self.schema, name, part, list(views), VIEWS, "ann", **given)


@pytest.fixture
def replays(database_url: str, schema: str, db: Connection[Any]) -> Replays:
    return Replays(database_url, schema)


def tables(connection: Connection[Any], name: str) -> dict[str, str]:
    asked = "select p.view, p.name from projections p join replays r on r.id = p.replay where r.name = %s"
    return dict(connection.execute(asked, [name]).fetchall())


def said(connection: Connection[Any], name: str) -> tuple[list[Any], list[Any]]:
    """Sales and lines, as a replay shows them."""
    names = tables(connection, name)
    ask = "select {} from {} where {} order by {}"
    sales = ask.format(HEADS, names["sales"], "true", "id")
    lines = ask.format(LINES, names["sale_lines"], "not _ended", "id, line_id")
    return connection.execute(sales.encode()).fetchall(), connection.execute(lines.encode()).fetchall()


def head(connection: Connection[Any]) -> int:
    """Whatever a test recorded without the library moves the head too."""
    connection.execute("update event_head set position = (select max(position) from events)")
    [position] = connection.execute("select position from event_head").fetchone() or (0,)
    return int(position)


def recorded(connection: Connection[Any], rows: list[Recorded], commands: dict[int, UUID] | None = None) -> int:
    record(connection, rows, commands)
    return head(connection)


def live(connection: Connection[Any]) -> list[Any]:
    """Everything that the live views hold, their checkpoints and what they left aside."""
    known = "select name, lane, position from checkpoints where name = any(%s) order by name, lane"
    names = [Table(view).name for view in VIEWS]
    aside = connection.execute("select count(*) from dead_letters").fetchall()
    return [[versions(connection, name) for name in names], connection.execute(known, [names]).fetchall(), aside]


def without_gaps(rows: Iterable[Recorded], left: set[int]) -> list[Recorded]:
    """What is folded, told by hand: not what is left out, nor what happened to a sale that was never opened."""
    opened, folded = set[UUID](), []
    for row in rows:
        if row.position not in left and (row.originator_version == 1 or row.originator_id in opened):
            opened.add(row.originator_id)
            folded.append(row)
    return folded


# -- what it says -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_replay_until_a_position_says_what_the_history_said_then(
    db: Connection[Any], replays: Replays, seed: int
) -> None:
    rows = random_sales(seed, 300, 30).rows
    recorded(db, rows)
    at = random.Random(seed).randrange(1, 301)

    made = replays.make("then", Part(1, at), most=random.Random(seed).choice([7, 50, 20_000]))

    assert said(db, "then") == told(rows, at)
    assert (made.until, made.events, made.report["misfits"]) == (at, at, [])


def test_one_up_to_the_head_is_the_live_views_version_by_version(db: Connection[Any], replays: Replays) -> None:
    at = recorded(db, random_sales(3, 400, 40).rows)
    published(db)

    replays.make("all", Part(1, at), most=60)

    for view in VIEWS:
        columns = [column.name for column in Table(view).live_columns]
        names = (Table(view).name, tables(db, "all")[view.table])
        mine, other = (db.execute(digest(name, columns, at)).fetchone() for name in names)
        assert mine == other and mine and mine[0] > 0


def test_without_the_last_command_it_is_what_was_before_it(db: Connection[Any], replays: Replays) -> None:
    rows = random_sales(5, 300, 30).rows
    at = recorded(db, rows, {position: COMMAND for position in range(251, 301)})

    made = replays.make("before", Part(1, at, (COMMAND,)))

    assert said(db, "before") == told(rows, 250)
    assert made.events == 250
    assert not [m for m in made.report["misfits"] if m["what"] == What.FOLDED_UPON]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_left_out_from_the_middle_is_as_if_it_had_not_been_recorded(
    db: Connection[Any], replays: Replays, seed: int
) -> None:
    rows, chance = random_sales(seed, 300, 20).rows, random.Random(seed)
    left = {position for position in range(1, 301) if chance.random() < 0.2}
    at = recorded(db, rows, {position: chance.choice([COMMAND, ANOTHER]) for position in left})

    made = replays.make("other", Part(1, at, (COMMAND, ANOTHER)), most=chance.choice([11, 20_000]))

    folded = without_gaps(rows, left)
    assert said(db, "other") == told(folded, at)
    assert made.events == len(folded)


def test_a_correlation_is_left_out_as_a_command_is(db: Connection[Any], replays: Replays) -> None:
    rows = random_sales(5, 100, 10).rows
    at = recorded(db, rows)
    db.execute("set session_replication_role = replica")
    db.execute("update events set correlation_id = %s where position > 80", [COMMAND])
    db.execute("reset session_replication_role")

    replays.make("other", Part(1, at, (COMMAND,)))

    assert said(db, "other") == told(rows, 80)


def test_one_from_a_position_on_knows_only_what_was_made_since(db: Connection[Any], replays: Replays) -> None:
    rows = random_sales(5, 300, 200).rows
    at = recorded(db, rows)

    made = replays.make("since", Part(150, at))

    folded = without_gaps(rows, set(range(150)))
    assert said(db, "since") == told(folded, at)
    assert (made.since, made.events) == (150, len(folded)) and len(folded) < 150


def test_what_an_operator_skipped_stays_skipped(db: Connection[Any], replays: Replays) -> None:
    rows = random_sales(3, 100, 10).rows
    at = recorded(db, rows)
    skipped = next(r for r in reversed(rows) if r.topic == "Sale.StageChanged")
    db.execute("insert into skipped (view, position) values ('sales', %s)", [skipped.position])

    replays.make("all", Part(1, at))

    assert said(db, "all")[0] == told([r for r in rows if r is not skipped], at)[0]


def test_what_cannot_be_folded_is_put_aside_with_what_follows_of_its_aggregate(
    db: Connection[Any], replays: Replays
) -> None:
    past = Past()
    for id in (A, B):
        past.add(Sale.Opened, id, owner_id=None, stage="a")
        past.add(Sale.StageChanged, id, stage="b")
        past.add(Sale.StageChanged, id, stage="c")
    rows = [r._replace(state=b"{") if r.position == 2 else r for r in past.rows]
    at = recorded(db, rows)

    made = replays.make("all", Part(1, at))

    assert [(row[0], row[5]) for row in said(db, "all")[0]] == [(A, "a"), (B, "c")]
    cannot = [m for m in made.report["misfits"] if m["what"] == What.CANNOT]
    assert [(m["where"], m["things"]) for m in cannot] == [("sales", 1), ("sale_lines", 1)]
    assert "position 2" in cannot[0]["examples"][0]


# -- what no longer fits ------------------------------------------------------------------------------------------


def test_it_is_told_what_no_longer_fits(db: Connection[Any], replays: Replays) -> None:
    past, line = Past(), UUID(int=1)
    by = {past.add(Sale.Opened, A, owner_id=None, stage="a"): COMMAND}  # 1: never made ...
    past.add(Sale.StageChanged, A, stage="b")  # ... nor this
    past.add(Sale.Opened, B, owner_id=None, stage="a")
    by[past.add(Sale.StageChanged, B, stage="b")] = COMMAND  # 4: left out
    by[past.add(Sale.LineAdded, B, line_id=line, product="x", quantity=1)] = COMMAND  # 5: and so is this
    past.add(Sale.LineChanged, B, line_id=line, quantity=2)  # 6: which line?
    past.add(Sale.LineRemoved, B, line_id=line)
    past.add(Sale.Opened, C, owner_id=None, stage="a")
    by[past.add(Sale.StageChanged, C, stage="b")] = COMMAND  # and nothing follows
    at = recorded(db, past.rows, by)

    made = replays.make("other", Part(1, at, (COMMAND,)))

    assert made.report["misfits"] == [
        {"what": "never made", "where": "Sale", "things": 1, "events": 1, "examples": [f"Sale_{A}: made at 1"]},
        {
            "what": "folded upon a gap",
            "where": "Sale",
            "things": 1,
            "events": 2,
            "examples": [f"Sale_{B}: 4 is left out, 6 is folded"],
        },
        {"what": "item never begun", "where": "sale_lines", "things": 1, "events": 1, "examples": [f"Sale_{B}: 6"]},
    ]
    assert [(row[0], row[5]) for row in said(db, "other")[0]] == [(B, "a"), (C, "a")]
    assert said(db, "other")[1] == []
    assert kept(db, "other")[0].report == made.report


# -- what it leaves alone -----------------------------------------------------------------------------------------


def test_the_live_views_and_another_replay_are_not_moved(db: Connection[Any], replays: Replays) -> None:
    rows = random_sales(3, 400, 40).rows
    at = recorded(db, rows)
    published(db)
    replays.make("one", Part(1, 100))
    before = live(db)

    replays.make("two", Part(1, at))
    drop(db, "two")
    replays.make("three", Part(1, 300))

    assert live(db) == before
    assert said(db, "one") == told(rows, 100)
    assert said(db, "three") == told(rows, 300)
    assert [each.name for each in kept(db)] == ["one", "three"]


def test_live_views_go_on_while_one_is_made(
    db: Connection[Any], replays: Replays, database_url: str, schema: str
) -> None:
    rows = random_sales(3, 400, 40).rows
    recorded(db, rows[:300])
    published(db)
    moved: list[int] = []

    def meanwhile(at: Any) -> None:
        if at.stage == "fold" and at.done and not moved:
            moved.append(recorded(db, rows[300:]))
            while Projector(db, VIEWS).step(LogFeed(db), 1000) > 0:
                pass

    replays.make("then", Part(1, 300), progress=meanwhile, most=60)

    assert moved == [400] and said(db, "then") == told(rows, 300)
    names = [Table(view).name for view in VIEWS]
    assert db.execute("select min(position) from checkpoints where name = any(%s)", [names]).fetchone() == (400,)


# -- that it is whole, or not there -------------------------------------------------------------------------------


def test_nothing_is_left_of_one_that_is_cancelled(db: Connection[Any], replays: Replays) -> None:
    at = recorded(db, random_sales(3, 300, 30).rows)
    there = "select count(*) from pg_class where relnamespace = current_schema()::regnamespace"
    before = db.execute(there).fetchone()

    def impatient(progress: Any) -> None:
        if progress.view == "sale_lines" and progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replays.make("half", Part(1, at), progress=impatient, most=50)

    assert kept(db) == [] and db.execute(there).fetchone() == before
    assert replays.make("half", Part(1, at)).made_at


def test_one_whose_process_was_killed_does_not_answer_and_is_made_anew(
    db: Connection[Any], replays: Replays, database_url: str, schema: str
) -> None:
    rows = random_sales(3, 300, 30).rows
    at = recorded(db, rows)
    child = os.fork()
    if child == 0:  # pragma: no cover

        def dies(progress: Any) -> None:
            if progress.view == "sale_lines":
                os.kill(os.getpid(), signal.SIGKILL)

        replays.make("half", Part(1, at), progress=dies, most=50)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    [half] = kept(db)
    held_still = _is_held(db, "half")
    made = replays.make("half", Part(1, at))

    assert half.made_at is None and not held_still
    assert made.made_at and said(db, "half") == told(rows, at)
    assert len(kept(db)) == 1 and set(tables(db, "half")) == {"sales", "sale_lines"}


def _is_held(connection: Connection[Any], name: str) -> bool:
    """Whether a process holds it, once PostgreSQL has seen that a process is gone."""
    for _ in range(100):
        try:
            with holding(connection, name):
                return False
        except Busy:
            sleep(0.1)
    return True


def test_one_that_is_being_made_is_neither_made_twice_nor_dropped(
    db: Connection[Any], replays: Replays, database_url: str, schema: str
) -> None:
    at = recorded(db, random_sales(3, 100, 10).rows)
    seen: list[Any] = []

    def meanwhile(_: Any) -> None:
        if not seen:
            with connect(database_url, schema) as other:
                for act in (lambda: drop(other, "mine"), lambda: replays.make("mine", Part(1, at))):
                    with pytest.raises(Busy):
                        act()
                seen.append(drop_spent(other))

    made = replays.make("mine", Part(1, at), progress=meanwhile)

    assert seen == [[]] and made.made_at


def test_what_has_expired_goes_and_what_has_not_stays(db: Connection[Any], replays: Replays) -> None:
    at = recorded(db, random_sales(3, 50, 10).rows)
    replays.make("old", Part(1, at), keep=timedelta(0))
    replays.make("new", Part(1, at))

    gone = drop_spent(db)

    assert gone == [] and [each.name for each in kept(db)] == ["new"]  # the second one has taken it away already


def test_of_one_that_is_dropped_nothing_is_left(db: Connection[Any], replays: Replays) -> None:
    at = recorded(db, random_sales(3, 50, 10).rows)
    there = "select count(*) from pg_class where relnamespace = current_schema()::regnamespace"
    before = db.execute(there).fetchone()
    replays.make("mine", Part(1, at))

    drop(db, "mine")

    assert db.execute(there).fetchone() == before
    assert db.execute("select (select count(*) from projections), (select count(*) from checkpoints)").fetchone() == (
        0,
        0,
    )
    with pytest.raises(NoReplay):
        drop(db, "mine")


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "part", "told"),
    [
        ("Mine", Part(1, 50), "is no name of a replay"),
        ("x; drop", Part(1, 50), "is no name of a replay"),
        ("", Part(1, 50), "is no name of a replay"),
        ("taken", Part(1, 50), "choose another name"),
        ("mine", Part(1, 51), "the history ends with position 50"),
        ("mine", Part(40, 30), "there is nothing between"),
        ("mine", Part(1, 0), "there is nothing between"),
        ("mine", Part(1, 50, (ANOTHER,)), f"no event up to 50 was recorded by a command or correlation {ANOTHER}"),
        ("mine", Part(1, 50, (COMMAND,)), "nothing of this part"),
    ],
)
def test_what_cannot_be_is_said(db: Connection[Any], replays: Replays, name: str, part: Part, told: str) -> None:
    recorded(db, random_sales(3, 50, 10).rows, dict.fromkeys(range(1, 51), COMMAND))
    replays.make("taken", Part(1, 20))

    with pytest.raises(CannotReplay, match=told):
        replays.make(name, part)

    assert [each.name for each in kept(db)] == ["taken"]


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        (Bounds(events=49), "these are 50 events, and at most 49 are allowed"),
        (Bounds(bytes=1_000), "it will take about 1 MB"),
        (Bounds(time=timedelta(0)), "it takes too long"),
    ],
)
def test_what_is_too_much_is_refused_and_leaves_nothing(
    db: Connection[Any], replays: Replays, bounds: Bounds, told: str
) -> None:
    at = recorded(db, random_sales(3, 50, 10).rows)

    with pytest.raises(CannotReplay, match=told):
        replays.make("mine", Part(1, at), bounds=bounds)

    assert kept(db) == []


def test_how_much_it_will_be_is_told_before(db: Connection[Any], replays: Replays) -> None:
    at = recorded(db, random_sales(3, 400, 40).rows)
    published(db)
    expected: list[Expected] = []

    made = replays.make("mine", Part(1, at), expect=expected.append)

    [told] = expected
    assert told.events == 400
    assert made.bytes / 3 < told.bytes < made.bytes * 3


def test_a_view_of_which_nothing_is_known_yet_is_named(db: Connection[Any], replays: Replays) -> None:
    past = Past()
    past.add(Sale.Opened, A, owner_id=None, stage="a")
    at = recorded(db, past.rows)

    made = replays.make("mine", Part(1, at))

    assert made.report["empty"] == ["sale_lines"]


def test_only_some_views_may_be_folded(db: Connection[Any], replays: Replays) -> None:
    at = recorded(db, random_sales(3, 100, 10).rows)

    made = replays.make("mine", Part(1, at), [SaleLineView])

    assert made.views == ["sale_lines"] and set(tables(db, "mine")) == {"sale_lines"}
