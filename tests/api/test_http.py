"""The endpoint over HTTP: media types, status, who asks, and what is said when something goes wrong."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import psycopg
import pytest
from pytest import LogCaptureFixture

from infra.settings import Settings
from server import application
from tests.api.client import Api
from tests.api.company import an_account
from tests.api.conftest import an_administrator, projecting, schema_called, serving

GRJSON, JSON = "application/graphql-response+json", "application/json"
ONE, WRONG = {"query": "{ __typename }"}, {"query": "{ nothing }"}


def post(api: Api, body: Any, **headers: str) -> httpx.Response:
    return api.http.post("/graphql", json=body, headers=api.headers | headers)


def new_api(client: httpx.Client, database_url: str, schema: str) -> Api:
    user, token = an_administrator(database_url, schema)
    return Api(client, token, user)


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (GRJSON, GRJSON),
        (JSON, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (f"{GRJSON}, {JSON};q=0.9", GRJSON),
        (f"{JSON}, {GRJSON};q=0.9", JSON),
        (f"{GRJSON};q=0.1, {JSON};q=0.9", JSON),
        (f"{GRJSON};charset=utf-8, {JSON};q=0.9", GRJSON),
        (f"{GRJSON}, {JSON}, text/event-stream, multipart/mixed", GRJSON),
        (f"{JSON};q=abc, {GRJSON}", GRJSON),
        (f"{JSON};q=, {GRJSON};q=0.5", GRJSON),
        (GRJSON.upper(), GRJSON),
    ],
)
def test_the_answer_is_of_the_media_type_that_the_client_likes_best(api: Api, accept: str, media: str) -> None:
    answer = post(api, ONE, accept=accept)

    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, media)
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(("accept", "status"), [(GRJSON, 400), (JSON, 200)])
@pytest.mark.parametrize("body", [WRONG, {"query": "{"}, {"query": "query ($a: Int!) { __typename @skip(if: $a) }"}])
def test_a_document_that_is_wrong_has_no_data(api: Api, accept: str, status: int, body: Any) -> None:
    answer = post(api, body, accept=accept)

    assert answer.status_code == status
    assert set(answer.json()) == {"errors"}


@pytest.mark.parametrize("accept", [GRJSON, JSON])
def test_a_document_that_is_right_is_answered_with_200_whatever_comes_of_it(api: Api, accept: str) -> None:
    body = {"query": '{ __typename account(id: "junk") { id } }'}

    answer = post(api, body, accept=accept)

    assert answer.status_code == 200
    assert answer.json()["data"] == {"__typename": "Query", "account": None}
    [error] = answer.json()["errors"]
    assert (error["path"], error["locations"]) == (["account"], [{"line": 1, "column": 14}])


def test_a_query_is_asked_by_get_too(api: Api) -> None:
    asked = {"query": "query A($id: ID!) { node(id: $id) { id } } query B { __typename }", "operationName": "A"}
    account = an_account(api)

    answer = api.http.get("/graphql", params=asked | {"variables": f'{{"id": "{account}"}}'}, headers=api.headers)

    assert (answer.status_code, answer.json()) == (200, {"data": {"node": {"id": account}}})


@pytest.mark.parametrize("accept", [GRJSON, JSON])
def test_a_mutation_by_get_is_refused_and_does_nothing(api: Api, accept: str) -> None:
    before = api.head()
    query = 'mutation { registerAccount(input: {name: "Acme"}) { position } }'

    answer = api.http.get("/graphql", params={"query": query}, headers=api.headers | {"accept": accept})

    assert answer.status_code in (400, 405)
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert api.head() == before


@pytest.mark.parametrize("variables", ["[]", "nonsense", "1", '"x"'])
def test_variables_in_an_address_are_an_object(api: Api, variables: str) -> None:
    asked = {"query": "{ __typename }", "variables": variables}

    answer = api.http.get("/graphql", params=asked, headers=api.headers)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(api: Api, method: str) -> None:
    answer = api.http.request(method, "/graphql", json=ONE, headers=api.headers)

    assert answer.status_code == 405
    assert {"GET", "POST"} <= {each.strip() for each in answer.headers["allow"].split(",")}


# -- who asks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer x", "Bearer daybook_x_y", "Basic YTpi", "Bearer \u00ff", "junk"],
)
@pytest.mark.parametrize("accept", [GRJSON, JSON])
def test_who_does_not_say_who_they_are_is_told_nothing(api: Api, authorization: str | None, accept: str) -> None:
    headers = {"accept": accept} | ({} if authorization is None else {"authorization": authorization})
    sent = {name: value.encode("latin-1") for name, value in headers.items()}

    answer = api.http.post("/graphql", json=WRONG, headers=sent)  # type: ignore[arg-type]

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] in ("Bearer", 'Bearer error="invalid_token"')
    assert answer.headers["content-type"].partition(";")[0] == accept
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert "nothing" not in error["message"]


def test_a_token_is_good_with_another_case_of_its_scheme(api: Api) -> None:
    answer = api.http.post("/graphql", json=ONE, headers={"authorization": f"bearer {api.token}"})

    assert answer.status_code == 200


def test_a_token_that_was_altered_is_refused(api: Api) -> None:
    altered = api.token[:-1] + ("0" if api.token[-1] != "0" else "1")

    answer = api.http.post("/graphql", json=ONE, headers={"authorization": f"Bearer {altered}"})

    assert answer.status_code == 401


# -- request ids, health and faults ----------------------------------------------------------------


def test_a_request_id_comes_back(api: Api) -> None:
    named = post(api, WRONG, **{"x-request-id": "mine-1"})
    unnamed = post(api, WRONG)

    assert named.headers["x-request-id"] == "mine-1"
    assert named.json()["errors"][0]["extensions"]["requestId"] == "mine-1"
    assert len(unnamed.headers["x-request-id"]) == 32
    assert unnamed.json()["errors"][0]["extensions"]["requestId"] == unnamed.headers["x-request-id"]


def test_it_says_that_it_lives_and_that_it_can_serve(api: Api) -> None:
    alive, ready = api.http.get("/healthz"), api.http.get("/readyz")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    nothing: dict[str, Any] = {"missing": [], "concerns": [], "building": {}, "parked": {}}
    assert (ready.status_code, ready.json()) == (200, {"ready": True, **nothing})


def test_a_fault_of_ours_is_told_without_what_is_ours(database_url: str, caplog: LogCaptureFixture) -> None:
    with schema_called(database_url, "test_api_faults") as schema:
        app = application(Settings(), database_url, None, schema)
        with serving(app) as address, httpx.Client(base_url=address) as client:
            with projecting(database_url, schema):
                faulty = new_api(client, database_url, schema)
                faulty.until_ready()
            with psycopg.connect(database_url, autocommit=True) as connection:
                tables = connection.execute(
                    "select tablename from pg_tables where schemaname = %s and tablename like 'accounts%%'", [schema]
                ).fetchall()
                for (table,) in tables:
                    connection.execute(f'drop table {schema}."{table}" cascade'.encode())
            with caplog.at_level(logging.CRITICAL):
                direct = faulty.post("{ accounts { totalCount } }", accept=GRJSON)
                completed = faulty.post("{ accounts { totalCount } __schema { __typename } }", accept=GRJSON)
                other = faulty.post("{ users { totalCount } }")

    assert direct.status_code == 500
    for answer in (direct, completed):
        [error] = answer.json()["errors"]
        assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        assert error["message"] == "something went wrong on our side: it is in our log, under this request id"
        assert error["extensions"]["requestId"] == answer.headers["x-request-id"]
        assert "accounts_" not in answer.text
        assert "relation" not in answer.text
    assert other.json() == {"data": {"users": {"totalCount": 1}}}


def test_while_views_are_built_it_says_which_and_reads_wait_outside(database_url: str) -> None:
    with schema_called(database_url, "test_api_building") as schema:
        app = application(Settings(), database_url, None, schema)
        with serving(app) as address, httpx.Client(base_url=address) as client:
            building = new_api(client, database_url, schema)
            ready = client.get("/readyz")
            read = building.post("{ accounts { totalCount } }")
            named = building.post("{ accounts { totalCount } }", None, **{"Daybook-Position": "1"})
            head = building.post("{ head { position } }")
            made = building.post('mutation { registerAccount(input: {name: "Acme"}) { version } }')
            with projecting(database_url, schema):
                building.until_ready()
            afterwards = building.post("{ accounts { totalCount } }")

    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert "accounts is still being built" in ready.json()["missing"]
    assert read.status_code == 503
    [error] = read.json()["errors"]
    assert (error["extensions"]["code"], error["message"]) == ("NOT_READY", "accounts is still being built")
    [error] = named.json()["errors"]
    assert (named.status_code, error["extensions"]["code"]) == (503, "VIEW_BEHIND")
    assert error["message"] == "users is still being built"
    assert head.json()["data"]["head"]["position"] > 0
    assert made.json() == {"data": {"registerAccount": {"version": 1}}}
    assert afterwards.json() == {"data": {"accounts": {"totalCount": 1}}}
