"""Undoing: the events by which an aggregate comes back to where it was before some of its events, or why it cannot.

It is worked out from what events set, so that no aggregate has to say anything of it. What has changed is compared in
its smallest parts, so that what others did since to other parts stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventsourcing.domain import AggregateCreated

from domain.compensation import Compensation, bringing, constants
from domain.declaration import KINDS
from domain.history import Told
from domain.parts import ABSENT, Part, needs, published, restored, spread, state_of, takes

if TYPE_CHECKING:
    from domain.aggregate import Aggregate

UNDO: Final = "undo"
"""The method by which any aggregate undoes: what it recorded is known by the name of the command."""


class CannotUndo(Exception):
    """What an event did to an aggregate cannot be taken back: says why, and of which field."""

    def __init__(self, why: str, field: str | None = None) -> None:
        super().__init__(why)
        self.field = field


@dataclass(frozen=True)
class Step:
    """An event that is to be undone, and what it changed: each part as it was, and as it then was."""

    told: Told
    changes: Mapping[Part, tuple[Any, Any]]


def undone_by(past: Sequence[Told], each: Told) -> Told | None:
    """By what an event was undone, if that was not undone in its turn."""
    for later in reversed(past):
        meant = _is_undo(later) and later.event.originator_version > each.event.originator_version
        if meant and later.causation_id and each.is_of(later.causation_id) and not undone_by(past, later):
            return later
    return None


def of(past: Sequence[Told], id: UUID) -> list[Told]:
    """The events that a command recorded, or that belong together, and were not undone."""
    return [each for each in past if each.is_of(id) and not undone_by(past, each)]


def commands_of(past: Sequence[Told], id: UUID) -> frozenset[str]:
    """The commands whose permission is needed to undo. To undo an undo is to do what was undone."""
    return frozenset(name for each in of(past, id) for name in _first(past, each)[0])


def _first(past: Sequence[Told], each: Told) -> tuple[frozenset[str], bool]:
    """The commands that an event comes from through all undoing, and whether to undo it is to do them again."""
    names, again = frozenset({each.command}), False
    if _is_undo(each):
        undid = [
            before for before in past
            if each.causation_id and before.is_of(each.causation_id)
            and before.event.originator_version < each.event.originator_version
        ]  # fmt: skip
        found = [_first(past, before) for before in undid]
        names = frozenset(name for commands, _ in found for name in commands) or names
        again = not any(again for _, again in found)
    return names, again


def _is_undo(each: Told) -> bool:
    return each.command.endswith(f".{UNDO}")


def compensations(now: Aggregate, past: Sequence[Told], id: UUID, reason: str | None) -> list[Compensation]:
    """The events that undo what is left of a command, or of what belongs together, in their order.

    Nothing, where all is as it was. Raises CannotUndo; and Refused, where the aggregate's own rules speak against it.
    """
    steps, begun = _steps(now, past, _positions(of(past, id)))
    if begun:
        return _put_away(now, past, id, reason)
    _check_untouched(now, past, id, steps)
    scratch, made = _copied(now), []
    for step in reversed(steps):
        made += _undo(scratch, past, step)
    return made


def why_not(
    kind: type[Aggregate], commands: frozenset[str], made: Sequence[Compensation], everything: bool, governed: bool
) -> str | None:
    """Why whoever asks must not undo this, if it gives rights, or takes them from the last who governs."""
    giving = {needs(kind, name) for name in published(kind) if name != UNDO and takes(kind, name, "rights")}
    methods = [name.rpartition(".")[2] for name in commands if name.partition(".")[0] == kind.__name__]
    if not everything and any(takes(kind, each, "rights") or needs(kind, each) in giving for each in methods):
        return "only who may do everything undoes what is about rights"
    decisive = any(event.item_of or event.ends_item_of or constants(event) for event, _ in made)
    if decisive and not governed and any(takes(kind, name, "governed") for name in published(kind) if name != UNDO):
        return "nobody else may do everything: give somebody the role of an administrator first"
    return None


def _positions(some: Sequence[Told]) -> set[int]:
    return {each.position for each in some}


def _steps(now: Aggregate, past: Sequence[Told], meant: set[int]) -> tuple[list[Step], bool]:
    """What each event that is meant changed; and whether one of them began the aggregate."""
    kind, steps = type(now), list[Step]()
    state: Aggregate | None = None
    for each in past:
        before: Mapping[Part, Any] = spread(kind, state_of(state)) if each.position in meant else {}
        state = each.event.mutate(state)
        if each.position in meant:
            after = spread(kind, state_of(state))
            parts = [*before, *(part for part in after if part not in before)]
            pairs = {part: (before.get(part, ABSENT), after.get(part, ABSENT)) for part in parts}
            steps.append(Step(each, {part: pair for part, pair in pairs.items() if pair[0] != pair[1]}))
    return steps, any(isinstance(step.told.event, AggregateCreated) for step in steps)


def _put_away(now: Aggregate, past: Sequence[Told], id: UUID, reason: str | None) -> list[Compensation]:
    """What was made is archived, if nobody has changed it since."""
    if now.archived:
        return []
    for command in _first(past, past[0])[0]:
        _check_declared(command)
    mine = {part: after for step in _steps(now, past, _positions(of(past, id)))[0]
            for part, (_, after) in step.changes.items()}  # fmt: skip
    known = spread(type(now), state_of(now))
    for part in dict.fromkeys((*mine, *known)):
        if mine.get(part, ABSENT) != known.get(part, ABSENT):
            raise _changed_by_others(now, past, id, part)
    now.guard("archive")
    return [(type(now).Archived, {**constants(type(now).Archived), "archive_reason": reason or "undone"})]


def _check_untouched(now: Aggregate, past: Sequence[Told], id: UUID, steps: Sequence[Step]) -> None:
    """Nothing that is to be undone was changed by others, in between or since."""
    chains: dict[Part, tuple[Any, Any]] = {}
    for step in steps:
        for part, (before, after) in step.changes.items():
            first, last = chains.get(part, (before, before))
            if last != before:
                raise _changed_by_others(now, past, id, part)
            chains[part] = first, after
    known = spread(type(now), state_of(now))
    for part, (first, last) in chains.items():
        if known.get(part, ABSENT) not in (first, last):
            raise _changed_by_others(now, past, id, part)


def _changed_by_others(now: Aggregate, past: Sequence[Told], id: UUID, part: Part) -> CannotUndo:
    every = _steps(now, past, _positions(past))[0]
    others = [step.told for step in every if part in step.changes and not step.told.is_of(id)]
    what = part.path.replace("_", " ")
    return CannotUndo(f"{what} was changed since, {_by(others[-1])}", part.path)


def _by(told: Told) -> str:
    return f"by {told.command} at position {told.position}"


def _undo(scratch: Aggregate, past: Sequence[Told], step: Step) -> list[Compensation]:
    """Undo one event, on a copy. What it set is as it set it, or is as it was before."""
    kind, commands, again = type(scratch), *_first(past, step.told)
    known = spread(kind, state_of(scratch))
    wanted = {part: before for part, (before, after) in step.changes.items() if known.get(part, ABSENT) == after}
    if not wanted:
        return []
    for command in commands:
        _check_declared(command)
    admitted = again and _why_not_admitted(scratch, commands) is None
    made = bringing(scratch, type(step.told.event), restored(scratch, wanted))
    if made is None:
        raise CannotUndo(f"{step.told.command} cannot be undone", next(iter(wanted)).path)
    for event, told in made:
        scratch.trigger_event(event, **told)
    if not admitted and (refused := _why_not_admitted(scratch, commands)):
        raise refused
    return made


def _check_declared(command: str) -> None:
    """Some commands are undone by another command, and by no events alone."""
    kind, _, method = command.partition(".")
    if other := getattr(getattr(KINDS.get(kind), method, None), "__undone_by__", ""):
        raise CannotUndo(f"{command} is undone by another command: {kind}.{other}")


def _why_not_admitted(aggregate: Aggregate, commands: frozenset[str]) -> Exception | None:
    """What the aggregate has, as it stands, against all of these commands; None if it admits one of them.

    What was done must be admitted where its undoing leads, as it was then; what is done again, where that begins too.
    """
    refused: Exception | None = None
    for kind, _, method in (command.partition(".") for command in sorted(commands)):
        if kind == type(aggregate).__name__:
            try:
                aggregate.guard(method)
            except Exception as failure:
                refused = failure
            else:
                return None
    return refused


def _copied(aggregate: Aggregate) -> Aggregate:
    copy = object.__new__(type(aggregate))
    vars(copy).update(vars(aggregate), _pending_events=[])
    return copy
