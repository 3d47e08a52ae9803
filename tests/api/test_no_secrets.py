"""What lets somebody in stands in no log, whatever was done with it, and in no list of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from domain.values import new_id
from tests.api.client import Api
from tests.api.test_subscription import receive, send, socket
from tests.conftest import ROOT
from tests.infra.provider import AUDIENCE, IdentityProvider, identity_provider

PIECE = 20
"""Characters of a secret that are too many to be read."""
FOLLOW = "subscription ($after: Position!, $token: [ID!]) { events(after: $after, of: $token) { position } }"


@contextmanager
def server(url: str, idp: IdentityProvider, form: str, log: Path) -> Iterator[tuple[str, int]]:
    """The address of a server that logs everything, and its process."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "graphql")]),
        "DAYBOOK_OIDC_ISSUER": idp.issuer,
        "DAYBOOK_OIDC_AUDIENCE": AUDIENCE,
    }
    command = [sys.executable, "-m", "tests.infra.debugging", url, "test_api", form]
    with log.open("wb") as written:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=written)
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line, log.read_text()
            yield f"http://127.0.0.1:{int(line)}", process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)


def leaked(secret: str, text: str) -> bool:
    """Whether any longer piece of a secret stands there."""
    return any(secret[at : at + PIECE] in text for at in range(len(secret) - PIECE + 1))


def everywhere(api: Api, token: str) -> None:
    """Show a token in every place where somebody may write one, in the right ones and in the wrong ones."""
    body = {"query": "query ($x: ID!) { node(id: $x) { id } }", "variables": {"x": token}}
    for headers in (
        {"authorization": f"Bearer {token}"},
        {"authorization": token},
        {"authorization": f"Basic {token}"},
        {"cookie": f"token={token}", "x-request-id": token},
    ):
        api.http.post("/graphql", json=body, headers=headers)
        api.http.get("/events", params={"after": token, "token": token}, headers=headers)
    api.http.post("/graphql", json={"query": f'{{ node(id: "{token}") {{ id }} }}'}, headers=api.headers)
    api.http.post("/graphql", json={"query": f"{{ {token} }}"}, headers=api.headers)
    api.http.post("/graphql", content=f'{{"query": "{token}', headers=api.headers)
    api.http.get("/graphql", params={"query": "{ head { position } }", "token": token}, headers=api.headers)
    api.http.get(f"/{token}")
    for payload in ({"authorization": f"Bearer {token}"}, {"token": token}):
        with socket(api, **payload) as made:
            try:
                receive(made)
                variables = {"after": api.head(), "token": [token]}
                send(made, id=token[:36], type="subscribe", payload={"query": FOLLOW, "variables": variables})
                receive(made)
            except ConnectionClosed:
                pass


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_lets_somebody_in_is_logged_nowhere(api: Api, database_url: str, tmp_path: Path, form: str) -> None:
    with identity_provider() as idp:
        user = api.given("addUser", name="Ada")
        api.given("linkUserExternal", id=user, system=idp.issuer, externalId=str(new_id()))
        made = api.do("makeApiToken", "secret", name="x")["secret"]
        tokens = [
            made,
            api.token,
            f"daybook_{new_id().hex}_{'7' * 32}{new_id().hex}",
            idp.token(),
            idp.token(aud="other"),
        ]
        log = tmp_path / "log"

        with server(database_url, idp, form, log) as (address, pid), httpx.Client(base_url=address, timeout=30) as http:
            there = Api(http, api.token, api.user_id)
            there.until_ready()
            for token in tokens:
                everywhere(there, token)
            with socket(there, authorization=f"Bearer {api.token}") as connection:
                receive(connection)
                making = 'mutation { makeApiToken(input: {name: "y"}) { secret } }'
                send(connection, id="1", type="subscribe", payload={"query": making})
                told = receive(connection)["payload"]["data"]["makeApiToken"]["secret"]
            processes = " ".join(" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"]))
            assert str(pid) and "tests.infra.debugging" in processes

    text = log.read_text()
    secrets = [token.rpartition("_" if token.startswith("daybook_") else ".")[2] for token in [*tokens, told]]
    assert "DEBUG" in text
    assert [secret for secret in secrets if leaked(secret, text)] == []
    assert [secret for secret in secrets if leaked(secret, processes)] == []
