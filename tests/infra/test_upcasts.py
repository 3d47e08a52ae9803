"""Events whose form has changed: what was recorded long ago is read as if it had been recorded today."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from domain.aggregate import Aggregate
from domain.declaration import WrongDeclaration
from domain.values import new_id
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.mapper import Stored, TooNew, read, write
from tests.infra.history import commit


class Kite(Aggregate):
    """Flew so many feet high at first, then metres, and has a line since."""

    needs = "sales.sell"

    metres: int
    line: str = ""
    colour: str = ""

    class Flown(Aggregate.Created):
        schema_version: ClassVar[int] = 3
        metres: int
        line: str
        colour: str = "red"

        @staticmethod
        def upcast_v1(told: dict[str, Any]) -> dict[str, Any]:
            return {"metres": round(told["feet"] * 0.3048)}

        @staticmethod
        def upcast_v2(told: dict[str, Any]) -> dict[str, Any]:
            return {**told, "line": f"{told['metres']} m"}


@pytest.mark.parametrize(
    ("version", "state", "line"),
    [(1, b'{"feet":100}', "30 m"), (2, b'{"metres":30}', "30 m"), (3, b'{"metres":30,"line":"long"}', "long")],
)
def test_an_event_of_every_version_is_read_in_the_form_of_today(version: int, state: bytes, line: str) -> None:
    event = read(Stored(new_id(), 1, "Kite.Flown", version, None, state))

    assert isinstance(event, Kite.Flown)
    assert (event.metres, event.line, event.colour) == (30, line, "red")


def test_what_is_written_is_of_the_version_of_today() -> None:
    event = read(Stored(new_id(), 1, "Kite.Flown", 1, None, b'{"feet":100}'))

    row = write(event)

    assert row.schema_version == 3
    assert json.loads(row.state) == {"metres": 30, "line": "30 m", "colour": "red"}
    assert read(row) == event


def test_an_event_of_a_newer_version_than_is_known_is_not_guessed_at() -> None:
    with pytest.raises(TooNew, match=r"Kite.Flown was recorded in version 4, and 3 is the newest"):
        read(Stored(new_id(), 1, "Kite.Flown", 4, None, b'{"metres":30,"line":"long"}'))


def test_reading_an_old_event_leaves_history_as_it_is(database_url: str, schema: str) -> None:
    migrate(database_url, schema)
    made: Any = Kite._create(Kite.Flown, metres=1, line="")
    other: Any = Kite._create(Kite.Flown, metres=2, line="")
    with EventStore(database_url, schema) as store, connect(database_url, schema) as connection:
        for kite in (made, other):
            store.append(commit(kite)).result(60)
        connection.execute("alter table events disable trigger append_only")
        old = "update events set state = %s, schema_version = 1 where originator_id = %s"
        connection.execute(old, [b'{"feet":100}', made.id])

        found: Any = None
        for event in store.events(made.id):
            found = event.mutate(found)
        untouched = store.events(other.id)

        rows = connection.execute("select schema_version, state from events order by position").fetchall()
    assert (found.metres, found.line) == (30, "30 m")
    assert [event.metres for event in untouched] == [2]  # type: ignore[attr-defined]
    assert rows == [(1, b'{"feet":100}'), (3, b'{"metres":2,"line":"","colour":"red"}')]


def upcast(told: dict[str, Any]) -> dict[str, Any]:
    return told


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"schema_version": 2}, "is of version 2: it has no upcasts and needs `upcast_v1`"),
        (
            {"schema_version": 3, "upcast_v1": staticmethod(upcast)},
            "has `upcast_v1` and needs `upcast_v1`, `upcast_v2`",
        ),
        ({"upcast_v1": staticmethod(upcast)}, "is of version 1: it has `upcast_v1` and needs none"),
        ({"schema_version": 2, "upcast_v2": staticmethod(upcast)}, "has `upcast_v2` and needs `upcast_v1`"),
        ({"schema_version": 2, "upcast_v1": upcast}, "make it a static method"),
        ({"schema_version": 0}, "is of version 0"),
    ],
)
def test_a_version_without_a_way_to_it_is_found_when_the_class_is_defined(
    declared: dict[str, Any], message: str
) -> None:
    event = type("Flown", (Aggregate.Created,), {"__qualname__": "Odd.Flown", "__annotations__": {}, **declared})

    with pytest.raises(WrongDeclaration, match=rf"Odd\.Flown.*{message}"):
        type("Odd", (Aggregate,), {"__module__": __name__, "needs": "sales.sell", "Flown": event})
