"""`daybook export events` and `daybook verify history --against` what it wrote, as an auditor uses them."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.anchors import key_in, public_half
from infra.database import connect
from infra.keys import LENGTH
from tests.infra.daybook import Said, daybook, daybook_apart
from tests.infra.test_anchors import address as address
from tests.infra.test_anchors import company as company
from tests.infra.test_anchors import record

OTHER = Ed25519PrivateKey.generate()


class Auditor:
    """The command line at the company, and on a machine that has nothing of it."""

    def __init__(self, company: dict[str, str], address: str, folder: Path) -> None:
        self.data, self.address, self.folder = Path(company["DAYBOOK_DATA"]), address, folder
        self.key = folder / "key"
        self.key.write_text(b64encode(bytes(LENGTH)).decode())

    def at_the_company(self, *arguments: object) -> Said:
        return daybook(self.data, *map(str, arguments), database_url=self.address, master_key_file=self.key)

    def elsewhere(self, *arguments: object) -> Said:
        nothing = self.folder / "nothing"
        said = daybook(nothing, *map(str, arguments))
        assert not nothing.exists()
        return said

    def exports(self, name: str, *arguments: object) -> Path:
        said = self.at_the_company("export", "events", "--out", self.folder / name, *arguments)
        assert said.returncode == 0, said.stderr
        return self.folder / name


@pytest.fixture
def auditor(company: dict[str, str], address: str, tmp_path: Path) -> Auditor:
    """Of a company whose history has five events."""
    return Auditor(company, address, tmp_path)


def told(said: Said) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said.stdout)
    return found


@pytest.mark.parametrize("format", ["ndjson", "csv", "parquet"])
def test_an_export_is_verified_where_there_is_no_database_and_no_data_folder(auditor: Auditor, format: str) -> None:
    file = auditor.exports("events", "--format", format)
    history = told(auditor.at_the_company("verify", "--json"))

    said = auditor.elsewhere("verify", "history", "--against", file)
    found = told(auditor.elsewhere("verify", "history", "--against", f"{file}.manifest.json", "--json"))

    assert said.returncode == 0
    assert said.stdout == (
        f"{file} is whole: all events of the positions 1 to 5, whose receipt is {history['receipt']}\n"
        f"the manifest of {file} is not signed: who made it is not shown\n"
    )
    assert (found["position"], found["receipt"], found["problem"]) == (5, history["receipt"], None)


def test_a_file_that_was_changed_is_broken_at_a_position(auditor: Auditor) -> None:
    file = auditor.exports("events.ndjson", "--format", "ndjson")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:2], lines[2].replace(b"Mat", b"Bat"), *lines[3:]]))

    said = auditor.elsewhere("verify", "history", "--against", file)

    assert said.returncode == 1
    assert said.stdout == f"the history is broken at position 3: this event is not what was recorded ({file})\n"


def test_files_are_held_against_receipts_and_anchors_that_were_kept_elsewhere(auditor: Auditor) -> None:
    anchors = auditor.folder / "anchors"
    auditor.at_the_company("anchor", "--to", anchors)
    record(auditor.address, 3)
    auditor.at_the_company("anchor", "--to", anchors)
    key = key_in(auditor.data).public_key().public_bytes_raw().hex()
    whole, first = auditor.exports("whole"), auditor.exports("first", "--to", 6)
    receipt = f"8:{told(auditor.at_the_company('verify', '--json'))['receipt']}"

    both = auditor.elsewhere("verify", "--against", whole, "--against", anchors, "--signed-by", key)
    one = auditor.elsewhere("verify", "--against", first, "--against", anchors)
    neither = auditor.elsewhere("verify", "--against", auditor.exports("few", "--to", 4), "--against", anchors)
    kept = auditor.elsewhere("verify", "--against", whole, "--receipt", receipt)
    beyond = auditor.elsewhere("verify", "--against", first, "--receipt", receipt)
    other = auditor.elsewhere("verify", "--against", whole, "--receipt", f"8:{'0' * 64}")

    assert "it holds against 2 anchors of positions 5 to 8" in both.stdout and key in both.stdout
    assert "it holds against 1 of 2 anchors; the others are of positions that are not in it" in one.stdout
    assert (neither.returncode, "none of the anchors is about an event that is in it" in neither.stdout) == (1, True)
    assert kept.returncode == 0
    assert (beyond.returncode, "no event of position 8 is in it" in beyond.stdout) == (1, True)
    assert (other.returncode, "broken at position 8" in other.stdout) == (1, True)


def test_a_manifest_is_signed_by_the_key_of_anchors_or_another_and_that_is_asked_for(auditor: Auditor) -> None:
    unsigned = auditor.exports("unsigned")
    auditor.at_the_company("anchor", "--to", auditor.folder / "anchors")
    mine = public_half(key_in(auditor.data))
    pem = auditor.folder / "other.pem"
    pem.write_bytes(OTHER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    signed, others = auditor.exports("signed"), auditor.exports("others", "--key", pem)

    said = [
        auditor.elsewhere("verify", "--against", file, "--signed-by", mine.upper())
        for file in (signed, others, unsigned)
    ]

    assert [each.returncode for each in said] == [0, 1, 1]
    assert f"the manifest of {signed} is signed by {mine}" in said[0].stdout
    assert f"this proves nothing: its manifest was signed by another: {public_half(OTHER)}" in said[1].stdout
    assert "this proves nothing: its manifest is not signed" in said[2].stdout
    told_by = auditor.at_the_company("export", "events", "--out", auditor.folder / "again")
    assert f"again.manifest.json, signed by {mine}" in told_by.stdout
    with_database = auditor.at_the_company("verify", "--against", others, "--signed-by", mine, "--with-database")
    assert (with_database.returncode, "signed by another" in with_database.stdout) == (1, True)


def test_an_unsigned_export_says_so_and_what_would_sign_it(auditor: Auditor) -> None:
    said = auditor.at_the_company("export", "events", "--out", auditor.folder / "unsigned")
    nothing = auditor.elsewhere("verify", "--signed-by", "00")
    piped = auditor.at_the_company("export", "events", "--key", auditor.key)
    wrong = auditor.at_the_company("export", "events", "--key", auditor.key, "--out", auditor.folder / "wrong")

    assert "which is not signed: give --key, or run `daybook anchor` once" in said.stdout
    assert nothing.returncode == piped.returncode == 2
    assert (wrong.returncode, "is no Ed25519 key in PEM" in wrong.stderr) == (1, True)
    assert not (auditor.folder / "wrong").exists()


def test_several_files_are_one_history_where_each_goes_on_from_the_one_before(auditor: Auditor) -> None:
    one, two = auditor.exports("one", "--to", 2), auditor.exports("two", "--from", 3, "--format", "ndjson")
    last = auditor.exports("last", "--from", 5)

    whole = auditor.elsewhere("verify", "--against", two, "--against", one)
    holed = auditor.elsewhere("verify", "--against", last, "--against", one, "--json")

    assert (whole.returncode, whole.stdout.count("is whole")) == (0, 2)
    assert (holed.returncode, told(holed)["problem"]) == (
        1,
        f"between {one} and {last} the positions 3 to 4 are missing",
    )


def test_with_the_database_both_are_verified_and_must_agree(auditor: Auditor) -> None:
    file = auditor.exports("events")
    record(auditor.address, 1)

    same = auditor.at_the_company("verify", "--against", file, "--with-database")
    with connect(auditor.address) as connection:
        connection.execute("alter table events disable trigger append_only")
        connection.execute("update events set actor = gen_random_uuid() where position = 2")
        broken = auditor.at_the_company("verify", "--against", file, "--with-database")
        for position in range(2, 7):
            connection.execute(
                "update events e set hash = sha256((select hash from events where position = %s) || content(e)) "
                "where position = %s",
                [position - 1, position],
            )
        connection.execute("update event_head set hash = (select hash from events where position = 6)")
    forged = auditor.at_the_company("verify", "--against", file, "--with-database")

    assert (same.returncode, same.stdout.count(" whole")) == (0, 2)
    assert "broken at position 2: this event is not what was recorded, or is missing\n" in broken.stdout
    assert f"broken at position 2: the database has another event there ({file})\n" in forged.stdout
    assert auditor.elsewhere("verify", "--against", file).returncode == 0


def test_the_standard_output_takes_events_too_but_no_manifest(auditor: Auditor) -> None:
    said = daybook_apart(
        auditor.data, "export", "events", "--format", "ndjson", "--from", "2", "--kind", "Product.Listed",
        database_url=auditor.address,
    )  # fmt: skip

    assert [json.loads(line)["position"] for line in said.stdout.splitlines()] == [2, 3, 4, 5]
    assert said.stderr == "4 events, without a manifest: only a file has one\n"


def test_days_and_times_name_positions(auditor: Auditor) -> None:
    later = auditor.exports("all", "--from", "2020-01-01", "--to", "2099-12-31T12:00:00+02:00")
    nothing = auditor.at_the_company("export", "events", "--out", auditor.folder / "none", "--to", "2020-01-01")

    assert len(later.read_text().splitlines()) == 6
    assert nothing.stderr == "daybook: there is nothing from position 1 to 0: the history ends with 5\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["events", "--from", "yesterday"], "yesterday is none of these"),
        (["events", "--from", "0"], "0 is none of these"),
        (["events", "--kind", "Opportunity.Wonn"], "did you mean Opportunity.Won?"),
        (["events", "--context", "sale"], "did you mean sales?"),
        (["events", "--format", "parquet"], "parquet needs a file"),
        (["events", "--json"], "give --out"),
        (["users", "--format", "parquet"], "only `export events` takes"),
        (["users", "--from", "1"], "only `export events` takes"),
    ],
)
def test_what_makes_no_sense_is_exit_code_2(auditor: Auditor, arguments: list[str], message: str) -> None:
    said = auditor.at_the_company("export", *arguments)

    assert said.returncode == 2
    assert message in " ".join(said.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--with-database"], "--with-database"),
        (["--signed-by", "aa"], "--signed-by"),
    ],
)
def test_what_is_about_files_needs_a_file(auditor: Auditor, arguments: list[str], message: str) -> None:
    said = auditor.at_the_company("verify", "history", *arguments)

    assert (said.returncode, message in said.stderr) == (2, True)


def test_a_file_without_its_manifest_is_one_line(auditor: Auditor) -> None:
    file = auditor.exports("events")
    (auditor.folder / "events.manifest.json").unlink()

    said = auditor.elsewhere("verify", "--against", file)

    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == f"daybook: the manifest of {file} is missing: it should be {file}.manifest.json\n"


def test_a_second_export_of_a_name_is_refused(auditor: Auditor) -> None:
    file = auditor.exports("events")

    said = auditor.at_the_company("export", "events", "--out", file)

    assert (said.returncode, said.stderr) == (
        1,
        f"daybook: {file} exists already: choose another name, or remove it\n",
    )
