"""What does not fit is named by its field, whatever it is; nothing is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregate import Aggregate
from domain.catalogue import AGGREGATES
from domain.command import Code, Command, describe, index
from domain.parameters import Text, command
from domain.values import Address, Email, Money
from infra import arguments
from infra.arguments import Failed


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Parcel(Aggregate):
    needs = "sales.ship"

    @command
    def pack(
        self,
        label: str = "",
        note: Text | None = None,
        email: Email | None = None,
        count: int = 0,
        weight: Decimal = Decimal(0),
        fragile: bool = False,
        on: date = date.min,
        at: datetime = datetime.min,
        size: Size = Size.SMALL,
        price: Money | None = None,
        to: Address | None = None,
        marks: frozenset[str] = frozenset(),
        parts: Mapping[str, Decimal] = {},
        other_id: UUID | None = None,
    ) -> None:
        """Pack it."""


PACK = describe(Parcel, "pack")
EURO = {"amount": "1", "currency": "EUR"}


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"label": "  a\tb "}, {"label": "a\tb"}),
        ({"note": "x" * 10_000}, {"note": "x" * 10_000}),
        ({"note": "   "}, {"note": None}),
        ({"email": "Ada@Engines.Org"}, {"email": "ada@engines.org"}),
        ({"count": 2**31 - 1}, {"count": 2**31 - 1}),
        ({"weight": 0.1}, {"weight": Decimal("0.1")}),
        ({"weight": "1E+3"}, {"weight": Decimal(1000)}),
        ({"fragile": True}, {"fragile": True}),
        ({"on": "2024-02-29"}, {"on": date(2024, 2, 29)}),
        ({"on": ""}, None),
        ({"at": "2026-01-31T12:00:00+01:00"}, {"at": datetime(2026, 1, 31, 11, tzinfo=UTC)}),
        ({"size": "large"}, {"size": Size.LARGE}),
        ({"price": {"amount": 1, "currency": " EUR "}}, {"price": Money(Decimal(1), "EUR")}),
        ({"price": Money(Decimal(1), "EUR")}, {"price": Money(Decimal(1), "EUR")}),
        ({"to": {"city": "Graz", "street": ""}}, {"to": Address(city="Graz")}),
        ({"marks": ["a", "b", "a"]}, {"marks": frozenset("ab")}),
        ({"parts": {"screw": "2.5"}}, {"parts": {"screw": Decimal("2.5")}}),
    ],
)
def test_what_fits_is_taken(given: dict[str, Any], taken: dict[str, Any] | None) -> None:
    if taken is None:
        assert _refused(PACK, given).field == next(iter(given))
    else:
        assert arguments.given(PACK, given) == taken


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"label": None}, "label", "needed"),
        ({"label": "  "}, "label", "needed"),
        ({"label": 7}, "label", "takes text"),
        ({"label": "a\0b"}, "label", "no character"),
        ({"label": "a\ud800b"}, "label", "no character"),
        ({"label": "x" * 201}, "label", "200 characters"),
        ({"note": "x" * 10_001}, "note", "10,000 characters"),
        ({"email": "ada@"}, "email", "not an e-mail address"),
        ({"email": "a" * 5_000_000}, "email", "too long"),
        ({"count": "7"}, "count", "whole number"),
        ({"count": True}, "count", "whole number"),
        ({"count": 2**31}, "count", "lies between"),
        ({"count": 10**5000}, "count", "lies between"),
        ({"weight": "NaN"}, "weight", "finite"),
        ({"weight": float("inf")}, "weight", "finite"),
        ({"weight": "9" * 40}, "weight", "19 digits before the point"),
        ({"weight": 10**5000}, "weight", "19 digits before the point"),
        ({"weight": "0." + "1" * 40}, "weight", "6 digits after the point"),
        ({"weight": "many"}, "weight", "takes a number"),
        ({"weight": False}, "weight", "takes a number"),
        ({"fragile": "yes"}, "fragile", "yes or no"),
        ({"on": "2026-02-30"}, "on", "not a day"),
        ({"on": "20260131"}, "on", "not a day"),
        ({"on": "2026-W01-1"}, "on", "not a day"),
        ({"on": 7}, "on", "not a day"),
        ({"at": "2026-01-31T12:00:00"}, "at", "time with its zone"),
        ({"at": "2026-13-31T12:00:00Z"}, "at", "time with its zone"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at", "time with its zone"),
        ({"size": "huge"}, "size", "one of small, large"),
        ({"size": ["small"]}, "size", "one of small, large"),
        ({"price": 5}, "price", "takes amount, currency"),
        ({"price": {"amount": 5}}, "price.currency", "needed"),
        ({"price": EURO | {"amount": "Infinity"}}, "price.amount", "finite"),
        ({"price": EURO | {"currency": "XXX"}}, "price.currency", "ISO 4217"),
        ({"price": EURO | {"colour": "red"}}, "price.colour", "no such field"),
        ({"price": EURO | {"a\0": "red"}}, "price", "no such field"),
        ({"to": {}}, "to", "at least something"),
        ({"to": {"city": ["Graz"]}}, "to.city", "takes text"),
        ({"marks": "abc"}, "marks", "takes a list"),
        ({"marks": ["a", ""]}, "marks.1", "needed"),
        ({"marks": ["a"] * 1001}, "marks", "1,000 values"),
        ({"marks": [["a"]]}, "marks.0", "takes text"),
        ({"parts": [1]}, "parts", "by their names"),
        ({"parts": {"screw": "x"}}, "parts.screw", "takes a number"),
        ({"parts": {7: 1}}, "parts", "takes text"),
        ({"other_id": "what"}, "other_id", "not an id"),
        ({"other_id": f"Account_{uuid4()}x"}, "other_id", "not an id"),
        ({"other_id": uuid4().hex}, "other_id", "not an id"),
        ({"other_id": 7}, "other_id", "not an id"),
        ({"colour": "red"}, "colour", "no such argument"),
        ({"\ud800": "red"}, None, "no such argument"),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, Any], field: str | None, message: str) -> None:
    failed = _refused(PACK, given)

    assert (failed.code, failed.field) == (Code.INVALID, field)
    assert message in str(failed)
    assert len(str(failed)) < 200


def test_a_type_that_nobody_can_give_is_a_mistake() -> None:
    class Wrong(Aggregate):
        needs = "sales.ship"

        @command
        def act(self, what: range) -> None:
            """Act."""

    with pytest.raises(TypeError, match="an argument cannot be of type"):
        arguments.given(describe(Wrong, "act"), {})


EVERY = list(index(AGGREGATES).values())
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals() | st.dates() | st.uuids(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_comes_is_taken_or_refused(data: st.DataObject) -> None:
    asked = data.draw(st.sampled_from(EVERY))
    names = [argument.asked_as for argument in asked.arguments] or ["x"]
    given = data.draw(st.dictionaries(st.sampled_from(names) | st.text(max_size=5), ANYTHING, max_size=4))

    try:
        taken = arguments.given(asked, given)
    except Failed as failed:
        assert failed.code is Code.INVALID
    else:
        assert {argument.name for argument in asked.arguments} >= set(taken)


def _refused(asked: Command, given: dict[str, Any]) -> Failed:
    with pytest.raises(Failed) as caught:
        arguments.given(asked, given)
    return caught.value
