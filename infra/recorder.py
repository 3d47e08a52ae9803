"""The eventsourcing library's recorder over our history: for its own tests, and for who wants its `Application`."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import make_conninfo

from domain.values import new_id
from infra.commit import Conflict
from infra.database import migrate
from infra.group_commit import Append, CommandRow, EventRow, GroupCommit
from infra.lanes import lane_of

NOBODY = UUID(int=0)


class HistoryRecorder(PostgresApplicationRecorder):
    """Reads as the library always does, by the view `stored_events`; appends through the group commit.

    Set `APPLICATION_RECORDER_TOPIC=infra.recorder:HistoryRecorder`, and close it with the application. Events must be
    of versions 1, 2, 3 …; their actor is nobody unless `actor` is given to `Application.save()`.
    """

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = "") -> None:  # it is always ours
        super().__init__(datastore)
        self.channel_name = "daybook_events"
        options: Any = datastore.pool.kwargs
        self._url = make_conninfo(**{k: v for k, v in options.items() if k != "row_factory"})
        self._writer: GroupCommit | None = None

    def create_table(self) -> None:
        migrate(self._url, self.datastore.schema)

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, actor: UUID = NOBODY, **_: Any
    ) -> Sequence[int] | None:
        """Append the events and return their positions. Raises IntegrityError if others were first."""
        if not stored_events:
            return []
        if self._writer is None:
            self._writer = GroupCommit(self._url, self.datastore.schema, most_waiting=4_096)
        append = _append(stored_events, actor)
        self._writer.put(append, waits=True)
        try:
            last: int = append.answer.result()
        except Conflict as conflict:
            raise IntegrityError(str(conflict)) from conflict
        return [*range(last - len(stored_events) + 1, last + 1)]

    def close(self) -> None:
        """End the thread that appends. The next append starts another."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _append(stored: Sequence[StoredEvent], actor: UUID) -> Append:
    looked: dict[Any, int] = {}
    for each in stored:
        looked.setdefault(each.originator_id, each.originator_version - 1)
    digest = sha256(b"".join(each.state for each in stored)).digest()
    command = CommandRow(new_id(), digest, "Application.save", actor)
    events = [_event(each) for each in stored]
    return Append([command], events, looked, [], [], lambda places: places[0].position, lambda: None)


def _event(stored: StoredEvent) -> EventRow:
    id: Any = stored.originator_id
    return EventRow(0, id, stored.originator_version, stored.topic, 1, None, lane_of(id), stored.state)
