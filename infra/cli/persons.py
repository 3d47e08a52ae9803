"""What an operator does about what is personal: wrap its keys by another master key."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from infra.cli.output import AsJson, Failed, progress, tell
from infra.cli.running import prepared
from infra.database import connect
from infra.keys import MasterKeys, file_of, keys_in, put_first, unlocked
from infra.rotation import rotate
from infra.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("rotate")(rotate_)


def rotate_(
    new: Annotated[
        bool, typer.Option("--new", help="Make a master key first, and put it first into the file.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Wrap all keys of persons, and the secret of digests, by the first master key of the file, while servers go on.

    One that was broken off is gone on with. Older master keys stay in the file: who restores an old backup needs them.
    """
    settings = Settings.from_environment()
    file = file_of(settings.master_key_file, settings.data)
    with prepared(settings) as parts, progress("Wrapping") as advance:
        if unlocked() is None:
            raise Failed("there is no master key, so that nothing is wrapped: give one by DAYBOOK_MASTER_KEY_FILE")
        if new:
            put_first(file)
        with connect(parts.database.owner_url) as connection:
            done = rotate(connection, MasterKeys(keys_in(file)), advance)
    text = "everything is wrapped by the master key {master}, the first in {file}: the keys of {persons} persons anew"
    tell({"file": str(file), **asdict(done)}, as_json, lambda told: text.format(**told))
