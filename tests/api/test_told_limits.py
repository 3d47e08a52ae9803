"""What docs/graphql-over-http.md says of limits and costs is so."""

from __future__ import annotations

import re

from api import asked, bounds, cost, http
from api.documents import prepare
from infra.settings import Settings
from server import schema_of
from tests.conftest import ROOT

TEXT = (ROOT / "docs/graphql-over-http.md").read_text()


def test_the_limits_are_those_of_the_code() -> None:
    rows = " ".join(re.findall(r"^\| .* \|$", TEXT, re.M))
    limits = [
        cost.MOST_COST, bounds.MOST_CHARACTERS, bounds.MOST_TOKENS, bounds.MOST_DEFINITIONS, bounds.MOST_FIELDS,
        bounds.MOST_ALIASES, bounds.MOST_DIRECTIVES, bounds.DEEPEST, bounds.MOST_VALUES, asked.MOST_BYTES,
        Settings().operation_seconds, Settings().statement_seconds, http.MOST_STREAMS, http.MOST_ON_ONE,
    ]  # fmt: skip

    found = [int(number.replace(",", "")) for number in re.findall(r"(?<![-\w])\d[\d,]*", rows)]

    assert [number for number in found if number not in (504, 413)] == limits


def test_the_example_costs_what_is_said() -> None:
    [query] = re.findall(r"```graphql\n(.*?)```", TEXT, re.S)
    [told] = re.findall(r"= (\d+):", TEXT)

    assert prepare(schema_of("UTC")[0]._schema, query).cost(None).of({}) == int(told)


def test_every_setting_of_the_endpoint_is_named() -> None:
    named = set(re.findall(r"DAYBOOK_[A-Z_]+", TEXT))

    limits = {"OPERATION_SECONDS", "STATEMENT_SECONDS", "BUDGET_RATE", "BUDGET_BURST"}
    assert {name.removeprefix("DAYBOOK_") for name in named} == limits | {"CORS_ORIGINS", "DOCUMENTS", "HTTPS"}
    assert named <= {variable for variable, *_ in Settings().listed()}
