from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.catalogue import AGGREGATES
from domain.command import Accepted, Outcome, Request
from domain.values import new_id
from infra import known as module
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.first_start import administrator, local_token
from infra.identity import Identity
from infra.pipeline import CommandPipeline
from infra.rights import DAYBOOK, Directory


@dataclass
class House:
    """A database that was just set up, and two users in it."""

    url: str
    schema: str
    store: EventStore
    identity: Identity
    directory: Directory
    pipeline: CommandPipeline
    ada: UUID
    ben: UUID

    def does(self, command: str, id: UUID, actor: UUID = DAYBOOK) -> Outcome:
        return self.pipeline.run(Request(command=command, actor=actor, id=id))

    def asks(self, sql: str) -> list[Any]:
        with connect(self.url, self.schema) as connection:
            return connection.execute(sql.encode()).fetchall()


@pytest.fixture
def house(database_url: str, schema: str) -> Iterator[House]:
    migrate(database_url, schema)
    with EventStore(database_url, schema) as store, Identity(database_url, store, schema) as identity:
        directory = Directory(store)
        pipeline = CommandPipeline(AGGREGATES, store, directory)
        ada, ben = (a_user(pipeline, name) for name in ("Ada", "Ben"))
        yield House(database_url, schema, store, identity, directory, pipeline, ada, ben)


def a_user(pipeline: CommandPipeline, name: str) -> UUID:
    outcome = pipeline.run(Request(command="User.add", actor=DAYBOOK, arguments={"name": name}))
    assert isinstance(outcome, Accepted)
    return outcome.changed[0].id


def an_api_token(house: House, user: UUID, **arguments: Any) -> tuple[str, UUID]:
    """The text of a token that is in the history, and its id."""
    given = {"user_id": user, "name": "nightly", **arguments}
    outcome = house.pipeline.run(Request(command="ApiToken.make_for", actor=DAYBOOK, arguments=given))
    assert isinstance(outcome, Accepted) and outcome.secret
    return outcome.secret, outcome.changed[0].id


def test_a_token_lets_its_user_in_and_nobody_else(house: House) -> None:
    token = house.identity.create(house.ada, "work")
    other = house.identity.create(house.ben, "work")

    caller, neighbour = house.identity.caller(token), house.identity.caller(other)

    assert caller is not None and neighbour is not None
    assert caller.user_id == house.ada
    assert (neighbour.user_id, neighbour.token_id) == (house.ben, other.split("_")[1])


def test_the_secret_is_kept_nowhere(house: House) -> None:
    token = house.identity.create(house.ada, "work")
    house.identity.caller(token)

    kept = house.asks("select t::text from tokens t")

    assert token.split("_")[1] in str(kept)
    assert token.split("_")[2] not in str(kept)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "daybook",
        "daybook__",
        "daybook_{id}",
        "daybook_{id}_",
        "daybook_{id}_{secret}0",
        "daybook_{id}_{zeros}",
        "daybook_0000000000000000_{secret}",
        " daybook_{id}_{secret}",
        "daybook_{id}_{secret}\n",
        "DAYBOOK_{id}_{secret}",
        "daybook_{id}_\x00\ud800",
        "x" * 1_000_000,
    ],
)
def test_what_is_not_exactly_a_token_lets_nobody_in(house: House, wrong: str) -> None:
    _, id, secret = house.identity.create(house.ada, "work").split("_")

    text = wrong.format(id=id, secret=secret, zeros="0" * 64)

    assert house.identity.caller(text) is None


def test_a_revoked_token_holds_no_more_and_its_neighbour_does(house: House) -> None:
    token, other = house.identity.create(house.ada, "lost"), house.identity.create(house.ada, "kept")
    assert house.identity.caller(token) and house.identity.caller(other)

    assert house.identity.revoke(token.split("_")[1])

    assert house.identity.caller(token) is None
    assert house.identity.caller(other)
    assert not house.identity.revoke("no such token")


def test_another_process_honours_a_revocation_within_seconds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 0.2)
    token = house.identity.create(house.ada, "lost")
    with Identity(house.url, house.store, house.schema) as other:
        assert other.caller(token)

        house.identity.revoke(token.split("_")[1])
        time.sleep(0.25)

        assert other.caller(token) is None


def test_an_expired_token_holds_no_more_even_when_it_was_just_used(house: House) -> None:
    token, other = (
        house.identity.create(house.ada, "trial", timedelta(seconds=0.3)),
        house.identity.create(house.ada, "work"),
    )
    assert house.identity.caller(token)

    time.sleep(0.35)

    assert house.identity.caller(token) is None
    assert house.identity.caller(other)
    assert {t.name: t.state for t in house.identity.tokens()} == {"trial": "expired", "work": "valid"}


def test_a_token_that_expires_while_it_is_looked_up_holds_no_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, works_here = house.identity.create(house.ada, "trial", timedelta(seconds=0.3)), house.identity.works_here

    def slowly(user_id: UUID) -> bool:
        time.sleep(0.4)
        return works_here(user_id)

    monkeypatch.setattr(house.identity, "works_here", slowly)

    house.identity.caller(token)

    assert house.identity.caller(token) is None


def test_a_user_who_was_let_go_does_not_come_in_with_an_old_token(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 0.0)
    token, other = house.identity.create(house.ada, "work"), house.identity.create(house.ben, "work")
    assert house.identity.caller(token)

    house.does("User.deactivate", house.ada)
    assert house.identity.caller(token) is None
    assert house.identity.caller(other)

    house.does("User.reactivate", house.ada)
    assert house.identity.caller(token)


def test_a_token_of_nobody_lets_nobody_in(house: House) -> None:
    assert house.identity.caller(house.identity.create(new_id(), "ghost")) is None


def test_the_day_of_the_last_use_is_kept(house: House) -> None:
    token = house.identity.create(house.ada, "work")
    house.identity.create(house.ada, "never used")

    house.identity.caller(token)

    used = {t.name: t.last_used for t in house.identity.tokens()}
    assert used["work"] is not None
    assert used["never used"] is None


# -- tokens that are in the history ------------------------------------------------------------------


def test_an_api_token_lets_its_user_in_with_its_scopes(house: House) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    token, id = an_api_token(house, house.ada, scopes=["read", "sales.*"], expires_at=ends)
    other, _ = an_api_token(house, house.ben)

    caller, neighbour = house.identity.caller(token), house.identity.caller(other)

    assert caller is not None and neighbour is not None
    assert (caller.user_id, caller.token_id, caller.expires_at) == (house.ada, id.hex, ends)
    assert (caller.scopes, neighbour.scopes) == (frozenset({"read", "sales.*"}), None)
    assert (neighbour.user_id, neighbour.expires_at) == (house.ben, None)


def test_an_api_token_with_another_secret_lets_nobody_in(house: House) -> None:
    token, id = an_api_token(house, house.ada)
    other, _ = an_api_token(house, house.ben)
    swapped = f"daybook_{id.hex}_{other.rpartition('_')[2]}"

    assert house.identity.caller(swapped) is None
    assert house.identity.caller(f"daybook_{house.ada.hex}_{token.rpartition('_')[2]}") is None
    assert house.identity.caller(f"daybook_{new_id().hex}_{token.rpartition('_')[2]}") is None


@pytest.mark.parametrize("command", ["ApiToken.revoke", "ApiToken.archive"])
def test_an_api_token_that_was_revoked_or_put_away_holds_no_more(house: House, command: str) -> None:
    token, id = an_api_token(house, house.ada)
    other, _ = an_api_token(house, house.ada)
    assert house.identity.caller(token) and house.identity.caller(other)

    house.does(command, id)
    house.identity.changed([id])

    assert house.identity.caller(token) is None
    assert house.identity.caller(other)


def test_an_api_token_holds_until_its_moment_even_when_it_was_just_used(house: House) -> None:
    token, _ = an_api_token(house, house.ada, expires_at=datetime.now(UTC) + timedelta(seconds=0.5))
    assert house.identity.caller(token)

    time.sleep(0.55)

    assert house.identity.caller(token) is None


def test_whose_user_was_let_go_is_out_at_once_where_it_happened(house: House) -> None:
    token, _ = an_api_token(house, house.ada)
    other, _ = an_api_token(house, house.ben)
    assert house.identity.caller(token) and house.identity.caller(other)

    house.does("User.deactivate", house.ada)
    house.identity.changed([house.ada])

    assert house.identity.caller(token) is None
    assert house.identity.caller(other)


def test_tokens_of_both_kinds_are_listed_the_newest_first(house: House) -> None:
    house.identity.create(house.ada, "local")
    _, id = an_api_token(house, house.ben, scopes=["read"])
    house.does("ApiToken.note_use", id)

    [made, local] = house.identity.tokens()

    assert (made.id, made.name, made.user_id, made.scopes) == (f"ApiToken_{id}", "nightly", house.ben, ("read",))
    assert (made.state, made.last_used) == ("valid", datetime.now(UTC).date())
    assert (local.name, list(local.scopes), local.last_used) == ("local", ["*"], None)


def test_the_use_of_an_api_token_is_recorded_once_a_day(house: House) -> None:
    _, id = an_api_token(house, house.ada)

    house.does("ApiToken.note_use", id)
    once = house.store.head()
    house.does("ApiToken.note_use", id)

    assert house.store.head() == once


# -- who may ------------------------------------------------------------------------------------------


def test_the_first_user_is_added_once(house: House) -> None:
    first = administrator(house.pipeline, house.identity, house.directory)
    before = house.store.head()

    again = administrator(house.pipeline, house.identity, house.directory)

    assert again == first
    assert house.store.head() == before
    assert house.directory.people.rights(first).may("*") and not house.directory.people.rights(house.ada).may("*")


def test_the_local_token_is_a_file_of_its_owner_and_is_kept_as_long_as_it_holds(house: House, tmp_path: Path) -> None:
    user = administrator(house.pipeline, house.identity, house.directory)

    token = local_token(house.identity, user, tmp_path)

    assert (tmp_path / "token").read_text() == token + "\n"
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert local_token(house.identity, user, tmp_path) == token
    house.identity.revoke(token.split("_")[1])
    new = local_token(house.identity, user, tmp_path)
    caller = house.identity.caller(new)
    assert new != token and caller is not None and caller.user_id == user
