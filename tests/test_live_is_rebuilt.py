"""Whatever is commanded: views that were moved along, views built from nothing and the aggregates say the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.aggregate import SHARED, Aggregate
from domain.catalogue import AGGREGATES
from domain.command import Accepted, Argument, Request, index
from domain.customers.account import Details
from domain.customers.contact import Person
from domain.declaration import ENVELOPE
from domain.values import Address, Email, Locale, Money, Period, Phone, TimeZone
from infra.feed import Batch
from infra.feed.log import LogFeed
from infra.projection import Fenced, Projector
from infra.rebuild import rebuild
from infra.tables import Table
from projections.catalogue import VIEWS
from projections.view import View, creating, default_of, named_by, names_item, shape, told
from tests.infra.past import published, without_views
from tests.scenario import (
    ME,
    World,
    a_contact,
    a_custom_field,
    a_pipeline,
    a_product,
    a_role,
    a_team,
    a_user,
    an_account,
    an_interaction,
    an_opportunity,
    one_of,
)

COMMANDS = index(AGGREGATES)
ITEMS = {
    view.table: next(
        event.item_of for event in view.of.events().values() if event.item_of and view.key in told(view, event)
    )
    for view in VIEWS
    if view.key
}
"""The attribute that holds the items of a view."""
OF_PHASES = ("Milestone", "Task", "Budget", "Resource")
"""Kinds of which each is, or has something, of a phase of its project."""
KEYS = {view.key for view in VIEWS if view.key} | {"stage", "before"}


@settings(max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6), size=st.integers(100, 300))
def test_live_is_rebuilt_is_what_the_aggregates_know(
    database_url: str, new_world: Callable[..., World], seed: int, size: int
) -> None:
    r, world = random.Random(seed), new_world()
    db = world.connection
    without_views(db)
    ids = _somethings(world)
    published(db, VIEWS)
    projector, feed = Projector(db, VIEWS), Stuttering(LogFeed(db), r)

    for n in range(size):
        _command(world, r, ids)
        if n % r.choice([1, 5, 20]) == 0:
            with suppress(Fenced):  # by a forget
                projector.step(feed, r.choice([1, 2, 7, 50]))
                continue
            projector = Projector(db, VIEWS)
        if r.random() < 0.1:
            projector = Projector(db, VIEWS)
    projector = Projector(db, VIEWS)
    while projector.step(feed, r.choice([1, 2, 7, 50])) >= 0:
        pass

    events = list(zip(_recorded(world), world.since(0), strict=True))
    for at in (len(events), r.randrange(len(events) + 1), r.randrange(len(events) + 1)):
        known = _aggregates(event for (position, _), event in events if position <= at)
        for view in VIEWS:
            assert _shown(world, view, at) == _expected(view, known), (view.table, at)
    [schema] = db.execute("select current_schema()").fetchone() or ("",)
    for made in rebuild(database_url, schema, VIEWS, most=r.choice([20, 20_000])):
        assert made.as_before, made
    for until in (START + timedelta(days=r.randrange(400)), datetime.now(UTC)):
        for view in VIEWS:
            if named_by(view, "id") is not None:
                assert _occurred(world, view, until) == _told(view, events, until), (view.table, until)


START = datetime(2025, 1, 1, tzinfo=UTC)


class Stuttering:
    """A feed that brings some events again."""

    def __init__(self, feed: LogFeed, r: random.Random) -> None:
        self.feed, self.random = feed, r

    def read(self, after: Mapping[int, int], most: int) -> Batch:
        back = self.random.choice([0, 0, 1, 9])
        batch = self.feed.read({lane: max(0, position - back) for lane, position in after.items()}, most + back)
        fresh = {lane: position for lane, position in batch.reached.items() if position > after[lane]}
        return Batch(batch.events, fresh)


# -- random commands --------------------------------------------------------------------------------------------


def _somethings(world: World) -> dict[str, list[UUID]]:
    for kind in ("Account", "Opportunity"):
        a_custom_field(world, kind=kind, key="colour")
    pipelines = [a_pipeline(world)]
    opportunity = an_opportunity(world)
    made = {
        "User": [a_user(world, name) for name in ("Ada", "Eve")], "Team": [a_team(world)],
        "CustomField": [a_custom_field(world, key="size")], "Account": [an_account(world, name) for name in "AB"],
        "Contact": [a_contact(world, name) for name in ("Ann", "Bob")],
        "Product": [a_product(world)], "Pipeline": pipelines, "Opportunity": [opportunity],
        "Interaction": [an_interaction(world)], "Role": [a_role(world, name) for name in ("seller", "looker")],
    }  # fmt: skip
    made |= {kind.__name__: [one_of(world, kind)] for kind in AGGREGATES if kind.__name__ not in made}
    for project in (made["Project"][0], *(world.load(made[kind][0]).project_id for kind in OF_PHASES)):
        world.given("Project.add_phase", project, phase="one", name="One")
    return made


def _command(world: World, r: random.Random, ids: dict[str, list[UUID]], together: UUID | None = None) -> None:
    """One that may well be refused; it may belong together with others."""
    kind = r.choice(["Opportunity", "Opportunity", *ids])
    command = r.choice([command for command in COMMANDS.values() if command.aggregate.__name__ == kind])
    if r.random() < (0.7 if command.creates or command.method in SHARED else 0):
        return
    id = None if command.creates else r.choice(ids[kind])
    subject = world.load(id) if id else None
    arguments = {
        a.asked_as: _argument(a, r, ids, subject) for a in command.arguments if not (a.optional and r.random() < 0.3)
    }
    occurred = START + timedelta(days=r.randrange(400)) if r.random() < 0.4 else None
    outcome = world.pipeline.run(
        Request(
            command=command.name, id=id, arguments=arguments, actor=ME, occurred_at=occurred, correlation_id=together
        )
    )
    if command.creates and isinstance(outcome, Accepted):
        ids[kind].append(outcome.changed[0].id)


def _argument(asked: Argument, r: random.Random, ids: dict[str, list[UUID]], subject: Any) -> Any:
    if asked.aggregate:
        chosen = str(r.choice(ids[asked.aggregate.__name__]))
        return [chosen] if asked.many else chosen
    kind = next((t for t in get_args(asked.type) if t is not NoneType), asked.type) if asked.optional else asked.type
    items = [key for name in ITEMS.values() for key in getattr(subject, name, ())]
    if asked.name in KEYS and items and r.random() < 0.8:
        return str(r.choice(items))
    if asked.name == "permission":
        return r.choice(["sales.see", "sales.*", "customers.edit"])
    if asked.name == "attribute":
        return r.choice(["Opportunity.amount", "Account.details.revenue"])
    if asked.name == "scopes":
        return r.sample(["read", "sales.*", "customers.see"], 2)
    if asked.name == "stage":
        return r.choice(["first", "offer", "won"])
    if asked.name == "phase":
        return r.choice(["one", "one", "two"])
    if asked.name == "key":
        return r.choice(["colour", "one", "two", "three"])
    return _value(kind, r)


def _value(kind: Any, r: random.Random) -> Any:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return r.choice(list(kind)).value
    plain: dict[Any, Callable[[], Any]] = {
        str: lambda: r.choice(["a", 'b",\\{}', "ü NULL", "c'"]),
        int: lambda: r.randrange(1, 6),
        bool: lambda: r.random() < 0.5,
        Decimal: lambda: str(r.randrange(1, 9000) / 100),
        date: lambda: str(date(2026, 1, 1) + timedelta(days=r.randrange(99))),
        UUID: lambda: str(UUID(int=r.randrange(9))),
        Email: lambda: f"{r.choice('abcdefgh')}@example.org",
        Locale: lambda: "de-AT",
        TimeZone: lambda: "Europe/Vienna",
        Money: lambda: {"amount": str(r.randrange(100)), "currency": r.choice(["EUR", "EUR", "USD"])},
        Address: lambda: {"city": r.choice(["Ulm", "Köln"])},
        Phone: lambda: "+4930901820",
        datetime: lambda: str(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=r.randrange(999))),
        Person: lambda: {
            "given_name": r.choice(["Ada", "Eve"]),
            r.choice(["family_name", "birthday"]): r.choice([None, "2001-01-01"]),
            "emails": r.choice([[], ["ada@example.org"]]),
        },
        Period: lambda: {"since": "2026-01-01", "until": r.choice([None, "2026-06-01"])},
        Details: lambda: {
            r.choice(["industry", "region"]): r.choice([None, "steel"]), "phones": r.choice([[], ["+4930901820"]]),
            "revenue": r.choice([None, {"amount": "5.50", "currency": "EUR"}]),
        },
    }  # fmt: skip
    if get_origin(kind) in (tuple, frozenset):
        return [_value(get_args(kind)[0], r) for _ in range(r.randrange(3))]
    if is_dataclass(kind) and kind not in plain:
        hints = get_type_hints(kind)
        return {f.name: _value(hints[f.name], r) for f in fields(kind) if r.random() < 0.6}
    return plain.get(kind, plain[str])()


# -- what the aggregates know -----------------------------------------------------------------------------------


def _recorded(world: World) -> list[tuple[int, datetime]]:
    return world.connection.execute("select position, recorded_at from events order by position").fetchall()


def _aggregates(events: Iterable[Any]) -> dict[UUID, Any]:
    known: dict[UUID, Any] = {}
    for event in events:
        known[event.originator_id] = event.mutate(known.get(event.originator_id))
    return known


def _expected(view: type[View], known: Mapping[UUID, Any]) -> dict[Any, Any]:
    """The rows of a view, by id and key, as the attributes of aggregates and of their items say."""
    rows: dict[Any, dict[str, Any]] = {}
    for id, aggregate in known.items():
        if not isinstance(aggregate, view.of):
            continue
        if not view.key:
            rows[id,] = {"version": aggregate.version, **_attributes(view, aggregate)}
        for key, item in getattr(aggregate, ITEMS.get(view.table, ""), {}).items():
            rows[id, key] = _attributes(view, item)
            if view.table == "pipeline_stages":
                order = list(vars(aggregate)["order"])
                rows[id, key]["place"] = [order.index(key) + 1 if key in order else None]
    return rows


def _attributes(view: type[View], told: Any) -> dict[str, Any]:
    found = {f.name: f for f in shape(view) if hasattr(told, f.name) and f.name not in NOT_ATTRIBUTES}
    return {name: list(_flat(getattr(told, name), len(f.columns))) for name, f in found.items()}


NOT_ATTRIBUTES = {"id", "version", "created_at", "updated_at"}


def _flat(value: Any, columns: int = 1) -> Iterator[Any]:
    """A value as its columns show it."""
    if value is None:
        yield from [None] * columns
    elif is_dataclass(value):
        for f in fields(value):
            part = getattr(value, f.name)
            yield from _flat(part, 2 if f.name == "revenue" else 1)
    elif isinstance(value, Mapping):
        yield msgspec.to_builtins(dict(value), enc_hook=str)
    elif isinstance(value, frozenset):
        yield sorted(value)
    elif isinstance(value, tuple):
        yield list(value)
    else:
        yield value.value if isinstance(value, Enum) else value


def _shown(world: World, view: type[View], at: int) -> dict[Any, Any]:
    """The rows of a view as somebody at a prompt sees them."""
    cursor = world.connection.execute(f"select * from {view.table}_as_of({at})".encode())
    names = [column.name for column in cursor.description or ()]
    return dict(_row(view, dict(zip(names, values, strict=True))) for values in cursor.fetchall())


def _row(view: type[View], row: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A row by its key, with the attributes that an aggregate or an item has too."""
    shown: dict[str, Any] = {} if view.key else {"version": row["version"]}
    for f in shape(view):
        if f.name not in NOT_ATTRIBUTES:
            shown[f.name] = [row[column.name] for column in f.columns]
    return tuple(row[name] for name in Table(view).key), shown


# -- what had occurred ------------------------------------------------------------------------------------------


def _occurred(world: World, view: type[View], until: datetime) -> dict[Any, Any]:
    """From the tables alone: of the versions that had occurred, the last one that names a column has its value."""
    table = Table(view)
    rows: dict[Any, list[dict[str, Any]]] = {}
    for name in (table.name, table.history):
        cursor = world.connection.execute(f'select * from "{name}" where _occurred <= %s'.encode(), [until])
        names = [column.name for column in cursor.description or ()]
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            rows.setdefault(tuple(row[key] for key in table.key), []).append(row)
    found: dict[Any, dict[str, Any]] = {}
    for versions in rows.values():
        versions.sort(key=lambda row: row["_from"])
        begun = [n for n, row in enumerate(versions) if row["_event"] in creating(view)]
        if begun and not versions[-1].get("_ended"):
            latest = {}
            for column in table.columns:
                naming = named_by(view, column.name) or ()
                latest[column.name] = next(r[column.name] for r in reversed(versions) if r["_event"] in naming)
            found.update([_row(view, latest)])
    return found


def _told(view: type[View], events: Iterable[Any], until: datetime) -> dict[Any, Any]:
    """From the events alone: those that had occurred, each applied to what those before it made."""
    known: dict[UUID, Any] = {}
    items: dict[Any, dict[str, Any]] = {}
    for _, event in events:
        if event.timestamp > until or type(event).TOPIC.partition(".")[0] != view.of.__name__:
            continue
        id, told = event.originator_id, {n: v for n, v in vars(event).items() if n not in ENVELOPE}
        if view.key and names_item(view, type(event)):
            if event.item_of:
                known_before = items.get((id, told[view.key]), {})
                items[id, told[view.key]] = {**known_before, **told}
            elif event.ends_item_of:
                items.pop((id, told[view.key]), None)
        elif view.key:
            continue
        elif isinstance(event, Aggregate.Created):
            known[id] = event.mutate(None)
        elif id in known:
            if not (event.item_of or event.ends_item_of):
                event.apply(known[id])
            known[id]._version = event.originator_version
    defaults = {f.name: default_of(view, f.name) for f in shape(view) if default_of(view, f.name) is not MISSING}
    whole = {f.name for f in shape(view)} - NOT_ATTRIBUTES - defaults.keys()
    made = {key: _Item(defaults | item) for key, item in items.items() if whole <= item.keys()}
    return {key: _attributes(view, item) for key, item in made.items()} or _expected(view, known)


class _Item:
    def __init__(self, told: dict[str, Any]) -> None:
        vars(self).update(told)
