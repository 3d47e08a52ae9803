"""A roll-out while it is told: its days are working days, counted from the one on which it starts; 4.5 is at noon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from math import floor
from typing import Any, Final

from domain.command import commands_of
from domain.projects.planning.calendar import Calendar
from domain.projects.planning.template import Layout, TemplateTask
from domain.projects.project_template import ProjectTemplate
from infra.arguments import given
from infra.default_templates import default_templates
from infra.sample.acts import DAYS, About, Act, Holder, ItemOf, Part, Ref, Unit, moment

DAY_OF_WORK: Final = Decimal(8)
"""Hours that one person works in a day at most, if the work allows it."""
STARTS, ENDS = 0.36, 0.72
"""When a day of work begins and ends."""
FREE: Final = ((1, 1), (5, 1), (12, 25), (12, 26))
"""Month and day of what is a holiday each year."""
Crew = Mapping[str, tuple[str, ...]]
"""Who does the tasks of a role: who is assigned, and who else works on what is too much for one."""


class RollOut:
    """`elapsed` working days went by before the story ends: whatever would happen later is not told."""

    def __init__(self, ref: str, template: str, begin: date, zone: tzinfo, elapsed: int, crew: Crew) -> None:
        self.ref, self.begin, self.zone, self.elapsed, self.crew = ref, begin, zone, elapsed, crew
        self.units: list[Unit] = []
        years = range(begin.year, begin.year + 4)
        self.holidays = [date(year, month, day) for year in years for month, day in FREE]
        self.calendar = Calendar(holidays=frozenset(self.holidays))
        self.first = self.calendar.number(date.fromordinal(begin.toordinal() + DAYS)) - elapsed
        self.template = template
        self.layout = _layout(template)
        planned = self.layout.dates(self.on(0), self.calendar)
        self.planned = {key: (self.number(each.start), self.number(each.finish)) for key, each in planned.items()}
        self.tasks: Mapping[str, TemplateTask] = {task.key: task for task in self.layout.tasks}

    # When

    def on(self, n: float) -> date:
        return self.calendar.day(self.first + floor(n))

    def number(self, day: date) -> int:
        return self.calendar.number(day) - self.first

    def at(self, n: float) -> datetime:
        """The moment, as one gives it for what is planned."""
        return moment(self.begin, self.zone, self._day(n)).astimezone(UTC)

    def _day(self, n: float) -> float:
        return self.on(n).toordinal() - self.begin.toordinal() + n - floor(n)

    # Telling

    def make(self, n: float, by: str, about: str, command: str, /, **arguments: Any) -> None:
        """Somebody makes something, which is known by this name then."""
        self.unit(n, about, (by, command, arguments), makes=True)

    def tell(self, n: float, by: str, about: About, command: str, /, **arguments: Any) -> None:
        self.unit(n, about, (by, command, arguments))

    def unit(
        self,
        n: float,
        about: About,
        *acts: tuple[str, str, dict[str, Any]],
        makes: bool = False,
        themselves: bool = True,
    ) -> None:
        """What is entered in one go; in what makes something, that comes first. What takes to see sales or to change
        customers the administrator enters for them.
        """
        if n >= self.elapsed:
            return
        at = moment(self.begin, self.zone, self._day(n))
        told = [
            Act(command, at, by, makes and number == 0, arguments, themselves)
            for number, (by, command, arguments) in enumerate(acts)
        ]
        self.units.append(Unit(f"{self.ref}/{len(self.units)}", about, self._day(n), told))

    # What comes from the sale and the template

    def sell(self, account: str, owner: str, name: str, amount: int) -> None:
        """What the project comes from: opened, offered and won in the months before it starts."""
        sale, price = f"{self.ref} sale", {"amount": euros(amount)}
        opened = {"pipeline_id": Ref("pipeline direct"), "name": name, "account_id": Ref(account)}
        opened |= {"expected_close": self.on(-22), "source": "recommendation"}
        owned = (owner, "Opportunity.assign_owner", {"owner_id": Ref(owner)})
        self.unit(-64.6, sale, (owner, "Opportunity.open", opened), owned, makes=True, themselves=False)
        for n, stage in ((-55.5, "needs"), (-41.6, "offer"), (-29.4, "negotiation")):
            told = (owner, "Opportunity.move_to_stage", {"stage": stage})
            priced = [(owner, "Opportunity.change_amount", price)] if stage == "offer" else []
            self.unit(n, sale, *priced, told, themselves=False)
        self.unit(-21.5, sale, (owner, "Opportunity.win", {**price, "on": self.on(-21.5)}), themselves=False)

    def propose(self, n: float, by: str, **arguments: Any) -> None:
        """It begins from its sale and its template, which lays it out."""
        told = {
            "opportunity_id": Ref(f"{self.ref} sale"),
            "template_id": Holder("ProjectTemplate", "name", self.template),
            "manager_id": Ref(by),
            "starts_on": self.on(0),
            "calendar": {"holidays": self.holidays},
            **arguments,
        }
        self.unit(n, self.ref, (by, "Project.propose", told), makes=True, themselves=False)

    def task(self, key: str) -> Part:
        return Part(self.ref, "Task", self.tasks[key].name)

    def milestone(self, name: str) -> Part:
        return Part(self.ref, "Milestone", name)

    def check(self, text: str) -> ItemOf:
        """What is on a checklist, from the template on."""
        return ItemOf(self.ref, "CheckAdded", [each.text for each in self.layout.checks].index(text))

    def assign(self, n: float, by: str) -> None:
        for key, task in self.tasks.items():
            self.tell(n, by, self.task(key), "Task.assign", assignee_id=Ref(self.crew[task.role or ""][0]))

    def work(self, key: str, start: int, finish: int, hours: Decimal, until: int | None = None) -> None:
        """A task is done: begun, worked on day by day by whoever works on it, reported on each week, and completed.

        Until a day, it goes on as if it would be finished then.
        """
        task, people = self.task(key), self.crew[self.tasks[key].role or ""]
        self.tell(start + STARTS, people[0], task, "Task.start")
        days = finish - start + 1
        each = hours / days
        workers = people[:1] if each <= DAY_OF_WORK else people
        week = list[tuple[str, str, dict[str, Any]]]()
        end = min(finish, self.elapsed - 1, finish if until is None else until)
        for n in range(start, end + 1):
            share = (each / len(workers)).quantize(Decimal("0.25"))
            for person in workers:
                week.append((person, "Task.log_time", {"hours": share, "on": self.on(n)}))
            if n == end or self.on(n).weekday() == 4:
                if n < finish:
                    done = Decimal(100 * (n - start + 1) // days)
                    report = {"progress": done, "remaining": finish - n}
                    week.append((people[0], "Task.report_progress", report))
                self.unit(n + ENDS, task, *week)
                week = []
        if until is None:
            self.tell(finish + ENDS + 0.01, people[0], task, "Task.complete")

    def enter(self, n: float, by: str, phase: str) -> None:
        self.tell(n, by, self.ref, "Project.enter_phase", phase=phase)

    def leave(self, n: float, by: str, phase: str) -> None:
        """A phase is completed, with what is on its checklist."""
        ticked = [
            (by, "Project.tick_check", {"check_id": self.check(each.text)})
            for each in self.layout.checks
            if each.phase == phase
        ]
        self.unit(n, self.ref, *ticked, (by, "Project.complete_phase", {"phase": phase}))

    def phases(self) -> Iterator[tuple[str, str, int, int]]:
        """The key of each phase and the name of its milestone, its first day and its last as planned."""
        for phase in self.layout.phases:
            days = [self.planned[task.key] for task in self.layout.tasks if task.phase == phase.phase]
            [milestone] = [each.name for each in self.layout.milestones if each.phase == phase.phase]
            yield phase.phase, milestone, min(start for start, _ in days), max(finish for _, finish in days)

    def hours(self, key: str) -> Decimal:
        """What a task takes, as estimated."""
        return self.tasks[key].effort or Decimal(0)


def euros(amount: int | Decimal) -> dict[str, Any]:
    return {"amount": Decimal(amount).quantize(Decimal("0.01")), "currency": "EUR"}


def _layout(name: str) -> Layout:
    """How a template of the package lays a project out."""
    [template] = [each for each in default_templates() if each["name"] == name]
    told = given(commands_of(ProjectTemplate)["define"], template)
    return Layout(**{part: told[part] for part in ("phases", "milestones", "tasks", "roles", "checks")})
