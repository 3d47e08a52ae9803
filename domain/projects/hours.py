"""The hours that were worked on a task (工时): by whom, and on which day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

from domain.aggregate import Aggregate
from domain.parameters import Actor, Its, Moment, Text, command
from domain.platform.user import User
from domain.projects.project import Project
from domain.values import new_id

FULL_DAY: Final = 24


@dataclass(frozen=True)
class TimeEntry:
    """Hours that somebody worked on a task on a day."""

    entry_id: UUID
    user_id: UUID
    on: date
    hours: Decimal
    note: str | None


class Timed(Aggregate):
    """A task, as far as it goes by the hours that were worked on it."""

    spent: Decimal = Decimal(0)
    time_entries: Mapping[UUID, TimeEntry] = field(default_factory=dict)

    class TimeLogged(Aggregate.Event):
        item_of = "time_entries"
        entry_id: UUID
        user_id: UUID
        on: date
        hours: Decimal
        note: str | None

    class TimeCorrected(Aggregate.Event):
        item_of = "time_entries"
        entry_id: UUID
        on: date
        hours: Decimal
        note: str | None

    class TimeRemoved(Aggregate.Event):
        ends_item_of = "time_entries"
        entry_id: UUID

    class SpentChanged(Aggregate.Event):
        spent: Decimal

    @command(undone_by="remove_time")
    def log_time(
        self,
        hours: Decimal,
        by: Actor,
        now: Moment,
        project: Its[Project],
        user: Annotated[User | None, "who worked; you unless given"] = None,
        on: Annotated[date | None, "today unless given"] = None,
        note: Text | None = None,
    ) -> None:
        """Record hours that somebody worked on it."""
        project.check_open()
        entry = TimeEntry(new_id(), user.id if user else by, self.day(on, now), hours, note)
        self._check_time(entry)
        self.trigger_event(self.TimeLogged, **vars(entry))
        self.trigger_event(self.SpentChanged, spent=self._spent())

    @command(undone_by="correct_time")
    def correct_time(
        self, entry_id: UUID, hours: Decimal, now: Moment, on: date | None = None, note: Text | None = None
    ) -> None:
        """Correct hours that were recorded. Without a day, it stays the same."""
        known = self.needed(self.time_entries.get(entry_id), "no such hours are recorded", "entry_id")
        entry = replace(known, on=self.day(on or known.on, now), hours=hours, note=note)
        self._check_time(entry)
        self.trigger_event(self.TimeCorrected, entry_id=entry_id, on=entry.on, hours=hours, note=note)
        self.trigger_event(self.SpentChanged, spent=self._spent())

    @command(undone_by="log_time")
    def remove_time(self, entry_id: UUID) -> None:
        """Take back hours that were recorded by mistake."""
        self.require(entry_id in self.time_entries, "no such hours are recorded", "entry_id")
        self.trigger_event(self.TimeRemoved, entry_id=entry_id)
        self.trigger_event(self.SpentChanged, spent=self._spent())

    def _check_time(self, entry: TimeEntry) -> None:
        """More than nothing, and no more than a day has with all that this person has recorded here for it."""
        self.require(entry.hours > 0, "say how many hours it was", "hours")
        others = [each for each in self.time_entries.values() if each.entry_id != entry.entry_id]
        same = sum((e.hours for e in others if (e.user_id, e.on) == (entry.user_id, entry.on)), Decimal(0))
        left = FULL_DAY - same
        self.require(entry.hours <= left, f"a day has {FULL_DAY} hours, of which {left} are left here", "hours")

    def _spent(self) -> Decimal:
        return sum((each.hours for each in self.time_entries.values()), Decimal(0))
