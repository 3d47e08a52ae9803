"""A report as SQL: its text, with the relations and the places of values that whoever asks puts in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from projections.report import Given, Parameter, Piece, Relation, Report

Writer = Callable[[Iterable[Piece]], str]
Bind = Callable[[Any, str], str]
"""Takes a value and its type in SQL; gives the place of it."""


def writer(report: Report, relation: Callable[[Relation], str], moment: Callable[[], str], bind: Bind) -> Writer:
    """Writes parts of a report; each relation and value is written once. `moment` is the SQL of `:instant`."""
    known: dict[Any, str] = {}

    def made(piece: Relation | Parameter | Given) -> str:
        if isinstance(piece, Relation):
            return relation(piece)
        if piece.name == "instant":
            return moment()
        value = getattr(report, piece.name)
        if isinstance(piece, Parameter):
            return bind(_plain(value), piece.type)
        arrays = (bind([_plain(getattr(e, c.name)) for e in value], f"{c.type}[]") for c in piece.columns)
        names = ", ".join(f'"{column.name}"' for column in piece.columns)
        return f"(select * from unnest({', '.join(arrays)}) with ordinality r ({names}, nth))"

    def written(found: Iterable[Piece]) -> str:
        parts = []
        for piece in found:
            if not isinstance(piece, str) and piece not in known:
                known[piece] = made(piece)
            parts.append(piece if isinstance(piece, str) else known[piece])
        return "".join(parts)

    return written


def _plain(value: Any) -> Any:
    value = value.value if isinstance(value, Enum) else value
    return str(value) if isinstance(value, str) else value
