from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.aggregate import Aggregate
from domain.command import Accepted, Code, Refusal, Request
from domain.customers.account import Account
from domain.parameters import Text, command
from domain.sales.opportunity import Opportunity
from domain.sales.product import Product
from infra.event_store import EventStore
from infra.pipeline import CommandPipeline, command_id
from tests.scenario import (
    ME,
    Allowing,
    World,
    a_custom_field,
    a_pipeline,
    a_product,
    a_user,
    a_won_opportunity,
    an_account,
    an_opportunity,
)

New = Callable[..., World]


def request(command: str, id: UUID | str | None = None, /, under: str | None = None, **arguments: Any) -> Request:
    return Request(command=command, id=id, arguments=arguments, actor=ME, idempotency_key=under)


# What is answered


def test_what_was_done_names_the_last_event_that_tells_of_it(world: World) -> None:
    acme = an_account(world)

    outcome = world.when("Account.rename", f"Account_{acme}", name="Acme AG").outcome

    position, hash = world.store.head()
    assert isinstance(outcome, Accepted)
    assert (outcome.position, outcome.receipt) == (position, hash.hex())
    assert [(each.kind, each.id, each.version) for each in outcome.changed] == [("Account", acme, 2)]


def test_a_command_that_did_nothing_names_what_was_done_before(world: World) -> None:
    acme = an_account(world)
    position, hash = world.store.head()
    an_account(world, "Neighbour")

    outcome = world.when("Account.untag", acme, label="x").outcome

    assert isinstance(outcome, Accepted)
    assert (outcome.position, outcome.receipt) == (position, hash.hex())
    assert [(each.id, each.version) for each in outcome.changed] == [(acme, 1)]


def test_an_expected_version_is_kept(world: World) -> None:
    acme = an_account(world)
    world.given("Account.rename", acme, name="Acme AG")

    late = world.asked(replace(request("Account.rename", acme, name="X"), expected_version=1))
    in_time = world.asked(replace(request("Account.rename", acme, name="X"), expected_version=2))

    assert late.is_refused("in the meantime", "expected_version", Code.CONFLICT).version == 2
    assert isinstance(in_time.outcome, Accepted)


def test_the_future_is_not_reported(world: World) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    then = world.asked(replace(request("Account.register", name="A"), occurred_at=tomorrow))

    then.is_refused("future", "occurred_at", Code.INVALID)


@pytest.mark.parametrize("wrong", [datetime(2026, 1, 1), datetime.min, "yesterday"])
def test_a_time_has_its_zone(world: World, wrong: Any) -> None:
    then = world.asked(replace(request("Account.register", name="A"), occurred_at=wrong))

    then.is_refused("time with its zone", "occurred_at", Code.INVALID)


def test_all_events_of_a_command_carry_who_asked(world: World) -> None:
    cause, acme, twin = uuid4(), an_account(world), an_account(world, "ACME")
    start = world.position

    world.asked(replace(request("Account.merge_into", twin, survivor_id=acme), causation_id=cause, origin="a test"))

    rows = world.connection.execute(
        "select actor, command, causation_id, origin from events where position > %s", [start]
    ).fetchall()
    assert rows == [(ME, "Account.merge_into", cause, "a test")] * 2


# What does not fit


@pytest.mark.parametrize(
    ("asked", "field", "message"),
    [
        (request("Account.fly"), "command", "no such command"),
        (request("Account.register"), "name", "needed"),
        (request("Account.register", name="  "), "name", "needed"),
        (request("Account.register", name="a\0b"), "name", "no character"),
        (request("Account.register", name="a\ud800b"), "name", "no character"),
        (request("Account.register", name="x" * 201), "name", "200 characters"),
        (request("Account.register", uuid4(), name="x"), "id", "id of its own"),
        (request("Account.register", under="\ud800", name="x"), "idempotency_key", "no character"),
        (request("Account.register", under="x" * 201, name="x"), "idempotency_key", "200 characters"),
        (replace(request("Account.register", name="x"), origin="\0"), "origin", "no character"),
        (request("Account.rename", name="x"), "id", "not an id"),
        (request("Account.rename", "Account_7", name="x"), "id", "not an id"),
        (request("Account.rename", f"Product_{uuid4()}", name="x"), "id", "not of Account"),
        (request("Opportunity.open", name="A", pipeline_id="what"), "pipeline_id", "not an id"),
        (request("Opportunity.open", name="A", pipeline_id=f"Account_{uuid4()}"), "pipeline_id", "not of Pipeline"),
    ],
)
def test_what_does_not_fit_is_named(world: World, asked: Request, field: str, message: str) -> None:
    then = world.asked(asked)

    then.is_refused(message, field, Code.INVALID)


def test_an_id_of_another_kind_is_invalid_even_without_its_name(world: World) -> None:
    product = a_product(world)

    world.when("Opportunity.open", name="A", pipeline_id=str(product)).is_refused(
        "something else", "pipeline_id", Code.INVALID
    )
    world.when("Account.rename", product, name="A").is_refused("something else", "id", Code.INVALID)


def test_what_does_not_exist_is_not_found(world: World) -> None:
    world.when("Account.rename", uuid4(), name="x").is_refused("no such thing", "id", Code.NOT_FOUND)
    world.when("Opportunity.open", name="A", pipeline_id=uuid4()).is_refused(
        "no such thing", "pipeline_id", Code.NOT_FOUND
    )


def test_an_opportunity_loads_its_pipeline_itself(world: World) -> None:
    then = world.when("Opportunity.move_to_stage", an_opportunity(world), stage="first", pipeline_id=a_pipeline(world))

    then.is_refused("no such argument", "pipeline_id", Code.INVALID)


# Asked again


def test_a_repeated_command_gets_the_first_answer(world: World) -> None:
    once = request("Account.register", under="1", name="Acme")

    first, again = world.asked(once), world.asked(once)

    assert first.outcome == again.outcome
    assert not again.recorded
    assert world.store.answer(command_id(ME, "1")) is not None


def test_a_repeated_command_that_could_not_be_done_twice_gets_the_first_answer(world: World) -> None:
    sale = an_opportunity(world)
    once = request("Opportunity.win", sale, under="1", amount={"amount": 5, "currency": "EUR"})
    listed = request("Product.list_product", under="2", code="P-9", name="Pump")
    firsts = [world.asked(each).outcome for each in (once, listed)]

    again = [world.asked(each) for each in (once, listed)]

    assert [each.outcome for each in again] == firsts
    assert all(isinstance(outcome, Accepted) for outcome in firsts)


def test_a_refusal_and_a_command_that_did_nothing_are_repeated_too(world: World) -> None:
    won, acme, product = a_won_opportunity(world), an_account(world), a_product(world)
    requests = [
        request("Opportunity.set_next_step", won, under="2", next_step="x"),
        request("Account.untag", acme, under="3", label="x"),
        request("Product.list_product", under="4", code="P-1", name="Pump"),
    ]
    answers = [world.asked(each).outcome for each in requests]

    world.given("Opportunity.reopen", won)
    world.given("Account.tag", acme, label="x")
    world.given("Product.archive", product)

    assert [world.asked(each).outcome for each in requests] == answers
    assert world.load(acme).tags == {"x"}


def test_what_did_not_fit_is_not_repeated(world: World) -> None:
    id, sale = uuid4(), an_opportunity(world)
    world.asked(request("Account.register", under="1", name="")).is_refused("needed", "name", Code.INVALID)
    world.asked(request("Account.rename", id, under="2", name="A")).is_refused("no such", "id", Code.NOT_FOUND)

    assert isinstance(world.asked(request("Account.register", under="1", name="A")).outcome, Accepted)
    assert isinstance(world.asked(request("Opportunity.tag", sale, under="2", label="A")).outcome, Accepted)


def test_a_key_is_not_used_for_something_else(world: World) -> None:
    world.asked(request("Product.list_product", under="1", code="A", name="A"))

    for other in (
        request("Product.list_product", under="1", code="B", name="B"),
        request("Product.list_product", under="1", code="A", name="B"),
        replace(request("Product.list_product", under="1", code="A", name="A"), occurred_at=datetime.now(UTC)),
    ):
        world.asked(other).is_refused("something else", code=Code.REPEATED_OTHERWISE)


def test_a_key_belongs_to_who_uses_it(world: World) -> None:
    mine = world.asked(request("Account.register", under="1", name="A"))

    hers = world.asked(replace(request("Account.register", under="1", name="A"), actor=uuid4()))

    assert mine.id != hers.id


def test_the_same_asked_by_many_at_once_is_done_once(world: World) -> None:
    once = request("Account.register", under="1", name="Acme")

    with ThreadPoolExecutor(8) as many:
        outcomes = list(many.map(world.pipeline.run, [once] * 16))

    assert outcomes == [outcomes[0]] * 16
    assert world.position == 1


# At the same time


def test_two_accounts_cannot_become_each_others_parent_at_once(new_world: New) -> None:
    race = Race()
    world = new_world(authority=Allowing(race))
    one, two = an_account(world, "One"), an_account(world, "Two")

    race.meanwhile(world.store, request("Account.set_parent", two, parent_id=one))
    then = world.pipeline.run(request("Account.set_parent", one, parent_id=two))

    assert isinstance(then, Refusal) and then.code is Code.REFUSED
    assert (world.load(one).parent_id, world.load(two).parent_id) == (None, one)


def test_a_command_that_lost_a_race_decides_again(new_world: New) -> None:
    race = Race()
    world = new_world(authority=Allowing(race))
    acme = an_account(world)

    race.meanwhile(world.store, request("Account.tag", acme, label="a"))
    world.given("Account.tag", acme, label="b")

    assert world.load(acme).tags == {"a", "b"}


def test_who_loses_every_race_is_told_the_version(new_world: New) -> None:
    race = Race()
    world = new_world(authority=Allowing(race))
    acme = an_account(world)
    start = world.position

    race.meanwhile(world.store, *(request("Account.tag", acme, label=str(n)) for n in range(5)))
    outcome = world.pipeline.run(request("Account.tag", acme, label="mine"))

    assert isinstance(outcome, Refusal) and (outcome.code, outcome.version) == (Code.CONFLICT, 6)
    assert world.position == start + 5 and "mine" not in world.load(acme).tags


def test_a_refusal_never_rests_on_what_is_only_remembered(world: World) -> None:
    sale = a_won_opportunity(world)
    world.when("Opportunity.set_next_step", sale, next_step="x").is_refused("is won")

    CommandPipeline([Opportunity], world.store).run(request("Opportunity.reopen", sale))
    then = world.when("Opportunity.set_next_step", sale, next_step="call")

    then.records(Opportunity.NextStepSet, next_step="call")


def test_many_at_once_lose_nothing(world: World) -> None:
    accounts = [an_account(world, str(n)) for n in range(3)]
    requests = [request("Account.tag", accounts[n % 3], label=str(n)) for n in range(24)]

    with ThreadPoolExecutor(3) as many:
        outcomes = list(many.map(world.pipeline.run, requests))

    done = {asked.arguments["label"] for asked, o in zip(requests, outcomes, strict=True) if isinstance(o, Accepted)}
    assert set().union(*(world.load(each).tags for each in accounts)) == done
    assert {o.code for o in outcomes if isinstance(o, Refusal)} <= {Code.CONFLICT}
    assert len(done) >= 12


class Race:
    """A policy that lets somebody else be faster, each time that it is asked whether we may."""

    def __init__(self) -> None:
        self.waiting: list[tuple[EventStore, Request]] = []

    def meanwhile(self, store: EventStore, *requests: Request) -> None:
        self.waiting = [(store, each) for each in requests]

    def __call__(self, request: Request, permission: str, subject: Aggregate | None) -> bool:
        if self.waiting and subject is not None:
            store, faster = self.waiting.pop()
            assert isinstance(CommandPipeline([Account], store).run(faster), Accepted)
        return True


# Together


def test_what_is_done_together_sees_what_was_done_before(world: World) -> None:
    pipeline, product, user = a_pipeline(world), a_product(world), a_user(world)
    seen: list[Accepted] = []

    def steps(run: Callable[[Request], Accepted]) -> None:
        account = run(request("Account.register", name="Acme")).changed[0]
        sale = run(request("Opportunity.open", pipeline_id=pipeline, name="Pumps", account_id=account.id)).changed[0]
        euro = {"amount": "5", "currency": "EUR"}
        run(request("Opportunity.add_line", sale.id, product_id=product, quantity=2, price=euro))
        run(request("Opportunity.assign_owner", f"Opportunity_{sale.id}", owner_id=user))
        seen.append(run(request("Opportunity.win", sale.id, amount=euro)))

    outcome = world.pipeline.together(steps)

    assert isinstance(outcome, Accepted)
    assert (seen[0].position, seen[0].receipt) == (0, "")
    assert (outcome.position, outcome.receipt) == (world.position, world.store.head()[1].hex())
    assert [(each.kind, each.version) for each in outcome.changed] == [("Account", 1), ("Opportunity", 4)]
    sale = world.load(outcome.changed[1].id)
    assert (sale.account_id, len(sale.lines), sale.owner_id) == (outcome.changed[0].id, 1, user)


def test_a_refusal_of_one_refuses_all_and_is_not_remembered(world: World) -> None:
    acme, start = an_account(world), world.position
    steps = of(request("Account.tag", acme, under="1", label="x"), request("Account.restore", acme, under="2"))

    refused = world.pipeline.together(steps)
    world.given("Account.archive", acme)
    world.given("Account.restore", acme)
    again = world.pipeline.together(of(request("Account.tag", acme, under="1", label="x")))

    assert isinstance(refused, Refusal) and "not archived" in refused.message
    assert isinstance(again, Accepted) and again.position == start + 3


def test_a_refusal_that_the_steps_swallow_refuses_all_the_same(world: World) -> None:
    acme, start = an_account(world), world.position

    def steps(run: Callable[[Request], Accepted]) -> None:
        run(request("Account.tag", acme, label="x"))
        try:
            run(request("Account.restore", acme))
        except Exception:
            run(request("Account.tag", acme, label="y"))

    outcome = world.pipeline.together(steps)

    assert isinstance(outcome, Refusal) and world.position == start


def test_a_unit_that_was_done_is_answered_as_before(world: World) -> None:
    steps = of(
        request("Product.list_product", under="1", code="A", name="A"),
        request("Product.list_product", under="2", code="B", name="B"),
    )
    first, position = world.pipeline.together(steps), world.position

    again = world.pipeline.together(steps)

    assert isinstance(first, Accepted) and again == first
    assert world.position == position


def test_a_unit_that_was_done_in_part_is_refused(world: World) -> None:
    world.asked(request("Account.register", under="2", name="B"))
    start = world.position

    outcome = world.pipeline.together(
        of(request("Account.register", under="1", name="A"), request("Account.register", under="2", name="B"))
    )

    assert isinstance(outcome, Refusal) and outcome.code is Code.REPEATED_OTHERWISE
    assert world.position == start


def test_what_must_be_unique_is_so_inside_of_a_unit(world: World) -> None:
    start = world.position

    outcome = world.pipeline.together(
        of(
            request("Product.list_product", code="A", name="A"),
            request("Product.list_product", code="a", name="B"),
        )
    )

    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.field, outcome.holder) == (Code.DUPLICATE, "code", None)
    assert world.position == start


def test_what_one_command_frees_the_next_may_take(world: World) -> None:
    old = a_product(world, "A")

    outcome = world.pipeline.together(
        of(request("Product.archive", old), request("Product.list_product", code="A", name="New"))
    )

    assert isinstance(outcome, Accepted)
    world.when("Product.restore", old).is_refused("in use", "code", Code.DUPLICATE)


def test_a_field_that_is_defined_in_a_unit_is_filled_in_it(world: World) -> None:
    acme, defined = an_account(world), a_custom_field(world, key="size")

    outcome = world.pipeline.together(
        of(
            request("CustomField.define", kind="Account", key="colour", label="Colour", type="text"),
            request("Account.set_custom_field", acme, key="colour", value="red"),
        )
    )
    gone = world.pipeline.together(
        of(
            request("CustomField.archive", defined),
            request("Account.set_custom_field", acme, key="size", value="XL"),
        )
    )

    assert isinstance(outcome, Accepted) and world.load(acme).custom_fields == {"colour": "red"}
    assert isinstance(gone, Refusal) and gone.field == "key"


def test_an_expected_version_inside_of_a_unit_is_the_one_before_it_or_the_one_it_made(world: World) -> None:
    acme = an_account(world)

    def at(version: int, label: str) -> Request:
        return replace(request("Account.tag", acme, label=label), expected_version=version)

    assert isinstance(world.pipeline.together(of(at(1, "a"), at(1, "b"), at(3, "c"))), Accepted)
    late = world.pipeline.together(of(at(4, "d"), at(3, "e")))
    assert isinstance(late, Refusal) and late.code is Code.CONFLICT
    assert world.load(acme).tags == {"a", "b", "c"}


def test_units_on_their_way_do_not_wait_for_each_other(world: World) -> None:
    pipeline = a_pipeline(world)

    pending = [
        world.pipeline.start(of(request("Opportunity.open", pipeline_id=pipeline, name=str(n)))) for n in range(50)
    ]
    outcomes = [each.result() for each in pending]

    positions = [outcome.position for outcome in outcomes if isinstance(outcome, Accepted)]
    assert positions == list(range(positions[0], positions[0] + 50))


def test_a_unit_that_needs_another_on_its_way_is_decided_again(world: World) -> None:
    acme = an_account(world)

    pending = [
        world.pipeline.start(of(request("Account.archive", acme))),
        world.pipeline.start(of(request("Account.restore", acme))),
        world.pipeline.start(of(request("Account.tag", acme, label="x"))),
    ]
    outcomes = [each.result() for each in pending]

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert (world.load(acme).version, world.load(acme).tags) == (4, {"x"})


def test_a_store_that_is_full_asks_for_patience(world: World, schema: str, database_url: str) -> None:
    from infra.database import migrate

    migrate(database_url, schema)
    with EventStore(database_url, schema, most_waiting=1) as store:
        pipeline = CommandPipeline([Product], store)
        pending = [
            pipeline.start(of(request("Product.list_product", code=str(n), name="x", under=str(n)))) for n in range(200)
        ]
        outcomes = [each.result() for each in pending]

    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert {outcome.code for outcome in refused} == {Code.THROTTLED}
    assert len(refused) < 200


def of(*requests: Request) -> Callable[[Callable[[Request], Accepted]], None]:
    def steps(run: Callable[[Request], Accepted]) -> None:
        for each in requests:
            run(each)

    return steps


# Who may


def test_who_is_not_allowed_is_told_what_it_needs(new_world: New) -> None:
    asked: list[tuple[str, Aggregate | None]] = []

    def sells_nothing(request: Request, permission: str, subject: Aggregate | None) -> bool:
        asked.append((permission, subject))
        return permission not in ("sales.catalogue", "sales.sell")

    world = new_world(authority=Allowing(sells_nothing))
    acme = an_account(world)

    world.when("Product.list_product", code="1", name="x").is_refused("needs sales.catalogue", code=Code.FORBIDDEN)
    world.given("Account.tag", acme, label="x")
    assert [permission for permission, _ in asked] == ["customers.edit", "sales.catalogue", "customers.edit"]
    assert asked[0][1] is None and asked[-1][1] is not None


def test_who_may_not_see_a_thing_learns_nothing_of_it(new_world: New) -> None:
    blind: set[str] = set()
    world = new_world(authority=Allowing(lambda request, permission, subject: permission not in blind))
    sale, acme, open_sale = a_won_opportunity(world), an_account(world), an_opportunity(world)
    blind |= {"sales.sell"}
    world.when("Opportunity.reopen", sale).is_refused("needs sales.sell", code=Code.FORBIDDEN)

    blind |= {"sales.see", "customers.see"}

    world.when("Opportunity.reopen", sale).is_refused("no such thing", "id", Code.NOT_FOUND)
    world.when("Account.tag", sale, label="x").is_refused("no such thing", "id", Code.NOT_FOUND)
    world.when("Account.set_parent", acme, parent_id=sale).is_refused("no such thing", "parent_id", Code.NOT_FOUND)
    blind.discard("sales.sell")
    world.when("Opportunity.change_account", open_sale, account_id=acme).is_refused(
        "no such thing", "account_id", Code.NOT_FOUND
    )


def test_what_is_opened_on_the_way_is_checked_as_if_it_were_opened_by_itself(new_world: New) -> None:
    denied: set[str] = set()
    authority = Allowing(lambda request, permission, subject: permission not in denied)
    world = new_world([*SPINE, Visit], authority=authority)
    done = world.when("Visit.pay", note="found them at the fair", register=True)
    denied |= {"customers.edit"}

    forbidden = world.when("Visit.pay", note="found them at the fair", register=True)

    assert [event.TOPIC for event in done.recorded] == ["Account.Registered", "Visit.Paid"]
    forbidden.is_refused("needs customers.edit", code=Code.FORBIDDEN)
    assert isinstance(world.when("Visit.pay", note="nobody there", register=False).outcome, Accepted)


SPINE = (Account, Opportunity, Product)


class Visit(Aggregate):
    needs = "customers.visit"

    note: str
    account_id: UUID | None = None

    class Paid(Aggregate.Created):
        note: str
        account_id: UUID | None

    @classmethod
    @command
    def pay(cls, note: Text, register: bool) -> tuple[Visit, Account | None]:
        """Go and see somebody."""
        account = Account.register("Acme") if register else None
        return cls._create(cls.Paid, note=note, account_id=account and account.id), account
