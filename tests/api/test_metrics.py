"""What Prometheus reads of a server."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra import metrics as module
from infra.database import connect
from infra.metrics import metrics
from infra.settings import Settings
from server import application
from tests.api.client import Api, some
from tests.api.conftest import an_administrator, projecting, schema_called, serving
from tests.api.test_subscription import following, receive, send, socket, some_of
from tests.conftest import ROOT
from tests.infra.test_projector_process import eventually

Told = dict[tuple[str, ...], float]


def told_by(text: str) -> Told:
    """Every sample: its name and the values of its labels, in the order of the labels' names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(api: Api) -> Told:
    return told_by(api.http.get("/metrics").text)


def grown(api: Api, act: Callable[[], Any]) -> Told:
    """What has changed by something."""
    before = told(api)
    act()
    after = told(api)
    return {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}


# -- what stands in the database -------------------------------------------------------------------


def test_how_things_stand_is_told_by_any_server(database_url: str) -> None:
    with schema_called(database_url, "test_api_metrics") as schema:
        app = application(Settings(), database_url, None, schema)
        with serving(app) as address, httpx.Client(base_url=address) as client:
            user, token = an_administrator(database_url, schema)
            api = Api(client, token, user)
            with projecting(database_url, schema):
                api.until_ready()
                before = api.head()
                api.do("registerAccount", "account { id }", name="Acme")
                moving = told(api)
            api.do("registerAccount", name="Later")
            with connect(database_url, schema) as connection:
                connection.execute("insert into followers (name, position) values ('relay', 1)")
                connection.execute("insert into published (topic, lane, position) values ('daybook.sales.v1', 2, 7)")
            answer = client.get("/metrics")
            ready = client.get("/readyz")

    stood = told_by(answer.text)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert moving["daybook_history_position",] == before + 1
    assert stood["daybook_history_position",] == before + 2
    assert moving["daybook_projectors",] == 1 and stood["daybook_projectors",] == 0
    assert {moving["daybook_view_behind", str(lane), "accounts"] for lane in range(6)} == {0}
    assert {stood["daybook_view_behind", str(lane), "accounts"] for lane in range(6)} == {1}
    assert moving["daybook_view_behind_seconds", "accounts"] == 0 < stood["daybook_view_behind_seconds", "accounts"]
    assert stood["daybook_view_parked", "users"] == 0
    assert (stood["daybook_follower_position", "relay"], stood["daybook_follower_behind", "relay"]) == (1, before + 1)
    assert stood["daybook_follower_led", "relay"] == 0
    assert stood["daybook_published_position", "2", "daybook.sales.v1"] == 7
    assert ready.status_code == 200
    assert ready.json()["concerns"] == [
        "no projector runs: views stand still",
        f"the relay does not run, and is {before + 1} positions behind",
    ]


def test_a_view_that_is_being_built_says_how_far_it_is(database_url: str) -> None:
    with schema_called(database_url, "test_api_building_far") as schema:
        user, token = an_administrator(database_url, schema)
        app = application(Settings(), database_url, None, schema)
        with serving(app) as address, httpx.Client(base_url=address) as client:
            api = Api(client, token, user)
            before = api.head()
            far = (before + 5) / (before + 9)
            made = 'mutation { registerAccount(input: {name: "Acme"}) { changed { id } } }'
            ids = [api.ask(made)["registerAccount"]["changed"][0]["id"] for _ in range(9)]
            with connect(database_url, schema) as connection:
                begun = f"insert into projections values (%s, %s, '{{}}', '{{}}', 'building', %s, {before + 9})"
                connection.execute(begun, ["accounts_x", "accounts", ids[4].partition("_")[2]])
                connection.execute(begun, ["users_x", "users", "00000000-0000-0000-0000-000000000000"])
            ready, measured = client.get("/readyz"), told(api)

    assert (ready.status_code, ready.json()["building"]) == (503, {"accounts": round(far, 2), "users": 0.0})
    assert measured["daybook_view_built", "accounts"] == pytest.approx(far)


def test_without_a_database_a_server_still_says_what_it_counted() -> None:
    alone = told_by(metrics(None).decode())

    assert alone["daybook_database_up",] == 0
    assert "daybook_append_waiting" in {name for name, *_ in alone}
    assert "daybook_history_position" not in {name for name, *_ in alone}


# -- what a server counts --------------------------------------------------------------------------


def test_operations_are_counted_by_what_came_of_them(api: Api) -> None:
    named = some("Q").replace("-", "_")

    def act() -> None:
        api.ask(f"query {named} {{ head {{ position }} }}")
        api.post(f"query {named} {{ account(id: 7) {{ nothing }} }}")
        api.post(f'query {named} {{ account(id: "User_x") {{ id }} }}')
        api.http.post("/graphql", json={"query": "{ head { position } }"})
        api.http.get("/nowhere")

    counted = grown(api, act)

    operations = {key[1:]: value for key, value in counted.items() if key[0] == "daybook_operations_total"}
    assert operations["OK", "query", named] == 1
    assert operations["BAD_USER_INPUT", "query", named] == 1
    assert operations["GRAPHQL_VALIDATION_FAILED", "none", ""] == 1
    assert operations["UNAUTHENTICATED", "none", ""] == 1
    assert counted["daybook_operation_seconds_count", "query", named] == 2
    assert counted["daybook_http_responses_total", "POST", "/graphql", "401"] == 1
    assert counted["daybook_http_responses_total", "GET", "other", "404"] == 1


def test_commands_are_counted_and_so_is_what_is_appended(api: Api) -> None:
    code = api.user_error("registerAccount", name="")["code"]

    def act() -> None:
        api.given("registerAccount", name=some("Acme"))
        api.user_error("registerAccount", name="")

    counted = grown(api, act)

    assert counted["daybook_commands_total", "ACCEPTED", "Account.register"] == 1
    assert counted["daybook_commands_total", code, "Account.register"] == 1
    assert counted["daybook_operations_total", code, "mutation", ""] == 1
    assert counted["daybook_command_seconds_count",] == 2
    assert counted["daybook_appended_events_total",] >= 1
    assert counted["daybook_append_commits_count",] == counted["daybook_append_seconds_count",] >= 1
    assert counted["daybook_sql_seconds_count",] >= 1
    assert ("daybook_append_waiting",) not in counted


def test_names_that_clients_choose_do_not_fill_the_memory(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_names", {"known"})
    monkeypatch.setattr(module, "MOST_NAMES", 3)

    labels = [module.operation_label(name) for name in ("known", "b", "c", "d", "e", "c", "known", None)]

    assert labels == ["known", "b", "c", "other", "other", "c", "known", ""]


def test_who_follows_is_counted_while_they_do(api: Api) -> None:
    def followings() -> tuple[float, float]:
        now = told(api)
        return now.get(("daybook_followings_open", "subscription"), 0), now.get(("daybook_http_open", "websocket"), 0)

    before = followings()
    with following(api, "subscription Following { events { position } }") as found:
        some_of(found, 1)
        during = followings()

    assert during == (before[0] + 1, before[1] + 1)
    eventually(lambda: followings() == before)
    assert ("daybook_operation_seconds_count", "subscription", "Following") not in told(api)
    assert told(api)["daybook_operations_total", "OK", "subscription", "Following"] == 1


def test_operations_on_a_socket_are_counted_one_by_one(api: Api) -> None:
    def act() -> None:
        with socket(api, authorization=f"Bearer {api.token}") as made:
            receive(made)
            for number, query in enumerate(("query OnSocket { head { position } }", "query OnSocket { nothing }")):
                send(made, id=str(number), type="subscribe", payload={"query": query})
                while receive(made)["type"] not in ("complete", "error"):
                    pass

    counted = grown(api, act)

    assert counted["daybook_operations_total", "OK", "query", "OnSocket"] == 1
    assert counted["daybook_operations_total", "GRAPHQL_VALIDATION_FAILED", "none", ""] == 1


def test_pools_tell_how_they_are_used(api: Api) -> None:
    now = told(api)

    assert {key[1] for key in now if key[0] == "daybook_pool_connections"} >= {"history", "identity", "reading"}
    assert now["daybook_pool_connections", "reading", "idle"] + now["daybook_pool_connections", "reading", "used"] >= 1


# -- what is documented ----------------------------------------------------------------------------


def test_every_metric_has_its_line_in_the_documentation(api: Api) -> None:
    page = (ROOT / "docs/operations.md").read_text()
    rows = re.findall(r"^\| `(daybook_\w+)` \|([^|]*)\|", page, re.MULTILINE)
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    api.ask("query Known { head { position } }")
    api.given("registerAccount", name=some("Acme"))
    families = [f for f in text_string_to_metric_families(api.http.get("/metrics").text) if "daybook" in f.name]
    found = {
        family.name + ("_total" if family.type == "counter" else ""): {
            label for sample in family.samples for label in sample.labels if label != "le"
        }
        for family in families
    }

    assert set(documented) == set(found)
    assert {name: labels for name, labels in found.items() if labels and labels != documented[name]} == {}
