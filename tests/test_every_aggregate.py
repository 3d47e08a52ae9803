"""What holds for every aggregate there is, and for the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.aggregate import SHARED, Aggregate, Refused
from domain.catalogue import AGGREGATES
from domain.command import Argument, Code, commands_of, describe, index
from domain.declaration import personal
from domain.parameters import Following, FoundBy, FromAttribute, FromHistory, FromRequest
from domain.parts import holders
from domain.platform.user import User
from domain.projects.planning.calendar import Calendar
from domain.sales.opportunity import Opportunity
from domain.sales.pipeline import Pipeline
from domain.values import Address, Email, Locale, Money, Period, Phone, TimeZone, Website
from infra.mapper import read, write
from infra.pipeline import UNLIMITED
from infra.snapshots import restored, taken
from projections.catalogue import VIEWS
from tests.scenario import (
    ME,
    World,
    a_custom_field,
    a_user,
    an_account,
    one_of,
)

SHARED_ARGUMENTS: dict[str, dict[str, Any]] = {
    "tag": {"label": "vip"},
    "untag": {"label": "vip"},
    "set_custom_field": {"key": "size", "value": "XL"},
    "assign_owner": {},
    "comment": {"text": "call back"},
    "watch": {},
    "unwatch": {},
    "link_external": {"system": "erp", "external_id": "17"},
    "unlink_external": {"system": "erp"},
    "stay": {},
    "undo": {"of": str(ME)},
    "archive": {"reason": "double"},
    "restore": {},
}
RECORDED = """TagsChanged TagsChanged CustomFieldsChanged OwnerAssigned Commented WatchersChanged WatchersChanged
              ExternalIdsChanged ExternalIdsChanged Archived Restored"""
every = pytest.mark.parametrize("aggregate", AGGREGATES, ids=lambda a: a.__name__)


@every
def test_it_answers_every_shared_command(world: World, aggregate: type[Aggregate]) -> None:
    kind, id, user = aggregate.__name__, one_of(world, aggregate), a_user(world, "Eve")
    a_custom_field(world, kind=kind, key="size")
    given = SHARED_ARGUMENTS | {
        "assign_owner": {"owner_id": user},
        "comment": {"text": "call back", "mention_ids": [f"User_{user}"]},
    }

    recorded = [e for name, arguments in given.items() for e in world.when(f"{kind}.{name}", id, **arguments).recorded]

    assert [event.TOPIC for event in recorded] == [f"{kind}.{name}" for name in RECORDED.split()]
    assert set(given) == SHARED
    assert (world.load(id).custom_fields, world.load(id).owner_id) == ({"size": "XL"}, user)
    assert recorded[4].mentions == (user,)  # type: ignore[attr-defined]


@every
def test_whom_it_names_is_a_user(world: World, aggregate: type[Aggregate]) -> None:
    kind, id, account = aggregate.__name__, one_of(world, aggregate), an_account(world, "Other")

    owned = world.when(f"{kind}.assign_owner", id, owner_id=account)
    mentioned = world.when(f"{kind}.comment", id, text="x", mention_ids=[a_user(world, "Eve"), str(ME)])

    owned.is_refused("something else", "owner_id", Code.INVALID)
    mentioned.is_refused("no such thing", "mention_ids.1", Code.NOT_FOUND)


@every
def test_archived_it_refuses_all_but_restore(world: World, aggregate: type[Aggregate]) -> None:
    id = one_of(world, aggregate)
    world.given(f"{aggregate.__name__}.archive", id)
    user = a_user(world, "Eve")

    for name in SHARED - {"restore", "undo"}:
        arguments = {"owner_id": user} if name == "assign_owner" else SHARED_ARGUMENTS[name]
        world.when(f"{aggregate.__name__}.{name}", id, **arguments).is_refused("archived")


@every
def test_it_is_described_in_full(aggregate: type[Aggregate]) -> None:
    for command in commands_of(aggregate).values():
        assert command.doc.endswith(".") and "." in command.needs and aggregate.__name__ in command.mutation


def test_every_mutation_has_a_name_of_its_own() -> None:
    commands = index(AGGREGATES)

    assert len({command.mutation for command in commands.values()}) == len(commands)


WORDS = st.text("abü", min_size=1, max_size=4)
DAYS = st.dates(date(2020, 1, 1), date(2029, 12, 31))
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: WORDS,
    int: st.integers(-1, 101),
    Decimal: st.decimals(-1, 200, places=2),
    date: DAYS,
    datetime: st.datetimes(datetime(2020, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC)),
    UUID: st.uuids(),
    Money: st.builds(Money, st.decimals(-1, 200, places=2), st.sampled_from(["EUR", "USD"])),
    Period: st.builds(lambda day, days: Period(day, day.replace(year=2030) if days else None), DAYS, st.booleans()),
    Address: st.builds(Address, city=WORDS, country=st.none() | WORDS),
    Email: st.sampled_from([Email("ada@engines.org"), Email("eve@engines.org")]),
    Phone: st.sampled_from([Phone("+4930901820"), Phone("+12125550123")]),
    Website: st.just(Website("acme.org")),
    TimeZone: st.just(TimeZone("Europe/Vienna")),
    Locale: st.just(Locale("de-AT")),
    Calendar: st.builds(Calendar, st.frozensets(st.integers(0, 6), min_size=1), st.frozensets(DAYS, max_size=3)),
}
KEYS = {view.key for view in VIEWS if view.key} | {"attribute", "before"}
NAMES = {"permission": ["sales.see", "sales.*", "*"], "attribute": ["Opportunity.amount", "Contact.consents.evidence"]}
for value, strategy in VALUES.items():
    st.register_type_strategy(value, strategy)


@every
def test_replayed_it_is_what_it_was(new_world: Callable[..., World], aggregate: type[Aggregate]) -> None:
    world = new_world()
    made = {kind: one_of(world, kind) for kind in AGGREGATES}
    commands = [command for command in commands_of(aggregate).values() if not command.creates]
    keys = world.store.keys
    rows = [write(event, keys) for event in world.store.events(made[aggregate])]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def whatever_happens(data: st.DataObject) -> None:
        others, recorded = {kind: [_replayed(world.store.events(id))] for kind, id in made.items()}, [*rows]
        live = others[aggregate][0]

        for command in data.draw(st.lists(st.sampled_from(commands), max_size=12)):
            arguments = {p.name: _value(p, live, others, data) for p in command.parameters}
            with suppress(Refused):
                getattr(live, command.method)(**arguments)
            recorded += [write(event, keys) for event in live.collect_events()]

        replayed = _replayed(read(row, keys) for row in recorded)
        assert _state(replayed) == _state(live)
        assert replayed is not live

        cut = data.draw(st.integers(1, len(recorded)))
        snapshot = taken(_replayed(read(row, keys) for row in recorded[:cut]))
        assert (snapshot is None) == bool(personal(aggregate))
        if snapshot:
            since = (read(row, keys) for row in recorded[cut:])
            assert vars(_replayed(since, restored(*snapshot.values()))) == vars(replayed)

    whatever_happens()


def _replayed(events: Any, aggregate: Any = None) -> Any:
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate


def _state(aggregate: Any) -> dict[str, Any]:
    return {n: v for n, v in vars(aggregate).items() if n not in ("_created_on", "_modified_on", "_pending_events")}


def _value(parameter: Argument, live: Any, others: Mapping[type, list[Any]], data: st.DataObject) -> Any:
    match parameter.filled_by:
        case FromRequest("occurred_at"):
            return datetime(2026, 1, 1, tzinfo=UTC)
        case FromRequest("rights"):
            return UNLIMITED
        case FromRequest("sight"):
            return lambda _: True
        case FromRequest("governed" | "everything"):
            return data.draw(st.booleans())
        case FromRequest():
            return ME
        case FromAttribute() if parameter.many:
            return tuple(others[parameter.aggregate]) if parameter.aggregate else ()
        case FromAttribute() if getattr(live, parameter.asked_as) is None:
            return None
        case Following() | FromHistory():
            return ()
        case FoundBy() if parameter.aggregate:
            return data.draw(st.sampled_from([None, *others[parameter.aggregate]]))
    if parameter.aggregate:
        drawn = data.draw(st.sampled_from(others[parameter.aggregate]))
        return (drawn,) if parameter.many else drawn
    if parameter.name in NAMES and data.draw(st.booleans()):
        return data.draw(st.sampled_from(NAMES[parameter.name]))
    items: frozenset[str] = holders(cast(Any, type(live)))
    keys = [key for name in (*items, "hidden") for key in getattr(live, name, ())]
    alike = [key for key in keys if isinstance(parameter.type, type) and isinstance(key, parameter.type)]
    if alike and parameter.name in KEYS and data.draw(st.booleans()):
        return data.draw(st.sampled_from(alike))
    return data.draw(st.from_type(parameter.type))


def test_describe_tells_all_that_a_schema_needs() -> None:
    win, opens = describe(Opportunity, "win"), describe(Opportunity, "open")
    comment, fill = describe(Opportunity, "comment"), describe(Opportunity, "set_custom_field")

    assert (win.name, win.mutation, win.needs) == ("Opportunity.win", "winOpportunity", "sales.sell")
    assert [(a.asked_as, a.type, a.optional, a.doc) for a in win.arguments] == [
        ("amount", Money, False, None),
        ("on", date | None, True, "today unless given"),
    ]
    assert (opens.arguments[0].asked_as, opens.arguments[0].aggregate) == ("pipeline_id", Pipeline)
    assert describe(Opportunity, "move_to_stage").mutation == "moveOpportunityToStage"
    assert [(a.asked_as, a.longest, a.many, a.aggregate) for a in comment.arguments] == [
        ("text", 10_000, False, None),
        ("mention_ids", 200, True, User),
    ]
    assert [a.asked_as for a in fill.arguments] == ["key", "value"]
