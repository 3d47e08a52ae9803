"""The database: one schema that holds all of Daybook, and the numbered files that made it."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from typing import Any, cast

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier
from psycopg_pool import ConnectionPool

from infra.metrics import POOLS

SCHEMA = "daybook"

MIGRATIONS = """
    create table if not exists migrations (                 -- the files of infra/migrations that were run, each once
        name       text primary key,
        digest     text not null,                           -- SHA-256 of the file as it was run
        applied_at timestamptz not null default clock_timestamp()
    )"""


class WrongMigrations(Exception):
    """The schema was made by other files than these: by a newer Daybook, or by files that somebody changed since."""


def address(url: str, schema: str = SCHEMA) -> str:
    """The address of the database with what each of our sessions wants: our schema first, UTC, and no endless wait.

    `pg_temp` stands last on the path, so that a temporary table never takes the place of a real one.
    """
    waiting = {"connect_timeout": 10, **conninfo_to_dict(url)}["connect_timeout"]
    options = [("search_path", f'"{schema.replace(chr(34), chr(34) * 2)}",pg_temp'), ("timezone", "UTC")]
    given = cast("str | None", conninfo_to_dict(url).get("options"))
    joined = " ".join([*filter(None, [given]), *(_option(*o) for o in options)])
    return make_conninfo(url, options=joined, connect_timeout=waiting)


def connect(url: str, schema: str = SCHEMA, **options: Any) -> Connection[Any]:
    """A connection of our own. Commits each statement by itself unless `autocommit=False` is given."""
    return psycopg.connect(address(url, schema), **{"autocommit": True, **options})


def pool(url: str, schema: str, name: str, *, most: int = 8) -> ConnectionPool[Connection[Any]]:
    """An open pool of such connections: one at rest, up to `most` when many ask at once. Counted by its name."""
    options = {"autocommit": True}
    made = ConnectionPool(address(url, schema), min_size=1, max_size=most, open=True, name=name, kwargs=options)
    POOLS.add(made)
    return made


def migrate(
    owner_url: str, schema: str = SCHEMA, application_role: str | None = None, last: str | None = None
) -> list[str]:
    """Bring the schema up to date, making it if need be, and return the names of the files that were run now.

    Several processes may do so at once. With an `application_role`, that role may afterwards do what an application
    has to and no more: read everything, append to the history through its functions and in no other way, write all
    other tables, and make tables of its own for views. With `last`, the files after the one of that name are not run.

    Raises WrongMigrations when a file that was run has changed or is missing; then nothing is done.
    """
    with connect(owner_url, schema) as connection:
        connection.execute("select pg_advisory_lock(hashtext('daybook migrate'), hashtext(%s))", [schema])
        known = connection.execute("select from pg_namespace where nspname = %s", [schema]).fetchone()
        if known is None:
            connection.execute(SQL("create schema {}").format(Identifier(schema)))
        connection.execute(MIGRATIONS)
        run = _run_all(connection, last)
        if application_role is not None:
            _grant(connection, schema, application_role)
        return run


def _run_all(connection: Connection[Any], last: str | None) -> list[str]:
    found = {file.name: file.read_bytes().replace(b"\r\n", b"\n") for file in (files("infra") / "migrations").iterdir()}
    contents = {name: found[name] for name in sorted(found) if name.endswith(".sql")}
    before: dict[str, str] = dict(connection.execute("select name, digest from migrations order by name").fetchall())
    for name, digest in before.items():
        if name not in contents:
            raise WrongMigrations(f"{name} was run on this database and is not known here: this Daybook is too old")
        if sha256(contents[name]).hexdigest() != digest:
            raise WrongMigrations(f"{name} was run on this database and has changed since")
    new = [name for name in contents if name not in before and (last is None or name <= last)]
    for name in new:
        with connection.transaction():
            connection.execute(contents[name])
            row = [name, sha256(contents[name]).hexdigest()]
            connection.execute("insert into migrations (name, digest) values (%s, %s)", row)
    return new


HISTORY = ["events", "event_head", "claims", "answers", "person_keys", "migrations"]
"""The tables that only their owner may write. An application adds to them through functions of the owner."""


OURS = """
    select 'table', format('%%I', relname), relkind <> 'v' and relname <> all (%s) from pg_class
    where relnamespace = current_schema()::regnamespace and pg_get_userbyid(relowner) = current_user
      and relkind in ('r', 'p', 'v')
    union all
    select 'routine', oid::regprocedure::text, false from pg_proc
    where pronamespace = current_schema()::regnamespace and pg_get_userbyid(proowner) = current_user"""
"""What the owner made. The tables of views are the application's own, and not for the owner to grant."""


def _grant(connection: Connection[Any], schema: str, role: str) -> None:
    to = Identifier(role)
    with connection.transaction():
        connection.execute(SQL("grant usage, create on schema {} to {}").format(Identifier(schema), to))
        for kind, name, writable in connection.execute(OURS, [HISTORY]).fetchall():
            if kind == "routine":
                connection.execute(SQL("revoke execute on routine {} from public").format(SQL(name)))
                connection.execute(SQL("grant execute on routine {} to {}").format(SQL(name), to))
            else:
                rights = "select, insert, update, delete" if writable else "select"
                connection.execute(SQL("grant {} on {} to {}").format(SQL(rights), SQL(name), to))


def _option(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace(" ", "\\ ")
    return f"-c {name}={escaped}"
