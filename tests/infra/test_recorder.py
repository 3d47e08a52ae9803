"""The eventsourcing library's own tests of a recorder, over our history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresDatastore
from eventsourcing.tests.persistence import ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase
from psycopg.conninfo import conninfo_to_dict

from infra.database import connect
from infra.recorder import HistoryRecorder


def settings(url: str, schema: str) -> dict[str, str]:
    at = conninfo_to_dict(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "APPLICATION_RECORDER_TOPIC": "infra.recorder:HistoryRecorder",
        "POSTGRES_DBNAME": str(at["dbname"]),
        "POSTGRES_HOST": str(at.get("host", "127.0.0.1")),
        "POSTGRES_PORT": str(at.get("port", 5432)),
        "POSTGRES_USER": str(at["user"]),
        "POSTGRES_PASSWORD": str(at.get("password", "none")),
        "POSTGRES_SCHEMA": schema,
    }


class CountingFromZero(HistoryRecorder):
    """For those of the library's tests whose aggregates begin at version 0. Ours begin at 1, all of them."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        return super().insert_events([replace(e, originator_version=e.originator_version + 1) for e in stored_events])


class OverOurHistory:
    """Gives the library's tests a recorder of ours in a schema of its own."""

    datastore: PostgresDatastore
    recorder: HistoryRecorder | None = None
    from_zero: tuple[str, ...] = ()
    kind: type[HistoryRecorder]

    @pytest.fixture(autouse=True)
    def _datastore(self, database_url: str, schema: str, request: pytest.FixtureRequest) -> Iterator[None]:
        self.kind = CountingFromZero if request.node.name in self.from_zero else HistoryRecorder
        at = settings(database_url, schema)
        names = ("DBNAME", "HOST", "PORT", "USER", "PASSWORD")
        place = [at[f"POSTGRES_{name}"] for name in names]
        self.datastore = PostgresDatastore(*place, pool_size=5, max_overflow=20, schema=schema)
        yield
        if self.recorder is not None:
            self.recorder.close()
        self.datastore.close()

    def create_recorder(self) -> HistoryRecorder:
        self.recorder = self.kind(self.datastore)
        self.recorder.create_table()
        return self.recorder


class TestApplicationRecorder(OverOurHistory, ApplicationRecorderTestCase[HistoryRecorder]):
    from_zero = ("test_concurrent_no_conflicts", "test_concurrent_throughput")

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNotificationsDoNotInterleave(OverOurHistory, NonInterleavingNotificationIDsBaseCase):
    from_zero = ("test",)


del ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase


class Dog(Aggregate):
    def __init__(self, name: str) -> None:
        self.name, self.tricks = name, 0

    @event("TrickLearned")
    def learn(self) -> None:
        self.tricks += 1


def test_an_application_of_the_library_keeps_its_aggregates_in_our_history(database_url: str, schema: str) -> None:
    dogs = Application[UUID](env=settings(database_url, schema))
    fido, neighbour = Dog("Fido"), Dog("Rex")

    dogs.save(fido, neighbour)
    fido.learn()
    dogs.save(fido, actor=UUID(int=7))

    with connect(database_url, schema) as connection:
        rows = connection.execute("select position, originator_id, actor from events order by position").fetchall()
    assert rows == [(1, fido.id, UUID(int=0)), (2, neighbour.id, UUID(int=0)), (3, fido.id, UUID(int=7))]
    assert dogs.repository.get(fido.id).tricks == 1
    assert dogs.repository.get(neighbour.id).tricks == 0
    dogs.recorder.close()  # type: ignore[attr-defined]
    dogs.close()


def test_the_library_may_not_leave_out_a_version(database_url: str, schema: str) -> None:
    dogs = Application[UUID](env=settings(database_url, schema))
    late = StoredEvent(uuid4(), 7, "Dog.TrickLearned", b"{}")

    with pytest.raises(IntegrityError):
        dogs.recorder.insert_events([late])

    assert dogs.recorder.max_notification_id() is None
    dogs.recorder.close()  # type: ignore[attr-defined]
    dogs.close()


def test_an_event_that_jumps_over_a_version_is_refused_by_the_database(database_url: str, schema: str) -> None:
    dogs, fido = Application[UUID](env=settings(database_url, schema)), uuid4()
    first, third = StoredEvent(fido, 1, "Dog.Registered", b"{}"), StoredEvent(fido, 3, "Dog.TrickLearned", b"{}")

    with pytest.raises(psycopg.errors.CheckViolation, match="does not follow"):
        dogs.recorder.insert_events([first, third])

    assert dogs.recorder.max_notification_id() is None
    dogs.recorder.close()  # type: ignore[attr-defined]
    dogs.close()
