"""Rows that are followed: each comes anew when it has changed, and one that leaves is told once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep
from typing import Any

import httpx
import pytest

from infra.settings import Settings
from server import application, schema_of
from tests.api.client import Api, some
from tests.api.company import an_account, an_opportunity
from tests.api.conftest import an_administrator, projecting, schema_called, serving
from tests.api.test_streams import SSE, messages, streamed
from tests.api.test_subscription import receive, send, socket

ACCOUNT = "id position account { id name version lifecycle }"


@contextmanager
def following(api: Api, field: str, given: str, shown: str = ACCOUNT, **variables: Any) -> Iterator[Iterator[Any]]:
    """The changes of a subscription, from the last event on that there is now."""
    query = f"subscription {{ it: {field}({given} after: {api.head()}) {{ {shown} }} }}"
    with socket(api, authorization=f"Bearer {api.token}") as made:
        receive(made)
        send(made, id="1", type="subscribe", payload={"query": query, "variables": variables})
        yield (changed(receive(made)) for _ in range(1000))


def changed(message: Any) -> Any:
    assert message["type"] == "next", message
    assert "errors" not in message["payload"], message
    return message["payload"]["data"]["it"]


def test_a_row_comes_anew_when_it_has_changed_and_no_other(api: Api) -> None:
    account, other = an_account(api), an_account(api)

    with following(api, "accountChanged", f'ids: ["{account}"]') as found:
        api.given("renameAccount", id=other, name="Other")
        api.given("renameAccount", id=account, name="First")
        first = next(found)
        payload = api.do("renameAccount", id=account, name="Second")
        second = next(found)

    assert (first["account"]["name"], first["account"]["version"]) == ("First", 2)
    assert (second["account"]["name"], second["account"]["version"]) == ("Second", 3)
    assert (second["id"], second["position"]) == (account, payload["position"])


def test_without_ids_every_row_is_followed_new_ones_too(api: Api) -> None:
    with following(api, "accountChanged", "") as found:
        name = some("New")
        account = an_account(api, name)
        change = next(found)

    assert (change["id"], change["account"]["name"]) == (account, name)


def test_a_row_that_comes_to_fit_a_filter_comes_and_one_that_fits_no_more_leaves(api: Api) -> None:
    inside, outside = an_account(api), an_account(api)
    api.given("changeAccountLifecycle", id=inside, lifecycle="LOYAL")

    with following(api, "accountChanged", "filter: {lifecycle: {eq: LOYAL}}") as found:
        api.given("renameAccount", id=outside, name="Never seen")
        api.given("changeAccountLifecycle", id=inside, lifecycle="LAPSED")
        left = next(found)
        api.given("renameAccount", id=inside, name="Not seen any more")
        api.given("changeAccountLifecycle", id=outside, lifecycle="LOYAL")
        come = next(found)

    assert (left["id"], left["account"]) == (inside, None)
    assert (come["id"], come["account"]["lifecycle"]) == (outside, "LOYAL")


def test_who_is_put_away_leaves_a_list_and_is_still_shown_by_its_id(api: Api) -> None:
    account = an_account(api)

    with (
        following(api, "accountChanged", "filter: {}") as listed,
        following(api, "accountChanged", f'ids: ["{account}"]') as named,
    ):
        api.given("archiveAccount", id=account)
        told = next(listed), next(named)

    assert (told[0]["id"], told[0]["account"]) == (account, None)
    assert told[1]["account"]["id"] == account


def test_many_changes_at_once_are_told_as_one(api: Api) -> None:
    account = an_account(api)
    start = api.head()
    for n in range(40):
        last = api.do("renameAccount", id=account, name=f"Name {n}")

    query = f"subscription {{ it: accountChanged(after: {start}) {{ {ACCOUNT} }} }}"
    with streamed(api, query, SSE) as response:
        first = next(messages(response))

    assert first["id"] == str(last["position"])
    assert '"name":"Name 39"' in first["data"]


def test_a_change_of_what_it_has_is_a_change_of_it(api: Api, pipeline: str) -> None:
    opportunity = an_opportunity(api, pipeline)

    shown = "opportunity { tags version }"
    with following(api, "opportunityChanged", f'ids: ["{opportunity}"]', shown) as found:
        api.given("tagOpportunity", id=opportunity, label="big")
        change = next(found)

    assert change["opportunity"] == {"tags": ["big"], "version": 2}


def test_who_comes_back_goes_on_where_the_stream_broke_off(api: Api) -> None:
    account = an_account(api)
    query = f'subscription {{ it: accountChanged(ids: ["{account}"]) {{ {ACCOUNT} }} }}'
    api.given("renameAccount", id=account, name="Missed")

    with streamed(api, query, SSE, {"last-event-id": str(api.head() - 1)}) as response:
        first = next(messages(response))

    assert '"name":"Missed"' in first["data"]


def test_a_change_is_told_when_the_view_shows_it_however_late_that_is(database_url: str) -> None:
    with schema_called(database_url, "test_changes_late") as schema:
        user, token = an_administrator(database_url, schema)
        app = application(Settings(), database_url, None, schema)
        with serving(app) as address, httpx.Client(base_url=address, timeout=30) as client:
            late = Api(client, token, user)
            with projecting(database_url, schema):
                late.until_ready()
                account = an_account(late)
                late.ask("{ accounts { totalCount } }")
            with following(late, "accountChanged", "") as found:
                late.post(f'mutation {{ renameAccount(input: {{id: "{account}", name: "Late"}}) {{ version }} }}')
                sleep(2.5)  # longer than a read waits
                with projecting(database_url, schema):
                    change = next(found)

    assert change["account"]["name"] == "Late"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ('ids: ["junk"]', "BAD_USER_INPUT"),
        ('ids: ["User_00000000-0000-0000-0000-000000000000"]', "BAD_USER_INPUT"),
        ('filter: {ownerId: {eq: "junk"}}', "BAD_USER_INPUT"),
        ("filter: {colour: {eq: 1}}", "GRAPHQL_VALIDATION_FAILED"),
        ("after: -1", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
def test_what_is_wrong_is_said_at_once(api: Api, given: str, code: str) -> None:
    with socket(api, authorization=f"Bearer {api.token}") as made:
        receive(made)
        send(made, id="1", type="subscribe", payload={"query": f"subscription {{ accountChanged({given}) {{ id }} }}"})
        message = receive(made)

    [error] = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    assert error["extensions"]["code"] == code


def test_every_view_of_an_aggregate_can_be_followed() -> None:
    schema, views = schema_of("UTC")
    root = schema._schema.subscription_type

    assert root
    assert {f"{kind[0].lower()}{kind[1:]}Changed" for kind in views.named} <= set(root.fields)
