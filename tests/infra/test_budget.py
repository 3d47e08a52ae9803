from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import budget
from infra.budget import Budgets


@dataclass
class Clock:
    """A clock that goes on when it is told to."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_the_rate_holds() -> None:
    clock = Clock()
    budgets = Budgets(rate=10, burst=100, clock=clock)

    assert budgets.take("ada", 100) is None
    assert budgets.take("ada", 5) == 0.5
    clock.now += 0.5
    assert budgets.take("ada", 5) is None
    assert budgets.take("ada", 1) == 0.1


def test_a_neighbour_pays_out_of_a_bucket_of_their_own() -> None:
    budgets = Budgets(rate=1, burst=10, clock=Clock())

    assert budgets.take("ada", 10) is None

    assert budgets.take("ada", 1) is not None
    assert budgets.take("ben", 10) is None


def test_what_is_refused_costs_nothing() -> None:
    clock = Clock()
    budgets = Budgets(rate=10, burst=10, clock=clock)
    budgets.take("ada", 10)

    waits = [budgets.take("ada", 10) for _ in range(100)]

    assert set(waits) == {1.0}


def test_what_costs_more_than_a_whole_bucket_waits_for_a_full_one_and_is_paid_for_afterwards() -> None:
    clock = Clock()
    budgets = Budgets(rate=10, burst=100, clock=clock)

    assert budgets.take("ada", 300) is None
    assert budgets.take("ada", 300) == 30.0
    clock.now += 20
    assert budgets.take("ada", 1) == pytest.approx(0.1)
    clock.now += 10
    assert budgets.take("ada", 300) is None


def test_a_bucket_holds_no_more_than_the_burst_however_long_nobody_asks() -> None:
    clock = Clock()
    budgets = Budgets(rate=10, burst=100, clock=clock)
    budgets.take("ada", 1)
    clock.now += 1_000_000

    assert budgets.take("ada", 100) is None
    assert budgets.take("ada", 1) == 0.1


def test_a_rate_of_nothing_is_no_limit() -> None:
    budgets = Budgets(rate=0, burst=1, clock=Clock())

    assert {budgets.take("ada", 1_000_000) for _ in range(10)} == {None}


def test_memory_is_bounded_and_who_asked_last_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MOST_KEPT", 10)
    budgets = Budgets(rate=1, burst=10, clock=Clock())

    for number in range(1_000):
        assert budgets.take(f"stranger {number}", 10) is None
        budgets.take("ada", 10)

    assert budgets.take("ada", 1) is not None
    assert budgets.take("stranger 999", 1) is not None
    assert len(budgets._buckets) == 10


@given(
    st.lists(st.tuples(st.floats(0, 60), st.integers(1, 500)), max_size=100), st.integers(1, 100), st.integers(1, 200)
)
def test_nobody_gets_more_than_burst_and_rate_allow_but_for_one_operation(
    asked: list[tuple[float, int]], rate: int, burst: int
) -> None:
    clock, paid = Clock(), 0
    budgets = Budgets(rate, burst, clock)

    for pause, cost in asked:
        clock.now += pause
        wait = budgets.take("ada", cost)
        paid += 0 if wait else cost
        assert paid <= burst + clock.now * rate + max(0, 500 - burst) + 1e-6
        if wait:
            clock.now += wait * (1 + 1e-9) + 1e-9
            assert budgets.take("ada", cost) is None
            paid += cost
