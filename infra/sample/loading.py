"""Loading the sample: its story through the command pipeline, unit by unit. What was told before is not told again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from time import monotonic
from typing import Any, Final
from uuid import UUID

from domain.command import Accepted, Request
from domain.sales.opportunity import Opportunity
from infra.event_store import EventStore
from infra.importing.in_flight import InFlight
from infra.pipeline import CommandPipeline, Pending, command_id
from infra.sample.story import DAYS, OPPORTUNITIES, LineOf, Ref, Unit, story

Progress = Callable[[int, int], None]
"""Told how much is done, of how much."""

AT_ONCE: Final = 128
"""So many units are being recorded while the next ones are decided."""


class SampleRefused(Exception):
    """The domain refuses a part of the sample: the story has to be told otherwise."""


@dataclass(frozen=True)
class Loaded:
    """What loading came to. `today` is the day before which the story ends; events are 0 if it was told before."""

    today: date
    commands: int
    events: int
    seconds: float


def load(
    pipeline: CommandPipeline,
    store: EventStore,
    actor: UUID,
    zone: tzinfo,
    progress: Progress | None = None,
    today: date | None = None,
    opportunities: int = OPPORTUNITIES,
) -> Loaded:
    """Record the sample, or what is missing of it. What was begun on another day goes on as of that day.

    The history has nothing else in it while the sample is loaded: its events are counted by the positions.
    """
    start, before = monotonic(), store.head()[0]
    begun = _begun(store, actor, zone)
    today = begun or today or datetime.now(zone).date()
    units = story(today, zone, opportunities=opportunities)
    if store.answer(command_id(actor, _idempotency_key(units[-1], 0))) is None:
        telling = _Telling(pipeline, store, actor)
        telling.everything(units, progress or (lambda done, of: None), begun is not None)
    commands = sum(len(unit.acts) for unit in units)
    return Loaded(today, commands, store.head()[0] - before, round(monotonic() - start, 3))


class _Telling:
    def __init__(self, pipeline: CommandPipeline, store: EventStore, actor: UUID) -> None:
        self.pipeline, self.store, self.actor = pipeline, store, actor
        self.ids: dict[str, UUID] = {}
        self.in_flight: InFlight[str, Unit] = InFlight(AT_ONCE, self._settle)

    def everything(self, units: list[Unit], progress: Progress, again: bool) -> None:
        """All units in their order. The last one is recorded last, for it says that all are there."""
        for number, unit in enumerate(units):
            if unit is units[-1]:
                self.in_flight.drain()
            if not (again and self._told(unit)):
                self._tell(unit)
            if number % 100 == 0:
                progress(number, len(units))
        self.in_flight.drain()
        progress(len(units), len(units))

    def _told(self, unit: Unit) -> bool:
        """Whether it was recorded before. What it made is remembered then."""
        known = self.store.answer(command_id(self.actor, _idempotency_key(unit, 0)))
        if known and isinstance(known[1], Accepted):
            self.ids.setdefault(unit.about, known[1].changed[0].id)
        return known is not None

    def _tell(self, unit: Unit) -> None:
        """Record it in the background, after all that it names."""
        for name in {unit.about, *(name for act in unit.acts for name in _named(act.arguments))}:
            self.in_flight.wait_for(name)
        self.in_flight.add(unit.about, unit, self.pipeline.start(lambda run: self._steps(unit, run)))

    def _steps(self, unit: Unit, run: Callable[[Request], Accepted]) -> None:
        about = self.ids.get(unit.about)
        for number, act in enumerate(unit.acts):
            made = run(
                Request(
                    command=act.command,
                    id=None if act.makes else about,
                    arguments=self._resolved(act.arguments),
                    actor=self.actor,
                    on_behalf_of=self.ids.get(act.by),
                    idempotency_key=_idempotency_key(unit, number),
                    origin="sample",
                    occurred_at=act.at,
                )
            )
            about = about or made.changed[0].id

    def _settle(self, unit: Unit, pending: Pending) -> None:
        outcome = pending.result()
        if not isinstance(outcome, Accepted):
            raise SampleRefused(f"{unit.name}, {[act.command for act in unit.acts]}: {outcome}")
        self.ids.setdefault(unit.about, outcome.changed[0].id)

    def _resolved(self, given: Any) -> Any:
        match given:
            case Ref(name):
                return self.ids[name]
            case LineOf(opportunity, number):
                events = self.store.events(self.ids[opportunity])
                return [event.line_id for event in events if isinstance(event, Opportunity.LineAdded)][number]
            case dict():
                return {name: self._resolved(value) for name, value in given.items()}
            case list():
                return [self._resolved(value) for value in given]
        return given


def _begun(store: EventStore, actor: UUID, zone: tzinfo) -> date | None:
    """The day as of which the story was begun, if it was: it ends so many days after its first event."""
    first = story(date(2000, 1, 1), zone, opportunities=0)[0]
    known = store.answer(command_id(actor, _idempotency_key(first, 0)))
    if known is None or not isinstance(known[1], Accepted):
        return None
    happened = store.events(known[1].changed[0].id)[0].timestamp
    return happened.astimezone(zone).date() + timedelta(DAYS)


def _named(given: Any) -> Iterator[str]:
    """Whatever is named anywhere in it."""
    if isinstance(given, Ref):
        yield given.name
    elif isinstance(given, LineOf):
        yield given.opportunity
    elif isinstance(given, dict | list):
        for inner in given.values() if isinstance(given, dict) else given:
            yield from _named(inner)


def _idempotency_key(unit: Unit, number: int) -> str:
    return f"sample/{unit.name}/{number}"
