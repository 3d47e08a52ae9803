"""A report as SQL: its text, with the relations and the places of values that whoever asks puts in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any, Final

from projections.report import ASKED, Events, Given, Parameter, Piece, Relation, Report
from projections.view import View

Writer = Callable[[Iterable[Piece]], str]
INSTANT, TIME_ZONE = (Parameter(name, ASKED[name]) for name in ("instant", "time_zone"))
Bind = Callable[[Any, str], str]
"""Takes a value and its type in SQL; gives the place of it."""


EVENT_COLUMNS: Final = (
    ("id", "originator_id", "uuid"),
    ("version", "originator_version", "bigint"),
    ("event", "split_part(topic, '.', 2)", "text"),
    ("recorded_at", "recorded_at", "timestamptz"),
    ("occurred_at", "occurred_at", "timestamptz"),
    ("actor_id", "actor", "uuid"),
    ("command", "command", "text"),
    ("correlation_id", "correlation_id", "uuid"),
)
"""What a report may know of events: by which name, how it is read, and its type."""


def events_of(view: type[View], conditions: Sequence[str]) -> str:
    """What happened to the rows of a view, of which these conditions hold."""
    columns = ", ".join(f"{sql} as {name}" for name, sql, _ in EVENT_COLUMNS)
    known = " and ".join([f"split_part(topic, '.', 1) = '{view.of.__name__}'", *conditions])
    return f"select {columns} from events where {known}"


def writer(
    report: Report,
    relation: Callable[[Relation | Events], str],
    moment: Callable[[], str],
    time_zone: str,
    bind: Bind,
) -> Writer:
    """Writes parts of a report; each relation and value is written once. `moment` is the SQL of `:instant`."""
    known: dict[Any, str] = {}

    def made(piece: Relation | Events | Parameter | Given) -> str:
        if isinstance(piece, Relation | Events):
            return relation(piece)
        match piece.name:
            case "instant":
                return moment()
            case "time_zone":
                return bind(time_zone, "text")
            case "today":
                return f"({text(INSTANT)} at time zone {text(TIME_ZONE)})::date"
        value = getattr(report, piece.name)
        if isinstance(piece, Parameter):
            return bind(_plain(value), piece.type)
        arrays = (bind([_plain(getattr(e, c.name)) for e in value], f"{c.type}[]") for c in piece.columns)
        names = ", ".join(f'"{column.name}"' for column in piece.columns)
        return f"(select * from unnest({', '.join(arrays)}) with ordinality r ({names}, nth))"

    def text(piece: Piece) -> str:
        if isinstance(piece, str):
            return piece
        if piece not in known:
            known[piece] = made(piece)
        return known[piece]

    return lambda found: "".join(map(text, found))


def _plain(value: Any) -> Any:
    value = value.value if isinstance(value, Enum) else value
    return str(value) if isinstance(value, str) else value
