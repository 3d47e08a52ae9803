"""`daybook audit`: who did what, who was kept from what, and who read what is personal."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from domain.values import id_text
from infra.accesses import Access, since
from infra.cli import trails
from infra.cli.databases import database
from infra.cli.output import AsJson, Failed, table, tell
from infra.cli.persons import id_of
from infra.database import connect
from infra.refusals import Refusals
from infra.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(
        help="See who did what, who was kept from what, and who read what is personal.", no_args_is_help=True
    )
    group.command("trail")(trails.trail_)
    group.command("export")(trails.export_)
    group.command("head")(trails.head)
    group.command("refusals")(refusals)
    group.command("access")(access)
    app.add_typer(group, name="audit")


def refusals(
    days: Annotated[int, typer.Option(min=1, max=36_500, help="Of so many days.")] = 7,
    most: Annotated[int, typer.Option(min=1, max=100_000, help="So many lines at most.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """List who was not let in, might not do or see something, or asked for too much; the latest first."""
    settings = Settings.from_environment()
    with database(settings) as used:
        if not used.is_prepared:
            raise Failed("nobody was refused anything: the database is empty")
        with Refusals(used.application_url, settings.refusal_days) as kept:
            found = kept.since(datetime.now(UTC) - timedelta(days=days), most)
    shown = ("at", "times", "code", "what", "path", "user", "token", "address")
    told: list[dict[str, Any]] = [
        {
            **asdict(each),
            "at": each.at.isoformat(timespec="seconds"),
            "user": each.user_id and id_text("User", each.user_id),
        }
        for each in found
    ]
    tell(told, as_json, lambda told: table([*shown], [[row[key] for key in shown] for row in told]) if told else None)


def access(
    person: Annotated[str | None, typer.Option(metavar="ID", help="Of whom; of anybody if left out.")] = None,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="Of so many days.")] = 7,
    most: Annotated[int, typer.Option(min=1, max=100_000, help="So many lines at most.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """List who was told what is personal, or exported it, and of whom; the latest first."""
    whose = id_of(person)[1] if person else None
    with database(Settings.from_environment()) as used:
        if not used.is_prepared:
            raise Failed("nobody read anything: the database is empty")
        with connect(used.application_url) as connection:
            found = since(connection, datetime.now(UTC) - timedelta(days=days), most, whose)
    told = [_told(each, whose) for each in found]
    shown = ("at", "times", "who", "way", "operation", "kind", "of")
    rows = [[row["of"] if key == "of" else row[key] for key in shown] for row in told]
    tell(told, as_json, lambda _: table([*shown], rows) if rows else None)


def _told(each: Access, whose: UUID | None) -> dict[str, Any]:
    persons = [str(person) for person in each.persons]
    many = len(persons) + each.unnamed
    return {
        **asdict(each),
        "at": each.at.isoformat(timespec="seconds"),
        "who": id_text("User", each.user_id) if each.user_id else f"local:{each.local}",
        "persons": persons,
        "of": "nobody in particular" if not many else str(whose or persons[0]) if many == 1 else f"{many} persons",
    }
