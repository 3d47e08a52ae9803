"""Undo: what commands did is taken back by events that compensate it, whole or not at all, through the pipeline.

It is worked out first, so that it can be shown, and then asked for as one unit: one command for each aggregate. Where
others were faster, it is worked out anew. Nothing of it is kept but events: what was undone already is seen by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from domain.aggregate import Aggregate
from domain.command import Accepted, Code, Refusal, Request, commands_of
from domain.parameters import Following
from domain.taking_back import Affected, Fate, Undo, Undone
from domain.undoing import UNDO, of
from domain.values import new_id
from infra.arguments import Failed, text, trimmed
from infra.commit import Forgotten
from infra.instants import ViewBehind
from infra.keys import NoMasterKey
from infra.mapper import persons_of, write
from infra.pipeline import TRIES, CommandPipeline, Unit
from infra.pointing import pointers

MOST: Final = 10_000
"""So many aggregates are undone at once."""
LONGEST: Final = 150
"""Characters of a reason: it is kept where an event says where it comes from."""
NOTHING: Final = Refusal(Code.NOT_FOUND, "nothing is recorded under this id")
ALREADY: Final = Refusal(Code.REFUSED, "this was undone already")
UNCHANGED: Final = Refusal(Code.REFUSED, "all of it is as it was before: there is nothing to undo")
SOME: Final = Refusal(Code.REFUSED, "some of it cannot be undone, so nothing was")
HIDDEN: Final = Refusal(Code.FORBIDDEN, "it changed other things too, which you may not change, so nothing was undone")
BEHIND: Final = Refusal(Code.THROTTLED, "views are behind the history: try again a little later")

Connecting = Callable[[], AbstractContextManager[Connection[Any]]]


class Undoing:
    """Undoes what was recorded. `connecting` opens what reads the views: who points to what was made."""

    def __init__(self, pipeline: CommandPipeline, connecting: Connecting) -> None:
        self.pipeline, self.connecting = pipeline, connecting

    def undo(self, asked: Undo) -> Undone:
        """Undo it, or say what would come of that."""
        try:
            asked = replace(asked, reason=_reason(asked.reason))
            meant, kinds = self._meant(asked)
        except Failed as failure:
            return Undone((), refusal=Refusal(failure.code, str(failure), failure.field))
        correlation_id = new_id()
        requests = {
            id: Request(
                command=f"{kind}.{UNDO}",
                id=id,
                arguments={"of": str(meant), "reason": asked.reason},
                actor=asked.actor,
                correlation_id=correlation_id,
                causation_id=meant,
                origin=f"{asked.origin}: {asked.reason}" if asked.reason else asked.origin,
                scopes=asked.scopes,
            )
            for id, kind in kinds.items()
        }
        for _ in range(TRIES):
            try:
                found = Plan(self.pipeline, self.connecting, requests, meant).made(asked.partial)
            except ViewBehind:
                return Undone((), refusal=BEHIND)
            planned = _judged(found, asked.partial)
            if asked.preview or planned.refusal:
                return planned
            doing = [requests[each.id] for each in found if each.fate is Fate.UNDONE]

            def steps(run: Callable[[Request], Accepted], doing: list[Request] = doing) -> None:
                for request in doing:
                    run(request)

            outcome = self.pipeline.together(steps)
            if isinstance(outcome, Accepted):
                return replace(
                    planned, correlation_id=correlation_id, position=outcome.position, receipt=outcome.receipt
                )
            planned = replace(planned, refusal=outcome)
        return planned

    def _meant(self, asked: Undo) -> tuple[UUID, Mapping[UUID, str]]:
        """By which id it is known what is undone, and what it was recorded of, the last first. Raises Failed."""
        given = [each for each in (asked.command_id, asked.correlation_id, asked.position) if each is not None]
        if len(given) != 1:
            raise Failed(Code.INVALID, "give one of these: commandId, correlationId, position")
        store, meant = self.pipeline.store, asked.correlation_id or asked.command_id
        if asked.position is not None:
            meant = store.command_at(asked.position)
        if meant is None:
            raise Failed(NOTHING.code, NOTHING.message)
        kinds = store.recorded_of(meant, MOST + 1, together=asked.correlation_id is not None)
        if len(kinds) > MOST:
            raise Failed(Code.REFUSED, f"it changed more than {MOST:,} things: undo it command by command")
        return meant, kinds


class Plan:
    """What an undo would do, worked out on one state of everything."""

    def __init__(
        self, pipeline: CommandPipeline, connecting: Connecting, requests: Mapping[UUID, Request], meant: UUID
    ) -> None:
        self.pipeline, self.connecting, self.requests, self.meant = pipeline, connecting, requests, meant

    def made(self, partial: bool) -> list[Affected]:
        """The fate of each aggregate. In part, what is refused is left out, and the rest is looked at without it."""
        refused: dict[UUID, Refusal] = {}
        while True:
            unit = Unit(self.pipeline, fresh=True)
            found = [self._one(unit, id, refused.get(id)) for id in self.requests]
            more = dict(self._against(unit, found))
            found = [_refused(each, more[each.id]) if each.id in more else each for each in found]
            if not more or not partial:
                return found
            refused |= more

    def _one(self, unit: Unit, id: UUID, refusal: Refusal | None) -> Affected:
        request, outcome = self.requests[id], refusal
        kind = request.command.partition(".")[0]
        if outcome is None:
            tried = unit.tried(request)
            if isinstance(tried, Accepted):
                now, then = unit.stood(id)
                return Affected(kind, id, Fate.UNDONE if unit.decisions[-1].events else Fate.UNCHANGED, now, then)
            outcome = tried
        now = self.pipeline.store.aggregate(id)
        past = self.pipeline.store.past(id) if outcome.code is Code.REFUSED else ()
        fate = Fate.REFUSED if not past or of(past, self.meant) else Fate.ALREADY
        return Affected(kind, id, fate, now, now, outcome)

    def _against(self, unit: Unit, found: list[Affected]) -> Iterator[tuple[UUID, Refusal]]:
        """What speaks against it that is seen only when all of it is known."""
        undone = [each for each in found if each.fate is Fate.UNDONE]
        yield from self._used(unit, undone)
        for decision in unit.decisions:
            try:
                for event in decision.events:
                    if persons_of(event):
                        write(event, self.pipeline.store.keys)
            except (Forgotten, NoMasterKey) as failure:
                yield decision.changed[0].id, Refusal(Code.REFUSED, str(failure))
        for each in undone:
            assert each.now and each.then
            for claim in each.then.claims() - each.now.claims():
                holder = unit.holder(claim)
                if holder not in (None, each.id):
                    yield each.id, Refusal(Code.DUPLICATE, f"another has taken its {claim.name} since", claim.name)
            for id in _named(each.then) - _named(each.now):
                if (named := unit.found(id)) and not named.usable:
                    kind = type(named).__name__
                    yield each.id, Refusal(Code.REFUSED, f"the {kind} that it would name again is not in use any more")
            if obstacle := self._why_not_among(unit, each):
                yield each.id, Refusal(Code.REFUSED, obstacle)

    def _used(self, unit: Unit, undone: list[Affected]) -> Iterator[tuple[UUID, Refusal]]:
        """What was made has been used since, if others point to it and will not cease to."""
        made: dict[str, list[UUID]] = {}
        after = {each.id: each.then for each in undone if each.then}
        for each in undone:
            if each.now and each.then and each.then.archived and not each.now.archived:
                made.setdefault(each.kind, []).append(each.id)
        if not made:
            return
        with self.connecting() as connection:
            for kind, ids in made.items():
                for pointer in pointers(connection, kind, ids):
                    then = after.get(pointer.id)
                    if then is None or (not then.archived and pointer.to in _named(then)):
                        why = f"it is used since: {pointer.kind} names it as its {pointer.field.replace('_', ' ')}"
                        yield pointer.to, Refusal(Code.REFUSED, why)

    def _why_not_among(self, unit: Unit, each: Affected) -> str | None:
        """What it has against being tied again to others, for all that is reached from them."""
        assert each.now and each.then
        kind, reached = type(each.then), dict[UUID, Aggregate]()
        again = [found for id in _named(each.then) - _named(each.now) if isinstance(found := unit.found(id), kind)]
        for command in commands_of(kind).values() if again else ():
            for way in (p.filled_by for p in command.parameters if isinstance(p.filled_by, Following)):
                for start in again if way.start != "self" else [each.then]:
                    reached |= {found.id: found for found in (start, *unit.reached(start, kind, way))}
        return each.then.why_not_among(reached.values()) if reached else None


def _judged(found: list[Affected], partial: bool) -> Undone:
    """What may be told of it, and whether it is done."""
    shown = tuple(each for each in found if each.refusal is None or each.refusal.code is not Code.NOT_FOUND)
    made = Undone(shown)
    counts = made.counts
    if not shown:
        return replace(made, refusal=NOTHING)
    if not partial and len(shown) < len(found):
        return replace(made, refusal=HIDDEN)
    if counts[Fate.REFUSED] and (not partial or not counts[Fate.UNDONE]):
        return replace(made, refusal=_only(shown) or SOME)
    if not counts[Fate.UNDONE]:
        return replace(made, refusal=UNCHANGED if counts[Fate.UNCHANGED] else ALREADY)
    return made


def _only(shown: tuple[Affected, ...]) -> Refusal | None:
    """Of one thing alone, what speaks against it speaks against all."""
    return shown[0].refusal if len(shown) == 1 else None


def _refused(each: Affected, refusal: Refusal) -> Affected:
    return replace(each, fate=Fate.REFUSED, then=each.now, refusal=refusal)


def _reason(given: str | None) -> str | None:
    return None if (reason := trimmed(given, "reason")) is None else text(reason, "reason", LONGEST)


def _named(aggregate: Aggregate) -> set[UUID]:
    """Every id that an aggregate names, itself and its items' own aside."""
    found = {id for name in type(aggregate).attributes() for id in _ids(getattr(aggregate, name))}
    return found - {aggregate.id}


def _ids(value: Any) -> Iterator[UUID]:
    if isinstance(value, UUID):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _ids(key)
            yield from _ids(each)
    elif isinstance(value, (tuple, frozenset)):
        for each in value:
            yield from _ids(each)
    elif is_dataclass(value):
        for f in fields(value):
            yield from _ids(getattr(value, f.name))
