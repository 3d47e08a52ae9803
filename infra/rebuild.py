"""Builds a view beside the live one, whole aggregates at a time and all by COPY; then level, check, flip.

Only the order inside an aggregate matters, so the history is read by aggregate: rows are final when they are written,
memory holds one batch, and the mark of a batch is the last aggregate in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import sleep
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from msgspec import json
from psycopg import Connection
from psycopg.errors import DependentObjectsStillExist, InvalidTableDefinition, LockNotAvailable
from psycopg.sql import SQL, Identifier

from infra.database import connect
from infra.feed import Recorded
from infra.feed.log import COLUMNS, LogFeed
from infra.fold import Fold
from infra.lanes import LANES
from infra.mapper import NO_KEYS, seals
from infra.projection import Aside, Fenced, NotBuilt, Projector, Unreadable, event_of, keys_of, recall
from infra.rows import copied, copying
from infra.tables import Table, digest, sql_as_of, sql_view
from projections.view import View, folds_by_name, names_item

NOBODY = UUID(int=0)
NEXT = f"""
    select {COLUMNS} from events
    where originator_id > %(mark)s and position <= %(target)s and starts_with(topic, %(of)s) {{}}
    order by originator_id, originator_version limit %(size)s"""
# Along the index of aggregates, whatever the planner believes of a table that was empty a moment ago.
IN_ORDER = """
    select set_config('enable_sort', 'off', true), set_config('enable_seqscan', 'off', true),
           set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true)"""
COUNT = """
    select count(*) filter (where originator_id <= %(mark)s or %(mark)s is null), count(*) from events
    where position <= %(target)s and starts_with(topic, %(of)s)"""
MOVED_TO = "select min(position) from checkpoints where name = %s"
# First in a transaction that writes to tables of views without moving a checkpoint, or renames or drops them: nobody is
# forgotten meanwhile.
REMEMBERING = "lock table projections in row exclusive mode"
LOCK = "select pg_try_advisory_lock(hashtextextended(current_schema() || '.' || %s, 0))"
LOCK_FOR_NOW = "select pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.' || %s, 0))"
UNLOCK = "select pg_advisory_unlock(hashtextextended(current_schema() || '.' || %s, 0))"


class WrongRows(Exception):
    """A rebuilt view does not hold what the history says. The live one is left alone."""


class Busy(Exception):
    """Another process builds these tables already."""


class NotKept(Exception):
    """There are no tables of this kind."""


@dataclass(frozen=True)
class Progress:
    """How far the rebuild of a view is: so many of so many events in this stage of it."""

    view: str
    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Rebuilt:
    """What came of a rebuild: how many events the view is made of, up to which position, and what should be known."""

    view: str
    events: int
    position: int
    as_before: bool | None
    """Whether the tables that it replaced said the same, now and at any time; None where they have other columns."""
    notes: tuple[str, ...] = ()


Follow = Callable[[Progress], None]


def rebuild(
    url: str, schema: str, views: Iterable[type[View]], progress: Follow = lambda _: None, most: int = 20_000
) -> list[Rebuilt]:
    """Build views anew from the first event on, beside those that are live, and put them in their place.

    What an attempt before left half built is taken up where it ended. Raises Busy, Unreadable (an event that cannot be
    folded, by name) or WrongRows; the view at which it happened stays as it was.
    """
    with connect(url, schema) as reading, connect(url, schema) as writing:
        made = []
        for view in views:
            table = Table(view, shadow=state_of(writing, Table(view)) == "live")
            with alone(writing, table.name):
                made.append(_rebuild(reading, writing, table, progress, most))
        return made


def build_missing(url: str, schema: str, view: type[View], progress: Follow = lambda _: None) -> Rebuilt | None:
    """Build a view if its tables are not the live ones; if they are, make the indexes that were declared since.

    Raises as `rebuild` does.
    """
    table = Table(view)
    with connect(url, schema) as reading, connect(url, schema) as writing:
        if state_of(writing, table) != "live":
            with alone(writing, table.name):
                if state_of(writing, table) != "live":
                    return _rebuild(reading, writing, table, progress)
        finish(writing, table)
        return None


def _rebuild(
    reading: Connection[Any], writing: Connection[Any], table: Table, progress: Follow, most: int = 20_000
) -> Rebuilt:
    name = table.view.table
    prepare(writing, [table])
    build(reading, writing, table, most, progress=progress)
    at = _level_among_others(reading, writing, table)
    _, total = count_of(reading, table, None, at)
    progress(Progress(name, "check", total, total))
    check(writing, table, at)
    before = live_of(writing, table.view)
    as_before = same(writing, before, table) if before else None
    notes = flip(writing, [table])
    progress(Progress(name, "done", total, total))
    return Rebuilt(name, total, at, as_before, tuple(notes))


@contextmanager
def alone(connection: Connection[Any], name: str) -> Iterator[None]:
    """Keep every other process away from a table: whoever builds or moves it does so alone. Raises Busy."""
    if connection.execute(LOCK, [name]).fetchone() != (True,):
        raise Busy(f"{name} is in the hands of another process: wait for it, or end it")
    try:
        yield
    finally:
        if not connection.broken and not connection.closed:
            connection.execute(UNLOCK, [name])


# -- the tables that there are ------------------------------------------------------------------------------------


def state_of(connection: Connection[Any], table: Table) -> str | None:
    """What is known of a table: `building`, `ready`, `live` or `old`; None where there is none."""
    row = connection.execute("select state from projections where name = %s", [table.name]).fetchone()
    return row[0] if row else None


def live_of(connection: Connection[Any], view: type[View]) -> str | None:
    """The name of the table that servers read now."""
    row = connection.execute("select name from projections where view = %s and state = 'live'", [view.table]).fetchone()
    return row[0] if row else None


def prepare(connection: Connection[Any], views: Iterable[type[View] | Table]) -> None:
    """Make the tables of these views, or take up those that an earlier attempt left.

    What was half built for another declaration, and is in nobody's hands, is dropped.
    """
    tables = [_table(view) for view in views]
    with connection.transaction():
        [head] = connection.execute("select coalesce(max(position), 0) from events").fetchone() or (0,)
        for table in tables:
            for (name,) in connection.execute(HALF_BUILT, [table.view.table, table.name]).fetchall():
                list(drop_tables(connection, name))
            register(connection, table, "building", head)


def register(connection: Connection[Any], table: Table, state: str, target: int, replay: int | None = None) -> None:
    """Make the tables, unless they are there, and let everybody know of them."""
    columns = json.encode({c.name: c.type for c in table.live_columns}).decode()
    personal = json.encode({c.name: c.whose for c in table.columns if c.whose}).decode()
    made = connection.execute(
        """insert into projections (name, view, columns, personal, state, built, target, replay)
           values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing returning name""",
        (table.name, table.view.table, columns, personal, state, NOBODY, target, replay),
    ).fetchone()
    if made:
        connection.execute(table.create())


HALF_BUILT = "select name from projections where view = %s and state in ('building', 'ready') and name <> %s"


# -- building -----------------------------------------------------------------------------------------------------


def build(
    reading: Connection[Any],
    writing: Connection[Any],
    view: type[View] | Table,
    most: int = 20_000,
    batches: int | None = None,
    progress: Follow = lambda _: None,
) -> bool:
    """Write batches of whole aggregates, each with its mark, until all are in. Says whether they are."""
    table = _table(view)
    fold, aside = Fold(table, copied), Aside.of(writing, table)
    known = writing.execute(
        "select built, target from projections where name = %s and state = 'building'", [table.name]
    ).fetchone()
    if known is None:
        return True
    mark, target = known
    done, total = count_of(reading, table, mark, target)
    for whole, reached in batches_of(reading, table, mark, target, most, apart=reading is not writing):
        if batches is not None and (batches := batches - 1) < 0:
            return False
        progress(Progress(table.view.table, "build", done, total))
        with writing.transaction():
            writing.execute(REMEMBERING)
            writing.execute("set local synchronous_commit = off")
            write(writing, fold, [recorded for recorded in whole if not aside.passes(recorded)])
            moved = writing.execute(
                "update projections set built = %s where name = %s and built = %s", (reached, table.name, mark)
            )
            if moved.rowcount != 1:
                raise Busy(f"another process is building {table.name}")
            if reached is None:
                complete(writing, table, target)
                writing.execute("update projections set state = 'ready' where name = %s", [table.name])
        mark, done = reached, done + len(whole)
    writing.execute(SQL("analyze {}, {}").format(Identifier(table.name), Identifier(table.history)))
    return True


Rows = list[Recorded]


class Only(NamedTuple):
    """Which events are read, of all up to the target: a condition, and what it names."""

    condition: LiteralString = ""
    given: Mapping[str, Any] = {}


def batches_of(
    reading: Connection[Any], table: Table, mark: UUID, target: int, most: int, apart: bool, only: Only = Only()
) -> Iterator[tuple[Rows, UUID | None]]:
    """Whole aggregates in their order, each batch with its last one; None with the last batch.

    The next one is read while this one is written, where that is done over another connection.
    """
    read, size = partial(_next, reading, table, target, only), most
    with ThreadPoolExecutor(1, "reader") as reader:

        def start(mark: UUID, size: int) -> Callable[[], Rows]:
            return reader.submit(read, mark, size).result if apart else partial(read, mark, size)

        coming = start(mark, size)
        while len(rows := coming()) == size:
            whole = rows[: _whole(rows)]
            if whole:
                mark, size = whole[-1].originator_id, most
            else:  # one aggregate alone is larger than a batch
                size *= 2
            coming = start(mark, size)
            if whole:
                yield whole, mark
        yield rows, None


def _whole(rows: Rows) -> int:
    """How many rows are of aggregates of which more rows cannot follow."""
    number = len(rows)
    while number and rows[number - 1].originator_id == rows[-1].originator_id:
        number -= 1
    return number


def _next(reading: Connection[Any], table: Table, target: int, only: Only, mark: UUID, size: int) -> Rows:
    given = {**only.given, "mark": mark, "target": target, "of": _of(table), "size": size}
    with reading.transaction():
        reading.execute(IN_ORDER)
        rows = reading.execute(SQL(NEXT).format(SQL(only.condition)), given, binary=True).fetchall()
    return [Recorded(*row) for row in rows]


def complete(connection: Connection[Any], table: Table, target: int) -> None:
    """Give tables in which all rows are their keys and indexes, and say up to which position they tell the history."""
    connection.execute(table.constrain())
    for name, indexes in table.indexes.items():
        for columns in indexes:
            connection.execute(table.index(name, columns))
    if table.search:
        connection.execute(table.search_index())
    connection.execute(
        "insert into checkpoints (name, lane, position) select %s, lane, %s from generate_series(0, %s) lane",
        (table.name, target, LANES - 1),
    )


def count_of(connection: Connection[Any], table: Table, mark: UUID | None, target: int) -> tuple[int, int]:
    given = {"mark": mark, "target": target, "of": _of(table)}
    done, total = connection.execute(COUNT, given).fetchone() or (0, 0)
    return done, total


def _of(table: Table) -> str:
    """How the topics of a view's events begin: of those too that no class is known for, which must not be passed by."""
    return f"{table.view.of.__name__}."


def write(connection: Connection[Any], fold: Fold, events: Sequence[Recorded]) -> None:
    """Fold all events of some aggregates, and copy what comes of them, in the transaction that is open.

    What has something sealed in it is read first, for keys cannot be asked for while a COPY is on its way. The others
    are read one by one: many events in memory at once cost more in the collection of garbage than in all else.
    """
    table, keys = fold.table, keys_of(connection)
    sealed = [recorded for recorded in events if seals(recorded.topic)]
    recall(keys, sealed)
    opened = {recorded.position: event_of(recorded, keys) for recorded in sealed}
    with copying(connection, table.history, table.history_columns) as add:
        for recorded in events:
            event = opened.pop(recorded.position, None) or event_of(recorded, NO_KEYS)
            try:
                fold.apply(recorded, event)
            except Exception as error:
                raise Unreadable(recorded) from error
            if len(fold.superseded) == TOGETHER:
                add(fold.superseded)
                fold.superseded.clear()
        add(fold.superseded)
    with copying(connection, table.name, table.live_columns) as add:
        add(fold.live())
    fold.written()
    fold.forget()


TOGETHER = 200
"""Rows that go on their way while the next are made."""


def finish(connection: Connection[Any], table: Table) -> None:
    """Make the indexes of a table that were declared since it was built, without keeping anybody from it."""
    for name, indexes in table.indexes.items():
        found = connection.execute(INDEXED, [name]).fetchall()
        for index, valid, _ in found:
            if not valid:  # left by a process that died while it made it
                connection.execute(SQL("drop index concurrently if exists {}").format(Identifier(index)))
        there = {tuple(columns) for _, valid, columns in found if valid}
        for columns in indexes:
            if columns not in there:
                connection.execute(table.index(name, columns, beside=True))
        if name == table.name and table.search and not any(v and table.search in index for index, v, _ in found):
            connection.execute(table.search_index(beside=True))


INDEXED = """
    select c.relname, i.indisvalid, array(
        select a.attname::text from unnest(i.indkey::int2[]) with ordinality k (number, place)
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number order by k.place)
    from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = to_regclass(quote_ident(%s))"""


# -- level, check, flip -------------------------------------------------------------------------------------------


def level(
    reading: Connection[Any],
    writing: Connection[Any],
    views: Iterable[type[View] | Table],
    until: int | None = None,
    most: int = 5_000,
) -> int:
    """Bring built views to the head of the history, or at least to a position. Says to which."""
    projector, feed = Projector(writing, views), LogFeed(reading)
    while until is None or min(projector.after().values()) < until:
        if projector.step(feed, most) < 0:
            break
    return min(projector.after().values())


def check(connection: Connection[Any], view: type[View] | Table, at: int) -> None:
    """Against the history itself: every aggregate, or item, is there as of a position, with its last version.

    Items are not checked where `each` is written anew or an event ends all of them at once: what they are then follows
    from the fold alone. Raises WrongRows.
    """
    table = _table(view)
    key, events = table.view.key, table.view.of.events().values()
    if key and not (folds_by_name(table.view) and all(names_item(table.view, event) for event in table.view.ends)):
        return
    topics = [event.TOPIC for event in events if not key or names_item(table.view, event)]
    of_state = "convert_from(state, 'UTF8')::jsonb ->> %(key)s" if key else "''"
    told = connection.execute(
        SQL("""select count(*), sum(hashtextextended(concat_ws(' ', id, key, version), 0)) from (
               select originator_id as id, {} as key, max(originator_version) as version from events
               where position <= %(at)s and topic = any(%(topics)s) and position <> all(%(skipped)s)
               group by 1, 2) e""").format(SQL(of_state)),
        {"key": key, "at": at, "topics": topics, "skipped": sorted(Aside.of(connection, table).skipped)},
    ).fetchone()
    shown = connection.execute(
        SQL("""select count(*), sum(hashtextextended(concat_ws(' ', id, key, version), 0)) from (
               select id, {0} as key, version from {1} where _from <= %(at)s union all
               select id, {0}, version from {2} where _from <= %(at)s and _to > %(at)s) v""").format(
            Identifier(key) if key else SQL("''"), Identifier(table.name), Identifier(table.history)
        ),
        {"at": at},
    ).fetchone()
    if told != shown:
        raise WrongRows(f"{table.name}: {shown} where the history says {told}")


def same(connection: Connection[Any], one: str, other: Table) -> bool | None:
    """Whether two tables say the same, now and at any time before; None where they have other columns."""
    asked = "select columns from projections where name = any(%s)"
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")  # nobody is forgotten between the two
        found = [columns for (columns,) in connection.execute(asked, [[one, other.name]]).fetchall()]
        if len(found) != 2 or found[0] != found[1]:
            return None
        at = min(_moved_to(connection, one), _moved_to(connection, other.name))
        columns = sorted(found[0])
        digests = [connection.execute(digest(name, columns, at)).fetchone() for name in (one, other.name)]
        return digests[0] == digests[1]


def _moved_to(connection: Connection[Any], name: str) -> int:
    [position] = connection.execute(MOVED_TO, [name]).fetchone() or (0,)
    return position or 0


def flip(connection: Connection[Any], views: Iterable[type[View] | Table]) -> list[str]:
    """Put built tables in the place of the live ones, all in one transaction; what is worth knowing is returned.

    The tables of another declaration stay, for a rollback: flip them back. Those before them are dropped. While
    somebody reads for long it is tried again and again, so that nobody has to wait behind it.
    """
    tables = [_table(view) for view in views]
    while True:
        notes, gone = list[str](), list[str]()
        try:
            with connection.transaction():
                connection.execute(SOON_OR_NOT)
                for table in tables:
                    gone += _flip(connection, table)
                    notes += publish(connection, Table(table.view))
            break
        except LockNotAvailable:
            sleep(BETWEEN_FLIPS)
    for name in gone:  # by itself, for it waits until nobody reads there any more
        notes += drop_tables(connection, name)
    return notes


# Below deadlock_timeout: whoever reads two tables in the other order must not be the one who fails.
SOON_OR_NOT = "set local lock_timeout = '200ms'"
BETWEEN_FLIPS = 0.2
"""Seconds."""


def _flip(connection: Connection[Any], table: Table) -> list[str]:
    """Says which tables are to go."""
    view, before = table.view, live_of(connection, table.view)
    if before:  # whoever moves it stops here, so that nobody sees time go back
        fence = "update checkpoints set turn = turn + 1 where name = %s returning position"
        reached = max(position for (position,) in connection.execute(fence, [before]))
        level(connection, connection, [table], until=reached)
    if table.shadow:
        return [_renamed(connection, Table(view).name, table.name)]
    older = connection.execute(OLDER, [view.table, table.name]).fetchall()
    connection.execute("update projections set state = 'old' where view = %s and state = 'live'", [view.table])
    done = connection.execute(
        "update projections set state = 'live' where name = %s and state in ('ready', 'old')", [table.name]
    )
    if done.rowcount != 1:
        raise NotBuilt(table.name)
    return [name for (name,) in older]


OLDER = "select name from projections where view = %s and state = 'old' and name <> %s"


# In one statement: who holds one of them and waits for another does not wait for long.
LOCK_ALL = SQL("lock table {}, {}, {}, {} in access exclusive mode")


def _renamed(connection: Connection[Any], name: str, new: str) -> str:
    """Let new tables bear the name of others of the same declaration; those are to go, under the name that is said."""
    gone, rename = f"{name}_gone", SQL("alter table {} rename to {}")
    connection.execute(LOCK_ALL.format(*map(Identifier, (name, f"{name}_history", new, f"{new}_history"))))
    for before, after in ((name, gone), (new, name)):
        for suffix in ("", "_history"):
            connection.execute(rename.format(Identifier(before + suffix), Identifier(after + suffix)))
    connection.execute(
        """update checkpoints c set turn = c.turn + o.turn from checkpoints o
           where c.name = %s and o.name = %s and c.lane = o.lane""",
        [new, name],
    )
    connection.execute("update projections set name = %s, state = 'old' where name = %s", [gone, name])
    connection.execute("update projections set name = %s, state = 'live' where name = %s", [name, new])
    return gone


def drop_tables(connection: Connection[Any], name: str) -> Iterator[str]:
    """Whoever reads both tables in the other order is not waited for with one of them in hand."""
    while True:
        try:
            with connection.transaction():
                connection.execute(REMEMBERING)
                connection.execute(SOON_OR_NOT)
                if connection.execute(LOCK_FOR_NOW, [name]).fetchone() == (True,):  # else a server of it runs
                    drop = SQL("drop table {}, {}").format(Identifier(name), Identifier(f"{name}_history"))
                    connection.execute(drop)
                    connection.execute("delete from projections where name = %s", [name])
            return
        except LockNotAvailable:
            sleep(BETWEEN_FLIPS)
        except DependentObjectsStillExist as error:
            yield f"the old table {name} stays, for somebody's own SQL needs it: {error.diag.message_detail}"
            return


def back(url: str, schema: str, view: type[View]) -> Rebuilt:
    """Put the tables of this declaration that were kept back in their place, once they are level. Raises NotKept."""
    table = Table(view)
    with connect(url, schema) as connection, alone(connection, f"{table.name} goes back"):
        if state_of(connection, table) != "old":
            raise NotKept(f"no old tables of {view.table} are kept that this Daybook declares so")
        at = _level_among_others(connection, connection, table)
        check(connection, table, at)
        _, total = count_of(connection, table, None, at)
        return Rebuilt(view.table, total, at, None, tuple(flip(connection, [table])))


def _level_among_others(reading: Connection[Any], writing: Connection[Any], table: Table) -> int:
    """Somebody may be forgotten meanwhile, and a projector of this declaration may move the tables too: whoever fences
    whom, they come to the same end.
    """
    while True:
        try:
            return level(reading, writing, [table])
        except Fenced:
            sleep(BETWEEN_FLIPS)


def abandon(connection: Connection[Any], view: type[View]) -> list[str]:
    """Drop what is half built of a view. Says which tables; raises Busy while somebody builds them, NotKept."""
    found = connection.execute(HALF_BUILT, [view.table, ""]).fetchall()
    if not found:
        raise NotKept(f"nothing of {view.table} is half built")
    for (name,) in found:
        with alone(connection, name):
            list(drop_tables(connection, name))
    return [name for (name,) in found]


def drop_old(connection: Connection[Any], view: type[View]) -> tuple[list[str], list[str]]:
    """Drop the tables of a view that were kept for a rollback. Says which, and what is in the way of others.

    Raises Busy while a projector of their declaration moves them, NotKept where there are none.
    """
    found, notes = [name for (name,) in connection.execute(OLDER, [view.table, ""]).fetchall()], list[str]()
    if not found:
        raise NotKept(f"no old tables of {view.table} are kept")
    for name in found:
        with alone(connection, name):
            notes += drop_tables(connection, name)
    left = {name for (name,) in connection.execute(OLDER, [view.table, ""]).fetchall()}
    return [name for name in found if name not in left], notes


def publish(connection: Connection[Any], table: Table) -> Iterator[str]:
    """Give people at a prompt the plain name: a SQL view, and a function of a position.

    They are replaced in place, so that somebody's own SQL view may depend on them. Where a column has gone or has
    another type that cannot be, and if there is such a view, then they stay as they were, and a note says so.
    """
    name = table.view.table
    columns = [c.name for c in table.columns]
    shown = [column for (column,) in connection.execute(SHOWN, [name]).fetchall()]
    if set(shown) <= set(columns):  # those that are there keep their places
        columns = [*shown, *(c for c in columns if c not in shown)]
    try:
        with connection.transaction():
            connection.execute(sql_view(table, columns))
            connection.execute(sql_as_of(table, columns))
        return
    except InvalidTableDefinition:
        pass
    try:
        with connection.transaction():
            drop = SQL("drop function {}(bigint); drop view {}")
            connection.execute(drop.format(Identifier(f"{name}_as_of"), Identifier(name)))
            connection.execute(sql_view(table, columns))
            connection.execute(sql_as_of(table, columns))
    except DependentObjectsStillExist as error:
        yield (
            f"the SQL view {name} still shows the rows as they were before, for somebody's own SQL needs columns "
            f"that have changed: {error.diag.message_detail}"
        )


SHOWN = """
    select attname::text from pg_attribute
    where attrelid = to_regclass(quote_ident(%s)) and attnum > 0 and not attisdropped order by attnum"""


def _table(view: type[View] | Table) -> Table:
    return view if isinstance(view, Table) else Table(view)
