"""Another master key: everything is wrapped anew, nobody has to stop for it, and nothing is lost half way."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from domain.values import new_id
from infra.database import connect, migrate
from infra.keys import MasterKey, MasterKeys, PersonKeys, WrongMasterKey, keys_in, put_first, unlock
from infra.rotation import rotate
from infra.secrets import digests
from tests.infra.daybook import Serving, daybook, daybook_apart

OLD, NEW = MasterKey(b"o" * 32), MasterKey(b"n" * 32)
BOTH = MasterKeys([NEW, OLD])
PLACE = b"place"


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    migrate(database_url, schema)
    unlock(MasterKeys([OLD]))
    with connect(database_url, schema) as connection:
        yield connection


def keys(db: Connection[Any]) -> PersonKeys:
    return PersonKeys(lambda statement, given: db.execute(statement.encode(), given).fetchall())


def known(db: Connection[Any], persons: int) -> dict[UUID, str]:
    """Persons of whom something is known."""
    ours, ids = keys(db), [new_id() for _ in range(persons)]
    return {id: ours.seal(id, str(id).encode(), PLACE) for id in ids}


def wrapped_by(db: Connection[Any]) -> dict[str | None, int]:
    return dict(db.execute("select master, count(*) from person_keys group by 1").fetchall())


def opened(db: Connection[Any], sealed: dict[UUID, str]) -> int:
    """How many can be read, and say what they said."""
    ours = keys(db)
    return sum(ours.open(id, text, PLACE) == str(id).encode() for id, text in sealed.items())


def test_afterwards_the_new_one_opens_everything_and_the_old_one_nothing(db: Connection[Any]) -> None:
    sealed, gone = known(db, 7), new_id()
    db.execute("select destroy_key(%s)", [gone])
    before = digests(db, MasterKeys([OLD])).of_request(b"asked")

    done = rotate(db, BOTH, most=3)

    assert (done.master, done.before, done.persons) == (NEW.name, (OLD.name,), 7)
    assert wrapped_by(db) == {NEW.name: 7, None: 1}
    unlock(MasterKeys([NEW]))
    assert opened(db, sealed) == 7
    assert digests(db, MasterKeys([NEW])).of_request(b"asked") == before
    for needs_old in (lambda: keys(db).recall(sealed), lambda: digests(db, MasterKeys([OLD]))):
        unlock(MasterKeys([OLD]))
        with pytest.raises(WrongMasterKey, match=f"needs the master key {NEW.name}, and this one is {OLD.name}"):
            needs_old()


def test_without_the_old_one_nothing_is_changed(db: Connection[Any]) -> None:
    sealed = known(db, 3)

    with pytest.raises(WrongMasterKey, match=f"needs the master key {OLD.name}, and this one is {NEW.name}"):
        rotate(db, MasterKeys([NEW]))

    assert wrapped_by(db) == {OLD.name: 3}
    assert db.execute("select count(*) from secrets").fetchone() == (0,)
    assert opened(db, sealed) == 3


def test_one_that_was_broken_off_leaves_each_key_whole_and_is_gone_on_with(db: Connection[Any]) -> None:
    sealed = known(db, 10)

    def broken_off(done: int, _: int | None) -> None:
        if done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate(db, BOTH, broken_off, most=3)
    half = wrapped_by(db)
    unlock(BOTH)
    readable = opened(db, sealed)
    done = rotate(db, BOTH, most=3)

    assert half == {NEW.name: 6, OLD.name: 4}
    assert readable == opened(db, sealed) == 10
    assert (done.persons, wrapped_by(db)) == (4, {NEW.name: 10})
    assert rotate(db, BOTH).persons == 0


def test_who_is_forgotten_meanwhile_stays_forgotten(db: Connection[Any]) -> None:
    sealed = known(db, 6)
    last = max(sealed)

    def forgetting(done: int, _: int | None) -> None:
        db.execute("select destroy_key(%s)", [last])

    rotate(db, BOTH, forgetting, most=3)

    assert wrapped_by(db) == {NEW.name: 5, None: 1}
    unlock(BOTH)
    assert keys(db).open(last, sealed[last], PLACE) is None


def test_who_does_not_know_the_new_one_yet_finds_it_in_the_file_and_keeps_nothing_under_the_old(
    db: Connection[Any], tmp_path: Path
) -> None:
    file = tmp_path / "master.key"
    file.write_text("b29vb29vb29vb29vb29vb29vb29vb29vb29vb29vb28=\n")
    unlock(MasterKeys(keys_in(file), file))
    ours, sealed = keys(db), known(db, 2)
    put_first(file)
    [new, old] = keys_in(file)

    rotate(db, MasterKeys([new, old]))
    later = {id: ours.seal(id, str(id).encode(), PLACE) for id in [new_id(), *sealed]}

    assert file.stat().st_mode & 0o777 == 0o600
    assert wrapped_by(db) == {new.name: 3}
    unlock(MasterKeys([new]))
    assert opened(db, sealed) == 2 and opened(db, later) == 3


def test_until_all_are_wrapped_anew_the_old_one_wraps_what_is_new(db: Connection[Any]) -> None:
    known(db, 1)
    digests(db, MasterKeys([OLD]))

    unlock(BOTH)
    known(db, 2)

    assert wrapped_by(db) == {OLD.name: 3}


def test_who_waits_with_a_new_key_while_the_master_key_changes_does_not_keep_it_under_the_old(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    digests(db, MasterKeys([OLD]))
    unlock(BOTH)
    with ThreadPoolExecutor(1) as threads, connect(database_url, schema) as rotating:
        with rotating.transaction():
            rotating.execute("select pg_advisory_xact_lock(wrapping())")
            making = threads.submit(known, db, 1)
            with pytest.raises(TimeoutError):
                making.result(0.3)
            rotating.execute("update secrets set master = %s", [NEW.name])
        making.result(60)

    assert wrapped_by(db) == {NEW.name: 1}


# -- with a server and a projector, which go on ------------------------------------------------------------------


def asked(serving: Serving, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    token = (serving.data / "token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(serving.address + "/graphql", body, headers), timeout=30
    ) as told:
        answer = json.loads(told.read())
    assert "errors" not in answer, answer
    return answer["data"]


def added(serving: Serving, name: str) -> str:
    """A contact of this name, as it is seen once the projector has read it. Its id."""
    query = "mutation ($input: AddContactInput!) { addContact(input: $input) { contact { id familyName } } }"
    told = asked(serving, query, input={"person": {"familyName": name}})["addContact"]
    assert told["contact"]["familyName"] == name, told
    return str(told["contact"]["id"])


def corrected(serving: Serving, id: str, name: str) -> None:
    query = "mutation ($input: CorrectContactInput!) { correctContact(input: $input) { contact { familyName } } }"
    told = asked(serving, query, input={"id": id, "person": {"familyName": name}})["correctContact"]
    assert told["contact"]["familyName"] == name, told


def test_a_server_and_its_projector_go_on_while_the_master_key_changes_and_later_without_the_old_one(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    serving, file = Serving(data), data / "master.key"
    try:
        ada, old = added(serving, "Lovelace"), keys_in(file)[0]

        rotated = daybook(data, "rotate", "--new", "--json")
        eve = added(serving, "Moneypenny")
        corrected(serving, ada, "King")
        verified = daybook(data, "verify", "views", "contacts", "--all")

        assert rotated.returncode == 0, rotated.stderr
        told = json.loads(rotated.stdout)
        assert (told["persons"], told["before"], told["file"]) == (1, [old.name], str(file))
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert serving.told(signal.SIGINT) == 0

        [new, _] = file.read_text().split()
        file.write_text(new + "\n")
        serving = Serving(data)
        corrected(serving, ada, "Byron")
        corrected(serving, eve, "Bond")
        assert daybook(data, "rotate").returncode == 0
        assert serving.told(signal.SIGINT) == 0
    finally:
        serving.process.kill()
        serving.process.wait()
        daybook_apart(data, "reset", "--yes")


def test_a_wrong_file_is_refused_before_anything_is_changed(tmp_path: Path) -> None:
    data, wrong = tmp_path / "data", tmp_path / "wrong.key"
    serving = Serving(data)
    try:
        added(serving, "Lovelace")
        wrong.write_text("b29vb29vb29vb29vb29vb29vb29vb29vb29vb29vb28=\n")
        before = wrong.read_text()

        refused = daybook(data, "rotate", "--new", master_key_file=wrong)

        assert refused.returncode == 1
        assert "personal data is sealed under the master key" in refused.stderr
        assert wrong.read_text() == before
        added(serving, "Moneypenny")
    finally:
        serving.told(signal.SIGINT)
        daybook_apart(data, "reset", "--yes")
