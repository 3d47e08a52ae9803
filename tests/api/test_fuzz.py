"""Operations that nobody would think of, thousands of them: none is a fault, and none brings out what is ours."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any, Final
from uuid import UUID

import httpx
import pytest
import schemathesis
from graphql import DocumentNode, GraphQLSchema, build_schema
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, mutations, nodes, queries
from schemathesis.core.result import Ok

from server import sdl
from tests.api.client import NUMBERS, Api, some
from tests.api.company import a_pipeline, a_product, a_user, an_account, an_opportunity, euros
from tests.api.hostile import Hostile, operations
from tests.api.test_bad_input import INTERNALS
from tests.api.test_subscription import receive, send, socket
from tests.api.test_two_paths import SCALARS
from tests.infra.daybook import Serving

OPERATIONS: Final = 10_000
OF_EACH: Final = 25
"""Operations made of one document: itself, and others that differ in their variables."""
CODES: Final = {
    "BAD_REQUEST", "BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "QUERY_TOO_COMPLEX",
    "VIEW_BEHIND",
}  # fmt: skip
SCHEMA: Final = build_schema(sdl())


@pytest.fixture(scope="module")
def served(daybook: Serving) -> Iterator[Api]:
    """The API of a company that will not be the same afterwards."""
    token = (daybook.data / "token").read_text().strip()
    with httpx.Client(base_url=daybook.address, timeout=60) as client:
        api = Api(client, token, UUID(int=0))
        yield replace(api, user_id=UUID(api.ask("{ viewer { id } }")["viewer"]["id"].partition("_")[2]))


@pytest.fixture(scope="module")
def ids(served: Api) -> list[str]:
    """Ids of two of everything, but not of the user who asks: whoever archives themselves is shown out."""
    made = [a_user(served), a_user(served, "Grace")]
    for _ in range(2):
        pipeline, account, product = a_pipeline(served), an_account(served), a_product(served)
        contact = served.given("addContact", person={"givenName": "Ada"})
        opportunity = an_opportunity(served, pipeline, accountId=account, amount=euros("5"))
        served.given("addOpportunityLine", id=opportunity, productId=product, price=euros("1"), quantity="2")
        call = served.given("logInteraction", kind="CALL", direction="INBOUND", contactId=contact)
        field = served.given("defineCustomField", kind="Account", key=f"k{next(NUMBERS)}", label="Colour", type="TEXT")
        made += [
            pipeline,
            account,
            product,
            contact,
            opportunity,
            call,
            field,
            served.given("formTeam", name=some("North")),
        ]
    return made


@cache
def of_field(root: str, name: str, mode: Mode) -> st.SearchStrategy[DocumentNode]:
    make, type_ = (queries, SCHEMA.query_type) if root == "query" else (mutations, SCHEMA.mutation_type)
    assert type_
    mode = mode if type_.fields[name].args else Mode.POSITIVE
    return make(SCHEMA, fields=[name], custom_scalars=SCALARS, mode=mode, print_ast=lambda document: document)


def documents() -> st.SearchStrategy[DocumentNode]:
    """Documents of every field of the roots, right ones and wrong ones."""
    assert SCHEMA.query_type and SCHEMA.mutation_type
    roots = [("query", sorted(SCHEMA.query_type.fields)), ("mutation", sorted(SCHEMA.mutation_type.fields))]
    fields = st.sampled_from(roots).flatmap(lambda root: st.tuples(st.just(root[0]), st.sampled_from(root[1])))
    modes = st.sampled_from((Mode.POSITIVE, Mode.POSITIVE, Mode.NEGATIVE))
    return st.tuples(fields, modes).flatmap(lambda drawn: of_field(*drawn[0], drawn[1]))


def wrong(answer: httpx.Response) -> str | None:
    """What is wrong with an answer, if anything is."""
    if answer.status_code >= 500 and "VIEW_BEHIND" not in answer.text:
        return f"status {answer.status_code}"
    if shown := [word for word in INTERNALS if word in answer.text.lower()]:
        return f"shows {shown}"
    told = answer.json()
    for error in told.get("errors", ()):
        extensions = error.get("extensions", {})
        if extensions.get("code") not in CODES or not extensions.get("requestId"):
            return f"an error without a code or a request id: {error}"
    return None if "data" in told or told.get("errors") else "neither data nor errors"


@pytest.fixture
def unshaken(daybook: Serving, served: Api) -> Iterator[None]:
    """Whatever a test sends: the server lives on, and knows of no fault of its own."""
    before = len(daybook.log.read_text())
    yield
    assert served.ask("{ __typename }") == {"__typename": "Query"}
    assert not re.search("Traceback|ERROR|CRITICAL", said := daybook.log.read_text()[before:]), said[:3000]


def bounded(examples: int) -> settings:
    """So many examples, others each time. What is found is told as it was sent: nothing is made smaller first."""
    return settings(
        max_examples=examples,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.usefixtures("unshaken")
def test_operations_that_nobody_thought_of_are_answered_or_refused(served: Api, ids: list[str]) -> None:
    headers = served.headers | {"content-type": "application/json"}
    faults: list[str] = []
    seen: Counter[bool] = Counter()

    def send(operation: dict[str, Any]) -> None:
        body = json.dumps(operation)
        answer = served.http.post("/graphql", content=body, headers=headers)
        seen[bool(answer.json().get("data"))] += 1
        if fault := wrong(answer):
            faults.append(f"{fault}\n{body}\n{answer.text[:2000]}")

    with ThreadPoolExecutor(4) as pool:

        @bounded(OPERATIONS // OF_EACH)
        @given(document=documents(), seed=st.integers(0, 2**32))
        def fuzz(document: DocumentNode, seed: int) -> None:
            list(pool.map(send, operations(document, Hostile(SCHEMA, ids, Random(seed)), OF_EACH)))

        fuzz()

    assert not faults, f"{len(faults)} faults; the first:\n" + "\n\n".join(faults[:3])
    assert seen.total() >= OPERATIONS
    assert seen[True] > OPERATIONS / 5, "most of it reaches what it asks for"


@pytest.mark.usefixtures("unshaken")
def test_schemathesis_finds_no_fault(served: Api) -> None:
    schema = schemathesis.graphql.from_url(str(served.http.base_url.join("/graphql")), headers=served.headers)
    for name, strategy in SCALARS.items():
        schemathesis.graphql.scalar(name, strategy)
    every = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert SCHEMA.query_type and SCHEMA.mutation_type
    faults: list[str] = []

    @bounded(150)
    @given(case=st.sampled_from(every).flatmap(lambda operation: operation.as_strategy()))
    def fuzz(case: Any) -> None:
        answer = served.http.post("/graphql", json={"query": case.body}, headers=served.headers)
        if fault := wrong(answer):
            faults.append(f"{fault}\n{case.body}\n{answer.text[:2000]}")

    fuzz()

    assert len(every) == len(SCHEMA.query_type.fields) + len(SCHEMA.mutation_type.fields)
    assert not faults, f"{len(faults)} faults; the first:\n" + "\n\n".join(faults[:3])


def subscriptions(head: int) -> st.SearchStrategy[str]:
    """Documents of every field of the root `Subscription`, from about here on; made as if it were the root `Query`."""
    scalars = SCALARS | {"Position": st.integers(head - 5, head + 5).map(nodes.Int)}
    as_query = GraphQLSchema(query=SCHEMA.subscription_type, types=list(SCHEMA.type_map.values()))
    assert as_query.query_type
    asked = [
        queries(as_query, fields=[name], custom_scalars=scalars, allow_x00=False, codec="utf-8")
        for name in as_query.query_type.fields  # a subscription has one field
    ]
    return st.one_of(asked).map(lambda text: f"subscription {text.removeprefix('query')}")


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # a WebSocket does, in a thread of its own
@pytest.mark.usefixtures("unshaken")
def test_subscriptions_that_nobody_thought_of_are_answered_or_refused(served: Api) -> None:
    told: Counter[str] = Counter()
    with socket(served, authorization=f"Bearer {served.token}") as made:
        assert receive(made)["type"] == "connection_ack"

        @bounded(80)
        @given(query=subscriptions(served.head()))
        def fuzz(query: str) -> None:
            id = str(told.total())
            send(made, id=id, type="subscribe", payload={"query": query})
            send(made, id=f"after {id}", type="subscribe", payload={"query": "{ __typename }"})
            while (message := receive(made)) != {"id": f"after {id}", "type": "complete"}:
                told[message["type"]] += 1
                payload = message.get("payload") or {}
                errors = payload if isinstance(payload, list) else payload.get("errors") or ()
                shown = [word for word in INTERNALS if word in json.dumps(message).lower()]
                codes = {error["extensions"]["code"] for error in errors}
                assert not shown and codes <= CODES, f"{query}\n{message}"
            send(made, id=id, type="complete")
            told["sent"] += 1

        fuzz()

    assert told["sent"] >= 80 and told["next"] > 40, "some of it is followed"
