"""docs/frontend.md, done to the letter against a real server with the sample company."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from domain.catalogue import AGGREGATES
from domain.command import Code
from infra.event_store import EventStore
from infra.pipeline import CommandPipeline
from infra.sample.loading import load
from infra.settings import Settings
from server import application
from tests.api.client import Api
from tests.api.conftest import an_administrator, projecting, schema_called, serving
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "frontend.md").read_text()
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.S)
ASKED = [text for text in re.findall(r"```graphql\n(.*?)```", PAGE, re.S) if not text.startswith("subscription")]
FOLLOWED = [text for text in re.findall(r"```graphql\n(.*?)```", PAGE, re.S) if text.startswith("subscription")]
AN_ID = "Account_0190f3c2-0000-7000-8000-000000000001"


class Place(NamedTuple):
    """A server with the sample company, and a folder with a token for it."""

    api: Api
    folder: Path
    address: str

    def run(self, command: str) -> str:
        """What a command of the page says; it ends well."""
        told = command.replace("http://127.0.0.1:8000", self.address)
        environment = os.environ | {"no_proxy": "*"}
        done = subprocess.run(["bash", "-c", told], cwd=self.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def place(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("frontend")
    with schema_called(database_url, "test_frontend") as schema:
        user, token = an_administrator(database_url, schema)
        with EventStore(database_url, schema) as store:
            load(CommandPipeline(AGGREGATES, store), store, user, ZoneInfo("UTC"), opportunities=40)
            position = store.head()[0]
        (folder / ".daybook").mkdir()
        (folder / ".daybook" / "token").write_text(token)
        app = application(Settings(), database_url, None, schema)
        with (
            projecting(database_url, schema),
            serving(app) as address,
            httpx.Client(base_url=address, timeout=30) as client,
        ):
            api = Api(client, token, user)
            api.until_ready()
            api.position = position
            yield Place(api, folder, address)


def filled(place: Place, text: str) -> str:
    """The text with the id of an account of this company in place of the page's."""
    [account] = place.api.ask("{ accounts(first: 1) { nodes { id } } }")["accounts"]["nodes"]
    return text.replace(AN_ID, account["id"])


def empty(value: Any, way: str = "") -> Iterator[str]:
    """Where an answer holds nothing."""
    if value in (None, [], {}):
        yield way
    for name, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from empty(each, f"{way}.{name}")


@pytest.mark.parametrize("text", [text for text in ASKED if "$" not in text])
def test_what_the_page_asks_is_answered(place: Place, text: str) -> None:
    data = place.api.ask(filled(place, text))

    first = next(iter(data.values()))
    if isinstance(first, list):
        assert all(data.values())
        return
    found = first.get("nodes") or first.get("edges") or first.get("groupBy") or first
    assert found and first.get("nodes") != [] and first.get("edges") != []
    errors = first.get("userErrors") or []
    assert [error["code"] for error in errors] == (["CONFLICT"] if "expectedVersion" in text else [])


def test_the_merge_of_the_page_is_foreseen(place: Place) -> None:
    [made] = [text for text in ASKED if "Dock Tea Ltd" in text]
    [foreseen] = [text for text in ASKED if "$merged" in text]

    results = place.api.ask(made)["batch"]["results"]
    merged, survivor = (each["changed"][0]["id"] for each in results)
    told = place.api.ask(foreseen, merged=merged, survivor=survivor)["previewMergeAccountInto"]

    assert {each["field"]: each["result"] for each in told["differences"]} == {"name": "Dock Tea", "region": "South"}
    assert told["userErrors"] == []


def test_the_batch_of_the_page_is_undone_as_it_was_foreseen(place: Place) -> None:
    [made] = [text for text in ASKED if "Dock Tea Ltd" in text]
    foreseen, undone = (text for text in ASKED if "$batch" in text)

    batch = place.api.ask(made.replace("{ results", "{ correlationId results"))["batch"]["correlationId"]
    told = place.api.ask(foreseen, batch=batch)["previewUndo"]
    done = place.api.ask(undone, batch=batch)["undo"]

    assert [each["fate"] for each in told["items"]] == ["UNDONE", "UNDONE"]
    assert (told["undone"], done["undone"], done["items"], done["userErrors"]) == (2, 2, [], [])


@pytest.mark.parametrize("text", FOLLOWED)
def test_what_the_page_follows_comes(place: Place, text: str) -> None:
    address = place.address.replace("http", "ws", 1) + "/graphql"
    with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {place.api.token}"}}))
        assert json.loads(socket.recv(timeout=60))["type"] == "connection_ack"
        socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": text}}))
        message = json.loads(socket.recv(timeout=60))

    assert message["type"] == "next" and list(empty(message["payload"]["data"])) == [], message


def test_the_commands_of_the_page_do_what_it_says(place: Place) -> None:
    viewer, followed, first, again, cost, documents = (place.run(command) for command in SHELL)

    assert json.loads(viewer)["data"]["viewer"]["name"]
    assert '"position":1' in followed
    assert first == "" and json.loads((place.folder / "answer.json").read_text())["data"]["products"]["nodes"]
    assert again == "304\n"
    assert json.loads(cost)["extensions"]["cost"] > 10
    assert len(re.findall(r'"products":', documents)) == 2


def test_the_page_names_every_code() -> None:
    table = PAGE.partition("| code | what to do |")[2].partition("\n\n")[0]

    assert set(re.findall(r"`([A-Z_]+)`", table)) == {code.name for code in Code}
