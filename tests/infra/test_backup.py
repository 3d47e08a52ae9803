from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.catalogue import AGGREGATES
from domain.command import Accepted, Request
from domain.values import new_id
from infra import backup as module
from infra.accesses import Accesses, Reader, note_now, since
from infra.backup import TABLES, BackupFailed, backup, restore
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.first_start import administrator
from infra.identity import Identity
from infra.pipeline import CommandPipeline
from infra.rebuild import live_of, rebuild
from infra.rights import Directory
from infra.verify import in_python, verify
from projections.catalogue import VIEWS


def a_request(command: str, actor: UUID, name: str, id: UUID | None = None) -> Request:
    return Request(command=command, actor=actor, id=id, arguments={"name": name}, idempotency_key=name)


def some_work(url: str, schema: str) -> str:
    """A company with a few accounts, one of which was renamed; a token of its administrator."""
    with EventStore(url, schema) as store, Identity(url, store, schema) as identity:
        directory = Directory(store)
        pipeline = CommandPipeline(AGGREGATES, store, directory)
        user = administrator(pipeline, identity, directory)
        for name in ("Ada's Books", "Ben's Bikes", "Cé & Çie 漢字"):
            outcome = pipeline.run(a_request("Account.register", user, name))
            assert isinstance(outcome, Accepted)
            account = outcome.changed[0].id
        assert isinstance(pipeline.run(a_request("Account.rename", user, "Cé", account)), Accepted)
        person = {"person": {"family_name": "Byron"}}
        added = Request(command="Contact.add", actor=user, arguments=person, idempotency_key="Byron")
        assert isinstance(pipeline.run(added), Accepted)
        with connect(url, schema) as connection:
            note_now(connection, Reader("/graphql", user, operation="Card"), "Contact", [new_id()])
        return identity.create(user, "kept")


def content(url: str, schema: str) -> dict[str, list[Any]]:
    """All rows of all tables that a backup holds."""
    with connect(url, schema) as connection:
        query = "select {0}::text from {0} order by 1"
        return {table: connection.execute(query.format(table).encode()).fetchall() for table in TABLES}


def digests(url: str, schema: str) -> list[Any]:
    """What the views hold after they were built anew, and what they held before that: each in one number."""
    rebuild(url, schema, VIEWS)
    query = "select sum(hashtextextended(t::text, 0)), count(*) from {} t"
    with connect(url, schema) as connection:
        tables = [
            name for view in VIEWS for name in (live_of(connection, view), f"{live_of(connection, view)}_history")
        ]
        return [(table, connection.execute(query.format(table).encode()).fetchone()) for table in tables]


def dropped(url: str, schema: str) -> None:
    with connect(url, schema) as connection:
        connection.execute(f'drop schema "{schema}" cascade'.encode())


def test_what_was_saved_comes_back_as_it_was(database_url: str, schema: str, tmp_path: Path) -> None:
    migrate(database_url, schema)
    token = some_work(database_url, schema)
    before, seen = content(database_url, schema), digests(database_url, schema)

    backup(database_url, tmp_path / "saved", schema)
    dropped(database_url, schema)
    events = restore(database_url, tmp_path / "saved", schema)

    assert events == len(before["events"]) > 6
    assert content(database_url, schema) == before
    assert digests(database_url, schema) == seen
    with connect(database_url, schema) as connection:
        assert verify(connection, check=in_python).broken is None
    with EventStore(database_url, schema) as store, Identity(database_url, store, schema) as identity:
        caller = identity.caller(token)
        assert caller is not None and Directory(store).people.rights(caller.user_id).may("*")


def test_after_a_restore_the_history_goes_on(database_url: str, schema: str, tmp_path: Path) -> None:
    migrate(database_url, schema)
    some_work(database_url, schema)
    backup(database_url, tmp_path / "saved", schema)
    dropped(database_url, schema)
    before = restore(database_url, tmp_path / "saved", schema)

    some_work(database_url, schema)  # again, with the same keys: answered as before
    with EventStore(database_url, schema) as store:
        pipeline = CommandPipeline(AGGREGATES, store)
        outcome = pipeline.run(a_request("Account.register", new_id(), "Dora's Dogs"))

    assert isinstance(outcome, Accepted) and outcome.position == before + 1
    with connect(database_url, schema) as connection:
        assert connection.execute("select max(position), count(*) from events").fetchone() == (before + 1, before + 1)
        assert verify(connection).broken is None


def test_who_read_of_whom_comes_back_and_what_is_read_later_is_added(
    database_url: str, schema: str, tmp_path: Path
) -> None:
    migrate(database_url, schema)
    person, other, reader = new_id(), new_id(), Reader("/graphql", new_id(), operation="Card")
    with connect(database_url, schema) as connection:
        for _ in range(3):
            note_now(connection, reader, "Contact", [person])
        note_now(connection, reader, "Contact", [other])
        old = "update accesses set at = now() - interval '400 days' where id = (select min(id) from accesses)"
        connection.execute(old)
    backup(database_url, tmp_path / "saved", schema)
    dropped(database_url, schema)
    restore(database_url, tmp_path / "saved", schema)

    with Accesses(database_url, 365, schema) as accesses:  # what is older than that ends with the first that is noted
        accesses.note(reader, {"Contact": [str(person)]})

    with connect(database_url, schema) as connection:
        found = since(connection, datetime.min.replace(tzinfo=UTC), 10, person)
        assert [(each.user_id, each.operation, each.persons) for each in found] == [
            (reader.user_id, "Card", [person])
        ] * 3
        assert len(since(connection, datetime.min.replace(tzinfo=UTC), 10)) == 4
        assert connection.execute("select max(id) from accesses").fetchone() == (5,)


def test_a_backup_from_before_there_was_an_access_log_is_restored(
    database_url: str, schema: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(database_url, schema)
    some_work(database_url, schema)
    with monkeypatch.context() as before:
        before.setattr(module, "TABLES", tuple(table for table in TABLES if table != "accesses"))
        backup(database_url, tmp_path / "saved", schema)
    dropped(database_url, schema)

    restore(database_url, tmp_path / "saved", schema)

    with connect(database_url, schema) as connection:
        note_now(connection, Reader("/graphql"), "Contact", [new_id()])
        assert connection.execute("select array_agg(id) from accesses").fetchone() == ([1],)


def test_a_backup_is_for_its_owner_alone_and_replaces_nothing(database_url: str, schema: str, tmp_path: Path) -> None:
    migrate(database_url, schema)
    file = tmp_path / "saved"

    backup(database_url, file, schema)

    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BackupFailed, match="exists already"):
        backup(database_url, file, schema)
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_a_backup_that_fails_leaves_no_file(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="no matching tables"):
        backup(database_url, tmp_path / "saved", "no_such_schema")
    with pytest.raises(BackupFailed, match="cannot be written"):
        backup(database_url, tmp_path / "nowhere" / "saved")

    assert not list(tmp_path.iterdir())


def test_a_history_is_not_overwritten(database_url: str, schema: str, tmp_path: Path) -> None:
    migrate(database_url, schema)
    some_work(database_url, schema)
    backup(database_url, tmp_path / "saved", schema)
    before = content(database_url, schema)

    with pytest.raises(BackupFailed, match="has a history already"):
        restore(database_url, tmp_path / "saved", schema)

    assert content(database_url, schema) == before


@pytest.mark.parametrize("what", [b"", b"not a backup", b"PGDMP\x01\x10\x00 but no more"])
def test_what_is_no_backup_is_refused_and_touches_nothing(
    database_url: str, schema: str, tmp_path: Path, what: bytes
) -> None:
    migrate(database_url, schema)
    file = tmp_path / "saved"
    file.write_bytes(what)

    with pytest.raises(BackupFailed):
        restore(database_url, file, schema)

    with connect(database_url, schema) as connection:
        assert connection.execute("select position from event_head").fetchone() == (0,)


def test_a_backup_that_was_cut_short_leaves_the_database_empty(database_url: str, schema: str, tmp_path: Path) -> None:
    migrate(database_url, schema)
    some_work(database_url, schema)
    file = tmp_path / "saved"
    backup(database_url, file, schema)
    dropped(database_url, schema)
    file.write_bytes(file.read_bytes()[:-200])

    with pytest.raises(BackupFailed):
        restore(database_url, file, schema)

    with connect(database_url) as connection:
        assert connection.execute("select true from pg_namespace where nspname = %s", [schema]).fetchone() is None
