"""The plan of a project as Microsoft Project XML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from domain.projects.planning.calendar import Calendar
from domain.projects.planning.plan import HUNDRED, DependencyKind
from infra.deliverables.pages import Pages
from infra.plans.plan import MOST_TASKS, Line, Link, PlanFile, Resource
from infra.plans.writing import written

PRIORITIES: Final = {"LOW": 300, "NORMAL": 500, "HIGH": 700, "URGENT": 900}
MOST_LINKS: Final = 10 * MOST_TASKS
TASKS: Final = Pages(
    list="tasks",
    filter="{projectId: {eq: $id}}",
    nodes="""id description priority effort duration progress startsOn dueOn startedOn finishedOn requiredResources
        assignee @include(if: $people) { id name email }""",
    variables="$people: Boolean!",
    most=MOST_TASKS,
)
LINKS: Final = Pages(
    list="taskDependencies",
    filter="{task: {projectId: {eq: $id}}}",
    nodes="task { id } predecessorId kind lag",
    most=MOST_LINKS,
)
PHASES: Final = Pages(
    list="projectPhases",
    filter="{projectId: {eq: $id}}",
    order="PLACE",
    nodes="phase name objective startsOn endsOn",
    most=MOST_TASKS,
)
QUERY: Final = f"""
    query Plan($id: ID!, $asOf: AsOf, $on: Date, $people: Boolean!) {{
      subject: project(id: $id, asOf: $asOf) {{
        name startsOn
        calendar {{ weekdays holidays extra }}
      }}
      gantt(projectId: $id, asOf: $asOf, on: $on) {{
        kind code depth name phase taskId milestoneId start finish baselineStart baselineFinish critical finished
        progress dueOn predecessorIds
      }}
      {TASKS.first}
      {LINKS.first}
      {PHASES.first}
    }}"""
Row = Mapping[str, Any]
NOTHING_YET: Final[Row] = {
    "kind": "PHASE", "code": None, "depth": 1, "taskId": None, "milestoneId": None, "baselineStart": None,
    "baselineFinish": None, "critical": False, "finished": False, "progress": "0", "dueOn": None, "predecessorIds": (),
}  # fmt: skip
"""The line of a phase in which nothing is to be done, but for its name and its days."""


@dataclass(frozen=True)
class PlanExport:
    """A plan for other programs."""

    path: str = "/plans"
    query: str = QUERY

    @property
    def formats(self) -> Mapping[str, str]:
        return {"xml": "application/xml"}

    @property
    def lists(self) -> Mapping[str, Pages]:
        return {each.list: each for each in (TASKS, LINKS, PHASES)}

    @property
    def parts(self) -> Mapping[str, str]:
        return {"people": "platform.see"}

    @property
    def computed(self) -> tuple[str, ...]:
        return ()

    def made(self, data: Mapping[str, Any], format: str, language: str, day: date) -> bytes:
        """The file. Raises OverflowError."""
        return written(_plan(data, day))


def _plan(data: Mapping[str, Any], day: date) -> PlanFile:
    project = data["subject"]
    for pages, called in ((TASKS, "tasks"), (LINKS, "dependencies"), (PHASES, "phases")):
        if (count := data[pages.list]["totalCount"]) > pages.most:
            raise OverflowError(f"this plan has {count:,} {called}: at most {pages.most:,} of a plan are exported")
    start = _day(project["startsOn"]) or min((date.fromisoformat(row["start"]) for row in data["gantt"]), default=day)
    phases = {phase["phase"]: phase for phase in data[PHASES.list]["nodes"]}
    rows = list(_rows(data["gantt"], phases, str(start)))
    tasks = {task["id"]: task for task in data[TASKS.list]["nodes"]}
    waits = {(each["task"]["id"], each["predecessorId"]): each for each in data[LINKS.list]["nodes"]}
    numbers = {row["taskId"] or row["milestoneId"]: nth for nth, row in enumerate(rows, 1) if row["kind"] != "PHASE"}
    resources = dict(_resources(tasks.values()))
    known = {key: resource.number for key, resource in resources.items()}
    return PlanFile(
        name=project["name"],
        start=start,
        calendar=Calendar(
            frozenset(project["calendar"]["weekdays"]),
            frozenset(map(date.fromisoformat, project["calendar"]["holidays"])),
            frozenset(map(date.fromisoformat, project["calendar"]["extra"])),
        ),
        lines=tuple(_lines(rows, tasks, phases, waits, numbers, known)),
        resources=tuple(resources.values()),
    )


def _rows(gantt: list[Row], phases: Mapping[str, Row], start: str) -> Iterator[Row]:
    """The lines of the plan: also of phases in which nothing is to be done yet, and that have no line in the chart."""
    of = dict[str | None, list[Row]]({phase: [] for phase in phases})
    for row in gantt:
        if row["kind"] != "PROJECT":
            of.setdefault(row["phase"], []).append(row)
    outside = of.pop(None, [])
    for phase, rows in of.items():
        if not (rows and rows[0]["kind"] == "PHASE"):
            told = phases.get(phase or "", {})
            begins = told.get("startsOn") or start
            yield {
                **NOTHING_YET,
                "name": told.get("name", phase),
                "phase": phase,
                "start": begins,
                "finish": told.get("endsOn") or begins,
            }
        yield from rows
    yield from outside


def _resources(tasks: Any) -> Iterator[tuple[str, Resource]]:
    """People by their ids, things by their names."""
    found = dict[str, Resource]()
    for task in tasks:
        if (who := task.get("assignee")) and who["id"] not in found:
            number = len(found) + 1
            found[who["id"]] = Resource(number=number, name=who["name"], email=who["email"])
        for name in task["requiredResources"]:
            found.setdefault(name, Resource(number=len(found) + 1, name=name, is_person=False))
    yield from found.items()


def _lines(
    rows: list[Row],
    tasks: Mapping[str, Any],
    phases: Mapping[str, Row],
    waits: Mapping[tuple[str, str], Any],
    numbers: Mapping[str, int],
    known: Mapping[str, int],
) -> Iterator[Line]:
    above: list[tuple[int, int]] = []
    for number, row in enumerate(rows, 1):
        while above and above[-1][0] >= row["depth"]:
            above.pop()
        parent = above[-1][1] if above else None
        above.append((row["depth"], number))
        task = tasks.get(row["taskId"], {})
        milestone, finished = row["kind"] == "MILESTONE", row["finished"]
        phase = row["phase"] if row["kind"] == "PHASE" else None
        who = [task["assignee"]["id"]] if task.get("assignee") else []
        finish = date.fromisoformat(row["finish"])
        yield Line(
            number=number,
            name=row["name"],
            parent=parent,
            wbs=row["code"] or "",
            notes=task.get("description") or (phases.get(phase, {}).get("objective") if phase else None),
            duration=0 if milestone else task.get("duration", 1),
            effort=Decimal(task["effort"]) if task.get("effort") else None,
            progress=HUNDRED if finished else Decimal(row["progress"]),
            priority=PRIORITIES[task.get("priority", "NORMAL")],
            starts_on=_day(task.get("startsOn")),
            due_on=_day(row["dueOn"]),
            started_on=_day(task.get("startedOn")),
            finished_on=_day(task.get("finishedOn")) or (finish if milestone and finished else None),
            start=date.fromisoformat(row["start"]),
            finish=finish,
            is_critical=row["critical"],
            waits_for=tuple(
                Link(numbers[id], DependencyKind(link["kind"]), link["lag"]) if link else Link(numbers[id])
                for id, link in ((id, waits.get((row["taskId"], id))) for id in row["predecessorIds"])
                if id in numbers
            ),
            resources=tuple(known[each] for each in (*who, *task.get("requiredResources", ()))),
            baseline_start=_day(row["baselineStart"]),
            baseline_finish=_day(row["baselineFinish"]),
            phase=phase,
        )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
