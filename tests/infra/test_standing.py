"""What somebody should look into, told from how things stand."""

from __future__ import annotations

import pytest

from infra.standing import FollowerStands, Standing, ViewStands, concerns


def a_view(name: str, *lanes: int, seconds: float | None = None, parked: int = 0, state: str = "live") -> ViewStands:
    return ViewStands(name, f"{name}_1", state, list(lanes), seconds, parked, None)


def a_relay(behind: int, seconds: float, led: bool = True) -> FollowerStands:
    return FollowerStands("relay", 100 - behind, behind, seconds, led)


def said(*views: ViewStands, relay: FollowerStands | None = None, projectors: int = 1) -> list[str]:
    return list(concerns(Standing(100, None, list(views), [relay] if relay else [], [], projectors)))


WELL = a_view("users", 0, 0)


@pytest.mark.parametrize(
    "view", [WELL, a_view("users", 0, 900, seconds=59), a_view("users", 9, seconds=999, state="ready")]
)
def test_what_goes_on_is_no_concern(view: ViewStands) -> None:
    assert said(view, relay=a_relay(behind=0, seconds=1e6)) == []
    assert said(view, relay=a_relay(behind=50, seconds=3)) == []


def test_views_that_lack_something_for_long_are_one_concern() -> None:
    late = [a_view("accounts", 0, 1, seconds=61), a_view("deals", 5, 0, seconds=70.4)]

    assert said(WELL, late[0]) == ["accounts lacks what was recorded 61 seconds ago"]
    assert said(*late, WELL) == ["2 views lack what was recorded 70 seconds ago"]


def test_a_projector_that_is_missing_is_a_concern_where_there_are_views() -> None:
    assert said(WELL, projectors=0) == ["no projector runs: views stand still"]
    assert said(projectors=0) == []


def test_a_relay_that_stands_still_is_a_concern() -> None:
    assert said(WELL, relay=a_relay(behind=7, seconds=61)) == [
        "the relay has not moved for 61 seconds, and is 7 positions behind"
    ]
    assert said(WELL, relay=a_relay(behind=7, seconds=1, led=False)) == [
        "the relay does not run, and is 7 positions behind"
    ]


def test_what_is_parked_is_a_concern() -> None:
    assert said(WELL, a_view("deals", 0, parked=1_200)) == [
        "deals cannot follow 1,200 aggregates: see `daybook dead list`"
    ]
