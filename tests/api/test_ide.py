"""The page at `/`: what it is given, and from whom it is kept."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from api import ide
from api.ide import ide_routes

TOKEN = "daybook_0123456789abcdef_" + "5" * 64


def asked(
    path: str = "/", client: str = "127.0.0.1", host: str = "127.0.0.1:8000", token: str | None = TOKEN, **headers: str
) -> Response:
    """What is answered to somebody at this address, who asks for this host."""
    sent = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return answer(ide_routes(token, "{ head { position } }"), path, client, sent)


def answer(routes: list[BaseRoute], path: str, client: str, headers: dict[str, str]) -> Response:
    transport = ASGITransport(Starlette(routes=routes), client=(client, 4711))

    async def get() -> Response:
        async with AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as asking:
            return await asking.get(path, headers=headers)

    return asyncio.run(get())


def options(page: Response) -> dict[str, object]:
    """What the page tells the IDE."""
    found = re.search(r"AltairGraphQL\.init\((.*?)\)</script>", page.text)
    assert found is not None
    given = json.loads(found[1])
    assert isinstance(given, dict)
    return given


def test_the_page_opens_with_a_first_query_and_the_local_token() -> None:
    page = asked()

    given = options(page)
    assert page.status_code == 200
    assert given["initialQuery"] == "{ head { position } }"
    assert given["initialHeaders"] == given["initialSubscriptionsPayload"] == {"Authorization": f"Bearer {TOKEN}"}
    assert given["endpointURL"] == "http://127.0.0.1:8000/graphql"
    assert (given["subscriptionsEndpoint"], given["initialSubscriptionRequestHandlerId"]) == (
        "ws://127.0.0.1:8000/graphql",
        "graphql-ws",
    )


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST:8000"])
def test_any_name_of_this_machine_will_do(host: str) -> None:
    assert TOKEN in asked(host=host).text


@pytest.mark.parametrize(
    "how",
    [
        {"client": "192.168.1.7"},
        {"host": "daybook.example"},
        {"host": "127.0.0.1.daybook.example"},
        {"X_Forwarded_For": "10.0.0.1"},
        {"X_Forwarded_Proto": "https"},
        {"Forwarded": "for=10.0.0.1"},
        {"Via": "1.1 proxy"},
        {"token": None},
    ],
)
def test_the_token_is_for_nobody_else(how: dict[str, str]) -> None:
    page = asked(**how)

    assert page.status_code == 200
    assert "daybook_0" not in page.text
    assert options(page)["initialHeaders"] == {}


@pytest.mark.parametrize("host", ["", "[", "localhost@daybook.example", "127.0.0.1:8000/x", "127.0.0.1:port"])
def test_what_is_no_host_is_told_so(host: str) -> None:
    page = asked(host=host)

    assert (page.status_code, page.text) == (400, "This is no host to ask for.")


def test_nothing_of_it_comes_from_elsewhere() -> None:
    page = asked()

    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "http:" not in policy.replace("http://127.0.0.1:8000", "") and "*" not in policy
    assert re.findall(r'(?:src|href)="(?:https?:)?//', page.text) == []
    assert page.headers["Cache-Control"] == "no-store"


def test_a_script_runs_only_where_it_bears_the_number_of_this_answer() -> None:
    first, second = (re.findall(r"'nonce-(.+?)'", asked().headers["Content-Security-Policy"]) for _ in range(2))

    assert first != second
    assert '<script type="module">' not in asked().text


def test_a_query_cannot_end_the_script_that_it_stands_in() -> None:
    page = answer(ide_routes(None, "</script><script>alert(1)</script>"), "/", "127.0.0.1", {})

    assert "<script>alert" not in page.text
    assert options(page)["initialQuery"] == "</script><script>alert(1)</script>"


def test_its_parts_are_served_and_nothing_beside_them() -> None:
    page = asked()
    parts = re.findall(r'(?:src|href)="([\w./-]+\.(?:js|css|ico))"', page.text)

    assert len(parts) > 5
    assert {asked(f"/ide/{part}").status_code for part in parts} == {200}
    assert asked("/ide/main.js").headers["X-Content-Type-Options"] == "nosniff"
    assert asked("/ide/iframe-sandbox/index.html").headers["Content-Security-Policy"] == "sandbox allow-scripts"
    assert {asked(f"/ide/{path}").status_code for path in ("../build.py", "%2e%2e/build.py", "nothing.js", "")} == {404}


def test_where_it_is_not_built_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ide, "BUILT", tmp_path)

    page = asked()

    assert (page.status_code, page.text) == (503, "The IDE is not built: run `make install`.")
