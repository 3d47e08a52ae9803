from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.command import Code
from domain.projects.project import Project
from domain.projects.resource import Resource, Status
from domain.projects.task import Task
from tests.projects.test_phases import with_phases
from tests.scenario import ME, World, a_user, an_account, one_of

COST = {"amount": "900", "currency": "EUR"}


def a_resource(world: World, quantity: str = "10", **more: Any) -> UUID:
    given = {"project_id": one_of(world, Project), "kind": "equipment", "unit": "pieces"} | more
    return world.given("Resource.need", name="Scanners", quantity=quantity, **given)


def an_ordered_resource(world: World, quantity: str = "10", **more: Any) -> UUID:
    resource = a_resource(world, quantity)
    world.given("Resource.request", resource)
    world.given("Resource.order", resource, cost=COST, **more)
    return resource


def a_stored_resource(world: World, stored: str = "6", delivered: str = "8") -> UUID:
    resource = an_ordered_resource(world)
    world.given("Resource.deliver", resource, quantity=delivered)
    world.given("Resource.store", resource, quantity=stored, place="Room 7")
    return resource


def handed_out(world: World, resource: UUID, quantity: str = "4", **more: Any) -> UUID:
    known = set(world.load(resource).handouts)
    world.given("Resource.issue", resource, quantity=quantity, **more)
    [handout] = world.load(resource).handouts.keys() - known
    return UUID(str(handout))


def test_a_resource_is_for_a_phase_that_is_there(world: World) -> None:
    project = with_phases(world, "Design", "Build")
    given = {"project_id": project, "kind": "equipment", "unit": "pieces", "name": "Scanners", "quantity": 1}
    resource = world.given("Resource.need", **given, phase="design")

    needed = world.when("Resource.need", **given, phase="test")
    changed = world.when("Resource.change_need", resource, phase="test")

    needed.is_refused("this project has no such phase: there are design, build", "phase")
    changed.is_refused("this project has no such phase: there are design, build", "phase")
    world.when("Resource.change_need", resource, phase="build").records(Resource.NeedChanged, phase="build")


def test_what_is_needed_is_requested_ordered_delivered_stored_issued_and_returned(world: World) -> None:
    resource, ada, acme = a_resource(world), a_user(world), an_account(world)

    world.when("Resource.request", resource).records(Resource.Requested, requested_by_id=ME, status=Status.REQUESTED)
    ordered = world.when("Resource.order", resource, cost=COST, account_id=acme, expected_on="2030-01-31")
    world.when("Resource.deliver", resource, quantity=10).records(Resource.Delivered, delivered=10)
    world.when("Resource.store", resource, quantity=10, place="Room 7").records(Resource.Stored, place="Room 7")
    handout = handed_out(world, resource, "10", user_id=ada)
    back = world.when("Resource.give_back", resource, handout_id=handout)

    ordered.records(Resource.Ordered, ordered=10, account_id=acme, expected_on=date(2030, 1, 31))
    back.records_only(Resource.HandedBack, Resource.Returned).records(Resource.Returned, issued=0)
    assert world.load(resource).status is Status.RETURNED


STEPS: list[tuple[str, dict[str, Any]]] = [
    ("request", {}),
    ("order", {"cost": COST}),
    ("deliver", {"quantity": 1}),
    ("store", {"quantity": 1}),
    ("issue", {"quantity": 1}),
]


@pytest.mark.parametrize(("step", "arguments"), STEPS[1:], ids=lambda each: each if isinstance(each, str) else "")
def test_no_step_comes_before_the_one_that_it_needs(world: World, step: str, arguments: dict[str, Any]) -> None:
    resource = a_resource(world)
    before = STEPS[: [name for name, _ in STEPS].index(step) - 1]
    for name, given_ in before:
        world.given(f"Resource.{name}", resource, **given_)

    too_soon = world.when(f"Resource.{step}", resource, **arguments)

    too_soon.is_refused("", "quantity" if step in ("store", "issue") else None)


def test_nothing_is_requested_or_ordered_twice(world: World) -> None:
    resource = an_ordered_resource(world)

    world.when("Resource.request", resource).is_refused("is ordered")
    world.when("Resource.order", resource, cost=COST).is_refused("is ordered")
    world.when("Resource.change_need", resource, quantity=3).is_refused("is ordered")


def test_it_comes_in_parts_and_no_more_than_was_ordered(world: World) -> None:
    resource = an_ordered_resource(world)

    first = world.when("Resource.deliver", resource, quantity="7.5", note="one box was wet")
    more = world.when("Resource.deliver", resource, quantity="2.51")
    rest = world.when("Resource.deliver", resource, quantity="2.5")

    first.records(Resource.DeliveryReceived, note="one box was wet").records(
        Resource.Delivered, delivered=Decimal("7.5")
    )
    more.is_refused("2.5 pieces are still to come", "quantity")
    rest.records(Resource.Delivered, delivered=10)
    assert len(world.load(resource).deliveries) == 2


def test_no_more_is_stored_than_was_delivered(world: World) -> None:
    resource = a_stored_resource(world, "6", "8")

    world.when("Resource.store", resource, quantity="2.1").is_refused("2 pieces of what was delivered", "quantity")
    world.when("Resource.store", resource, quantity=2).records(Resource.Stored, stored=8, place="Room 7")


def test_no_more_is_issued_than_is_in_the_store(world: World) -> None:
    resource = a_stored_resource(world, "6")
    handed_out(world, resource, "4")

    world.when("Resource.issue", resource, quantity=3).is_refused("only 2 pieces in the store", "quantity")
    world.when("Resource.issue", resource, quantity=2).records(Resource.Issued, issued=6)


def test_what_came_back_is_issued_again(world: World) -> None:
    resource = a_stored_resource(world, "6")
    handout = handed_out(world, resource, "6")
    world.given("Resource.give_back", resource, handout_id=handout, quantity=5)

    more = world.when("Resource.give_back", resource, handout_id=handout, quantity=2)
    unknown = world.when("Resource.give_back", resource, handout_id=resource)
    again = world.when("Resource.issue", resource, quantity=5)

    more.is_refused("1 pieces of it are still handed out", "quantity")
    unknown.is_refused("never handed out", "handout_id")
    again.records(Resource.Issued, issued=6)


def test_it_is_handed_out_for_a_task_of_its_own_project(world: World) -> None:
    task = one_of(world, Task)
    resource = a_resource(world, project_id=world.load(task).project_id)
    for name, given_ in STEPS[:4]:
        world.given(f"Resource.{name}", resource, **given_)

    other = world.when("Resource.issue", resource, quantity=1, task_id=one_of(world, Task))
    own = world.when("Resource.issue", resource, quantity=1, task_id=task)

    other.is_refused("another project's task", "task_id")
    own.records(Resource.HandedOut, task_id=task)


def test_a_delivery_is_put_off_for_a_reason_while_something_is_to_come(world: World) -> None:
    late, here = an_ordered_resource(world, expected_on="2030-01-01"), an_ordered_resource(world)
    world.given("Resource.deliver", here, quantity=10)

    silent = world.when("Resource.reschedule_delivery", late, expected_on="2030-02-01")
    put_off = world.when("Resource.reschedule_delivery", late, expected_on="2030-02-01", reason="strike")

    silent.is_refused("needed", "reason", Code.INVALID)
    put_off.records(Resource.DeliveryRescheduled, delay_reason="strike")
    world.when("Resource.reschedule_delivery", here, expected_on="2030-02-01", reason="x").is_refused(
        "all of it was delivered", "expected_on"
    )


def test_what_was_delivered_is_not_cancelled(world: World) -> None:
    ordered, delivered = an_ordered_resource(world), an_ordered_resource(world)
    world.given("Resource.deliver", delivered, quantity=1)

    world.when("Resource.cancel", delivered, reason="x").is_refused("is delivered")
    world.when("Resource.cancel", ordered, reason="too dear").records(Resource.Cancelled, cancel_reason="too dear")
    world.when("Resource.deliver", ordered, quantity=1).is_refused("is cancelled")


@pytest.mark.parametrize(
    ("command", "arguments", "field"),
    [
        ("need", {"quantity": 0}, "quantity"),
        ("need", {"quantity": 1, "expected_cost": {"amount": "-1", "currency": "EUR"}}, "expected_cost"),
    ],
)
def test_a_need_makes_sense(world: World, command: str, arguments: dict[str, Any], field: str) -> None:
    given_ = {"project_id": one_of(world, Project), "name": "x", "kind": "licence", "unit": "seats"}

    world.when(f"Resource.{command}", **given_ | arguments).is_refused("", field)


def test_a_project_that_is_over_needs_nothing(world: World) -> None:
    project = one_of(world, Project)
    world.given("Project.cancel", project, reason="x")

    needed = world.when("Resource.need", project_id=project, name="x", kind="licence", unit="seats", quantity=1)

    needed.is_refused("is cancelled", "project_id")


def test_nothing_happened_on_a_day_to_come(world: World) -> None:
    resource, tomorrow = an_ordered_resource(world), str(datetime.now(UTC).date() + timedelta(days=2))

    world.when("Resource.deliver", resource, quantity=1, on=tomorrow).is_refused("not come yet", "on")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.tuples(st.sampled_from(["deliver", "store", "issue"]), st.integers(1, 6)), max_size=14))
def test_whatever_is_asked_no_more_is_out_than_was_stored_and_no_more_stored_than_came(
    world: World, steps: list[tuple[str, int]]
) -> None:
    resource = an_ordered_resource(world)
    expected = {"deliver": 0, "store": 0, "issue": 0}

    for step, quantity in steps:
        world.when(f"Resource.{step}", resource, quantity=quantity)
        most = {"deliver": 10, "store": expected["deliver"], "issue": expected["store"]}
        if expected[step] + quantity <= most[step]:
            expected[step] += quantity

    known = world.load(resource)
    assert (known.delivered, known.stored, known.issued) == tuple(expected.values())
