"""What an operator does with the views: rebuild, verify, and look after what they cannot follow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import typer

from domain.values import id_text, parse
from infra import dead_letters
from infra.cli.databases import Database, database
from infra.cli.output import Advance, AsJson, Failed, progress, say, table, tell
from infra.cli.running import prepared
from infra.database import SCHEMA, connect
from infra.dead_letters import Letter, NothingToSkip
from infra.projection import NotBuilt, Unreadable, reason
from infra.rebuild import Busy, NotKept, Rebuilt, WrongRows, abandon, back, drop_old, rebuild
from infra.settings import Settings
from infra.verify_views import verify
from projections.catalogue import VIEWS
from projections.view import View


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("rebuild")(rebuild_)
    group = typer.Typer(help="Look after events that a view cannot take.", no_args_is_help=True)
    for command in (list_, show, retry, skip):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="dead")


def rebuild_(
    views: Annotated[
        list[str] | None, typer.Argument(help="Their names, such as opportunities; all if left out.")
    ] = None,
    go_back: Annotated[
        bool, typer.Option("--back", help="Put kept tables of this declaration back in their place, once level.")
    ] = False,
    give_up: Annotated[bool, typer.Option("--abandon", help="Drop what a cancelled rebuild left half built.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Drop the old tables that are kept for a rollback.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build views anew from the history, beside the live ones, and put them in their place.

    Ctrl-C keeps what is built so far: the next rebuild goes on from there.
    """
    if go_back + give_up + drop > 1:
        raise typer.BadParameter("one at a time", param_hint="--back, --abandon, --drop")
    if (go_back or give_up or drop) and not views:
        raise typer.BadParameter("name the views", param_hint="VIEWS")
    chosen = named(views or [])
    with prepared(Settings.from_environment()) as parts, _refusals():
        if give_up or drop:
            tell([_dropped(parts.database, view, give_up) for view in chosen], as_json, _drops)
            return
        url = parts.database.application_url
        made = [back(url, SCHEMA, view) if go_back else _rebuilt(url, view) for view in chosen]
        titles = ("view", "events", "position", "as_before", "notes")
        tell(
            [asdict(each) for each in made],
            as_json,
            lambda told: table([*titles], [[", ".join(r[t]) if t == "notes" else r[t] for t in titles] for r in told]),
        )


def _rebuilt(url: str, view: type[View]) -> Rebuilt:
    with progress(view.table) as advance:
        try:
            [made] = rebuild(url, SCHEMA, [view], reporting(advance))
        except (KeyboardInterrupt, SystemExit):
            say(f"{view.table} is half built: `daybook rebuild {view.table}` goes on, with --abandon it is dropped")
            raise
    return made


def _dropped(used: Database, view: type[View], half_built: bool) -> dict[str, Any]:
    with connect(used.application_url) as connection:
        names, notes = (abandon(connection, view), []) if half_built else drop_old(connection, view)
    return {"view": view.table, "dropped": names, "notes": notes}


def _drops(told: list[dict[str, Any]]) -> str:
    return "\n".join(line for each in told for line in [*(f"{n} was dropped" for n in each["dropped"]), *each["notes"]])


def verify_views(names: list[str], sample: int | None, as_json: bool) -> None:
    """`daybook verify views`."""
    chosen = named(names)
    with prepared(Settings.from_environment()) as parts, _refusals():
        told = []
        for view in chosen:
            with progress(view.table) as advance:
                told.append(asdict(verify(parts.database.application_url, SCHEMA, view, sample, reporting(advance))))
    tell(told, as_json, _verdicts)
    if any(each["differences"] for each in told):
        raise typer.Exit(1)


def _verdicts(told: list[dict[str, Any]]) -> str:
    lines = []
    for each in told:
        verdict = "DIFFERS" if each["differences"] else "is what the history says"
        parked = f"; {each['parked']} aggregates are parked" if each["parked"] else ""
        lines.append(
            f"{each['view']} {verdict}, as of position {each['position']}: {each['events']} events,"
            f" {each['aggregates']} aggregates compared with their rows{parked}"
        )
        for d in each["differences"]:
            lines.append(f"  {_where(d)}: {d['column']} is {d['shown']}, and should be {d['told']}")
    return "\n".join(lines)


def _where(difference: dict[str, Any]) -> str:
    parts = [str(difference["id"]), difference["key"], difference["position"] and f"at {difference['position']}"]
    return " ".join(part for part in parts if part)


# -- what cannot be followed --------------------------------------------------------------------------------------


def list_(as_json: AsJson = False) -> None:
    """List the aggregates that a view cannot follow, and why."""
    with _reading() as used, connect(used.application_url) as connection:
        found = dead_letters.letters(connection)
    tell([_told(letter) for letter in found], as_json, _listed)


def show(position: Annotated[int, typer.Argument(help="Of the event.")], as_json: AsJson = False) -> None:
    """Show an event as it was recorded, and the views that cannot take it."""
    with _reading() as used, connect(used.application_url) as connection:
        event = dead_letters.event_at(connection, position)
        waiting = [_told(letter) for letter in dead_letters.letters(connection) if letter.position == position]
    if event is None:
        raise Failed(f"there is no event at position {position}")
    rows = [[name, value] for name, value in event.items()]
    rows += [[f"parked in {row['view']}", row["reason"]] for row in waiting]
    tell({"event": event, "parked": waiting}, as_json, lambda _: table(["", "as it was recorded"], rows))


def retry(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Of aggregates, as `dead list` shows them; all if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fold what waits, in its order, after its cause is mended. What still cannot be folded goes on waiting."""
    chosen = {_id(text) for text in ids} if ids else None
    with prepared(Settings.from_environment()) as parts, connect(parts.database.application_url) as connection:
        done, left = dead_letters.retry(connection, VIEWS, chosen)
    _tell_of(done, left, as_json)


def skip(
    position: Annotated[int, typer.Argument(help="Of the event.")],
    view: Annotated[
        str | None, typer.Option(help="The view that leaves it out; if not given, all in which it is parked.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Leave an event out of views, for good, also when they are built anew; then fold what waited behind it."""
    with prepared(Settings.from_environment()) as parts, connect(parts.database.application_url) as connection:
        try:
            names, left = dead_letters.skip(connection, VIEWS, position, view)
        except NothingToSkip as error:
            raise Failed(str(error)) from error
    told = {"position": position, "skipped": names, "parked": [_told(letter) for letter in left]}
    tell(told, as_json, lambda told: f"position {position} is left out of {', '.join(names)}")
    if left and not as_json:
        tell(told["parked"], False, _listed)


def _tell_of(done: list[Letter], left: list[Letter], as_json: bool) -> None:
    told = {"done": [_told(letter) for letter in done], "parked": [_told(letter) for letter in left]}
    tell(told, as_json, lambda told: f"{len(done)} parked aggregates were folded, {len(left)} still wait")
    if left:
        if not as_json:
            tell(told["parked"], False, _listed)
        raise typer.Exit(1)


def _told(letter: Letter) -> dict[str, Any]:
    return {**asdict(letter), "id": id_text(letter.topic.partition(".")[0], letter.id)}


def _listed(told: list[dict[str, Any]]) -> Any:
    if not told:
        return "nothing is parked"
    titles = ["view", "id", "position", "topic", "waiting", "tries", "since", "reason"]
    return table(titles, [[row[title] for title in titles] for row in told])


def _id(text: str) -> UUID:
    try:
        return parse(text)[1] if "_" in text else UUID(text)
    except ValueError:
        raise Failed(f"{text} is no id, which looks like Opportunity_<uuid>") from None


# -- shared -------------------------------------------------------------------------------------------------------


def named(names: list[str]) -> list[type[View]]:
    """The views of these names, or all. Raises Failed."""
    known = {view.table: view for view in VIEWS}
    if unknown := [name for name in names if name not in known]:
        raise Failed(f"there is no view {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names or known]


def reporting(advance: Advance) -> Any:
    """How far the work on a view is, on the bar."""
    return lambda at: advance(at.done, at.total)


@contextmanager
def _reading() -> Iterator[Database]:
    with database(Settings.from_environment()) as used:
        if not used.is_prepared:
            raise Failed("there are no views yet: the database is empty")
        yield used


@contextmanager
def _refusals() -> Iterator[None]:
    """What stops a rebuild is said in one line."""
    try:
        yield
    except Unreadable as error:
        position = error.recorded.position
        raise Failed(f"{error} cannot be folded ({reason(error)}): see `daybook dead show {position}`") from error
    except (Busy, WrongRows, NotBuilt, NotKept) as error:
        raise Failed(str(error)) from error
