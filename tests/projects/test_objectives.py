from datetime import date
from typing import Any
from uuid import UUID

import pytest

from domain.projects.project import Project
from domain.values import new_id
from tests.projects.test_project import TOMORROW, a_project, an_active_project
from tests.scenario import World

ANSWERED = {"text": "Answer sooner", "metric": "hours to the first answer", "unit": "hours"}


def an_objective(world: World, project: UUID, **arguments: Any) -> UUID:
    before = set(world.load(project).objectives)
    world.given("Project.set_objective", project, **ANSWERED | {"baseline": 20, "target": 4} | arguments)
    (made,) = set(world.load(project).objectives) - before
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        ({"phase": "test"}, "phase", "no such phase"),
        ({"metric": None, "target": 4}, "metric", "what is measured"),
        ({"baseline": 4, "target": 4}, "target", "another value"),
    ],
)
def test_an_objective_makes_sense(world: World, wrong: dict[str, Any], field: str, message: str) -> None:
    project = a_project(world)

    world.when("Project.set_objective", project, **ANSWERED | wrong).is_refused(message, field)


def test_what_is_measured_is_of_an_objective_and_of_a_day_that_has_come(world: World) -> None:
    project = an_active_project(world)
    objective, vague = an_objective(world, project), an_objective(world, project, metric=None, target=None)
    measure = {"objective_id": objective, "value": "12.5"}

    world.when("Project.measure_kpi", project, **measure, on=TOMORROW).is_refused("not come yet", "on")
    world.when("Project.measure_kpi", project, **measure | {"objective_id": new_id()}).is_refused(
        "no such objective", "objective_id"
    )
    world.when("Project.measure_kpi", project, **measure | {"objective_id": vague}).is_refused(
        "what is measured", "objective_id"
    )
    measured = world.when("Project.measure_kpi", project, **measure, on="2026-02-02")

    measured.records(Project.KpiMeasured, objective_id=objective, on=date(2026, 2, 2))


def test_what_a_project_brought_about_is_measured_when_it_is_completed_too(world: World) -> None:
    completed, cancelled = an_active_project(world), an_active_project(world)
    objectives = [an_objective(world, each) for each in (completed, cancelled)]
    world.given("Project.complete", completed)
    world.given("Project.cancel", cancelled, reason="x")

    world.given("Project.measure_kpi", completed, objective_id=objectives[0], value=5)

    measured = world.when("Project.measure_kpi", cancelled, objective_id=objectives[1], value=5)
    measured.is_refused("is cancelled")
    world.when("Project.set_objective", completed, text="More").is_refused("is completed")


def test_what_was_measured_stays_when_an_objective_changes_and_goes_with_it(world: World) -> None:
    project = an_active_project(world)
    objective, other = an_objective(world, project), an_objective(world, project)
    for each in (objective, other):
        world.given("Project.measure_kpi", project, objective_id=each, value=5)

    world.given("Project.change_objective", project, objective_id=objective, **ANSWERED, target=3)
    assert len(world.load(project).measurements) == 2
    world.given("Project.drop_objective", project, objective_id=objective)

    known = world.load(project)
    assert (set(known.objectives), {m.objective_id for m in known.measurements.values()}) == ({other}, {other})
    world.when("Project.change_objective", project, objective_id=objective, **ANSWERED).is_refused(
        "no such objective", "objective_id"
    )


def test_what_was_measured_wrongly_is_taken_out(world: World) -> None:
    project = an_active_project(world)
    objective = an_objective(world, project)
    world.given("Project.measure_kpi", project, objective_id=objective, value=5)
    (measurement,) = world.load(project).measurements

    world.given("Project.drop_measurement", project, measurement_id=measurement)

    world.when("Project.drop_measurement", project, measurement_id=measurement).is_refused(
        "no such measurement", "measurement_id"
    )
