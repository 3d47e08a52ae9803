"""A plan at two instants: each kind of change, who decided it, and with which baseline it was agreed on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.api.cast import Cast
from tests.api.client import Api, some

TODAY: Final = datetime.now(UTC).date()
COMPARED: Final = """query ($p: ID!, $since: DateTime, $until: DateTime, $asOf: AsOf) {
    baselineComparison(projectId: $p, since: $since, until: $until, asOf: $asOf) {
        changes taskId milestoneId name phase startBefore startAfter finishBefore finishAfter days dueBefore dueAfter
        durationBefore durationAfter effortBefore effortAfter decidedById decidedAt command baseline reason
    } }"""


@dataclass
class Agreed:
    """A project whose plan was agreed on: `first`, `second` that waits for it, `third` beside them, and a milestone."""

    api: Api
    project: str
    first: str
    second: str
    third: str
    milestone: str

    def rows(self, by: Api | None = None, **asked: Any) -> dict[str, Any]:
        found = (by or self.api).ask(COMPARED, p=self.project, **asked)["baselineComparison"]
        return {row["taskId"] or row["milestoneId"]: row for row in found}

    def changes(self, **asked: Any) -> dict[str, list[str]]:
        return {id: row["changes"] for id, row in self.rows(**asked).items()}


@pytest.fixture
def agreed(api: Api) -> Agreed:
    project = api.given("proposeProject", name=some("Roll-out"), startsOn=str(TODAY + timedelta(days=7)))

    def task(name: str) -> str:
        return api.given("planTask", projectId=project, name=name, duration=3, effort="8")

    first, second, third = task("first"), task("second"), task("third")
    api.given("dependTaskOn", id=second, predecessorId=first)
    milestone = api.given("planMilestone", projectId=project, name="live", dueOn=str(TODAY + timedelta(days=60)))
    api.given("setTaskMilestone", id=third, milestoneId=milestone)
    api.given("setProjectCharter", id=project, charter="To sell better")
    api.given("setProjectScope", id=project, scope={"included": ["Sales"]})
    api.given("approveProject", id=project)
    return Agreed(api, project, first, second, third, milestone)


def test_a_plan_that_nobody_touched_is_as_it_was(agreed: Agreed) -> None:
    assert agreed.rows() == {}


def test_what_was_estimated_anew_shifts_what_waits_for_it(agreed: Agreed) -> None:
    agreed.api.given("rescheduleTask", id=agreed.first, duration=5)

    rows = agreed.rows()

    assert {id: row["changes"] for id, row in rows.items()} == {
        agreed.first: ["REESTIMATED"],
        agreed.second: ["SHIFTED"],
    }
    first, second = rows[agreed.first], rows[agreed.second]
    assert (first["durationBefore"], first["durationAfter"], first["days"]) == (3, 5, 2)
    assert (first["command"], first["decidedById"], first["baseline"]) == ("Task.reschedule", agreed.api.me, None)
    assert (second["days"], second["decidedById"], second["command"]) == (2, None, None)
    assert second["startBefore"] < second["startAfter"]


def test_each_change_has_its_kind(agreed: Agreed) -> None:
    api = agreed.api
    added = api.given("planTask", projectId=agreed.project, name="fourth")
    api.given("archiveTask", id=agreed.third)
    api.given("undependTask", id=agreed.second, predecessorId=agreed.first.removeprefix("Task_"))
    api.given("moveTaskUnder", id=agreed.first, parentId=added)
    api.given("rescheduleMilestone", id=agreed.milestone, dueOn=str(TODAY + timedelta(days=90)), reason="Later")

    changes = agreed.changes()

    assert changes == {
        added: ["ADDED"],
        agreed.third: ["DROPPED"],
        agreed.second: ["RELINKED"],
        agreed.first: ["REARRANGED"],
        agreed.milestone: ["MOVED"],
    }
    rows = agreed.rows()
    assert {rows[id]["command"] for id in (agreed.third, agreed.second)} == {"Task.archive", "Task.undepend"}
    assert (rows[agreed.third]["finishAfter"], rows[added]["finishBefore"]) == (None, None)
    assert rows[agreed.milestone]["dueBefore"] < rows[agreed.milestone]["dueAfter"]


def test_what_was_taken_back_is_no_change(agreed: Agreed) -> None:
    agreed.api.given("estimateTask", id=agreed.first, effort="99")
    agreed.api.given("estimateTask", id=agreed.first, effort="8")

    assert agreed.rows() == {}


def test_who_decided_is_who_changed_the_plan_and_not_who_did_something_else_since(agreed: Agreed, cast: Cast) -> None:
    planner = cast.user({"projects.see": "ALL", "projects.work": "ALL"})
    planner.given("estimateTask", id=agreed.first, effort="20")
    agreed.api.given("startTask", id=agreed.first)
    agreed.api.given("reportTaskProgress", id=agreed.first, progress="10")

    [row] = [row for id, row in agreed.rows().items() if id == agreed.first]

    assert (row["decidedById"], row["command"]) == (planner.me, "Task.estimate")
    assert (row["effortBefore"], row["effortAfter"]) == ("8", "20")


def test_a_change_is_agreed_on_with_the_first_baseline_after_it(agreed: Agreed) -> None:
    before = agreed.api.now()
    agreed.api.given("rescheduleTask", id=agreed.first, duration=5)
    agreed.api.given("rebaselineProject", id=agreed.project, reason="Five days it is")

    rows = agreed.rows(since=before)

    assert (rows[agreed.first]["baseline"], rows[agreed.first]["reason"]) == (2, "Five days it is")
    assert agreed.rows() == {}


def test_any_two_instants_can_be_compared_and_any_can_be_asked_of(agreed: Agreed) -> None:
    api = agreed.api
    times, positions = [api.now()], [api.position]
    for duration in (4, 6, 9):
        api.given("rescheduleTask", id=agreed.first, duration=duration)
        times.append(api.now())
        positions.append(api.position)

    def durations(**asked: Any) -> tuple[int, int]:
        row = agreed.rows(**asked)[agreed.first]
        return row["durationBefore"], row["durationAfter"]

    assert durations(since=times[1], until=times[2]) == (4, 6)
    assert durations(since=times[1]) == (4, 9)
    assert durations(until=times[2]) == (3, 6)
    assert durations(asOf={"position": positions[2]}) == (3, 6)
    assert agreed.changes(asOf={"position": positions[0]}) == {}
    code, message = api.refused(COMPARED, p=agreed.project, since=times[2], until=times[1])
    assert code == "BAD_USER_INPUT" and "before `since`" in message


def test_what_may_not_be_seen_is_not_compared(agreed: Agreed, cast: Cast) -> None:
    member = cast.user({"projects.see": "OWN"})
    agreed.api.given("changeProjectManager", id=agreed.project, managerId=member.me)
    agreed.api.given("assignTask", id=agreed.second, assigneeId=member.me)
    for task in (agreed.first, agreed.second):
        agreed.api.given("rescheduleTask", id=task, duration=7)
    member.position = agreed.api.position

    assert {*agreed.rows(by=member)} == {agreed.second}
    assert {*agreed.rows()} == {agreed.first, agreed.second}
