"""`daybook import` and `daybook export`: rows of files become commands, and views become rows of files."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import AsJson, progress, table, tell
from infra.cli.running import prepared
from infra.database import connect
from infra.importing import importer, mapping
from infra.projecting import projecting
from infra.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("import")(import_)


def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file.")],
    kind: Annotated[str, typer.Option("--as", metavar="KIND", help="What a row is, such as Opportunity.")],
    map: Annotated[Path, typer.Option(exists=True, dir_okay=False, readable=True, help="The mapping, a TOML file.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Record nothing; say what would be.")] = False,
    errors: Annotated[Path | None, typer.Option(help="Where refused rows go, with line, column and reason.")] = None,
    as_json: AsJson = False,
) -> None:
    """Import a file through commands: a row is whole or refused, and a second run doubles nothing."""
    settings, meant = Settings.from_environment(), mapping.read(map)
    with prepared(settings) as parts, ExitStack() as stack:
        url = parts.database.application_url
        if parts.database.is_embedded:
            stack.enter_context(projecting(url))
        with connect(url) as connection, progress(f"Importing {file.name}") as advance:
            report = importer.run(
                file, kind, meant, parts.pipeline, parts.store, connection, parts.administrator, parts.zone,
                progress=advance, dry_run=dry_run, errors_to=errors,
            )  # fmt: skip
        told = asdict(report)
        tell(told, as_json, lambda told: table(["", file.name], [[k.replace("_", " "), v] for k, v in told.items()]))
    if report.refused or report.changed:
        raise typer.Exit(1)
