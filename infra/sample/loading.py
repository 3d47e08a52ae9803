"""Loading the sample: its story through the command pipeline, unit by unit. What was told before is not told again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from time import monotonic
from typing import Any, Final
from uuid import UUID

from domain.aggregate import Claim
from domain.command import Accepted, Changed, Request
from domain.declaration import content_of
from infra.default_templates import make_templates
from infra.event_store import EventStore
from infra.importing.in_flight import InFlight
from infra.pipeline import CommandPipeline, Pending, command_id
from infra.sample.acts import DAYS, About, Act, Holder, ItemOf, Part, Ref, Unit
from infra.sample.story import OPPORTUNITIES, story

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
        make_templates(pipeline)
        telling = _Telling(pipeline, store, actor)
        telling.everything(units, progress or (lambda done, of: None), begun is not None)
    commands = sum(len(unit.acts) for unit in units)
    return Loaded(today, commands, store.head()[0] - before, round(monotonic() - start, 3))


class _Telling:
    def __init__(self, pipeline: CommandPipeline, store: EventStore, actor: UUID) -> None:
        self.pipeline, self.store, self.actor = pipeline, store, actor
        self.ids: dict[About, UUID] = {}
        self.made: dict[About, tuple[Changed, ...]] = {}
        self.in_flight: InFlight[About, Unit] = InFlight(AT_ONCE, self._settle)

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
        self.in_flight.wait_for(unit.acts[0].by)
        asker = self._asker(unit.acts[0])
        known = asker and self.store.answer(command_id(asker, _idempotency_key(unit, 0)))
        if known and isinstance(known[1], Accepted):
            self._remember(unit, known[1])
        return known is not None

    def _tell(self, unit: Unit) -> None:
        """Record it in the background, after all that it names."""
        named = {name for act in unit.acts for name in (act.by, *_named(act.arguments))}
        for name in {*_named(_reference(unit)), *named}:
            self.in_flight.wait_for(name)
        self.in_flight.add(unit.about, unit, self.pipeline.start(lambda run: self._steps(unit, run)))

    def _steps(self, unit: Unit, run: Callable[[Request], Accepted]) -> None:
        about = None if unit.acts[0].makes else self._resolved(_reference(unit))
        for number, act in enumerate(unit.acts):
            asker = self._asker(act)
            made = run(
                Request(
                    command=act.command,
                    id=about,
                    arguments=self._resolved(act.arguments),
                    actor=asker or self.actor,
                    on_behalf_of=None if act.themselves else self.ids.get(act.by),
                    idempotency_key=_idempotency_key(unit, number),
                    origin="sample",
                    occurred_at=act.at,
                )
            )
            about = about or made.changed[0].id

    def _settle(self, unit: Unit, pending: Pending) -> None:
        outcome = pending.result()
        if not isinstance(outcome, Accepted):
            raise SampleRefused(f"{unit.name} of {unit.about}, {[act.command for act in unit.acts]}: {outcome}")
        self._remember(unit, outcome)

    def _remember(self, unit: Unit, outcome: Accepted) -> None:
        """What a unit made: the thing itself, and what came with it."""
        if unit.acts[0].makes:
            self.ids[unit.about], self.made[unit.about] = outcome.changed[0].id, outcome.changed

    def _asker(self, act: Act) -> UUID | None:
        """Who asks for it. None if that is somebody who is not there yet."""
        return self.ids.get(act.by) if act.themselves else self.actor

    def _resolved(self, given: Any) -> Any:
        match given:
            case Ref(name):
                return self.ids[name]
            case Part():
                return self._part(given)
            case ItemOf(of, name, number, field):
                told = [event for event in self.store.events(self.ids[of]) if type(event).__name__ == name]
                return getattr(told[number], field or next(iter(content_of(type(told[number])))))
            case Holder(kind, name, value):
                found = self.store.holder(Claim(kind, name, value))
                if found is None:
                    raise SampleRefused(f"there is no {kind} of the {name} {value} that the sample could begin from")
                return found
            case dict():
                return {name: self._resolved(value) for name, value in given.items()}
            case list():
                return [self._resolved(value) for value in given]
        return given

    def _part(self, part: Part) -> UUID:
        """All that was made with it becomes known at the first question."""
        if part not in self.ids:
            for each in self.made[part.of]:
                found: Any = self.store.aggregate(each.id)
                self.ids[Part(part.of, each.kind, found.name)] = each.id
        return self.ids[part]


def _begun(store: EventStore, actor: UUID, zone: tzinfo) -> date | None:
    """The day as of which the story was begun, if it was: it ends so many days after its first event."""
    first = story(date(2000, 1, 1), zone, opportunities=0)[0]
    known = store.answer(command_id(actor, _idempotency_key(first, 0)))
    if known is None or not isinstance(known[1], Accepted):
        return None
    happened = store.events(known[1].changed[0].id)[0].timestamp
    return happened.astimezone(zone).date() + timedelta(DAYS)


def _named(given: Any) -> Iterator[About]:
    """Whatever is named anywhere in it: what was begun under a name, and what came of that."""
    match given:
        case Ref(name):
            yield name
        case Part() | ItemOf():
            yield from (given, given.of)
        case dict() | list():
            for inner in given.values() if isinstance(given, dict) else given:
                yield from _named(inner)


def _reference(unit: Unit) -> Ref | Part | ItemOf:
    """What a unit is about, as others name it."""
    return Ref(unit.about) if isinstance(unit.about, str) else unit.about


def _idempotency_key(unit: Unit, number: int) -> str:
    return f"sample/{unit.name}/{number}"
