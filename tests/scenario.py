"""Given what happened, when a command comes, then this is recorded, or it is refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from itertools import count
from typing import Any, Final, Self
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from domain.aggregate import Aggregate
from domain.catalogue import AGGREGATES
from domain.command import REQUIRED, Accepted, Argument, Code, Outcome, Refusal, Request, commands_of
from domain.declaration import content_of
from domain.projects.project import Project
from domain.values import Money, new_id
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.feed.log import LogFeed
from infra.mapper import Stored, read
from infra.pipeline import UNLIMITED, Authority, CommandPipeline, Unlimited
from infra.projection import Projector
from infra.rights import DAYBOOK, Directory
from projections.catalogue import VIEWS
from projections.view import View
from tests.contract import problems

ME: Final = new_id()
RECORDED = """
    select originator_id, originator_version, topic, schema_version, occurred_at, state
    from events where position > %s order by position"""
EMPTY = """
    set session_replication_role = replica;
    delete from events; delete from claims; delete from answers;
    update event_head set position = 0, hash = sha256('daybook history 1'), recorded_at = '-infinity';
    reset session_replication_role"""


class Companies:
    """Event stores, each in a schema of its own: one test after another gets them, empty."""

    def __init__(self, url: str) -> None:
        self._url, self._numbers = url, count(1)
        self._idle: list[tuple[EventStore, Connection[Any]]] = []
        self._schemas: list[str] = []

    @contextmanager
    def one(self) -> Iterator[tuple[EventStore, Connection[Any]]]:
        store, connection = self._idle.pop() if self._idle else self._founded()
        connection.execute(EMPTY)
        for (name,) in connection.execute("delete from projections returning name").fetchall():
            tables = Identifier(name), Identifier(f"{name}_history")
            connection.execute(SQL("drop table if exists {}, {} cascade").format(*tables))
        yield store, connection
        self._idle.append((store, connection))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for store, connection in self._idle:
            store.close()
            connection.close()
        with psycopg.connect(self._url, autocommit=True) as connection:
            for schema in self._schemas:
                connection.execute(SQL("drop schema {} cascade").format(Identifier(schema)))

    def _founded(self) -> tuple[EventStore, Connection[Any]]:
        schema = f"company_{os.getpid()}_{next(self._numbers)}"
        migrate(self._url, schema)
        self._schemas.append(schema)
        return EventStore(self._url, schema), connect(self._url, schema)


@dataclass
class Then:
    outcome: Outcome
    recorded: Sequence[Aggregate.Event]

    def records(self, kind: type[Aggregate.Event], **content: Any) -> Then:
        """This is among what was recorded, with at least this content."""
        alike = [e for e in self.recorded if isinstance(e, kind) and vars(e).items() >= content.items()]
        assert alike, f"{kind.__qualname__} {content} is not in {self.recorded or self.outcome}"
        return self

    def records_only(self, *kinds: type[Aggregate.Event]) -> Then:
        assert [type(event) for event in self.recorded] == list(kinds), self.outcome
        return self

    def is_refused(self, message: str, field: str | None = None, code: Code = Code.REFUSED) -> Refusal:
        assert isinstance(self.outcome, Refusal), self.outcome
        assert (self.outcome.code, self.outcome.field) == (code, field), self.outcome
        assert message in self.outcome.message, self.outcome
        assert not self.recorded
        return self.outcome

    @property
    def id(self) -> UUID:
        assert isinstance(self.outcome, Accepted), self.outcome
        return self.outcome.changed[0].id


class Allowing(Unlimited):
    """The authority where this says what is allowed."""

    def __init__(self, allows: Callable[[Request, str, Aggregate | None], bool]) -> None:
        self._allows = allows

    def allows(self, request: Request, permission: str, subject: Aggregate | None, /) -> bool:
        return self._allows(request, permission, subject)


class World:
    """A company of its own, with an empty history."""

    def __init__(
        self,
        store: EventStore,
        connection: Connection[Any],
        aggregates: Sequence[type[Aggregate]] = AGGREGATES,
        authority: Authority = UNLIMITED,
        time_zone: tzinfo = UTC,
    ) -> None:
        self.store, self.connection = store, connection
        self.pipeline = CommandPipeline(aggregates, store, authority, time_zone)

    def governed(self) -> Directory:
        """From now on everybody does what their roles permit, and Daybook itself (so: ME no longer) everything."""
        directory = Directory(self.store)
        self.pipeline = CommandPipeline(AGGREGATES, self.store, directory)
        return directory

    def when(self, command: str, id: UUID | str | None = None, /, by: Any = ME, **arguments: Any) -> Then:
        return self.asked(Request(command=command, id=id, arguments=arguments, actor=by))

    def asked(self, request: Request) -> Then:
        start = self.position
        outcome = self.pipeline.run(request)
        rows = self.rows(start)
        wrong = [problem for _, _, topic, version, _, state in rows for problem in problems(topic, version, state)]
        assert wrong == [], "this is not what its schema tells those who follow the events"
        return Then(outcome, self.since(start))

    def given(self, command: str, id: UUID | str | None = None, /, by: Any = ME, **arguments: Any) -> UUID:
        """A command that succeeds; the id of what it made or changed."""
        outcome = self.pipeline.run(Request(command=command, id=id, arguments=arguments, actor=by))
        return Then(outcome, ()).id

    def load(self, id: UUID) -> Any:
        aggregate = None
        for event in self.store.events(id):
            aggregate = event.mutate(aggregate)
        return aggregate

    def projected(self, views: Sequence[type[View]] = VIEWS) -> Projector:
        """A projector of views that has seen everything."""
        projector, feed = Projector(self.connection, tuple(views)), LogFeed(self.connection)
        while projector.step(feed, 1_000) >= 0:
            pass
        return projector

    @property
    def position(self) -> int:
        return self.store.head()[0]

    def since(self, position: int) -> list[Aggregate.Event]:
        return [read(Stored(*row), self.store.keys) for row in self.rows(position)]

    def rows(self, position: int = 0) -> list[tuple[Any, ...]]:
        """What was recorded after a position, as it is stored."""
        return self.connection.execute(RECORDED, [position]).fetchall()


def told(event: Aggregate.Event) -> dict[str, Any]:
    """What an event says."""
    return {name: getattr(event, name) for name in content_of(type(event))}


def a_user(world: World, name: str = "Ada", **arguments: Any) -> UUID:
    return world.given("User.add", name=name, **arguments)


def a_role(
    world: World, name: str = "seller", grants: Mapping[str, str] | None = None, hidden: Collection[str] = ()
) -> UUID:
    """A role with what it permits, and how far."""
    role = world.given("Role.define", name=name, by=DAYBOOK)
    for permission, scope in (grants or {}).items():
        world.given("Role.grant_permission", role, permission=permission, scope=scope, by=DAYBOOK)
    for attribute in hidden:
        world.given("Role.hide_attribute", role, attribute=attribute, by=DAYBOOK)
    return role


def somebody(world: World, *roles: UUID, name: str = "Ada") -> UUID:
    """A user with these roles."""
    user = world.given("User.add", name=name, by=DAYBOOK)
    for role in roles:
        world.given("User.assign_role", user, role_id=role, by=DAYBOOK)
    return user


def a_team(world: World, name: str = "North") -> UUID:
    return world.given("Team.form", name=name)


def a_custom_field(world: World, kind: str = "Account", key: str = "colour", **arguments: Any) -> UUID:
    return world.given(
        "CustomField.define", **{"kind": kind, "key": key, "label": "Colour", "type": "text"} | arguments
    )


def an_account(world: World, name: str = "Acme", **details: Any) -> UUID:
    return world.given("Account.register", name=name, details=details)


def a_contact(world: World, given_name: str = "Ada", **arguments: Any) -> UUID:
    return world.given("Contact.add", person={"given_name": given_name}, **arguments)


def a_pipeline(world: World) -> UUID:
    pipeline = world.given("Pipeline.define", name="Direct")
    world.given("Pipeline.add_stage", pipeline, key="first", name="First talk", probability=10)
    world.given("Pipeline.add_stage", pipeline, key="offer", name="Offer", probability=60, required=["amount"])
    world.given("Pipeline.add_stage", pipeline, key="won", name="Won", probability=100, kind="won")
    return pipeline


def a_product(world: World, code: str = "P-1") -> UUID:
    return world.given("Product.list_product", code=code, name="Pump")


def an_opportunity(world: World, **arguments: Any) -> UUID:
    return world.given("Opportunity.open", pipeline_id=a_pipeline(world), name="Pumps", **arguments)


def a_won_opportunity(world: World) -> UUID:
    opportunity = an_opportunity(world)
    world.given("Opportunity.win", opportunity, amount={"amount": 5, "currency": "EUR"})
    return opportunity


def an_interaction(world: World, **arguments: Any) -> UUID:
    given = {"kind": "call", "direction": "inbound", "contact_id": a_contact(world)} | arguments
    return world.given("Interaction.log", **given)


def a_budget(world: World, *phases: str, **planned: str) -> UUID:
    """The budget of a project with these phases, with so many euros for each category."""
    lines = [{"category": c, "planned": {"amount": a, "currency": "EUR"}} for c, a in planned.items()]
    lines = lines or [{"category": "people", "planned": {"amount": "100", "currency": "EUR"}}]
    project = one_of(world, Project)
    for phase in phases:
        world.given("Project.add_phase", project, phase=phase, name=phase.title())
    return world.given("Budget.plan", project_id=project, lines=lines)


def a_project_member(world: World, **arguments: Any) -> UUID:
    given = {"project_id": one_of(world, Project), "role": "developer", "user_id": a_user(world)}
    return world.given("ProjectMember.join", **given | arguments)


def a_stakeholder(world: World, **arguments: Any) -> UUID:
    given = {"project_id": one_of(world, Project), "contact_id": a_contact(world)}
    return world.given("Stakeholder.identify", **given | arguments)


LONGER: dict[str, Callable[[World], UUID]] = {
    "Contact": a_contact,
    "CustomField": a_custom_field,
    "Opportunity": an_opportunity,
    "Interaction": an_interaction,
    "Budget": a_budget,
    "ProjectMember": a_project_member,
    "Stakeholder": a_stakeholder,
}
"""What takes more to be made than the values that it asks for."""
EXAMPLES: dict[Any, Any] = {
    str: "example",
    int: 1,
    Decimal: 1,
    bool: True,
    date: "2026-01-31",
    datetime: "2026-01-31T12:00:00Z",
    Money: {"amount": 5, "currency": "EUR"},
}


def one_of(world: World, aggregate: type[Aggregate]) -> UUID:
    """One of a kind, made by the command that makes them out of no more than it must be given."""
    if make := LONGER.get(aggregate.__name__):
        return make(world)
    creating = next(command for command in commands_of(aggregate).values() if command.creates)
    asked = [a for a in creating.arguments if a.default is REQUIRED and not a.optional]
    return world.given(creating.name, **{a.asked_as: _example(world, a) for a in asked})


def _example(world: World, argument: Argument) -> Any:
    if argument.aggregate:
        return one_of(world, argument.aggregate)
    if isinstance(argument.type, type) and issubclass(argument.type, Enum):
        return next(iter(argument.type)).value
    return EXAMPLES[argument.type]
