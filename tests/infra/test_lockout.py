from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import lockout
from infra.lockout import FREE, LONGEST, LockOut, neighbourhood
from tests.infra.test_budget import Clock


def test_some_wrong_tokens_cost_nothing_and_each_more_costs_twice_as_long_up_to_a_bound() -> None:
    clock = Clock()
    locks = LockOut(clock)

    waits = []
    for _ in range(FREE + 14):
        locks.failed("there")
        waits.append(locks.wait("there"))
        clock.now += waits[-1]

    assert waits[:FREE] == [0.0] * FREE
    assert waits[FREE : FREE + 4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == LONGEST
    assert locks.wait("there") == 0.0


def test_a_neighbour_does_not_wait() -> None:
    locks = LockOut(Clock())

    for _ in range(FREE + 5):
        locks.failed("there")

    assert locks.wait("there") > 0
    assert locks.wait("here") == 0


def test_who_shows_no_wrong_token_for_an_hour_begins_anew() -> None:
    clock = Clock()
    locks = LockOut(clock)
    for _ in range(FREE + 3):
        locks.failed("there")

    clock.now += lockout.FORGOTTEN
    locks.failed("there")

    assert locks.wait("there") == 0.0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockout, "MOST_KEPT", 100)
    locks = LockOut(Clock())

    for number in range(10_000):
        locks.failed(f"place {number}")

    assert len(locks._known) == 100


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", None),
        ("127.8.9.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("testclient", None),
        ("", None),
    ],
)
def test_an_address_stands_for_whoever_has_it(address: str, place: str | None) -> None:
    assert neighbourhood(address) == place


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_all_addresses_of_one_network_are_one(address: IPv6Address, other: int) -> None:
    neighbour = IPv6Address((int(address) >> 64 << 64) | other)

    alike = neighbourhood(str(address)) == neighbourhood(str(neighbour))

    assert alike or int(address) >> 64 == 0  # the network of loopback and of what stands for IPv4
