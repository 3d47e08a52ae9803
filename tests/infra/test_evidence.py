"""A file of events proves what was recorded: whatever is done to it, to us and to a stranger the fault is named."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import copy
from typing import Any
from uuid import UUID

import psycopg
import pyarrow.parquet
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from infra.anchors import public_half
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.evidence import writing
from infra.evidence.checking import Checked, check, gap
from infra.evidence.forms import FORMS
from infra.evidence.manifest import WrongManifest, beside, read
from infra.evidence.rows import Row, Unreadable, microseconds, written
from infra.evidence.writing import export_events
from infra.exporting import CannotExport, Format
from infra.keys import LENGTH, MasterKey, MasterKeys, unlock
from infra.verify import BEGINNING, hashes_at, linked
from tests.conftest import ROOT
from tests.infra.history import a_product, asked, commit
from tests.scenario import ME, World, a_contact, an_account

PAGE = (ROOT / "docs" / "history-format.md").read_text()
[STRANGER] = [
    text for text in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "manifest" in text and "hashlib" in text
]
[SIGNATURE] = [text for text in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "daybook manifest" in text]
ORIGINS = ('"prices"\\März \x1f\x7f 😀\n,"state":{}}', "=1+1", "'", "", "'=1", " @x", "a\r\nb", None)
SECRETS = ("Zebedee", "Quillfeather", "zebedee@hidden.example", "901820", "1987-03-21")
ZEBEDEE = {
    "given_name": "Zebedee",
    "family_name": "Quillfeather",
    "birthday": "1987-03-21",
    "emails": ["zebedee@hidden.example"],
    "phones": ["+49 30 901820"],
}
FORMS_AND_NAMES = [
    (Format.NDJSON, "events.ndjson"),
    (Format.CSV, "events.csv"),
    (Format.PARQUET, "events.parquet"),
    (Format.NDJSON, "events.ndjson.gz"),
    (Format.CSV, "events.csv.gz"),
]
each_form = pytest.mark.parametrize(("format", "name"), FORMS_AND_NAMES, ids=[name for _, name in FORMS_AND_NAMES])


@dataclass(frozen=True)
class Company:
    """A company of some thirty events, and where it is."""

    world: World
    zebedee: UUID
    url: str
    schema: str

    @property
    def connection(self) -> Connection[Any]:
        return self.world.connection

    @property
    def head(self) -> int:
        return self.world.position


@pytest.fixture
def company(database_url: str, schema: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    """Its history is read and compared a few events at a time."""
    monkeypatch.setattr(writing, "AT_ONCE", 7)
    monkeypatch.setattr("infra.evidence.checking.AT_ONCE", 5)
    monkeypatch.setattr("infra.evidence.parquet.AT_ONCE", 4)
    with founded(database_url, schema) as made:
        yield made


@pytest.fixture(scope="module")
def files(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The history of such a company in every form, and some kinds of it."""
    unlock(MasterKeys([MasterKey(bytes(LENGTH))]))
    folder = tmp_path_factory.mktemp("evidence")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create schema test_evidence")
        with founded(database_url, "test_evidence") as company:
            for format, name in FORMS_AND_NAMES:
                export_events(company.connection, folder / name, format)
            export_events(company.connection, folder / "some.ndjson", Format.NDJSON, only=["Account", "Contact.Added"])
        yield {file.name: file for file in folder.iterdir()}
        connection.execute("drop schema test_evidence cascade")


@contextmanager
def founded(url: str, schema: str) -> Iterator[Company]:
    """A company with odd origins, somebody of whom something is sealed, and neighbours."""
    migrate(url, schema)
    with EventStore(url, schema) as store, connect(url, schema) as connection:
        for origin in ORIGINS:
            store.append(commit(a_product(), by=asked(origin=origin, on_behalf_of=ME))).result()
        world = World(store, connection)
        for name in ("Acme", "Bolt", "Köln 株式"):
            world.given("Account.rename", an_account(world, name), name=f'{name} "& Co"')
        zebedee = world.given("Contact.add", person=ZEBEDEE)
        for number in range(10):
            a_contact(world, f"Neighbour {number}")
        yield Company(world, zebedee, url, schema)


def copied(files: dict[str, Path], name: str, folder: Path) -> Path:
    """A file and its manifest, to do something to."""
    folder.mkdir(exist_ok=True)
    copy(beside(files[name]), folder)
    return Path(copy(files[name], folder))


def a_stranger_says(file: Path) -> tuple[int, str]:
    """What the program of the page says, in a folder and a Python where nothing of ours can be imported."""
    command = [sys.executable, "-I", "-S", "-c", STRANGER, file.name]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, timeout=60)
    return done.returncode, (done.stdout or done.stderr).strip()


def broken_at(said: str) -> int | None:
    found = re.search(r"broken at position (\d+)", said)
    return int(found[1]) if found else None


def amended(of: Path, **fields: Any) -> None:
    """A manifest that somebody changed."""
    manifest = json.loads(beside(of).read_text())
    beside(of).write_text(json.dumps(manifest | fields))


@each_form
def test_a_file_tells_every_event_as_it_was_recorded(
    company: Company, tmp_path: Path, format: Format, name: str
) -> None:
    manifest = export_events(company.connection, tmp_path / name, format)

    checked = check(tmp_path / name)

    assert checked.problem is None and checked == check(beside(tmp_path / name))
    assert (checked.first, checked.last, checked.events, checked.whole) == (1, company.head, company.head, True)
    assert checked.receipt == company.world.store.head()[1].hex()
    assert {file.name for file in tmp_path.iterdir()} == {name, f"{name}.manifest.json"}
    assert manifest == read(beside(tmp_path / name))
    assert sum(sum(each.values()) for each in manifest.kinds.values()) == company.head
    assert manifest.kinds["Product.Listed"] == {"1": len(ORIGINS)}


@pytest.mark.parametrize("format", [Format.NDJSON, Format.CSV, Format.PARQUET])
def test_what_is_read_back_is_what_the_database_holds(company: Company, tmp_path: Path, format: Format) -> None:
    export_events(company.connection, tmp_path / "file", format)

    with (tmp_path / "file").open("rb") as opened:
        rows = list(FORMS[format].read(opened))

    found = company.connection.execute(
        "select position, originator_id::text, topic, recorded_at, origin, state, hash from events order by position"
    ).fetchall()
    told = [(*row.told[:2], row.told[3], written(row.told[5]), row.told[14], row.state, row.hash) for row in rows]
    assert told == [(*each[:3], f"{each[3]:%Y-%m-%dT%H:%M:%S.%fZ}", *each[4:]) for each in found]


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
A_TIME = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
A_HASH = st.binary(min_size=32, max_size=32)
STATE = st.dictionaries(TEXT, TEXT | st.integers(-(2**60), 2**60) | st.none(), max_size=4)


@st.composite
def rows_of_any_content(draw: Callable[[Any], Any]) -> Row:
    number, maybe = st.integers(1, 2**62), st.none() | st.uuids().map(str)
    told = (
        draw(number), str(draw(st.uuids())), draw(number), draw(TEXT), draw(st.integers(1, 2**30)), draw(A_TIME),
        draw(A_TIME), str(draw(st.uuids())), draw(A_HASH).hex(), draw(TEXT), str(draw(st.uuids())), draw(maybe),
        draw(maybe), draw(maybe), draw(st.none() | TEXT),
    )  # fmt: skip
    return Row(told, json.dumps(draw(STATE), ensure_ascii=False).encode(), draw(A_HASH), draw(A_HASH))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(rows_of_any_content(), min_size=1, max_size=4), previous=st.booleans())
@pytest.mark.parametrize("format", [Format.NDJSON, Format.CSV, Format.PARQUET])
def test_any_row_comes_back_as_it_was(tmp_path: Path, format: Format, rows: list[Row], previous: bool) -> None:
    meant = [row if previous else row._replace(previous=None) for row in rows]

    with (tmp_path / "rows").open("wb") as out, FORMS[format].write(out, previous) as write:
        write(meant[:2])
        write(meant[2:])
    with (tmp_path / "rows").open("rb") as opened:
        assert list(FORMS[format].read(opened)) == meant


@given(time=A_TIME)
def test_a_time_is_written_in_one_way_and_read_back_exactly(time: int) -> None:
    assert microseconds(written(time)) == time
    for other in (written(time).replace("T", " "), written(time).replace("Z", "+00:00"), written(time)[:-2] + "Z"):
        with pytest.raises(Unreadable):
            microseconds(other)


def test_the_program_on_the_page_is_short_and_says_that_a_file_is_whole(files: dict[str, Path]) -> None:
    code, said = a_stranger_says(files["events.ndjson"])

    checked = check(files["events.ndjson"])
    assert (code, said) == (
        0,
        f"the history is whole from position 1 to {checked.last}; its last hash is {checked.receipt}",
    )
    assert len(STRANGER.splitlines()) <= 30
    assert {each for each in re.findall(r"^(?:import|from) ([\w, ]+?)(?: import|$)", STRANGER, re.M)} == {
        "hashlib, json, sys",
        "datetime",
    }


@st.composite
def faults(draw: Callable[[Any], Any]) -> Callable[[bytes], tuple[bytes, int | None]]:
    """Something done to a file, and the position where it shows first; None where it shows in the digest at least."""
    what = draw(st.sampled_from(["a byte changed", "removed", "swapped", "added", "doubled", "cut", "cut short"]))
    some, other, byte = draw(st.integers(0, 10**6)), draw(st.integers(0, 10**6)), draw(st.integers(1, 255))

    def do(text: bytes) -> tuple[bytes, int | None]:
        lines = text.splitlines(keepends=True)
        at = some % len(lines)
        if what == "a byte changed":
            place = some % len(text)
            position = text.count(b"\n", 0, place) + 1
            return text[:place] + bytes([text[place] ^ byte]) + text[place + 1 :], position
        if what == "removed":
            return b"".join(lines[:at] + lines[at + 1 :]), at + 1
        if what == "swapped":
            to = (at + 1 + other % (len(lines) - 1)) % len(lines)
            lines[at], lines[to] = lines[to], lines[at]
            return b"".join(lines), min(at, to) + 1
        if what == "added":
            lines.insert(at, lines[other % len(lines)].replace(b'"topic":"', b'"topic":"X'))
            return b"".join(lines), at + 1
        if what == "doubled":
            lines.insert(at, lines[at])
            return b"".join(lines), at + 2
        if what == "cut":
            return b"".join(lines[:at]), at + 1
        place = some % len(text)
        return text[:place], text.count(b"\n", 0, place) + 1

    return do


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fault=faults())
def test_whatever_is_done_to_a_file_is_named_by_us_and_by_a_stranger(
    files: dict[str, Path], tmp_path: Path, fault: Callable[[bytes], tuple[bytes, int | None]]
) -> None:
    file = copied(files, "events.ndjson", tmp_path)
    text, position = fault(file.read_bytes())
    file.write_bytes(text)

    checked, (code, said) = check(file), a_stranger_says(file)

    assert checked.problem is not None and code == 1
    # A byte that means the same, such as another space, is in no event: it shows in the digest of the file.
    assert checked.broken == position or (checked.broken is None and "digest" in checked.problem)
    assert broken_at(said) == position or said == "the file is not the one of its manifest"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10**6), byte=st.integers(1, 255), short=st.booleans())
@pytest.mark.parametrize("name", ["events.csv", "events.parquet", "events.ndjson.gz", "some.ndjson"])
def test_a_byte_that_was_changed_or_lost_shows_in_every_form(
    files: dict[str, Path], tmp_path: Path, name: str, at: int, byte: int, short: bool
) -> None:
    file = copied(files, name, tmp_path)
    text = file.read_bytes()
    at %= len(text)
    file.write_bytes(text[:at] if short else text[:at] + bytes([text[at] ^ byte]) + text[at + 1 :])

    assert check(file).problem is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"from": 2},
        {"to": 5},
        {"to": 10**6},
        {"events": 7},
        {"bytes": 7},
        {"sha256": "00" * 32},
        {"hash": "00" * 32},
        {"hash_before": "00" * 32},
        {"recorded_from": "2020-01-01T00:00:00.000000Z"},
        {"recorded_to": None},
        {"kinds": {"Product.Listed": {"1": 8}}},
        {"only": ["Account"]},
        {"form": "csv"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_manifest_that_tells_otherwise_is_found_out(
    files: dict[str, Path], tmp_path: Path, fields: dict[str, Any]
) -> None:
    file = copied(files, "events.ndjson", tmp_path)
    amended(file, **fields)

    assert check(file).problem is not None


@pytest.mark.parametrize("fields", [{"format": 2}, {"chain": 2}, {"what": "else"}, {"more": 1}, {"hash_before": "zz"}])
def test_a_manifest_of_another_format_is_no_proof(
    files: dict[str, Path], tmp_path: Path, fields: dict[str, Any]
) -> None:
    file = copied(files, "events.ndjson", tmp_path)
    amended(file, **fields)

    with pytest.raises(WrongManifest):
        check(file)


def test_whoever_has_the_public_key_sees_by_whom_a_manifest_was_signed(company: Company, tmp_path: Path) -> None:
    file, key, other = tmp_path / "signed.ndjson", Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    mine, theirs = public_half(key), public_half(other)

    export_events(company.connection, file, Format.NDJSON, only=["Account"], key=key)
    export_events(company.connection, tmp_path / "unsigned", Format.CSV)

    assert (read(beside(file)).public_key, "signature" in beside(tmp_path / "unsigned").read_text()) == (mine, False)
    assert (check(file).problem, check(file, signers={theirs, mine}).problem) == (None, None)
    assert check(file, signers={theirs}).problem == f"its manifest was signed by another: {mine}"
    assert check(tmp_path / "unsigned").public_key is None
    assert check(tmp_path / "unsigned", signers={mine}).problem == "its manifest is not signed"
    assert by_a_stranger(file) == f"signed.ndjson is signed by {mine}\n"


@pytest.mark.parametrize(
    "fields",
    [
        {"to": 7}, {"hash_before": "00" * 32}, {"kinds": {"Account.Registered": {"1": 4}}}, {"made_by": "another"},
        {"signature": "00" * 64}, {"signature": None}, {"public_key": None}, {"public_key": "no key"},
        {"public_key": public_half(Ed25519PrivateKey.from_private_bytes(bytes(32)))},
    ],
    ids=lambda fields: "-".join(fields),
)  # fmt: skip
def test_a_manifest_that_was_changed_after_it_was_signed_is_no_proof(
    company: Company, tmp_path: Path, fields: dict[str, Any]
) -> None:
    file = tmp_path / "signed.ndjson"
    export_events(company.connection, file, Format.NDJSON, key=Ed25519PrivateKey.generate())
    assert check(file).problem is None

    amended(file, **fields)

    assert check(file).problem == "its manifest was not signed with the key that it names: it was changed"
    assert "was signed by" not in by_a_stranger(file)


def by_a_stranger(file: Path) -> str:
    """What the program of the page says of who signed."""
    command = [sys.executable, "-I", "-c", SIGNATURE, file.name]
    return subprocess.run(command, cwd=file.parent, capture_output=True, text=True, timeout=60).stdout


def test_without_its_manifest_a_file_proves_nothing(files: dict[str, Path], tmp_path: Path) -> None:
    file = copied(files, "events.ndjson", tmp_path)
    beside(file).unlink()

    with pytest.raises(WrongManifest, match=r"the manifest of .* is missing: it should be .*events\.ndjson\.manifest"):
        check(file)


@pytest.mark.parametrize("elsewhere", ["../events.ndjson", "/etc/passwd", "nowhere"])
def test_a_manifest_is_about_a_file_beside_it(files: dict[str, Path], tmp_path: Path, elsewhere: str) -> None:
    file = copied(files, "events.ndjson", tmp_path / "inner")
    copy(file, tmp_path)
    amended(file, file=elsewhere)

    with pytest.raises(WrongManifest, match="is not beside it"):
        check(beside(file))


def test_a_chain_that_was_computed_anew_is_shown_by_a_receipt(files: dict[str, Path], tmp_path: Path) -> None:
    file = copied(files, "events.ndjson", tmp_path)
    lines, last = [json.loads(line) for line in file.read_text("utf-8").split("\n")[:-1]], BEGINNING
    kept = {each["position"]: each["hash"] for each in lines if each["position"] in (3, 9)}
    with file.open("rb") as opened:
        rows = [row._replace(told=(*row.told[:10], str(ME), *row.told[11:])) if row.position == 7 else row
                for row in FORMS[Format.NDJSON].read(opened)]  # fmt: skip
    forged = []
    for row in rows:
        last = linked(last, row.told, row.state)
        forged.append(row._replace(hash=last))
    with file.open("wb") as out, FORMS[Format.NDJSON].write(out, False) as write:
        write(forged)
    amended(file, hash=last.hex(), sha256=sha256(file.read_bytes()).hexdigest(), bytes=file.stat().st_size)

    assert check(file).problem is None
    assert check(file, {3: kept[3]}).met == (3,)
    assert check(file, kept).broken == 9


def test_parts_prove_together_what_each_of_them_proves_of_itself(company: Company, tmp_path: Path) -> None:
    one, two, beyond = (tmp_path / name for name in ("one", "two", "beyond"))
    export_events(company.connection, one, Format.NDJSON, last=10)
    export_events(company.connection, two, Format.CSV, first=11, last=20)
    export_events(company.connection, beyond, Format.NDJSON, first=22)

    found = [check(file) for file in (one, two, beyond)]

    assert [each.problem for each in found] == [None] * 3
    assert found[1].before == found[0].receipt
    assert (gap(found[0], found[1]), gap(found[0], found[0])) == (None, None)
    assert "the positions 21 to 21 are missing" in str(gap(found[1], found[2]))
    strange = Checked("strange", 11, 20, 10, "00" * 32, "", True, None)
    assert "does not go on with the event" in str(gap(found[0], strange))
    assert a_stranger_says(beyond)[0] == 0


def test_some_kinds_are_each_shown_to_be_what_was_recorded(company: Company, tmp_path: Path) -> None:
    manifest = export_events(company.connection, tmp_path / "some", Format.NDJSON, only=["Contact.Added", "Account"])

    checked = check(tmp_path / "some", live=lambda positions: hashes_at(company.connection, positions))

    assert (checked.problem, checked.whole, checked.last) == (None, False, company.head)
    assert set(manifest.kinds) == {"Account.Registered", "Account.Renamed", "Contact.Added"}
    assert checked.events == manifest.events == 3 + 3 + 11


@pytest.mark.parametrize(
    ("doing", "position", "problem"),
    [
        (lambda lines: [lines[1], lines[0], *lines[2:]], 9, "stands after one that comes later"),
        (lambda lines: [lines[0].replace(b"Acme", b"Acne"), *lines[1:]], 9, "is not what was recorded"),
        (lambda lines: lines[1:], None, "not as many of each kind"),
    ],
)
def test_what_is_wrong_with_some_kinds_is_named(
    files: dict[str, Path], tmp_path: Path, doing: Callable[[list[bytes]], list[bytes]], position: int, problem: str
) -> None:
    file = copied(files, "some.ndjson", tmp_path)
    file.write_bytes(b"".join(doing(file.read_bytes().splitlines(keepends=True))))

    checked = check(file)

    assert (checked.broken, problem in str(checked.problem)) == (position, True), checked


def test_where_the_database_tells_otherwise_than_the_file_the_position_is_named(
    company: Company, tmp_path: Path
) -> None:
    export_events(company.connection, tmp_path / "file", Format.NDJSON)
    company.connection.execute("alter table events disable trigger append_only")

    def live(positions: Any) -> Any:
        return hashes_at(company.connection, positions)

    same = check(tmp_path / "file", live=live)
    company.connection.execute("delete from events where position > 14")
    cut = check(tmp_path / "file", live=live)
    company.connection.execute("update events set hash = sha256('') where position = 7")
    other = check(tmp_path / "file", live=live)

    assert same.problem is None
    assert (cut.broken, cut.problem) == (15, "the database does not have this event")
    assert (other.broken, other.problem) == (7, "the database has another event there")


def test_what_is_personal_is_sealed_and_forgetting_reaches_every_file(company: Company, tmp_path: Path) -> None:
    for format, name in FORMS_AND_NAMES[:3]:
        export_events(company.connection, tmp_path / name, format)
    in_files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    with (tmp_path / "events.ndjson").open("rb") as opened:
        [row] = [row for row in FORMS[Format.NDJSON].read(opened) if row.told[1] == str(company.zebedee)]
    sealed, place = json.loads(row.state)["person"], f"{company.zebedee}/1/person".encode()
    before = company.world.store.keys.open(company.zebedee, sealed, place)

    company.world.given("Contact.forget", company.zebedee, reason="asked to")
    after = company.world.store.keys.open(company.zebedee, sealed, place)

    assert [secret for secret in SECRETS if secret.encode() in in_files] == []
    assert before is not None and all(secret.encode() in before for secret in SECRETS)
    assert after is None
    for _, name in FORMS_AND_NAMES[:3]:
        held = check(tmp_path / name, live=lambda positions: hashes_at(company.connection, positions))
        assert held.problem is None


def test_an_export_ends_where_the_history_did_when_it_began(company: Company, tmp_path: Path) -> None:
    head, going, ended = company.head, threading.Event(), threading.Event()

    def append() -> None:
        while not ended.is_set():
            company.world.given("Product.list_product", code=f"P{company.head}", name="Pump")
            going.set()

    appending = threading.Thread(target=append)

    def meanwhile(done: int, all: int) -> None:
        if not going.is_set():
            appending.start()
            assert going.wait(30)

    with connect(company.url, company.schema) as connection:
        export_events(connection, tmp_path / "file", Format.NDJSON, progress=meanwhile)
    ended.set()
    appending.join(30)

    assert company.head > head
    assert (check(tmp_path / "file").last, check(tmp_path / "file").problem) == (head, None)


def test_what_is_there_is_never_written_over(company: Company, tmp_path: Path) -> None:
    file = tmp_path / "file"
    export_events(company.connection, file, Format.NDJSON, last=5)
    before = file.read_bytes(), beside(file).read_bytes()

    with pytest.raises(CannotExport, match="exists already"):
        export_events(company.connection, file, Format.NDJSON)
    assert (file.read_bytes(), beside(file).read_bytes()) == before
    file.unlink()
    with pytest.raises(CannotExport, match=r"manifest\.json exists already"):
        export_events(company.connection, file, Format.NDJSON)


@pytest.mark.parametrize("format", [Format.NDJSON, Format.CSV, Format.PARQUET])
def test_of_an_export_that_fails_nothing_is_left(company: Company, tmp_path: Path, format: Format) -> None:
    company.connection.execute("alter table events disable trigger append_only")
    company.connection.execute("update events set state = '{' where position = 20")

    with pytest.raises(CannotExport, match="position 20 is none that Daybook records"):
        export_events(company.connection, tmp_path / "file", format)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("first", "last", "message"), [(30, 20, "nothing from"), (1, 900, "ends with position")])
def test_there_must_be_something_to_export(
    company: Company, tmp_path: Path, first: int, last: int, message: str
) -> None:
    with pytest.raises(CannotExport, match=message):
        export_events(company.connection, tmp_path / "file", Format.NDJSON, first, last)


def test_no_spreadsheet_takes_an_origin_for_a_formula(files: dict[str, Path]) -> None:
    with files["events.csv"].open(newline="", encoding="utf-8") as opened:
        origins = [row["origin"] for row in csv.DictReader(opened)]

    assert origins[1:8] == ["'=1+1", "''", "'", "''=1", "' @x", "a\r\nb", ""]


def test_parquet_is_read_by_others_as_numbers_times_and_texts(files: dict[str, Path]) -> None:
    table = pyarrow.parquet.read_table(files["events.parquet"])

    types = {str(field.type) for field in table.schema}
    assert types == {"int64", "int32", "timestamp[us, tz=UTC]", "string"}
    assert table["origin"].to_pylist()[: len(ORIGINS)] == list(ORIGINS)


def test_where_pyarrow_is_missing_it_is_said_how_to_have_it(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(CannotExport, match=r"pip install 'daybook\[parquet\]'"):
        export_events(company.connection, tmp_path / "file", Format.PARQUET)
    assert list(tmp_path.iterdir()) == []


def test_a_text_of_many_lines_is_one_row(company: Company, tmp_path: Path) -> None:
    account = an_account(company.world, "Long")
    text = '"\n' * 4_000
    company.world.given("Account.comment", account, text=text)

    for format, name in FORMS_AND_NAMES:
        export_events(company.connection, tmp_path / name, format)
        assert check(tmp_path / name).problem is None
