"""Who may see and do what: from the events of users, roles and teams, now and at any position before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest import MonkeyPatch

import infra.rights as module
from domain.aggregate import Aggregate
from domain.catalogue import AGGREGATES
from domain.command import Accepted, Code, Refusal, Request
from domain.platform.role import Role
from domain.rights import Scope, maskable, permissions, reach
from infra.database import connect, migrate
from infra.default_roles import DEFAULT_ROLES, make_roles
from infra.event_store import EventStore
from infra.first_start import administrator
from infra.identity import Identity
from infra.pipeline import CommandPipeline
from infra.rights import DAYBOOK, Directory, RoleRights, UserRights
from projections.catalogue import VIEWS
from projections.customers.contact import ContactView
from projections.masks import names_of
from projections.sales.opportunity import OpportunityLineView, OpportunityView
from projections.sales.product import ProductView
from projections.view import shape
from tests.scenario import World, a_role, somebody

ADA, BEN, EVE = (UUID(int=number) for number in (1, 2, 3))


def rights(*roles: tuple[Mapping[str, str], set[str]], team: tuple[UUID, ...] = (ADA, BEN)) -> UserRights:
    made = (RoleRights({p: Scope(s) for p, s in grants.items()}, frozenset(hidden)) for grants, hidden in roles)
    return UserRights(ADA, tuple(made), frozenset(team))


# -- what roles come to ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grants", "scope"),
    [
        ({}, None),
        ({"sales.sell": "all"}, None),
        ({"customers.*": "all"}, None),
        ({"sales.see": "own"}, "own"),
        ({"sales.*": "team"}, "team"),
        ({"*.see": "team"}, "team"),
        ({"*": "all"}, "all"),
        ({"sales.see": "own", "sales.*": "team"}, "team"),
        ({"sales.see": "all", "*": "own"}, "all"),
    ],
)
def test_a_permission_reaches_as_far_as_any_name_of_it(grants: dict[str, str], scope: str | None) -> None:
    assert rights((grants, set())).reach("sales.see") == scope


def test_whose_rows_are_seen_follows_from_the_scope() -> None:
    seen = {s: rights(({"sales.see": s}, set())).sees(OpportunityView) for s in ("own", "team", "all")}

    assert {s: owners and set(owners) for s, owners in seen.items()} == {"own": {ADA}, "team": {ADA, BEN}, "all": None}
    assert rights().sees(OpportunityView) == ()


def test_items_have_the_scope_of_what_they_are_within_and_what_has_no_owner_is_shared() -> None:
    mine = rights(({"sales.see": "own"}, set()))

    assert set(mine.sees(OpportunityLineView) or ()) == {ADA}
    assert mine.sees(ProductView) is None
    assert rights().sees(ProductView) == ()


@pytest.mark.parametrize(
    ("roles", "hidden"),
    [
        ([({"sales.see": "all"}, {"Opportunity.amount"})], True),
        ([({"sales.see": "all"}, {"Opportunity.amount"}), ({"sales.see": "all"}, set())], False),
        ([({"sales.see": "all"}, {"Opportunity.amount"}), ({"sales.see": "own"}, set())], True),
        ([({"sales.see": "own"}, {"Opportunity.amount"}), ({"sales.see": "all"}, set())], False),
        ([({"sales.see": "all"}, {"Opportunity.amount"}), ({"customers.see": "all"}, set())], True),
        ([({"sales.see": "all"}, {"Opportunity.source"})], False),
    ],
)
def test_a_column_is_shown_where_a_role_shows_it_in_every_row(roles: list[Any], hidden: bool) -> None:
    mine = rights(*roles)

    assert [mine.hides(OpportunityView, c) for c in ("amount", "amount_currency")] == [hidden, hidden]
    assert not mine.hides(OpportunityView, "name")


@pytest.mark.parametrize(
    ("grants", "hidden"),
    [
        ({"customers.see": "all"}, True),
        ({"customers.see": "all", "customers.personal": "team"}, True),
        ({"customers.see": "team", "customers.personal": "team"}, False),
        ({"customers.see": "own", "customers.personal": "all"}, False),
        ({"customers.*": "own"}, False),
    ],
)
def test_what_is_personal_is_shown_where_that_reaches_as_far_as_the_rows(grants: dict[str, str], hidden: bool) -> None:
    mine = rights((grants, set()))

    assert mine.hides(ContactView, "given_name") is hidden
    assert not mine.hides(ContactView, "title")


SCOPES = st.sampled_from(["own", "team", "all"])
GRANTS = st.dictionaries(st.sampled_from(["sales.see", "sales.sell", "sales.*", "*.see", "*"]), SCOPES, max_size=3)
HIDDEN = st.sets(st.sampled_from(["Opportunity.amount", "Opportunity.source"]))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(GRANTS, HIDDEN), max_size=3), st.tuples(GRANTS, HIDDEN))
def test_a_role_more_never_takes_a_row_or_a_permission_away(roles: list[Any], another: Any) -> None:
    few, many = rights(*roles), rights(*roles, another)

    for permission in ("sales.see", "sales.sell"):
        less, more = few.owners(permission), many.owners(permission)
        assert more is None or (less is not None and set(less) <= set(more))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(GRANTS, HIDDEN), max_size=3))
def test_no_two_roles_together_show_in_a_row_what_neither_shows_there(roles: list[Any]) -> None:
    mine = rights(*roles)

    for owner in (ADA, BEN, EVE):
        seen = mine.sees(OpportunityView)
        if (seen is None or owner in seen) and not mine.hides(OpportunityView, "amount"):
            alone = [rights(role) for role in roles]
            assert any(
                ((rows := each.sees(OpportunityView)) is None or owner in rows)
                and not each.hides(OpportunityView, "amount")
                for each in alone
            )


@pytest.mark.parametrize("kind", AGGREGATES, ids=lambda kind: kind.__name__)
def test_whatever_can_be_hidden_is_a_column_that_may_be_null(kind: type[Aggregate]) -> None:
    views = [view for view in VIEWS if view.of is kind]
    nullable = {c.name: c.nullable for view in views for f in shape(view) for c in f.columns}

    for attribute in maskable(kind):
        columns = {c for view in views for c, names in names_of(view).items() if attribute in names}
        assert columns, attribute
        assert {column: nullable[column] for column in columns} == dict.fromkeys(columns, True), attribute


# -- the directory ---------------------------------------------------------------------------------


def test_rights_follow_from_roles_as_they_are_given_and_withdrawn(world: World) -> None:
    directory = world.governed()
    role = a_role(world, grants={"sales.see": "all"})
    ada, ben = somebody(world, role), somebody(world, name="Ben")
    before = [directory.people.rights(user).may("sales.see") for user in (ada, ben)]

    world.given("User.withdraw_role", ada, role_id=role, by=DAYBOOK)
    world.given("User.assign_role", ben, role_id=role, by=DAYBOOK)

    assert before == [True, False]
    assert [directory.people.rights(user).may("sales.see") for user in (ada, ben)] == [False, True]


@pytest.mark.parametrize("command", ["User.deactivate", "User.archive"])
def test_who_does_not_work_here_may_do_nothing(world: World, command: str) -> None:
    directory = world.governed()
    role = a_role(world, grants={"*": "own"})
    ada, ben = somebody(world, role), somebody(world, role, name="Ben")

    world.given(command, ada, by=DAYBOOK)

    assert [directory.people.rights(user).may("sales.see") for user in (ada, ben)] == [False, True]


def test_a_role_that_was_put_away_permits_nothing(world: World) -> None:
    directory = world.governed()
    role, other = a_role(world, grants={"sales.see": "all"}), a_role(world, "other", {"customers.see": "all"})
    ada = somebody(world, role, other)

    world.given("Role.archive", role, by=DAYBOOK)

    assert [directory.people.rights(ada).may(p) for p in ("sales.see", "customers.see")] == [False, True]


def test_a_team_is_whoever_is_in_it_or_leads_it(world: World) -> None:
    directory = world.governed()
    ada, ben, eve, joe, kim = (somebody(world, name=name) for name in ("Ada", "Ben", "Eve", "Joe", "Kim"))
    north = world.given("Team.form", name="North", lead_id=eve, by=DAYBOOK)
    south = world.given("Team.form", name="South", by=DAYBOOK)
    for team, user in ((north, ada), (north, ben), (south, ada), (south, joe)):
        world.given("Team.add_member", team, user_id=user, by=DAYBOOK)

    teams = {user: directory.people.rights(user).team for user in (ada, ben, eve, kim)}
    world.given("Team.archive", south, by=DAYBOOK)

    assert teams == {ada: {ada, ben, eve, joe}, ben: {ada, ben, eve}, eve: {ada, ben, eve}, kim: {kim}}
    assert directory.people.rights(ada).team == {ada, ben, eve}


def test_another_process_sees_what_was_recorded_here_within_seconds(world: World, monkeypatch: MonkeyPatch) -> None:
    world.governed()
    role, elsewhere = a_role(world, grants={"sales.see": "all"}), Directory(world.store)
    ada = somebody(world)
    elsewhere.refresh()

    world.given("User.assign_role", ada, role_id=role, by=DAYBOOK)

    assert not elsewhere.people.rights(ada).may("sales.see")
    now = monotonic()
    monkeypatch.setattr(module, "monotonic", lambda: now + module.REMEMBERED)
    assert elsewhere.people.rights(ada).may("sales.see")


def test_who_could_see_what_at_a_position_before(world: World) -> None:
    directory = world.governed()
    role, other = a_role(world, grants={"sales.see": "own"}), a_role(world, "other", {"sales.*": "all"})
    ada, ben = somebody(world, role), somebody(world, role, name="Ben")
    steps: list[tuple[int, Any]] = [(world.position, (Scope.OWN, Scope.OWN))]
    acts: list[tuple[str, UUID | None, dict[str, Any], Any]] = [
        ("User.assign_role", ada, {"role_id": other}, (Scope.ALL, Scope.OWN)),
        ("Role.grant_permission", role, {"permission": "sales.see", "scope": "team"}, (Scope.ALL, Scope.TEAM)),
        ("Account.register", None, {"name": "Acme"}, (Scope.ALL, Scope.TEAM)),
        ("User.withdraw_role", ada, {"role_id": other}, (Scope.TEAM, Scope.TEAM)),
        ("Role.archive", role, {}, (None, None)),
        ("User.deactivate", ben, {}, (None, None)),
        ("Role.restore", role, {}, (Scope.TEAM, None)),
    ]
    for command, id, arguments, expected in acts:
        world.given(command, id, by=DAYBOOK, **arguments)
        steps.append((world.position, expected))

    for position, expected in steps:
        people = directory.at(position)
        assert tuple(people.rights(user).reach("sales.see") for user in (ada, ben)) == expected, position
    assert directory.at(0).rights(ada).reach("sales.see") is None


def test_step_by_step_comes_to_the_same_as_at_once(new_world: Callable[..., World]) -> None:
    world = new_world()
    directory = world.governed()
    roles = [a_role(world, f"r{n}", {"sales.see": scope}) for n, scope in enumerate(("own", "team", "all"))]
    users = [somebody(world, name=str(n)) for n in range(3)]
    team = world.given("Team.form", name="North", by=DAYBOOK)
    acts: st.SearchStrategy[Any] = st.one_of(
        st.tuples(st.sampled_from(["User.assign_role", "User.withdraw_role"]), st.sampled_from(users), st.builds(
            lambda role: {"role_id": role}, st.sampled_from(roles))),
        st.tuples(st.sampled_from(["Team.add_member", "Team.remove_member"]), st.just(team), st.builds(
            lambda user: {"user_id": user}, st.sampled_from(users))),
        st.tuples(st.sampled_from(["Role.archive", "Role.restore"]), st.sampled_from(roles), st.just({})),
        st.tuples(st.sampled_from(["User.deactivate", "User.reactivate"]), st.sampled_from(users), st.just({})),
    )  # fmt: skip

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(acts, max_size=8))
    def whatever_happens(told: list[tuple[str, UUID, dict[str, UUID]]]) -> None:
        for command, id, arguments in told:
            world.pipeline.run(Request(command=command, id=id, arguments=arguments, actor=DAYBOOK))
        now, anew = directory.people, directory.at(world.position)
        assert [now.rights(user) for user in users] == [anew.rights(user) for user in users]

    whatever_happens()


# -- commands --------------------------------------------------------------------------------------


def test_one_works_on_what_is_theirs_and_learns_nothing_of_what_they_do_not_see(world: World) -> None:
    world.governed()
    seller = a_role(world, grants={"customers.see": "team", "customers.edit": "own", "platform.see": "all"})
    ada, ben, eve = (somebody(world, seller, name=name) for name in ("Ada", "Ben", "Eve"))
    team = world.given("Team.form", name="North", by=DAYBOOK)
    for user in (ada, ben):
        world.given("Team.add_member", team, user_id=user, by=DAYBOOK)
    mine, ours, theirs = (world.given("Account.register", name="x", by=user) for user in (ada, ben, eve))

    world.when("Account.rename", mine, name="y", by=ada).records(type(world.load(mine)).Renamed, name="y")
    world.when("Account.rename", ours, name="y", by=ada).is_refused("customers.edit", code=Code.FORBIDDEN)
    world.when("Account.rename", theirs, name="y", by=ada).is_refused("no such thing", "id", Code.NOT_FOUND)
    world.when("Account.set_parent", mine, parent_id=theirs, by=ada).is_refused(
        "no such thing", "parent_id", Code.NOT_FOUND
    )
    world.when("Account.set_parent", mine, parent_id=ours, by=ada).records_only(type(world.load(mine)).ParentChanged)


def test_what_somebody_makes_who_does_not_see_all_becomes_theirs(world: World) -> None:
    world.governed()
    narrow = a_role(world, "narrow", {"customers.*": "team", "platform.see": "all"})
    wide = a_role(world, "wide", {"customers.*": "all", "platform.*": "own"})
    ada, ben = somebody(world, narrow), somebody(world, wide, name="Ben")

    by_ada = world.when("Account.register", name="x", by=ada)
    by_ben = world.when("Account.register", name="x", by=ben)
    shared = world.when("Team.form", name="x", by=ben)

    assert [event.TOPIC for event in by_ada.recorded] == ["Account.Registered", "Account.OwnerAssigned"]
    assert world.load(by_ada.id).owner_id == ada
    assert [event.TOPIC for event in by_ben.recorded] == ["Account.Registered"]
    assert [event.TOPIC for event in shared.recorded] == ["Team.Formed"]


def test_a_command_is_answered_once_though_what_it_makes_becomes_theirs(world: World) -> None:
    world.governed()
    ada = somebody(world, a_role(world, grants={"customers.*": "own"}))
    asked = Request(command="Account.register", actor=ada, arguments={"name": "x"}, idempotency_key="1")

    first, again = world.pipeline.run(asked), world.pipeline.run(asked)

    assert isinstance(first, Accepted) and first == again


def test_whoever_holds_what_must_be_unique_is_not_told_to_who_may_not_see_them(world: World) -> None:
    world.governed()
    role = a_role(world, grants={"customers.*": "own", "platform.see": "all"})
    ada, ben = somebody(world, role), somebody(world, role, name="Ben")
    mine, theirs = (world.given("Account.register", name="x", by=user) for user in (ada, ben))
    another = world.given("Account.register", name="x", by=ada)
    for account, user, id in ((mine, ada, "1"), (theirs, ben, "2")):
        world.given("Account.link_external", account, system="erp", external_id=id, by=user)

    seen = world.when("Account.link_external", another, system="erp", external_id="1", by=ada).outcome
    unseen = world.when("Account.link_external", another, system="erp", external_id="2", by=ada).outcome

    assert isinstance(seen, Refusal) and (seen.code, seen.holder) == (Code.DUPLICATE, f"Account_{mine}")
    assert isinstance(unseen, Refusal) and (unseen.code, unseen.holder) == (Code.DUPLICATE, None)


# -- administrators --------------------------------------------------------------------------------


@pytest.fixture
def governing(world: World) -> tuple[World, UUID, UUID]:
    """A company that is governed by one; that one, and their role."""
    world.governed()
    role = a_role(world, "administrator", {"*": "all"})
    return world, somebody(world, role), role


@pytest.mark.parametrize(
    ("command", "of_role", "arguments"),
    [
        ("User.withdraw_role", False, {"role_id": None}),
        ("User.deactivate", False, {}),
        ("User.archive", False, {}),
        ("Role.withdraw_permission", True, {"permission": "*"}),
        ("Role.grant_permission", True, {"permission": "*", "scope": "team"}),
        ("Role.archive", True, {}),
    ],
)
def test_somebody_always_remains_who_may_do_everything(
    governing: tuple[World, UUID, UUID], command: str, of_role: bool, arguments: dict[str, Any]
) -> None:
    world, ada, role = governing
    arguments = {name: value or role for name, value in arguments.items()}
    subject = role if of_role else ada
    somebody(world, a_role(world, "deputy", {"*": "team"}), name="Deputy")
    refused = world.when(command, subject, by=DAYBOOK, **arguments).outcome
    another = a_role(world, "other administrator", {"*": "all"}) if of_role else role
    somebody(world, another, name="Ben")

    accepted = world.when(command, subject, by=DAYBOOK, **arguments).outcome

    assert isinstance(refused, Refusal) and refused.code is Code.REFUSED
    assert refused.message.startswith("nobody else may do everything")
    assert isinstance(accepted, Accepted)


def test_the_last_administrator_may_lose_any_other_role(governing: tuple[World, UUID, UUID]) -> None:
    world, ada, role = governing
    other, deputy = a_role(world, "other", {"sales.see": "all"}), a_role(world, "second", {"*": "all"})
    for each in (other, deputy):
        world.given("User.assign_role", ada, role_id=each, by=DAYBOOK)

    for each in (other, role):
        assert isinstance(world.when("User.withdraw_role", ada, role_id=each, by=ada).outcome, Accepted)

    world.when("User.withdraw_role", ada, role_id=deputy, by=ada).is_refused("nobody else", "role_id")


def test_two_administrators_who_let_each_other_go_at_once_leave_one(governing: tuple[World, UUID, UUID]) -> None:
    world, ada, role = governing
    for _ in range(5):
        ben = somebody(world, role, name="Ben")
        pair = [Request(command="User.withdraw_role", id=a, actor=b, arguments={"role_id": role})
                for a, b in ((ada, ben), (ben, ada))]  # fmt: skip
        with ThreadPoolExecutor(2) as both:
            outcomes = list(both.map(world.pipeline.run, pair))

        assert [isinstance(outcome, Accepted) for outcome in outcomes].count(True) == 1, outcomes
        ada = ben if isinstance(outcomes[0], Accepted) else ada


# -- the first start -------------------------------------------------------------------------------


def test_the_roles_that_every_company_begins_with_are_made_once(world: World) -> None:
    directory = world.governed()

    first = make_roles(world.pipeline)
    before = world.position
    again = make_roles(world.pipeline)

    made = [role for role in directory.people.known.values() if isinstance(role, Role)]
    assert again == first and world.position == before
    assert {role.name: role.scopes for role in made} == {role.name: role.grants for role in DEFAULT_ROLES}


def test_what_a_company_made_of_its_roles_stays(world: World) -> None:
    directory = world.governed()
    make_roles(world.pipeline)
    made = (role for role in directory.people.known.values() if isinstance(role, Role))
    marketer = next(role for role in made if role.name == "marketer")
    world.given("Role.change_details", marketer.id, name="campaigner", by=DAYBOOK)
    world.given("Role.withdraw_permission", marketer.id, permission="sales.see", by=DAYBOOK)
    before = world.position

    make_roles(world.pipeline)

    assert world.position == before


def test_an_auditor_reads_everything_and_changes_nothing() -> None:
    grants = next(role.grants for role in DEFAULT_ROLES if role.name == "auditor")

    reached = {name for name in permissions(AGGREGATES) if reach(grants, name)}

    assert reached == {name for name in permissions(AGGREGATES) if name.endswith((".see", ".personal", ".audit"))}


def test_who_was_an_administrator_before_there_were_roles_is_one_still(database_url: str, schema: str) -> None:
    migrate(database_url, schema, last="0006_append.sql")
    with EventStore(database_url, schema) as store, connect(database_url, schema) as connection:
        before = CommandPipeline(AGGREGATES, store)
        ada, ben = (added(before, name) for name in ("Ada", "Ben"))
        connection.execute("insert into administrators values (%s)", [ada])
        migrate(database_url, schema)
        with Identity(database_url, store, schema) as identity:
            directory = Directory(store)
            pipeline = CommandPipeline(AGGREGATES, store, directory)
            first = administrator(pipeline, identity, directory)
            position = store.head()[0]
            administrator(pipeline, identity, directory)

        assert {user for user, _ in directory.people.governors()} == {ada, first}
        assert not directory.people.rights(ben).may("sales.see")
        assert connection.execute("select count(*) from administrators").fetchone() == (0,)
        assert store.head()[0] == position


def added(pipeline: CommandPipeline, name: str) -> UUID:
    outcome = pipeline.run(Request(command="User.add", actor=DAYBOOK, arguments={"name": name}))
    assert isinstance(outcome, Accepted)
    return outcome.changed[0].id


def test_the_command_line_acts_as_another_administrator_when_the_first_is_none_any_more(
    database_url: str, schema: str
) -> None:
    migrate(database_url, schema)
    with EventStore(database_url, schema) as store, Identity(database_url, store, schema) as identity:
        directory = Directory(store)
        pipeline = CommandPipeline(AGGREGATES, store, directory)
        first, role = administrator(pipeline, identity, directory), make_roles(pipeline)
        ben = added(pipeline, "Ben")
        for command, id in (("User.assign_role", ben), ("User.withdraw_role", first)):
            request = Request(command=command, id=id, actor=DAYBOOK, arguments={"role_id": role})
            assert isinstance(pipeline.run(request), Accepted)

        assert administrator(pipeline, identity, directory) == ben
        assert not directory.people.rights(first).may("sales.see")
