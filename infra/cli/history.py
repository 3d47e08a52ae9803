"""What an operator does with the history and the views: verify, anchor, rebuild, back up, restore."""

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
from infra.cli.output import Advance, AsJson, Failed, progress, table, tell
from infra.cli.running import prepared
from infra.data_folder import serving
from infra.database import SCHEMA, connect
from infra.projection import Unreadable
from infra.rebuild import Busy, Progress, WrongRows, rebuild
from infra.settings import Settings
from infra.verify import in_python, in_sql, verify
from projections.catalogue import VIEWS


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("verify")(verify_)
    app.command("anchor")(anchor_)
    app.command("rebuild")(rebuild_)
    app.command("backup")(backup_)
    app.command("restore")(restore_)


class What(StrEnum):
    HISTORY = "history"


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
    as_json: AsJson = False,
) -> None:
    """Prove that the history is what was recorded: each event's hash covers the event and the hash before it.

    Receipts and anchors show what a chain cannot: a tail that was cut off, a chain that was computed anew.
    """
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


def rebuild_(
    views: Annotated[
        list[str] | None, typer.Argument(help="Their names, such as opportunities; all if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build views anew from the history, beside the live ones, and put them in their place."""
    known = {view.table: view for view in VIEWS}
    if unknown := [name for name in views or [] if name not in known]:
        raise Failed(f"there is no view {', '.join(unknown)}; there are {', '.join(known)}")
    with prepared(Settings.from_environment()) as parts:
        rebuilt = []
        try:
            for name in views or known:
                with progress(name) as advance:

                    def report(at: Progress, advance: Advance = advance) -> None:
                        advance(at.done, at.total)

                    rebuilt += rebuild(parts.database.application_url, SCHEMA, [known[name]], report)
        except (Busy, Unreadable, WrongRows) as error:
            raise Failed(str(error)) from error
        told = [asdict(each) for each in rebuilt]
        titles = ("view", "events", "position", "as_before", "notes")
        tell(
            told,
            as_json,
            lambda told: table([*titles], [[", ".join(r[t]) if t == "notes" else r[t] for t in titles] for r in told]),
        )


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
