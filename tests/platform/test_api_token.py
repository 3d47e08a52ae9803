from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from domain.command import Accepted, Code, Request
from domain.customers.account import Account
from domain.platform.api_token import ApiToken
from tests.scenario import ME, Then, World, a_user

SOON = datetime.now(UTC) + timedelta(days=1)


def a_token(world: World, name: str = "nightly", **arguments: Any) -> UUID:
    return world.given("ApiToken.make", name=name, **arguments)


def made(world: World, key: str | None = None, **request: Any) -> Then:
    arguments = {"name": "nightly"} | request.pop("arguments", {})
    given = {"command": "ApiToken.make", "arguments": arguments, "actor": ME, "idempotency_key": key}
    return world.asked(Request(**given | request))


def accepted(then: Then) -> Accepted:
    assert isinstance(then.outcome, Accepted), then.outcome
    return then.outcome


def test_a_token_is_its_makers_and_reaches_all_that_they_may_unless_it_says_less(world: World) -> None:
    world.when("ApiToken.make", name="nightly", expires_at=SOON).records(
        ApiToken.Made, user_id=ME, owner_id=ME, scopes=frozenset({"*"}), expires_at=SOON
    )
    world.when("ApiToken.make", name="reader", scopes=["read"]).records(
        ApiToken.Made, scopes=frozenset({"read"}), expires_at=None
    )


def test_the_secret_is_told_once_and_only_its_hash_is_recorded(world: World) -> None:
    first, other = made(world, key="once"), made(world, key="twice")
    again = made(world, key="once")

    text = accepted(first).secret
    assert text is not None and accepted(other).secret not in (None, text)
    word, id, secret = text.split("_")
    assert (word, id) == ("daybook", first.id.hex)
    first.records(ApiToken.Made, secret_hash=sha256(secret.encode()).hexdigest())
    assert secret not in str(world.rows()) and secret not in repr(first.outcome)
    assert again.id == first.id and accepted(again).secret is None
    assert again.recorded == []


def test_a_token_for_somebody_else_is_theirs(world: World) -> None:
    ada = a_user(world)

    world.when("ApiToken.make_for", user_id=ada, name="nightly").records(ApiToken.Made, user_id=ada, owner_id=ada)


@pytest.mark.parametrize(
    ("scopes", "message"),
    [
        ([], "name a scope"),
        (["sales.sel"], "did you mean sales.sell?"),
        (["read", "everything"], "there is no scope everything"),
        (["sale.*"], "did you mean sales.*?"),
    ],
)
def test_a_scope_is_one_that_means_something(world: World, scopes: list[str], message: str) -> None:
    world.when("ApiToken.make", name="nightly", scopes=scopes).is_refused(message, "scopes")


@pytest.mark.parametrize("scope", ["*", "read", "sales.*", "sales.see", "platform.tokens", "customers.edit"])
def test_every_kind_of_scope_can_be_given(world: World, scope: str) -> None:
    world.when("ApiToken.make", name="nightly", scopes=[scope]).records_only(ApiToken.Made)


def test_a_token_makes_none_that_reaches_farther_than_itself(world: World) -> None:
    own = frozenset({"platform.tokens", "sales.*"})

    for scope in ("*", "read", "platform.*", "customers.see"):
        then = made(world, scopes=own, arguments={"scopes": [scope]})
        then.is_refused(f"{scope} is more than the token by which you came reaches", "scopes")
    made(world, scopes=own).is_refused("* is more", "scopes")

    made(world, scopes=own, arguments={"scopes": ["sales.sell", "sales.see"]}).records_only(ApiToken.Made)
    made(world, scopes=own, arguments={"scopes": ["sales.*"]}).records_only(ApiToken.Made)


def test_what_is_over_already_is_no_expiry(world: World) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)

    world.when("ApiToken.make", name="nightly", expires_at=past).is_refused("over already", "expires_at")


def test_a_token_is_revoked_once_and_its_neighbour_stays(world: World) -> None:
    token, neighbour = a_token(world), a_token(world, "other")

    world.when("ApiToken.revoke", token).records_only(ApiToken.Revoked)

    world.when("ApiToken.revoke", token).is_refused("revoked already")
    assert (world.load(token).usable, world.load(neighbour).usable) == (False, True)


def test_what_it_is_for_can_be_said_otherwise(world: World) -> None:
    world.when("ApiToken.rename", a_token(world), name="weekly").records(ApiToken.Renamed, name="weekly")


# -- what a token does not reach ---------------------------------------------------------------------


def asked(world: World, scopes: set[str], command: str, id: UUID | None = None, **arguments: Any) -> Then:
    return world.asked(Request(command=command, actor=ME, id=id, arguments=arguments, scopes=frozenset(scopes)))


def test_a_command_that_the_token_does_not_reach_is_forbidden_and_the_scope_named(world: World) -> None:
    account = world.given("Account.register", name="Acme")

    then = asked(world, {"read", "sales.*"}, "Account.rename", account, name="Other")
    new = asked(world, {"read"}, "Account.register", name="Acme")

    then.is_refused("it needs the scope customers.edit", code=Code.FORBIDDEN)
    new.is_refused("it needs the scope customers.edit", code=Code.FORBIDDEN)
    assert world.load(account).name == "Acme"
    asked(world, {"customers.*"}, "Account.rename", account, name="Other").records(Account.Renamed, name="Other")


def test_a_token_learns_nothing_of_what_it_does_not_reach(world: World) -> None:
    account, nothing = world.given("Account.register", name="Acme"), UUID(int=7)

    of_one = asked(world, {"sales.*"}, "Account.rename", account, name="Other")
    of_none = asked(world, {"sales.*"}, "Account.rename", nothing, name="Other")
    named = asked(world, {"customers.edit"}, "Account.assign_owner", account, owner_id=a_user(world))
    named_none = asked(world, {"customers.edit"}, "Account.assign_owner", account, owner_id=nothing)

    assert of_one.outcome == of_none.outcome
    assert named.outcome == named_none.outcome
    named.is_refused("it needs the scope platform.see", code=Code.FORBIDDEN)
