"""A project template (项目模板): how projects of one kind are laid out, to be begun from it with all their dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Self

from domain.aggregate import SHARED, Aggregate, Refused
from domain.parameters import AS_IT_IS, LONG, AtMost, Text, command
from domain.projects.milestone import Milestone
from domain.projects.planning.calendar import Calendar
from domain.projects.planning.schedule import Scheduled
from domain.projects.planning.template import (
    Layout,
    TemplateCheck,
    TemplateMilestone,
    TemplatePhase,
    TemplateRole,
    TemplateTask,
)
from domain.projects.planning.wrong import WrongPlan
from domain.projects.project import Project
from domain.projects.task import Task

Phases = Annotated[tuple[TemplatePhase, ...], "in their order", AtMost(LONG)]
Milestones = Annotated[tuple[TemplateMilestone, ...], AtMost(LONG)]
Tasks = Annotated[tuple[TemplateTask, ...], AtMost(LONG)]
Roles = Annotated[tuple[TemplateRole, ...], "who is needed", AtMost(LONG)]
Checks = Annotated[tuple[TemplateCheck, ...], "what is on the checklists"]
Dates = Mapping[str, Scheduled]
Description = Annotated[Text | None, "for what kind of project it is"]


class ProjectTemplate(Aggregate):
    needs = "projects.manage"
    unique = ("name",)

    name: str
    description: str | None = None
    phases: tuple[TemplatePhase, ...] = ()
    milestones: tuple[TemplateMilestone, ...] = ()
    tasks: tuple[TemplateTask, ...] = ()
    roles: tuple[TemplateRole, ...] = ()
    checks: tuple[TemplateCheck, ...] = ()
    retired: bool = False

    class Defined(Aggregate.Created):
        name: str
        description: str | None
        phases: tuple[TemplatePhase, ...]
        milestones: tuple[TemplateMilestone, ...]
        tasks: tuple[TemplateTask, ...]
        roles: tuple[TemplateRole, ...]
        checks: tuple[TemplateCheck, ...]

    class Changed(Aggregate.Event):
        name: str
        description: str | None
        phases: tuple[TemplatePhase, ...]
        milestones: tuple[TemplateMilestone, ...]
        tasks: tuple[TemplateTask, ...]
        roles: tuple[TemplateRole, ...]
        checks: tuple[TemplateCheck, ...]

    class Retired(Aggregate.Event):
        retired: bool = True

    class Reinstated(Aggregate.Event):
        retired: bool = False

    @classmethod
    @command
    def define(
        cls,
        name: str,
        description: Description = None,
        phases: Phases = (),
        milestones: Milestones = (),
        tasks: Tasks = (),
        roles: Roles = (),
        checks: Checks = (),
    ) -> Self:
        """Say how projects of one kind are laid out."""
        layout = Layout(phases=phases, milestones=milestones, tasks=tasks, roles=roles, checks=checks)
        cls._check(layout)
        return cls._create(cls.Defined, name=name, description=description, **vars(layout))

    @command
    def change(
        self,
        *,
        name: str = AS_IT_IS,
        description: Description = AS_IT_IS,
        phases: Phases = AS_IT_IS,
        milestones: Milestones = AS_IT_IS,
        tasks: Tasks = AS_IT_IS,
        roles: Roles = AS_IT_IS,
        checks: Checks = AS_IT_IS,
    ) -> None:
        """Lay such projects out otherwise; what is left out stays. Projects that were begun stay as they are."""
        layout = Layout(phases=phases, milestones=milestones, tasks=tasks, roles=roles, checks=checks)
        self._check(layout)
        self.trigger_event(self.Changed, name=name, description=description, **vars(layout))

    @command
    def retire(self) -> None:
        """Let no project begin from it any more."""
        self.trigger_event(self.Retired)

    @command
    def reinstate(self) -> None:
        """Let projects begin from it again."""
        self.trigger_event(self.Reinstated)

    def guard(self, command: str) -> None:
        if command not in SHARED:
            self.require(self.retired == (command == "reinstate"), "it is retired" if self.retired else "it is in use")
        super().guard(command)

    @property
    def usable(self) -> bool:
        return super().usable and not self.retired

    @property
    def layout(self) -> Layout:
        """What its projects have alike."""
        return Layout(
            phases=self.phases, milestones=self.milestones, tasks=self.tasks, roles=self.roles, checks=self.checks
        )

    def lay_out(self, project: Project) -> tuple[Milestone | Task, ...]:
        """Fill a new project: phases, milestones and tasks with their dates on its calendar, roles and checklists."""
        start = self.needed(project.starts_on, "say when it starts, so that it can be laid out", "starts_on")
        dates = self.layout.dates(start, project.calendar)
        due = {each.key: self._due(each, dates, start, project.calendar) for each in self.milestones}
        ends = [*due.values(), *(each.finish for each in dates.values())]
        self._add_phases(project, dates, due)
        for role in self.roles:
            project.need_role(role.role, role.headcount, role.duties)
        for check in self.checks:
            project.add_check(check.text, check.phase)
        if project.ends_on is None and ends:
            project.reschedule(ends_on=max(ends))
        milestones = {
            each.key: Milestone.plan(project, each.name, due[each.key], each.phase, each.criteria, each.deliverables)[0]
            for each in self.milestones
        }
        return *milestones.values(), *self._add_tasks(project, dates, milestones)

    def _add_phases(self, project: Project, dates: Dates, due: Mapping[str, date]) -> None:
        for each in self.phases:
            inside = [dates[task.key] for task in self.tasks if task.phase == each.phase]
            reached = [due[milestone.key] for milestone in self.milestones if milestone.phase == each.phase]
            starts, ends = [task.start for task in inside], [*reached, *(task.finish for task in inside)]
            project.add_phase(
                each.phase, each.name, each.objective, min(starts or ends, default=None), max(ends, default=None)
            )

    def _add_tasks(self, project: Project, dates: Dates, milestones: Mapping[str, Milestone]) -> Iterable[Task]:
        """A task may begin on its early start and is due on its late finish: its slack is what the plan leaves it."""
        made, above = dict[str, Task](), dict[str, tuple[Task, ...]]()
        parents = {each.parent for each in self.tasks}
        for each in self.layout.outer_first():
            found, alone = dates[each.key], each.key not in parents
            above[each.key] = (made[each.parent], *above[each.parent]) if each.parent else ()
            planned = Task.plan(
                project,
                each.name,
                each.description,
                phase=each.phase,
                parent=made[each.parent] if each.parent else None,
                milestone=milestones[each.milestone] if each.milestone else None,
                starts_on=found.start if alone else None,
                due_on=found.late_finish if alone else None,
                duration=each.duration,
                effort=each.effort,
                above=above[each.key],
            )
            made[each.key] = planned[0] if isinstance(planned, tuple) else planned
            if each.role:
                made[each.key].set_needs(required_skills=(each.role,), required_resources=())
        for each in self.tasks:
            for wait in each.waits_for:
                made[each.key].trigger_event(
                    Task.DependencySet, predecessor_id=made[wait.task].id, kind=wait.kind, lag=wait.lag
                )
        return made.values()

    def _due(self, milestone: TemplateMilestone, dates: Dates, start: date, calendar: Calendar) -> date:
        if milestone.offset is not None:
            return calendar.day(calendar.number(start) + milestone.offset)
        leading = (dates[each.key].finish for each in self.tasks if each.milestone == milestone.key)
        return max(leading, default=calendar.on_or_after(start))

    @classmethod
    def _check(cls, layout: Layout) -> None:
        try:
            layout.check()
        except WrongPlan as wrong:
            raise Refused(str(wrong), wrong.field) from None
