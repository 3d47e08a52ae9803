"""What is personal is sealed under a key of the person; with the key, it is gone for ever."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from os import urandom
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from psycopg import Connection

from domain.aggregate import Aggregate
from domain.personal import OfPerson, Personal
from domain.values import Email, Phone, new_id
from infra.commit import Forgotten
from infra.database import connect, migrate
from infra.keys import (
    MasterKey,
    MasterKeys,
    NoMasterKey,
    PersonKeys,
    WrongMasterKey,
    fitting,
    keys_in,
    master_keys_of,
    unlock,
)
from infra.mapper import NoKeys, Stored, persons_in, persons_of, read, write

ADA, EVE = new_id(), new_id()


class Guest(Aggregate):
    needs = "service.answer"

    name: Personal[str] | None = None
    emails: Personal[tuple[Email, ...]] | None = None
    phone: Personal[Phone] | None = None
    room: int | None = None
    host_id: UUID | None = None
    greeting: Annotated[str, OfPerson("host_id")] | None = None

    class Arrived(Aggregate.Created):
        name: Personal[str] | None
        room: int | None
        emails: Personal[tuple[Email, ...]] | None = ()
        phone: Personal[Phone] | None = None

    class Greeted(Aggregate.Event):
        host_id: UUID | None
        greeting: Annotated[str, OfPerson("host_id")] | None


@pytest.fixture(scope="module")
def db(database_url: str) -> Iterator[Connection[Any]]:
    migrate(database_url, "test_keys")
    with connect(database_url, "test_keys") as connection:
        yield connection
        connection.execute("drop schema test_keys cascade")


@pytest.fixture
def keys(db: Connection[Any]) -> PersonKeys:
    return of(db)


def of(db: Connection[Any], lasts: float = 60) -> PersonKeys:
    return PersonKeys(lambda statement, given: db.execute(statement.encode(), given).fetchall(), lasts)


def arrived(id: UUID, **content: Any) -> Any:
    told: Any = {"originator_topic": "Guest", "timestamp": None, "name": "Ada Lovelace", "room": 7} | content
    return Guest.Arrived(originator_id=id, originator_version=1, **told)


def test_what_is_personal_is_read_as_it_was_and_stored_as_nobody_can_read_it(keys: PersonKeys) -> None:
    event = arrived(ADA, emails=(Email("ada@engines.org"),), phone=Phone("+4930901820"))

    row = write(event, keys)
    again: Any = read(row, keys)

    assert again == event
    assert (type(again.emails[0]), type(again.phone)) == (Email, Phone)
    assert re.fullmatch(rb'\{"name":"[\w+/=]+","room":7,"emails":"[\w+/=]+","phone":"[\w+/=]+"\}', row.state)
    assert write(event, keys).state != row.state
    assert persons_of(event) == persons_in(row.topic, row.originator_id, row.state) == {ADA}


def test_null_stays_null_and_needs_no_key(keys: PersonKeys) -> None:
    nobody = new_id()
    event = arrived(nobody, name=None, emails=None)

    row = write(event, keys)

    assert row.state == b'{"name":null,"room":7,"emails":null,"phone":null}'
    assert read(row, keys) == event
    assert persons_of(event) == set()


def test_an_old_event_has_the_default_of_a_personal_field_that_came_later(keys: PersonKeys) -> None:
    old: Any = read(Stored(ADA, 1, "Guest.Arrived", 1, None, b'{"name":null,"room":7}'), keys)

    assert (old.emails, old.phone) == ((), None)


def test_text_about_another_is_sealed_under_that_one(db: Connection[Any], keys: PersonKeys) -> None:
    host, guest = new_id(), new_id()
    event = Guest.Greeted(guest, 2, None, host_id=host, greeting="hello")  # type: ignore[arg-type, call-arg]
    row = write(event, keys)

    db.execute("select destroy_key(%s)", [host])
    after: Any = read(row, of(db))

    assert persons_of(event) == persons_in(row.topic, row.originator_id, row.state) == {host}
    assert (after.host_id, after.greeting) == (host, None)
    with pytest.raises(ValueError, match="does not say of whom"):
        write(Guest.Greeted(guest, 3, None, host_id=None, greeting="hello"), keys)  # type: ignore[arg-type, call-arg]


@pytest.mark.parametrize(
    "moved",
    [{"originator_id": EVE}, {"originator_version": 2}, {"topic": "Guest.Greeted"}],
    ids=lambda m: next(iter(m)),
)
def test_what_is_sealed_opens_nowhere_else(keys: PersonKeys, moved: dict[str, Any]) -> None:
    row = write(arrived(ADA), keys)
    write(arrived(EVE), keys)
    told = {name: getattr(row, name) for name in Stored.__slots__} | moved
    if "topic" in moved:
        told["state"] = (
            told["state"].replace(b"name", b"greeting").replace(b'"room":7', b'"host_id":"%s"' % str(ADA).encode())
        )

    with pytest.raises(Exception, match=r"^$"):
        read(Stored(**told), keys)


def test_with_the_key_everything_about_the_person_is_gone_and_the_neighbour_is_untouched(
    db: Connection[Any], keys: PersonKeys
) -> None:
    gone, neighbour = new_id(), new_id()
    rows = [write(arrived(id), keys) for id in (gone, neighbour)]

    db.execute("select destroy_key(%s)", [gone])
    forgotten: Any = read(rows[0], of(db))
    kept = read(rows[1], of(db))

    assert (forgotten.name, forgotten.emails, forgotten.room) == (None, None, 7)
    assert kept == arrived(neighbour)


def test_nobody_gets_a_second_key(db: Connection[Any], keys: PersonKeys) -> None:
    known, never_known = new_id(), new_id()
    write(arrived(known), keys)
    for person in (known, never_known, known):
        db.execute("select destroy_key(%s)", [person])

    for person in (known, never_known):
        with pytest.raises(Forgotten):
            write(arrived(person), of(db))
    tombstones = db.execute(
        "select wrapped, master from person_keys where forgotten_at is not null and person = any(%s)",
        [[known, never_known]],
    )
    assert tombstones.fetchall() == [(None, None)] * 2


def test_a_key_is_forgotten_everywhere_after_a_while(db: Connection[Any]) -> None:
    person = new_id()
    here, elsewhere = of(db), of(db, lasts=0)
    row = write(arrived(person), here)
    read(row, elsewhere)

    db.execute("select destroy_key(%s)", [person])

    assert read(row, elsewhere).name is None  # type: ignore[attr-defined]
    assert read(row, here).name == "Ada Lovelace"  # type: ignore[attr-defined]


def test_two_who_make_a_key_at_once_share_one(db: Connection[Any]) -> None:
    person, one, other = new_id(), of(db), of(db)
    read(write(arrived(ADA), other), other)  # so that the other remembers keys
    other.recall([person])  # and that this person has none

    rows = [write(arrived(person), one), write(arrived(person), other)]

    assert [read(row, of(db)) for row in rows] == [arrived(person)] * 2


def test_one_new_person_does_not_empty_what_is_remembered(db: Connection[Any]) -> None:
    asked: list[Any] = []

    def ask(statement: str, given: Any) -> Any:
        asked.append(given)
        return db.execute(statement.encode(), given).fetchall()

    keys = PersonKeys(ask)
    row = write(arrived(ADA), keys)
    write(arrived(new_id()), keys)
    asked.clear()

    read(row, keys)
    write(arrived(ADA), keys)

    assert not asked


def test_the_keys_of_many_are_one_question(db: Connection[Any], keys: PersonKeys) -> None:
    many = [new_id() for _ in range(20)]
    rows = [write(arrived(id), keys) for id in many]
    asked: list[Any] = []

    def ask(statement: str, given: Any) -> Any:
        asked.append(given)
        return db.execute(statement.encode(), given).fetchall()

    other = PersonKeys(ask)
    other.recall(many)

    assert [read(row, other).name for row in rows] == ["Ada Lovelace"] * 20  # type: ignore[attr-defined]
    assert len(asked) == 1


def test_without_a_master_key_it_says_what_is_missing(db: Connection[Any], keys: PersonKeys) -> None:
    row = write(arrived(ADA), keys)
    unlock(None)

    for act in (lambda: write(arrived(new_id()), of(db)), lambda: read(row, of(db))):
        with pytest.raises(NoMasterKey, match="DAYBOOK_MASTER_KEY_FILE"):
            act()


def test_another_master_key_is_told_from_the_right_one(db: Connection[Any], keys: PersonKeys) -> None:
    row = write(arrived(ADA), keys)
    right, wrong = MasterKey(bytes(32)).name, MasterKey(b"x" * 32)
    unlock(MasterKeys([wrong]))

    with pytest.raises(WrongMasterKey, match=f"{right}, and this one is {wrong.name}"):
        read(row, of(db))


def test_who_has_no_keys_does_not_read_null_but_fails(keys: PersonKeys) -> None:
    row = write(arrived(ADA), keys)

    with pytest.raises(NoKeys):
        read(row)
    with pytest.raises(NoKeys):
        write(arrived(ADA))


def test_a_derived_secret_is_another_for_each_purpose() -> None:
    one, other = MasterKey(bytes(32)), MasterKey(b"x" * 32)

    assert len({one.derived("a"), one.derived("b"), other.derived("a"), bytes(32)}) == 4
    assert one.derived("a") == MasterKey(bytes(32)).derived("a")


def test_a_master_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    first = master_keys_of(None, tmp_path, make=True)
    again = master_keys_of(None, tmp_path, make=True)

    assert first and again and first.first.name == again.first.name
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600
    assert master_keys_of(None, tmp_path / "none", make=False) is None


def test_a_file_that_is_named_wins_and_may_be_written_by_any_tool(tmp_path: Path) -> None:
    secret, file = urandom(32), tmp_path / "key"
    master_keys_of(None, tmp_path, make=True)

    for encode in (b64encode, urlsafe_b64encode):
        file.write_bytes(encode(secret) + b"\n")
        found = master_keys_of(file, tmp_path, make=True)
        assert found and found.first.name == MasterKey(secret).name


def test_a_database_is_opened_with_its_own_master_key_and_gets_no_other(
    db: Connection[Any], keys: PersonKeys, tmp_path: Path
) -> None:
    write(arrived(ADA), keys)
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_bytes(b64encode(bytes(32)))
    wrong.write_bytes(b64encode(b"x" * 32))

    found, none = fitting(db, right, tmp_path, make=True), fitting(db, None, tmp_path, make=True)

    assert found and found.first.name == MasterKey(bytes(32)).name
    assert none is None and not (tmp_path / "master.key").exists()
    with pytest.raises(WrongMasterKey, match=f"under the master key {found.first.name}, and {wrong} holds"):
        fitting(db, wrong, tmp_path, make=True)


@pytest.mark.parametrize("text", ["", "secret", "x" * 42, "x" * 44, "é" * 43])
def test_what_is_no_master_key_is_refused_by_the_name_of_its_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)

    with pytest.raises(WrongMasterKey, match=f"{file} holds no master key") as refused:
        keys_in(file)
    assert not text or text not in str(refused.value).replace(str(file), "")
