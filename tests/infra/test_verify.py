"""Verification: whatever is done to the history behind our back, the first position that is wrong is named."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from infra import verify as module
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.verify import BEGINNING, Check, Verified, in_python, in_sql, verify
from tests.infra.history import a_product, asked, commit

PAGE = Path(__file__).parent.parent.parent / "docs" / "history-format.md"
EVENTS = 20


@pytest.fixture
def history(database_url: str, schema: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection[Any]]:
    """Twenty events, verified a few at a time; what guards them against their owner is off."""
    monkeypatch.setattr(module, "AT_ONCE", 6)
    migrate(database_url, schema)
    with EventStore(database_url, schema) as store:
        for number in range(EVENTS):
            store.append(commit(a_product(), by=asked(origin=f'"prices"\\März \x1f\x7f 😀\n{number}'))).result(60)
    with connect(database_url, schema) as connection:
        connection.execute("alter table events disable trigger append_only")
        yield connection


def forge(connection: Connection[Any], first: int) -> None:
    """Compute all hashes anew from a position on, and the head's."""
    for position in range(first, EVENTS + 1):
        connection.execute(
            "update events e set hash = sha256((select hash from events where position = %s) || content(e)) "
            "where position = %s",
            [position - 1, position],
        )
    connection.execute("update event_head set hash = (select hash from events where position = %s)", [EVENTS])


@pytest.mark.parametrize("check", [in_sql, in_python])
def test_a_history_as_it_was_recorded_is_whole(history: Connection[Any], check: Check) -> None:
    ((last,),) = history.execute("select hash from events where position = 20").fetchall()
    told: list[tuple[int, int]] = []

    verified = verify(history, [(20, last.hex())], lambda done, all: told.append((done, all)), check)

    assert verified == Verified(EVENTS, last.hex())
    assert told == [(6, 20), (12, 20), (18, 20), (20, 20)]


def test_an_empty_history_is_whole(database_url: str, schema: str) -> None:
    migrate(database_url, schema)

    with connect(database_url, schema) as connection:
        assert verify(connection) == Verified(0, BEGINNING.hex())


COLUMNS = {
    "originator_id": "gen_random_uuid()",
    "originator_version": "originator_version + 1",
    "topic": "'Product.Resumed'",
    "schema_version": "2",
    "state": "'{}'",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "occurred_at": "occurred_at - interval '1 microsecond'",
    "command_id": "gen_random_uuid()",
    "request_digest": "sha256('another')",
    "command": "'Product.resume'",
    "actor": "gen_random_uuid()",
    "on_behalf_of": "actor",
    "correlation_id": "command_id",
    "causation_id": "command_id",
    "origin": "null",
    "hash": "sha256('')",
}


@pytest.mark.parametrize("check", [in_sql, in_python])
@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_column_is_found(history: Connection[Any], column: str, check: Check) -> None:
    history.execute(f"update events set {column} = {COLUMNS[column]} where position = 7".encode())

    assert verify(history, check=check).broken == 7


def test_every_column_but_the_lane_is_hashed(history: Connection[Any]) -> None:
    columns = history.execute(
        "select attname from pg_attribute where attrelid = 'events'::regclass and attnum > 0 order by attnum"
    ).fetchall()

    assert [name for (name,) in columns] == ["position", *COLUMNS, "lane"]


@pytest.mark.parametrize("check", [in_sql, in_python])
@pytest.mark.parametrize(
    ("doing", "broken"),
    [
        (["delete from events where position = 7"], 7),
        (["delete from events where position <= 7"], 1),
        (["delete from events where position between 6 and 13"], 6),
        (["delete from events where position > 15"], 16),
        (["delete from events where position > 18"], 19),
        (["delete from events"], 1),
        (["delete from event_head"], 1),
        (["update events set position = 21 where position = 20"], 20),
        (["update event_head set hash = sha256('')"], 20),
        (["update event_head set position = 18"], 18),
        (["update events set position = 0 where position = 1", "update event_head set position = 0"], 0),
        (
            [
                "update events set position = -7 where position = 7",
                "update events set position = 7 where position = 8",
                "update events set position = 8 where position = -7",
            ],
            7,
        ),
        (
            [
                "update events set position = position + 1000 where position > 7",
                "update events set position = position - 999 where position > 1000",
                """insert into events select (e).* from (select jsonb_populate_record(e, jsonb_build_object(
                   'position', 8, 'originator_id', gen_random_uuid())) as e from events e where position = 7) added""",
                "update event_head set position = 21",
            ],
            8,
        ),
    ],
)
def test_an_event_taken_out_put_in_or_moved_is_found(
    history: Connection[Any], doing: list[str], broken: int, check: Check
) -> None:
    for statement in doing:
        history.execute(statement.encode())

    verified = verify(history, check=check)

    assert verified.broken == broken
    assert verified.problem


def test_a_tail_cut_together_with_the_head_is_shown_by_a_receipt(history: Connection[Any]) -> None:
    ((receipt,),) = history.execute("select hash from events where position = 20").fetchall()
    history.execute("delete from events where position > 15")
    history.execute("update event_head set (position, hash) = (select position, hash from events where position = 15)")

    assert verify(history).broken is None
    assert verify(history, [(20, receipt.hex())]).broken == 20


def test_a_forged_chain_is_shown_by_a_receipt_from_after_the_forgery(history: Connection[Any]) -> None:
    receipts = history.execute("select position, encode(hash, 'hex') from events where position in (5, 9)").fetchall()
    history.execute("update events set actor = gen_random_uuid() where position = 7")
    forge(history, 7)

    assert verify(history).broken is None
    assert verify(history, receipts[:1]).broken is None
    assert verify(history, receipts).broken == 9


def blocks(language: str) -> list[str]:
    """The blocks of the page in a language."""
    return re.findall(rf"```{language}\n(.*?)\n```", PAGE.read_text(), re.DOTALL)


def test_the_page_about_the_format_tells_the_bytes_that_we_hash(history: Connection[Any]) -> None:
    text, state, hash = blocks("")[1:4]
    _, position, id, version, topic, schema_version, recorded, occurred, *why = json.loads(text)
    times = [f"{at // 1_000_000} s {at % 1_000_000} us" for at in (recorded, occurred)]

    ((content,),) = history.execute(
        """select content(row(%s, %s, %s, %s, %s, %s, 'epoch'::timestamptz + %s::interval,
                              'epoch'::timestamptz + %s::interval, %s, decode(%s, 'hex'), %s, %s, %s, %s, %s, %s,
                              null, 0)::events)""",
        [position, UUID(id), version, topic, schema_version, state.encode(), *times, *why],
    ).fetchall()

    assert content == text.encode() + state.encode()
    assert hash == sha256(BEGINNING + content).hexdigest()
    assert BEGINNING.hex() in PAGE.read_text()


def test_the_program_on_the_page_verifies_a_history(history: Connection[Any], tmp_path: Path) -> None:
    (query,), (program, *_) = blocks("sql"), blocks("python")

    def run() -> subprocess.CompletedProcess[str]:
        rows = [json.dumps(row) for (row,) in history.execute(query.encode()).fetchall()]
        return subprocess.run(
            [sys.executable, "-c", program], input="\n".join(rows), capture_output=True, encoding="utf-8", timeout=30
        )

    whole, receipt = run(), verify(history).receipt
    history.execute("update events set actor = gen_random_uuid() where position = 7")
    broken = run()

    assert (whole.returncode, whole.stdout) == (0, f"the history is whole; its last hash is {receipt}\n")
    assert (broken.returncode, broken.stderr) == (1, "the history is broken at position 7\n")


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXT, min_size=3, max_size=3), numbers=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3))
def test_postgresql_and_python_write_a_text_in_the_same_bytes(
    texts: list[str], numbers: list[int], history: Connection[Any]
) -> None:
    values = [*texts, *numbers, None]
    places = ", ".join(["%s::text"] * len(texts) + ["%s::bigint"] * len(numbers) + ["%s::text"])

    ((written,),) = history.execute(f"select json_build_array({places})::text".encode(), values).fetchall()

    assert written == json.dumps(values, ensure_ascii=False)
