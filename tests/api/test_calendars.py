"""The calendar of a project, as a client subscribes to it: what it shows, to whom, and as of when."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from icalendar import Calendar

from infra.deliverables.calendar import ProjectCalendar
from tests.api.cast import Cast
from tests.api.client import Api, some

BODY = "BEGIN:VEVENT\r\nSUMMARY:forged; x, y\\n"


def a_project(api: Api, **more: Any) -> str:
    return api.given("proposeProject", **{"name": some("Roll-out")} | more)


def fetched(api: Api, project: str, query: str = "", **headers: str) -> httpx.Response:
    return api.http.get(f"/calendars/projects/{project}.ics{query}", headers=api.headers | headers)


def by_password(api: Api, path: str, password: str, user: str = "ada") -> httpx.Response:
    told = b64encode(f"{user}:{password}".encode()).decode()
    return api.http.get(path, headers={"authorization": f"Basic {told}"})


def events(answer: httpx.Response) -> dict[str, Any]:
    """What a client shows, by the id in its UID."""
    assert answer.status_code == 200, answer.text
    return {str(each["uid"]).removesuffix("@daybook"): each for each in Calendar.from_ical(answer.content).events}


def days(event: Any) -> tuple[date, date]:
    return event["dtstart"].dt, event["dtend"].dt


@pytest.fixture(scope="module")
def project(api: Api) -> str:
    return a_project(api, name="客户关系管理系统上线项目 for Acme Pumps, Inc.; phase one", goal="one view of customers")


def test_milestones_tasks_and_meetings_are_shown_on_their_days(api: Api, project: str) -> None:
    other = api.given("planMilestone", projectId=a_project(api), name="Other", dueOn="2027-03-01")
    go_live = api.given(
        "planMilestone", projectId=project, name="上线", dueOn="2027-03-01", criteria=["all may log in"]
    )
    of = {"projectId": project}
    span = api.given("planTask", name="Clean", startsOn="2027-01-04", dueOn="2027-01-15", assigneeId=api.me, **of)
    due = api.given("planTask", name="Map", dueOn="2027-01-20", **of)
    undated = api.given("planTask", name="Think", **of)
    meeting = api.given("scheduleMeeting", kind="KICK_OFF", name="Kick-off", startsAt="2027-01-05T10:00:00+01:00",
                        agenda=["who is who"], place="Room 7", **of)  # fmt: skip

    shown = events(fetched(api, project))

    assert {go_live, span, due, meeting} <= shown.keys() and not {other, undated} & shown.keys()
    assert days(shown[go_live]) == (date(2027, 3, 1), date(2027, 3, 2))
    assert days(shown[span]) == (date(2027, 1, 4), date(2027, 1, 16))
    assert days(shown[due]) == (date(2027, 1, 20), date(2027, 1, 21))
    assert days(shown[meeting])[0] == datetime(2027, 1, 5, 9, tzinfo=UTC)
    assert (str(shown[meeting]["location"]), str(shown[go_live]["summary"])) == ("Room 7", "◆ 上线")
    assert "all may log in" in shown[go_live]["description"] and "1. who is who" in shown[meeting]["description"]
    assert all(shown[each]["transp"] == "TRANSPARENT" for each in (go_live, span, due))


def test_what_changes_keeps_its_uid_and_is_told_by_a_higher_sequence(api: Api, project: str) -> None:
    milestone = api.given("planMilestone", projectId=project, name="Design accepted", dueOn="2027-02-01")
    before, position = events(fetched(api, project))[milestone], api.head()

    api.given("rescheduleMilestone", id=milestone, dueOn="2027-02-08", reason="the interface slipped")
    after = events(fetched(api, project))[milestone]
    then = events(fetched(api, project, f"?asOf={position}"))[milestone]

    assert after["sequence"] > before["sequence"] and after["last-modified"].dt >= before["last-modified"].dt
    assert days(after)[0] == date(2027, 2, 8) and "the interface slipped" in after["description"]
    assert (days(then), then["sequence"]) == (days(before), before["sequence"])


def test_a_cancelled_meeting_is_shown_as_cancelled(api: Api, project: str) -> None:
    meeting = api.given(
        "scheduleMeeting", kind="STATUS", name="Weekly", startsAt="2027-01-06T10:00:00Z", projectId=project
    )
    api.given("cancelMeeting", id=meeting, reason="all are ill")

    shown = events(fetched(api, project))[meeting]

    assert shown["status"] == "CANCELLED" and "all are ill" in shown["description"]


def test_lines_are_folded_by_bytes_and_text_never_becomes_an_entry(api: Api) -> None:
    project = a_project(api)
    task = api.given("planTask", projectId=project, name="数据" * 60, description=BODY, dueOn="2027-01-20")

    answer = fetched(api, project)

    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    assert set(events(answer)) == {task} and events(answer)[task]["summary"] == "数据" * 60
    assert answer.headers["content-type"].startswith("text/calendar")


def test_it_speaks_chinese(api: Api, project: str) -> None:
    milestone = api.given("planMilestone", projectId=project, name="上线", dueOn="2027-03-01")

    shown = events(fetched(api, project, "?language=zh"))[milestone]

    assert shown["categories"].cats == ["里程碑"]


def test_a_client_that_has_the_newest_gets_nothing_again(api: Api, project: str) -> None:
    first = fetched(api, project)

    again = fetched(api, project, **{"if-none-match": first.headers["etag"]})
    api.given("planMilestone", projectId=project, name="x", dueOn="2027-03-01")
    later = fetched(api, project, **{"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content, later.status_code) == (304, b"", 200)


def test_a_token_is_a_password_here_and_nowhere_else(api: Api, project: str) -> None:
    path = f"/calendars/projects/{project}.ics"

    assert by_password(api, path, api.token).status_code == 200
    assert by_password(api, path, api.token, user="").status_code == 200
    assert by_password(api, "/graphql?query={viewer{id}}", api.token).status_code == 401
    assert by_password(api, f"/charts/milestone-trend/{project}.svg", api.token).status_code == 401


@pytest.mark.parametrize(
    "header", [None, "Basic", "Basic !", "Basic YWRh", "Basic YWRhOg==", "Basic YWRhOvD/", "Bearer x"]
)
def test_who_shows_no_token_is_asked_for_a_password(api: Api, project: str, header: str | None) -> None:
    answer = api.http.get(
        f"/calendars/projects/{project}.ics", headers={"authorization": header} if header is not None else {}
    )

    assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Basic realm=")
    assert "Acme" not in answer.text


def test_the_calendar_shows_what_its_reader_may_see(api: Api, cast: Cast, project: str) -> None:
    task = api.given("planTask", projectId=project, name="Secret", dueOn="2027-01-20", assigneeId=api.me)
    reader = cast.user({"projects.see": "ALL", "platform.see": "ALL"}, ["Task.due_on", "Task.assignee_id"])
    stranger = cast.user({"sales.see": "ALL"})

    shown, hidden, refused = (fetched(who, project) for who in (api, reader, stranger))

    assert task in events(shown) and "Assignee" in events(shown)[task]["description"]
    assert task not in events(hidden)
    assert refused.status_code in (403, 404) and "Secret" not in refused.text


@pytest.mark.parametrize(
    ("path", "status"),
    [("nothing.ics", 400), ("Project_00000000-0000-0000-0000-000000000000.ics", 404), ("x.vcs", 404)],
)
def test_what_is_not_there_is_said_so(api: Api, path: str, status: int) -> None:
    answer = api.http.get(f"/calendars/projects/{path}", headers=api.headers)

    assert answer.status_code == status and answer.json()["errors"][0]["message"]


def test_a_calendar_that_would_be_cut_says_of_what_there_is_too_much() -> None:
    none: dict[str, Any] = {"totalCount": 0, "nodes": []}
    data = {"subject": {"id": "x", "name": "x", "goal": None}, **dict.fromkeys(("milestones", "meetings"), none)}
    calendar = ProjectCalendar()

    full = calendar.made(data | {"tasks": none | {"totalCount": 20_000}}, "ics", "en", date(2027, 1, 1))

    assert full.startswith(b"BEGIN:VCALENDAR")
    with pytest.raises(OverflowError, match="this project has 20,001 tasks for its calendar: at most 20,000 are shown"):
        calendar.made(data | {"tasks": none | {"totalCount": 20_001}}, "ics", "en", date(2027, 1, 1))


def test_who_may_not_see_people_subscribes_to_a_calendar_without_them(api: Api, cast: Cast) -> None:
    project = a_project(api)
    task = api.given("planTask", projectId=project, name="Map", dueOn="2027-01-20", assigneeId=api.me)
    reader = cast.user({"projects.see": "ALL"})
    reader.position = api.position

    shown, told = (events(fetched(who, project))[task] for who in (api, reader))

    assert "Assignee" in str(shown["description"]) and "description" not in told
