"""Where something of a person is, before they are forgotten and after: how much is in each place, what becomes of it.

A certificate says what became of it once they are: it is signed as anchors are, so that whoever has the public key can
check it, and holds nothing personal. Its bytes are told in docs/certificate-format.md.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from json import JSONEncoder
from typing import Any, Final
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from domain.catalogue import AGGREGATES
from domain.values import id_text
from infra.accesses import COMMAND_LINE
from infra.anchors import public_half
from infra.forgetting import PERSONAL
from infra.mapper import persons_in, seals

FORMAT: Final = 1
EMPTIED, UNREADABLE, DESTROYED, FREED = "is emptied", "can be read by nobody", "is destroyed", "is freed"
STAYS, BEYOND = "stays, and tells nothing personal", "is out of reach: see to it yourself"
NAMED: Final = """
    select count(*) filter (where way <> %(line)s), count(*) filter (where way = %(line)s) from accesses
    where persons @> array[%(person)s::uuid]"""
COUNTS: Final = """
    select (select count(*) from person_keys where person = %(id)s and wrapped is not null),
           (select count(*) from snapshots where id = any(%(ids)s)),
           (select count(*) from claims where holder = %(id)s),
           (select count(*) from dead_letters where originator_id = any(%(ids)s))"""
EVENTS: Final = "select topic, originator_id, state from events where originator_id = any(%s) order by position"
FORGOTTEN: Final = """
    select e.position, e.recorded_at, e.actor, e.state, encode(e.hash, 'hex'), e.topic,
           coalesce((select encode(b.hash, 'hex') from events b where b.position = e.position - 1),
                    encode(sha256('daybook history 1'), 'hex')),
           h.position, encode(h.hash, 'hex')
    from events e, event_head h where e.originator_id = %s and e.topic = any(%s) order by e.position limit 1"""
_text_of: Final = JSONEncoder(ensure_ascii=False).encode


class NotForgotten(Exception):
    """There is nothing to certify: says why."""


@dataclass(frozen=True)
class Place:
    """Somewhere, with how many rows or events there are of a person, how many of them tell something personal, and what
    a forget makes of those.
    """

    place: str
    rows: int
    personal: int
    becomes: str


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That a person was forgotten. Each of `places` is a name, how many rows there are, and how many of them still tell
    something personal, which is none. All but the numbers is text; hashes, key and signature are hexadecimal.
    """

    format: int
    person: str
    forgotten_at: str
    by: str
    reason: str
    position: int
    receipt: str
    receipt_before: str
    head: int
    head_receipt: str
    places: tuple[tuple[str, int, int], ...]
    at: str
    public_key: str
    signature: str

    @property
    def signed(self) -> bytes:
        """The bytes that the signature is of: every member but the last two, in this order."""
        members = [msgspec.to_builtins(getattr(self, name)) for name in self.__struct_fields__[:-2]]
        return _text_of(["daybook forget", *members]).encode()


def places(connection: Connection[Any], person: UUID) -> list[Place]:
    """Every place where something of a person is, or was before they were forgotten. Changes nothing."""
    tables: dict[str, dict[str, str]] = dict(connection.execute(PERSONAL).fetchall())
    found, ids = [], {person}
    for name, personal in tables.items():
        for table in (name, f"{name}_history"):
            rows, told, mine = _in_table(connection, table, personal, person)
            found.append(Place(f"table {table}", rows, told, EMPTIED))
            ids |= mine
    sealed = [
        topic
        for topic, id, state in connection.execute(EVENTS, [list(ids)]).fetchall()
        if seals(topic) and person in persons_in(topic, id, state)
    ]
    ((keys, snapshots, claims, letters),) = connection.execute(COUNTS, {"id": person, "ids": list(ids)}).fetchall()
    ((read, copied),) = connection.execute(NAMED, {"person": person, "line": COMMAND_LINE}).fetchall()
    readable = len(sealed) if keys else 0
    return [
        *found,
        Place("sealed events of the history", len(sealed), readable, UNREADABLE),
        Place("the same events in Kafka's topics and other streams", len(sealed), readable, UNREADABLE),
        Place("key of the person", keys, keys, DESTROYED),
        Place("snapshots", snapshots, snapshots, EMPTIED),
        Place("external ids and other values that only one may hold", claims, 0, FREED),
        Place("dead letters", letters, 0, STAYS),
        Place("rows of the access log", read, 0, STAYS),
        Place("exports and reports that were written", copied, copied, BEYOND),
    ]


def certificate(connection: Connection[Any], kind: str, person: UUID, key: Ed25519PrivateKey) -> Certificate:
    """That a person was forgotten, after a look at every place that is within reach. Raises NotForgotten."""
    topics = [e.TOPIC for a in AGGREGATES if a.__name__ == kind for e in a.events().values() if e.forgets]
    found = connection.execute(FORGOTTEN, [person, topics]).fetchone()
    if found is None:
        raise NotForgotten(f"{id_text(kind, person)} was not forgotten")
    position, recorded_at, actor, state, receipt, _, before, head, head_receipt = found
    looked = [place for place in places(connection, person) if place.becomes != BEYOND]
    if left := [place.place for place in looked if place.personal]:
        raise NotForgotten(f"something of {id_text(kind, person)} is still there: {', '.join(left)}")
    draft = Certificate(
        FORMAT,
        id_text(kind, person),
        _moment(recorded_at),
        id_text("User", actor),
        msgspec.json.decode(state)["forget_reason"],
        position,
        receipt,
        before,
        head,
        head_receipt,
        tuple((place.place, place.rows, place.personal) for place in looked),
        _moment(datetime.now(UTC)),
        public_half(key),
        "",
    )
    return msgspec.structs.replace(draft, signature=key.sign(draft.signed).hex())


def _in_table(
    connection: Connection[Any], table: str, personal: dict[str, str], person: UUID
) -> tuple[int, int, set[UUID]]:
    """Of a table of a view: the rows of a person, how many tell something personal, and the ids that they are of."""
    columns = defaultdict[str, list[str]](list)
    for column, whose in personal.items():
        columns[whose].append(column)
    theirs = SQL(" or ").join(SQL("{} = %(id)s").format(Identifier(whose)) for whose in columns)
    told = SQL(" or ").join(
        SQL("({} = %(id)s and num_nonnulls({}) > 0)").format(Identifier(w), SQL(", ").join(map(Identifier, names)))
        for w, names in columns.items()
    )
    sql = SQL("select count(*), count(*) filter (where {}), coalesce(array_agg(distinct id), '{{}}') from {} where {}")
    counted = sql.format(told, Identifier(table), theirs)
    ((rows, telling, ids),) = connection.execute(counted, {"id": person}).fetchall()
    return rows, telling, set(ids)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
