"""Backup and restore: the history and whatever does not follow from it, in one file. Views follow from it."""

from __future__ import annotations

import csv
import io
import os
import subprocess
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from infra.database import SCHEMA, WrongMigrations, connect, migrate
from infra.embedded import program
from infra.forgetting import destroy_again

TABLES: Final = (
    "events", "event_head", "claims", "answers", "person_keys", "secrets", "tokens", "administrators", "skipped",
    "accesses",
)  # fmt: skip
"""What a backup holds, beside the list of the files that made these tables."""

COUNTED_ON: Final = """
    select setval(pg_get_serial_sequence('accesses', 'id'), coalesce(max(id), 1), max(id) is not null) from accesses"""
"""Accesses that are noted after a restore get other numbers than those that it brought back."""


class BackupFailed(Exception):
    """The backup cannot be made or restored: says why. A restore that fails leaves the database empty."""


def backup(owner_url: str, file: Path, schema: str = SCHEMA) -> None:
    """Save everything as of now, while the server goes on. The file is whole, or is not there."""
    if file.exists():
        raise BackupFailed(f"{file} exists already: choose another name, or remove it")
    part = file.with_name(file.name + ".part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
    except OSError as error:
        raise BackupFailed(f"{file} cannot be written: {error.strerror}") from None
    try:
        tables = [f'--table="{schema}"."{table}"' for table in (*TABLES, "migrations")]
        _call("pg_dump", owner_url, "--data-only", "--format=custom", *tables, f"--file={part}")
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)


def restore(owner_url: str, file: Path, schema: str = SCHEMA, application_role: str | None = None) -> int:
    """Bring a backup back into a database that holds no history, and return how many events it has."""
    if not file.is_file():
        raise BackupFailed(f"there is no file {file}")
    last = _last_migration(file)
    with connect(owner_url, schema) as connection:
        if connection.execute("select to_regclass('events') is not null").fetchone() == (True,):
            if connection.execute("select position from event_head where position > 0").fetchone():
                raise BackupFailed("this database has a history already: restore into an empty one")
            connection.execute(SQL("drop schema {} cascade").format(Identifier(schema)))
        try:
            migrate(owner_url, schema, last=last)
            connection.execute("delete from event_head")
            tables = [f"--table={table}" for table in TABLES]
            options = ("--data-only", "--single-transaction", "--exit-on-error", f"--schema={schema}", *tables)
            _call("pg_restore", owner_url, *options, str(file))
            head = "select h.position from event_head h left join events e using (position, hash) where {}"
            whole = "(e.position is not null or h.position = 0) and h.position = (select count(*) from events)"
            events = connection.execute(head.format(whole).encode()).fetchone()
            if events is None:
                raise BackupFailed(f"the history in {file} has no end, or holes: it cannot be trusted")
            migrate(owner_url, schema, application_role)
            connection.execute(COUNTED_ON)
            destroy_again(connection)
        except WrongMigrations as error:
            connection.execute(SQL("drop schema if exists {} cascade").format(Identifier(schema)))
            raise BackupFailed(f"{file} was made by another Daybook: {error}") from None
        except BaseException:
            connection.execute(SQL("drop schema if exists {} cascade").format(Identifier(schema)))
            raise
    return int(events[0])


def _last_migration(file: Path) -> str:
    """The newest file that had made the tables when they were saved."""
    text = _call("pg_restore", None, "--data-only", "--table=migrations", "--file=-", str(file))
    rows = csv.reader(io.StringIO(text.partition(" FROM stdin;\n")[2].partition("\n\\.\n")[0]), delimiter="\t")
    names = [row[0] for row in rows if row]
    if not names:
        raise BackupFailed(f"{file} is no backup of Daybook")
    return max(names)


def _call(name: str, url: str | None, *arguments: str) -> str:
    """Run a program of PostgreSQL. The password goes by the environment: arguments can be seen by everybody."""
    environment, where = dict(os.environ), []
    if url is not None:
        parts = conninfo_to_dict(url)
        if password := parts.pop("password", None):
            environment["PGPASSWORD"] = str(password)
        where = [f"--dbname={make_conninfo('', **parts)}"]
    done = subprocess.run(
        [program(name), *where, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise BackupFailed(" / ".join(lines[:3]) or f"{name} ended with {done.returncode}")
    return done.stdout
