"""`daybook replay`: a part of the history, folded into views of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from getpass import getuser
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from psycopg import Connection

from infra.cli.databases import Database
from infra.cli.output import AsJson, Failed, progress, say, table, tell
from infra.cli.running import prepared
from infra.cli.views import named, reporting
from infra.database import SCHEMA, connect
from infra.instants import position_at
from infra.misfits import Part
from infra.projection import NotBuilt
from infra.rebuild import Busy
from infra.replaying import KEPT_FOR, MOST_EVENTS, MOST_TIME, Bounds, CannotReplay, Expected, replay
from infra.replays import Kept, NoReplay, drop, drop_spent, kept
from infra.settings import Settings
from projections.catalogue import VIEWS


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(invoke_without_command=True, no_args_is_help=True)
    group.callback()(replay_)
    for command in (list_, show, drop_):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="replay")


def replay_(
    context: typer.Context,
    into: Annotated[str | None, typer.Option(metavar="NAME", help="What it is called.", show_default=False)] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="POSITION|TIME", help="Up to where; all of the history if left out.", show_default=False),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="POSITION|TIME", help="From where on.", show_default=False)
    ] = None,
    without: Annotated[
        list[UUID] | None,
        typer.Option(
            metavar="ID", help="Of a command or a correlation: what it recorded is left out.", show_default=False
        ),
    ] = None,
    only_views: Annotated[
        list[str] | None, typer.Option(metavar="VIEW", help="Only these; may be given again.", show_default=False)
    ] = None,
    most_events: Annotated[int, typer.Option(min=1, help="Not more than so many.")] = MOST_EVENTS,
    most_minutes: Annotated[int, typer.Option(min=1, help="Not longer than so.")] = int(MOST_TIME.total_seconds() / 60),
    keep_days: Annotated[int, typer.Option(min=1, max=3_650, help="For so long it is kept.")] = KEPT_FOR.days,
    as_json: AsJson = False,
) -> None:
    """Fold a part of the history into a second set of views, beside the live ones, which nothing happens to.

    Reads that come with the header `Daybook-Replay: NAME` are answered by it. Ctrl-C leaves nothing of it.
    """
    if context.invoked_subcommand:
        return
    if into is None:
        raise typer.BadParameter("say what it is to be called", param_hint="--into")
    views, settings = named(only_views or []), Settings.from_environment()
    with _used() as (used, connection):
        zone = ZoneInfo(settings.time_zone)
        [head] = connection.execute("select position from event_head").fetchone() or (0,)
        end = _position(connection, until, zone, "--until") if until else int(head)
        start = _position(connection, since, zone, "--from") if since else 1
        if since and not since.isdecimal():
            start += 1  # what was recorded after that time
        part = Part(start, end, tuple(without or ()))
        free = shutil.disk_usage(settings.data).free if used.is_embedded else None
        bounds = Bounds(most_events, timedelta(minutes=most_minutes), free)
        with progress("Folding") as advance:
            made = replay(
                used.application_url, SCHEMA, into, part, views, VIEWS, _user(), bounds, timedelta(days=keep_days),
                _say_expected, reporting(advance),
            )  # fmt: skip
    tell(_told(made), as_json, _shown)


def list_(as_json: AsJson = False) -> None:
    """List the replays that are kept."""
    with _used() as (_, connection):
        found = [_told(each) for each in kept(connection)]
    shown = ("name", "state", "until", "without", "events", "bytes", "made_by", "begun_at", "expires_at")
    tell(
        found,
        as_json,
        lambda told: table([*shown], [[_cell(row[key]) for key in shown] for row in told]) if told else None,
    )


def show(name: Annotated[str, typer.Argument()], as_json: AsJson = False) -> None:
    """Show a replay, and what no longer fits in it."""
    with _used() as (_, connection):
        [found] = kept(connection, name)
    tell(_told(found), as_json, _shown)


def drop_(name: Annotated[str, typer.Argument()]) -> None:
    """Drop a replay before it expires."""
    with _used() as (_, connection):
        drop(connection, name)
    say(f"{name} was dropped")


@contextmanager
def _used() -> Iterator[tuple[Database, Connection[Any]]]:
    """The database, from which what expired has gone. What cannot be is said in one line."""
    with prepared(Settings.from_environment()) as parts, connect(parts.database.application_url) as connection:
        drop_spent(connection)
        try:
            yield parts.database, connection
        except (Busy, CannotReplay, NoReplay, NotBuilt) as error:
            raise Failed(str(error)) from error


def _position(connection: Connection[Any], text: str, zone: ZoneInfo, option: str) -> int:
    """A position, or the last one that was recorded by a time. Without an offset that is one of the company's zone."""
    if text.isascii() and text.isdecimal() and len(text) < 19:
        return int(text)
    try:
        at = datetime.combine(date.fromisoformat(text), time()) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text} is neither a position nor a time such as 2026-03-31T18:00", param_hint=option
        ) from None
    at = at if at.tzinfo else at.replace(tzinfo=zone)
    if at > datetime.now(UTC):
        raise typer.BadParameter(f"{text} lies in the future: nothing is known of it yet", param_hint=option)
    return position_at(connection, at)


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):
        return "unknown"


def _say_expected(expected: Expected) -> None:
    say(f"{expected.events:,} events; the tables will take about {max(expected.bytes // 1_000_000, 1):,} MB")


def _told(made: Kept) -> dict[str, Any]:
    expired = made.expires_at <= datetime.now(UTC)
    state = "unfinished" if made.made_at is None else "expired" if expired else "kept"
    return {"state": state, **asdict(made)}


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value


def _shown(told: dict[str, Any]) -> str:
    lines = [
        "{name}: {events} events up to position {until}, kept until {expires_at:%Y-%m-%d %H:%M} UTC".format(**told),
        f"ask with the header Daybook-Replay: {told['name']}",
    ]
    report = told["report"] or {"misfits": [], "empty": []}
    if report["empty"]:
        lines.append(f"nothing is in {', '.join(report['empty'])}")
    for misfit in report["misfits"]:
        events = "" if misfit["events"] is None else f", {misfit['events']} events"
        lines.append(f"{misfit['what']}: {misfit['things']} in {misfit['where']}{events}")
        lines += [f"  {example}" for example in misfit["examples"]]
    return "\n".join(lines)
