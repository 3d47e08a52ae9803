"""What an operator does with the history: verify, anchor, back up, restore."""

from __future__ import annotations

import re
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from infra import anchors
from infra.backup import backup, restore
from infra.cli.databases import database
from infra.cli.output import AsJson, Failed, progress, tell
from infra.cli.views import verify_views
from infra.data_folder import serving
from infra.database import connect
from infra.settings import Settings
from infra.verify import in_python, in_sql, verify


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("verify")(verify_)
    app.command("anchor")(anchor_)
    app.command("backup")(backup_)
    app.command("restore")(restore_)


class What(StrEnum):
    HISTORY = "history"
    VIEWS = "views"


def verify_(
    what: Annotated[What, typer.Argument(help="What to verify.")] = What.HISTORY,
    receipt: Annotated[
        list[str] | None, typer.Option(metavar="POSITION:HASH", help="A receipt kept elsewhere; may be given again.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Anchors kept elsewhere: see `daybook anchor`."),
    ] = None,
    signed_by: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="The public key of the anchors; may be given again.")
    ] = None,
    by_hand: Annotated[bool, typer.Option(help="Compute the hashes here, not in the database.")] = False,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[VIEW]...", help="Which views; all if left out.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, help="Of views: so many aggregates are compared attribute by attribute.")
    ] = 1_000,
    everything: Annotated[bool, typer.Option("--all", help="Of views: compare all aggregates.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prove that the history is what was recorded: each event's hash covers the event and the hash before it.

    Receipts and anchors show what a chain cannot: a tail that was cut off, a chain that was computed anew.

    `verify views` proves that views say what the history says: it builds them anew in the shadow and compares every
    version of every row, and compares aggregates with their rows.
    """
    if what is What.VIEWS:
        verify_views(names or [], None if everything else sample, as_json)
        return
    if names:
        raise typer.BadParameter("only `verify views` takes names", param_hint="VIEW")
    if signed_by and not against:
        raise typer.BadParameter("it is about anchors: give --against too", param_hint="--signed-by")
    anchored = anchors.read(against, {key.lower() for key in signed_by or ()}) if against else None
    receipts = [_receipt(text) for text in receipt or ()]
    receipts += anchored.receipts.items() if anchored else ()
    with database(Settings.from_environment()) as used:
        if not used.is_prepared:
            raise Failed("there is nothing to verify: the database is empty")
        with connect(used.application_url) as connection, progress("Verifying") as advance:
            verified = verify(connection, receipts, advance, in_python if by_hand else in_sql)
    told = {**asdict(verified), "against": anchored and {"file": str(against), **anchored.told()}}
    if anchored and verified.broken is not None and (line := anchored.line(verified.broken)):
        told["problem"] = f"{verified.problem} (line {line} of {against})"
    tell(told, as_json, _verdict)
    if verified.broken is not None:
        raise typer.Exit(1)


def _verdict(told: dict[str, Any]) -> str:
    if told["broken"] is not None:
        return "the history is broken at position {broken}: {problem}".format(**told)
    whole = "the history is whole up to position {position}, whose receipt is {receipt}".format(**told)
    if told["against"] is None:
        return whole
    held = "it holds against {anchors} anchors of positions {first} to {last}, the last one of {at}"
    keys = ", ".join(told["against"]["public_keys"])
    return f"{whole}\n{held.format(**told['against'])}, signed by {keys}"


def anchor_(
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Where the line is added; else the data folder.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="An Ed25519 key in PEM; else the data folder's."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign what the history ends with now, and add that as a line to a file. Keep it where others cannot write."""
    settings = Settings.from_environment()
    signing = anchors.key_from(key) if key else anchors.key_in(settings.data)
    file = to or settings.data / "anchors.ndjson"
    with database(settings) as used:
        if not used.is_prepared:
            raise Failed("there is nothing to anchor: the database is empty")
        with connect(used.application_url) as connection:
            made = anchors.anchor(connection, signing)
    anchors.add(file, made)
    text = "{file}: the history ended with position {position} and hash {hash} at {at}, signed by {public_key}"
    tell({"file": str(file), **msgspec.structs.asdict(made)}, as_json, lambda told: text.format(**told))


def _receipt(text: str) -> tuple[int, str]:
    if not (parts := re.fullmatch(r"([0-9]{1,18}):([0-9a-fA-F]{64})", text)):
        raise typer.BadParameter(f"{text} is not a position and a hash, such as 12:0f3a…", param_hint="--receipt")
    return int(parts[1]), parts[2]


def backup_(file: Annotated[Path, typer.Argument(dir_okay=False, help="A file that is not there yet.")]) -> None:
    """Save the history and whatever does not follow from it, while the server goes on. Views follow from it."""
    with database(Settings.from_environment()) as used, progress("Saving"):
        if not used.is_prepared:
            raise Failed("there is nothing to save: the database is empty")
        backup(used.owner_url, file)


def restore_(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="What `daybook backup` made.")
    ],
    as_json: AsJson = False,
) -> None:
    """Bring a backup back into an empty database. The views are built at the next start."""
    settings = Settings.from_environment()
    with database(settings) as used, serving(settings.data, "a restore"), progress("Restoring"):
        events = restore(used.owner_url, file, application_role=used.application_role)
    tell(
        {"events": events}, as_json, lambda told: f"{told['events']} events are back; `daybook serve` builds the views"
    )
