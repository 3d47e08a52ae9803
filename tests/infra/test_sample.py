"""The sample: the same story every time, told once, and taken up where it broke off."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from domain.sales.opportunity import Opportunity
from infra.sample import load
from infra.sample.acts import DAYS
from infra.sample.story import OPPORTUNITIES, story
from tests.scenario import ME, World

TODAY: Final = date(2026, 6, 1)
FEW: Final = 60
CONTENT: Final = "select topic, occurred_at, command from events where origin = 'sample'"


def test_the_same_day_has_the_same_story() -> None:
    assert story(TODAY, UTC) == story(TODAY, UTC)
    assert story(TODAY, UTC) != story(TODAY, UTC, seed=2)


def test_the_story_is_of_the_two_years_before_the_day() -> None:
    times = [act.at for unit in story(TODAY, UTC) for act in unit.acts]

    assert min(times) >= datetime(2024, 6, 1, tzinfo=UTC)
    assert datetime(2026, 5, 30, tzinfo=UTC) < max(times) < datetime(2026, 6, 1, tzinfo=UTC)


def test_the_story_looks_like_life() -> None:
    units = story(TODAY, UTC)
    acts = Counter(act.command for unit in units for act in unit.acts)
    late = sum(unit.acts[0].at < _entered(unit.entered) - timedelta(days=1) for unit in units)

    assert 2_000 <= acts["Opportunity.open"] <= OPPORTUNITIES + acts["Project.propose"]
    assert acts["Opportunity.win"] > 900 and acts["Opportunity.lose"] > 900 and late > 300
    assert acts["Opportunity.reopen"] > 50 and acts["Opportunity.change_line"] > 20
    for rare in (
        "Account.merge_into",
        "Account.unmerge",
        "Account.archive",
        "Opportunity.archive",
        "Account.set_parent",
    ):
        assert acts[rare] >= 1
    for told in ("Opportunity.comment", "Opportunity.tag", "Account.set_custom_field", "Product.set_price"):
        assert acts[told] >= 50


def test_seasons_differ() -> None:
    opened = Counter(
        act.at.month for unit in story(TODAY, UTC) for act in unit.acts if act.command == "Opportunity.open"
    )

    assert opened[8] < 0.8 * opened[5]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "Pacific/Honolulu"])
def test_everything_is_accepted_wherever_the_company_is(world: World, zone: str) -> None:
    world.pipeline.time_zone = ZoneInfo(zone)

    loaded = load(world.pipeline, world.store, ME, ZoneInfo(zone), today=TODAY, opportunities=FEW)

    assert loaded.events == world.position > 1_500
    assert loaded.today == TODAY


def test_all_of_it_is_accepted_and_told_once(world: World) -> None:
    seen = list[tuple[int, int]]()
    first = load(world.pipeline, world.store, ME, UTC, lambda done, of: seen.append((done, of)), TODAY)
    end = world.position

    second = load(world.pipeline, world.store, ME, UTC)

    assert first.events == end > 20_000
    assert (second.events, second.today, world.position) == (0, TODAY, end)
    assert seen[-1][0] == seen[-1][1] and seen == sorted(seen)
    assert _late(world) > 300


@pytest.mark.parametrize("share", [0.5, 0.85])
def test_what_broke_off_is_completed_on_another_day_as_if_it_had_not(
    world: World, new_world: Any, share: float
) -> None:
    def broken(done: int, of: int) -> None:
        if done > of * share:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(world.pipeline, world.store, ME, UTC, broken, TODAY, FEW)
    half = world.position
    load(world.pipeline, world.store, ME, UTC, None, TODAY + timedelta(days=3), FEW)
    whole = new_world()
    load(whole.pipeline, whole.store, ME, UTC, None, TODAY, FEW)

    assert 0 < half < world.position == whole.position
    assert _told(world) == _told(whole)


def test_what_is_told_late_is_recorded_late(world: World) -> None:
    load(world.pipeline, world.store, ME, UTC, None, TODAY, FEW)

    [first] = world.connection.execute("select min(occurred_at) from events").fetchone() or (None,)
    [behalf] = world.connection.execute("select count(on_behalf_of) from events").fetchone() or (0,)
    won = [event for event in world.since(0) if isinstance(event, Opportunity.Won)]
    assert first == datetime(2024, 6, 1, tzinfo=UTC) + timedelta(days=0.3)
    assert behalf > 1_000
    assert won and all(event.closed_on == event.timestamp.date() for event in won)


def _entered(day: float) -> datetime:
    return datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) - timedelta(days=DAYS - day)


def _late(world: World) -> int:
    """Events that happened a day or more before one that was recorded earlier."""
    before = "lag(occurred_at) over (order by position)"
    [[count]] = world.connection.execute(
        f"select count(*) from (select occurred_at, {before} as last from events) e "
        "where occurred_at < last - interval '1 day'".encode()
    ).fetchall()
    return int(count)


def _told(world: World) -> Counter[tuple[Any, ...]]:
    """What was recorded, without the ids, which are never the same."""
    return Counter((topic, at, command) for topic, at, command in world.connection.execute(CONTENT).fetchall())
