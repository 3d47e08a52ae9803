"""Clients that frontends use, as they use them: each is a script of `tests/clients` that speaks with a real server."""

from __future__ import annotations

import pytest

from tests.api.client import Api
from tests.node import Node

AUDITS = 61
"""MUST, SHOULD and MAY of GraphQL over HTTP."""


def passed(node: Node, script: str, api: Api) -> int:
    """How many tests of a script passed against this server."""
    return node.tests(script, DAYBOOK_ADDRESS=str(api.http.base_url).rstrip("/"), DAYBOOK_TOKEN=api.token)


def test_every_audit_of_graphql_over_http_is_passed(node: Node, api: Api) -> None:
    assert passed(node, "audits.mjs", api) == AUDITS


@pytest.mark.parametrize("script", ["apollo.mjs", "graphql_sse.mjs", "graphql_ws.mjs", "relay.mjs", "urql.mjs"])
def test_a_client_is_served(node: Node, api: Api, script: str) -> None:
    assert passed(node, script, api) > 0
