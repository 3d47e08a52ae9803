"""The trend of milestones is, over any history, what a plain computation over its versions says."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.projects.milestone_trend import MilestoneTrend

ZONE = ZoneInfo("Pacific/Auckland")
BEGIN = datetime(2026, 9, 7, tzinfo=UTC)
DUE = date(2027, 2, 15)
versions = st.lists(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3)), min_size=1, max_size=6, unique_by=lambda move: move[0]),
    min_size=1,
    max_size=3,
)
"""Of each milestone: so many hours after the beginning it was due so many weeks later."""

Version = tuple[UUID, UUID, str, date, None, bool, datetime]


def told(database_url: str, held: list[Version], project: UUID, instant: datetime) -> list[tuple[Any, ...]]:
    """What the report says where these are all versions; the last of each is how it stands."""
    latest = list({version[0]: version for version in held}.values())
    columns = "(id, project_id, name, due_on, reached_on, archived, _since)"
    types = ("uuid", "uuid", "text", "date", "date", "boolean", "timestamptz")
    values: dict[str, Any] = {"project_id": project, "today": instant.astimezone(ZONE).date(), "time_zone": ZONE.key}

    def given(value: Any, type: str) -> str:
        values[name := f"v{len(values)}"] = value
        return f"%({name})s::{type}"

    def relation(rows: list[Version]) -> str:
        told = (", ".join(map(given, row, types)) for row in rows)
        return f"(select * from (values {', '.join(f'({row})' for row in told)}) t {columns})"

    known = {":project_id": "%(project_id)s::uuid", ":today": "%(today)s::date", ":time_zone": "%(time_zone)s::text"}
    known |= {"{milestones.versions}": relation(held), "{milestones}": relation(latest)}
    sql = re.sub("|".join(map(re.escape, known)), lambda found: known[found[0]], MilestoneTrend.sql)
    with psycopg.connect(database_url) as connection:
        return connection.execute(sql.encode(), values).fetchall()


def expected(held: list[Version], project: UUID, instant: datetime) -> list[tuple[Any, ...]]:
    found = list[tuple[Any, ...]]()
    for id in dict.fromkeys(version[0] for version in held):
        own = [version for version in held if version[0] == id and version[1] == project]
        days = {since.astimezone(ZONE).date(): due for *_, due, _, _, since in own}
        points, before = set[tuple[date, date]](), None
        for day in sorted(days):
            if days[day] != before:
                points.add((day, before := days[day]))
        if own:
            points.add((instant.astimezone(ZONE).date(), own[-1][3]))
            found += [(id, own[-1][2], day, due, None) for day, due in sorted(points)]
    last = {version[0]: version[3] for version in held}
    return sorted(found, key=lambda row: (last[row[0]], row[0], row[2]))


@settings(max_examples=40, deadline=None)
@given(versions)
def test_each_day_on_which_a_day_moved_is_told_with_what_was_known_at_its_end(
    database_url: str, moves: list[list[tuple[int, int]]]
) -> None:
    project, other, held = uuid4(), uuid4(), list[Version]()
    for nth, milestone in enumerate(moves):
        id, whose = uuid4(), project if nth < 2 else other
        for hours, weeks in sorted(milestone, key=lambda move: move[0]):
            since = BEGIN + timedelta(hours=hours)
            held.append((id, whose, f"m{nth}", DUE + timedelta(weeks=weeks), None, False, since))
    instant = BEGIN + timedelta(days=30)

    assert told(database_url, held, project, instant) == expected(held, project, instant)
