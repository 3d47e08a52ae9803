"""docs/access.md: its tables are what is declared, and what it recommends is done to the letter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from domain.catalogue import AGGREGATES
from domain.rights import permissions
from infra.default_roles import DEFAULT_ROLES, DefaultRole
from tests.api.cast import Cast
from tests.api.client import Api, some
from tests.api.company import euros
from tests.conftest import ROOT

FILE = "../../docs/access.md"
GRAPHQL = re.findall(r"```graphql\n(.*?)```", (ROOT / "docs" / "access.md").read_text(), re.S)
Golden = Callable[[str, str], None]


def told(first: str, rows: Iterable[Iterable[str]]) -> str:
    """The page, where the table whose first column bears this title has these rows."""
    before, title, rest = (ROOT / "docs" / "access.md").read_text().partition(f"| {first} |")
    head, (_, _, behind) = rest.split("\n", 2)[:2], rest.partition("\n\n")
    lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join((before + title + head[0], head[1], *lines)) + "\n\n" + behind


def test_it_lists_every_permission(golden: Golden) -> None:
    golden(FILE, told("permission", ((f"`{each.name}`", each.doc) for each in permissions(AGGREGATES).values())))


def test_it_lists_every_default_role(golden: Golden) -> None:
    def grants(role: DefaultRole) -> str:
        return ", ".join(f"`{name}` {scope.upper()}" for name, scope in role.grants.items())

    golden(FILE, told("role", ((role.name, role.description, grants(role)) for role in DEFAULT_ROLES)))


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
