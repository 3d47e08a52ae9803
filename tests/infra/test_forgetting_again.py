"""A backup brings back the keys of who was forgotten since: a list that was kept apart forgets them again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest

from domain.command import Accepted, Request
from domain.values import id_text, new_id
from infra.backup import backup, restore
from infra.cli.running import Running, prepared
from infra.database import connect, migrate
from infra.settings import Settings
from tests.infra.daybook import daybook, environment


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    yield folder
    daybook(folder, "reset", "--yes")


@contextmanager
def company(data: Path) -> Iterator[Running]:
    settings = Settings.from_environment(environment(data))
    with patch.dict(os.environ, environment(data), clear=True), prepared(settings) as parts:
        yield parts


def given(parts: Running, command: str, id: UUID | None = None, **arguments: Any) -> UUID:
    outcome = parts.pipeline.run(Request(command=command, actor=parts.administrator, id=id, arguments=arguments))
    assert isinstance(outcome, Accepted), outcome
    return outcome.changed[0].id


def named(parts: Running, id: UUID) -> str | None:
    person = getattr(parts.store.aggregate(id), "person", None)
    return person.family_name if person else None


def test_who_was_forgotten_after_a_backup_is_forgotten_again_after_its_restore(data: Path, tmp_path: Path) -> None:
    saved, kept = tmp_path / "saved", tmp_path / "forgotten"
    with company(data) as parts:
        gone, neighbour, before = (
            given(parts, "Contact.add", person={"family_name": name}) for name in ("Gone", "Near", "Before")
        )
        account = given(parts, "Account.register", name="Acme")
        note = given(
            parts, "Interaction.log", kind="note", direction="inbound", account_id=account, body="what was said"
        )
        given(parts, "Contact.forget", before, reason="asked for it")
        given(parts, "Contact.hold", gone, reason="lawsuit 4711")
        assert daybook(data, "backup", str(saved)).returncode == 0
        given(parts, "Contact.release_hold", gone)
        given(parts, "Contact.forget", gone, reason="asked for it")
        given(parts, "Interaction.forget", note, reason="asked for it")
        late = given(parts, "Contact.add", person={"family_name": "Late"})
        given(parts, "Contact.forget", late, reason="asked for it")
    listed = daybook(data, "forgotten")
    kept.write_text(listed.stdout)
    recently = daybook(data, "forgotten", "--since", "2999-01-01")
    master = (data / "master.key").read_text()
    assert daybook(data, "reset", "--yes").returncode == 0
    data.mkdir()
    (data / "master.key").write_text(master)

    assert daybook(data, "restore", str(saved)).returncode == 0
    with company(data) as parts:
        restored = [named(parts, id) for id in (gone, neighbour, before)]
    again = daybook(data, "forget", str(kept), "--json")
    once_more = daybook(data, "forget", str(kept), "--json")

    assert [line.split()[0] for line in listed.stdout.splitlines()] == [
        id_text("Contact", before), id_text("Contact", gone), id_text("Interaction", note), id_text("Contact", late),
    ]  # fmt: skip
    assert recently.stdout == ""
    assert restored == ["Gone", "Near", None]
    assert (again.returncode, json.loads(again.stdout)) == (0, {"forgotten": 2, "already": 1, "unknown": 1})
    assert json.loads(once_more.stdout) == {"forgotten": 0, "already": 3, "unknown": 1}
    with company(data) as parts:
        assert [named(parts, id) for id in (gone, neighbour, before)] == [None, "Near", None]
        found: Any = parts.store.aggregate(note)
        assert (found.body, found.forgotten) == (None, True)
        with connect(parts.database.application_url) as connection:
            tombstones = connection.execute("select person from person_keys where wrapped is null").fetchall()
        assert {id for (id,) in tombstones} == {gone, before, note, late}
    assert daybook(data, "verify").returncode == 0


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Ada Lovelace", "forgotten:2: Ada is no id, which looks like Contact_<uuid>"),
        ("Account_01900000-0000-7000-8000-000000000000", "cannot be forgotten: there is no such command"),
    ],
)
def test_a_list_that_is_none_is_refused_in_one_line(data: Path, tmp_path: Path, line: str, why: str) -> None:
    (tmp_path / "forgotten").write_text(f"\n{line}\n")

    refused = daybook(data, "forget", str(tmp_path / "forgotten"))

    assert refused.returncode == 1 and why in refused.stderr and refused.stderr.count("\n") == 1


def test_a_restore_destroys_every_key_of_whom_the_history_says_that_they_were_forgotten(
    database_url: str, schema: str, tmp_path: Path
) -> None:
    migrate(database_url, schema)
    gone, neighbour = new_id(), new_id()
    with connect(database_url, schema) as connection:
        connection.execute(FORGOTTEN_SINCE, [gone])
        for person in (gone, neighbour):  # as a backup might hold it that somebody has put together
            connection.execute("select person_key(%s, %s, %s)", [person, b"key", "master"])
        backup(database_url, tmp_path / "saved", schema)
        connection.execute(f'drop schema "{schema}" cascade'.encode())

        restore(database_url, tmp_path / "saved", schema)

        rows = dict(connection.execute("select person, wrapped is null from person_keys").fetchall())
    assert rows == {gone: True, neighbour: False}


FORGOTTEN_SINCE = """
    with e as (insert into events values (1, %s, 1, 'Contact.Forgotten', 1, '{}', now(), now(), gen_random_uuid(), 'x',
        'Contact.forget', gen_random_uuid(), null, null, null, null, 'hash', 0) returning hash)
    update event_head set position = 1, hash = e.hash from e"""
