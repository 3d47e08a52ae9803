"""What is told about a person to whoever may know all of it: asked from the event loop, answered from a thread."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from anyio import CapacityLimiter, to_thread

from domain.aggregate import Aggregate
from infra.erasure import places
from infra.event_store import EventStore
from infra.person_report import NoPerson, concerned, person_report, persons
from projections.view import View

AT_ONCE: Final = 2
"""So many are answered at the same time: they are asked rarely, and read much."""


class Disclosing:
    """Of one history. Topics begin with `prefix`."""

    def __init__(self, store: EventStore, prefix: str, time_zone: str) -> None:
        self._store, self._prefix, self._limit = store, prefix, CapacityLimiter(AT_ONCE)
        self._time_zone = time_zone
        self.persons: Collection[str] = tuple(persons())

    def concerned(self, kind: type[Aggregate]) -> Collection[type[View]]:
        """The views that may tell of a person of a kind."""
        return concerned(kind)

    async def report(self, kind: str, person: UUID) -> dict[str, Any] | None:
        """What is held, in plain values; None if there is nobody of this id."""

        def made() -> dict[str, Any] | None:
            with self._store.connection() as connection:
                try:
                    return person_report(connection, self._store.keys, kind, person, self._prefix, self._time_zone)
                except NoPerson:
                    return None

        return await to_thread.run_sync(made, limiter=self._limit)

    async def places(self, person: UUID) -> list[dict[str, Any]]:
        """Every place where something of a person is."""

        def found() -> list[dict[str, Any]]:
            with self._store.connection() as connection:
                return [asdict(place) for place in places(connection, person)]

        return await to_thread.run_sync(found, limiter=self._limit)
