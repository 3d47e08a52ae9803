from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.projects.project import Project
from domain.projects.status_report import Light, StatusReport
from domain.traffic_light import TrafficLight
from tests.scenario import ME, World, one_of

GREEN = {"colour": "green"}
LIGHTS: dict[str, Any] = dict.fromkeys(("scope", "time", "cost", "quality", "risk"), GREEN)
LATE = {"colour": "red", "reason": "the interface slipped by two weeks"}
PERIOD = {"since": "2026-11-02", "until": "2026-11-08"}


def a_draft(world: World, **more: Any) -> UUID:
    return world.given("StatusReport.draft", **{"project_id": one_of(world, Project), "done": "design"} | PERIOD | more)


def a_published_report(world: World) -> UUID:
    report = a_draft(world)
    world.given("StatusReport.set_lights", report, **LIGHTS | {"time": LATE})
    world.given("StatusReport.publish", report)
    return report


def test_a_report_is_drafted_changed_and_published_with_its_lights(world: World) -> None:
    report, other = a_draft(world), a_draft(world)

    world.when("StatusReport.change", report, problems="two are ill").records(StatusReport.TextChanged, done="design")
    world.when("StatusReport.set_lights", report, **LIGHTS | {"time": LATE}).records(
        StatusReport.LightsSet, time=Light(TrafficLight.RED, LATE["reason"]), cost=Light(TrafficLight.GREEN)
    )
    world.when("StatusReport.publish", report).records_only(StatusReport.Published).records(
        StatusReport.Published, published_by_id=ME
    )
    assert world.load(other).status == "draft"


def test_once_published_it_does_not_change(world: World) -> None:
    report = a_published_report(world)

    world.when("StatusReport.change", report, done="more").is_refused("published: write another")
    world.when("StatusReport.set_lights", report, **LIGHTS).is_refused("published: write another")
    world.when("StatusReport.publish", report).is_refused("published: write another")
    world.when("StatusReport.comment", report, text="seen").records(StatusReport.Commented)


def test_without_lights_or_words_it_is_not_published(world: World) -> None:
    dark, silent = a_draft(world), a_draft(world, done=None)
    world.given("StatusReport.set_lights", silent, **LIGHTS)

    world.when("StatusReport.publish", dark).is_refused("how it stands with scope, time, cost, quality, risk")
    world.when("StatusReport.publish", silent).is_refused("what was done", "done")


def test_what_is_not_green_has_a_reason(world: World) -> None:
    report = a_draft(world)

    told = world.when("StatusReport.set_lights", report, **LIGHTS | {"risk": {"colour": "amber"}})

    told.is_refused("why it is not green", "risk.reason")


def test_its_lights_are_those_of_a_moment_that_has_come(world: World) -> None:
    report, moment = a_draft(world), datetime(2026, 1, 31, 12, tzinfo=UTC)
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    set_then = world.when("StatusReport.set_lights", report, **LIGHTS, as_of=moment.isoformat())
    too_soon = world.when("StatusReport.set_lights", report, **LIGHTS, as_of=tomorrow.isoformat())

    set_then.records(StatusReport.LightsSet, as_of=moment)
    too_soon.is_refused("not come yet", "as_of")


def test_a_period_ends_after_it_begins(world: World) -> None:
    backwards = {"since": "2026-11-08", "until": "2026-11-02"}

    drafted = world.when("StatusReport.draft", project_id=one_of(world, Project), **backwards)
    changed = world.when("StatusReport.change", a_draft(world), until="2026-11-01")

    drafted.is_refused("ends after it begins", "until")
    changed.is_refused("ends after it begins", "until")


def test_a_project_that_is_over_is_still_reported_on(world: World) -> None:
    project = one_of(world, Project)
    world.given("Project.cancel", project, reason="no money")

    drafted = world.when("StatusReport.draft", project_id=project, **PERIOD)

    drafted.records(StatusReport.Drafted, project_id=project)
