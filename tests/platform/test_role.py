"""A role: what it may permit, and that nobody gives what they do not have."""

from __future__ import annotations

import pytest

from domain.catalogue import AGGREGATES
from domain.command import Code, commands_of
from domain.platform.role import Role
from domain.platform.user import User
from domain.rights import BESIDES, permissions
from infra.rights import DAYBOOK
from projections.catalogue import REPORTS, VIEWS
from tests.scenario import World, a_role, somebody


def test_what_is_declared_can_be_permitted_and_nothing_else() -> None:
    commands = {command.needs for kind in AGGREGATES for command in commands_of(kind).values()}
    reads = {each.needs for each in (*VIEWS, *REPORTS)}

    known = permissions(AGGREGATES)

    assert commands | reads | {*BESIDES} == {name for name in known if not name.endswith(".personal")}
    assert {name for name, each in known.items() if each.mutations} == commands
    assert {m for each in known.values() for m in each.mutations} == {
        command.mutation for kind in AGGREGATES for command in commands_of(kind).values()
    }


@pytest.mark.parametrize("permission", [*permissions(AGGREGATES), "sales.*", "*.see", "*"])
def test_every_permission_can_be_granted(world: World, permission: str) -> None:
    role = a_role(world)

    world.when("Role.grant_permission", role, permission=permission).records_only(Role.Granted)


@pytest.mark.parametrize(
    ("permission", "near"), [("sale.see", "sales.see"), ("sales.sel", "sales.sell"), ("*.se", "*.see")]
)
def test_a_permission_that_there_is_not_is_refused_with_what_is_near(world: World, permission: str, near: str) -> None:
    refused = world.when("Role.grant_permission", a_role(world), permission=permission).is_refused(
        "is no perm", "permission"
    )

    assert near in refused.message


def test_a_permission_reaches_as_far_as_was_said_last(world: World) -> None:
    role = a_role(world, grants={"sales.see": "own", "sales.sell": "own"})

    changed = world.when("Role.grant_permission", role, permission="sales.see", scope="team")
    again = world.when("Role.grant_permission", role, permission="sales.see", scope="team")
    world.given("Role.withdraw_permission", role, permission="sales.sell")

    changed.records(Role.Granted, permission="sales.see", scope="team")
    again.records_only()
    assert {grant.permission: grant.scope for grant in world.load(role).grants.values()} == {"sales.see": "team"}
    world.when("Role.withdraw_permission", role, permission="sales.sell").is_refused("does not permit", "permission")


@pytest.mark.parametrize(
    ("attribute", "says"),
    [
        ("Oportunity.amount", "is no kind of thing: perhaps Opportunity"),
        ("Opportunity.amont", "perhaps Opportunity.amount"),
        ("Opportunity.name", "is no attribute that may be empty"),
        ("Opportunity.lines.price", "is no attribute that may be empty"),
        ("Account.details", "is no attribute that may be empty"),
    ],
)
def test_what_is_never_empty_cannot_be_hidden(world: World, attribute: str, says: str) -> None:
    world.when("Role.hide_attribute", a_role(world), attribute=attribute).is_refused(says, "attribute")


def test_what_is_hidden_is_shown_again(world: World) -> None:
    role = a_role(world, hidden=["Opportunity.amount", "Account.details.revenue"])

    world.given("Role.show_attribute", role, attribute="Opportunity.amount")

    assert world.load(role).hidden == {"Account.details.revenue"}
    world.when("Role.show_attribute", role, attribute="Opportunity.amount").is_refused("does not hide", "attribute")


def test_nobody_grants_what_they_do_not_have(world: World) -> None:
    world.governed()
    mine = a_role(world, "deputy", {"platform.rights": "all", "sales.see": "team", "*.personal": "all"})
    ada, role = somebody(world, mine), a_role(world)

    for permission, scope in [
        ("sales.see", "all"), ("sales.sell", "own"), ("sales.*", "own"), ("*", "own"), ("*.see", "own"),
    ]:  # fmt: skip
        world.when("Role.grant_permission", role, permission=permission, scope=scope, by=ada).is_refused(
            "cannot", "permission"
        )

    for permission, scope in [("sales.see", "own"), ("sales.see", "team"), ("sales.personal", "all")]:
        world.given("Role.grant_permission", role, permission=permission, scope=scope, by=ada)


def test_nobody_gives_a_role_that_permits_more_than_they_may(world: World) -> None:
    world.governed()
    deputy = a_role(world, "deputy", {"platform.rights": "all", "platform.see": "all", "sales.see": "team"})
    more = a_role(world, "more", {"sales.see": "all"})
    less = a_role(world, "less", {"sales.see": "own"})
    ada = somebody(world, deputy)

    world.when("User.assign_role", ada, role_id=more, by=ada).is_refused("cannot give", "role_id")
    world.when("User.assign_role", ada, role_id=less, by=ada).records_only(User.RoleAssigned)


def test_nobody_shows_what_is_hidden_from_them(world: World) -> None:
    world.governed()
    rights = {"platform.rights": "all", "platform.see": "all", "sales.see": "all", "customers.see": "all"}
    deputy = a_role(world, "deputy", rights, hidden=["Opportunity.amount"])
    open_to_all, half = a_role(world, "open", {"sales.see": "all"}), a_role(world, "half", {"customers.see": "all"})
    ada = somebody(world, deputy)

    world.when("Role.show_attribute", deputy, attribute="Opportunity.amount", by=ada).is_refused(
        "hidden from you", "attribute"
    )
    world.when("User.assign_role", ada, role_id=open_to_all, by=ada).is_refused("hidden from you", "role_id")
    world.when("Role.grant_permission", half, permission="sales.see", by=ada).is_refused(
        "hidden from you", "permission"
    )

    world.given("Role.hide_attribute", half, attribute="Opportunity.amount", by=ada)
    world.given("Role.grant_permission", half, permission="sales.see", by=ada)
    world.given("User.assign_role", ada, role_id=half, by=ada)


def test_an_administrator_shows_again_what_they_hid_from_themselves(world: World) -> None:
    world.governed()
    role = a_role(world, "administrator", {"*": "all"}, hidden=["Opportunity.amount"])
    ada = somebody(world, role)

    world.when("Role.show_attribute", role, attribute="Opportunity.amount", by=ada).records_only(Role.MasksChanged)


def test_a_role_that_was_put_away_is_brought_back_by_who_has_what_it_permits(world: World) -> None:
    world.governed()
    deputy = a_role(world, "deputy", {"platform.rights": "all", "platform.see": "all"})
    ada, role = somebody(world, deputy), a_role(world, "seller", {"sales.see": "all"})
    world.given("Role.archive", role, by=ada)

    world.when("Role.restore", role, by=ada).is_refused("cannot give", "permission")

    world.when("Role.restore", role, by=DAYBOOK).records_only(Role.Restored)


def test_who_may_not_decide_upon_rights_is_told_what_it_needs(world: World) -> None:
    world.governed()
    people = a_role(world, "people", {"platform.people": "all", "platform.see": "all"})
    ada = somebody(world, people)

    for refused in (
        world.when("Role.define", name="mine", by=ada),
        world.when("Role.grant_permission", people, permission="platform.people", by=ada),
        world.when("User.assign_role", ada, role_id=people, by=ada),
        world.when("User.withdraw_role", ada, role_id=people, by=ada),
    ):
        refused.is_refused("it needs platform.rights", code=Code.FORBIDDEN)
    world.given("User.deactivate", somebody(world, name="Ben"), by=ada)
