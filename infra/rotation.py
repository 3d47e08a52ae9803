"""Another master key: all keys of persons, and the secret of digests, are wrapped anew, while servers go on.

What is sealed stays as it is, for it is sealed under the keys of persons. Each key is wrapped by one or by the other,
and the database says by which: who knows both reads all at any moment, and who broke off goes on where that was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from infra.keys import MASTERS, MasterKey, MasterKeys
from infra.secrets import digests, unwrapped, wrapped

LEFT: Final = "select count(*) from person_keys where master <> %s"
NEXT: Final = """
    select person, wrapped, master from person_keys where person > %s and master <> %s order by person limit %s
    for update"""
WRAP: Final = """
    update person_keys k set wrapped = n.wrapped, master = %s
    from unnest(%s::uuid[], %s::bytea[]) n (person, wrapped) where k.person = n.person"""
SECRET: Final = "select secret, master from secrets where name = 'digests' for update"
KEEP: Final = "update secrets set secret = %s, master = %s where name = 'digests'"
ALONE: Final = "select pg_advisory_xact_lock(wrapping())"


@dataclass(frozen=True)
class Rotated:
    """By which master key everything is wrapped now, by which some of it was before, and how many keys of persons."""

    master: str
    before: tuple[str, ...]
    persons: int


def rotate(
    connection: Connection[Any],
    keys: MasterKeys,
    progress: Callable[[int, int | None], None] = lambda *_: None,
    most: int = 500,
) -> Rotated:
    """Wrap everything by the first of these master keys, as the owner of the schema. Raises WrongMasterKey: before
    anything is changed where one is missing.
    """
    new = keys.first
    before = tuple(sorted(name for (name,) in connection.execute(MASTERS) if name != new.name))
    for name in before:
        keys.named(name)
    _secret(connection, keys, new)
    [total] = connection.execute(LEFT, [new.name]).fetchone() or (0,)
    done, last = 0, UUID(int=0)
    while batch := _batch(connection, keys, new, last, most):
        done, last = done + len(batch), batch[-1]
        progress(done, total)
    return Rotated(new.name, before, done)


def _secret(connection: Connection[Any], keys: MasterKeys, new: MasterKey) -> None:
    """Once it is wrapped by the new one, no key that is made later is wrapped by another."""
    digests(connection, keys)  # it is there now, and wrapped
    with connection.transaction():
        connection.execute(ALONE)
        [(kept, master)] = connection.execute(SECRET).fetchall()
        if master != new.name:
            connection.execute(KEEP, [wrapped(unwrapped(kept, master, keys), new), new.name])


def _batch(connection: Connection[Any], keys: MasterKeys, new: MasterKey, last: UUID, most: int) -> list[UUID]:
    """Some keys, each of which is wrapped by the one or by the other; who is forgotten meanwhile stays forgotten."""
    with connection.transaction():
        rows = connection.execute(NEXT, [last, new.name, most]).fetchall()
        again = [new.wrap(person, keys.named(by).unwrap(person, kept)) for person, kept, by in rows]
        persons = [person for person, *_ in rows]
        connection.execute(WRAP, [new.name, persons, again])
        return persons
