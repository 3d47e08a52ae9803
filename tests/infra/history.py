"""Commits as the pipeline makes them, for tests of the event store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.aggregate import Aggregate, Claim
from domain.command import Changed, Request
from domain.sales.product import Product
from domain.values import new_id
from infra.commit import Asked, Commit, Decision
from infra.database import connect

ANN = UUID("00000000-0000-7000-8000-0000000000aa")


def a_product(code: str = "") -> Product:
    """A new one, not recorded yet; under a code of its own unless one is given."""
    return Product.list_product(code or new_id().hex, "Mat")


def asked(name: str = "Product.list_product", id: UUID | None = None, content: str = "", **request: Any) -> Asked:
    digest = sha256(content.encode()).digest()
    return Asked(id or new_id(), digest, Request(command=name, **{"actor": ANN, **request}))


def decision(*aggregates: Aggregate, by: Asked | None = None) -> Decision:
    """What a command on the first of these records, as the pipeline does it: the events of the first come last."""
    changed = tuple(Changed(type(a).__name__, a.id, a.version) for a in aggregates)
    events: list[Any] = [event for a in reversed(aggregates) for event in a.collect_events()]
    return Decision(by or asked(), events, changed)


def commit(
    *aggregates: Aggregate,
    by: Asked | None = None,
    looked: dict[UUID, int] | None = None,
    claimed: dict[Claim, UUID] | None = None,
    freed: frozenset[Claim] = frozenset(),
) -> Commit:
    """One command on the first of these. It looked at them as they were before their events, and at `looked`."""
    before = {a.id: a.version - len(a.pending_events) for a in aggregates}
    return Commit((decision(*aggregates, by=by),), {**before, **(looked or {})}, claimed or {}, freed)


def code(product: Product) -> Claim:
    return Claim("Product", "code", product.code)


def count(connection: Connection[Any], where: str = "true") -> int:
    """How many events there are."""
    ((found,),) = connection.execute(f"select count(*) from events where {where}".encode()).fetchall()
    return int(found)


@contextmanager
def appends_held_up(url: str, schema: str) -> Iterator[None]:
    """Nothing is appended inside, so that what is given to a store waits; afterwards it makes one batch, or few."""
    with connect(url, schema) as connection, connection.transaction():
        connection.execute("select from event_head for update")
        yield
