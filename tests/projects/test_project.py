from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.command import Code
from domain.projects.project import Project
from tests.scenario import ME, World, a_user, an_account, an_opportunity, one_of

TOMORROW = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()


def a_project(world: World, **arguments: Any) -> UUID:
    return world.given("Project.propose", **{"name": "Roll-out"} | arguments)


def an_approved_project(world: World) -> UUID:
    project = a_project(world)
    world.given("Project.set_charter", project, charter="Sales know their customers.")
    world.given("Project.set_scope", project, scope={"included": ["sales"]})
    world.given("Project.approve", project, on="2026-01-05")
    return project


def an_active_project(world: World) -> UUID:
    project = an_approved_project(world)
    world.given("Project.start", project, on="2026-01-12")
    return project


def test_a_project_is_led_by_whoever_proposes_it_and_done_for_whoever_bought(world: World) -> None:
    acme, ada = an_account(world), a_user(world)
    sale = an_opportunity(world, account_id=acme)
    world.given("Opportunity.win", sale, amount={"amount": 5, "currency": "EUR"})

    proposed = world.when("Project.propose", by=ada, name="Roll-out", opportunity_id=sale)

    proposed.records(Project.Proposed, name="Roll-out", opportunity_id=sale, account_id=acme, manager_id=ada)


def test_a_project_comes_from_a_sale_that_was_won(world: World) -> None:
    sale = an_opportunity(world)

    world.when("Project.propose", name="x", opportunity_id=sale).is_refused("was won: win it first", "opportunity_id")
    world.given("Opportunity.lose", sale, reason="price")

    world.when("Project.propose", name="x", opportunity_id=sale).is_refused("was won", "opportunity_id")


def test_a_project_ends_after_it_starts(world: World) -> None:
    days = {"starts_on": "2026-02-01", "ends_on": "2026-01-31"}
    project = a_project(world)

    world.when("Project.propose", name="x", **days).is_refused("ends before it starts", "ends_on")
    world.when("Project.reschedule", project, **days).is_refused("ends before it starts", "ends_on")
    moved = world.when("Project.reschedule", project, ends_on="2026-03-31")

    moved.records(Project.Rescheduled, starts_on=None, ends_on=date(2026, 3, 31))


def test_what_is_approved_has_a_charter_and_a_scope(world: World) -> None:
    project = a_project(world)

    world.when("Project.approve", project).is_refused("charter")
    world.given("Project.set_charter", project, charter="Sales know their customers.")
    world.when("Project.approve", project).is_refused("scope")
    world.given("Project.set_scope", project, scope={"excluded": ["service"]})
    world.when("Project.approve", project).is_refused("scope")
    world.given("Project.set_scope", project, scope={"included": ["sales"]})

    approved = world.when("Project.approve", project, on="2026-01-05")

    approved.records(Project.Approved, approved_on=date(2026, 1, 5), approved_by_id=ME)
    assert world.load(project).scope.excluded == ("service",)


def test_the_plan_as_it_was_approved_is_the_first_baseline_and_others_have_a_reason(world: World) -> None:
    project = an_approved_project(world)

    world.given("Project.rebaseline", project, reason="The pilot showed more work", on="2026-02-02")

    known = world.load(project)
    assert (known.baseline, known.baselined_on) == (2, date(2026, 2, 2))
    assert [(each.number, each.reason) for each in known.baselines.values()] == [
        (1, "approved"),
        (2, "The pilot showed more work"),
    ]


def test_an_approval_that_is_withdrawn_leaves_its_baseline_behind(world: World) -> None:
    project = an_approved_project(world)

    world.given("Project.withdraw_approval", project)
    world.when("Project.start", project).is_refused("is proposed")
    world.given("Project.approve", project)

    assert world.load(project).baseline == 2


@pytest.mark.parametrize(
    ("made", "refused"),
    [
        (a_project, {"start": {}, "hold": {"reason": "x"}, "complete": {}, "rebaseline": {"reason": "x"}}),
        (an_approved_project, {"approve": {}, "hold": {"reason": "x"}, "complete": {}, "resume": {}, "reopen": {}}),
        (an_active_project, {"approve": {}, "start": {}, "withdraw_approval": {}, "resume": {}, "reopen": {}}),
    ],
)
def test_a_project_goes_one_step_after_the_other(
    world: World, made: Callable[[World], UUID], refused: dict[str, Any]
) -> None:
    project = made(world)

    for name, arguments in refused.items():
        world.when(f"Project.{name}", project, **arguments).is_refused("this project is")


def test_work_may_rest_and_go_on(world: World) -> None:
    project = an_active_project(world)

    world.given("Project.hold", project, reason="The budget is frozen")
    world.when("Project.complete", project).is_refused("on hold")
    world.given("Project.resume", project)

    assert world.load(project).hold_reason is None


def test_what_is_over_takes_nothing_more_until_it_is_reopened(world: World) -> None:
    project = an_active_project(world)
    world.given("Project.hold", project, reason="The budget is frozen")
    world.given("Project.cancel", project, reason="No budget")

    world.when("Project.add_phase", project, phase="test", name="Test").is_refused("is cancelled")
    world.when("Milestone.plan", project_id=project, name="x", due_on="2026-03-01").is_refused(
        "is cancelled", "project_id"
    )
    world.given("Project.reopen", project)

    assert (world.load(project).status, world.load(project).cancel_reason) == ("on_hold", None)


def test_a_project_goes_on_from_where_it_was(world: World) -> None:
    proposed, approved, active = a_project(world), an_approved_project(world), an_active_project(world)
    world.given("Project.cancel", proposed, reason="x")
    world.given("Project.cancel", approved, reason="x")
    world.given("Project.complete", active)

    for project in (proposed, approved, active):
        world.given("Project.reopen", project)

    assert [world.load(p).status for p in (proposed, approved, active)] == ["proposed", "approved", "active"]
    assert world.load(active).completed_on is None


def test_a_project_is_completed_when_its_phases_and_its_own_checklist_are(world: World) -> None:
    project = an_active_project(world)
    world.given("Project.add_phase", project, phase="build", name="Build")
    world.given("Project.add_phase", project, phase="extras", name="Extras")
    world.given("Project.add_check", project, text="Everything is paid")
    (check,) = world.load(project).checks
    world.given("Project.enter_phase", project, phase="build")

    world.when("Project.complete", project).is_refused("Build, Extras")
    world.given("Project.complete_phase", project, phase="build")
    world.given("Project.drop_phase", project, phase="extras")
    world.when("Project.complete", project).is_refused("Everything is paid")
    world.given("Project.tick_check", project, check_id=check)
    world.when("Project.complete", project, on="2026-01-11").is_refused("started after this day", "on")

    world.when("Project.complete", project).records(Project.Completed)


def test_nothing_has_happened_on_a_day_to_come(world: World) -> None:
    project = an_approved_project(world)

    for name, arguments in {"start": {}, "rebaseline": {"reason": "x"}}.items():
        world.when(f"Project.{name}", project, on=TOMORROW, **arguments).is_refused("not come yet", "on")


def test_a_buffer_is_in_days_and_in_money_and_never_less_than_nil(world: World) -> None:
    project = a_project(world)

    world.when("Project.set_buffer", project, buffer_days=-1).is_refused("nil or more", "buffer_days")
    world.when("Project.set_buffer", project, buffer_money={"amount": -1, "currency": "EUR"}).is_refused(
        "nil or more", "buffer_money"
    )
    world.given("Project.set_buffer", project, buffer_days=10)
    world.given("Project.set_buffer", project, buffer_money={"amount": 5, "currency": "EUR"})

    assert world.load(project).buffer_days == 10


def test_the_calendar_of_a_project_has_a_working_day_at_least(world: World) -> None:
    project = a_project(world)

    world.when("Project.set_calendar", project, calendar={"weekdays": []}).is_refused(
        "at least one working day", "calendar.weekdays", Code.INVALID
    )
    world.when("Project.set_calendar", project, calendar={"weekdays": [7]}).is_refused(
        "0 for Monday to 6", "calendar.weekdays", Code.INVALID
    )
    world.given("Project.set_calendar", project, calendar={"holidays": ["2026-12-25"]})
    world.given("Project.set_calendar", project, calendar={"weekdays": [0, 1, 2, 3]})

    known = world.load(project).calendar
    assert (known.weekdays, known.holidays) == ({0, 1, 2, 3}, {date(2026, 12, 25)})


def test_who_is_needed_is_told_by_role(world: World) -> None:
    project = a_project(world)

    world.when("Project.need_role", project, role="trainer", headcount=0).is_refused("at least one", "headcount")
    world.given("Project.need_role", project, role="trainer", headcount=2, duties="Trains")
    world.given("Project.need_role", project, role="trainer", headcount=3)
    world.given("Project.need_role", project, role="developer")
    world.given("Project.drop_role", project, role="developer")
    world.when("Project.drop_role", project, role="developer").is_refused("nobody of this role", "role")

    assert [(each.role, each.headcount) for each in world.load(project).roles.values()] == [("trainer", 3)]


def test_what_is_changed_is_changed_and_what_is_left_out_stays(world: World) -> None:
    project, acme, ada = a_project(world, goal="More sales"), an_account(world), a_user(world)

    world.given("Project.change_details", project, name="CRM")
    world.given("Project.change_account", project, account_id=acme)
    world.given("Project.change_manager", project, manager_id=ada)
    world.given("Project.change_sponsor", project, sponsor_id=ada)

    known = world.load(project)
    assert (known.name, known.goal, known.account_id) == ("CRM", "More sales", acme)
    assert (known.manager_id, known.sponsor_id) == (ada, ada)
    assert one_of(world, Project) != project
