"""What cannot be is refused in words, records nothing, and the server lives on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.client import Api

INTERNALS = ("psycopg", "traceback", "select ", "syntax error at", "infra/", ".py", "strawberry", "keyerror", "asyncio")
LIST = "query ($filter: AccountFilter) { accounts(filter: $filter) { totalCount } }"
REGISTER = """mutation ($input: RegisterAccountInput!) {
    registerAccount(input: $input) { position userErrors { field message code } }
}"""
NUL, HALF = "a\\u0000b", "a\\ud800b"


@pytest.fixture(autouse=True)
def unharmed(api: Api) -> Iterator[None]:
    """Whatever a test sends: nothing is recorded, and the next one is answered."""
    before = api.head()
    yield
    assert api.head() == before


def send(api: Api, body: bytes | str, **headers: str) -> httpx.Response:
    sent = api.headers | {"content-type": "application/json"} | headers
    return api.http.post("/graphql", content=body, headers=sent)


def error_of(response: httpx.Response) -> tuple[str, str]:
    """The code and the message of the one error; nothing internal is in the answer."""
    assert response.status_code < 500, response.text
    assert not [word for word in INTERNALS if word in response.text.lower()], response.text
    [error] = response.json()["errors"]
    return error["extensions"]["code"], error["message"]


# -- bodies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"query": ',
        b"nonsense",
        b'{"query": "{ head { position } }"',
        b"\xff\xfe",
        b'{"query": "\xff"}',
        b'{"query": "{ head { position } }", "variables": {"a": NaN}}',
        b'{"query": "{ head { position } }", "variables": {"a": Infinity}}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        f'{{"query": "{{ head {{ position }} }}", "variables": {{"a": "{HALF}"}}}}'.encode(),
        f'{{"query": "{{ head {{ position }} }} # {HALF}"}}'.encode(),
    ],
)
def test_a_body_that_is_not_json_is_refused(api: Api, body: bytes) -> None:
    response = send(api, body)

    code, message = error_of(response)
    assert (response.status_code, code) == (400, "BAD_REQUEST")
    assert message.startswith("the body is not JSON")


@pytest.mark.parametrize(
    "body", ["[]", "null", "1", '"{ head { position } }"', "true", '[{"query": "{ head { position } }"}]']
)
def test_a_body_that_is_no_object_is_refused(api: Api, body: str) -> None:
    response = send(api, body)

    assert response.status_code == 400
    assert error_of(response) == ("BAD_REQUEST", "the body is one JSON object, with `query` and perhaps `variables`")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": None},
        {"query": ""},
        {"query": 1},
        {"query": []},
        {"query": {"a": 1}},
        {"query": "{ head { position } }", "variables": []},
        {"query": "{ head { position } }", "variables": "x"},
        {"query": "{ head { position } }", "variables": 1},
        {"query": "{ head { position } }", "operationName": 1},
        {"query": "{ head { position } }", "operationName": {}},
        {"query": "{ head { position } }", "extensions": 1},
        {"variables": {}},
    ],
)
def test_a_body_of_other_shape_is_refused(api: Api, body: dict[str, Any]) -> None:
    response = send(api, json.dumps(body))

    error_of(response)
    assert response.status_code == 400


def test_a_body_of_another_media_type_is_refused(api: Api) -> None:
    response = send(api, '{"query": "{ __typename }"}', **{"content-type": "text/plain"})

    error_of(response)
    assert response.status_code in (400, 415)


# -- documents -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("{", "GRAPHQL_PARSE_FAILED", "Syntax Error"),
        ("nonsense", "GRAPHQL_PARSE_FAILED", "Syntax Error"),
        ("{ accounts { nodes { id } }", "GRAPHQL_PARSE_FAILED", "Syntax Error"),
        ('{ account(id: "a', "GRAPHQL_PARSE_FAILED", "Unterminated string"),
        (f'{{ account(id: "{HALF}") {{ id }} }}', "GRAPHQL_PARSE_FAILED", "Invalid Unicode escape sequence"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED", "nothing"),
        ("{ accounts }", "GRAPHQL_VALIDATION_FAILED", "accounts"),
        ("{ account { id } }", "GRAPHQL_VALIDATION_FAILED", "id"),
        ("{ account(id: null) { id } }", "GRAPHQL_VALIDATION_FAILED", "ID!"),
        ("{ account(id: 1.5) { id } }", "GRAPHQL_VALIDATION_FAILED", "1.5"),
        ('{ account(id: "x", colour: 1) { id } }', "GRAPHQL_VALIDATION_FAILED", "colour"),
        ("{ accounts(filter: {colour: {eq: 1}}) { totalCount } }", "GRAPHQL_VALIDATION_FAILED", "colour"),
        ("{ accounts(filter: {name: {like: 1}}) { totalCount } }", "GRAPHQL_VALIDATION_FAILED", "like"),
        ("{ accounts(first: 2147483648) { totalCount } }", "GRAPHQL_VALIDATION_FAILED", "2147483648"),
        ("{ accounts(first: 1e3) { totalCount } }", "GRAPHQL_VALIDATION_FAILED", "1e3"),
        ("{ accounts(first: 99999999999999999999999) { totalCount } }", "GRAPHQL_VALIDATION_FAILED", "9999"),
        ("{ accounts(orderBy: [{field: WEBSITE}]) { totalCount } }", "GRAPHQL_VALIDATION_FAILED", "WEBSITE"),
        ("query ($a: Nothing) { a: __typename @skip(if: $a) }", "GRAPHQL_VALIDATION_FAILED", "Nothing"),
        ("query ($a: Int) { __typename }", "GRAPHQL_VALIDATION_FAILED", "$a"),
        ("{ ...none }", "GRAPHQL_VALIDATION_FAILED", "none"),
        ("{ ...a } fragment a on Query { ...a }", "GRAPHQL_VALIDATION_FAILED", "a"),
        ("fragment a on Query { __typename }", "GRAPHQL_VALIDATION_FAILED", "a"),
        ("{ __typename } { __typename }", "GRAPHQL_VALIDATION_FAILED", ""),
        ("query A { __typename } query A { __typename }", "GRAPHQL_VALIDATION_FAILED", "A"),
        ("type A { b: Int }", "GRAPHQL_VALIDATION_FAILED", "A"),
    ],
)
def test_a_document_that_is_wrong_is_refused(api: Api, query: str, code: str, message: str) -> None:
    response = api.post(query)

    first = response.json()["errors"][0]
    assert response.status_code < 500
    assert (first["extensions"]["code"], message in first["message"]) == (code, True), first


def test_an_operation_is_chosen_by_its_name_where_there_are_several(api: Api) -> None:
    text = "query A { a: __typename } query B { b: __typename }"

    chosen = send(api, json.dumps({"query": text, "operationName": "B"})).json()
    none = error_of(send(api, json.dumps({"query": text})))
    other = error_of(send(api, json.dumps({"query": text, "operationName": "C"})))

    assert chosen == {"data": {"b": "Query"}}
    assert none[0] == other[0] == "BAD_USER_INPUT"
    assert "C" in other[1]


def test_a_name_of_no_operation_is_refused_though_there_is_only_one(api: Api) -> None:
    body = {"query": "query A { __typename }", "operationName": "B"}

    code, message = error_of(send(api, json.dumps(body)))

    assert (code, "B" in message) == ("BAD_USER_INPUT", True)


def deep(levels: int) -> str:
    return "{ accounts { nodes " + "{ opportunities { nodes { account " * levels + "{ id }" + " } } }" * levels + " } }"


@pytest.mark.parametrize(
    "query",
    [
        "{" + " ".join(f"a{n}: __typename" for n in range(20_000)) + "}",
        "{" + " ".join(f"a{n}: head {{ position }}" for n in range(100)) + "}",
        "{" + " ".join("__typename" for _ in range(20_000)) + "}",
        deep(20),
        deep(5_000),
        "{ accounts(filter: " + "{not: " * 2_000 + "{}" + "}" * 2_000 + ") { totalCount } }",
        "{" * 100_000,
        "{ a(b: " + "[" * 100_000 + ") }",
        "query (" + " ".join(f"$v{n}: Int" for n in range(20_000)) + ") { __typename }",
        "{ ...f0 } "
        + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(30))
        + " fragment f30 on Query { __typename }",
        "{ __schema { types " + "{ fields { type " * 30 + "{ name }" + " } }" * 30 + " } }",
    ],
    ids=lambda query: f"{query[:20]} {len(query)}",
)
def test_a_document_that_is_too_much_is_refused(api: Api, query: str) -> None:
    response = api.post(query)

    assert response.status_code < 500
    assert not [word for word in INTERNALS if word in response.text.lower()]
    codes = {error["extensions"]["code"] for error in response.json()["errors"]}
    assert codes <= {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "QUERY_TOO_COMPLEX"}


def test_fragments_that_multiply_are_no_way_around_the_bounds(api: Api) -> None:
    """Each of 14 fragments asks for the next one ten times, under names of its own."""
    steps = " ".join(
        f"fragment f{n} on Account {{ {' '.join(f'a{n}x{m}: parent {{ ...f{n + 1} }}' for m in range(4))} }}"
        for n in range(12)
    )
    query = f"{{ accounts {{ nodes {{ ...f0 }} }} }} {steps} fragment f12 on Account {{ id }}"

    response = api.post(query)

    assert response.status_code < 500
    assert response.json()["errors"]


# -- variables and filters -------------------------------------------------------------------------


def nested(kind: str, levels: int) -> dict[str, Any]:
    filter: dict[str, Any] = {"name": {"eq": "x"}}
    for _ in range(levels):
        filter = {kind: filter if kind == "not" else [filter]}
    return filter


@pytest.mark.parametrize(
    ("filter", "named"),
    [
        ({"or": [{"name": {"eq": "x"}}] * 5_000}, "200"),
        ({"and": [{}] * 2_000}, "200"),
        ({"or": [{"or": [{}] * 20}] * 20}, "200"),
        (nested("not", 201), "nested too deeply"),
        (nested("and", 150), "nested too deeply"),
        ({"name": {"in": ["x"] * 5_000}}, "1000"),
        ({"id": {"in": [f"Account_{UUID(int=7)}"] * 5_000}}, "1000"),
        ({"tags": {"hasAny": ["x"] * 5_000}}, "1000"),
        ({"customFields": [{"key": "a", "eq": 1}] * 2_000}, "200"),
        ({"customFields": [{"key": "a", "in": ["x"] * 5_000}]}, "1000"),
        ({"name": {"eq": "a\0b"}}, "NUL"),
        ({"name": {"contains": "a\0b"}}, "NUL"),
        ({"name": {"in": ["a\0b"]}}, "NUL"),
        ({"tags": {"has": "a\0b"}}, "NUL"),
        ({"customFields": [{"key": "a\0b", "eq": 1}]}, "NUL"),
        ({"customFields": [{"key": "a", "eq": "a\0b"}]}, "NUL"),
        ({"customFields": [{"key": "a", "gt": "a\0b"}]}, "NUL"),
        ({"customFields": [{"key": "a", "in": ["a\0b"]}]}, "NUL"),
        ({"customFields": [{"key": "a", "eq": {"b": "a\0b"}}]}, "NUL"),
        ({"id": {"eq": "junk"}}, "junk"),
        ({"id": {"in": [f"User_{UUID(int=7)}"]}}, "User_"),
        ({"ownerId": {"eq": f"Account_{UUID(int=7)}"}}, "Account_"),
        ({"id": {"eq": "Account_\0"}}, "Account_"),
        ({"name": {"eq": 1}}, "name"),
        ({"name": "x"}, "name"),
        ({"lifecycle": {"eq": "DEAD"}}, "lifecycle"),
        ({"colour": {"eq": 1}}, "colour"),
        ({"archived": {"eq": "yes"}}, "archived"),
        ({"customFields": [{"eq": 1}]}, "customFields"),
        ([], "filter"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_filter_that_cannot_be_is_refused(api: Api, filter: Any, named: str) -> None:
    response = api.post(LIST, {"filter": filter})

    code, message = error_of(response)
    assert (code, named in message) == ("BAD_USER_INPUT", True), message


@pytest.mark.parametrize("size", [1, 20])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(api: Api, size: int) -> None:
    filter = {"or": [{"name": {"eq": "x"}}] * 70_000 * size}

    response = api.post(LIST, {"filter": filter})

    assert response.status_code == 413
    assert error_of(response) == ("BAD_REQUEST", "the body is too large: it may have 1,048,576 bytes")


@pytest.mark.parametrize(
    "filter",
    [
        {"customFields": [{"key": "a", "gt": 10**40}]},
        {"customFields": [{"key": "a", "eq": 1e300}]},
        {"customFields": [{"key": "a", "lt": [1, 2]}]},
        {"customFields": [{"key": "a", "eq": {"b": [1, None]}}]},
        {"customFields": [{"key": "", "isNull": False}]},
        {"name": {"contains": "x" * 100_000}},
        {"name": {"contains": "%_\\'\"$1;--"}},
        {"name": {"eq": "'; drop table events; --"}},
        {"tags": {"has": '{"a,b\\'}},
        {"name": {"in": []}},
        {"tags": {"hasAny": []}},
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_filter_that_nothing_meets_is_met_by_nothing(api: Api, filter: Any) -> None:
    an_account_was_there = api.ask("{ accounts { totalCount } }")["accounts"]["totalCount"]

    found = api.ask(LIST, filter=filter)["accounts"]["totalCount"]

    assert (found, an_account_was_there >= 0) == (0, True)


@pytest.mark.parametrize("filter", [{"customFields": [{"key": "a"}]}, {"not": {"customFields": [{"key": "a"}]}}])
def test_a_custom_field_of_which_nothing_is_asked_is_no_condition(api: Api, filter: Any) -> None:
    response = api.post(LIST, {"filter": filter})

    assert "errors" not in response.json(), response.text


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("amount", "NaN"),
        ("amount", "Infinity"),
        ("amount", "-sNaN"),
        ("amount", "1e999999"),
        ("amount", "1e-999999"),
        ("amount", "0e999999999"),
        ("amount", "ten"),
        ("amount", ""),
        ("amount", "1" * 5000),
        ("amount", True),
        ("amount", []),
        ("amount", {"a": 1}),
        ("day", "2025-02-30"),
        ("day", "0000-01-01"),
        ("day", "10000-01-01"),
        ("day", "2025-01-01T00:00:00Z"),
        ("day", "yesterday"),
        ("day", "\0"),
        ("day", 20250101),
        ("moment", "2025-02-30"),
        ("moment", "2025-01-01T25:00:00Z"),
        ("moment", "2025-01-01T00:00:00"),
        ("moment", "0001-01-01T00:00:00+14:00"),
        ("moment", "9999-12-31T23:59:59-14:00"),
        ("moment", "now"),
        ("moment", 1),
        ("zone", "Mars/Base"),
        ("zone", "../../etc/passwd"),
        ("zone", "a\0b"),
        ("zone", ""),
        ("zone", "x" * 10_000),
        ("zone", 1),
        ("after", 2**63),
        ("after", -1),
        ("uuid", "junk"),
        ("uuid", 1),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_value_that_is_none_is_refused_by_the_name_of_its_variable(api: Api, variable: str, value: Any) -> None:
    types = {"amount": "Decimal", "day": "Date", "moment": "DateTime", "zone": "TimeZone", "after": "Position"}
    uses = {
        "amount": "opportunities(filter: {amount: {gt: $amount}}) { totalCount }",
        "day": "opportunities(filter: {expectedClose: {gt: $day}}) { totalCount }",
        "moment": "opportunities(occurred: {until: $moment}) { totalCount }",
        "zone": "opportunities { groupBy(by: {field: CREATED_AT, bucket: DAY}, timeZone: $zone) { count } }",
        "after": "opportunities(asOf: {position: $after}) { totalCount }",
    }
    query = f"query (${variable}: {types.get(variable, 'UUID')}!) {{ {uses.get(variable, '__typename')} }}"
    text = query if variable in uses else "query ($uuid: UUID!) { __typename @skip(if: false) accounts { totalCount } }"

    response = api.post(text, {variable: value})

    [*errors] = response.json()["errors"]
    assert response.status_code < 500
    assert not [word for word in INTERNALS if word in response.text.lower()], response.text
    assert {error["extensions"]["code"] for error in errors} <= {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"}
    assert f"${variable}" in errors[0]["message"]
    assert len(response.text) < 2_000


@pytest.mark.parametrize(
    ("time_zone", "moment"),
    [("Pacific/Kiritimati", "9999-12-31T00:00:00Z"), ("UTC", "0001-01-01"), ("UTC", "9999-12-31T23:59:59.999999Z")],
)
def test_the_first_and_the_last_moments_are_moments(api: Api, time_zone: str, moment: str) -> None:
    query = """query ($moment: DateTime!, $zone: TimeZone!) { opportunities(occurred: {until: $moment}) {
        groupBy(by: {field: CREATED_AT, bucket: DAY}, timeZone: $zone) { count } } }"""

    answer = api.post(query, {"moment": moment, "zone": time_zone}).json()

    assert "errors" not in answer


# -- commands --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("input", "named"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": 1}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": "x", "colour": "red"}, "colour"),
        ({"name": "x", "details": {"colour": "red"}}, "colour"),
        ({"name": "x", "details": {"employees": 2**31}}, "employees"),
        ({"name": "x", "details": {"employees": 1.5}}, "employees"),
        ({"name": "x", "details": {"phones": [1]}}, "phones"),
        ({"name": "x", "details": {"revenue": {"amount": "NaN", "currency": "EUR"}}}, "amount"),
        ({"name": "x", "details": {"revenue": {"amount": "Infinity", "currency": "EUR"}}}, "amount"),
        ({"name": "x", "details": {"revenue": {"amount": "5"}}}, "currency"),
        ({"name": "x", "occurredAt": "2025-02-30T00:00:00Z"}, "occurredAt"),
        ({"name": "x", "occurredAt": "2025-01-01T00:00:00"}, "occurredAt"),
        ({"name": "x", "correlationId": "junk"}, "correlationId"),
        ({"name": "x", "idempotencyKey": 1}, "idempotencyKey"),
        (None, "input"),
        ([], "input"),
        ("x", "input"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_input_of_another_shape_is_refused(api: Api, input: Any, named: str) -> None:
    response = api.post(REGISTER, {"input": input})

    code, message = error_of(response)
    assert (code, named in message) == ("BAD_USER_INPUT", True), message


@pytest.mark.parametrize(
    ("input", "field"),
    [
        ({"name": ""}, ["name"]),
        ({"name": "x" * 1_000_000}, ["name"]),
        ({"name": "a\0b"}, ["name"]),
        ({"name": "x", "details": {"revenue": {"amount": "5", "currency": "\0"}}}, ["details", "revenue", "currency"]),
        ({"name": "x", "details": {"revenue": {"amount": "5", "currency": "eur"}}}, ["details", "revenue", "currency"]),
        (
            {"name": "x", "details": {"revenue": {"amount": "1e30", "currency": "EUR"}}},
            ["details", "revenue", "amount"],
        ),
        ({"name": "x", "details": {"website": "http://[::1"}}, ["details", "website"]),
        ({"name": "x", "details": {"phones": ["+1"] * 2000}}, ["details", "phones"]),
        ({"name": "x", "details": {"phones": [""]}}, ["details", "phones", "0"]),
        ({"name": "x", "details": {"employees": -1}}, ["details", "employees"]),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_does_not_fit_is_told_by_its_field(api: Api, input: Any, field: list[str]) -> None:
    response = api.post(REGISTER, {"input": input})

    assert response.status_code == 200
    payload = response.json()["data"]["registerAccount"]
    [error] = payload["userErrors"]
    assert (payload["position"], error["field"]) == (None, field)
    assert error["code"] in ("INVALID", "REFUSED")
    assert len(error["message"]) < 500


@pytest.mark.parametrize("value", [{"a": 1}, [1], 10**30, 1e300, "x" * 100_000, "a\0b"], ids=lambda v: str(v)[:20])
def test_a_value_of_a_custom_field_that_cannot_be_kept_is_refused(api: Api, value: Any) -> None:
    input = {"id": f"Account_{uuid4()}", "key": "anything", "value": value}
    query = """mutation ($input: SetAccountCustomFieldInput!) {
        setAccountCustomField(input: $input) { position userErrors { field code } } }"""

    payload = api.post(query, {"input": input}).json()["data"]["setAccountCustomField"]

    [error] = payload["userErrors"]
    assert payload["position"] is None
    assert (error["code"], error["field"]) in (("INVALID", ["value"]), ("NOT_FOUND", ["id"]))


def test_a_literal_with_nul_is_refused_like_any_other(api: Api) -> None:
    body = {"query": f'mutation {{ registerAccount(input: {{name: "{NUL}"}}) {{ userErrors {{ field code }} }} }}'}

    answer = send(api, json.dumps(body)).json()["data"]["registerAccount"]

    assert answer == {"userErrors": [{"field": ["name"], "code": "INVALID"}]}


@pytest.mark.parametrize("header", ["idempotency-key", "x-request-id", "authorization"])
def test_a_header_too_long_to_be_meant_is_refused(api: Api, header: str) -> None:
    response = api.http.post(
        "/graphql", json={"query": "{ __typename }"}, headers=api.headers | {header: "Bearer " + "x" * 20_000}
    )

    assert response.status_code < 500


def test_a_key_in_the_header_that_is_none_is_told(api: Api) -> None:
    answer = api.post(REGISTER, {"input": {"name": "Acme"}}, **{"idempotency-key": "x" * 5_000}).json()

    [error] = answer["data"]["registerAccount"]["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["idempotencyKey"])
