"""`daybook chart`, `calendar` and `report`: what is made of a project for people, written to files."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

import httpx
import typer

from infra.charts.canvas import Format
from infra.charts.words import Language
from infra.cli.output import Failed, say
from infra.cli.ports import Ports
from infra.cli.transfer import following
from infra.deliverables.charts import CHARTS
from infra.instants import ViewBehind
from infra.level import when_level
from infra.settings import Settings
from projections.catalogue import VIEWS
from projections.report import TimeAxis

SHOWN_WITHIN = 60
"""Seconds for which views are waited for."""
BEARER = {"authorization": "Bearer at hand"}
NAMES = ", ".join(chart.name for chart in CHARTS)

Project = Annotated[str, typer.Argument(metavar="PROJECT", help="Which, as Project_<uuid>.")]
AsOf = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        help="As it was known then: a position, a day, or a time with its zone; now if left out.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", "--output", dir_okay=False, help="A file; the standard output if left out.")
]
Spoken = Annotated[Language, typer.Option(help="What it speaks beside the names that were given.")]


class Pages(StrEnum):
    """How a report is written."""

    MARKDOWN = "markdown"
    HTML = "html"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("chart")(chart)
    app.command("calendar")(calendar)
    reports = typer.Typer(help="Reports for people.", no_args_is_help=True)
    reports.command("status")(status)
    app.add_typer(reports, name="report")


def chart(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="CHART", help=f"One of {NAMES}.")],
    project: Project,
    as_of: AsOf = None,
    on: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="Of a Gantt chart: as if it were this day; that of the instant if left out."),
    ] = None,
    by: Annotated[
        TimeAxis | None,
        typer.Option(
            help="Of a burn-down or a milestone trend: along the time when it became known, or when it happened; the"
            " former if left out.",
            show_default=False,
        ),
    ] = None,
    format: Annotated[
        Format | None, typer.Option(help="What the name of the file ends with, or else SVG, if left out.")
    ] = None,
    out: Out = None,
    language: Spoken = Language.EN,
) -> None:
    """Draw a chart of a project, as of any instant."""
    if name not in {chart.name for chart in CHARTS}:
        raise typer.BadParameter(f"there is no chart {name}: there are {NAMES}", param_hint="CHART")
    ending = out.suffix.lower().removeprefix(".") if out else ""
    chosen = format or (Format(ending) if ending in set(Format) else Format.SVG)
    told = {"asOf": as_of, "on": on, "by": by, "language": language}
    deliver(context.obj, f"/charts/{name}/{quote(project)}.{chosen}", told, out)


def calendar(
    context: typer.Context, project: Project, as_of: AsOf = None, out: Out = None, language: Spoken = Language.EN
) -> None:
    """Write the milestones, tasks and meetings of a project as iCalendar, as of any instant."""
    path = f"/calendars/projects/{quote(project)}.ics"
    deliver(context.obj, path, {"asOf": as_of, "language": language}, out)


def status(
    context: typer.Context,
    project: Project,
    as_of: AsOf = None,
    format: Annotated[
        Pages | None, typer.Option(help="What the name of the file ends with, or else Markdown, if left out.")
    ] = None,
    out: Out = None,
    language: Spoken = Language.EN,
) -> None:
    """Write how a project stands, as of any instant: lights, plan, money, risks, issues, changes and objectives."""
    ending = out.suffix.lower().removeprefix(".") if out else ""
    chosen = format or (Pages.HTML if ending in ("html", "htm") else Pages.MARKDOWN)
    suffix = {Pages.MARKDOWN: "md", Pages.HTML: "html"}[chosen]
    deliver(context.obj, f"/reports/status/{quote(project)}.{suffix}", {"asOf": as_of, "language": language}, out)


async def _asked(
    ports: Ports, settings: Settings, url: str, user_id: UUID, path: str, parameters: Mapping[str, str]
) -> httpx.Response:
    async with (
        ports.at_hand(settings, url, user_id) as app,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://daybook") as client,
    ):
        return await client.get(path, params=parameters, headers=BEARER)


def deliver(ports: Ports, path: str, parameters: Mapping[str, str | None], out: Path | None) -> None:
    """Write what the web server would deliver to the administrator."""
    if out is None and path.endswith(".png") and sys.stdout.isatty():
        raise Failed("a picture is not for a terminal: give a file with --out")
    told = {name: value for name, value in parameters.items() if value is not None}
    with following() as (parts, connection):
        try:
            for view in VIEWS:
                when_level(connection, view, SHOWN_WITHIN)
        except ViewBehind as behind:
            raise Failed(f"nothing can be drawn now: {behind}") from None
        url = parts.database.application_url
        answer = asyncio.run(_asked(ports, Settings.from_environment(), url, parts.administrator, path, told))
    if answer.status_code != 200:
        raise Failed(answer.json()["errors"][0]["message"])
    if out is None:
        sys.stdout.buffer.write(answer.content)
        return
    try:
        out.write_bytes(answer.content)
    except OSError as error:
        raise Failed(f"{out} cannot be written: {error.strerror}") from None
    say(f"{out}: {len(answer.content):,} bytes")
