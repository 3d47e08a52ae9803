"""How long an event takes to be written as bytes, and to be read from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from statistics import median
from time import perf_counter
from typing import Any

from domain.customers.account import Account, Details
from domain.sales.product import Product
from domain.values import Money, Phone
from infra.mapper import read, write

TIMES, ROUNDS = 5_000, 9


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, and what it should be."""
    phones = (Phone("+4930901820"),)
    account = Account.register("Acme", Details(phones=phones, revenue=Money(Decimal("1000.50"), "EUR"), employees=7))
    product = Product.list_product("0194a1", "Mat")
    for what, aggregate in (("of 4 texts", product), ("with money and phones", account)):
        (event,) = aggregate.collect_events()
        stored = write(event)  # type: ignore[arg-type]
        yield f"mapper, event {what} to bytes", f"{micro(lambda e=event: write(e)):.1f} µs", "goal 4 µs", ""
        yield f"mapper, event {what} from bytes", f"{micro(lambda s=stored: read(s)):.1f} µs", "goal 4 µs", ""


def micro(act: Callable[..., Any]) -> float:
    """Microseconds that it takes."""
    took = []
    for _ in range(ROUNDS):
        begun = perf_counter()
        for _ in range(TIMES):
            act()
        took.append((perf_counter() - begun) / TIMES)
    return median(took) * 1e6
