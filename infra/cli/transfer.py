"""`daybook import` and `daybook export`: rows of files become commands, and views become rows of files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import Connection

from infra.accesses import local_reader
from infra.cli.output import AsJson, Failed, progress, say, table, tell
from infra.cli.running import Running, prepared
from infra.database import connect
from infra.exporting import Format, export
from infra.importing import importer, mapping
from infra.projecting import projecting
from infra.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("import")(import_)
    app.command("export")(export_)


def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file.")],
    kind: Annotated[str, typer.Option("--as", metavar="KIND", help="What a row is, such as Opportunity.")],
    map: Annotated[Path, typer.Option(exists=True, dir_okay=False, readable=True, help="The mapping, a TOML file.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Record nothing; say what would be.")] = False,
    errors: Annotated[Path | None, typer.Option(help="Where refused rows go, with line, column and reason.")] = None,
    as_json: AsJson = False,
) -> None:
    """Import a file through commands: a row is whole or refused, and a second run doubles nothing."""
    meant = mapping.read(map)
    with _views() as (parts, connection), progress(f"Importing {file.name}") as advance:
        report = importer.run(
            file, kind, meant, parts.pipeline, parts.store, connection, parts.administrator, parts.zone,
            progress=advance, dry_run=dry_run, errors_to=errors,
        )  # fmt: skip
    told = asdict(report)
    tell(told, as_json, lambda told: table(["", file.name], [[k.replace("_", " "), v] for k, v in told.items()]))
    if report.refused:
        raise typer.Exit(1)


def export_(
    name: Annotated[str, typer.Argument(help="A list of the API, such as opportunities or opportunityLines.")],
    format: Annotated[Format, typer.Option(help="CSV, or a JSON object on each line.")] = Format.CSV,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="A file; the standard output if left out.")] = None,
) -> None:
    """Write a list as rows of a file."""
    try:
        opened = out.open("w", encoding="utf-8", newline="") if out else nullcontext(sys.stdout)
    except OSError as error:
        raise Failed(f"{out} cannot be written: {error.strerror}") from None
    with _views() as (_, connection), opened as written, progress(f"Exporting {name}") as advance:
        try:
            exported = export(connection, name, format, written, local_reader(f"export {name}"), advance)
            written.flush()
        except BrokenPipeError:  # whoever reads has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
    say(f"{exported.rows} rows of {exported.connection}")


@contextmanager
def _views() -> Iterator[tuple[Running, Connection[Any]]]:
    """What works on the database, and a connection, while views follow: ours too, where no server moves them."""
    settings = Settings.from_environment()
    with prepared(settings) as parts:
        url = parts.database.application_url
        with projecting(url, settings) if parts.database.is_embedded else nullcontext(), connect(url) as connection:
            yield parts, connection
