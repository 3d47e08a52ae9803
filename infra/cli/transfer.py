"""`daybook import` and `daybook export`: rows of files become commands, views and the history become rows of files."""

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

from infra import anchors
from infra.accesses import local_reader, note_now
from infra.cli.choosing import Contexts, From, Kinds, To, first, kinds, last
from infra.cli.output import AsJson, Failed, progress, say, table, tell
from infra.cli.running import Running, prepared
from infra.database import connect
from infra.evidence.manifest import SUFFIX, told
from infra.evidence.writing import export_events, stream_events
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
    with following() as (parts, connection), progress(f"Importing {file.name}") as advance:
        report = importer.run(
            file, kind, meant, parts.pipeline, parts.store, connection, parts.administrator, parts.zone,
            progress=advance, dry_run=dry_run, errors_to=errors,
        )  # fmt: skip
    tell(
        asdict(report),
        as_json,
        lambda told: table(["", file.name], [[k.replace("_", " "), v] for k, v in told.items()]),
    )
    if report.refused:
        raise typer.Exit(1)


def export_(
    name: Annotated[
        str,
        typer.Argument(help="A list of the API, such as opportunities or opportunityLines; or events, the history."),
    ],
    format: Annotated[
        Format, typer.Option(help="CSV, a JSON object on each line, or, of events, Parquet.")
    ] = Format.CSV,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="A file; the standard output if left out.")] = None,
    since: From = None,
    until: To = None,
    context: Contexts = None,
    kind: Kinds = None,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="An Ed25519 key in PEM that signs the manifest; else that of `daybook anchor`, once there is one.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a list as rows of a file.

    `export events` writes the history as it was recorded, what is personal sealed, and a manifest beside the file:
    `daybook verify history --against FILE` checks both on any machine. A name that ends with .gz is compressed.
    """
    if name == "events":
        _export_events(format, out, since, until, kinds(context, kind), key, as_json)
        return
    if since or until or context or kind or key or as_json or format is Format.PARQUET:
        raise typer.BadParameter(
            "only `export events` takes --from, --to, --context, --kind, --key, --json and parquet"
        )
    try:
        opened = out.open("w", encoding="utf-8", newline="") if out else nullcontext(sys.stdout)
    except OSError as error:
        raise Failed(f"{out} cannot be written: {error.strerror}") from None
    with (
        following() as (_, connection),
        opened as written,
        progress(f"Exporting {name}") as advance,
        _until_read_enough(),
    ):
        exported = export(connection, name, format, written, local_reader(f"export {name}"), advance)
        written.flush()
        say(f"{exported.rows} rows of {exported.connection}")


def _export_events(
    format: Format,
    out: Path | None,
    since: str | None,
    until: str | None,
    only: list[str] | None,
    key: Path | None,
    as_json: bool,
) -> None:
    settings = Settings.from_environment()
    if out is None and key:
        raise typer.BadParameter("what is signed is the manifest of a file: give --out", param_hint="--key")
    if out is None and format is Format.PARQUET:
        raise typer.BadParameter("parquet needs a file: give --out", param_hint="--format")
    if out is None and as_json:
        raise typer.BadParameter("what is told is the manifest of a file: give --out", param_hint="--json")
    signing = anchors.key_from(key) if key else anchors.key_at_hand(settings.data)
    with (
        prepared(settings) as parts,
        connect(parts.database.application_url) as connection,
        progress("Exporting events") as advance,
    ):
        begin, end = first(connection, since, parts.zone), last(connection, until, parts.zone)
        note_now(connection, local_reader("export events"), "events", [])
        if out is None:
            with _until_read_enough():
                events = stream_events(connection, sys.stdout.buffer, format, begin, end, only, advance)
                say(f"{events:,} events, without a manifest: only a file has one")
            return
        made = export_events(connection, out, format, begin, end, only, advance, signing)
    text = "{events:,} events of the positions {from} to {to} are in {path}, and what proves them in {path}{suffix}"
    text += ", signed by {public_key}" if signing else ", which is not signed: give --key, or run `daybook anchor` once"
    tell({"path": str(out), **told(made)}, as_json, lambda told: text.format(suffix=SUFFIX, **told))


@contextmanager
def _until_read_enough() -> Iterator[None]:
    """Whoever reads the standard output may close it when they have read enough."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def following() -> Iterator[tuple[Running, Connection[Any]]]:
    """What works on the database, and a connection, while views follow: ours too, where no server moves them."""
    settings = Settings.from_environment()
    with prepared(settings) as parts:
        url = parts.database.application_url
        with projecting(url, settings) if parts.database.is_embedded else nullcontext(), connect(url) as connection:
            yield parts, connection
