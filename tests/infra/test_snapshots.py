"""Snapshots make a long stream quick to load, and are never believed where they could be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from domain.aggregate import Aggregate, occurring_at
from domain.catalogue import AGGREGATES
from domain.command import Accepted, Request
from domain.personal import Personal
from domain.sales.product import Product
from domain.values import new_id
from infra import event_store as module
from infra import snapshots
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.pipeline import CommandPipeline
from infra.snapshots import fingerprint, taken
from tests.infra.history import ANN, a_product, commit


@pytest.fixture
def store(database_url: str, schema: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[EventStore]:
    """A store that takes a snapshot after every five events."""
    monkeypatch.setattr(module, "AFTER", 5)
    migrate(database_url, schema)
    with EventStore(database_url, schema) as store:
        yield store


@pytest.fixture
def connection(store: EventStore, database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with connect(database_url, schema) as connection:
        yield connection


def tagged(store: EventStore, product: Product, times: int) -> UUID:
    """A product to which something happens so many times more."""
    for number in range(times):
        product.tag(f"{product.version} {number}")
    store.append(commit(product)).result(60)
    return product.id


def replayed(store: EventStore, id: UUID) -> Any:
    found: Any = None
    for event in store.events(id):
        found = event.mutate(found)
    return found


def versions(connection: Connection[Any]) -> dict[UUID, int]:
    return dict(connection.execute("select id, version from snapshots").fetchall())


def loaded(store: EventStore, id: UUID) -> Aggregate | None:
    """An aggregate, and its snapshot is kept, if it gets one."""
    found = store.aggregate(id)
    settle(store)
    return found


def settle(store: EventStore) -> None:
    """Wait until what was to be kept is kept."""
    store._behind.submit(int).result(60)


def test_a_short_stream_has_no_snapshot_and_a_long_one_gets_one_when_it_is_loaded(
    store: EventStore, connection: Connection[Any]
) -> None:
    short, long = tagged(store, a_product(), 3), tagged(store, a_product(), 4)

    found = [loaded(store, id) for id in (short, long, new_id())]

    assert [each and each.version for each in found] == [4, 5, None]
    assert versions(connection) == {long: 5}


def test_who_loads_does_not_wait_until_the_snapshot_is_kept(store: EventStore, connection: Connection[Any]) -> None:
    id = tagged(store, a_product(), 5)

    with ThreadPoolExecutor(1) as threads, connection.transaction():
        connection.execute("lock table snapshots in exclusive mode")
        loading = threads.submit(store.aggregate, id)
        early = wait([loading], timeout=5).done
    settle(store)

    assert early == {loading}
    assert loading.result() == replayed(store, id)
    assert versions(connection) == {id: replayed(store, id).version}


def test_with_a_snapshot_an_aggregate_is_what_it_is_without(store: EventStore, connection: Connection[Any]) -> None:
    token = occurring_at.set(datetime(2024, 2, 29, 12, 0, 0, 1, UTC))
    product = a_product()
    id = tagged(store, product, 5)
    occurring_at.reset(token)
    loaded(store, id)
    tagged(store, product, 3)

    found: Any = loaded(store, id)

    assert vars(found) == vars(replayed(store, id))
    assert found.version == 9 and len(found.tags) == 8
    assert versions(connection) == {id: 6}


def test_it_is_used_and_the_next_one_takes_its_place(store: EventStore, connection: Connection[Any]) -> None:
    product, neighbour = a_product(), tagged(store, a_product(), 5)
    id = tagged(store, product, 5)
    loaded(store, id)
    loaded(store, neighbour)
    connection.execute("update snapshots set state = replace(convert_from(state, 'UTF8'), 'Mat', 'Fat')::bytea")
    tagged(store, product, 4)

    used: Any = loaded(store, id)
    tagged(store, product, 1)
    loaded(store, id)

    assert used.name == "Fat"
    assert versions(connection) == {id: 11, neighbour: 6}


KEPT = "select id, version, hash, kind, fingerprint, length(state) from snapshots"
WRONG = {
    "another declaration": "fingerprint = 'other'",
    "a kind that is no more": "kind = 'Kite'",
    "another kind": "kind = 'Account'",
    "unreadable": "state = '{'",
    "not a text": "state = '\\xff'",
    "a part missing": "state = '{}'",
    "another history": "hash = sha256('')",
    "a version that never was": "version = 99",
    "an earlier version than it says": "version = 3",
}


@pytest.mark.parametrize("what", WRONG)
def test_one_that_could_be_wrong_is_ignored_and_replaced(
    store: EventStore, connection: Connection[Any], what: str
) -> None:
    id = tagged(store, a_product(), 5)
    loaded(store, id)
    good = connection.execute(KEPT).fetchall()
    connection.execute(f"update snapshots set {WRONG[what]}".encode())

    found: Any = loaded(store, id)

    assert vars(found) == vars(replayed(store, id))
    assert connection.execute(KEPT).fetchall() == good


def test_commands_on_a_long_stream_go_on_from_its_snapshot(store: EventStore, connection: Connection[Any]) -> None:
    id = tagged(store, a_product(), 5)

    outcomes = []
    for label in "abcdefg":
        request = Request(command="Product.tag", actor=ANN, id=id, arguments={"label": label})
        outcomes.append(CommandPipeline(AGGREGATES, store).run(request))
        settle(store)

    assert [o.changed[0].version for o in outcomes if isinstance(o, Accepted)] == [*range(7, 14)]
    assert replayed(store, id).tags > set("abcdefg")
    assert versions(connection) == {id: 11}


def test_of_what_is_personal_there_is_no_copy() -> None:
    class Lodger(Aggregate):
        needs = "customers.edit"

        name: Personal[str | None] = None

        class Came(Aggregate.Created):
            name: Personal[str | None]

    lodger: Any = Lodger._create(Lodger.Came, name="Ada")
    lodger.collect_events()

    assert taken(lodger) is None


def test_what_does_not_come_back_as_it_is_has_none() -> None:
    product = a_product()
    product.collect_events()
    assert taken(product)

    vars(product)["cache"] = "not an attribute"

    assert taken(product) is None


class Saga(Aggregate):
    """Its event, as it is declared now and as it may be declared later."""

    title: str = ""
    kind: str = ""

    class Now(Aggregate.Event):
        title: str

    class Unchanged(Aggregate.Event):
        """With a docstring."""

        title: str

    class Wider(Aggregate.Event):
        title: str
        kind: str

    class Rewritten(Aggregate.Event):
        schema_version = 2
        title: str

        @staticmethod
        def upcast_v1(told: dict[str, Any]) -> dict[str, Any]:
            return told

    class Shouted(Aggregate.Event):
        title: str

        def apply(self, aggregate: Any) -> None:
            aggregate.title = self.title.upper()

    class Whispered(Aggregate.Event):
        title: str

        def apply(self, aggregate: Any) -> None:
            aggregate.title = self.title.lower()


def test_the_fingerprint_shows_what_events_make_of_an_aggregate(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}

    for event in (Saga.Now, Saga.Unchanged, Saga.Wider, Saga.Rewritten, Saga.Shouted, Saga.Whispered):
        monkeypatch.setattr(event, "TOPIC", "Saga.Told")
        monkeypatch.setattr(Saga, "events", lambda event=event: {"Told": event})
        fingerprint.cache_clear()
        found[event.__name__] = fingerprint(Saga)
    fingerprint.cache_clear()

    assert found.pop("Unchanged") == found["Now"]
    assert len(set(found.values())) == 5


def test_the_fingerprint_shows_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(Product)
    fingerprint.cache_clear()
    monkeypatch.setattr(snapshots, "version", lambda name: "99.0")

    after = fingerprint(Product)

    fingerprint.cache_clear()
    assert after != before
