"""The smallest parts of an aggregate that can change by themselves: a label, one field of the details, one item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, get_args, get_origin

from domain.declaration import hints_of
from domain.parameters import FromRequest, Patched

if TYPE_CHECKING:
    from domain.aggregate import Aggregate

ABSENT: Final[Any] = type("Absent", (), {"__repr__": lambda _: "ABSENT"})()
State = dict[str, Any]
"""The attributes of an aggregate, or the fields of an item, by name."""


class Part(NamedTuple):
    """The smallest that is compared: an attribute, or what is under a key of it, or one field of that."""

    attribute: str
    key: Any = None
    field: str | None = None

    @property
    def path(self) -> str:
        """How a caller calls it."""
        return f"{self.attribute}.{self.field}" if self.field and self.key is None else self.attribute


def state_of(aggregate: Aggregate | None) -> State:
    return {name: getattr(aggregate, name) for name in type(aggregate).attributes()} if aggregate else {}


def spread(kind: type[Aggregate], state: State) -> dict[Part, Any]:
    """A state in its parts."""
    items, in_fields = holders(kind), patched(kind)
    found: dict[Part, Any] = {}
    for name, value in state.items():
        if isinstance(value, frozenset):
            found |= {Part(name, each): True for each in value}
        elif name in items:
            for key, item in value.items():
                found[Part(name, key)] = True
                found |= {Part(name, key, f.name): getattr(item, f.name) for f in fields(item)}
        elif isinstance(value, Mapping):
            found |= {Part(name, key): each for key, each in value.items()}
        elif name in in_fields and is_dataclass(value):
            found |= {Part(name, None, f.name): getattr(value, f.name) for f in fields(value)}
        else:
            found[Part(name)] = value
    return found


def restored(now: Aggregate, wanted: Mapping[Part, Any]) -> dict[str, Any]:
    """The attributes that hold these parts, with the parts as they are wanted."""
    made: dict[str, Any] = {}
    items = holders(type(now))
    for part, value in wanted.items():
        name, key, field = part
        known = made.get(name, getattr(now, name))
        if isinstance(known, frozenset):
            known = known - {key} if value is ABSENT else known | {key}
        elif name in items:
            known = dict(known)
            if field is None and value is ABSENT:
                known.pop(key, None)
            elif field is None:
                known[key] = {f: wanted[Part(name, key, f)] for n, k, f in wanted if (n, k) == (name, key) and f}
            elif isinstance(item := known.get(key), dict):
                item[field] = value
            elif item is not None:
                known[key] = replace(item, **{field: value})
        elif isinstance(known, Mapping):
            known = {k: each for k, each in known.items() if k != key}
            if value is not ABSENT:
                known[key] = value
        elif field is not None:
            known = replace(known, **{field: value})
        else:
            known = value
        made[name] = known
    return made


@cache
def holders(kind: Any) -> frozenset[str]:
    """The attributes that hold items by their keys."""
    return frozenset(event.item_of for event in kind.events().values() if event.item_of)


@cache
def patched(kind: Any) -> frozenset[str]:
    """The attributes of which a command changes single fields."""
    return frozenset(n for method in published(kind) for n, mark in _marks(kind, method) if isinstance(mark, Patched))


@cache
def published(kind: Any) -> tuple[str, ...]:
    return tuple(name for name in dir(kind) if hasattr(getattr(kind, name, None), "__needs__"))


def needs(kind: Any, method: str) -> str:
    found = getattr(kind, method, None)
    return getattr(found, "__needs__", "") or kind.needs


def takes(kind: Any, method: str, wanted: str) -> bool:
    """Whether a command looks at what whoever asks may do (`rights`), or at who governs (`governed`)."""
    return any(isinstance(mark, FromRequest) and mark.name == wanted for _, mark in _marks(kind, method))


@cache
def _marks(kind: Any, method: str) -> tuple[tuple[str, Any], ...]:
    """The marks of the parameters of a command, with the name of each."""
    found: Any = getattr(kind, method, None)
    if not hasattr(found, "__needs__"):
        return ()
    return tuple((name, mark) for name, hint in hints_of(found).items() for mark in _marked(hint))


def _marked(hint: Any) -> Iterator[Any]:
    if get_origin(hint) is Annotated:
        yield from get_args(hint)[1:]
    for each in get_args(hint):
        if get_origin(each) is Annotated:
            yield from _marked(each)
