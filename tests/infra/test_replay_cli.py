"""`daybook replay`: made, listed, shown and dropped by whoever operates a Daybook, and refused in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.embedded import embedded
from tests.infra.daybook import daybook


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a Daybook with some history: a first user, the roles that there are from the start, and a token."""
    folder = tmp_path_factory.mktemp("replays") / "data"
    with embedded(folder):
        assert daybook(folder, "token", "create", "tests").returncode == 0
        yield folder


def listed(data: Path) -> dict[str, Any]:
    return {each["name"]: each for each in json.loads(daybook(data, "replay", "list", "--json").stdout)}


def test_one_is_made_listed_shown_and_dropped(data: Path) -> None:
    made = daybook(data, "replay", "--until", "3", "--into", "first", "--keep-days", "2", "--json")
    again = daybook(data, "replay", "--into", "all", "--only-views", "roles", "--only-views", "users")
    shown = daybook(data, "replay", "show", "first")
    before = listed(data)
    dropped = daybook(data, "replay", "drop", "first")

    told = json.loads(made.stdout)
    assert (told["name"], told["until"], told["events"], told["state"]) == ("first", 3, 3, "kept")
    assert "3 events; the tables will take about 1 MB" in made.stderr
    assert "ask with the header Daybook-Replay: first" in shown.stdout
    assert again.returncode == 0 and before["all"]["views"] == ["roles", "users"]
    assert before["all"]["until"] > 3 and before["all"]["made_by"]
    kept = datetime.fromisoformat(before["first"]["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=1, hours=23) < kept < timedelta(days=2)
    assert dropped.stderr == "first was dropped\n" and listed(data).keys() == {"all"}


def test_until_a_time_is_until_the_last_event_by_then(data: Path) -> None:
    long_ago = daybook(data, "replay", "--until", "2001-02-03", "--into", "never")
    by_now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f%z}"
    now = daybook(data, "replay", "--until", by_now, "--into", "now", "--json")

    assert (long_ago.returncode, long_ago.stderr) == (
        1,
        "daybook: position 1 comes after 0: there is nothing between\n",
    )
    assert json.loads(now.stdout)["until"] > 3
    assert daybook(data, "replay", "drop", "now").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--until", "99999", "--into", "mine"], 1, "there is no 99999 yet"),
        (["--until", "soon", "--into", "mine"], 2, "neither a position nor a time"),
        (["--until", "2999-01-01", "--into", "mine"], 2, "lies in the future"),
        (["--until", "3"], 2, "say what it is to be called"),
        (["--until", "3", "--into", "Not A Name"], 1, "is no name of a replay"),
        (["--without", "nothing", "--into", "mine"], 2, "--without"),
        (["--without", "00000000-0000-0000-0000-000000000001", "--into", "mine"], 1, "nothing to leave out"),
        (["--only-views", "nothing", "--into", "mine"], 1, "there is no view nothing"),
        (["--most-events", "1", "--into", "mine"], 1, "at most 1 are allowed"),
        (["show", "mine"], 1, "there is no replay mine"),
        (["drop", "mine"], 1, "there is no replay mine"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(data: Path, arguments: list[str], code: int, told: str) -> None:
    said = daybook(data, "replay", *arguments)

    assert said.returncode == code and told in said.stderr
    assert "Traceback" not in said.stderr
