"""Text that would be SQL, a line of a log or a path, wherever text is taken: it is text, or it is refused."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import httpx
import psycopg
import pytest
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    build_schema,
    get_named_type,
    is_required_argument,
)
from pytest import LogCaptureFixture

from server import sdl
from tests.api.client import Api, some
from tests.api.company import a_pipeline, a_product, a_user, an_account, an_opportunity, euros
from tests.api.test_bad_input import INTERNALS

SCHEMA: Final = build_schema(sdl())
CANARY: Final = "injected_canary"
SLEEP: Final = 20
"""Seconds that an attempt would sleep if it were SQL: long enough to be told from a slow machine."""
ATTEMPTS: Final = (
    f"'; create table {CANARY} (); --",
    f'"; create table {CANARY} (); --',
    f"') ; create table {CANARY} (); --",
    f"$1; create table {CANARY} ()",
    f"\\'; create table {CANARY} (); --",
    f"E'\\\\'; create table {CANARY} (); --",
    f"$$; create table {CANARY} (); $$",
    f"\u2019; create table {CANARY} (); --",
    f"\uff07 or 1=1; create table {CANARY} () --",
    f"a\0'; create table {CANARY} (); --",
    f"' || pg_sleep({SLEEP}) || '",
    f"1; select\tpg_sleep({SLEEP})",
    "' or '1'='1",
    "x' union select\tsecret_hash from api_tokens --",
    "%' or true --",
    "%s %(a)s {0} {a.__class__} ${jndi:x} {{7*7}}",
    "*/ /* ; -- #",
    "'||(select\tcurrent_setting('data_directory'))||'",
)
FREE: Final = ("String", "ID", "JSON")
TYPED: Final = ("UUID", "DateTime", "Date", "Decimal", "TimeZone", "Position", "Int")
"""Texts on their way in too, which are read before anything is done with them: one place of each is tried."""
ENOUGH: Final = {
    "Int": 1, "Position": 1, "Boolean": True, "Float": 1.0, "Decimal": "1", "Date": "2026-01-31", "Seconds": 60,
    "DateTime": "2025-01-31T12:00:00Z", "UUID": "00000000-0000-0000-0000-000000000001", "TimeZone": "UTC", "JSON": "x",
}  # fmt: skip
DEEPEST: Final = 3
REFUSED: Final = {"BAD_REQUEST", "BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "VIEW_BEHIND"}
TABLES: Final = "select schemaname, tablename from pg_tables where schemaname not like 'pg%' order by 1, 2"
Path = tuple[str | int, ...]


def places(type_: GraphQLInputType, depth: int = 0) -> Iterator[Path]:
    """Wherever within a value of a type a text may stand."""
    match type_:
        case GraphQLNonNull():
            yield from places(type_.of_type, depth)
        case GraphQLList():
            yield from ((0, *path) for path in places(type_.of_type, depth))
        case GraphQLInputObjectType() if depth < DEEPEST:
            for name, each in type_.fields.items():
                if name not in ("and", "or", "not"):  # the same again
                    yield from ((name, *path) for path in places(each.type, depth + 1))
        case GraphQLScalarType() if type_.name in (*FREE, *TYPED):
            yield (f"{type_.name}",)


def value(type_: GraphQLInputType, path: Path, attempt: str, ids: dict[str, str], hint: str) -> Any:
    """A value with an attempt at that place, and no more beside it than there must be. `hint` tells ids apart."""
    match type_:
        case GraphQLNonNull():
            return value(type_.of_type, path, attempt, ids, hint)
        case GraphQLList():
            return [value(type_.of_type, path[1:], attempt, ids, hint)]
        case GraphQLInputObjectType():
            at = path[0] if path else None
            return {
                name: value(
                    each.type, path[1:] if name == at else (), attempt if name == at else "", ids, f"{hint}{name}"
                )
                for name, each in type_.fields.items()
                if name == at or isinstance(each.type, GraphQLNonNull)
            }
    if attempt:
        return attempt
    kind: Any = type_
    if hasattr(kind, "values"):
        return next(iter(kind.values))
    if kind.name == "ID":
        return next((id for of, id in ids.items() if of.lower() in hint.lower()), next(iter(ids.values())))
    return ENOUGH.get(kind.name, some("word"))


def shown(field: GraphQLField) -> str:
    """The least that a field can be asked for."""
    of = get_named_type(field.type)
    fields = getattr(of, "fields", {})
    if not fields:
        return ""
    if "userErrors" in fields:
        return "{ position userErrors { field message code } }"
    for name in ("id", "position", "totalCount"):
        if name in fields:
            return f"{{ {name} }}"
    return "{ __typename }"


def attempts(root: GraphQLObjectType, operation: str) -> Iterator[tuple[str, str, dict[str, GraphQLInputType], Path]]:
    """For each place at which a field of a root takes text: an operation, its field, its variables, and the place."""
    seen = set()
    for name, field in root.fields.items():
        for argument, of in field.args.items():
            for *path, kind in places(of.type):
                if kind in seen:
                    continue
                if kind in TYPED:
                    seen.add(kind)
                given = {a: each.type for a, each in field.args.items() if a == argument or is_required_argument(each)}
                defined = ", ".join(f"${a}: {type_}" for a, type_ in given.items())
                passed = ", ".join(f"{a}: ${a}" for a in given)
                yield f"{operation} ({defined}) {{ {name}({passed}) {shown(field)} }}", name, given, (argument, *path)


@pytest.fixture
def ids(api: Api, pipeline: str) -> dict[str, str]:
    """One of each kind that what is asked for may be about."""
    account = an_account(api)
    return {
        "Contact": api.given("addContact", person={"givenName": "Ada"}),
        "Opportunity": an_opportunity(api, pipeline, accountId=account, amount=euros("5")),
        "Pipeline": a_pipeline(api),
        "Product": a_product(api),
        "Account": account,
        "User": a_user(api),
        "Team": api.given("formTeam", name=some("North")),
    }


@pytest.fixture
def untouched(api: Api, database_url: str) -> Iterator[None]:
    """Whatever is sent: no table comes or goes, and a neighbour is as it was."""
    account = an_account(api, "Neighbour", industry="Pumps")

    def stand() -> Any:
        with psycopg.connect(database_url) as connection:
            tables = connection.execute(TABLES).fetchall()
        query = "query ($id: ID!) { account(id: $id) { name version industry archived } viewer { name } }"
        return tables, api.ask(query, id=account)

    before = stand()
    yield
    assert stand() == before


def clean(answer: httpx.Response, sent: Any) -> Any:
    """An answer that is no fault and shows nothing of ours."""
    assert answer.elapsed.total_seconds() < SLEEP, f"{sent}\n{answer.text}"
    assert answer.status_code < 500 or "VIEW_BEHIND" in answer.text, f"{sent}\n{answer.text}"
    assert not [word for word in INTERNALS if word in answer.text.lower()], f"{sent}\n{answer.text}"
    return answer.json()


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(("root", "operation"), [(SCHEMA.query_type, "query"), (SCHEMA.mutation_type, "mutation")])
def test_text_is_text_at_every_place_that_takes_it(
    api: Api, ids: dict[str, str], root: GraphQLObjectType, operation: str
) -> None:
    places_tried = 0
    for number, (query, name, given, path) in enumerate(attempts(root, operation)):
        attempt = ATTEMPTS[number % len(ATTEMPTS)]
        if number % 3 == 0:
            attempt = f"Account_{attempt}"
        variables = {
            a: value(type_, path[1:] if a == path[0] else (), attempt if a == path[0] else "", ids, f"{name}{a}")
            for a, type_ in given.items()
        }

        told = clean(api.post(query, variables), (query, variables))

        assert "data" in told or {e["extensions"]["code"] for e in told["errors"]} <= REFUSED, (query, variables, told)
        places_tried += 1
    assert places_tried > 500


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=ascii)
def test_what_is_written_is_read_and_found_as_it_was_written(api: Api, attempt: str) -> None:
    if "\0" in attempt:
        assert api.user_error("registerAccount", name=attempt)["code"] == "INVALID"
        return
    account = api.given("registerAccount", name=attempt)
    query = """query ($of: AccountFilter) { accounts(filter: $of, orderBy: [{field: NAME}], first: 1000) {
        nodes { id name } pageInfo { endCursor } } }"""

    for operator in ("eq", "contains", "startsWith"):
        found = api.ask(query, of={"name": {operator: attempt}})["accounts"]
        assert {"id": account, "name": attempt} in found["nodes"], operator
        assert {attempt in node["name"] or attempt.lower() in node["name"].lower() for node in found["nodes"]} == {True}
    key = api.ask("query ($of: AccountFilter) { accounts(filter: $of) { totalCount } }", of=of_key(attempt))["accounts"]
    assert key == {"totalCount": 0}


def of_key(key: str) -> dict[str, Any]:
    return {"customFields": [{"key": key, "eq": key}]}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=ascii)
def test_a_cursor_is_read_and_never_run(api: Api, attempt: str) -> None:
    query = "query ($after: String) { accounts(orderBy: [{field: NAME}], first: 1, after: $after) { nodes { id } } }"
    for made in ([attempt, f"{UUID(int=0)}"], ["a", attempt], [attempt], {"a": attempt}, attempt):
        cursor = base64.b64encode(json.dumps(made).encode()).decode()

        told = clean(api.post(query, {"after": cursor}), made)

        codes = [error["extensions"]["code"] for error in told.get("errors", ())]
        assert codes in ([], ["BAD_USER_INPUT"]), told


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=ascii)
@pytest.mark.parametrize("header", ["daybook-position", "idempotency-key", "x-request-id", "last-event-id"])
def test_a_header_is_text(api: Api, header: str, attempt: str, caplog: LogCaptureFixture) -> None:
    sent = attempt.encode("utf-8").replace(b"\0", b"")
    query = 'mutation { registerAccount(input: {name: "By header"}) { position userErrors { field code } } }'

    with caplog.at_level(logging.INFO):
        answer = api.http.post("/graphql", json={"query": query}, headers=[*api.headers.items(), (header, sent)])  # type: ignore[arg-type]

    told = clean(answer, (header, attempt))
    assert "data" in told or {error["extensions"]["code"] for error in told["errors"]} <= REFUSED
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("id", ["a\x85b", "a\tb c", "x" * 5000, "a=b level=error", "\xe4"], ids=ascii)
def test_a_request_id_cannot_forge_a_line_of_the_log(api: Api, id: str, caplog: LogCaptureFixture) -> None:
    headers = [*api.headers.items(), ("x-request-id", id.encode("latin-1"))]

    with caplog.at_level(logging.INFO):
        answer = api.http.post("/graphql", json={"query": "{ nothing }"}, headers=headers)  # type: ignore[arg-type]

    shown = [answer.headers["x-request-id"], *(str(vars(record)) for record in caplog.records)]
    assert not [text for text in shown if id in text], shown
    assert answer.json()["errors"][0]["extensions"]["requestId"] == answer.headers["x-request-id"]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=ascii)
@pytest.mark.parametrize("parameter", ["after", "context", "kind", "follow", "nothing"])
def test_a_parameter_of_the_stream_is_text(api: Api, parameter: str, attempt: str) -> None:
    answer = api.http.get("/events", params={parameter: attempt}, headers=api.headers)

    told = clean(answer, (parameter, attempt))
    assert (answer.status_code, told["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=ascii)
def test_the_hash_of_a_document_is_text(api: Api, attempt: str) -> None:
    bodies = [
        {"documentId": attempt},
        {"documentId": f"sha256:{attempt}"},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": attempt}}},
        {"query": "{ __typename }", "operationName": attempt},
    ]

    for body in bodies:
        told = clean(api.http.post("/graphql", json=body, headers=api.headers), body)

        assert told["errors"][0]["extensions"]["code"] in (
            *REFUSED,
            "PERSISTED_QUERY_NOT_FOUND",
            "PERSISTED_DOCUMENT_NOT_FOUND",
        ), told
