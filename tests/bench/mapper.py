"""How long an event takes to be written as bytes, and to be read from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from statistics import median
from time import perf_counter
from typing import Any

from domain.customers.account import Account, Details
from domain.customers.contact import Contact, Person
from domain.sales.product import Product
from domain.values import Email, Money, Phone
from infra.keys import LENGTH, MasterKey, MasterKeys, PersonKeys, unlock
from infra.mapper import read, write

TIMES, ROUNDS = 5_000, 9


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, and what it should be."""
    phones = (Phone("+4930901820"),)
    account = Account.register("Acme", Details(phones=phones, revenue=Money(Decimal("1000.50"), "EUR"), employees=7))
    product = Product.list_product("0194a1", "Mat")
    contact = Contact.add(Person(given_name="Ada", family_name="King", emails=(Email("ada@example.org"),)))
    unlock(MasterKeys([MasterKey(bytes(LENGTH))]))
    keys = PersonKeys(lambda statement, parameters: [tuple(parameters)], lasts=3_600)  # each key is as it was made
    kinds = (("of 4 texts", product), ("with money and phones", account), ("with a sealed person", contact))
    for what, aggregate in kinds:
        (event,) = aggregate.collect_events()
        stored = write(event, keys)  # type: ignore[arg-type]
        yield f"mapper, event {what} to bytes", f"{micro(lambda e=event: write(e, keys)):.1f} µs", "goal 4 µs", ""
        yield f"mapper, event {what} from bytes", f"{micro(lambda s=stored: read(s, keys)):.1f} µs", "goal 4 µs", ""
    unlock(None)  # others share the database with processes that know no key


def micro(act: Callable[..., Any]) -> float:
    """Microseconds that it takes."""
    took = []
    for _ in range(ROUNDS):
        begun = perf_counter()
        for _ in range(TIMES):
            act()
        took.append((perf_counter() - begun) / TIMES)
    return median(took) * 1e6
