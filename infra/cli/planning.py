"""`daybook plan`: plans of projects, from files of other programs and for them."""

from __future__ import annotations

from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

import typer
from psycopg import Connection, sql

from domain.values import id_text
from infra.cli.delivering import AsOf, Out, Project, deliver
from infra.cli.output import AsJson, Failed, say, tell
from infra.cli.transfer import following
from infra.instants import ViewBehind
from infra.level import when_level
from infra.plans.importing import imported
from infra.plans.plan import WrongPlanFile
from infra.plans.reading import read
from projections.platform.user import UserView

PATIENCE: Final = 60.0
"""Seconds for which the users are waited for."""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Plans of projects as Microsoft Project XML.", no_args_is_help=True)
    group.command("import")(import_)
    group.command("export")(export_)
    app.add_typer(group, name="plan")


def export_(context: typer.Context, project: Project, as_of: AsOf = None, out: Out = None) -> None:
    """Write the plan of a project as Microsoft Project XML, as of any instant."""
    deliver(context.obj, f"/plans/{quote(project)}.xml", {"asOf": as_of}, out)


def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Microsoft Project XML.")],
    account: Annotated[
        str | None, typer.Option(metavar="ID", help="For whom the new project is, as Account_<uuid>.")
    ] = None,
    into: Annotated[
        str | None, typer.Option(metavar="ID", help="A project that there is, instead of a new one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import a plan as a project: all of it or nothing, and nothing twice. What is not kept is told."""
    if account and into:
        raise typer.BadParameter("a project that there is has its account: give one of both", param_hint="--account")
    content = file.read_bytes()
    try:
        plan, notes = read(BytesIO(content))
        with following() as (parts, connection):
            users = _users(connection)
            made = imported(parts.pipeline, parts.administrator, content, plan, notes, users, account, into)
    except WrongPlanFile as wrong:
        raise Failed(f"{file}: {wrong}") from None
    for each in notes:
        say(f"not kept as it was: {each}")
    told = asdict(made) | {"project_id": id_text("Project", made.project_id), "notes": list(notes)}
    tell(told, as_json, lambda it: "{project_id}: {phases} phases, {tasks} tasks, {milestones} milestones".format(**it))


def _users(connection: Connection[Any]) -> dict[str, UUID]:
    try:
        place = when_level(connection, UserView, PATIENCE)
    except ViewBehind as behind:
        raise Failed(f"nothing can be imported now: {behind}") from None
    statement = sql.SQL("select lower(email), id from {} where email is not null and not archived")
    return dict(connection.execute(statement.format(sql.Identifier(place.live))).fetchall())
