"""What an auditor asks of the history at the command line: the trail of one thing, the log as a file, where it ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from psycopg import Connection
from rich.table import Table
from rich.text import Text

from domain.values import id_text, parse
from infra import anchors
from infra.accesses import local_reader, note_now
from infra.audit_log import Filter, export_log
from infra.cli.choosing import Contexts, From, Kinds, To, first, kinds, last
from infra.cli.databases import database
from infra.cli.output import AsJson, Failed, progress, say, table, tell
from infra.cli.running import prepared
from infra.database import connect
from infra.exporting import Format
from infra.settings import Settings
from infra.trail import CLOSED, KIND, NOTHING, Change, Names, Step, persons, trail
from infra.verify import hashes_at

HEAD = "select position, encode(hash, 'hex'), case when position > 0 then recorded_at end from event_head"


def trail_(
    id: Annotated[str, typer.Argument(metavar="ID", help="Of what, such as Opportunity_<uuid>.")],
    first: Annotated[int | None, typer.Option(min=1, help="Only so many events, the first ones.")] = None,
    personal: Annotated[
        bool, typer.Option("--personal", help="Open what is personal. It is noted: see `daybook audit access`.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what happened to one thing: when, by whom, by which command and why, and each value before and after."""
    settings = Settings.from_environment()
    with _reading(settings, personal) as (connection, keys):
        wanted, subject = _subject(connection, id)
        if personal:
            reader = local_reader("audit trail --personal")
            note_now(connection, reader, subject.partition("_")[0], persons(connection, wanted))
        names = Names(connection)
        steps = [_told(step, names) for step in list(trail(connection, wanted, keys))[:first]]
        called = names.of(wanted)[1]
    tell({"of": subject, "name": called, "events": steps}, as_json, _in_words)


def export_(
    format: Annotated[Format, typer.Option(help="CSV, or a JSON object on each line.")] = Format.CSV,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="A file; the standard output if left out.")] = None,
    since: From = None,
    until: To = None,
    context: Contexts = None,
    kind: Kinds = None,
    actor: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what this user asked for, or had asked.")
    ] = None,
    command: Annotated[str | None, typer.Option(help="Only of this command, such as Opportunity.win.")] = None,
    of: Annotated[str | None, typer.Option(metavar="ID", help="Only what happened to this.")] = None,
    correlation: Annotated[str | None, typer.Option(metavar="ID", help="Only what belongs to this.")] = None,
) -> None:
    """Write who did what to which thing, a row for each event. `daybook export events` writes what is a proof."""
    if format is Format.PARQUET:
        raise typer.BadParameter("the log is csv or ndjson", param_hint="--format")
    chosen = Filter(
        only=kinds(context, kind), actor=_id(actor, "--actor"), command=command, of=_id(of, "--of"),
        correlation=_id(correlation, "--correlation"),
    )  # fmt: skip
    settings = Settings.from_environment()
    zone = ZoneInfo(settings.time_zone)
    # What goes out is noted, for which the tables must be up to date.
    with _reading(settings, writing=True) as (connection, _), progress("Exporting") as advance:
        begin, end = first(connection, since, zone), last(connection, until, zone)
        note_now(connection, local_reader("audit export"), "events", [])
        try:
            opened = out.open("w", encoding="utf-8", newline="") if out else nullcontext(sys.stdout)
        except OSError as error:
            raise Failed(f"{out} cannot be written: {error.strerror}") from None
        with opened as written:
            rows = export_log(connection, written, format, begin, end, chosen, advance)
    say(f"{rows} events")


def head(
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="Anchors; those of the data folder if left out."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say where the history ends, what was anchored last, and whether the anchors hold. To verify it all is another
    command: `daybook verify history`.
    """
    settings = Settings.from_environment()
    file = against or settings.data / "anchors.ndjson"
    signed = anchors.read(file) if file.exists() else None
    with _reading(settings) as (connection, _):
        ((position, hash, at),) = connection.execute(HEAD).fetchall()
        found = hashes_at(connection, [position, *(signed.receipts if signed else ())])
    told: dict[str, Any] = {
        "position": position,
        "hash": hash,
        "recorded_at": at and at.isoformat(),
        "whole": position == 0 or (position in found and found[position].hex() == hash),
        "anchors": None,
    }
    if signed:
        wrong = [p for p, h in sorted(signed.receipts.items()) if p not in found or found[p].hex() != h]
        told["anchors"] = {"file": str(file), **signed.told(), "broken": next(iter(wrong), None)}
    tell(told, as_json, _head)
    if not told["whole"] or (told["anchors"] and told["anchors"]["broken"]):
        raise typer.Exit(1)


@contextmanager
def _reading(settings: Settings, writing: bool = False) -> Iterator[tuple[Connection[Any], Any]]:
    """A connection; where something is noted, of a database that is up to date, with the keys of persons."""
    if writing:
        with prepared(settings) as parts, connect(parts.database.application_url) as connection:
            yield connection, parts.store.keys
        return
    with database(settings) as used:
        if not used.is_prepared:
            raise Failed("nothing has happened: the database is empty")
        with connect(used.application_url) as connection:
            yield connection, CLOSED


def _subject(connection: Connection[Any], text: str) -> tuple[UUID, str]:
    try:
        kind, id = parse(text)
    except ValueError:
        raise Failed(f"{text} is no id, which looks like Opportunity_<uuid>") from None
    found = connection.execute(KIND, [id]).fetchone()
    if found is None or (kind and kind != found[0]):
        raise Failed(f"nothing is recorded of {text}")
    return id, id_text(found[0], id)


def _id(text: str | None, option: str) -> UUID | None:
    try:
        return parse(text)[1] if text else None
    except ValueError:
        raise typer.BadParameter(f"{text} is no id", param_hint=option) from None


def _told(step: Step, names: Names) -> dict[str, Any]:
    """An event in plain values."""
    by = {"actor": step.actor, "on_behalf_of": step.on_behalf_of}
    who = {name: id and dict(zip(("id", "name"), names.of(id), strict=True)) for name, id in by.items()}
    return {
        **vars(step),
        **who,
        "recorded_at": f"{step.recorded_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "occurred_at": f"{step.occurred_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "changes": [_changed(change, names) for change in step.changes],
    }


def _changed(change: Change, names: Names) -> dict[str, Any]:
    if change.personal:
        return {"field": change.field, "personal": True}
    found: dict[str, Any] = {"field": change.field}
    for when, value in (("before", change.before), ("after", change.after)):
        found[when] = value
        if isinstance(value, UUID):
            found[when], name = names.of(value)
            found |= {f"{when}_name": name} if name else {}
    return found


def _in_words(told: dict[str, Any]) -> Table:
    """A line for each event, and under it one for each change."""
    rows = [
        [
            step["position"],
            step["occurred_at"][:16].replace("T", " "),
            _who(step),
            step["event"],
            _lines(step),
            step["receipt"][:12],
        ]
        for step in told["events"]
    ]
    return table(["position", "when", "who", "what", f"{told['of']} {told['name'] or ''}".strip(), "receipt"], rows)


def _who(step: dict[str, Any]) -> str:
    actor, behalf = ((who["name"] or who["id"]) if who else None for who in (step["actor"], step["on_behalf_of"]))
    return f"{actor}, for {behalf}" if behalf else str(actor)


def _lines(step: dict[str, Any]) -> Text:
    lines = [f"reason: {step['reason']}"] if step["reason"] else []
    for change in step["changes"]:
        if change.get("personal"):
            lines.append(f"{change['field']}: personal, sealed")
        else:
            values = " → ".join(_value(change, when) for when in ("before", "after"))
            lines.append(f"{change['field']}: {values}")
    return Text("\n".join(lines))


def _value(change: dict[str, Any], when: str) -> str:
    value = change[when]
    if f"{when}_name" in change:
        return str(change[f"{when}_name"])
    if isinstance(value, dict) and value.keys() == {"amount", "currency"}:
        return f"{value['amount']} {value['currency']}"
    return "nothing" if value in NOTHING else str(value)


def _head(told: dict[str, Any]) -> str:
    if told["position"] == 0:
        return "the history is empty"
    lines = ["the history ends with position {position} and hash {hash}, recorded at {recorded_at}".format(**told)]
    if not told["whole"]:
        lines.append("but there is no such event: run `daybook verify history`")
    if (signed := told["anchors"]) is None:
        lines.append("it was never anchored: see `daybook anchor`")
    elif signed["broken"] is not None:
        lines.append("the anchor of position {broken} does not hold: run `daybook verify history`".format(**signed))
    else:
        since = told["position"] - signed["last"]
        held = "all anchors hold ({anchors}), the last one of position {last}, signed at {at}".format(**signed)
        lines.append(f"{held}; {since} events were recorded since")
    return "\n".join(lines)
