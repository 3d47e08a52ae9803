"""What stands anywhere in the tables of a schema: of who was forgotten nothing may."""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection
from psycopg.sql import SQL, Identifier

TABLES: Final = """
    select relname from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace"""
COLUMNS: Final = """
    select attname, atttypid = 'bytea'::regtype from pg_attribute
    where attrelid = %s::regclass and attnum > 0 and not attisdropped"""


def places(connection: Connection[Any], pattern: str) -> set[tuple[str, str]]:
    """Tables, and what stands in them that is of this pattern, in small letters: in any column, as text or in bytes."""
    hits = set()
    for (table,) in connection.execute(TABLES).fetchall():
        columns = connection.execute(COLUMNS, [f'"{table}"']).fetchall()
        shown = [SQL("encode({}, 'escape')" if b else "{}::text").format(Identifier(name)) for name, b in columns]
        found = connection.execute(
            SQL("select distinct lower(m[1]) from {}, regexp_matches(concat_ws(' ', {}), %s, 'gi') m").format(
                Identifier(table), SQL(", ").join(shown)
            ),
            [f"({pattern})"],
        )
        hits |= {(table, text) for (text,) in found}
    return hits
