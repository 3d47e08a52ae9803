"""Which part of the history somebody means on the command line: from where to where, and events of which kinds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from psycopg import Connection

from domain.catalogue import AGGREGATES
from infra.instants import position_at
from infra.topics import contexts, kinds_of

PLACE = "a position, a day such as 2026-01-31, or a time with its zone such as 2026-01-31T12:00:00Z"

From = Annotated[
    str | None, typer.Option("--from", metavar="PLACE", help=f"The first event: {PLACE}, after which it was recorded.")
]
To = Annotated[
    str | None, typer.Option("--to", metavar="PLACE", help=f"The last event: {PLACE}, by which it was recorded.")
]
Contexts = Annotated[
    list[str] | None, typer.Option("--context", help="Only events of this context, such as sales; may be given again.")
]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind", help="Only events of this kind, such as Opportunity or Opportunity.Won; may be given again."
    ),
]


def first(connection: Connection[Any], place: str | None, zone: ZoneInfo) -> int:
    """The first position that is meant: of a time, what was recorded after it."""
    if place is None:
        return 1
    meant = _place(place, zone, "--from")
    return meant if isinstance(meant, int) else position_at(connection, meant) + 1


def last(connection: Connection[Any], place: str | None, zone: ZoneInfo) -> int | None:
    """The last one, None for the end: of a time, what was recorded by then. So one part begins where another ends."""
    if place is None:
        return None
    meant = _place(place, zone, "--to")
    return meant if isinstance(meant, int) else position_at(connection, meant)


def kinds(of_contexts: Sequence[str] | None, of_kinds: Sequence[str] | None) -> list[str] | None:
    """The kinds that are meant, those of the contexts among them; None for all."""
    if not of_contexts and not of_kinds:
        return None
    known = {kind.__name__ for kind in AGGREGATES}
    events = {f"{kind.__name__}.{name}" for kind in AGGREGATES for name in kind.events()}
    for context in of_contexts or ():
        _one_of(context, contexts(AGGREGATES), "context", "--context")
    for kind in of_kinds or ():
        _one_of(kind, events if "." in kind else known, "kind", "--kind")
    return sorted({*(of_kinds or ()), *(kind for context in of_contexts or () for kind in kinds_of(context))})


def _place(text: str, zone: ZoneInfo, option: str) -> int | datetime:
    if text.isascii() and text.isdecimal() and len(text) <= 18 and int(text) > 0:
        return int(text)
    try:
        if len(text) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), time(), zone)
        if (moment := datetime.fromisoformat(text)).tzinfo is not None:
            return moment
    except ValueError:
        pass
    raise typer.BadParameter(f"{text} is none of these: {PLACE}", param_hint=option)


def _one_of(word: str, known: Collection[str], what: str, option: str) -> None:
    if word not in known:
        near = get_close_matches(word, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        raise typer.BadParameter(f"there is no {what} {word}: {hint}", param_hint=option)
