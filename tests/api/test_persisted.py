"""Documents that are asked by an id: by the specification, as Apollo's clients do, and as a build wrote them down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.asked import shaped
from api.persisted import MOST_CHARACTERS_KEPT, MOST_KEPT, Persisted, load
from infra.settings import Settings, WrongSetting
from server import application
from tests.api.client import Api, some
from tests.api.conftest import serving
from tests.api.test_subscription import receive, send, socket

RELAY, APOLLO, FILE, UNKNOWN = (f"query {name} {{ __typename }}" for name in ("Relay", "Apollo", "File", "Unknown"))
DATA = {"data": {"__typename": "Query"}}


def sha(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def hashed(text: str) -> dict[str, Any]:
    """What Apollo's clients send of a document."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha(text)}}}


def ask(api: Api, body: dict[str, Any], **headers: str) -> httpx.Response:
    return api.http.post("/graphql", json=body, headers=api.headers | headers)


def code(answer: httpx.Response) -> str:
    [error] = answer.json()["errors"]
    return str(error["extensions"]["code"])


# -- automatic persisted queries -------------------------------------------------------------------


def test_a_document_that_came_with_its_hash_is_asked_by_the_hash_alone(api: Api) -> None:
    text = f"{{ {some('a').replace('-', '')}: __typename }}"

    first = ask(api, hashed(text))
    sent = ask(api, hashed(text) | {"query": text})
    again = ask(api, hashed(text))
    by_get = api.http.get(
        "/graphql", params={"extensions": json.dumps(hashed(text)["extensions"])}, headers=api.headers
    )
    by_id = ask(api, {"documentId": f"sha256:{sha(text)}"})

    assert (code(first), first.json()["errors"][0]["message"]) == (
        "PERSISTED_QUERY_NOT_FOUND",
        "PersistedQueryNotFound",
    )
    assert sent.json() == again.json() == by_get.json() == by_id.json() != first.json()
    assert "data" in sent.json()


def test_a_hash_of_something_else_is_refused_and_nothing_is_kept(api: Api) -> None:
    answer = ask(api, hashed(UNKNOWN) | {"query": "{ __typename }"})

    assert code(answer) == "BAD_USER_INPUT"
    assert code(ask(api, hashed(UNKNOWN))) == "PERSISTED_QUERY_NOT_FOUND"


def test_a_document_that_is_wrong_is_not_kept(api: Api) -> None:
    ask(api, hashed("{ nothing }") | {"query": "{ nothing }"})

    assert code(ask(api, hashed("{ nothing }"))) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize(
    "given", [None, 1, "x", {}, {"version": 2, "sha256Hash": "x"}, {"version": 1, "sha256Hash": 1}]
)
def test_a_hash_of_another_shape_is_refused(api: Api, given: Any) -> None:
    answer = ask(api, {"extensions": {"persistedQuery": given}})

    assert (answer.status_code < 500, code(answer)) == (True, "BAD_USER_INPUT")


def test_what_is_kept_is_bounded() -> None:
    persisted = Persisted()
    for n in range(MOST_KEPT + 5):
        text = f"{{ a{n}: __typename }}"
        persisted.keep(shaped(hashed(text) | {"query": text}))
    assert len(persisted.kept) == MOST_KEPT

    for n in range(100):
        text = f"{{ a{n}: __typename }} #{'x' * 40_000}"
        persisted.keep(shaped(hashed(text) | {"query": text}))
    assert sum(map(len, persisted.kept.values())) == persisted.characters <= MOST_CHARACTERS_KEPT


@pytest.mark.parametrize("id", ["sha256:" + "0" * 64, "x", "sha256:"])
def test_a_document_that_nobody_knows_is_told_so(api: Api, id: str) -> None:
    assert code(ask(api, {"documentId": id})) == "PERSISTED_DOCUMENT_NOT_FOUND"


def test_a_document_is_named_in_one_way(api: Api) -> None:
    assert code(ask(api, {"documentId": "x", "query": "{ __typename }"})) == "BAD_USER_INPUT"


def test_a_subscription_is_asked_by_its_hash_over_a_web_socket(api: Api) -> None:
    text = "subscription Followed { events(after: 0) { position } }"
    with socket(api, authorization=f"Bearer {api.token}") as made:
        receive(made)
        send(made, id="1", type="subscribe", payload=hashed(text))
        missing = receive(made)
        send(made, id="2", type="subscribe", payload=hashed(text) | {"query": text})
        first = receive(made)
    with socket(api, authorization=f"Bearer {api.token}") as made:
        receive(made)
        send(made, id="3", type="subscribe", payload={"documentId": f"sha256:{sha(text)}"})
        again = receive(made)

    assert (missing["type"], missing["payload"][0]["message"]) == ("error", "PersistedQueryNotFound")
    assert first["payload"] == again["payload"] == {"data": {"events": {"position": 1}}}


# -- only known ones -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of what builds write."""
    folder = tmp_path_factory.mktemp("documents")
    (folder / "relay.json").write_text(json.dumps({md5(RELAY.encode()).hexdigest(): RELAY}))
    operation = {"id": "of-apollo", "name": "Apollo", "type": "query", "body": APOLLO}
    (folder / "apollo.json").write_text(
        json.dumps({"format": "apollo-persisted-query-manifest", "version": 1, "operations": [operation]})
    )
    (folder / "within").mkdir()
    (folder / "within" / "file.graphql").write_text(FILE)
    (folder / "README.md").write_text("no document")
    return folder


@pytest.fixture(scope="module")
def strict(api: Api, database_url: str, manifests: Path) -> Iterator[Api]:
    """The same company by a server that answers only these documents."""
    app = application(Settings(documents=manifests), database_url, None, "test_api")
    with serving(app) as address, httpx.Client(base_url=address) as client:
        yield Api(client, api.token, api.user_id)


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": md5(RELAY.encode()).hexdigest()},
        {"documentId": "of-apollo"},
        {"documentId": f"sha256:{sha(FILE)}"},
        {"documentId": f"sha256:{sha(RELAY)}"},
        hashed(APOLLO),
        hashed(APOLLO) | {"query": APOLLO},
        {"query": RELAY},
    ],
)
def test_a_document_of_the_manifest_is_answered_by_whichever_way_it_is_named(strict: Api, body: dict[str, Any]) -> None:
    assert ask(strict, body).json() == DATA


@pytest.mark.parametrize(
    "body",
    [
        {"query": UNKNOWN},
        {"query": RELAY + " "},
        hashed(UNKNOWN) | {"query": UNKNOWN},
        {"query": "{ __schema { __typename } }"},
        {"documentId": sha(UNKNOWN)},
    ],
)
def test_no_other_is_answered(strict: Api, body: dict[str, Any]) -> None:
    assert code(ask(strict, body)) == "PERSISTED_DOCUMENT_NOT_FOUND"
    assert code(ask(strict, hashed(UNKNOWN))) == "PERSISTED_QUERY_NOT_FOUND"


def test_no_other_is_answered_over_a_web_socket(strict: Api) -> None:
    with socket(strict, authorization=f"Bearer {strict.token}") as made:
        receive(made)
        send(made, id="1", type="subscribe", payload={"query": UNKNOWN})
        message = receive(made)

    assert message["payload"][0]["extensions"]["code"] == "PERSISTED_DOCUMENT_NOT_FOUND"


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "1", '{"a": 1}', "{}", '{"format": "apollo-persisted-query-manifest", "version": 9, "operations": []}'],
)
def test_what_is_no_manifest_is_said_at_start(tmp_path: Path, text: str) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(text)

    with pytest.raises(ValueError, match=r"manifest\.json|no documents"):
        load(file)
    with pytest.raises(WrongSetting, match="DAYBOOK_DOCUMENTS"):
        application(Settings(documents=file), "postgresql://nobody@localhost/nothing", None)


def test_two_documents_of_one_id_are_said_at_start(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"x": RELAY}))
    (tmp_path / "b.json").write_text(json.dumps({"x": APOLLO}))

    with pytest.raises(ValueError, match="another document under the id x"):
        load(tmp_path)


def test_a_place_that_is_not_there_is_no_setting() -> None:
    with pytest.raises(WrongSetting, match="DAYBOOK_DOCUMENTS"):
        Settings.from_environment({"DAYBOOK_DOCUMENTS": "/nowhere/at/all"})
