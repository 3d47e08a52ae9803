"""What is about a person: sealed under a key of that person, so that it can be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

OWN: Final = "id"


@dataclass(frozen=True, slots=True)
class OfPerson:
    """Marks an attribute, a field of an event or a column as personal.

    `whose` names the one that holds the person's id; `id` is the aggregate itself. Once the person is forgotten it
    reads as None, so it must be `| None`.
    """

    whose: str = OWN


Personal = Annotated[T, OfPerson()]


class Misplaced(TypeError):
    """A mark stands where it does not protect: inside of a list or a value, or on what may not be None."""


def person_of(hint: Any) -> OfPerson | None:
    """The mark of a type. `Personal[str] | None` and `Personal[str | None]` are one. Raises Misplaced."""
    marks = set(_marks(hint))
    if len(marks) > 1:
        raise Misplaced("is of two persons")
    if any(_marks_inside(hint, frozenset())):
        raise Misplaced("has a personal part: mark it as a whole")
    if not marks:
        return None
    if type(None) not in _parts(hint):
        raise Misplaced("is personal, so it must be `| None`: that is how it reads once the person is forgotten")
    return marks.pop()


def _parts(hint: Any) -> set[Any]:
    if get_origin(hint) is Annotated:
        return _parts(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return {part for inner in get_args(hint) for part in _parts(inner)}
    return {hint}


def _marks(hint: Any) -> Iterator[OfPerson]:
    if get_origin(hint) is Annotated:
        yield from (note for note in get_args(hint)[1:] if isinstance(note, OfPerson))
        yield from _marks(get_args(hint)[0])
    elif get_origin(hint) in (Union, UnionType):
        for part in get_args(hint):
            yield from _marks(part)


def _marks_inside(hint: Any, within: frozenset[Any]) -> Iterator[OfPerson]:
    """The marks of the parts of a type, however deep."""
    for part in _parts(hint):
        if is_dataclass(part) and part not in within:
            hints = get_type_hints(part, include_extras=True)
            inner = [hints[f.name] for f in fields(part)]
        else:
            inner = [each for each in get_args(part) if each is not Ellipsis]
        for each in inner:
            yield from _marks(each)
            yield from _marks_inside(each, within | {part} if is_dataclass(part) else within)
