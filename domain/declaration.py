"""Mistakes in the declaration of an aggregate: found when its class is defined, or when the server starts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, fields
from functools import cache
from inspect import getattr_static, unwrap
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, Union, cast, get_args, get_origin, get_type_hints

from eventsourcing.domain import AggregateCreated

from domain.personal import OWN, Misplaced, OfPerson, person_of

if TYPE_CHECKING:
    from domain.aggregate import Aggregate

ENVELOPE: Final = frozenset({"originator_id", "originator_version", "originator_topic", "timestamp"})
KINDS: Final[dict[str, type[Aggregate]]] = {}
"""Every kind of aggregate there is, by its name: what an annotation may name that cannot import it."""


class WrongDeclaration(TypeError):
    """An aggregate is declared in a way that cannot work. Raised when its class is defined, or at start."""


@cache
def content_of(event: Any) -> tuple[str, ...]:
    """The names of what a kind of event tells, in the order of their declaration."""
    return tuple(f.name for f in fields(event) if f.name not in ENVELOPE)


@cache
def item_class(aggregate: Any, attribute: str) -> Callable[..., Any]:
    """The class of the items that an attribute holds by their keys."""
    return cast(Callable[..., Any], get_args(get_type_hints(aggregate)[attribute])[1])


def context_of(kind: type[Aggregate]) -> str:
    """The part of the business that a kind of aggregate belongs to: the folder of its module, such as `sales`."""
    return kind.__module__.rpartition(".")[0].rpartition(".")[2]


def hints_of(method: Callable[..., Any]) -> dict[str, Any]:
    """What the parameters of a command are; an aggregate may be named that its module does not import."""
    names = {**KINDS, **unwrap(method).__globals__}
    return get_type_hints(method, globalns=names, include_extras=True)


def problems(cls: type[Aggregate]) -> Iterator[str]:
    """What is wrong with the declaration of an aggregate, in words that follow its name."""
    attributes = cls.attributes()
    needed = {a.name for a in attributes.values() if a.default is MISSING and a.default_factory is MISSING}
    if not context_of(cls):
        yield " is in no context: its module stands in `domain/<context>/`, as those of others do"
    for name in set(cls.unique) - set(attributes):
        yield f" says that `{name}` is unique, but has no such attribute"
    for name, event in cls.events().items():
        told = set(content_of(event))
        upcasts = {member for member in dir(event) if member.startswith("upcast_v")}
        wanted = {f"upcast_v{version}" for version in range(1, event.schema_version)}
        if upcasts != wanted or event.schema_version < 1:
            told_wrong = f"has {_names(upcasts) or 'no upcasts'} and needs {_names(wanted) or 'none'}"
            yield f".{name} is of version {event.schema_version}: it {told_wrong}"
        if any(not isinstance(getattr_static(event, member), staticmethod) for member in upcasts):
            yield f".{name}: an upcast knows only what was told: make it a static method"
        if issubclass(event, AggregateCreated) and (missing := needed - told):
            yield f".{name} does not set {_names(missing)}, which must be set from the start"
        if holder := event.item_of or event.ends_item_of:
            if holder not in attributes:
                yield f".{name} is of an item of `{holder}`, but there is no such attribute"
        elif event.sets_what_it_names() and (unknown := told - set(attributes)):
            yield f".{name} names {_names(unknown)}, which is no attribute: declare it, or make it a Fact"
    for name, member in vars(cls).items():
        published = [base for base in cls.__mro__[1:] if hasattr(vars(base).get(name), "__needs__")]
        method = getattr(member, "__func__", member)
        if published and not hasattr(method, "__needs__"):
            yield f".{name} replaces a command of {published[0].__name__} and is none itself: add @command"
        if hasattr(method, "__needs__") and not method.__doc__:
            yield f".{name} is a command without a docstring: callers read it"
    with suppress(NameError):  # of a type that is not defined yet: it is asked again at start
        yield from _problems_of_persons(cls)


@cache
def personal(owner: Any) -> Mapping[str, OfPerson]:
    """The personal fields of an aggregate or of a kind of event, each with its mark."""
    hints = get_type_hints(owner, include_extras=True)
    marked = {f.name: person_of(hints[f.name]) for f in fields(owner) if f.name not in ENVELOPE}
    return {name: mark for name, mark in marked.items() if mark}


def _problems_of_persons(cls: type[Aggregate]) -> Iterator[str]:
    """What would be recorded in clear, or under the key of nobody."""
    for place, owner in {"": cls, **{f".{name}": event for name, event in cls.events().items()}}.items():
        hints = get_type_hints(owner, include_extras=True)
        told = {f.name: hints[f.name] for f in fields(cast(Any, owner)) if f.name not in ENVELOPE}
        for name, hint in told.items():
            try:
                mark = person_of(hint)
            except Misplaced as wrong:
                yield f"{place}: `{name}` {wrong}"
                continue
            if mark and mark.whose not in (OWN, *told):
                yield f"{place}: `{name}` is of the person in `{mark.whose}`, which it does not name"
    for name, event in cls.events().items():
        if event.sets_what_it_names() and not (event.item_of or event.ends_item_of):
            hints = get_type_hints(event)
            known, marked = personal(cls), personal(event)
            for field in content_of(event):
                if known.get(field) != marked.get(field) and hints[field] is not type(None):
                    yield f".{name}: `{field}` is personal in one of the aggregate and its event, and not in the other"


@cache
def check_types(cls: type[Aggregate]) -> None:
    """An attribute is never changed in place, and an event gives it what it may be."""
    for problem in _problems_of_persons(cls):
        raise WrongDeclaration(f"{cls.__name__}{problem}")
    hints = get_type_hints(cls)
    for attribute in cls.attributes():
        if get_origin(hints[attribute]) in (dict, list, set):
            raise WrongDeclaration(
                f"{cls.__name__}: `{attribute}` could be changed in place: say Mapping, tuple, frozenset"
            )
    for name, event in cls.events().items():
        told = get_type_hints(event)
        known: Mapping[str, Any] = get_type_hints(item_class(cls, event.item_of)) if event.item_of else hints
        for field_name in content_of(event) if event.sets_what_it_names() and not event.ends_item_of else ():
            if not _parts(told[field_name]) <= _parts(known.get(field_name, Any)):
                message = f"{cls.__name__}.{name}: `{field_name}` is {told[field_name]}, not {known.get(field_name)}"
                raise WrongDeclaration(message)


def _parts(hint: Any) -> set[Any]:
    return set(get_args(hint)) if get_origin(hint) in (Union, UnionType) else {hint}


def _names(names: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
