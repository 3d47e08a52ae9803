"""What a status report says: how a project stands on a day, part by part, of what the API told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from domain.traffic_light import TrafficLight
from infra.charts.canvas import CannotDraw, Format
from infra.charts.words import Language, whole_day
from infra.deliverables.charts import gantt_of
from infra.deliverables.status_words import WORDS
from infra.documents.document import Block, Cell, Document, Light, Picture, Prose, Remark, Section, Table

MOST: Final = 50
"""So many of a kind are listed; what else there is, is counted."""
PARTS: Final = {"account": "customers.see", "people": "platform.see"}
"""What is left out for who lacks a permission."""
COMPUTED: Final = {"plan": "gantt", "milestones": "milestoneForecast", "earned": "earnedValue"}
"""By title, what of it a plan that cannot be computed does not tell."""
SEVERITIES: Final = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
SIDES: Final = ("scope", "time", "cost", "quality", "risk")

Row = Mapping[str, Any]


def status_document(data: Row, language: Language, day: date, with_picture: bool) -> Document:
    """The report of a day, of what `query` of the deliverable read by then."""
    return _Report(data, language, day, with_picture).document()


class _Report:
    """One report, while it is made of what was read."""

    def __init__(self, data: Row, language: Language, day: date, with_picture: bool) -> None:
        self.data, self.language, self.day, self.with_picture = data, language, day, with_picture
        self.project: Row = data["subject"]
        self.words = WORDS[language]

    def document(self) -> Document:
        """All of it."""
        sections: Mapping[str, Callable[[], Iterator[Block]]] = {
            "lights": self._lights,
            "told": self._told,
            "plan": self._plan,
            "milestones": self._milestones,
            "earned": self._earned,
            "risks": self._risks,
            "issues": self._issues,
            "changes": self._changes,
            "objectives": self._objectives,
        }
        return Document(
            language="zh-CN" if self.language is Language.ZH else "en",
            title=f"{self.words['report']}{self.words['colon']}{self.project['name']}",
            subtitle=self.words["as of"].format(whole_day(self.day, self.language)),
            facts=list(self._facts()),
            sections=[Section(self.words[title], self._told_of(title, blocks)) for title, blocks in sections.items()],
        )

    def _told_of(self, title: str, blocks: Callable[[], Iterator[Block]]) -> list[Block]:
        """What stands under a title; where it cannot be computed, why."""
        why = self.data["why"].get(COMPUTED.get(title))
        return [Remark(self.words["not computable"].format(why))] if why else list(blocks())

    def _facts(self) -> Iterator[tuple[str, Cell]]:
        project, words = self.project, self.words
        for part, needs, name in ("account", "account", "account"), ("manager", "people", "manager"):
            hidden = words["left out"].format(PARTS[needs])
            yield words[name], _name(project[part]) or words["none"] if part in project else hidden
        yield words["state"], words[project["status"]]
        yield words["light"], self._light(next((row["light"] for row in self.data["projectStatus"]), None))
        if project["startsOn"] or project["endsOn"]:
            days = self._day(project["startsOn"]), self._day(project["endsOn"])
            yield words["planned from"], words["told of"].format(*days)
        if project["baseline"]:
            yield words["measured by"], f"{project['baseline']} ({self._day(project['baselinedOn'])})"
        for name, key in ("began", "startedOn"), ("ended", "completedOn"):
            if project[key]:
                yield words[name], self._day(project[key])
        for name, key in ("hold", "holdReason"), ("cancelled because", "cancelReason"), ("goal", "goal"):
            if project[key] and (name != "hold" or project["status"] == "ON_HOLD"):
                yield words[name], project[key]

    def _lights(self) -> Iterator[Block]:
        rows = [
            (self.words[row["aspect"]], self._light(row["light"]), "; ".join(row["reasons"]))
            for row in self.data["projectStatus"]
        ]
        yield self._table(("aspect", "light", "reasons"), rows)

    def _told(self) -> Iterator[Block]:
        reports = self.project["statusReports"]["nodes"]
        if not reports:
            yield Remark(self.words["nothing published"])
            return
        [report] = reports
        days = self._day(report["since"]), self._day(report["until"])
        who = _name(report.get("publishedBy"))
        yield Remark(self.words["told by"].format(*days, who) if who else self.words["told of"].format(*days))
        if told := [(side.upper(), report[side]) for side in SIDES if report[side]]:
            lights = [(self.words[side], self._light(light["colour"]), light["reason"] or "") for side, light in told]
            yield self._table(("aspect", "light", "reasons"), lights)
        for name, key in ("done", "done"), ("next", "nextSteps"), ("problems", "problems"):
            if report[key]:
                yield Prose(report[key], self.words[name])

    def _plan(self) -> Iterator[Block]:
        rows = self.data["gantt"]
        if not rows:
            yield Remark(self.words["no plan"])
            return
        shown = [row for row in rows if row["kind"] in ("PHASE", "PROJECT")]
        shown.sort(key=lambda row: row["kind"] == "PROJECT")
        yield self._table(
            ("part", "start", "finish", "progress", "behind"),
            [
                (
                    self.words["whole"] if row["kind"] == "PROJECT" else row["name"],
                    self._day(row["start"]),
                    self._day(row["finish"]),
                    f"{Decimal(row['progress']):.0f} %",
                    self.words["none"] if row["behind"] is None else self._late(row["behind"]),
                )
                for row in shown
            ],
            numbers=("progress",),
        )
        if self.with_picture:
            try:
                drawn = gantt_of(self.data, self.day, Format.SVG, self.language)
                yield Picture(
                    "image/svg+xml", drawn, f"{self.words['gantt']}{self.words['colon']}{self.project['name']}"
                )
            except CannotDraw:
                yield Remark(self.words["no pictures"])

    def _milestones(self) -> Iterator[Block]:
        yield from self._listed(
            ("milestone", "due", "expected", "deviation", "status"),
            (
                (
                    row["name"],
                    self._day(row["dueOn"]),
                    self._day(row["expectedOn"]),
                    self._late(row["lateBy"]),
                    self.words[row["milestone"]["status"]] if row["milestone"] else self.words["none"],
                )
                for row in self.data["milestoneForecast"]
            ),
        )

    def _earned(self) -> Iterator[Block]:
        rows = self.data["earnedValue"]
        if not rows:
            yield Remark(self.words["no budget"])
            return
        heads = ("part", "bac", "pv", "ev", "ac", "spi", "cpi", "eac", "vac")
        yield self._table(
            heads,
            [
                (
                    self.words["whole"] if row["total"] else row["name"] or self.words["no phase"],
                    *(
                        self._index(row[each]) if each in ("spi", "cpi") else self._money(row[each])
                        for each in heads[1:]
                    ),
                )
                for row in rows
            ],
            numbers=heads[1:],
        )

    def _risks(self) -> Iterator[Block]:
        yield from self._listed(
            ("risk", "score", "status", "exposure", "response", "owner"),
            (
                (
                    row["name"],
                    str(row["score"] or self.words["none"]),
                    self.words[row["status"]],
                    self._money(row["exposure"]),
                    self.words[row["response"] or "none"],
                    self._owner(row),
                )
                for row in self.data["riskRegister"]
            ),
            numbers=("score", "exposure"),
        )

    def _issues(self) -> Iterator[Block]:
        found = self.project["issues"]
        yield from self._listed(
            ("issue", "severity", "status", "raised", "due", "owner"),
            (
                (
                    row["name"],
                    self.words[row["severity"]],
                    self.words[row["status"]],
                    self._day(row["raisedOn"]),
                    self._day(row["dueOn"]),
                    self._owner(row),
                )
                for row in sorted(found["nodes"], key=lambda row: SEVERITIES.index(row["severity"]))
            ),
            among=found["totalCount"],
        )

    def _changes(self) -> Iterator[Block]:
        """The newest first."""
        yield from self._listed(
            ("change", "status", "days", "cost", "decision"),
            (
                (
                    row["name"],
                    self.words[row["status"]],
                    self.words["none"] if row["days"] is None else str(row["days"]),
                    self._money(row["cost"]),
                    row["decision"] or self.words["none"],
                )
                for row in reversed(self.data["changeLog"])
            ),
            numbers=("days", "cost"),
        )

    def _objectives(self) -> Iterator[Block]:
        def figure(row: Row, key: str) -> str:
            return self.words["none"] if row[key] is None else f"{_plain(row[key])} {row['unit'] or ''}".strip()

        met = {True: "yes", False: "no", None: "unknown"}
        yield from self._listed(
            ("objective", "metric", "before", "target", "value", "progress", "met"),
            (
                (
                    row["text"],
                    row["metric"] or self.words["none"],
                    figure(row, "baseline"),
                    figure(row, "target"),
                    figure(row, "value") + (f" ({self._day(row['measuredOn'])})" if row["measuredOn"] else ""),
                    self.words["none"] if row["progress"] is None else f"{Decimal(row['progress']):.0f} %",
                    self.words[met[row["met"]]],
                )
                for row in self.data["kpis"]
            ),
            numbers=("before", "target", "value", "progress"),
        )

    def _listed(
        self,
        heads: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        numbers: Sequence[str] = (),
        among: int | None = None,
    ) -> Iterator[Block]:
        """Up to `MOST` of some rows, of so many."""
        found = list(rows)
        if not found:
            yield Remark(self.words["nothing"])
            return
        yield self._table(heads, found[:MOST], numbers)
        if (more := (among or len(found)) - MOST) > 0:
            yield Remark(self.words["more"].format(more))

    def _table(self, heads: Sequence[str], rows: Sequence[Sequence[Cell]], numbers: Sequence[str] = ()) -> Table:
        return Table(
            heads=[self.words[each] for each in heads],
            rows=rows,
            numbers=frozenset(heads.index(each) for each in numbers),
        )

    def _light(self, light: str | None) -> Light:
        return Light(TrafficLight(light.lower()) if light else None, self.words[light or "unknown"])

    def _day(self, text: str | None) -> str:
        return whole_day(date.fromisoformat(text), self.language) if text else self.words["none"]

    def _late(self, days: int) -> str:
        if not days:
            return self.words["on time"]
        way = "late" if days > 0 else "early"
        return self.words[f"one {way}"] if abs(days) == 1 else self.words[way].format(abs(days))

    def _money(self, money: Row | None) -> str:
        return f"{Decimal(money['amount']):,.2f} {money['currency']}" if money else self.words["none"]

    def _index(self, index: str | None) -> str:
        return f"{Decimal(index):.2f}" if index is not None else self.words["none"]

    def _owner(self, row: Row) -> str:
        return _name(row.get("owner")) or self.words["none"]


def _name(of: Row | None) -> str:
    return str(of["name"]) if of else ""


def _plain(number: str) -> str:
    return f"{Decimal(number).normalize():,f}"
