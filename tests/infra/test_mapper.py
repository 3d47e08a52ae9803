from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from domain.aggregate import occurring_at
from domain.customers.account import Account, Details
from domain.platform.user import User
from domain.sales.opportunity import Opportunity, Status
from domain.sales.product import Product
from domain.values import Email, Money, Period, Phone, new_id
from infra.mapper import Stored, read, write


def test_what_was_written_is_read_as_it_was() -> None:
    product = Product.list_product("P-1", "Pump")
    product.set_price(Money(Decimal("5.50"), "EUR"), Period(date(2026, 1, 1)))
    product.tag("new")
    account = Account.register("Acme", Details(phones=(Phone("+4930901820"),)))
    events: list[Any] = [*product.collect_events(), *account.collect_events()]

    again: list[Any] = [read(write(event)) for event in events]

    assert again == events
    assert again[3].details.phones[0].__class__ is Phone
    assert str(again[1].price.amount) == "5.50"


def test_what_has_a_column_of_its_own_is_not_in_the_state() -> None:
    acme = Account.register("Acme")
    (event,) = acme.collect_events()

    row = write(event)  # type: ignore[arg-type]

    assert (row.topic, row.originator_id, row.originator_version) == ("Account.Registered", acme.id, 1)
    assert (row.schema_version, row.occurred_at) == (1, None)
    assert b"timestamp" not in row.state and b"originator" not in row.state


def test_only_a_time_that_was_given_is_written() -> None:
    then = datetime(2026, 1, 31, 12, tzinfo=UTC)
    token = occurring_at.set(then)
    (event,) = Account.register("Acme").collect_events()
    occurring_at.reset(token)

    row = write(event)  # type: ignore[arg-type]

    assert row.occurred_at == then
    assert read(row) == event


def test_an_old_event_gets_the_defaults_of_fields_that_came_later() -> None:
    event = read(Stored(new_id(), 2, "Account.Commented", 1, None, b'{"text":"call back"}'))

    assert isinstance(event, Account.Commented)
    assert (event.text, event.mentions) == ("call back", ())


def test_a_field_that_is_no_more_does_not_matter() -> None:
    event = read(Stored(new_id(), 2, "Account.Renamed", 1, None, b'{"name":"Acme","colour":"red"}'))

    assert isinstance(event, Account.Renamed)
    assert event.name == "Acme" and not hasattr(event, "colour")


def test_text_that_is_refused_today_can_still_be_read() -> None:
    with pytest.raises(ValueError, match="not an e-mail"):
        Email("ada")

    event = read(
        Stored(new_id(), 1, "User.Added", 1, None, b'{"name":"Ada","email":"ada","locale":null,"time_zone":"Mars"}')
    )

    assert isinstance(event, User.Added)
    assert (event.email, event.time_zone) == ("ada", "Mars")


def test_an_enum_comes_back_as_one() -> None:
    state = b'{"amount":{"amount":"5","currency":"EUR"},"closed_on":"2026-01-31","status":"won"}'

    event = read(Stored(new_id(), 2, "Opportunity.Won", 1, None, state))

    assert isinstance(event, Opportunity.Won)
    assert event.status is Status.WON and event.amount == Money(Decimal(5), "EUR")
