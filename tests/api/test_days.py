"""Days are those of the company: today, the day of an instant, and the day of whatever happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from infra.settings import Settings
from server import application
from tests.api.client import Api, some
from tests.api.company import a_user, euros
from tests.api.conftest import serving

EAST, WEST = "Pacific/Kiritimati", "Etc/GMT+12"
"""26 hours lie between them, so that it is never the same day in both."""
RAISED = date(2026, 1, 31)
EVERY_DAY = {"weekdays": [0, 1, 2, 3, 4, 5, 6], "holidays": [], "extra": []}


@dataclass
class There:
    """The company, if it were in another time zone, and the day there on which the last of the story was recorded."""

    api: Api
    at: dict[str, int]
    zone: ZoneInfo
    today: date

    def rows(self, report: str, shown: str, **arguments: Any) -> Any:
        given = "".join(f"${name}: {type_}, " for name, (type_, _) in arguments.items())
        told = "".join(f"{name}: ${name}, " for name in arguments)
        query = f"query ({given}$at: AsOf) {{ rows: {report}({told}asOf: $at) {{ {shown} }} }}"
        return self.api.ask(query, **{name: value for name, (_, value) in arguments.items()}, at=self.at)["rows"]


@pytest.fixture(scope="module")
def project(api: Api) -> str:
    """A project with something of everything that has a day; all was recorded by now."""
    made = api.given("proposeProject", name=some("Roll-out"))
    api.given("setProjectCalendar", id=made, calendar=EVERY_DAY)
    day = datetime.fromisoformat(api.now()).date() - timedelta(days=10)
    api.given("planTask", projectId=made, name="Build", duration=3, assigneeId=a_user(api), effort="24")
    api.given("planMilestone", projectId=made, name="Go-live", dueOn=str(day))
    api.given("raiseIssue", projectId=made, name="It rains", severity="LOW", raisedOn=str(RAISED))
    api.given("planBudget", projectId=made, lines=[{"category": "SOFTWARE", "planned": euros("100")}])
    api.given("identifyRisk", projectId=made, name="Snow", category="EXTERNAL")
    return made


@pytest.fixture(scope="module", params=[EAST, WEST])
def there(request: pytest.FixtureRequest, api: Api, database_url: str, project: str) -> Iterator[There]:
    head = api.ask("{ head { position recordedAt } }")["head"]
    recorded = datetime.fromisoformat(head["recordedAt"])
    app = application(Settings(time_zone=request.param), database_url, None, "test_api")
    with serving(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        made = Api(client, api.token, api.user_id, head["position"])
        made.until_ready()
        zone = ZoneInfo(request.param)
        yield There(made, {"position": head["position"]}, zone, recorded.astimezone(zone).date())


def test_what_is_left_to_do_lies_behind_today(there: There, project: str) -> None:
    gantt = there.rows("gantt", "name start", projectId=("ID!", project))

    assert [row["start"] for row in gantt if row["name"] == "Build"] == [str(there.today)]


def test_a_plan_is_compared_as_of_its_days(there: There, project: str) -> None:
    compared = there.rows(
        "baselineComparison", "name startAfter", projectId=("ID!", project), since=("DateTime", "2001-01-01")
    )

    assert {row["name"]: row["startAfter"] for row in compared}["Build"] == str(there.today)


def test_a_milestone_is_late_until_today(there: There, project: str) -> None:
    [kept] = there.rows("milestonesKept", "dueOn daysLate", projectId=("ID", project))
    [*_, told] = there.rows("milestoneTrend", "reportedOn", projectId=("ID!", project))

    assert kept["daysLate"] == (there.today - date.fromisoformat(kept["dueOn"])).days
    assert told["reportedOn"] == str(there.today)


def test_work_burns_down_until_today(there: There, project: str) -> None:
    [*_, last] = there.rows("burnDown", "day leftHours", projectId=("ID", project))

    assert last == {"day": str(there.today), "leftHours": "24"}


def test_work_is_to_be_done_from_the_week_of_today_on(there: There, project: str) -> None:
    weeks = there.rows("workload", "week", projectId=("ID", project))

    assert weeks[0]["week"] == str(there.today - timedelta(days=there.today.weekday()))


def test_what_is_open_grows_older_until_today(there: There, project: str) -> None:
    [issue] = there.rows("openIssues", "oldest", projectId=("ID", project))

    assert issue["oldest"] == (there.today - RAISED).days


def test_periods_end_with_today(there: There, project: str) -> None:
    one = {"projectId": ("ID", project), "bucket": ("Bucket!", "DAY")}

    assert there.rows("budgetTrend", "period", **one)[-1]["period"] == str(there.today)
    assert there.rows("riskExposure", "period risks", **one)[-1] == {"period": str(there.today), "risks": 1}


def test_times_are_put_into_the_days_of_the_company_unless_others_are_asked_for(there: There, project: str) -> None:
    query = """query ($id: ID!, $at: AsOf) { projects(filter: {id: {eq: $id}}, asOf: $at) {
        here: groupBy(by: {field: UPDATED_AT, bucket: DAY}) { key { updatedAt } }
        elsewhere: groupBy(by: {field: UPDATED_AT, bucket: DAY}, timeZone: "UTC") { key { updatedAt } }
        nodes { updatedAt } }
        history(id: $id, asOf: $at) { byDay { day } utc: byDay(timeZone: "UTC") { day } nodes { recordedAt } } }"""
    found, zone = there.api.ask(query, id=project, at=there.at), there.zone
    [node], [here], [elsewhere] = (found["projects"][name] for name in ("nodes", "here", "elsewhere"))
    changed = datetime.fromisoformat(node["updatedAt"])

    begun = datetime.fromisoformat(here["key"]["updatedAt"]).astimezone(zone)
    assert (begun.date(), begun.hour, begun.minute) == (changed.astimezone(zone).date(), 0, 0)
    assert datetime.fromisoformat(elsewhere["key"]["updatedAt"]).hour == 0
    days = [datetime.fromisoformat(each["recordedAt"]) for each in found["history"]["nodes"]]
    assert [each["day"] for each in found["history"]["byDay"]] == sorted({str(d.astimezone(zone).date()) for d in days})
    assert [each["day"] for each in found["history"]["utc"]] == sorted({str(day.date()) for day in days})
