"""Tags of answers: who has one learns that it still holds, and never that one holds which does not."""

from __future__ import annotations

import json
from typing import Any

import httpx
import psycopg
import pytest

from infra.rebuild import rebuild
from infra.settings import Settings
from projections.catalogue import VIEWS
from server import application
from tests.api.client import Api, some
from tests.api.company import a_user, an_account, an_opportunity
from tests.api.conftest import an_administrator, projecting, schema_called, serving

ACCOUNTS = "query ($name: String) { accounts(filter: {name: {eq: $name}}) { totalCount nodes { id name } } }"


def get(
    api: Api, query: str, tag: str | None = None, variables: dict[str, Any] | None = None, **headers: str
) -> httpx.Response:
    asked = {"query": query, "variables": json.dumps(variables or {})}
    conditional = {"if-none-match": tag} if tag else {}
    return api.http.get("/graphql", params=asked, headers=api.headers | conditional | headers)


def tag_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "private, no-cache"
    assert {"accept", "authorization"} <= {each.strip() for each in answer.headers["vary"].split(",")}
    return answer.headers["etag"]


def test_what_has_not_changed_is_not_told_again(api: Api) -> None:
    name = some("Tagged")
    an_account(api, name)
    first = get(api, ACCOUNTS, variables={"name": name})

    again = get(api, ACCOUNTS, tag_of(first), {"name": name})

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag_of(first))
    assert "content-length" not in again.headers or again.headers["content-length"] == "0"


def test_what_happens_to_other_things_changes_nothing(api: Api, pipeline: str) -> None:
    an_account(api)
    first = get(api, ACCOUNTS)
    an_opportunity(api, pipeline)
    a_user(api)

    assert get(api, ACCOUNTS, tag_of(first)).status_code == 304


def test_what_has_changed_is_told(api: Api) -> None:
    name = some("Tagged")
    account = an_account(api, name)
    first = get(api, ACCOUNTS, variables={"name": name})
    api.given("renameAccount", id=account, name="Else")

    second = get(api, ACCOUNTS, tag_of(first), {"name": name})

    assert second.json()["data"]["accounts"]["totalCount"] == 0
    assert tag_of(second) != tag_of(first)


def test_what_is_read_beside_it_counts(api: Api, pipeline: str) -> None:
    query = "{ opportunities { nodes { id account { name owner { name } } lines { totalCount } } } }"
    owner = a_user(api, "Ada")
    account = an_account(api)
    api.given("assignAccountOwner", id=account, ownerId=owner)
    opportunity = an_opportunity(api, pipeline, accountId=account)
    changes = [
        ("renameAccount", {"id": account, "name": "Other"}),
        ("deactivateUser", {"id": owner}),
        ("tagOpportunity", {"id": opportunity, "label": "big"}),
    ]

    for command, input in changes:
        tag = tag_of(get(api, query))
        api.given(command, **input)
        assert get(api, query, tag).status_code == 200, command


def test_a_tag_belongs_to_its_document_its_variables_and_its_caller(api: Api) -> None:
    tag = tag_of(get(api, ACCOUNTS, variables={"name": "a"}))

    assert get(api, ACCOUNTS, tag, {"name": "a"}).status_code == 304
    assert get(api, ACCOUNTS, tag, {"name": "b"}).status_code == 200
    assert get(api, "{ accounts { totalCount } }", tag).status_code == 200


@pytest.mark.parametrize("tag", ["*", '"x"', 'W/"a.1.2"', "W/", '"..."', 'W/"' + "9" * 400 + '"', ",,,"])
def test_what_is_no_tag_of_ours_holds_for_nothing(api: Api, tag: str) -> None:
    assert get(api, ACCOUNTS, tag).status_code == 200


def test_of_many_tags_the_one_that_holds_is_found(api: Api) -> None:
    tag = tag_of(get(api, ACCOUNTS))

    assert get(api, ACCOUNTS, f'"x", W/"y.1.2", {tag}').headers["etag"] == tag


def test_an_answer_of_the_past_holds_and_the_last_position_does_not(api: Api) -> None:
    past, head = f"{{ accounts(asOf: {{position: {api.head()}}}) {{ totalCount }} }}", "{ head { position } }"
    tags = tag_of(get(api, past)), tag_of(get(api, head))
    assert [get(api, query, tag).status_code for query, tag in zip((past, head), tags, strict=True)] == [304, 304]
    a_user(api)

    assert get(api, past, tags[0]).status_code == 304
    assert get(api, head, tags[1]).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "{ timeInStage { stage onAverage } }",
        '{ accounts(asOf: {time: "2020-01-01T00:00:00Z"}) { totalCount } }',
        "{ __schema { __typename } accounts { totalCount } }",
        '{ account(id: "junk") { id } }',
        "{ __typename }",
    ],
)
def test_what_depends_on_the_clock_or_is_not_read_from_views_has_no_tag(api: Api, query: str) -> None:
    answer = get(api, query)

    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_what_is_posted_has_no_tag(api: Api) -> None:
    answer = api.post(ACCOUNTS, None, **{"if-none-match": tag_of(get(api, ACCOUNTS))})

    assert (answer.status_code, "etag" in answer.headers) == (200, False)


def test_a_table_that_was_made_anew_has_tags_of_its_own(database_url: str) -> None:
    """A rebuild may put right what was wrong: nothing is held that was told before."""
    with schema_called(database_url, "test_tags_rebuilt") as schema:
        user, token = an_administrator(database_url, schema)
        with projecting(database_url, schema):
            app = application(Settings(), database_url, None, schema)
            with serving(app) as address, httpx.Client(base_url=address) as client:
                here = Api(client, token, user)
                here.until_ready()
                an_account(here)
                tag = tag_of(get(here, ACCOUNTS))
                assert get(here, ACCOUNTS, tag).status_code == 304
                rebuild(database_url, schema, [view for view in VIEWS if view.table == "accounts"])
                assert get(here, ACCOUNTS, tag).status_code == 200


def test_while_an_aggregate_waits_there_is_no_tag(database_url: str) -> None:
    """It may be tried again without an event."""
    with schema_called(database_url, "test_tags_parked") as schema:
        user, token = an_administrator(database_url, schema)
        with projecting(database_url, schema):
            app = application(Settings(), database_url, None, schema)
            with serving(app) as address, httpx.Client(base_url=address) as client:
                here = Api(client, token, user)
                here.until_ready()
                an_account(here)
                tag = tag_of(get(here, ACCOUNTS))
                with psycopg.connect(database_url, autocommit=True) as connection:
                    connection.execute(f"set search_path to {schema}".encode())
                    connection.execute(
                        "insert into dead_letters (name, originator_id, position, reason, tries)"
                        " select name, gen_random_uuid(), 1, 'x', 1 from projections where view = 'accounts'"
                    )
                    parked = get(here, ACCOUNTS)
                    users = get(here, "{ users { totalCount } }")

    assert tag
    assert "etag" not in parked.headers
    assert "etag" in users.headers
