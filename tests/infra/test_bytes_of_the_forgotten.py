"""A person is forgotten on a server that runs: no byte of them is left in any file of the database, nor elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg.conninfo import make_conninfo

from infra.database import connect
from infra.embedded import embedded
from tests.api.client import Api
from tests.infra.daybook import Serving, daybook
from tests.infra.searching import TABLES, places

SECRETS = (
    "Quillfeather",
    "quillfeather@hidden.example",
    "4930901821",
    "1987-03-22",
    "signed-by-Quill",
    "Quill-said-so",
)
PATTERN = "|".join(map(re.escape, SECRETS))
FILES_APART = ("pg_wal", "master.key", "token")
"""What is no table and no index: the log of changes, which PostgreSQL writes over in its own time, and keys."""


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    made = Serving(tmp_path_factory.mktemp("bytes") / "data", settings={"log": "json"})
    try:
        yield made
    finally:
        made.told(SIGINT)


@pytest.fixture(scope="module")
def story(serving: Serving) -> Iterator[tuple[Api, str, str]]:
    """A person of whom much is known, read and corrected, and a neighbour."""
    token = (serving.data / "token").read_text().strip()
    with httpx.Client(base_url=serving.address, timeout=60) as http:
        api = Api(http, token, UUID(int=0))
        person = {
            "givenName": "Zebedee",
            "familyName": "Quillfeather",
            "emails": ["quillfeather@hidden.example"],
            "phones": ["+4930901821"],
            "birthday": "1987-03-22",
        }
        id = api.given("addContact", person=person)
        neighbour = api.given("addContact", person={"familyName": "Neighbourly"})
        api.given("correctContact", id=id, person={"givenName": "Zeb"})
        api.given("giveContactConsent", id=id, purpose="MARKETING", channel="EMAIL", evidence="signed-by-Quill")
        api.given("linkContactExternal", id=id, system="erp", externalId="17")
        api.given("logInteraction", kind="CALL", direction="INBOUND", contactId=id, subject="Quill-said-so")
        read(api, id)
        api.user_error("correctContact", id=id, person={"emails": ["Quillfeather"]})
        yield api, id, neighbour


def read(api: Api, id: str) -> Any:
    return api.ask("query ($id: ID!) { contact(id: $id) { familyName emails phones birthday } }", id=id)["contact"]


def in_files(data: Path) -> set[tuple[str, str]]:
    """The files of the data folder in which any of the texts stands as it is, whatever the file is for."""
    found = set()
    for path in data.rglob("*"):
        if path.is_file() and not any(part in FILES_APART for part in path.relative_to(data).parts):
            content = path.read_bytes()
            found |= {(str(path.relative_to(data)), text) for text in SECRETS if text.encode() in content}
    return found


def told(data: Path, *arguments: str) -> str:
    said = daybook(data, *arguments)
    assert said.returncode == 0, said.stderr
    return said.stdout


def test_no_byte_is_left_and_all_that_was_counted_holds(
    serving: Serving, story: tuple[Api, str, str], tmp_path: Path
) -> None:
    api, id, neighbour = story
    data = serving.data
    with embedded(data) as server, connect(make_conninfo(server.superuser_url, dbname="daybook")) as connection:
        connection.execute("analyze")
        connection.execute("checkpoint")
        before, tables = in_files(data), places(connection, PATTERN)
        listed = json.loads(told(data, "person", "forget", id, "--dry-run", "--json"))
        count = api.ask("{ head { position } }")

        told(data, "person", "forget", id, "--reason", "asked for it")
        made = json.loads(told(data, "person", "certificate", id))

        assert places(connection, PATTERN) == set()
        assert (
            connection.execute("select tablename from pg_stats where pg_stats::text ~* %s", [PATTERN]).fetchall() == []
        )
        for name in (*connection.execute(TABLES).fetchall(), ("pg_statistic",)):
            connection.execute(f'vacuum full "{name[0]}"'.encode())
        connection.execute("checkpoint")
        left = in_files(data)

    assert {text for _, text in before} == set(SECRETS) - {"1987-03-22"}  # a day is no text in a file
    assert {text for _, text in tables} == {text.lower() for text in SECRETS}
    assert left == set()
    assert [each for each in listed if each["personal"] and each["place"].startswith("table ")]
    assert not any(personal for _, _, personal in made["places"])
    verified(made)
    assert not any(secret in serving.log.read_text() for secret in SECRETS)
    assert set(read(api, id).values()) == {None}
    after = api.ask("{ head { position } }")
    assert after["head"]["position"] == count["head"]["position"] + 1 == made["position"]
    assert "is whole" in told(data, "verify", "history", "--receipt", f"{made['position']}:{made['receipt']}")
    assert json.loads(told(data, "verify", "views", "--json"))
    for name, out in (("contacts", "contacts.csv"), ("contactConsents", "consents.csv"), ("interactions", "said.csv")):
        told(data, "export", name, "--out", str(tmp_path / out))
    exported = "".join(path.read_text() for path in tmp_path.glob("*.csv"))
    assert "Neighbourly" in exported and neighbour in exported
    assert not any(secret in exported for secret in SECRETS)


def verified(made: dict[str, Any]) -> None:
    signed = ["daybook forget", *list(made.values())[:-2]]
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(made["public_key"]))
    key.verify(bytes.fromhex(made["signature"]), json.dumps(signed, ensure_ascii=False).encode())
