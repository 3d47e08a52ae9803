from collections.abc import Callable
from uuid import UUID

import pytest

from domain.command import Accepted, Request
from domain.projects.business_process import MOST_STEPS, BusinessProcess, Form, Status
from domain.projects.project import Project
from tests.scenario import ME, World, one_of


def a_process(world: World) -> UUID:
    return world.given("BusinessProcess.describe", project_id=one_of(world, Project), name="Order", as_is="By fax.")


def a_step(world: World, process: UUID, name: str, form: str = "as_is", before: UUID | None = None) -> UUID:
    world.given("BusinessProcess.add_step", process, form=form, name=name, before=before and str(before))
    [id] = (step.step_id for step in world.load(process).steps.values() if step.name == name)
    return UUID(str(id))


def shown(world: World, process: UUID, form: Form = Form.AS_IS) -> list[str]:
    found = world.load(process)
    places = [found.steps[id].place for id in found.in_order(form)]
    assert places == list(range(1, len(places) + 1))
    return [found.steps[id].name for id in found.in_order(form)]


def test_steps_stand_in_the_order_in_which_they_are_put(world: World) -> None:
    process, neighbour = a_process(world), a_process(world)
    a_step(world, neighbour, "Neighbour")
    first, last = a_step(world, process, "call"), a_step(world, process, "send")

    middle = a_step(world, process, "write", before=last)
    assert shown(world, process) == ["call", "write", "send"]
    world.given("BusinessProcess.move_step", process, step_id=str(last), before=str(first))
    assert shown(world, process) == ["send", "call", "write"]
    world.given("BusinessProcess.move_step", process, step_id=str(last))
    assert shown(world, process) == ["call", "write", "send"]
    world.given("BusinessProcess.remove_step", process, step_id=str(middle))

    assert shown(world, process) == ["call", "send"]
    assert shown(world, neighbour) == ["Neighbour"]


def test_each_form_has_an_order_of_its_own(world: World) -> None:
    process = a_process(world)
    today = a_step(world, process, "call")
    a_step(world, process, "click", form="to_be")

    put = {"form": "to_be", "name": "check", "before": str(today)}
    world.when("BusinessProcess.add_step", process, **put).is_refused("no such step in this form", "before")

    assert (shown(world, process), shown(world, process, Form.TO_BE)) == (["call"], ["click"])


def test_a_step_is_described_anew_and_stays_in_its_place(world: World) -> None:
    process = a_process(world)
    step, _ = a_step(world, process, "call"), a_step(world, process, "send")

    told = {"name": "ring up", "role": "clerk", "system": "phone", "minutes": 5}
    world.given("BusinessProcess.change_step", process, step_id=str(step), **told)

    assert shown(world, process) == ["ring up", "send"]
    too_short = world.when("BusinessProcess.change_step", process, step_id=str(step), name="x", minutes=-1)
    too_short.is_refused("less than no time", "minutes")


@pytest.mark.parametrize("command", ["move_step", "remove_step", "change_step"])
def test_a_step_that_is_not_there_is_not_changed(world: World, command: str) -> None:
    more = {"name": "x"} if command == "change_step" else {}

    then = world.when(f"BusinessProcess.{command}", a_process(world), step_id=str(ME), **more)

    then.is_refused("no such step", "step_id")


def test_a_process_of_too_many_steps_is_several_processes(world: World) -> None:
    process = a_process(world)

    def all_of_them(run: Callable[[Request], Accepted]) -> None:
        for n in range(MOST_STEPS):
            step = {"form": "as_is", "name": f"step {n}"}
            run(Request(command="BusinessProcess.add_step", id=process, arguments=step, actor=ME))

    world.pipeline.together(all_of_them)

    world.when("BusinessProcess.add_step", process, form="to_be", name="x").is_refused("at most 200 steps")


def test_it_is_adopted_when_it_was_said_how_it_is_to_be_and_redesigned_is_to_be_adopted_anew(world: World) -> None:
    process = a_process(world)

    world.when("BusinessProcess.adopt", process).is_refused("say first how it is to be done")
    world.given("BusinessProcess.redesign", process, to_be="In the shop.")
    world.when("BusinessProcess.adopt", process, on="2999-01-01").is_refused("not come yet", "on")
    world.when("BusinessProcess.adopt", process, on="2026-03-01").records_only(BusinessProcess.Adopted)
    world.when("BusinessProcess.adopt", process).is_refused("adopted already")
    world.given("BusinessProcess.redesign", process, to_be="In the app.")

    assert (world.load(process).status, world.load(process).adopted_on) == (Status.REDESIGNED, None)


def test_what_is_measured_counts_as_before_the_day_of_adoption_or_as_after(world: World) -> None:
    process = a_process(world)
    for name in ("time", "errors"):
        world.given("BusinessProcess.set_measure", process, name=name, unit="minutes", target="10")
    time, errors = world.load(process).measures
    world.given("BusinessProcess.measure", process, measure_id=str(time), value="40", on="2026-01-10")
    world.given("BusinessProcess.redesign", process, to_be="In the shop.")
    world.given("BusinessProcess.adopt", process, on="2026-03-01")

    world.given("BusinessProcess.measure", process, measure_id=str(time), value="12", on="2026-03-01")
    world.given("BusinessProcess.measure", process, measure_id=str(time), value="35", on="2026-02-28")

    found = world.load(process).measures
    assert (str(found[time].before), str(found[time].after), str(found[time].target)) == ("35", "12", "10")
    assert (found[errors].before, found[errors].after) == (None, None)


def test_a_measure_is_said_anew_and_keeps_what_was_measured(world: World) -> None:
    process = a_process(world)
    world.given("BusinessProcess.set_measure", process, name="time", unit="minutes")
    [measure] = world.load(process).measures
    world.given("BusinessProcess.measure", process, measure_id=str(measure), value="40")

    world.given("BusinessProcess.set_measure", process, measure_id=str(measure), name="time", unit="min", target="5")

    found = world.load(process).measures[measure]
    assert (found.unit, str(found.before)) == ("min", "40")
    world.given("BusinessProcess.drop_measure", process, measure_id=str(measure))
    for command, more in {
        "drop_measure": {},
        "measure": {"value": "1"},
        "set_measure": {"name": "x", "unit": "y"},
    }.items():
        gone = world.when(f"BusinessProcess.{command}", process, measure_id=str(measure), **more)
        gone.is_refused("no such measure", "measure_id")
