"""What an operator does about what is personal: tell what is held, wrap its keys anew, forget again after a restore."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec
import typer

from domain.command import Accepted, Code, Foreseen, Outcome, Refusal, Request
from domain.customers.contact import Contact
from domain.values import id_text, parse
from infra import anchors
from infra.accesses import local_reader, note_now
from infra.cli.databases import database
from infra.cli.output import AsJson, Failed, progress, say, table, tell
from infra.cli.running import Running, prepared
from infra.database import connect
from infra.erasure import NotForgotten, certificate, places
from infra.forgetting import destroy, forgotten, is_known
from infra.keys import MasterKeys, file_of, keys_in, put_first, unlocked
from infra.person_report import NoPerson, person_report
from infra.reporting import StillBuilt
from infra.retention import keeping
from infra.rotation import rotate
from infra.settings import Settings
from projections.customers.retention import ToForget


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("rotate")(rotate_)
    app.command("forgotten")(forgotten_)
    app.command()(forget)
    group = typer.Typer(help="Tell what is held about a person, and forget them.", no_args_is_help=True)
    group.command("report")(report_)
    group.command("forget")(forget_one)
    group.command("certificate")(certificate_)
    group.command("retention")(retention_)
    app.add_typer(group, name="person")


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


def forgotten_(
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="In UTC; all if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List who was forgotten, each on a line. Keep it apart from the backups: see `daybook forget`."""
    with database(Settings.from_environment()) as used:
        if not used.is_prepared:
            raise Failed("nobody was forgotten: the database is empty")
        with connect(used.application_url) as connection:
            found = forgotten(connection, since and since.replace(tzinfo=UTC))
    text = "\n".join(f"{each.id} {each.forgotten_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for each in found)
    tell([asdict(each) for each in found], as_json, lambda _: text or None)


def forget(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="What `daybook forgotten` listed.")
    ],
    as_json: AsJson = False,
) -> None:
    """Forget again whom a list names, after a backup from before was restored. Who is forgotten already stays so."""
    listed = dict(_listed(file))
    told = {"forgotten": 0, "already": 0, "unknown": 0}
    with prepared(Settings.from_environment()) as parts, progress("Forgetting") as advance:
        for number, (id, kind) in enumerate(listed.items()):
            told[_forget(parts, kind, id)] += 1
            advance(number + 1, len(listed))
        with connect(parts.database.application_url) as connection:
            if is_known(connection, listed):
                raise Failed("somebody of the list still has a key")
    text = "{forgotten} were forgotten; {already} were already, and of {unknown} nothing is recorded"
    tell(told, as_json, lambda told: text.format(**told))


def report_(
    id: Annotated[str, typer.Argument(help="Of the person, such as Contact_<uuid>.")],
    to: Annotated[Path, typer.Option(metavar="FILE", dir_okay=False, help="A file that is not there yet.")],
) -> None:
    """Write all that is held about a person, as JSON: what they may ask for, and take elsewhere."""
    (kind, person), settings = id_of(id), Settings.from_environment()
    with prepared(settings) as parts, parts.store.connection() as connection:
        try:
            made = person_report(connection, parts.store.keys, kind, person, settings.kafka_prefix, settings.time_zone)
        except NoPerson as error:
            raise Failed(str(error)) from None
        note_now(connection, local_reader("person report"), kind, [person])
        try:
            with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
                json.dump(made, out, indent=2, ensure_ascii=False)
        except OSError as error:
            raise Failed(f"{to} cannot be written: {error.strerror}") from None
    say(f"{to}: what is held about {made['person']}, as of position {made['position']}")


def forget_one(
    id: Annotated[str, typer.Argument(help="Of the person, such as Contact_<uuid>.")],
    reason: Annotated[str, typer.Option(help="It stays, so name nobody.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list every place where something is.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget a person for ever, or list every place where something of them is, and what would become of it."""
    kind, person = id_of(id)
    if not (reason or dry_run):
        raise typer.BadParameter("say why: it stays in the history", param_hint="--reason")
    with prepared(Settings.from_environment()) as parts:
        asked = Request(
            command=f"{kind}.forget", actor=parts.administrator, id=person, origin="daybook person forget",
            arguments={"reason": reason or "a dry run"},
        )  # fmt: skip
        outcome: Foreseen | Outcome = parts.pipeline.foreseen(asked)
        with parts.store.connection() as connection:
            found = places(connection, person)
        if not (isinstance(outcome, Refusal) or dry_run):
            outcome = parts.pipeline.run(asked)
        if isinstance(outcome, Refusal):
            raise Failed(f"{id} cannot be forgotten: {outcome.message}")
    shown = ("place", "rows", "personal", "becomes")
    told = [asdict(each) for each in found]
    tell(told, as_json, lambda told: table([*shown], [[row[name] for name in shown] for row in told]))
    say("this is what would be done: nothing was changed" if dry_run else f"{id} was forgotten")


def certificate_(
    id: Annotated[str, typer.Argument(help="Of a person who was forgotten, such as Contact_<uuid>.")],
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="An Ed25519 key in PEM; else the data folder's."
        ),
    ] = None,
) -> None:
    """Certify that a person was forgotten: look into every place, and sign what was found there. It is JSON."""
    (kind, person), settings = id_of(id), Settings.from_environment()
    signing = anchors.key_from(key) if key else anchors.key_in(settings.data)
    with prepared(settings) as parts, parts.store.connection() as connection:
        try:
            made = certificate(connection, kind, person, signing)
        except NotForgotten as error:
            raise Failed(str(error)) from None
    tell(msgspec.to_builtins(made), True, lambda _: None)


def retention_(
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As if it were this day; today if left out.")
    ] = None,
    kept: Annotated[bool, typer.Option("--kept", help="Those, too, for whom something speaks.")] = False,
    as_json: AsJson = False,
) -> None:
    """List whom to forget by the retention rules. Nobody is forgotten by it: see `daybook person forget`."""
    settings = Settings.from_environment()
    with prepared(settings) as parts, parts.store.connection() as connection:
        try:
            found = keeping(connection, ToForget(on=on and on.date(), kept=kept), settings.time_zone)
        except StillBuilt as error:
            raise Failed(str(error)) from None
    shown = ("person", "purpose", "counted_from", "runs_out_on", "kept_because")
    rows = [
        [each.person, each.purpose, each.counted_from, each.runs_out_on, ", ".join(each.kept_because)] for each in found
    ]
    tell([asdict(each) for each in found], as_json, lambda _: table([*shown], rows))


def id_of(text: str) -> tuple[str, UUID]:
    """The kind and the id that an argument names."""
    try:
        kind, id = parse(text)
    except ValueError:
        kind = None
    if kind is None:
        raise Failed(f"{text} is no id, which looks like Contact_<uuid>")
    return kind, id


def _listed(file: Path) -> Iterator[tuple[UUID, str | None]]:
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if words := line.split():
            try:
                kind, id = parse(words[0])
            except ValueError:
                raise Failed(f"{file}:{number}: {words[0]} is no id, which looks like Contact_<uuid>") from None
            yield id, kind


def _forget(parts: Running, kind: str | None, id: UUID) -> str:
    """A kind is named of everybody of whom something was recorded; a key may have been made for others, too."""
    if kind is not None:
        if kind == Contact.__name__:  # a hold that the backup brought back was released before they were forgotten
            _asked(parts, f"{kind}.release_hold", id)
        outcome = _asked(parts, f"{kind}.forget", id, reason="forgotten before, and again after a restore")
        if isinstance(outcome, Accepted):
            return "forgotten"
        if outcome.code is Code.REFUSED:
            return "already"
        if outcome.code is not Code.NOT_FOUND:
            raise Failed(f"{id_text(kind, id)} cannot be forgotten: {outcome.message}")
    with connect(parts.database.application_url) as connection:
        destroy(connection, [id])
    return "unknown"


def _asked(parts: Running, command: str, id: UUID, **arguments: str) -> Outcome:
    return parts.pipeline.run(
        Request(command=command, actor=parts.administrator, id=id, arguments=arguments, origin="daybook forget")
    )
