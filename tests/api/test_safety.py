"""What a page of another site can do: nothing, unless its origin is on the list; and what every response says."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from infra.settings import Settings, WrongSetting
from server import application
from tests.api.client import Api
from tests.api.conftest import serving

FRIEND, STRANGER = "https://crm.example.com", "https://evil.example"
REGISTER = '{"query": "mutation { registerAccount(input: {name: \\"Forged\\"}) { position } }"}'
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}


@pytest.fixture(scope="module")
def open_to_friends(api: Api, database_url: str) -> Iterator[Api]:
    """The same company by another server, which lets pages of one origin in and is reached by HTTPS."""
    settings = Settings(cors_origins=(FRIEND,), https=True)
    with (
        serving(application(settings, database_url, None, "test_api")) as address,
        httpx.Client(base_url=address) as client,
    ):
        yield Api(client, api.token, api.user_id)


# -- what needs no preflight -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None]
)
def test_what_a_form_can_send_is_never_carried_out(api: Api, media: str | None) -> None:
    before = api.head()
    headers = api.headers | ({"content-type": media} if media else {})

    answer = api.http.post("/graphql", content=REGISTER, headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (415, "BAD_REQUEST")
    assert api.head() == before


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream", "multipart/mixed;subscriptionSpec=1.0"])
def test_what_an_image_or_an_event_source_can_ask_is_never_answered(api: Api, accept: str) -> None:
    asked = {"query": "{ accounts { totalCount } }"}

    answer = api.http.get("/graphql", params=asked, headers={"accept": accept, "origin": STRANGER, "cookie": "a=b"})

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")


# -- whose pages may ask ---------------------------------------------------------------------------


def test_a_page_of_an_origin_on_the_list_may_ask_and_sees_what_it_needs(open_to_friends: Api) -> None:
    here = open_to_friends
    preflight = here.http.options("/graphql", headers={"origin": FRIEND} | PREFLIGHT)
    answer = here.post("{ __typename }", origin=FRIEND)

    assert preflight.status_code == 200
    assert {preflight.headers["access-control-allow-origin"], answer.headers["access-control-allow-origin"]} == {FRIEND}
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    assert {each.strip().lower() for each in answer.headers["vary"].split(",")} == {
        "accept", "authorization", "daybook-replay", "origin",
    }  # fmt: skip


def test_a_page_of_another_origin_may_not(api: Api, open_to_friends: Api) -> None:
    for here, origin in ((open_to_friends, STRANGER), (open_to_friends, "null"), (api, FRIEND)):
        preflight = here.http.options("/graphql", headers={"origin": origin} | PREFLIGHT)
        answer = here.post("{ __typename }", origin=origin)

        assert preflight.status_code >= 400
        assert "access-control-allow-origin" not in preflight.headers
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("origin", "opens"), [(FRIEND, True), (STRANGER, False), ("null", False), (None, True)])
def test_a_web_socket_is_opened_to_the_same_origins(open_to_friends: Api, origin: str | None, opens: bool) -> None:
    address = str(open_to_friends.http.base_url.join("/graphql")).replace("http", "ws", 1)
    spoken = [Subprotocol("graphql-transport-ws")]

    try:
        with connect(address, subprotocols=spoken, origin=Origin(origin) if origin else None, close_timeout=1):
            opened = True
    except InvalidStatus as refusal:
        assert refusal.response.status_code == 403
        opened = False

    assert opened == opens


def test_a_page_of_our_own_opens_a_web_socket_without_any_list(api: Api) -> None:
    address = str(api.http.base_url.join("/graphql")).replace("http", "ws", 1)
    ours = Origin(str(api.http.base_url).rstrip("/"))

    with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], origin=ours, close_timeout=1) as made:
        assert made.subprotocol == "graphql-transport-ws"


@pytest.mark.parametrize("text", ["*", "crm.example.com", "https://crm.example.com/", "https://a b", "ftp://a", ","])
def test_what_is_no_origin_is_no_setting(text: str) -> None:
    with pytest.raises(WrongSetting, match="DAYBOOK_CORS_ORIGINS"):
        Settings.from_environment({"DAYBOOK_CORS_ORIGINS": text})


def test_origins_are_a_setting() -> None:
    settings = Settings.from_environment({"DAYBOOK_CORS_ORIGINS": f"{FRIEND}, http://localhost:3000"})

    assert settings.cors_origins == (FRIEND, "http://localhost:3000")
    assert (f"{FRIEND},http://localhost:3000") in [shown for _, shown, _, _ in settings.listed()]


# -- what every response says ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/graphql", "/healthz", "/metrics", "/schemas/", "/events", "/nothing", "/ide/main.js"]
)
def test_every_response_bears_the_headers_of_safety(api: Api, open_to_friends: Api, path: str) -> None:
    plain, secure = api.http.get(path), open_to_friends.http.get(path)

    for answer in (plain, secure):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] in ("DENY", "SAMEORIGIN")
        assert len(answer.headers.get_list("cache-control")) == 1
    assert "strict-transport-security" not in plain.headers
    assert secure.headers["strict-transport-security"].startswith("max-age=31536000")


def test_the_page_of_the_ide_keeps_its_own_policy(api: Api) -> None:
    page, frame = api.http.get("/"), api.http.get("/ide/iframe-sandbox/index.html")

    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert frame.headers["content-security-policy"] == "sandbox allow-scripts"
    assert frame.headers["x-frame-options"] == "SAMEORIGIN"
