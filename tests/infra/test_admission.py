from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.catalogue import AGGREGATES
from domain.command import Accepted, Outcome, Request
from domain.platform.api_token import ApiToken
from infra.admission import Admission, MustWait
from infra.database import migrate
from infra.event_store import EventStore
from infra.identity import Identity
from infra.lockout import FREE
from infra.pipeline import CommandPipeline
from infra.rights import DAYBOOK, Directory

HERE, THERE = "203.0.113.7", "198.51.100.9"
NONE = f"daybook_{'0' * 32}_{'0' * 64}"


class Door:
    """A company with one user, and who is let in there."""

    def __init__(self, store: EventStore, identity: Identity) -> None:
        self.store, self.identity = store, identity
        self.pipeline = CommandPipeline(AGGREGATES, store, Directory(store))
        self.admission = Admission(identity, self.pipeline.run, UTC)
        self.ada = self.does("User.add", name="Ada").changed[0].id

    def does(self, command: str, id: UUID | None = None, **arguments: Any) -> Accepted:
        outcome: Outcome = self.pipeline.run(Request(command=command, actor=DAYBOOK, id=id, arguments=arguments))
        assert isinstance(outcome, Accepted), outcome
        return outcome

    def a_token(self, **arguments: Any) -> tuple[str, UUID]:
        made = self.does("ApiToken.make_for", user_id=self.ada, name="x", **arguments)
        assert made.secret
        return made.secret, made.changed[0].id

    def comes(self, token: str, address: str = HERE) -> bool:
        return self.admission.admit(token, address) is not None

    def guesses(self, times: int, token: str = NONE, address: str = HERE) -> None:
        for _ in range(times):
            assert not self.comes(token, address)


@pytest.fixture
def door(database_url: str, schema: str) -> Iterator[Door]:
    migrate(database_url, schema)
    with EventStore(database_url, schema) as store, Identity(database_url, store, schema) as identity:
        yield Door(store, identity)


def test_who_guesses_is_locked_out_and_others_are_not(door: Door) -> None:
    token, _ = door.a_token()
    door.guesses(FREE + 1)

    with pytest.raises(MustWait) as locked:
        door.comes(token)

    assert 0 < locked.value.seconds <= 1
    assert door.comes(token, THERE)


def test_who_came_in_from_there_before_goes_on(door: Door) -> None:
    token, _ = door.a_token()
    other, _ = door.a_token()
    assert door.comes(token)

    door.guesses(FREE + 1)

    assert door.comes(token)
    with pytest.raises(MustWait):
        door.comes(other)


def test_a_token_that_holds_no_more_is_no_guess(door: Door) -> None:
    revoked, id = door.a_token()
    token, _ = door.a_token()
    local = door.identity.create(door.ada, "x", timedelta(seconds=-1))
    door.does("ApiToken.revoke", id)

    door.guesses(3 * FREE, revoked)
    door.guesses(3 * FREE, local)

    assert door.comes(token)


def test_whose_token_is_guessed_at_from_everywhere_comes_in_and_the_guesses_wait(door: Door) -> None:
    token, id = door.a_token()
    wrong = f"daybook_{id.hex}_{'0' * 64}"
    for number in range(FREE + 1):
        door.guesses(1, wrong, f"198.51.100.{number}")

    with pytest.raises(MustWait):
        door.comes(wrong, "198.51.100.200")

    assert door.comes(token, "198.51.100.201")


def test_nobody_on_this_machine_is_locked_out(door: Door) -> None:
    token, _ = door.a_token()

    door.guesses(5 * FREE, address="127.0.0.1")

    assert door.comes(token, "127.0.0.1")


def test_who_is_in_and_asked_again_guesses_nothing(door: Door) -> None:
    token, _ = door.a_token()

    for _ in range(5 * FREE):
        assert door.admission.again(NONE) is None

    assert door.comes(token)


def test_the_use_of_a_token_is_recorded_once_a_day(door: Door) -> None:
    token, id = door.a_token()
    _, unused = door.a_token()
    before = door.store.head()[0]

    for _ in range(3):
        door.comes(token)
    Admission(door.identity, door.pipeline.run, UTC).admit(token, HERE)

    assert door.store.head()[0] == before + 1
    used, neighbour = door.store.aggregate(id), door.store.aggregate(unused)
    assert isinstance(used, ApiToken) and isinstance(neighbour, ApiToken)
    assert (used.last_used_on, neighbour.last_used_on) == (datetime.now(UTC).date(), None)


def test_where_its_use_cannot_be_recorded_the_token_lets_in_all_the_same(door: Door) -> None:
    def fails(request: Request) -> Outcome:
        raise RuntimeError("the disk is full")

    token, _ = door.a_token()

    assert Admission(door.identity, fails, UTC).admit(token, HERE)
