"""The charts of a project and of its sprints, each with the operation that reads what it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from infra.charts.burn_down import BurnDown, Day, burn_down
from infra.charts.canvas import Format
from infra.charts.gantt import Arrow, Bar, Gantt, gantt
from infra.charts.milestone_trend import MilestoneTrend, Point, Trend, milestone_trend
from infra.charts.risk_matrix import Risk, RiskMatrix, risk_matrix
from infra.charts.words import Language
from infra.deliverables.pages import Pages
from projections.report import TimeAxis

FORMATS: Final[Mapping[str, str]] = {Format.SVG: "image/svg+xml", Format.PNG: "image/png"}
LINKS: Final = "tasks(first: 100) { nodes { id dependencies(first: 20) { nodes { predecessorId kind } } } }"
"""Of a project, how its tasks wait for each other."""
BARS: Final = """{
    kind code depth name taskId milestoneId start finish baselineStart baselineFinish behind
    critical finished progress predecessorIds
}"""
"""Of the report `gantt`, what is drawn."""
Draw = Callable[[Mapping[str, Any], date, Format, Language], bytes]


@dataclass(frozen=True)
class Chart:
    """A chart under its name; `draw` makes it of what `query` read."""

    name: str
    query: str
    draw: Draw

    @property
    def path(self) -> str:
        return f"/charts/{self.name}"

    @property
    def formats(self) -> Mapping[str, str]:
        return FORMATS

    @property
    def lists(self) -> Mapping[str, Pages]:
        return {}

    @property
    def parts(self) -> Mapping[str, str]:
        return {}

    @property
    def computed(self) -> tuple[str, ...]:
        return ()

    def made(self, data: Mapping[str, Any], format: str, language: str, day: date) -> bytes:
        """The picture. Raises CannotDraw."""
        return self.draw(data, day, Format(format), Language(language))


def gantt_of(data: Mapping[str, Any], day: date, format: Format, language: Language) -> bytes:
    """The Gantt chart of what `LINKS` and `BARS` read. Raises CannotDraw."""
    rows = data["gantt"]
    bars = [
        Bar(
            id=_bar(row, nth),
            wbs=row["code"] or "",
            name=row["name"],
            start=date.fromisoformat(row["start"]),
            finish=date.fromisoformat(row["finish"]),
            depth=row["depth"],
            is_summary=row["kind"] in ("PROJECT", "PHASE") or _has_parts(rows, nth),
            is_milestone=row["kind"] == "MILESTONE",
            progress=Decimal(100) if row["finished"] else Decimal(row["progress"]),
            is_critical=row["critical"],
            baseline_start=_day(row["baselineStart"]),
            baseline_finish=_day(row["baselineFinish"]),
        )
        for nth, row in enumerate(rows)
    ]
    title = data["subject"]["name"]
    return gantt(Gantt(title=title, bars=bars, arrows=list(_arrows(data)), today=day), format, language)


def _bar(row: Mapping[str, Any], nth: int) -> str:
    return str(row["taskId"] or row["milestoneId"] or nth)


def _has_parts(rows: list[Mapping[str, Any]], nth: int) -> bool:
    """Whether tasks follow that are under it."""
    return nth + 1 < len(rows) and rows[nth + 1]["depth"] > rows[nth]["depth"] and rows[nth + 1]["kind"] == "TASK"


def _arrows(data: Mapping[str, Any]) -> Iterator[Arrow]:
    kinds = {
        (task["id"], link["predecessorId"]): link["kind"]
        for task in data["subject"]["tasks"]["nodes"]
        for link in task["dependencies"]["nodes"]
    }
    for row in data["gantt"]:
        for before in row["predecessorIds"]:
            after = row["taskId"] or row["milestoneId"]
            if after:
                yield Arrow(before, after, kinds.get((after, before), "FS"))


def _risk_matrix(data: Mapping[str, Any], day: date, format: Format, language: Language) -> bytes:
    risks = [
        Risk(name=row["name"], probability=row["probability"], impact=row["impact"])
        for row in data["riskRegister"]
        if row["probability"] and row["impact"]
    ]
    return risk_matrix(RiskMatrix(title=data["subject"]["name"], risks=risks, today=day), format, language)


def _burn_down(data: Mapping[str, Any], day: date, format: Format, language: Language) -> bytes:
    days = [
        Day(on=date.fromisoformat(row["day"]), remaining=_number(row["leftHours"]), ideal=_number(row["idealHours"]))
        for row in data["burnDown"]
    ]
    chart = BurnDown(title=data["subject"]["name"], days=days, today=day, as_it_happened=_as_it_happened(data))
    return burn_down(chart, format, language)


def _milestone_trend(data: Mapping[str, Any], day: date, format: Format, language: Language) -> bytes:
    lines: dict[str, list[Mapping[str, Any]]] = {}
    for row in data["milestoneTrend"]:
        lines.setdefault(row["milestoneId"], []).append(row)
    trends = [
        Trend(
            name=rows[0]["name"],
            points=[Point(date.fromisoformat(row["reportedOn"]), date.fromisoformat(row["dueOn"])) for row in rows],
            reached_on=_day(rows[0]["reachedOn"]),
        )
        for rows in lines.values()
    ]
    chart = MilestoneTrend(
        title=data["subject"]["name"], milestones=trends, today=day, as_it_happened=_as_it_happened(data)
    )
    return milestone_trend(chart, format, language)


def _as_it_happened(data: Mapping[str, Any]) -> bool:
    return bool(data["by"] == TimeAxis.OCCURRED)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


CHARTS: Final = (
    Chart(
        "gantt",
        f"""query Gantt($id: ID!, $asOf: AsOf, $on: Date) {{
          subject: project(id: $id, asOf: $asOf) {{ name {LINKS} }}
          gantt(projectId: $id, asOf: $asOf, on: $on) {BARS}
        }}""",
        gantt_of,
    ),
    Chart(
        "risk-matrix",
        """query RiskMatrix($id: ID!, $asOf: AsOf) {
          subject: project(id: $id, asOf: $asOf) { name }
          riskRegister(projectId: $id, asOf: $asOf) { name probability impact }
        }""",
        _risk_matrix,
    ),
    Chart(
        "burn-down",
        """query BurnDown($id: ID!, $asOf: AsOf, $by: TimeAxis!) {
          subject: project(id: $id, asOf: $asOf) { name }
          burnDown(projectId: $id, asOf: $asOf, by: $by) { day leftHours idealHours }
        }""",
        _burn_down,
    ),
    Chart(
        "sprint-burn-down",
        """query BurnDown($id: ID!, $asOf: AsOf, $by: TimeAxis!) {
          subject: sprint(id: $id, asOf: $asOf) { name }
          burnDown(sprintId: $id, asOf: $asOf, by: $by) { day leftHours idealHours }
        }""",
        _burn_down,
    ),
    Chart(
        "milestone-trend",
        """query MilestoneTrend($id: ID!, $asOf: AsOf, $by: TimeAxis!) {
          subject: project(id: $id, asOf: $asOf) { name }
          milestoneTrend(projectId: $id, asOf: $asOf, by: $by) { milestoneId name reportedOn dueOn reachedOn }
        }""",
        _milestone_trend,
    ),
)
