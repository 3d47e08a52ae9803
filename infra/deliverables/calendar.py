"""The calendar of a project: its milestones, its tasks that have a day, and its meetings, as iCalendar (RFC 5545)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from icalendar import Calendar, Event

from infra.deliverables.pages import Pages

MEDIA: Final = "text/calendar; charset=utf-8"
REFRESHED: Final = timedelta(hours=1)
"""So often a client is asked to come again."""
SHORTEST: Final = timedelta(minutes=30)
"""So long a meeting is shown of which nobody said when it ends."""
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"milestone": "Milestone", "task": "Task", "meeting": "Meeting", "assignee": "Assignee", "agenda": "Agenda"},
    "zh": {"milestone": "里程碑", "task": "任务", "meeting": "会议", "assignee": "负责人", "agenda": "议程"},
}
REACHED: Final = frozenset({"REACHED", "ACCEPTED"})
MOST: Final = 20_000
"""So many milestones, tasks or meetings a calendar has. A project that has more gets none."""
OF_EACH: Final = "id version createdAt updatedAt name"
DATED: Final = "{projectId: {eq: $id}, or: [{startsOn: {isNull: false}}, {dueOn: {isNull: false}}]}"
LISTS: Final = (
    Pages(
        list="milestones",
        filter="{projectId: {eq: $id}}",
        order="DUE_ON",
        nodes=f"{OF_EACH} dueOn status criteria rescheduleReason missReason",
        most=MOST,
    ),
    Pages(
        list="tasks",
        filter=DATED,
        nodes=f"""{OF_EACH} description startsOn dueOn startedOn finishedOn progress status blockedReason
            assignee @include(if: $people) {{ name }}""",
        variables="$people: Boolean!",
        most=MOST,
    ),
    Pages(
        list="meetings",
        filter="{projectId: {eq: $id}}",
        order="STARTS_AT",
        nodes=f"{OF_EACH} startsAt endsAt place agenda status cancelReason",
        most=MOST,
    ),
)
QUERY: Final = f"""query ($id: ID!, $asOf: AsOf, $people: Boolean!) {{
    subject: project(id: $id, asOf: $asOf) {{ id name goal }}
    {" ".join(each.first for each in LISTS)}
}}"""

Row = Mapping[str, Any]


class ProjectCalendar:
    """What a calendar client subscribes to."""

    path = "/calendars/projects"
    formats: Final[Mapping[str, str]] = {"ics": MEDIA}
    parts: Final[Mapping[str, str]] = {"people": "platform.see"}
    computed: Final[tuple[str, ...]] = ()
    lists: Final[Mapping[str, Pages]] = {each.list: each for each in LISTS}
    query = QUERY

    def made(self, data: Mapping[str, Any], format: str, language: str, day: date) -> bytes:
        """The calendar. The same rows make the same bytes, so that a client knows when nothing has changed. Raises
        OverflowError.
        """
        for kind, pages in self.lists.items():
            if (count := data[kind]["totalCount"]) > pages.most:
                raise OverflowError(
                    f"this project has {count:,} {kind} for its calendar: at most {pages.most:,} are shown"
                )
        project, words = data["subject"], WORDS[language]
        calendar = Calendar()
        calendar.add("prodid", "-//Daybook//Projects//EN")
        calendar.add("version", "2.0")
        calendar.add("method", "PUBLISH")
        calendar.add("uid", f"{project['id']}@daybook")
        for name in ("name", "x-wr-calname"):
            calendar.add(name, project["name"])
        if project["goal"]:
            calendar.add("description", project["goal"])
        calendar.add("refresh-interval", REFRESHED, parameters={"VALUE": "DURATION"})
        calendar.add("x-published-ttl", "PT1H")
        for event in _events(data, words):
            calendar.add_component(event)
        return bytes(calendar.to_ical())


def _events(data: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[Event]:
    makers: Mapping[str, Callable[[Row, Mapping[str, str]], Event]] = {
        "milestones": _milestone,
        "tasks": _task,
        "meetings": _meeting,
    }
    for kind, make in makers.items():
        for row in data[kind]["nodes"]:
            yield make(row, words)


def _event(row: Row, category: str, summary: str, description: list[str | None], status: str) -> Event:
    """What every entry has. Its version counts its changes, so that a client takes the newer of two."""
    event, changed = Event(), _instant(row["updatedAt"])
    event.add("uid", f"{row['id']}@daybook")
    event.add("sequence", row["version"] - 1)
    event.add("dtstamp", changed)
    event.add("created", _instant(row["createdAt"]))
    event.add("last-modified", changed)
    event.add("summary", summary)
    event.add("categories", [category])
    event.add("status", status)
    if text := "\n".join(filter(None, description)):
        event.add("description", text)
    return event


def _on_days(event: Event, first: date, last: date) -> Event:
    """An event of whole days, during which one is free for others. Its end is the day after the last (RFC 5545)."""
    event.add("dtstart", first)
    event.add("dtend", last + timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    return event


def _milestone(row: Row, words: Mapping[str, str]) -> Event:
    mark = "✓" if row["status"] in REACHED else "◆"
    description = [row["rescheduleReason"], row["missReason"], *(f"· {each}" for each in row["criteria"])]
    event = _event(row, words["milestone"], f"{mark} {row['name']}", description, "CONFIRMED")
    due = date.fromisoformat(row["dueOn"])
    return _on_days(event, due, due)


def _task(row: Row, words: Mapping[str, str]) -> Event:
    """From its day, or the one on which it began, to that on which it is due, or was done."""
    done = row["status"] == "DONE"
    progress = "" if done or not float(row["progress"]) else f" ({float(row['progress']):g} %)"
    assignee = f"{words['assignee']}: {row['assignee']['name']}" if row.get("assignee") else None
    description = [assignee, row["blockedReason"], row["description"]]
    event = _event(row, words["task"], f"{'✓ ' if done else ''}{row['name']}{progress}", description, "CONFIRMED")
    first, last = row["startedOn"] or row["startsOn"], row["finishedOn"] or row["dueOn"]
    first, last = (date.fromisoformat(day) for day in (first or last, last or first))
    return _on_days(event, min(first, last), last)


def _meeting(row: Row, words: Mapping[str, str]) -> Event:
    cancelled = row["status"] == "CANCELLED"
    agenda = [f"{words['agenda']}:", *(f"{nth}. {each}" for nth, each in enumerate(row["agenda"], 1))]
    description = [row["cancelReason"], *(agenda if row["agenda"] else [])]
    event = _event(row, words["meeting"], row["name"], description, "CANCELLED" if cancelled else "CONFIRMED")
    begins = _instant(row["startsAt"])
    event.add("dtstart", begins)
    event.add("dtend", _instant(row["endsAt"]) if row["endsAt"] else begins + SHORTEST)
    if row["place"]:
        event.add("location", row["place"])
    return event


def _instant(text: str) -> datetime:
    """A time, told in UTC: else each time zone had to be described in the file."""
    return datetime.fromisoformat(text).astimezone(UTC)
