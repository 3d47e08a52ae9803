"""The day of an instant is that of the company: half past eleven in the morning in UTC is tomorrow in Auckland."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from psycopg import Connection

from infra.reporting import answer
from projections.projects.milestone import MilestoneView
from projections.projects.milestone_trend import MilestoneTrend
from projections.projects.milestones import MilestonesKept
from projections.projects.risk import RiskView
from projections.projects.risks import RiskExposure
from projections.report import Bucket
from tests.infra.past import published, without_views
from tests.scenario import Companies, World

ENDING = """
    set session_replication_role = replica;
    update events set recorded_at = '2026-03-31T11:30:00Z';
    reset session_replication_role"""
"""All is recorded in the last hours of a month: in Auckland, which is 13 hours ahead, in the first of the next."""


@pytest.fixture(scope="module")
def told(companies: Companies) -> Iterator[tuple[Connection[Any], World, Any]]:
    with companies.one() as (store, connection):
        world = World(store, connection)
        project = world.given("Project.propose", name="Roll-out")
        world.given("Milestone.plan", project_id=project, name="Go-live", due_on="2026-03-30")
        world.given("Risk.identify", project_id=project, name="Snow", category="external")
        connection.execute(ENDING)
        without_views(connection)
        published(connection, (MilestoneView, RiskView))
        yield connection, world, project
        without_views(connection)


@pytest.mark.parametrize(
    ("time_zone", "day", "month"),
    [
        ("UTC", date(2026, 3, 31), date(2026, 3, 1)),
        ("Pacific/Auckland", date(2026, 4, 1), date(2026, 4, 1)),
        ("America/New_York", date(2026, 3, 31), date(2026, 3, 1)),
    ],
)
def test_the_last_hours_of_a_month_are_in_the_next_where_it_is_later(
    told: tuple[Connection[Any], World, Any], time_zone: str, day: date, month: date
) -> None:
    connection, world, project = told

    def rows(report: Any) -> list[dict[str, Any]]:
        return answer(connection, report, world.position, time_zone)

    assert [row["reported_on"] for row in rows(MilestoneTrend(project_id=project))] == [day]
    assert [row["days_late"] for row in rows(MilestonesKept(project_id=project))] == [(day - date(2026, 3, 30)).days]
    [*_, last] = rows(RiskExposure(project_id=project, bucket=Bucket.MONTH))
    assert (last["period"], last["risks"]) == (month, 1)
