"""The plan of a project as Microsoft Project XML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from domain.projects.planning.calendar import Calendar
from domain.projects.planning.plan import HUNDRED, DependencyKind
from infra.plans.plan import Line, Link, PlanFile, Resource
from infra.plans.writing import written

PRIORITIES: Final = {"LOW": 300, "NORMAL": 500, "HIGH": 700, "URGENT": 900}
MOST_TASKS: Final = 1000
MOST_LINKS: Final = 50
"""So many a task waits for; of either, the API tells no more of one at once."""
QUERY: Final = f"""
    query Plan($id: ID!, $asOf: AsOf, $people: Boolean!) {{
      subject: project(id: $id, asOf: $asOf) {{
        name startsOn
        calendar {{ weekdays holidays extra }}
        tasks(first: {MOST_TASKS}) {{
          totalCount
          nodes {{
            id description priority effort duration progress startsOn dueOn startedOn finishedOn requiredResources
            assignee @include(if: $people) {{ id name email }}
            dependencies(first: {MOST_LINKS}) {{ totalCount nodes {{ predecessorId kind lag }} }}
          }}
        }}
      }}
      gantt(projectId: $id, asOf: $asOf) {{
        kind code depth name taskId milestoneId start finish baselineStart baselineFinish critical finished
        progress dueOn predecessorIds
      }}
    }}"""


@dataclass(frozen=True)
class PlanExport:
    """A plan for other programs."""

    path: str = "/plans"
    query: str = QUERY

    @property
    def formats(self) -> Mapping[str, str]:
        return {"xml": "application/xml"}

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
    project, rows = data["subject"], [row for row in data["gantt"] if row["kind"] != "PROJECT"]
    if (count := project["tasks"]["totalCount"]) > MOST_TASKS:
        raise OverflowError(f"this plan has {count:,} tasks: at most {MOST_TASKS:,} of a plan are exported")
    for task in project["tasks"]["nodes"]:
        if (count := task["dependencies"]["totalCount"]) > MOST_LINKS:
            name = next((row["name"] for row in rows if row["taskId"] == task["id"]), task["id"])
            raise OverflowError(f"{name} waits for {count:,} tasks: at most {MOST_LINKS} of a task are exported")
    tasks = {task["id"]: task for task in project["tasks"]["nodes"]}
    numbers = {row["taskId"] or row["milestoneId"]: nth for nth, row in enumerate(rows, 1) if row["kind"] != "PHASE"}
    resources = dict(_resources(tasks.values()))
    known = {key: resource.number for key, resource in resources.items()}
    starts = [date.fromisoformat(row["start"]) for row in rows]
    return PlanFile(
        name=project["name"],
        start=_day(project["startsOn"]) or min(starts, default=day),
        calendar=Calendar(
            frozenset(project["calendar"]["weekdays"]),
            frozenset(map(date.fromisoformat, project["calendar"]["holidays"])),
            frozenset(map(date.fromisoformat, project["calendar"]["extra"])),
        ),
        lines=tuple(_lines(rows, tasks, numbers, known)),
        resources=tuple(resources.values()),
    )


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
    rows: list[Mapping[str, Any]], tasks: Mapping[str, Any], numbers: Mapping[str, int], known: Mapping[str, int]
) -> Iterator[Line]:
    above: list[tuple[int, int]] = []
    for number, row in enumerate(rows, 1):
        while above and above[-1][0] >= row["depth"]:
            above.pop()
        parent = above[-1][1] if above else None
        above.append((row["depth"], number))
        task = tasks.get(row["taskId"], {})
        milestone, finished = row["kind"] == "MILESTONE", row["finished"]
        links = {each["predecessorId"]: each for each in task["dependencies"]["nodes"]} if task else {}
        who = [task["assignee"]["id"]] if task.get("assignee") else []
        finish = date.fromisoformat(row["finish"])
        yield Line(
            number=number,
            name=row["name"],
            parent=parent,
            wbs=row["code"] or "",
            notes=task.get("description"),
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
                Link(numbers[id], DependencyKind(links[id]["kind"]), links[id]["lag"])
                if id in links
                else Link(numbers[id])
                for id in row["predecessorIds"]
                if id in numbers
            ),
            resources=tuple(known[each] for each in (*who, *task.get("requiredResources", ()))),
            baseline_start=_day(row["baselineStart"]),
            baseline_finish=_day(row["baselineFinish"]),
        )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
