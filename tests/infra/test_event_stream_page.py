"""docs/event-stream.md, done to the letter against a real server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from infra.cloud_events import encode
from infra.contract.schemas import envelope
from infra.lanes import LANES
from infra.settings import Settings
from server import application
from tests.api.client import Api
from tests.api.company import a_product, an_account
from tests.api.conftest import an_administrator, projecting, schema_called, serving
from tests.conftest import ROOT
from tests.infra.test_cloud_events import WON

PAGE = (ROOT / "docs" / "event-stream.md").read_text()
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.S)
[PROGRAM] = re.findall(r"```python\n(.*?)```", PAGE, re.S)
[EXAMPLE] = re.findall(r"```json\n(.*?)```", PAGE, re.S)


class Place(NamedTuple):
    """Where the commands of the page are run."""

    folder: Path
    address: str
    head: int

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        told = command.replace("http://127.0.0.1:8000", self.address)
        environment = os.environ | {"no_proxy": "*"}
        return subprocess.run(["sh", "-c", told], cwd=self.folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def place(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("page")
    with schema_called(database_url, "test_page") as schema, projecting(database_url, schema):
        user, token = an_administrator(database_url, schema)
        (folder / ".daybook").mkdir()
        (folder / ".daybook" / "token").write_text(token)
        app = application(Settings(), database_url, None, schema)
        with serving(app) as address, httpx.Client(base_url=address, timeout=30) as client:
            api = Api(client, token, user)
            api.until_ready()
            for _ in range(LANES + 1):
                an_account(api)
                a_product(api)
            yield Place(folder, address, api.head())


def test_the_first_events_come(place: Place) -> None:
    done = place.run(SHELL[0])

    assert [int(json.loads(line)["position"]) for line in done.stdout.splitlines()] == [1, 2, 3]


def test_the_list_of_schemas_comes(place: Place) -> None:
    done = place.run(SHELL[1])

    assert (done.returncode, json.loads(done.stdout)["asyncapi"]) == (0, "/asyncapi.json")


def test_a_context_is_kept_and_proved_to_be_whole(place: Place) -> None:
    done = place.run(SHELL[2])
    kept = (place.folder / "sales.ndjson").read_text()

    proved = proof(kept)
    doubled = proof(kept + kept)
    named = {json.loads(line)["previousposition"] for line in kept.splitlines()}
    lost = next(line for line in kept.splitlines(keepends=True) if json.loads(line)["position"] in named)
    cut = proof(kept.replace(lost, ""))

    assert (done.returncode, len(kept.splitlines())) == (0, LANES + 1)
    assert (proved.returncode, proved.stdout) == (0, f"nothing is missing up to position {place.head:019}\n")
    assert doubled.stdout == proved.stdout
    assert (cut.returncode, "something is missing before position" in cut.stderr) == (1, True)


def proof(lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROGRAM], input=lines, capture_output=True, text=True)


def test_server_sent_events_come_and_do_not_end(place: Place) -> None:
    done = place.run(SHELL[3])

    assert done.returncode == 28, "it goes on until curl has had enough"
    assert re.findall(r"^id: (\d+)$", done.stdout, re.M) == [str(position) for position in range(6, place.head + 1)]


def test_the_example_is_what_is_told() -> None:
    state = b'{"amount":{"amount":"1234.50","currency":"EUR"},"closed_on":"2024-01-31","status":"won"}'

    assert json.loads(EXAMPLE) == json.loads(encode(WON._replace(state=state), 41))


def test_the_page_names_every_attribute() -> None:
    table = PAGE.partition("| attribute | |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if "|" in line]

    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == set(envelope()["properties"])
