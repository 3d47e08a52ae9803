"""Anchors: what was signed and kept elsewhere shows a tail that was cut off, and a chain that was computed anew."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner, Result

from infra.anchors import Anchor, NothingToAnchor, WrongAnchor, add, anchor, key_from, key_in, read
from infra.cli import Ports, command_line
from infra.database import connect, migrate
from infra.event_store import EventStore
from server import application, at_hand, sdl
from tests.infra.history import a_product, commit

PAGE = Path(__file__).parent.parent.parent / "docs" / "history-format.md"


@pytest.fixture(scope="module")
def address(database_url: str) -> Iterator[str]:
    """A database for the command line, which knows no schema but one."""
    name = f"test_anchors_{os.getpid()}"
    parts = {**conninfo_to_dict(database_url), "dbname": name}
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        yield f"postgresql:///{name}?{urlencode(parts)}"
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def company(address: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a company whose history has five events."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("drop schema if exists daybook cascade")
    migrate(address)
    record(address, 5)
    yield {"DAYBOOK_DATABASE_URL": address, "DAYBOOK_DATA": str(tmp_path / "data")}


@pytest.fixture
def history(company: dict[str, str], address: str) -> Iterator[Connection[Any]]:
    """The same, whose owner has switched off what guards it."""
    with connect(address) as connection:
        connection.execute("alter table events disable trigger append_only")
        yield connection


def record(address: str, events: int) -> None:
    with EventStore(address) as store:
        for _ in range(events):
            store.append(commit(a_product())).result(60)


def run(company: dict[str, str], *arguments: object) -> Result:
    return CliRunner().invoke(
        command_line(Ports(application, sdl, at_hand)), [str(each) for each in arguments], env=company
    )


def cut(connection: Connection[Any], last: int) -> None:
    connection.execute("delete from events where position > %s", [last])
    connection.execute(
        "update event_head set (position, hash) = (select position, hash from events where position = %s)", [last]
    )


def forge(connection: Connection[Any], first: int, last: int) -> None:
    """Change an event, and compute all hashes from it on anew."""
    connection.execute("update events set actor = gen_random_uuid() where position = %s", [first])
    for position in range(first, last + 1):
        connection.execute(
            "update events e set hash = sha256((select hash from events where position = %s) || content(e)) "
            "where position = %s",
            [position - 1, position],
        )
    connection.execute("update event_head set hash = (select hash from events where position = %s)", [last])


def anchored(company: dict[str, str], address: str, file: Path) -> None:
    """Anchors at the positions 5 and 8 of a history of ten events."""
    assert run(company, "anchor", "--to", file).exit_code == 0
    record(address, 3)
    assert run(company, "anchor", "--to", file).exit_code == 0
    record(address, 2)


def test_a_history_that_goes_on_holds_against_its_anchors(
    company: dict[str, str], address: str, history: Connection[Any], tmp_path: Path
) -> None:
    anchored(company, address, tmp_path / "anchors")

    verified = run(company, "verify", "history", "--against", tmp_path / "anchors", "--json")
    told = run(company, "verify", "history", "--against", tmp_path / "anchors")

    ((last,),) = history.execute("select encode(hash, 'hex') from events where position = 10").fetchall()
    key = key_in(Path(company["DAYBOOK_DATA"])).public_key().public_bytes_raw().hex()
    said = json.loads(verified.stdout)
    assert (verified.exit_code, said["position"], said["receipt"], said["broken"]) == (0, 10, last, None)
    found = [said["against"][name] for name in ("anchors", "first", "last", "public_keys")]
    assert found == [2, 5, 8, [key]]
    assert "it holds against 2 anchors of positions 5 to 8" in told.stdout
    assert key in told.stdout


@pytest.mark.parametrize(("last", "broken", "line"), [(9, None, 0), (7, 8, 2), (4, 5, 1)])
def test_a_cut_tail_is_shown_by_the_first_anchor_beyond_it(
    company: dict[str, str],
    address: str,
    history: Connection[Any],
    tmp_path: Path,
    last: int,
    broken: int | None,
    line: int,
) -> None:
    file = tmp_path / "anchors"
    anchored(company, address, file)
    cut(history, last)

    without = run(company, "verify", "history")
    verified = run(company, "verify", "history", "--against", file)

    assert without.exit_code == 0
    if broken is None:
        assert verified.exit_code == 0
    else:
        assert verified.exit_code == 1
        assert verified.stdout == (
            f"the history is broken at position {broken}: the event that the receipt was given for is gone: "
            f"the end was cut off (line {line} of {file})\n"
        )


@pytest.mark.parametrize(("first", "broken", "line"), [(9, None, 0), (6, 8, 2), (2, 5, 1)])
def test_a_forged_chain_is_shown_by_the_first_anchor_after_the_forgery(
    company: dict[str, str],
    address: str,
    history: Connection[Any],
    tmp_path: Path,
    first: int,
    broken: int | None,
    line: int,
) -> None:
    anchored(company, address, tmp_path / "anchors")
    forge(history, first, 10)

    verified = run(company, "verify", "history", "--against", tmp_path / "anchors", "--json")

    said = json.loads(verified.stdout)
    assert said["broken"] == broken
    assert verified.exit_code == (broken is not None)
    if broken:
        assert said["problem"].endswith(f"(line {line} of {tmp_path / 'anchors'})")


CHANGES = {
    "position": ('"position":5', '"position":4'),
    "hash": ('"hash":"', '"hash":"00'),
    "at": ('"at":"20', '"at":"19'),
    "format": ('"format":1', '"format":2'),
    "signature": ('"signature":"', '"signature":"00'),
    "public_key": ('"public_key":"', '"public_key":"zz'),
    "what is not signed": ("{", '{"remark":"",'),
    "its end": ("}", ""),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_anchor_that_was_changed_is_named(company: dict[str, str], tmp_path: Path, what: str) -> None:
    file, (old, new) = tmp_path / "anchors", CHANGES[what]
    run(company, "anchor", "--to", file)
    run(company, "anchor", "--to", file)
    first, second = file.read_text().splitlines()
    file.write_text(f"{first}\n{second.replace(old, new, 1)}\n")

    verified = run(company, "verify", "history", "--against", file)

    assert isinstance(verified.exception, WrongAnchor)
    assert f"line 2 of {file} " in str(verified.exception)


def test_an_anchor_of_somebody_else_does_not_count_where_the_signer_is_named(
    company: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "anchors"
    run(company, "anchor", "--to", file)
    ours = key_in(Path(company["DAYBOOK_DATA"])).public_key().public_bytes_raw().hex()
    theirs = pem(tmp_path / "theirs", Ed25519PrivateKey.generate())
    good = run(company, "verify", "history", "--against", file, "--signed-by", ours.upper())
    run(company, "anchor", "--to", file, "--key", theirs)

    anybody = run(company, "verify", "history", "--against", file, "--json")
    only_us = run(company, "verify", "history", "--against", file, "--signed-by", ours)

    assert good.exit_code == 0
    assert anybody.exit_code == 0
    assert len(json.loads(anybody.stdout)["against"]["public_keys"]) == 2
    assert isinstance(only_us.exception, WrongAnchor)
    assert f"line 2 of {file} was signed by another" in str(only_us.exception)


def test_anchors_that_contradict_each_other_are_no_proof(
    company: dict[str, str], history: Connection[Any], tmp_path: Path
) -> None:
    run(company, "anchor", "--to", tmp_path / "anchors")
    forge(history, 3, 5)
    run(company, "anchor", "--to", tmp_path / "anchors")

    with pytest.raises(WrongAnchor, match=r"line 2 of .* names another hash for position 5"):
        read(tmp_path / "anchors")


def test_the_key_is_made_once_and_for_its_owner_alone(company: dict[str, str], tmp_path: Path) -> None:
    data = Path(company["DAYBOOK_DATA"])

    first = run(company, "anchor", "--json")
    again = run(company, "anchor", "--json")

    assert (data / "anchor.key").stat().st_mode & 0o777 == 0o600
    assert json.loads(first.stdout)["public_key"] == json.loads(again.stdout)["public_key"]
    assert len(read(data / "anchors.ndjson").found) == 2
    assert list(tmp_path.iterdir()) == [data]


def pem(file: Path, key: Any) -> Path:
    how = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(*how))
    return file


def test_a_key_that_is_none_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("hush")

    with pytest.raises(WrongAnchor, match=r"key is no Ed25519 key in PEM"):
        key_from(file)
    with pytest.raises(WrongAnchor, match=r"nowhere cannot be read"):
        key_from(tmp_path / "nowhere")


def test_a_line_that_a_crash_cut_short_is_not_written_on(company: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "anchors"
    file.write_text('{"format":1,"posi')

    refused = run(company, "anchor", "--to", file)

    assert isinstance(refused.exception, WrongAnchor)
    assert file.read_text() == '{"format":1,"posi'


def test_an_empty_history_is_not_anchored_nor_one_that_does_not_end_where_it_says(
    database_url: str, schema: str, tmp_path: Path
) -> None:
    migrate(database_url, schema)
    key = key_in(tmp_path)

    with connect(database_url, schema) as connection:
        with pytest.raises(NothingToAnchor, match="is empty"):
            anchor(connection, key)
        with EventStore(database_url, schema) as store:
            store.append(commit(a_product())).result(60)
        connection.execute("update event_head set hash = sha256('')")
        with pytest.raises(NothingToAnchor, match="verify history"):
            anchor(connection, key)
    with pytest.raises(WrongAnchor, match="there is no anchor in"):
        (tmp_path / "anchors").touch()
        read(tmp_path / "anchors")


def test_the_program_on_the_page_checks_the_signatures_of_a_file(company: dict[str, str], tmp_path: Path) -> None:
    programs = re.findall(r"```python\n(.*?)\n```", PAGE.read_text(), re.DOTALL)
    (program,) = [each for each in programs if "daybook anchor" in each]
    file = tmp_path / "anchors"
    run(company, "anchor", "--to", file)

    def check() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program]
        return subprocess.run(command, input=file.read_text(), capture_output=True, text=True, timeout=30)

    good = check()
    made = read(file).found[0]
    file.write_text(file.read_text().replace(made.hash, "00" * 32))
    bad = check()

    assert (good.returncode, good.stdout.split()[:2]) == (0, ["5", made.hash])
    assert bad.returncode != 0


def test_lines_are_added_and_never_replaced(tmp_path: Path) -> None:
    file, one = tmp_path / "anchors", Anchor(1, 5, "00" * 32, "2024-02-29T12:00:00.000000Z", "00" * 32, "00" * 64)

    add(file, one)
    before = file.read_bytes()
    add(file, one)

    assert file.read_bytes() == before * 2
