"""What there is to know about this Daybook: its settings, its schema, its state."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from shutil import disk_usage
from typing import Any, Final

import typer
from msgspec import to_builtins
from rich.console import Group

from infra.anchors import read
from infra.cli.databases import Database, database
from infra.cli.output import AsJson, table, tell
from infra.cli.ports import Ports
from infra.data_folder import who_serves
from infra.database import SCHEMA, connect, migrate
from infra.settings import Settings
from infra.standing import STANDING, concerns, standing_of

SHORT: Final = 256 * 2**20
"""Bytes; with less on its disk, a database may soon be unable to record anything."""
DATABASE: Final = "select current_setting('server_version'), pg_database_size(current_database())"


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
    """Say how things stand, on one screen. The exit code is 1 where something is of concern."""
    settings = Settings.from_environment()
    serving = who_serves(settings.data)
    with database(settings) as used:
        told = {"version": version("daybook"), "serving": serving, **_stand(settings, used, serving)}
    tell(told, as_json, _in_words)
    if told["concerns"]:
        raise typer.Exit(1)


def _stand(settings: Settings, used: Database, serving: str | None) -> dict[str, Any]:
    free = disk_usage(settings.data).free if settings.data.exists() else None
    about: dict[str, Any] = {
        "database": "embedded" if used.is_embedded else "given",
        "prepared": used.is_prepared,
        "free_disk": free,
        "anchored": _anchored(settings.data / "anchors.ndjson"),
    }
    short = [f"the disk of {settings.data} is almost full: {_size(free)} are left"] if free and free < SHORT else []
    if not used.is_prepared:
        return {**about, "position": 0, "recorded_at": None, "views": [], "concerns": short}
    with connect(used.application_url, SCHEMA) as connection:
        [text] = connection.execute(STANDING.encode()).fetchone() or ("",)
        [server, size] = connection.execute(DATABASE).fetchone() or (None, None)
    stand = standing_of(text)
    idle = used.is_embedded and serving is None
    concerned = [] if idle else list(concerns(stand))  # what nobody runs has nothing that could stand still
    return {
        **about,
        "postgresql": server,
        "database_size": size,
        **to_builtins(stand, builtin_types=(datetime,)),
        "views": [{**to_builtins(view), "behind": view.behind} for view in stand.views],
        "concerns": [*short, *concerned],
    }


def _anchored(file: Path) -> dict[str, Any] | None:
    """The last anchor of the file that `daybook anchor` adds to; None where there is none."""
    if not file.exists() or not (found := read(file).found):
        return None
    return {"position": found[-1].position, "at": found[-1].at}


def _size(bytes: int | None) -> str:
    return "?" if bytes is None else f"{bytes / 2**20:,.0f} MiB"


def _in_words(stand: dict[str, Any]) -> Any:
    served = f"served by {stand['serving']}" if stand["serving"] else "not served"
    concerned = [f"! {text}" for text in stand["concerns"]]
    if not stand["prepared"]:
        return "\n".join([f"Daybook {stand['version']}, an empty {stand['database']} database, {served}", *concerned])
    anchored = stand["anchored"]
    lines = [
        f"Daybook {stand['version']}, {served}",
        f"database   {stand['database']}, PostgreSQL {stand['postgresql']}, {_size(stand['database_size'])};"
        f" {_size(stand['free_disk'])} free on the disk of the data folder",
        f"history    {stand['position']:,} events, the last one of {stand['recorded_at'] or 'never'}",
        f"anchored   {'position {position:,} at {at}'.format(**anchored) if anchored else 'never here'}",
        f"projectors {stand['projectors']}",
        *(
            f"{each['name']:<10} {'runs' if each['led'] else 'does not run'}, {each['behind']:,} positions behind"
            for each in stand["followers"]
        ),
        "",
    ]
    titles = ["view", "state", "built", "behind", "seconds", "parked"]
    rows = [
        [
            view["view"],
            view["state"],
            "" if view["built"] is None else f"about {view['built']:.0%}",
            view["behind"],
            "" if view["seconds"] is None else f"{view['seconds']:.0f}",
            view["parked"],
        ]
        for view in stand["views"]
    ]
    return Group("\n".join(lines), table(titles, rows), *(["", *concerned] if concerned else ["", "All is well."]))
