from datetime import date
from uuid import UUID

from domain.projects.project import Project
from tests.projects.test_project import TOMORROW, an_active_project
from tests.scenario import World


def with_phases(world: World, *names: str) -> UUID:
    project = an_active_project(world)
    for name in names:
        world.given("Project.add_phase", project, phase=name.lower(), name=name)
    return project


def test_phases_come_one_after_the_other_and_may_be_put_elsewhere(world: World) -> None:
    project = with_phases(world, "Design", "Build", "Test")

    world.when("Project.add_phase", project, phase="build", name="x").is_refused("of this key already", "phase")
    world.when("Project.move_phase", project, phase="test", before="test").is_refused("before itself", "before")
    world.when("Project.move_phase", project, phase="test", before="x").is_refused("no such phase", "before")
    moved = world.when("Project.move_phase", project, phase="test", before="build")
    assert world.load(project).in_order == ("design", "test", "build")
    world.given("Project.move_phase", project, phase="design", before=None)

    moved.records_only(Project.PhaseMoved, Project.PhaseMoved)
    assert world.load(project).in_order == ("test", "build", "design")


def test_a_phase_is_entered_once_and_not_before_its_day(world: World) -> None:
    project = with_phases(world, "Design", "Build")

    world.when("Project.enter_phase", project, phase="x").is_refused("no such phase", "phase")
    world.when("Project.enter_phase", project, phase="design", on=TOMORROW).is_refused("not come yet", "on")
    world.given("Project.enter_phase", project, phase="design", on="2026-02-02")
    world.when("Project.enter_phase", project, phase="design").is_refused("active already", "phase")

    known = world.load(project).phases
    assert (known["design"].entered_on, known["build"].status) == (date(2026, 2, 2), "planned")


def test_a_phase_is_described_anew(world: World) -> None:
    project = with_phases(world, "Design")

    wrong = world.when(
        "Project.change_phase", project, phase="design", name="x", starts_on="2026-02-02", ends_on="2026-02-01"
    )
    world.given("Project.change_phase", project, phase="design", name="Drawing", objective="Agreed processes")

    wrong.is_refused("ends before it starts", "ends_on")
    known = world.load(project).phases["design"]
    assert (known.name, known.objective, known.place) == ("Drawing", "Agreed processes", 1)


def test_a_phase_of_a_project_that_has_not_started_is_not_entered(world: World) -> None:
    project = world.given("Project.propose", name="x")
    world.given("Project.add_phase", project, phase="design", name="Design")

    world.when("Project.enter_phase", project, phase="design").is_refused("is proposed")


def test_a_completed_phase_takes_nothing_more_until_it_is_reopened(world: World) -> None:
    project = with_phases(world, "Design")
    world.given("Project.enter_phase", project, phase="design")
    world.given("Project.complete_phase", project, phase="design")
    plan = {"project_id": project, "name": "x", "due_on": "2026-03-01", "phase": "design"}

    world.when("Project.change_phase", project, phase="design", name="x").is_refused("is completed", "phase")
    world.when("Project.add_check", project, text="x", phase="design").is_refused("is completed", "phase")
    world.when("Milestone.plan", **plan).is_refused("is completed", "phase")
    world.given("Project.reopen_phase", project, phase="design")
    world.given("Milestone.plan", **plan)

    assert world.load(project).phases["design"].completed_on is None
    world.when("Project.reopen_phase", project, phase="design").is_refused("not completed", "phase")
