"""Many commands in one mutation: each by itself, or all of them or none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.client import Api, some
from tests.api.company import an_account, an_opportunity, euros

BATCH = """mutation ($commands: [BatchCommand!]!, $atomic: Boolean, $key: String) {
    batch(commands: $commands, atomic: $atomic, idempotencyKey: $key) {
        results {
            mutation version position receipt changed { id version }
            userErrors { field message code holder version }
            node { id ... on Account { name } ... on Opportunity { name account { name } } }
        }
        userErrors { field code message holder }
    } }"""


def batch(api: Api, *commands: Any, **variables: Any) -> Any:
    asked = {"commands": list(commands), "atomic": False} | variables
    payload = api.ask(BATCH, **asked)["batch"]
    api.position = max([api.position, *(each["position"] or 0 for each in payload["results"])])
    return payload


def register(name: str, **input: Any) -> Any:
    return {"registerAccount": {"name": name} | input}


def test_each_command_has_a_result_of_its_own_in_their_order(api: Api) -> None:
    account, before = an_account(api, "Old"), api.head()

    payload = batch(
        api,
        register("New"),
        {"restoreAccount": {"id": account}},
        {"renameAccount": {"id": account, "name": "Renamed"}},
    )

    made, refused, renamed = payload["results"]
    assert [each["mutation"] for each in payload["results"]] == ["registerAccount", "restoreAccount", "renameAccount"]
    assert (made["node"]["name"], made["version"], made["position"], made["userErrors"]) == ("New", 1, before + 1, [])
    assert (refused["node"], refused["version"], refused["changed"]) == (None, None, [])
    assert refused["userErrors"][0]["code"] == "REFUSED"
    assert renamed["node"] == {"id": account, "name": "Renamed"}
    assert renamed["position"] == api.head() == before + 2


def test_an_error_names_the_place_of_its_command_and_the_way_to_the_value(api: Api) -> None:
    payload = batch(api, register("Fine"), register("x", details={"employees": -1}), register(" "))

    wanted = [
        ["commands", "1", "registerAccount", "details", "employees"],
        ["commands", "2", "registerAccount", "name"],
    ]
    assert [each["field"] for each in payload["userErrors"]] == wanted
    assert [each["field"] for result in payload["results"] for each in result["userErrors"]] == wanted


def test_a_later_command_names_what_an_earlier_one_made(api: Api, pipeline: str) -> None:
    payload = batch(
        api,
        register("Harbour Books"),
        {"openOpportunity": {"pipelineId": pipeline, "name": "Shelves", "accountId": "#0"}},
        {"tagOpportunity": {"id": "#1", "label": "spring"}},
    )

    account, opportunity, tagged = (each["node"] for each in payload["results"])
    assert payload["userErrors"] == []
    assert opportunity["account"] == {"name": "Harbour Books"} and account["name"] == "Harbour Books"
    assert tagged["id"] == opportunity["id"]


def test_what_names_something_that_was_refused_is_refused(api: Api, pipeline: str) -> None:
    payload = batch(
        api,
        register(" "),
        {"openOpportunity": {"pipelineId": pipeline, "name": "Shelves", "accountId": "#0"}},
        register("Still carried out"),
    )

    _, second, third = payload["results"]
    assert (second["userErrors"][0]["code"], second["userErrors"][0]["field"][-1]) == ("INVALID", "accountId")
    assert third["node"]["name"] == "Still carried out"


@pytest.mark.parametrize("reference", ["#0", "#1", "#7", "#", "#-1", "#٣"])
def test_only_an_earlier_command_is_named(api: Api, reference: str) -> None:
    payload = batch(api, {"archiveAccount": {"id": reference}}, atomic=True)

    [error] = payload["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["commands", "0", "archiveAccount", "id"])


def test_a_text_that_looks_like_a_reference_stays_a_text(api: Api) -> None:
    payload = batch(api, register("First"), register("#0"))

    assert [each["node"]["name"] for each in payload["results"]] == ["First", "#0"]


def test_of_an_atomic_batch_all_is_done(api: Api, pipeline: str) -> None:
    payload = batch(
        api,
        register("Harbour Books"),
        {"openOpportunity": {"pipelineId": pipeline, "name": "Shelves", "accountId": "#0"}},
        {"winOpportunity": {"id": "#1", "amount": euros("5")}},
        atomic=True,
    )

    _, opened, won = payload["results"]
    assert payload["userErrors"] == []
    assert (opened["version"], won["version"]) == (1, 2)
    assert won["position"] == api.head()
    assert won["receipt"] == api.ask("{ head { receipt } }")["head"]["receipt"]


def test_of_an_atomic_batch_nothing_is_done_when_one_is_refused(api: Api) -> None:
    name, account, before = some("Nothing"), an_account(api), api.head()

    payload = batch(api, register(name), {"restoreAccount": {"id": account}}, register("After"), atomic=True)

    [error] = payload["userErrors"]
    assert (error["code"], error["field"]) == ("REFUSED", ["commands", "1", "restoreAccount"])
    assert [each["userErrors"][0]["message"] for each in payload["results"]] == [
        "nothing was done, because the batch was refused",
        "it is not archived",
        "nothing was done, because the batch was refused",
    ]
    assert [each["node"] for each in payload["results"]] == [None, None, None]
    assert api.head() == before


def test_what_speaks_against_an_atomic_batch_as_a_whole_is_said_once(api: Api) -> None:
    code, before = some("C"), api.head()
    product = {"listProduct": {"code": code, "name": "Pump"}}

    payload = batch(api, product, product, atomic=True)

    [error] = payload["userErrors"]
    assert (error["code"], error["field"]) == ("DUPLICATE", None)
    assert api.head() == before


@pytest.mark.parametrize("atomic", [False, True])
def test_a_batch_with_a_key_is_carried_out_once_and_answered_alike(api: Api, pipeline: str, atomic: bool) -> None:
    key, account = some("key"), an_account(api)
    commands = [
        register("Once"),
        {"openOpportunity": {"pipelineId": pipeline, "name": "Once", "accountId": "#0"}},
        {"winOpportunity": {"id": "#1", "amount": euros("5")}},
        {"tagAccount": {"id": account, "label": "x"}},
    ]
    first = batch(api, *commands, atomic=atomic, key=key)
    head = api.head()

    again = batch(api, *commands, atomic=atomic, key=key)
    others = [
        batch(api, register("Other"), *commands[1:], atomic=atomic, key=key),
        batch(api, *commands[:3], {"tagAccount": {"id": account, "label": "other"}}, atomic=atomic, key=key),
    ]

    assert first["userErrors"] == [] and api.head() == head
    keys = ("changed", "version", "position", "receipt")
    assert [[r[k] for k in keys] for r in again["results"]] == [[r[k] for k in keys] for r in first["results"]]
    assert {error["code"] for other in others for error in other["userErrors"]} >= {"REPEATED_OTHERWISE"}
    assert all(other["userErrors"] for other in others) and (not atomic or api.head() == head)


def test_an_atomic_batch_that_grew_is_another_batch(api: Api) -> None:
    key = some("key")
    batch(api, register("One"), atomic=True, key=key)
    head = api.head()

    grown = batch(api, register("One"), register("Two"), atomic=True, key=key)

    [error] = grown["userErrors"]
    assert (error["code"], error["field"]) == ("REPEATED_OTHERWISE", ["commands", "1", "registerAccount"])
    assert api.head() == head


def test_of_twins_at_the_same_time_one_is_carried_out(api: Api, pipeline: str) -> None:
    key, before = some("key"), api.head()
    commands = [register("Twin"), {"openOpportunity": {"pipelineId": pipeline, "name": "Twin", "accountId": "#0"}}]

    def ask(_: int) -> Any:
        return api.ask(BATCH, commands=commands, atomic=True, key=key)["batch"]

    with ThreadPoolExecutor(8) as threads:
        payloads = list(threads.map(ask, range(8)))

    done = [[each["changed"] for each in payload["results"]] for payload in payloads]
    assert all(payload["userErrors"] == [] and each == done[0] for payload, each in zip(payloads, done, strict=True))
    assert api.head() == before + 2


def test_the_header_has_a_key_for_each_command(api: Api) -> None:
    headers = {"idempotency-key": some("key")}
    variables = {"commands": [register("One"), register("Two")], "atomic": False}
    first = api.post(BATCH, variables, **headers).json()["data"]["batch"]
    head = api.head()

    again = api.post(BATCH, variables, **headers).json()["data"]["batch"]

    ids = [[each["changed"][0]["id"] for each in payload["results"]] for payload in (first, again)]
    assert ids[0] == ids[1] and len({*ids[0]}) == 2
    assert api.head() == head


def test_a_command_is_the_input_of_exactly_one_mutation(api: Api) -> None:
    two = {"registerAccount": {"name": "x"}, "archiveAccount": {"id": "x"}}

    wrongs: list[Any] = [two, {}, {"dropTables": {}}, {"registerAccount": None}]
    for wrong in wrongs:
        answer = api.post(BATCH, {"commands": [wrong], "atomic": False}).json()
        assert {each["extensions"]["code"] for each in answer["errors"]} == {"BAD_USER_INPUT"}, wrong


def test_a_batch_has_from_one_to_a_hundred_commands(api: Api) -> None:
    label, account = some("label"), an_account(api)
    commands = [{"tagAccount": {"id": account, "label": f"{label}-{n}"}} for n in range(100)]

    payload = batch(api, *commands, atomic=True)

    assert (payload["userErrors"], payload["results"][99]["version"]) == ([], 101)
    assert api.refused(BATCH, commands=[*commands, commands[0]], atomic=False) == (
        "BAD_USER_INPUT",
        "`commands` takes from 1 to 100 commands",
    )
    assert api.refused(BATCH, commands=[], atomic=False)[0] == "BAD_USER_INPUT"


def test_a_batch_costs_as_much_as_it_has_commands(api: Api) -> None:
    account = an_account(api)

    def cost(many: int) -> int:
        commands = [{"tagAccount": {"id": account, "label": "x"}}] * many
        answer = api.post(BATCH, {"commands": commands, "atomic": False}, **{"daybook-cost": "1"}).json()
        return int(answer["extensions"]["cost"])

    one, two, ten = cost(1), cost(2), cost(10)

    assert two - one > 10
    assert ten - one == 9 * (two - one)


def test_batches_at_the_same_time_lose_nothing(api: Api, pipeline: str) -> None:
    opportunity = an_opportunity(api, pipeline)
    labels = [[f"{n}-{i}" for i in range(5)] for n in range(6)]

    def tag(some: list[str]) -> Any:
        commands = [{"tagOpportunity": {"id": opportunity, "label": each}} for each in some]
        return api.ask(BATCH, commands=commands, atomic=True)["batch"]

    with ThreadPoolExecutor(6) as threads:
        payloads = list(threads.map(tag, labels))

    done = [n for n, payload in enumerate(payloads) if not payload["userErrors"]]
    api.position = api.head()
    tags = api.ask("query ($id: ID!) { opportunity(id: $id) { tags } }", id=opportunity)["opportunity"]["tags"]
    assert {e["code"] for payload in payloads for e in payload["userErrors"]} <= {"CONFLICT"}
    assert done and set(tags) == {label for n in done for label in labels[n]}
