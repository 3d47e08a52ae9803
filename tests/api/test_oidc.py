"""Users who come in with a token of their identity provider."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from infra.lockout import FREE
from infra.settings import Settings
from server import application
from tests.api.client import Api, some
from tests.api.conftest import serving
from tests.api.test_subscription import receive, socket
from tests.infra.provider import AUDIENCE, IdentityProvider, a_key, identity_provider


@pytest.fixture(scope="module")
def idp() -> Iterator[IdentityProvider]:
    with identity_provider() as provider:
        yield provider


@contextmanager
def company(api: Api, database_url: str, idp: IdentityProvider, **settings: Any) -> Iterator[Api]:
    """The same company, served by a server that takes the provider's tokens."""
    given = Settings(oidc_issuer=idp.issuer, oidc_audience=AUDIENCE, **settings)
    with (
        serving(application(given, database_url, None, "test_api")) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        made = Api(client, api.token, api.user_id)
        made.until_ready()
        yield made


@pytest.fixture(scope="module")
def open_api(api: Api, database_url: str, idp: IdentityProvider) -> Iterator[Api]:
    with company(api, database_url, idp) as made:
        yield made


def comes(api: Api, token: str, query: str = "{ head { position } }", address: str | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} | ({"x-forwarded-for": address} if address else {})
    return api.http.post("/graphql", json={"query": query}, headers=headers)


def a_person(api: Api, **input: Any) -> tuple[str, str]:
    """The id of a user, and an address of theirs."""
    email = f"{some('ada')}@engines.org"
    return api.given("addUser", name="Ada", email=email, **input), email


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    [error] = answer.json()["errors"]
    return answer.status_code, error["extensions"]["code"], error["message"]


def test_a_user_comes_in_by_the_external_id_that_was_linked(open_api: Api, idp: IdentityProvider) -> None:
    user, _ = a_person(open_api)
    other, _ = a_person(open_api)
    open_api.given("linkUserExternal", id=user, system=idp.issuer, externalId="subject 1")

    assert comes(open_api, idp.token(sub="subject 1")).status_code == 200
    assert comes(open_api, idp.token(sub="subject 2")).status_code == 403
    assert linked(open_api, idp, user, other) == ["subject 1", None]


def linked(api: Api, idp: IdentityProvider, *users: str) -> list[str | None]:
    """By which subject these users are known."""
    told = api.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { ... on User { externalIds } } }", ids=list(users))
    return [node["externalIds"].get(idp.issuer) for node in told["nodes"]]


def test_a_verified_address_lets_its_user_in_once_and_then_the_subject_does(
    open_api: Api, idp: IdentityProvider
) -> None:
    user, email = a_person(open_api)
    neighbour, _ = a_person(open_api)
    subject = some("subject")

    first = comes(open_api, idp.token(sub=subject, email=email.upper(), email_verified=True))
    later = comes(open_api, idp.token(sub=subject, email="new@engines.org", email_verified=False))
    open_api.position = open_api.head()

    assert (first.status_code, later.status_code) == (200, 200)
    assert linked(open_api, idp, user, neighbour) == [subject, None]
    taken = comes(open_api, idp.token(sub=some("subject"), email=email, email_verified=True))
    assert refused(taken)[:2] == (403, "FORBIDDEN")
    assert "somebody else comes in with your address" in refused(taken)[2]


@pytest.mark.parametrize("verified", [None, False, "true", 1])
def test_an_address_that_nobody_verified_lets_nobody_in(open_api: Api, idp: IdentityProvider, verified: Any) -> None:
    _, email = a_person(open_api)

    answer = comes(open_api, idp.token(sub=some("subject"), email=email, email_verified=verified))

    assert refused(answer) == (403, "FORBIDDEN", "you are not known here: ask whoever manages users to add you")


def test_who_was_let_go_is_told_so(open_api: Api, idp: IdentityProvider) -> None:
    user, _ = a_person(open_api)
    subject = some("subject")
    open_api.given("linkUserExternal", id=user, system=idp.issuer, externalId=subject)
    assert comes(open_api, idp.token(sub=subject)).status_code == 200

    open_api.given("deactivateUser", id=user)

    answer = comes(open_api, idp.token(sub=subject))
    assert refused(answer)[:2] == (403, "FORBIDDEN")
    assert "do not work here any more" in refused(answer)[2]


def test_what_the_provider_did_not_sign_for_us_lets_nobody_in(open_api: Api, idp: IdentityProvider) -> None:
    user, _ = a_person(open_api)
    subject = some("subject")
    open_api.given("linkUserExternal", id=user, system=idp.issuer, externalId=subject)
    wrong = [
        idp.token(sub=subject, aud="others"),
        idp.token(sub=subject, exp=int(time.time()) - 3600),
        idp.token(a_key("first"), sub=subject),
        f"{idp.token(sub=subject)[:-10]}AAAAAAAAAA",
    ]

    answers = [comes(open_api, token) for token in wrong]

    assert [refused(answer)[:2] for answer in answers] == [(401, "UNAUTHENTICATED")] * 4
    assert comes(open_api, idp.token(sub=subject)).status_code == 200


def test_who_forges_tokens_is_locked_out_and_whose_have_expired_is_not(open_api: Api, idp: IdentityProvider) -> None:
    user, _ = a_person(open_api)
    subject = some("subject")
    open_api.given("linkUserExternal", id=user, system=idp.issuer, externalId=subject)
    over, forged = idp.token(sub=subject, exp=1), idp.token(a_key("first"), sub=subject)

    for _ in range(2 * FREE):
        assert comes(open_api, over, address="203.0.113.50").status_code == 401
    assert comes(open_api, idp.token(sub=subject), address="203.0.113.50").status_code == 200
    for _ in range(FREE + 1):
        assert comes(open_api, forged, address="203.0.113.51").status_code == 401

    assert refused(comes(open_api, idp.token(sub=subject), address="203.0.113.51"))[:2] == (429, "THROTTLED")


def test_a_websocket_ends_when_the_token_of_the_provider_does(open_api: Api, idp: IdentityProvider) -> None:
    user, _ = a_person(open_api)
    subject = some("subject")
    open_api.given("linkUserExternal", id=user, system=idp.issuer, externalId=subject)
    token = idp.token(sub=subject, exp=int(time.time()) - 57)  # and clocks may differ by 60 seconds

    with socket(open_api, authorization=f"Bearer {token}") as made:
        assert receive(made)["type"] == "connection_ack"
        with pytest.raises(ConnectionClosed) as closed:
            receive(made)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


def test_who_is_in_a_group_is_in_its_team_and_leaves_it_with_the_group(open_api: Api, idp: IdentityProvider) -> None:
    user, _ = a_person(open_api)
    subject = some("subject")
    open_api.given("linkUserExternal", id=user, system=idp.issuer, externalId=subject)
    north, south, apart = (open_api.given("formTeam", name=some("Team")) for _ in range(3))
    open_api.given("linkTeamExternal", id=north, system=idp.issuer, externalId="north group")
    open_api.given("linkTeamExternal", id=south, system=idp.issuer, externalId="south group")
    open_api.given("addTeamMember", id=apart, userId=user)

    def members(token: str) -> list[bool]:
        assert comes(open_api, token).status_code == 200
        open_api.position = open_api.head()
        query = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Team { members { nodes { userId } } } } }"
        teams = open_api.ask(query, ids=[north, south, apart])["nodes"]
        return [user in {each["userId"] for each in team["members"]["nodes"]} for team in teams]

    assert members(idp.token(sub=subject, groups=["north group", "others"])) == [True, False, True]
    assert members(idp.token(sub=subject, groups=["south group"])) == [False, True, True]
    assert members(idp.token(sub=subject)) == [False, True, True]
    assert members(idp.token(sub=subject, groups=[])) == [False, False, True]


def test_whom_the_provider_brings_is_added_where_that_is_wanted(
    api: Api, database_url: str, idp: IdentityProvider
) -> None:
    subject, email = some("subject"), f"{some('eve')}@engines.org"
    token = idp.token(sub=subject, name="Eve", email=email, email_verified=True)

    with company(api, database_url, idp, oidc_add_users=True) as adding:
        assert [comes(adding, token).status_code for _ in range(2)] == [200, 200]
        adding.position = adding.head()
        query = "query ($email: String!) { users(filter: {email: {eq: $email}}) { nodes { name email externalIds } } }"
        found = adding.ask(query, email=email)["users"]["nodes"]

    assert found == [{"name": "Eve", "email": email, "externalIds": {idp.issuer: subject}}]


def test_a_provider_that_is_down_keeps_out_only_those_who_need_it(api: Api, database_url: str) -> None:
    with identity_provider() as idp:
        idp.answers = False
        with company(api, database_url, idp) as made:
            answer = comes(made, idp.token())
            ours = made.ask("{ viewer { id } }")

    assert refused(answer)[:2] == (503, "NOT_READY")
    assert "the identity provider does not answer" in refused(answer)[2]
    assert answer.headers["retry-after"] == "5"
    assert ours == {"viewer": {"id": api.me}}


def test_without_a_provider_its_tokens_are_none(api: Api, idp: IdentityProvider) -> None:
    assert comes(api, idp.token()).status_code == 401
