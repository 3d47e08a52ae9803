"""`daybook undo`: what a command did, or all that belongs together such as an import, is taken back."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Group

from domain.taking_back import Affected, Fate, Undo, Undone
from domain.values import id_text
from infra.cli.output import AsJson, progress, table, tell
from infra.cli.transfer import following
from infra.database import connect
from infra.undoing import Undoing

SHOWN = 20
"""So many things are listed for people; all of them for machines."""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("undo")(undo_)


def undo_(
    correlation: Annotated[
        UUID | None, typer.Argument(help="The correlation id of an import, a batch or an undo, as it was told then.")
    ] = None,
    command: Annotated[UUID | None, typer.Option(metavar="ID", help="Undo this command instead.")] = None,
    position: Annotated[
        int | None, typer.Option(min=1, help="Undo the command instead whose event is at this position.")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Record nothing; say what would be.")] = False,
    partial: Annotated[bool, typer.Option("--partial", help="Undo what can be undone, and tell the rest.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why: kept with the events for ever, so name nobody.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take back what was done, by events that bring things back to what they were: all of it, or nothing.

    It is refused where something has changed since, or is used. To undo an undo does it again.
    """
    with following() as (parts, _), progress("Undoing"):
        undoing = Undoing(parts.pipeline, lambda: connect(parts.database.application_url))
        done = undoing.undo(
            Undo(
                actor=parts.administrator,
                correlation_id=correlation,
                command_id=command,
                position=position,
                partial=partial,
                preview=preview,
                reason=reason,
                origin="daybook undo",
            )
        )
    tell(_told(done), as_json, _text)
    if done.refusal:
        raise typer.Exit(1)


def _told(done: Undone) -> dict[str, Any]:
    return {
        "refused": done.refusal and done.refusal.message,
        "correlation_id": done.correlation_id,
        "position": done.position,
        "receipt": done.receipt,
        "counts": {fate.value: count for fate, count in done.counts.items()},
        "things": [_thing(each) for each in done.affected],
    }


def _thing(each: Affected) -> dict[str, Any]:
    """One thing, without what it knows: that may be about a person, and is shown where reads are noted."""
    changed: list[str] = []
    if each.fate is Fate.UNDONE and each.now and each.then:
        names = type(each.now).attributes()
        changed = [name for name in names if getattr(each.now, name) != getattr(each.then, name)]
    why = each.refusal and each.refusal.message
    return {"id": id_text(each.kind, each.id), "fate": each.fate.value, "changed": changed, "why": why}


def _text(told: dict[str, Any]) -> Any:
    rows = [[each["id"], each["fate"], ", ".join(each["changed"]) or each["why"]] for each in told["things"][:SHOWN]]
    more = (
        [["…", f"{len(told['things']) - SHOWN} more", "--json lists them all"]] if len(told["things"]) > SHOWN else []
    )
    counts = ", ".join(f"{count} {fate}" for fate, count in told["counts"].items() if count)
    end = told["refused"] or (f"its own correlation id is {told['correlation_id']}" if told["correlation_id"] else "")
    return Group(table(["thing", "", "what"], rows + more), *filter(None, (counts, end)))
