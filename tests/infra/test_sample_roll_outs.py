"""The roll-outs of the sample: one on time and one in trouble, whatever day it is, told by whoever did it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from domain.projects.budget import Budget
from domain.projects.milestone import Milestone, Status
from domain.projects.project import Project
from domain.projects.task import Status as TaskStatus
from domain.projects.task import Task
from infra.rights import DAYBOOK
from infra.sample import load
from infra.sample.acts import DAYS, Unit
from infra.sample.roll_outs import roll_outs
from infra.sample.story import story
from tests.scenario import Companies, World

TODAY: Final = date(2026, 6, 1)
DAYS_OF_ALL_KINDS: Final = (
    date(2024, 2, 29), date(2024, 3, 2), date(2024, 3, 3), date(2025, 1, 1), date(2025, 12, 27), date(2026, 5, 4),
    date(2028, 2, 29), date(2028, 12, 31),
)  # fmt: skip


@pytest.fixture(scope="module")
def told(companies: Companies) -> Iterator[World]:
    """A company whose people may do what their roles permit, with the sample and few sales."""
    with companies.one() as (store, connection):
        world = World(store, connection)
        world.governed()
        load(world.pipeline, store, DAYBOOK, UTC, None, TODAY, opportunities=1)
        yield world


def test_it_is_the_same_whatever_else_is_told() -> None:
    added = roll_outs(TODAY - timedelta(DAYS), UTC)

    for other in (story(TODAY, UTC, opportunities=3), story(TODAY, UTC, seed=2, opportunities=5)):
        names = [unit.name for unit in other]
        assert [unit for unit in other if unit in added] == sorted(added, key=lambda unit: unit.entered)
        assert len(set(names)) == len(names) > len(added)


@pytest.mark.parametrize("today", DAYS_OF_ALL_KINDS, ids=str)
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Honolulu"])
def test_the_same_happens_whatever_day_it_is(today: date, zone: str) -> None:
    begin = today - timedelta(DAYS)

    units = roll_outs(begin, ZoneInfo(zone))

    assert _shape(units) == _shape(roll_outs(TODAY - timedelta(DAYS), UTC))
    assert all(unit.entered < DAYS for unit in units[:-1])
    assert all(act.at < datetime(today.year, today.month, today.day, tzinfo=ZoneInfo(zone)) for act in _acts(units))


def test_one_is_on_time_and_one_is_in_trouble(told: World) -> None:
    good, bad = _projects(told)

    met, late = ([m.status for m in _all(told, Milestone, project)] for project in (good, bad))
    assert met.count(Status.ACCEPTED) == 6 and Status.MISSED not in met and Status.REJECTED not in met
    assert late.count(Status.ACCEPTED) == 2 and late.count(Status.MISSED) == 1
    assert sum(m.slips for m in _all(told, Milestone, good)) == 0
    assert sorted(m.slips for m in _all(told, Milestone, bad)) == [0, 1, 1, 1, 1, 2]
    assert (good.baseline, bad.baseline) == (1, 3)
    assert [task.name for task in _all(told, Task, bad) if task.status is TaskStatus.BLOCKED] == [
        "Integrate other systems"
    ]
    overruns = [[line for line in b.lines.values() if line.overrun] for b in _all(told, Budget)]
    assert sorted(map(len, overruns)) == [0, 1]


def test_who_did_something_asked_for_it_themselves(told: World) -> None:
    good, bad = _projects(told)

    for project in (good, bad):
        accepted = [m for m in _all(told, Milestone, project) if m.status is Status.ACCEPTED]
        assert all(m.reached_by_id == project.manager_id and m.accepted_by_id == project.sponsor_id for m in accepted)
    [[asked]] = told.connection.execute(
        "select count(distinct actor) from events where topic = 'Task.TimeLogged'"
    ).fetchall()
    assert asked >= 10


def _projects(world: World) -> list[Project]:
    """The one on time, and the one in trouble."""
    return sorted(_all(world, Project), key=lambda project: project.name != "CRM for Fjordlys Holding")


def _all(world: World, kind: type[Any], project: Project | None = None) -> list[Any]:
    query = f"select originator_id from events where originator_version = 1 and topic like '{kind.__name__}.%'"
    found = [world.load(id) for (id,) in world.connection.execute(query.encode()).fetchall()]
    return [each for each in found if project is None or each.project_id == project.id]


def _acts(units: list[Unit]) -> Iterator[Any]:
    return (act for unit in units for act in unit.acts)


def _shape(units: list[Unit]) -> list[Any]:
    """What is told, without the days: how the hours of a week are grouped depends on where the week ends."""
    return sorted(
        (str(unit.about), act.command) for unit in units for act in unit.acts if act.command != "Task.report_progress"
    )
