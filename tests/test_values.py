"""Values check themselves when they are made, and put themselves into their normal form."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import (
    Address,
    Email,
    Locale,
    Money,
    Period,
    Phone,
    TimeZone,
    Website,
    completed,
    exact,
    id_text,
    new_id,
    parse,
    undone,
    undone_each,
)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("1.50", "1.50"),
        ("-0", "0"),
        ("0E+50", "0"),
        ("1E+3", "1000"),
        ("1.5000000000000000", "1.500000"),
        ("9" * 19 + ".999999", "9" * 19 + ".999999"),
        ("-0.000001", "-0.000001"),
    ],
)
def test_an_amount_is_exact_and_plain(given: str, kept: str) -> None:
    assert str(Money(Decimal(given), "EUR").amount) == kept


@pytest.mark.parametrize(
    "wrong", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+19", "9" * 40, "0.0000001", "1E-400", "9" * 19 + ".0000001"]
)
def test_an_amount_is_a_number_that_fits(wrong: str) -> None:
    with pytest.raises(ValueError, match="a number"):
        Money(Decimal(wrong), "EUR")


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_what_is_exact_is_the_same_number_again(number: Decimal) -> None:
    try:
        kept = exact(number)
    except ValueError:
        return
    assert (kept, str(exact(kept))) == (number, str(kept))
    assert "E" not in str(kept)


@pytest.mark.parametrize("wrong", ["", "eur", "EURO", "XXX", "€", "EU1"])
def test_a_currency_exists(wrong: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(Decimal(1), wrong)


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        (Email, "Ada.Byron+crm@Engines.co.uk", "ada.byron+crm@engines.co.uk"),
        (Email, "jörg@müller.de", "jörg@müller.de"),
        (Phone, "+49 (0)30 90-1820", "+4930901820"),
        (Phone, "+1 212 555 0123", "+12125550123"),
        (Website, "Acme.ORG", "https://acme.org"),
        (Website, "http://acme.org:8080/A?b=C#d", "http://acme.org:8080/A?b=C#d"),
        (TimeZone, "America/New_York", "America/New_York"),
        (TimeZone, "UTC", "UTC"),
        (Locale, "DE", "de"),
        (Locale, "zh_hant_tw", "zh-Hant-TW"),
        (Locale, "es-419", "es-419"),
    ],
)
def test_a_text_of_its_own_kind_has_one_form(kind: Callable[[str], str], given: str, kept: str) -> None:
    made = kind(given)

    assert made == kept
    assert kind(made) == made


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Email, "ada"),
        (Email, "ada@engines"),
        (Email, "a b@engines.org"),
        (Email, "ada@@engines.org"),
        (Email, "Ada <ada@engines.org>"),
        (Email, "ada@engines.org\nBcc: x@y.org"),
        (Email, "a" * 65 + "@engines.org"),
        (Email, "a@" + "e." * 200 + "org"),
        (Phone, "030 901820"),
        (Phone, "+999 1234567"),
        (Phone, "+1 555"),
        (Phone, "call me"),
        (Website, "acme"),
        (Website, "javascript:alert(1)"),
        (Website, "https://acme .org"),
        (Website, "https://[acme.org"),
        (Website, "https://acme.org:port"),
        (TimeZone, "Mars/Olympus"),
        (TimeZone, "../../etc/passwd"),
        (TimeZone, "/etc/localtime"),
        (TimeZone, "America"),
        (TimeZone, ""),
        (Locale, "austrian"),
        (Locale, "de-"),
        (Locale, "de-AT-x"),
    ],
)
def test_a_text_that_is_not_of_the_kind_is_none(kind: Callable[[str], str], wrong: str) -> None:
    with pytest.raises(ValueError):
        kind(wrong)


def test_an_address_says_something() -> None:
    with pytest.raises(ValueError, match="at least something"):
        Address(city="")
    assert Address(country="Austria").city is None


def test_a_period_goes_from_a_day_until_before_another() -> None:
    january = Period(date(2026, 1, 1), date(2026, 2, 1))

    assert [day in january for day in (date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 1))] == [
        False,
        True,
        True,
        False,
    ]
    assert date(2999, 1, 1) in Period(date(2026, 1, 1))
    with pytest.raises(ValueError, match="ends after it begins"):
        Period(date(2026, 1, 1), date(2026, 1, 1))


def test_ids_sort_in_the_order_in_which_they_were_made_whoever_makes_them() -> None:
    with ThreadPoolExecutor(4) as threads:
        made = [*threads.map(lambda _: [new_id() for _ in range(5_000)], range(4))]

    assert all(ids == sorted(ids) for ids in made)
    assert len({id for ids in made for id in ids}) == 20_000
    assert all((id.version, id.variant) == (7, RFC_4122) for ids in made for id in ids)


def test_ids_made_later_sort_later_and_are_unlike_each_other() -> None:
    ids = [new_id() for _ in range(1_000)]

    assert {id.version for id in ids} == {7} and len(set(ids)) == 1_000
    assert [id.int >> 80 for id in ids] == sorted(id.int >> 80 for id in ids)


def test_an_id_tells_its_kind_outside() -> None:
    id = new_id()

    assert parse(id_text("Opportunity", id)) == ("Opportunity", id)
    assert parse(str(id)) == (None, id)


@pytest.mark.parametrize(
    "wrong", ["", "_", "Opportunity_", "Opportunity_7", "7", UUID(int=7).hex, "x" * 36, "{" + str(UUID(int=7)) + "}"]
)
def test_what_is_no_id_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        parse(wrong)


def test_what_a_value_lacks_is_completed_and_taken_away_again() -> None:
    graz, linz = Address(city="Graz"), Address(city="Linz", country="Austria")

    both = completed(graz, linz)

    assert both == Address(city="Graz", country="Austria")
    assert undone(both, graz, both) == graz
    assert undone(Address(city="Graz", country="Styria"), graz, both) == Address(city="Graz", country="Styria")


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"a": 1, "b": 3}, {"a": 1, "b": 3}),
        ({"a": 9, "b": 2, "c": 4}, {"a": 9, "c": 4}),
        ({"b": 2}, {}),
    ],
)
def test_one_change_of_a_mapping_is_undone_and_later_ones_stay(now: Any, left: Any) -> None:
    assert undone_each(now, before={"a": 1}, after={"a": 1, "b": 2}) == left
