"""What a derived field means. The compiler needs nothing else to write SQL for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from graphql import GraphQLField, GraphQLResolveInfo

from api.declaring import Argument
from api.ports import ViewType
from projections.report import Report

MEANS: Final = "means"
"""Under which name a finished field keeps its meaning."""


@dataclass(frozen=True, slots=True)
class Column:
    """A plain value, or a list of them, held in one column."""

    name: str
    kind: Any


@dataclass(frozen=True, slots=True)
class Key:
    """A column that holds the id of a row of `view`, shown as `Account_<uuid>`."""

    name: str
    view: ViewType


@dataclass(frozen=True, slots=True)
class Keys:
    """A column that holds a list of ids of rows of `view`."""

    name: str
    view: ViewType


@dataclass(frozen=True, slots=True)
class Value:
    """A value object, such as Money, whose parts are columns: by the name of the part."""

    columns: tuple[tuple[str, str], ...]
    nullable: bool


@dataclass(frozen=True, slots=True)
class Documents:
    """A list of value objects, or (`keyed`) of those that have a key each, held in one column of JSON."""

    name: str
    keyed: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a value object, read from JSON. The key of an entry has no name."""

    name: str | None
    kind: Any


@dataclass(frozen=True, slots=True)
class Related:
    """The one row of `view` that the column `via` of this row points to."""

    view: ViewType
    via: str


@dataclass(frozen=True, slots=True)
class Many:
    """A connection to rows of `view`: those whose column `via` points to this row, or all of them."""

    view: ViewType
    via: str | None = None


@dataclass(frozen=True, slots=True)
class One:
    """The row of `view`, or of any view, with the id in the argument `id` (or each of `ids`)."""

    view: ViewType | None
    argument: str = "id"


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a report."""

    report: type[Report]


@dataclass(frozen=True, slots=True)
class Happened:
    """A list of events. It is no list of rows, so it is not compiled."""


@dataclass(frozen=True, slots=True)
class Few:
    """A short list that no argument bounds: the changes of an event, the events of a command."""


@dataclass(frozen=True, slots=True)
class Affected:
    """The first of the things that an undo is about."""


@dataclass(frozen=True, slots=True)
class ComparedOne:
    """The row of any view with the id in the argument `id`, at two instants."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who could see a thing. It is no view, so it is not compiled."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last event of the history."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """The user who asks."""

    view: ViewType


@dataclass(frozen=True, slots=True)
class Search:
    """What of these kinds, each with its view, has some words."""

    kinds: Mapping[str, ViewType]


@dataclass(frozen=True, slots=True)
class Held:
    """What whoever asks may see and do."""


@dataclass(frozen=True, slots=True)
class Log:
    """A list that is of no view, and may be long: it is read in pages."""


ROOTS = One | Many | ComparedOne | Answer | Head | Viewer | Held | Search


class Derived:
    """A field of the schema that reads, from a row already fetched, the value under the key that the client chose.

    An enum is there by its name, as the client is to see it.
    """

    __slots__ = ("arguments", "description", "means", "type_")

    def __init__(
        self, type_: Any, means: Any = None, description: str | None = None, arguments: Sequence[Argument] = ()
    ) -> None:
        self.type_, self.means, self.description, self.arguments = type_, means, description, arguments

    subscribe: Any = None
    """Of a field of the root `Subscription`: what it yields."""

    @staticmethod
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        return source[info.path.key]


F = TypeVar("F", bound=Derived)


def field(
    type_: Any,
    means: Any = None,
    description: str | None = None,
    of: type[F] = Derived,  # type: ignore[assignment]
    arguments: Sequence[Argument] = (),
) -> F:
    """A field with a meaning."""
    return of(type_, means, description, arguments)


def meaning(found: GraphQLField) -> Any:
    """What a field of the finished schema means; None for one that is not derived from a declaration."""
    return found.extensions.get(MEANS)
