from typing import Any

import pytest

from domain.command import Code
from tests.scenario import World, a_custom_field, an_account, an_opportunity

KINDS: dict[str, dict[str, Any]] = {
    "text": {},
    "integer": {},
    "decimal": {},
    "boolean": {},
    "date": {},
    "choice": {"options": ["red", "blue"]},
}


@pytest.mark.parametrize(
    ("type", "given", "kept"),
    [
        ("text", " red ", "red"),
        ("integer", 7, 7),
        ("decimal", 0.1, "0.1"),
        ("decimal", "1E+3", "1000"),
        ("decimal", 7, "7"),
        ("boolean", False, False),
        ("date", "2026-01-31", "2026-01-31"),
        ("choice", "red", "red"),
    ],
)
def test_a_value_of_its_type_is_kept_exactly(world: World, type: str, given: Any, kept: Any) -> None:
    a_custom_field(world, type=type, **KINDS[type])
    acme = an_account(world)

    world.given("Account.set_custom_field", acme, key="colour", value=given)

    found = world.load(acme).custom_fields["colour"]
    assert (found, found.__class__) == (kept, kept.__class__)


@pytest.mark.parametrize(
    ("type", "wrong", "message"),
    [
        ("text", 7, "takes text"),
        ("integer", "7", "takes a whole number"),
        ("integer", True, "takes a whole number"),
        ("integer", 2**31, "takes a whole number"),
        ("decimal", "much", "not a number"),
        ("decimal", "NaN", "finite"),
        ("decimal", "1e30", "digits before the point"),
        ("decimal", True, "takes a number"),
        ("boolean", 1, "takes yes or no"),
        ("date", "2026-02-30", "not a day"),
        ("choice", "green", "one of red, blue"),
    ],
)
def test_a_value_of_another_type_is_refused(world: World, type: str, wrong: Any, message: str) -> None:
    a_custom_field(world, type=type, **KINDS[type])
    acme = an_account(world)

    filled = world.when("Account.set_custom_field", acme, key="colour", value=wrong)

    filled.is_refused(message, "value")


def test_only_a_field_that_is_defined_for_the_kind_is_filled(world: World) -> None:
    a_custom_field(world, kind="Account", key="colour")
    deal = an_opportunity(world)

    filled = world.when("Opportunity.set_custom_field", deal, key="colour", value="red")

    filled.is_refused("no such field: define it first", "key")


def test_null_empties_a_field_even_when_it_is_retired(world: World) -> None:
    field, acme = a_custom_field(world), an_account(world)
    world.given("Account.set_custom_field", acme, key="colour", value="red")
    world.given("CustomField.retire", field)

    world.when("Account.set_custom_field", acme, key="colour", value="blue").is_refused("Colour is retired", "key")
    world.given("Account.set_custom_field", acme, key="colour", value=None)

    assert world.load(acme).custom_fields == {}
    world.given("CustomField.resume", field)
    world.given("Account.set_custom_field", acme, key="colour", value="blue")


def test_a_field_that_holds_the_value_already_records_nothing(world: World) -> None:
    a_custom_field(world)
    acme = an_account(world)
    world.given("Account.set_custom_field", acme, key="colour", value="red")

    again = world.when("Account.set_custom_field", acme, key="colour", value="red")

    again.records_only()


def test_a_key_is_defined_once_for_a_kind(world: World) -> None:
    first = a_custom_field(world, kind="Account")
    a_custom_field(world, kind="Opportunity")

    again = world.when("CustomField.define", kind="Account", key="colour", label="Hue", type="text")

    assert again.is_refused("in use", "key", Code.DUPLICATE).holder == f"CustomField_{first}"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "Unicorn"}, "kind"),
        ({"key": "Two Words"}, "key"),
        ({"type": "choice"}, "options"),
        ({"options": ["red"]}, "options"),
        ({"type": "choice", "options": ["red", "red"]}, "options"),
    ],
)
def test_a_definition_makes_sense(world: World, wrong: dict[str, Any], field: str) -> None:
    definition = {"kind": "Account", "key": "colour", "label": "Colour", "type": "text"}

    defined = world.when("CustomField.define", **definition | wrong)

    defined.is_refused("", field)


def test_other_options_leave_what_was_chosen(world: World) -> None:
    field, acme = a_custom_field(world, type="choice", options=["red", "blue"]), an_account(world)
    world.given("Account.set_custom_field", acme, key="colour", value="red")

    world.given("CustomField.change_options", field, options=["blue", "green"])

    assert world.load(acme).custom_fields == {"colour": "red"}
    world.when("Account.set_custom_field", acme, key="colour", value="red").records_only()
    world.given("CustomField.relabel", field, label="Hue")
    assert world.load(field).label == "Hue"
