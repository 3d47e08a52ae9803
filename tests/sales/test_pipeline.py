import pytest

from domain.sales.opportunity import Opportunity
from domain.sales.pipeline import REQUIRABLE, Pipeline
from tests.scenario import World, a_pipeline, an_opportunity


def test_stages_stand_in_the_order_in_which_they_are_put(world: World) -> None:
    pipeline = a_pipeline(world)

    world.given("Pipeline.move_stage", pipeline, key="offer", before="first")
    world.given("Pipeline.move_stage", pipeline, key="first", before=None)

    assert world.load(pipeline).order == ("offer", "won", "first")
    assert world.load(pipeline).first_stage.key == "offer"


def test_a_stage_stands_before_another_that_is_there(world: World) -> None:
    pipeline = a_pipeline(world)

    world.when("Pipeline.move_stage", pipeline, key="offer", before="never").is_refused("no such stage", "before")
    world.when("Pipeline.move_stage", pipeline, key="offer", before="offer").is_refused("before itself", "before")


def test_a_key_names_one_stage_for_ever(world: World) -> None:
    pipeline = a_pipeline(world)
    world.given("Pipeline.retire_stage", pipeline, key="offer")

    again = world.when("Pipeline.add_stage", pipeline, key="offer", name="Offer", probability=1)

    again.is_refused("of this key already", "key")


def test_a_retired_stage_comes_back_as_it_was(world: World) -> None:
    pipeline = a_pipeline(world)
    before = world.load(pipeline).stages
    world.given("Pipeline.retire_stage", pipeline, key="offer")
    world.when("Pipeline.retire_stage", pipeline, key="offer").is_refused("no such stage", "key")

    world.when("Pipeline.resume_stage", pipeline, key="offer").records(Pipeline.StageResumed, key="offer")

    assert world.load(pipeline).stages == before


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"probability": 101}, "probability"),
        ({"rotting_days": 0}, "rotting_days"),
        ({"required": ["luck"]}, "required"),
    ],
)
def test_a_stage_makes_sense(world: World, wrong: dict[str, object], field: str) -> None:
    pipeline = a_pipeline(world)

    added = world.when("Pipeline.add_stage", pipeline, **{"key": "talk", "name": "Talk", "probability": 5} | wrong)

    added.is_refused("", field)


def test_what_a_stage_can_require_is_known_of_every_sale(world: World) -> None:
    opportunity = world.load(an_opportunity(world))

    assert set(Opportunity.attributes()) >= REQUIRABLE
    assert all(hasattr(opportunity, name) for name in REQUIRABLE)
