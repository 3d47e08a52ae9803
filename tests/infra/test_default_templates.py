from datetime import date
from typing import Any
from uuid import UUID

import pytest

from domain.projects.milestone import Milestone
from domain.projects.project_template import ProjectTemplate
from domain.projects.task import Task
from infra.default_templates import default_templates, make_templates
from tests.projects.test_project_template import laid_out
from tests.scenario import World

NAMES = ["CRM implementation", "CRM in eight months"]


def templates(world: World) -> dict[str, UUID]:
    return {e.name: e.originator_id for e in world.since(0) if isinstance(e, ProjectTemplate.Defined)}


def begun(world: World, name: str) -> tuple[Any, list[Milestone], list[Task]]:
    """A project that was begun from one of them, with its milestones and tasks."""
    make_templates(world.pipeline)
    project, milestones, tasks = laid_out(world, template_id=templates(world)[name], starts_on="2026-01-05")
    return project, [*milestones.values()], [*tasks.values()]


def test_the_templates_that_a_company_begins_with_are_made_once(world: World) -> None:
    make_templates(world.pipeline)
    before = world.position
    make_templates(world.pipeline)

    assert (sorted(templates(world)), world.position) == (NAMES, before)


def test_what_a_company_made_of_its_templates_stays(world: World) -> None:
    own = world.given("ProjectTemplate.define", name=NAMES[0])
    make_templates(world.pipeline)
    other = templates(world)[NAMES[1]]
    world.given("ProjectTemplate.change", other, name="Our way")
    before = world.position

    make_templates(world.pipeline)

    assert world.position == before
    assert world.load(own).tasks == ()


def test_a_crm_is_implemented_in_eight_phases_of_three_steps(world: World) -> None:
    project, milestones, tasks = begun(world, NAMES[0])

    assert [phase.name for phase in project.phases.values()] == [
        "Requirement analysis", "System selection", "Design", "Development and configuration", "Data migration",
        "Training", "Testing and go-live", "Continuous improvement",
    ]  # fmt: skip
    assert {key: sum(task.phase == key for task in tasks) for key in project.phases} == dict.fromkeys(project.phases, 3)
    assert {milestone.phase for milestone in milestones} == {*project.phases}


def test_a_crm_in_eight_months_is_there_within_eight_months(world: World) -> None:
    project, milestones, _ = begun(world, NAMES[1])

    months = {phase.name.partition(":")[0]: (phase.starts_on, phase.ends_on) for phase in project.phases.values()}
    assert months["Months 1 and 2"] == (date(2026, 1, 5), date(2026, 2, 27))
    assert date(2026, 7, 31) < project.ends_on <= date(2026, 8, 31)
    assert len(milestones) == len(project.phases) == 4


@pytest.mark.parametrize("name", NAMES)
def test_whoever_works_by_a_template_knows_when_what_is_done_how_much_it_is_and_who_does_it(
    world: World, name: str
) -> None:
    project, milestones, tasks = begun(world, name)

    assert all(task.effort and task.required_skills[0] in project.roles and task.milestone_id for task in tasks)
    assert all(milestone.criteria and milestone.deliverables for milestone in milestones)
    assert {check.phase for check in project.checks.values()} == {*project.phases, None}
    assert len([task for task in tasks if not task.dependencies]) == 1
    assert {template["name"] for template in default_templates()} == {*NAMES}
