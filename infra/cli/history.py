"""What an operator does with the history: anchor, back up, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from infra import anchors
from infra.backup import backup, restore
from infra.cli.databases import database
from infra.cli.output import AsJson, Failed, progress, tell
from infra.data_folder import serving
from infra.database import connect
from infra.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("anchor")(anchor_)
    app.command("backup")(backup_)
    app.command("restore")(restore_)


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
