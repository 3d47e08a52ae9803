import pytest

from domain.command import Code
from domain.customers.retention_rule import RetentionRule
from tests.scenario import World

RULE = {"purpose": "to win customers", "counts_from": "last_interaction", "months": 24, "basis": "legitimate_interest"}


@pytest.mark.parametrize("months", [0, -1, 1201])
def test_nobody_is_kept_for_no_time_or_for_ever(world: World, months: int) -> None:
    rule = world.given("RetentionRule.define", **RULE)

    world.when("RetentionRule.define", **RULE | {"purpose": "other", "months": months}).is_refused("1200", "months")
    world.when("RetentionRule.change", rule, months=months).is_refused("1200", "months")


def test_a_purpose_has_one_rule_until_that_is_archived(world: World) -> None:
    rule = world.given("RetentionRule.define", **RULE)
    second = world.when("RetentionRule.define", **RULE)

    second.is_refused("", "purpose", Code.DUPLICATE)
    world.given("RetentionRule.archive", rule)
    world.when("RetentionRule.define", **RULE).records_only(RetentionRule.Defined)


def test_what_a_change_leaves_out_stays(world: World) -> None:
    rule = world.given("RetentionRule.define", **RULE, because="our policy", only_tagged="lead")
    other = world.given("RetentionRule.define", **RULE | {"purpose": "other"})

    world.given("RetentionRule.change", rule, months=12, only_tagged=None)

    kept = world.load(rule)
    assert (kept.months, kept.purpose, kept.because, kept.only_tagged) == (12, "to win customers", "our policy", None)
    assert world.load(other).months == 24


def test_what_a_rule_is_for_and_counts_from_is_said(world: World) -> None:
    world.when("RetentionRule.define", **RULE | {"purpose": " "}).is_refused("", "purpose", Code.INVALID)
    world.when("RetentionRule.define", **RULE | {"counts_from": "birth"}).is_refused("", "counts_from", Code.INVALID)
