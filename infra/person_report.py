"""What is held about a person, whole and machine-readable: what articles 15 and 20 of the GDPR let them ask for.

It follows from what is declared: personal fields of any kind of event and column, and ids of the person anywhere. Who
has somebody's report has all of it, so whoever asks for one must be let see all that it is made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable, Identifier, Literal

from domain.aggregate import Aggregate
from domain.catalogue import AGGREGATES
from domain.customers.contact import Contact
from domain.declaration import KINDS, content_of
from domain.values import id_text
from infra.accesses import COMMAND_LINE
from infra.keys import PersonKeys
from infra.mapper import ENCODE, Stored, read, seals
from infra.reporting import StillBuilt
from infra.retention import Keeping, keeping
from infra.serving import tables_of
from infra.topics import PREFIX, context_of_event, kafka_topic
from projections.catalogue import VIEWS
from projections.customers.retention import ToForget
from projections.view import View, belongs_to, shape

FORMAT: Final = 1
"""Of the report. It grows by members; where one goes or means something else, this is another number."""
ONE_INSTANT: Final = "set transaction isolation level repeatable read, read only"
HEAD: Final = "select position, encode(hash, 'hex') as receipt from event_head"
KEY: Final = "select created_at, forgotten_at from person_keys where person = %s"
EVENTS: Final = """
    select position, originator_id, originator_version, topic, schema_version, state, recorded_at, occurred_at, actor,
           on_behalf_of, command, correlation_id, causation_id, origin, encode(hash, 'hex') as receipt
    from events where originator_id = any(%s) order by position"""
ACCESSES: Final = """
    select at, way, user_id, token, address, local, operation, kind, times, way = %(line)s as copied from accesses
    where persons @> array[%(person)s::uuid] order by id"""
SENSE: Final = {
    "current": "rows as they are read now, by the list of the API that shows them",
    "items": "what was given, changed and ended of each kind of part, such as consents, the first one first",
    "events": "all that was recorded, the first one first; what is personal is opened",
    "references": "what points to the person without telling what is personal of them",
    "retention": "by which rules they are kept, each until which day, and what speaks for keeping them on",
    "read_by": "who was told something personal of them, as far as that is kept",
    "copies": "where it went besides",
}


class NoPerson(Exception):
    """There is nobody of this id, or it is of a kind that is no person: says so."""


def persons() -> dict[str, type[Aggregate]]:
    """The kinds that are a person, or hold what is personal under a key of their own: those that can be forgotten."""
    return {k.__name__: k for k in AGGREGATES if any(event.forgets for event in k.events().values())}


def concerned(kind: type[Aggregate]) -> list[type[View]]:
    """The views that may tell of a person of a kind: their own, those with what is personal, what points to them,
    and what says how long they are kept.
    """
    ruled = ToForget.of if kind is Contact else ()
    return [view for view in VIEWS if view.of is kind or _whose(view) or _pointing(view, kind) or view in ruled]


def person_report(
    connection: Connection[Any],
    keys: PersonKeys,
    kind: str,
    person: UUID,
    prefix: str = PREFIX,
    time_zone: str = "UTC",
) -> dict[str, Any]:
    """All that is held about a person, as of one moment, in plain values. `prefix` is how our topics begin; days are
    those of a time zone.

    Raises NoPerson.
    """
    if kind not in persons():
        raise NoPerson(f"{kind} is no kind of person: give the id of one of {', '.join(persons())}")
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(ONE_INSTANT)
        head = cursor.execute(HEAD).fetchone() or {}
        current = {view: rows for view in VIEWS if (rows := _rows(cursor, view, person))}
        ids = {person} | {row["id"] for view, rows in current.items() for row in rows if view.of is not KINDS[kind]}
        ids |= {id for view in VIEWS for id in _before(cursor, view, person)}
        events = [_event(row, keys) for row in cursor.execute(EVENTS, [list(ids)]).fetchall()]
        own = [event for event in events if event["of"] == id_text(kind, person)]
        if not own:
            raise NoPerson(f"there is no {id_text(kind, person)}")
        references = list(_references(cursor, KINDS[kind], person))
        kept = _kept(connection, person, time_zone) if KINDS[kind] is Contact else []
        accesses = cursor.execute(ACCESSES, {"person": person, "line": COMMAND_LINE}).fetchall()
        key = cursor.execute(KEY, [person]).fetchone()
    made: dict[str, Any] = {
        "format": FORMAT,
        "person": id_text(kind, person),
        "made_at": datetime.now(UTC),
        **head,
        "forgotten_at": key["forgotten_at"] if key else None,
        "sense": SENSE,
        "current": {view.table: [_shown(view, row) for row in rows] for view, rows in current.items()},
        "items": _items(KINDS[kind], own),
        "events": events,
        "references": references,
        "retention": [asdict(each) for each in kept],
        "read_by": [_reader(each) for each in accesses if not each["copied"]],
        "copies": {
            "exports": [_reader(each) for each in accesses if each["copied"]],
            "topics": sorted({kafka_topic(context_of_event(e["event"]), prefix) for e in events}),
            "in_streams": "events go to /events and, where Kafka is used, to these topics, sealed: without the key,"
            " which does not go there, nobody can read them",
            "elsewhere": "backups and replicas, which their keeper knows",
        },
    }
    told: dict[str, Any] = msgspec.to_builtins(made, enc_hook=str)
    return told


def _kept(connection: Connection[Any], person: UUID, time_zone: str) -> list[Keeping]:
    try:
        return keeping(connection, ToForget(contact_id=person, kept=True), time_zone)
    except StillBuilt as error:
        raise NoPerson(str(error)) from None


def _whose(view: type[View]) -> list[str]:
    return sorted({field.whose for field in shape(view) if field.whose})


def _pointing(view: type[View], kind: type[Aggregate]) -> list[str]:
    return [column for column, to in belongs_to(view, VIEWS).items() if to.of is kind]


def _rows(cursor: Any, view: type[View], person: UUID) -> list[dict[str, Any]]:
    """The rows that are the person's, or tell what is personal of them."""
    place = tables_of(cursor.connection, view)
    if place is None:
        raise NoPerson(f"{view.table} is still being built: try again a little later")
    columns = SQL(", ").join(Identifier(column.name) for field in shape(view) for column in field.columns)
    there = SQL(" and not _ended") if view.ends else SQL("")
    sql = SQL("select {} from {} where {}{} order by id").format(columns, Identifier(place.live), _theirs(view), there)
    return list(cursor.execute(sql, {"person": person}).fetchall())


def _before(cursor: Any, view: type[View], person: UUID) -> Iterator[UUID]:
    """The ids of those rows, as they stand or stood once."""
    place = tables_of(cursor.connection, view)
    if place is not None and _whose(view):
        for table in (place.live, place.history):
            sql = SQL("select distinct id from {} where {}").format(Identifier(table), _theirs(view))
            yield from (row["id"] for row in cursor.execute(sql, {"person": person}).fetchall())


def _theirs(view: type[View]) -> Composable:
    names = {"id", *_whose(view)}
    return SQL("({})").format(SQL(" or ").join(SQL("{} = %(person)s").format(Identifier(n)) for n in sorted(names)))


def _shown(view: type[View], row: Mapping[str, Any]) -> dict[str, Any]:
    """A row, with ids that name their kind."""
    kinds = {"id": view.of.__name__, **{name: to.of.__name__ for name, to in belongs_to(view, VIEWS).items()}}
    return {name: _named(kinds[name], value) if name in kinds else value for name, value in row.items()}


def _named(kind: str, value: Any) -> Any:
    if isinstance(value, Iterable):
        return [id_text(kind, each) for each in value]
    return value and id_text(kind, value)


def _event(row: Mapping[str, Any], keys: PersonKeys) -> dict[str, Any]:
    names = "originator_id", "originator_version", "topic", "schema_version", "occurred_at", "state"
    event = read(Stored(*(row[name] for name in names)), keys)
    content = {name: getattr(event, name) for name in content_of(type(event))}
    return {
        "position": row["position"],
        "event": row["topic"],
        "of": id_text(row["topic"].partition(".")[0], row["originator_id"]),
        "version": row["originator_version"],
        "recorded_at": row["recorded_at"],
        "occurred_at": row["occurred_at"],
        "by": id_text("User", row["actor"]),
        "on_behalf_of": row["on_behalf_of"] and id_text("User", row["on_behalf_of"]),
        "command": row["command"],
        "correlation_id": row["correlation_id"],
        "causation_id": row["causation_id"],
        "origin": row["origin"],
        "receipt": row["receipt"],
        "sealed": seals(row["topic"]),
        "told": msgspec.json.decode(ENCODE(content)),
    }


def _items(kind: type[Aggregate], events: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What became of the parts of a person that have a history of their own: their consents, where they worked."""
    held = {f"{kind.__name__}.{name}": e.item_of or e.ends_item_of for name, e in kind.events().items()}
    found: dict[str, list[dict[str, Any]]] = {holder: [] for holder in held.values() if holder}
    for event in events:
        if holder := held.get(event["event"]):
            said = {name: event[name] for name in ("event", "position", "recorded_at", "occurred_at", "by")}
            found[holder].append(said | event["told"])
    return found


def _references(cursor: Any, kind: type[Aggregate], person: UUID) -> Iterator[dict[str, Any]]:
    for view in VIEWS:
        place = tables_of(cursor.connection, view)
        columns = {column.name: column.type for field in shape(view) for column in field.columns}
        for name in _pointing(view, kind) if place else ():
            met = SQL("%(person)s = any({})" if columns[name] == "uuid[]" else "{} = %(person)s").format(
                Identifier(name)
            )
            sql = SQL("select {} || '_' || id as id from {} where {} order by id").format(
                Literal(view.of.__name__), Identifier(place.live if place else ""), met
            )
            ids = [row["id"] for row in cursor.execute(sql, {"person": person}).fetchall()]
            if ids:
                yield {"list": view.table, "field": name, "ids": ids}


def _reader(access: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "at": access["at"],
        "user": access["user_id"] and id_text("User", access["user_id"]),
        "local": access["local"],
        "token": access["token"],
        "address": access["address"],
        "way": access["way"],
        "operation": access["operation"],
        "kind": access["kind"],
        "times": access["times"],
    }
