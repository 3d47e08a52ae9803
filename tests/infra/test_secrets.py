"""The secret of an installation: what is found again by a digest is not found by guessing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import Barrier
from typing import Any

import msgspec
import pytest
from psycopg import Connection

from domain.aggregate import Claim
from domain.catalogue import AGGREGATES
from domain.command import Accepted, Code, Refusal, Request
from infra.backup import backup, restore
from infra.commit import Taken
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.keys import MasterKey, MasterKeys, WrongMasterKey, unlock, unlocked
from infra.pipeline import ENCODE, CommandPipeline
from infra.secrets import Digests, digests
from tests.infra.history import ANN, a_product, code, commit

MASTER, ANOTHER = MasterKeys([MasterKey(b"m" * 32)]), MasterKeys([MasterKey(b"n" * 32)])
MAT = Claim("Product", "code", "MAT")


@pytest.fixture
def connection(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    migrate(database_url, schema)
    with connect(database_url, schema) as connection:
        yield connection


@pytest.fixture
def another_master() -> MasterKeys:
    """The master key of this process, which is not the one of the database."""
    unlock(ANOTHER)
    return ANOTHER


def listing(code: str, key: str | None = None, name: str = "Mat") -> Request:
    return Request(
        command="Product.list_product", actor=ANN, arguments={"code": code, "name": name}, idempotency_key=key
    )


def test_what_is_kept_is_no_plain_hash_of_what_was_asked_or_claimed(
    connection: Connection[Any], database_url: str, schema: str
) -> None:
    with EventStore(database_url, schema) as store:
        CommandPipeline(AGGREGATES, store).run(listing("MAT"))
        assert store.holder(MAT) is not None

    kept = connection.execute("select key, request_digest from claims, events").fetchone()
    guesses = [
        msgspec.json.encode(["Product", "code", "MAT"]),
        ENCODE(["Product.list_product", None, {"code": "MAT", "name": "Mat"}, None, None]),
    ]
    assert kept is not None
    assert not set(kept) & {sha256(guess).digest() for guess in guesses}
    keyed = digests(connection, unlocked())
    assert kept == (keyed.of_claim(MAT), keyed.of_request(guesses[1]))


def test_requests_and_claims_are_digested_under_different_keys_and_installations_differ() -> None:
    one, other = Digests(b"1" * 32), Digests(b"2" * 32)
    content = msgspec.json.encode(["Product", "code", "MAT"])

    assert len({one.of_claim(MAT), one.of_request(content), other.of_claim(MAT), other.of_request(content)}) == 4
    assert one.of_claim(MAT) == Digests(b"1" * 32).of_claim(MAT)


@pytest.mark.parametrize("master", [None, MASTER])
def test_servers_that_start_together_agree(
    connection: Connection[Any], database_url: str, schema: str, master: MasterKeys | None
) -> None:
    together = Barrier(6)

    def start(_: int) -> bytes:
        with connect(database_url, schema) as own:
            together.wait(60)
            return digests(own, master).of_claim(MAT)

    with ThreadPoolExecutor(6) as threads:
        found = set(threads.map(start, range(6)))

    assert len(found) == 1
    assert connection.execute("select count(*) from secrets").fetchone() == (1,)


def test_of_two_servers_one_refuses_what_the_other_has_given_away(
    connection: Connection[Any], database_url: str, schema: str
) -> None:
    first, second = a_product("MAT"), a_product("MAT")

    with EventStore(database_url, schema) as here, EventStore(database_url, schema) as there:
        here.append(commit(first, claimed={code(first): first.id})).result(60)
        with pytest.raises(Taken) as taken:
            there.append(commit(second, claimed={code(second): second.id})).result(60)
        answers = [CommandPipeline(AGGREGATES, store).run(listing("TUB", "key")) for store in (here, there)]
        otherwise = CommandPipeline(AGGREGATES, there).run(listing("TUB", "key", "Tub"))

    assert taken.value.holder == first.id
    assert isinstance(answers[0], Accepted) and answers[0] == answers[1]
    assert isinstance(otherwise, Refusal) and otherwise.code == Code.REPEATED_OTHERWISE


def test_with_a_master_key_the_database_does_not_hold_the_secret(connection: Connection[Any]) -> None:
    keyed = digests(connection, MASTER)

    ((kept, master),) = connection.execute("select secret, master from secrets").fetchall()
    assert len(kept) == 12 + 32 + 16
    assert Digests(kept[12:44]).of_claim(MAT) != keyed.of_claim(MAT)
    assert master == MASTER.first.name
    assert digests(connection, MASTER).of_claim(MAT) == keyed.of_claim(MAT)
    with pytest.raises(WrongMasterKey, match=rf"needs the master key {master}, and there is none"):
        digests(connection, None)
    with pytest.raises(WrongMasterKey, match=rf"needs the master key {master}, and this one is {ANOTHER.first.name}"):
        digests(connection, ANOTHER)


def test_a_master_key_that_comes_later_wraps_the_secret_and_changes_no_digest(connection: Connection[Any]) -> None:
    before = digests(connection, None).of_claim(MAT)
    ((clear,),) = connection.execute("select secret from secrets").fetchall()

    after = digests(connection, MASTER).of_claim(MAT)

    ((kept,),) = connection.execute("select secret from secrets").fetchall()
    assert after == before
    assert clear not in kept
    assert digests(connection, MASTER).of_claim(MAT) == before


def test_a_restored_history_still_knows_what_was_asked_and_what_is_taken(
    connection: Connection[Any], database_url: str, schema: str, tmp_path: Path
) -> None:
    with EventStore(database_url, schema) as store:
        first = CommandPipeline(AGGREGATES, store).run(listing("MAT", "key"))
    backup(database_url, tmp_path / "saved", schema)
    connection.execute(f'drop schema "{schema}" cascade'.encode())

    restore(database_url, tmp_path / "saved", schema)

    with EventStore(database_url, schema) as store:
        pipeline = CommandPipeline(AGGREGATES, store)
        again, another = pipeline.run(listing("MAT", "key")), pipeline.run(listing("MAT"))
    assert isinstance(first, Accepted) and again == first
    assert isinstance(another, Refusal) and another.code == Code.DUPLICATE


def test_without_the_right_master_key_nothing_is_recorded_that_would_not_be_found_again(
    connection: Connection[Any], database_url: str, schema: str, another_master: MasterKeys
) -> None:
    digests(connection, MASTER)

    with EventStore(database_url, schema) as store:
        outcome = CommandPipeline(AGGREGATES, store).run(listing("MAT"))

    assert isinstance(outcome, Refusal) and another_master.first.name in outcome.message
    assert connection.execute("select count(*) from events").fetchone() == (0,)
