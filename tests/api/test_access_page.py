"""docs/access.md: its tables are what is declared, and what it recommends is done to the letter."""

from __future__ import annotations

import re

from domain.catalogue import AGGREGATES
from domain.rights import permissions
from infra.default_roles import DEFAULT_ROLES
from tests.api.cast import Cast
from tests.api.client import Api, some
from tests.api.company import euros
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "access.md").read_text()
GRAPHQL = re.findall(r"```graphql\n(.*?)```", PAGE, re.S)


def table(first: str) -> list[list[str]]:
    """The rows of the table whose first column bears this title."""
    lines = PAGE.partition(f"| {first} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_it_lists_every_permission() -> None:
    assert table("permission") == [[f"`{each.name}`", each.doc] for each in permissions(AGGREGATES).values()]


def test_it_lists_every_default_role() -> None:
    told = [
        [role.name, role.description, ", ".join(f"`{name}` {scope.upper()}" for name, scope in role.grants.items())]
        for role in DEFAULT_ROLES
    ]

    assert table("role") == told


def test_its_recipes_do_what_they_say(api: Api, cast: Cast, pipeline: str) -> None:
    rights, define, permit, give, widen, holders = GRAPHQL
    looking, name = cast.user(), some("looker")
    api.given("openOpportunity", pipelineId=pipeline, name="Pumps", amount=euros("7"))

    role = api.ask(define, name=name)["defineRole"]["role"]["id"]
    permitted = api.ask(permit, role=role)
    given = api.ask(give, user=looking.me, role=role)["assignUserRole"]
    looking.position = api.head()
    amounts = looking.ask("{ opportunities { nodes { name amount { amount } } } }")["opportunities"]["nodes"]
    mine = looking.ask(rights)["rights"]
    widened = api.ask(widen, role=role)["grantRolePermission"]
    api.position = api.head()
    had = {each["name"]: each for each in api.ask(holders)["roles"]["nodes"]}[name]

    assert [each["userErrors"] for each in permitted.values()] == [[], [], []]
    assert given["user"]["roles"]["nodes"] == [{"role": {"name": name}}]
    assert amounts and {row["amount"] for row in amounts} == {None}
    held = {each["name"]: each["scope"] for each in mine["permissions"] if each["scope"]}
    assert held == {"sales.see": "ALL", "platform.see": "ALL"} and mine["hidden"] == ["Opportunity.amount"]
    assert widened["userErrors"] == []
    assert {"permission": "sales.sell", "scope": "TEAM"} in had["grants"]["nodes"]
    assert had["userRoles"]["nodes"] == [{"user": {"name": "Ada"}}]
