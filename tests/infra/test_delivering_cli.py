"""`daybook chart`, `report` and `plan`: what is made of projects, projects of files, and refusals in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from signal import SIGINT
from typing import Any
from uuid import uuid4

import pytest
from icalendar import Calendar

from domain.command import Accepted, Earlier, Request, Stopped
from domain.values import id_text
from infra.batch import together
from infra.cli.running import prepared
from infra.plans.plan import PlanFile
from infra.plans.reading import read
from infra.settings import Settings
from tests.infra.daybook import Serving, daybook, daybook_apart, environment
from tests.infra.test_charts import texts


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    serving = Serving(tmp_path_factory.mktemp("delivering") / "data")
    yield serving.data
    serving.told(SIGINT)
    assert serving.is_gone(), serving.log.read_text()


@pytest.fixture(scope="module")
def project(data: Path) -> str:
    """A project with a milestone."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(data).items():
            patch.setenv(name, value)
        with prepared(Settings.from_environment()) as parts:
            made = parts.pipeline.run(
                Request(command="Project.propose", actor=parts.administrator, arguments={"name": "Acme"})
            )
            assert isinstance(made, Accepted)
            milestone = {"project_id": made.changed[0].id, "name": "上线", "due_on": "2027-02-15"}
            assert isinstance(
                parts.pipeline.run(Request(command="Milestone.plan", actor=parts.administrator, arguments=milestone)),
                Accepted,
            )
            return id_text("Project", made.changed[0].id)


def test_a_chart_is_written_in_the_format_that_its_name_ends_with(data: Path, project: str, tmp_path: Path) -> None:
    out = tmp_path / "trend.png"

    said = daybook(data, "chart", "milestone-trend", project, "--out", str(out))

    assert (said.returncode, said.stdout) == (0, "") and said.stderr.startswith(f"{out}: ")
    assert out.read_bytes().startswith(b"\x89PNG")


def test_a_chart_goes_to_the_standard_output_and_speaks_chinese(data: Path, project: str) -> None:
    said = daybook_apart(data, "chart", "milestone-trend", project, "--language", "zh")

    assert said.returncode == 0, said.stderr
    assert "上线 2月15日" in [" ".join(text.split()) for text in texts(said.stdout)]


def test_what_cannot_be_drawn_is_refused_in_one_line(data: Path, project: str) -> None:
    unknown = f"Project_{uuid4()}"

    nobody = daybook(data, "chart", "milestone-trend", unknown)
    wrong = daybook(data, "chart", "milestone-trend", project, "--as-of", "yesterday")
    pie = daybook(data, "chart", "pie", project)

    assert (nobody.returncode, nobody.stderr) == (1, f"daybook: there is no {unknown}, or you may not see it\n")
    assert wrong.returncode == 1 and "a day such as 2026-01-31" in wrong.stderr
    assert pie.returncode == 2 and "there is no chart pie" in " ".join(pie.stderr.replace("│", " ").split())


def test_a_calendar_is_written_for_any_client(data: Path, project: str, tmp_path: Path) -> None:
    out = tmp_path / "acme.ics"

    said = daybook(data, "calendar", project, "--out", str(out))

    assert said.returncode == 0, said.stderr
    event: Any
    [event] = Calendar.from_ical(out.read_bytes()).events
    assert (str(event["summary"]), str(event["dtstart"].dt)) == ("◆ 上线", "2027-02-15")


@pytest.mark.parametrize(
    ("name", "format", "begins"),
    [
        ("acme.html", None, '<!doctype html>\n<html lang="zh-CN">'),
        ("acme.md", None, "# 项目状态报告：Acme\n"),
        ("acme.txt", None, "# 项目状态报告：Acme\n"),
        ("acme.txt", "html", "<!doctype html>"),
    ],
)
def test_a_status_report_is_written_as_its_name_says_or_as_is_asked(
    data: Path, project: str, tmp_path: Path, name: str, format: str | None, begins: str
) -> None:
    out = tmp_path / name
    asked = ["--format", format] if format else []

    said = daybook(data, "report", "status", project, "--out", str(out), "--language", "zh", *asked)

    assert said.returncode == 0, said.stderr
    assert out.read_text().startswith(begins) and "上线" in out.read_text()


ROLLOUT = Path(__file__).parent / "plan_files" / "rollout.xml"
CYCLE = """<Project xmlns="http://schemas.microsoft.com/project"><Name>Circle</Name>
<StartDate>2026-11-30T08:00:00</StartDate>
<Tasks>{}</Tasks></Project>"""
WAITS = (
    "<Task><UID>{}</UID><Name>{}</Name><Duration>PT8H0M0S</Duration>"
    "<PredecessorLink><PredecessorUID>{}</PredecessorUID><Type>1</Type></PredecessorLink></Task>"
)


def test_a_plan_becomes_a_project_once_and_what_is_not_kept_is_told(data: Path) -> None:
    first = daybook(data, "plan", "import", str(ROLLOUT), "--json")
    again = daybook(data, "plan", "import", str(ROLLOUT), "--json")

    assert first.returncode == 0, first.stderr
    made = json.loads(first.stdout)
    assert (made["phases"], made["tasks"], made["milestones"]) == (0, 6, 1)
    assert json.loads(again.stdout) == made
    assert "not kept as it was: costs are not kept: plan a budget: Interfaces" in first.stderr
    assert "no user has the e-mail address of Maria Lopez: assign by hand" in first.stderr

    drawn = daybook_apart(data, "chart", "gantt", made["project_id"])
    shown = {" ".join(text.split()).lstrip("0123456789. ") for text in texts(drawn.stdout)}
    assert {"Design", "流程设计 & review", "Interfaces", "Configure", "Design accepted"} <= shown


def test_a_plan_whose_tasks_wait_for_each_other_is_refused_by_their_names_and_nothing_is_recorded(
    data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "circle.xml"
    tasks = [WAITS.format(1, "Design", 3), WAITS.format(2, "Build", 1), WAITS.format(3, "Test", 2)]
    file.write_text(CYCLE.format("".join(tasks)))
    before = json.loads(daybook(data, "audit", "head", "--json").stdout)["position"]

    said = daybook(data, "plan", "import", str(file))

    assert said.returncode == 1 and said.stderr.endswith("; nothing was imported\n")
    assert all(name in said.stderr for name in ("Design", "Build", "Test"))
    assert json.loads(daybook(data, "audit", "head", "--json").stdout)["position"] == before


def test_a_plan_of_more_tasks_than_a_page_has_is_exported_whole_and_so_is_its_calendar(
    data: Path, tmp_path: Path
) -> None:
    file, out, days = tmp_path / "large.xml", tmp_path / "out.xml", tmp_path / "large.ics"
    one = (
        "<Task><UID>{0}</UID><Name>Task {0}</Name><Duration>PT8H0M0S</Duration>"
        "<Deadline>2027-11-30T17:00:00</Deadline></Task>"
    )
    file.write_text(CYCLE.format("".join(one.format(each) for each in range(1, 1002))))
    large = json.loads(daybook(data, "plan", "import", str(file), "--json").stdout)["project_id"]

    exported = daybook(data, "plan", "export", large, "--out", str(out))
    shown = daybook(data, "calendar", large, "--out", str(days))

    assert (exported.returncode, shown.returncode) == (0, 0), exported.stderr + shown.stderr
    names = sorted(f"Task {each}" for each in range(1, 1002))
    assert sorted(line.name for line in plan_in(out).lines) == names
    assert {line.due_on for line in plan_in(out).lines} == {date(2027, 11, 30)}
    assert sorted(str(each["summary"]) for each in Calendar.from_ical(days.read_bytes()).events) == names


def plan_in(file: Path) -> PlanFile:
    with file.open("rb") as content:
        return read(content)[0]


def test_phases_that_were_exported_come_back_as_phases(data: Path, tmp_path: Path) -> None:
    begun = {"starts_on": "2027-02-01", "ends_on": "2027-02-05"}
    told: list[tuple[str, Any, dict[str, Any]]] = [
        ("Project.propose", None, {"name": "Phased", "starts_on": "2027-01-04"}),
        ("Project.add_phase", PROJECT, {"phase": "design", "name": "设计", "objective": "Agreed processes"}),
        ("Project.add_phase", PROJECT, {"phase": "rest", "name": "Rest", **begun}),
        ("Project.add_phase", PROJECT, {"phase": "live", "name": "Going live"}),
        ("Task.plan", None, {"project_id": PROJECT, "name": "Processes", "phase": "design", "duration": 5}),
        ("Task.plan", None, {"project_id": PROJECT, "name": "Interfaces", "phase": "design", "parent_id": Earlier(4)}),
        ("Task.plan", None, {"project_id": PROJECT, "name": "Outside"}),
        ("Milestone.plan", None, {"project_id": PROJECT, "name": "Go", "due_on": "2027-03-01", "phase": "live"}),
    ]
    first, files = commanded(data, told)[0], [tmp_path / f"{each}.xml" for each in "abc"]

    daybook(data, "plan", "export", first, "--out", str(files[0]))
    made = json.loads(daybook(data, "plan", "import", str(files[0]), "--json").stdout)
    again = json.loads(daybook(data, "plan", "import", str(files[0]), "--json").stdout)
    daybook(data, "plan", "export", made["project_id"], "--out", str(files[1]))

    assert (made["phases"], made["tasks"], made["milestones"], again) == (3, 3, 1, made)
    was, came = plan_in(files[0]), plan_in(files[1])
    assert came.lines == was.lines
    assert [(each.name, each.phase, each.notes) for each in was.lines if each.phase] == [
        ("设计", "design", "Agreed processes"),
        ("Rest", "rest", None),
        ("Going live", "live", None),
    ]

    told = [
        ("Project.propose", None, {"name": "Other"}),
        ("Project.add_phase", PROJECT, {"phase": "rest", "name": "R"}),
    ]
    other = commanded(data, told)[0]
    into = [daybook(data, "plan", "import", str(files[0]), "--into", other, "--json").stdout for _ in range(2)]
    daybook(data, "plan", "export", other, "--out", str(files[2]))

    assert json.loads(into[0]) == json.loads(into[1])
    assert [(each.name, each.phase) for each in plan_in(files[2]).lines if each.phase] == [
        ("R", "rest"),
        ("设计", "design"),
        ("Going live", "live"),
    ]


PROJECT = Earlier(0)


def commanded(data: Path, told: list[tuple[str, Any, dict[str, Any]]]) -> list[str]:
    """What was made or changed by commands, all at once."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(data).items():
            patch.setenv(name, value)
        with prepared(Settings.from_environment()) as parts:
            requests = [
                Request(command=command, id=id, actor=parts.administrator, arguments=arguments)
                for command, id, arguments in told
            ]
            outcome = together(parts.pipeline, requests)
    assert not isinstance(outcome, Stopped), outcome
    return [id_text(each.changed[0].kind, each.changed[0].id) for each in outcome]


def test_a_file_with_entities_is_refused_before_anything_is_looked_at(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "evil.xml"
    file.write_text('<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]><p>&a;</p>')

    said = daybook(data, "plan", "import", str(file))

    assert said.returncode == 1 and "declares a document type or entities" in said.stderr
