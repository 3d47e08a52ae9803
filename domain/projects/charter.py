"""The charter of a project (章程): what it was agreed to be, by whom it is done, and the plans agreed on (基线)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from domain.aggregate import Aggregate
from domain.parameters import AS_IT_IS, LONG, AtMost, Moment, Patch, Text, command
from domain.projects.planning.calendar import Calendar
from domain.values import Money


@dataclass(frozen=True, kw_only=True)
class ProjectScope:
    """What belongs to a project and what does not (范围)."""

    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    assumptions: Annotated[tuple[str, ...], "what is taken to be so"] = ()
    constraints: Annotated[tuple[str, ...], "what limits it"] = ()


@dataclass(frozen=True)
class OpenRole:
    """Who is needed: so many people of a role."""

    role: str
    headcount: int
    duties: str | None


@dataclass(frozen=True)
class Baseline:
    """The plan as it was agreed on: as it stood when this was recorded."""

    number: int
    reason: str
    on: date


class Chartered(Aggregate):
    """A project, as far as it goes by what was agreed on."""

    charter: str | None = None
    scope: ProjectScope = ProjectScope()
    buffer_days: int | None = None
    buffer_money: Money | None = None
    calendar: Calendar = Calendar()
    roles: Mapping[str, OpenRole] = field(default_factory=dict)
    baselines: Mapping[int, Baseline] = field(default_factory=dict)
    baseline: int = 0
    baselined_on: date | None = None

    class CharterSet(Aggregate.Event):
        charter: str | None

    class ScopeSet(Aggregate.Event):
        scope: ProjectScope

    class BufferSet(Aggregate.Event):
        buffer_days: int | None
        buffer_money: Money | None

    class CalendarSet(Aggregate.Event):
        calendar: Calendar

    class RoleNeeded(Aggregate.Event):
        item_of = "roles"
        role: str
        headcount: int
        duties: str | None

    class RoleDropped(Aggregate.Event):
        ends_item_of = "roles"
        role: str

    class BaselineTaken(Aggregate.Event):
        item_of = "baselines"
        number: int
        reason: str
        on: date

    class BaselineDropped(Aggregate.Event):
        ends_item_of = "baselines"
        number: int

    class Rebaselined(Aggregate.Event):
        baseline: int
        baselined_on: date | None

    @command
    def set_charter(
        self, charter: Annotated[Text | None, "why it is done, what counts as success, and who decides"]
    ) -> None:
        """Write its charter (章程), which gives it leave to begin."""
        self.trigger_event(self.CharterSet, charter=charter)

    @command
    def set_scope(self, scope: Annotated[Patch[ProjectScope], AtMost(LONG)]) -> None:
        """Say what belongs to it and what does not (范围); what is left out stays."""
        self.trigger_event(self.ScopeSet, scope=scope)

    @command
    def set_buffer(
        self,
        *,
        buffer_days: Annotated[int | None, "working days"] = AS_IT_IS,
        buffer_money: Money | None = AS_IT_IS,
    ) -> None:
        """Say what is kept for what nobody foresees (缓冲); what is left out stays."""
        self.require((buffer_days or 0) >= 0, "a buffer is nil or more days", "buffer_days")
        self.require(buffer_money is None or buffer_money.amount >= 0, "a buffer is nil or more", "buffer_money")
        self.trigger_event(self.BufferSet, buffer_days=buffer_days, buffer_money=buffer_money)

    @command
    def set_calendar(self, calendar: Patch[Calendar]) -> None:
        """Say on which days work is done (工作日历); what is left out stays."""
        self.trigger_event(self.CalendarSet, calendar=calendar)

    @command
    def need_role(
        self,
        role: Annotated[str, "such as business analyst"],
        headcount: Annotated[int, "how many people"] = 1,
        duties: Annotated[Text | None, "what they do"] = None,
    ) -> None:
        """Say who is needed."""
        self.require(headcount > 0, "at least one is needed", "headcount")
        self.trigger_event(self.RoleNeeded, role=role, headcount=headcount, duties=duties)

    @command
    def drop_role(self, role: str) -> None:
        """Nobody of this role is needed after all."""
        self.require(role in self.roles, "nobody of this role is needed", "role")
        self.trigger_event(self.RoleDropped, role=role)

    @command
    def rebaseline(self, reason: Text, now: Moment, on: Annotated[date | None, "today unless given"] = None) -> None:
        """Agree on the plan as it stands now: it is measured by this one from now on."""
        self.take_baseline(reason, self.day(on, now))

    def take_baseline(self, reason: str, day: date) -> None:
        """The plan as it stands is what the project is measured by from now on."""
        number = max(self.baselines, default=0) + 1
        self.trigger_event(self.BaselineTaken, number=number, reason=reason, on=day)
        self.trigger_event(self.Rebaselined, baseline=number, baselined_on=day)
