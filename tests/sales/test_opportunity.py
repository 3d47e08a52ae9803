from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.command import Code, Request
from domain.sales.opportunity import Opportunity
from tests.scenario import ME, World, a_pipeline, a_product, a_won_opportunity, an_account, an_opportunity

FIVE = {"amount": "5", "currency": "EUR"}
DOLLARS = {"amount": "5", "currency": "USD"}


def test_an_opportunity_begins_at_the_first_stage(world: World) -> None:
    pipeline, acme = a_pipeline(world), an_account(world)

    then = world.when("Opportunity.open", pipeline_id=pipeline, name="Pumps", account_id=acme)

    then.records(Opportunity.Opened, stage="first", probability=10, account_id=acme)


def test_a_pipeline_without_an_open_stage_takes_no_sale(world: World) -> None:
    empty = world.given("Pipeline.define", name="Empty")
    world.given("Pipeline.add_stage", empty, key="won", name="Won", probability=100, kind="won")

    then = world.when("Opportunity.open", pipeline_id=empty, name="Pumps")

    then.is_refused("no stage to begin with", "pipeline_id")


def test_a_stage_asks_for_what_it_requires(world: World) -> None:
    opportunity = an_opportunity(world)

    world.when("Opportunity.move_to_stage", opportunity, stage="offer").is_refused("fill amount", "stage")
    world.given("Opportunity.change_amount", opportunity, amount=FIVE)
    moved = world.when("Opportunity.move_to_stage", opportunity, stage="offer")

    moved.records(Opportunity.StageChanged, stage="offer", probability=60)


def test_a_sale_does_not_end_by_being_moved(world: World) -> None:
    opportunity = an_opportunity(world)

    moved = world.when("Opportunity.move_to_stage", opportunity, stage="won")

    moved.is_refused("ends by being won", "stage")


def test_a_changed_stage_does_not_rewrite_what_was_recorded(world: World) -> None:
    opportunity = an_opportunity(world)
    pipeline = world.load(opportunity).pipeline_id

    world.given("Pipeline.change_stage", pipeline, key="first", name="Hello", probability=20)

    assert world.load(opportunity).probability == 10


def test_a_retired_stage_takes_no_more(world: World) -> None:
    opportunity = an_opportunity(world, amount=FIVE)
    world.given("Pipeline.retire_stage", world.load(opportunity).pipeline_id, key="offer")

    moved = world.when("Opportunity.move_to_stage", opportunity, stage="offer")

    moved.is_refused("no stage offer", "stage")


def test_the_chance_may_be_judged_otherwise_until_the_next_stage(world: World) -> None:
    opportunity = an_opportunity(world, amount=FIVE)

    world.when("Opportunity.change_probability", opportunity, probability=101).is_refused("0 and 100", "probability")
    world.given("Opportunity.change_probability", opportunity, probability=90)
    assert world.load(opportunity).probability == 90
    world.given("Opportunity.move_to_stage", opportunity, stage="offer")

    assert world.load(opportunity).probability == 60


def test_lines_come_change_and_go(world: World) -> None:
    opportunity, product = an_opportunity(world), a_product(world)

    added = world.when("Opportunity.add_line", opportunity, product_id=product, quantity=2, price=FIVE)
    (line,) = world.load(opportunity).lines
    added.records(Opportunity.LineAdded, line_id=line, product_id=product)
    world.given("Opportunity.change_line", opportunity, line_id=line, quantity="2.5", price=FIVE, discount="12.5")
    changed = world.load(opportunity).lines[line]
    assert (str(changed.quantity), changed.product_id, str(changed.discount)) == ("2.5", product, "12.5")
    world.given("Opportunity.remove_line", opportunity, line_id=line)

    assert world.load(opportunity).lines == {}
    world.when("Opportunity.remove_line", opportunity, line_id=line).is_refused("no such line", "line_id")


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        ({"quantity": 0}, "quantity", "more than nothing"),
        ({"discount": 101}, "discount", "0 and 100 percent"),
        ({"price": {"amount": -1, "currency": "EUR"}}, "price", "not negative"),
    ],
)
def test_a_line_makes_sense(world: World, wrong: dict[str, Any], field: str, message: str) -> None:
    opportunity, product = an_opportunity(world), a_product(world)

    added = world.when(
        "Opportunity.add_line", opportunity, **{"product_id": product, "quantity": 1, "price": FIVE} | wrong
    )

    added.is_refused(message, field)


def test_lines_are_in_one_currency(world: World) -> None:
    opportunity, product = an_opportunity(world), a_product(world)
    world.given("Opportunity.add_line", opportunity, product_id=product, quantity=1, price=FIVE)

    other = world.when("Opportunity.add_line", opportunity, product_id=product, quantity=1, price=DOLLARS)

    other.is_refused("one currency", "price")


def test_the_only_line_may_change_its_currency(world: World) -> None:
    opportunity = an_opportunity(world)
    world.given("Opportunity.add_line", opportunity, product_id=a_product(world), quantity=1, price=FIVE)
    (line,) = world.load(opportunity).lines

    changed = world.when("Opportunity.change_line", opportunity, line_id=line, quantity=1, price=DOLLARS)

    changed.records(Opportunity.LineChanged)


def test_a_sale_is_won_on_the_day_it_happened(world: World) -> None:
    opportunity, then = an_opportunity(world), datetime(2026, 1, 31, 12, tzinfo=UTC)
    late = Request(command="Opportunity.win", id=opportunity, arguments={"amount": FIVE}, actor=ME, occurred_at=then)

    recorded = world.asked(late)

    recorded.records(Opportunity.Won, closed_on=date(2026, 1, 31), timestamp=then)


def test_the_day_is_that_of_the_company(new_world: Callable[..., World]) -> None:
    world = new_world(time_zone=ZoneInfo("Pacific/Auckland"))
    opportunity, then = an_opportunity(world), datetime(2026, 1, 31, 12, tzinfo=UTC)
    late = Request(command="Opportunity.lose", id=opportunity, arguments={"reason": "x"}, actor=ME, occurred_at=then)

    recorded = world.asked(late)

    recorded.records(Opportunity.Lost, closed_on=date(2026, 2, 1), timestamp=then)


def test_a_sale_is_not_won_on_a_day_to_come(world: World) -> None:
    opportunity, tomorrow = an_opportunity(world), datetime.now(UTC).date() + timedelta(days=1)

    won = world.when("Opportunity.win", opportunity, amount=FIVE, on=tomorrow.isoformat())

    won.is_refused("not come yet", "on")


def test_who_won_a_lost_sale_is_a_competitor(world: World) -> None:
    opportunity = an_opportunity(world)
    world.given("Opportunity.set_competitors", opportunity, competitors=["Umbra", "Orbit", "Umbra"])

    lost = world.when("Opportunity.lose", opportunity, reason="price", competitor="Orbit", on="2026-01-02")

    lost.records(Opportunity.Lost, competitors=("Umbra", "Orbit"), closed_on=date(2026, 1, 2), lost_reason="price")


def test_a_closed_sale_refuses_what_would_change_it(world: World) -> None:
    opportunity = a_won_opportunity(world)

    world.when("Opportunity.change_amount", opportunity, amount=FIVE).is_refused("is won")
    world.when("Opportunity.lose", opportunity, reason="price").is_refused("is won")
    world.when("Opportunity.tag", opportunity, label="x").records(Opportunity.TagsChanged)
    world.when("Opportunity.reopen", opportunity).records_only(Opportunity.Reopened)

    assert world.load(opportunity).closed_on is None


def test_an_open_sale_is_not_reopened(world: World) -> None:
    opportunity = an_opportunity(world)

    reopened = world.when("Opportunity.reopen", opportunity)

    reopened.is_refused("is open")


def test_the_account_of_a_sale_may_be_found_out_later(world: World) -> None:
    opportunity, acme = an_opportunity(world), an_account(world)

    changed = world.when("Opportunity.change_account", opportunity, account_id=f"Account_{acme}")

    changed.records_only(Opportunity.AccountChanged).records(Opportunity.AccountChanged, account_id=acme)


def test_an_archived_account_gets_no_new_sale(world: World) -> None:
    acme = an_account(world)
    world.given("Account.archive", acme)

    then = world.when("Opportunity.open", pipeline_id=a_pipeline(world), name="Pumps", account_id=acme)

    then.is_refused("not in use", "account_id", Code.INVALID)
