"""Compensation: the fewest events by which an aggregate comes to hold what it is to hold, found by what they set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from functools import cache
from itertools import product
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, cast, get_args, get_type_hints

from eventsourcing.domain import AggregateCreated

from domain.declaration import content_of, item_class
from domain.parts import State, holders, state_of

if TYPE_CHECKING:
    from domain.aggregate import Aggregate

MOST_EVENTS: Final = 2
"""By so many events one event is undone at most: to win is undone by reopening and by the amount that it had."""
Compensation = tuple[Any, dict[str, Any]]
"""A kind of event, and what it is to tell."""


def bringing(now: Aggregate, like: Any, wanted: Mapping[str, Any]) -> list[Compensation] | None:
    """The fewest events that set these attributes and nothing else; those of the same kind as another before others."""
    kind, made, items = type(now), list[Compensation](), holders(type(now))
    for holder in items & wanted.keys():
        known = getattr(now, holder)
        for key in dict.fromkeys((*known, *wanted[holder])):
            before, after = (_fields(some.get(key)) for some in (known, wanted[holder]))
            if before != after:
                found = _of_item(kind, holder, key, like, before, after)
                if found is None:
                    return None
                made += found
    plain = {name: value for name, value in wanted.items() if name not in items}
    if plain:
        candidates = [e for e in _setters(kind) if not plain.keys().isdisjoint(content_of(e))]
        found = _sequence(
            candidates, like, state_of(now), state_of(now) | plain, lambda event, told, state: state | told
        )
        if found is None:
            return None
        made += found
    return made


def _of_item(
    kind: type[Aggregate], holder: str, key: Any, like: Any, before: State | None, after: State | None
) -> list[Compensation] | None:
    """The same of one item, which is there or not."""
    events = [e for e in _events(kind) if e.item_of == holder]
    ends = [e for e in _events(kind) if e.ends_item_of == holder]
    if after is None:
        ending = next((e for e in ends if len(content_of(e)) == 1), None)
        return [(ending, {content_of(ending)[0]: key})] if ending else None

    def applied(event: Any, told: dict[str, Any], state: State | None) -> State | None:
        if state:
            return state | told
        try:
            return _fields(item_class(cast(Any, kind), holder)(**told))
        except TypeError:  # it does not begin one
            return None

    return _sequence(events, like, before, after, applied)


def _sequence(
    candidates: Sequence[Any], like: Any, before: Any, after: State, applied: Any
) -> list[Compensation] | None:
    ordered = sorted(
        candidates, key=lambda event: (event is not like, not constants(event), len(content_of(event)), event.__name__)
    )
    possible = [(event, told) for event in ordered if (told := _telling(event, after)) is not None]
    for length in range(1, MOST_EVENTS + 1):
        for chosen in product(possible, repeat=length):
            state = before
            for event, told in chosen:
                state = applied(event, told, state)
                if state is None:
                    break
            if state == after:
                return list(chosen)
    return None


def _telling(event: Any, wanted: State) -> dict[str, Any] | None:
    """What an event tells to set what is wanted; what it always says it says here too. None where it cannot."""
    told, hints = dict(constants(event)), _hints(event)
    for name in content_of(event):
        if name not in told:
            if name not in wanted or (wanted[name] is None and not _takes_none(hints[name])):
                return None
            told[name] = wanted[name]
    return told


def _fields(item: Any) -> State | None:
    if item is None or isinstance(item, dict):
        return item
    return {f.name: getattr(item, f.name) for f in fields(item)}


@cache
def _events(kind: Any) -> tuple[Any, ...]:
    """The events that may undo others: none that begins or forgets, nor one that changes it in a way of its own."""
    found: dict[str, Any] = kind.events()
    return tuple(
        event for event in found.values()
        if event.sets_what_it_names() and not event.forgets and not issubclass(event, AggregateCreated)
    )  # fmt: skip


@cache
def _setters(kind: Any) -> tuple[Any, ...]:
    return tuple(event for event in _events(kind) if not (event.item_of or event.ends_item_of))


@cache
def constants(event: Any) -> Mapping[str, Any]:
    """What a kind of event always says: `archived` of those that archive."""
    named = content_of(event)
    return {f.name: f.default for f in fields(event) if f.default is not MISSING and f.name in named}


@cache
def _hints(event: Any) -> dict[str, Any]:
    return get_type_hints(event)


def _takes_none(hint: Any) -> bool:
    return hint is NoneType or NoneType in get_args(hint)
