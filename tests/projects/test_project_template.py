from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.command import Code
from domain.projects.milestone import Milestone
from domain.projects.project_template import ProjectTemplate
from domain.projects.task import Task
from tests.scenario import World, a_user

FRIDAY = "2026-12-18"
LAYOUT: dict[str, Any] = {
    "phases": [
        {"phase": "design", "name": "Design", "objective": "Agreed processes"},
        {"phase": "build", "name": "Build"},
    ],
    "milestones": [
        {"key": "drawn", "name": "Design accepted", "phase": "design", "criteria": ["Every process is drawn"]},
        {"key": "live", "name": "Go-live", "phase": "build", "offset": 12, "deliverables": ["System"]},
    ],
    "tasks": [
        {"key": "map", "name": "Draw processes", "phase": "design", "milestone": "drawn", "duration": 3, "effort": "24",
         "role": "business analyst"},
        {"key": "configure", "name": "Configure", "phase": "build", "parent": "construct", "duration": 4,
         "waits_for": [{"task": "map", "lag": 1}]},
        {"key": "construct", "name": "Construct", "phase": "build"},
        {"key": "train", "name": "Train", "phase": "build", "duration": 1, "offset": 2},
    ],
    "roles": [{"role": "business analyst", "headcount": 2, "duties": "Draws"}],
    "checks": [{"text": "Interfaces drawn", "phase": "design"}, {"text": "Everything is paid"}],
}  # fmt: skip


def a_template(world: World, name: str = "CRM", **changes: Any) -> UUID:
    return world.given("ProjectTemplate.define", name=name, **LAYOUT | changes)


def laid_out(world: World, **arguments: Any) -> tuple[Any, dict[str, Milestone], dict[str, Task]]:
    """A project that was proposed from a template, with its milestones and tasks by their names."""
    template = arguments.pop("template_id", None) or a_template(world)
    then = world.when("Project.propose", name="Roll-out", template_id=template, **arguments)
    made = [world.load(id) for id in dict.fromkeys(event.originator_id for event in then.recorded)]
    milestones = {each.name: each for each in made if isinstance(each, Milestone)}
    tasks = {each.name: each for each in made if isinstance(each, Task)}
    return world.load(then.id), milestones, tasks


def test_a_project_is_laid_out_with_dates_on_its_calendar(world: World) -> None:
    holidays = {"holidays": ["2026-12-25"]}

    project, milestones, tasks = laid_out(world, starts_on=FRIDAY, calendar=holidays)

    assert [(p.phase, p.starts_on, p.ends_on) for p in project.phases.values()] == [
        ("design", date(2026, 12, 18), date(2026, 12, 22)),
        ("build", date(2026, 12, 22), date(2027, 1, 6)),
    ]
    assert {name: each.due_on for name, each in milestones.items()} == {
        "Design accepted": date(2026, 12, 22),
        "Go-live": date(2027, 1, 6),
    }
    assert (tasks["Configure"].starts_on, tasks["Configure"].due_on) == (date(2026, 12, 24), date(2026, 12, 30))
    assert (tasks["Train"].starts_on, tasks["Train"].due_on) == (date(2026, 12, 22), date(2026, 12, 30))
    assert (project.ends_on, project.calendar.holidays) == (date(2027, 1, 6), {date(2026, 12, 25)})


def test_a_project_has_all_that_its_template_says(world: World) -> None:
    template = a_template(world)

    project, milestones, tasks = laid_out(world, template_id=template, starts_on=FRIDAY)

    draw, configure, construct = (tasks[name] for name in ("Draw processes", "Configure", "Construct"))
    assert project.template_id == template and set(project.milestones) == {each.id for each in milestones.values()}
    assert [(r.role, r.headcount, r.duties) for r in project.roles.values()] == [("business analyst", 2, "Draws")]
    assert [(c.text, c.phase) for c in project.checks.values()] == [
        ("Interfaces drawn", "design"),
        ("Everything is paid", None),
    ]
    assert (draw.effort, draw.required_skills, draw.milestone_id) == (
        Decimal(24),
        ("business analyst",),
        milestones["Design accepted"].id,
    )
    assert [(w.predecessor_id, w.kind, w.lag) for w in configure.dependencies.values()] == [(draw.id, "FS", 1)]
    assert (configure.parent_id, construct.subtask_ids) == (construct.id, frozenset({configure.id}))
    assert milestones["Design accepted"].criteria == ("Every process is drawn",)
    assert {m.project_id for m in milestones.values()} == {t.project_id for t in tasks.values()} == {project.id}


def test_what_is_laid_out_is_one_commit_or_none(world: World) -> None:
    template, position = a_template(world), world.position

    world.when("Project.propose", name="x", template_id=template).is_refused("say when it starts", "starts_on")
    assert world.position == position
    world.given("Project.propose", name="Roll-out", template_id=template, starts_on=FRIDAY)

    commands = world.connection.execute("select distinct command_id from events where position > %s", [position])
    assert len(commands.fetchall()) == 1


def test_an_end_that_was_given_stays(world: World) -> None:
    project, _, _ = laid_out(world, starts_on=FRIDAY, ends_on="2027-03-31")

    assert project.ends_on == date(2027, 3, 31)


TASK = {"key": "a", "name": "A"}


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        ({"tasks": [TASK | {"phase": "test"}]}, "tasks.0.phase", "no phase test"),
        ({"milestones": [TASK | {"phase": "test"}], "tasks": []}, "milestones.0.phase", "no phase test"),
        ({"checks": [{"text": "x", "phase": "test"}]}, "checks.0.phase", "no phase test"),
        ({"tasks": [TASK | {"milestone": "b"}]}, "tasks.0.milestone", "no milestone b"),
        ({"tasks": [TASK | {"parent": "b"}]}, "tasks.0.parent", "no task b"),
        ({"tasks": [TASK | {"role": "b"}]}, "tasks.0.role", "no role b"),
        ({"tasks": [TASK | {"waits_for": [{"task": "b"}]}]}, "tasks.0.waits_for.0.task", "no task b"),
        ({"tasks": [TASK, TASK]}, "tasks.1.key", "a is there twice"),
        ({"phases": [{"phase": "design", "name": "A"}] * 2}, "phases.1.phase", "design is there twice"),
        ({"tasks": [TASK | {"duration": 0}]}, "tasks.0.duration", "from 1 to"),
        ({"tasks": [TASK | {"offset": -1}]}, "tasks.0.offset", "from 0 to"),
        ({"tasks": [TASK | {"effort": -1}]}, "tasks.0.effort", "from 0 to"),
        ({"tasks": [], "roles": [{"role": "a", "headcount": 0}]}, "roles.0.headcount", "from 1 to"),
        (
            {
                "tasks": [
                    TASK | {"waits_for": [{"task": "b"}]},
                    {"key": "b", "name": "B", "waits_for": [{"task": "a"}]},
                ]
            },
            "tasks",
            "wait for each other: a → b → a",
        ),
        (
            {"tasks": [TASK | {"parent": "b"}, {"key": "b", "name": "B", "parent": "a"}]},
            "tasks",
            "cannot be under itself",
        ),
    ],
)
def test_a_template_makes_sense(world: World, wrong: dict[str, Any], field: str, message: str) -> None:
    template, position = a_template(world), world.position

    world.when("ProjectTemplate.define", name="Other", **LAYOUT | wrong).is_refused(message, field)
    world.when("ProjectTemplate.change", template, **wrong).is_refused(message, field)

    assert world.position == position


def test_a_changed_template_leaves_what_was_begun_as_it_is(world: World) -> None:
    template = a_template(world)
    project, _, _ = laid_out(world, template_id=template, starts_on=FRIDAY)

    changed = world.when("ProjectTemplate.change", template, description="For two", roles=[], tasks=[])
    other, _, tasks = laid_out(world, template_id=template, starts_on=FRIDAY)

    changed.records(ProjectTemplate.Changed, name="CRM", roles=())
    assert (list(project.roles), list(other.roles), tasks) == (["business analyst"], [], {})


def test_no_project_begins_from_a_template_that_is_retired(world: World) -> None:
    template = a_template(world)
    world.given("ProjectTemplate.retire", template)

    world.when("Project.propose", name="x", template_id=template, starts_on=FRIDAY).is_refused(
        "not in use", "template_id", Code.INVALID
    )
    world.when("ProjectTemplate.change", template, name="x").is_refused("is retired")
    world.given("ProjectTemplate.reinstate", template)

    world.when("ProjectTemplate.reinstate", template).is_refused("in use")
    world.given("Project.propose", name="x", template_id=template, starts_on=FRIDAY)


def test_a_template_has_a_name_of_its_own(world: World) -> None:
    first = a_template(world)

    refusal = world.when("ProjectTemplate.define", name="CRM").is_refused("in use already", "name", Code.DUPLICATE)

    assert refusal.holder == f"ProjectTemplate_{first}"
    assert world.given("Project.propose", name="Empty", manager_id=a_user(world))
