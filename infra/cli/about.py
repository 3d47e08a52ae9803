"""What there is to know about this Daybook: its settings, its schema, its state."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import typer
from rich.console import Group

from infra.cli.databases import Database, database
from infra.cli.output import AsJson, table, tell
from infra.cli.ports import Ports
from infra.data_folder import who_serves
from infra.database import SCHEMA, connect, migrate
from infra.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (settings, schema, status):
        app.command()(command)
    app.command("migrate")(migrate_)


def settings(as_json: AsJson = False) -> None:
    """List the settings, with what they mean and where they stand."""
    rows = [
        {"name": name, "value": value, "default": default, "meaning": meaning}
        for name, value, default, meaning in Settings.from_environment().listed()
    ]
    tell(
        rows,
        as_json,
        lambda rows: table(
            ["setting", "value", "", "meaning"],
            [[r["name"], r["value"] or "(unset)", "" if r["default"] else "given", r["meaning"]] for r in rows],
        ),
    )


def schema(context: typer.Context) -> None:
    """Print the schema of the GraphQL API."""
    ports: Ports = context.obj
    print(ports.sdl().rstrip())


def migrate_(as_json: AsJson = False) -> None:
    """Bring Daybook's own tables up to date, as their owner. Views are never migrated."""
    with database(Settings.from_environment()) as used:
        run = migrate(used.owner_url, application_role=used.application_role)
        tell(run, as_json, lambda run: "\n".join(f"{name} was run" for name in run) or "everything is up to date")


def status(as_json: AsJson = False) -> None:
    """Say how things stand: the history, the views, who serves."""
    settings = Settings.from_environment()
    serving = who_serves(settings.data)
    with database(settings) as used:
        tell({"version": version("daybook"), "serving": serving, **_stand(used)}, as_json, _in_words)


def _stand(used: Database) -> dict[str, Any]:
    where = {"database": "embedded" if used.is_embedded else "given", "prepared": used.is_prepared}
    if not used.is_prepared:
        return {**where, "position": 0, "recorded_at": None, "views": []}
    with connect(used.application_url, SCHEMA) as connection:
        head = "select position, case when position > 0 then recorded_at end from event_head"
        position, recorded_at = connection.execute(head).fetchone() or (0, None)
        views = connection.execute(
            """select p.view, p.name, p.state, coalesce(%s - min(c.position), 0),
                      (select count(*) from dead_letters d where d.name = p.name)
               from projections p left join checkpoints c on c.name = p.name
               where p.state <> 'old' group by p.name order by p.view""",
            [position],
        ).fetchall()
    told = [dict(zip(("view", "table", "state", "behind", "parked"), view, strict=True)) for view in views]
    return {**where, "position": position, "recorded_at": recorded_at, "views": told}


def _in_words(stand: dict[str, Any]) -> Any:
    served = f"served by {stand['serving']}" if stand["serving"] else "not served"
    head = f"Daybook {stand['version']}, {stand['database']} database, {stand['position']} events, {served}\n"
    titles = ["view", "state", "behind", "parked"]
    return Group(head, table(titles, [[view[title] for title in titles] for view in stand["views"]]))
