"""A command: what may be asked, how it is asked, and what comes of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache, reduce
from inspect import Parameter, getdoc, signature
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin
from uuid import UUID

from domain.aggregate import SHARED, Aggregate, Claim
from domain.declaration import WrongDeclaration, check_types, hints_of
from domain.parameters import (
    SHORT,
    AtMost,
    Following,
    FoundBy,
    FromAttribute,
    FromHistory,
    FromRequest,
    NewSecret,
    Patched,
)

REQUIRED: Final = Parameter.empty
Filled = FromAttribute | FromHistory | FromRequest | Following | FoundBy | NewSecret


class Code(StrEnum):
    """Why a command did nothing, for programs."""

    REFUSED = "refused"
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    DUPLICATE = "duplicate"
    FORBIDDEN = "forbidden"
    REPEATED_OTHERWISE = "repeated_otherwise"
    THROTTLED = "throttled"


@dataclass(frozen=True, kw_only=True)
class Request:
    """Somebody asks for a command: `Opportunity.win`, of this one (its id, bare or as text), with these arguments.

    `scopes` are those of the token by which the actor came; None: nothing limits what the actor may do.
    With a `key`, a command that makes something is an upsert: what holds the key already is changed instead.
    """

    command: str
    actor: UUID
    id: UUID | str | Earlier | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    on_behalf_of: UUID | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    idempotency_key: str | None = None
    expected_version: int | None = None
    occurred_at: datetime | None = None
    origin: str | None = None
    scopes: frozenset[str] | None = None
    key: Claim | None = None


@dataclass(frozen=True)
class Earlier:
    """In a request of a batch, in place of an id: that of what an earlier request, counted from 0, made or changed."""

    number: int


@dataclass(frozen=True)
class Changed:
    """One aggregate that a command made or changed, and the version it has now."""

    kind: str
    id: UUID
    version: int


@dataclass(frozen=True)
class Accepted:
    """The command was carried out: on the first of these, changed or not; the others are what else it changed.

    `position` and `receipt` are those of the last event in the history that tells of it; the receipt is its hash.
    `secret` is told where the command made one, and in the first answer only: it is kept nowhere. `created` tells of an
    upsert whether it made something.
    """

    changed: tuple[Changed, ...]
    position: int
    receipt: str
    secret: str | None = field(default=None, repr=False)
    created: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Refusal:
    """The command did nothing. `holder` is who has what must be unique, `version` the one that others made."""

    code: Code
    message: str
    field: str | None = None
    holder: str | None = None
    version: int | None = None


Outcome = Accepted | Refusal


@dataclass(frozen=True)
class Foreseen:
    """What a command would do: what it would make or change, as it stands and as it would stand; its subject first."""

    changed: tuple[tuple[Aggregate | None, Aggregate], ...]


@dataclass(frozen=True)
class Stopped:
    """Of several commands, all or none of which are to be carried out: why none was, and which of them it is about,
    counted from 0; None if it is about no single one.
    """

    refusal: Refusal
    at: int | None


@dataclass(frozen=True)
class Argument:
    """One parameter of a command. A caller sees it unless `filled_by` says where else it comes from."""

    name: str
    type: Any
    default: Any = REQUIRED
    doc: str | None = None
    aggregate: type[Aggregate] | None = None
    filled_by: Filled | None = None
    patch: bool = False
    longest: int = SHORT
    """How many characters a text in it may have."""

    @property
    def asked_as(self) -> str:
        """Its name for the caller, who gives an aggregate by its id, and several by their ids."""
        if self.many:
            return f"{self.name.removesuffix('s')}_ids"
        return f"{self.name}_id" if self.aggregate else self.name

    def loaded_by(self, owner: type[Aggregate]) -> str:
        """The attribute of an aggregate that says what this is, where it is loaded from there."""
        return self.name if self.many and self.name in owner.attributes() else self.asked_as

    @property
    def optional(self) -> bool:
        return NoneType in get_args(self.type)

    @property
    def many(self) -> bool:
        """Whether it takes any number of aggregates."""
        return self.aggregate is not None and get_origin(self.type) is tuple


@dataclass(frozen=True, eq=False)
class Command:
    """What may be asked of a kind of aggregate: one of its published methods. There is one of each."""

    aggregate: type[Aggregate]
    method: str
    creates: bool
    needs: str
    doc: str
    parameters: tuple[Argument, ...]
    mutation: str
    inner: bool = False
    """Whether only Daybook itself asks for it, and nobody from outside."""

    @property
    def name(self) -> str:
        return f"{self.aggregate.__name__}.{self.method}"

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """What the caller gives."""
        return tuple(p for p in self.parameters if not p.filled_by)

    @property
    def tells_secret(self) -> bool:
        """Whether its answer holds what is told once."""
        return any(isinstance(p.filled_by, NewSecret) for p in self.parameters)


@cache
def describe(aggregate: type[Aggregate], method: str) -> Command:
    """All that a caller, a schema or a pipeline has to know of a command."""
    found = getattr(aggregate, method)
    creates, needs = hasattr(found, "__self__"), found.__needs__ or aggregate.needs
    seen = list(signature(found).parameters.values())[0 if creates else 1 :]
    try:
        hints = hints_of(found)
    except NameError as unknown:
        raise WrongDeclaration(f"{aggregate.__name__}.{method}: {unknown}") from None
    bare = next((p.name for p in seen if p.name not in hints), None)
    if bare:
        raise WrongDeclaration(f"{aggregate.__name__}.{method}: `{bare}` has no annotation")
    parameters = tuple(_argument(aggregate, method, p, hints[p.name]) for p in seen)
    if creates and any(isinstance(p.filled_by, FromAttribute) for p in parameters):
        raise WrongDeclaration(f"{aggregate.__name__}.{method} makes an aggregate, which has nothing of its own yet")
    if "." not in needs:
        raise WrongDeclaration(f"{aggregate.__name__}.{method} names no permission such as `sales.sell`")
    mutation = found.__mutation__ or _mutation(aggregate.__name__, method, shared=method in SHARED)
    return Command(aggregate, method, creates, needs, getdoc(found) or "", parameters, mutation, found.__inner__)


def commands_of(aggregate: type[Aggregate]) -> dict[str, Command]:
    """Every command that it answers, its own and those of its bases, by the name of the method."""
    names = {name: None for base in reversed(aggregate.__mro__) for name in vars(base)}
    return {n: describe(aggregate, n) for n in names if hasattr(getattr(aggregate, n, None), "__needs__")}


def index(aggregates: Iterable[type[Aggregate]]) -> dict[str, Command]:
    """Every command there is, by its name. Two mutations of one name are an error of whoever named them."""
    found: dict[str, Command] = {}
    mutations: dict[str, Command] = {}
    aggregates = tuple(aggregates)
    for aggregate in aggregates:
        check_types(aggregate)
    for each in (c for aggregate in aggregates for c in commands_of(aggregate).values()):
        other = mutations.setdefault(each.mutation, each)
        if other is not each:
            raise WrongDeclaration(f"{other.name} and {each.name} would both be the mutation `{each.mutation}`")
        found[each.name] = each
    return found


def _mutation(noun: str, method: str, shared: bool) -> str:
    """The method with the aggregate's noun put in where it lacks: `win` becomes `winOpportunity`.

    What all aggregates share never means the noun of one: `set_custom_field` of a custom field has it twice.
    """
    verb, *rest = method.split("_")
    told, wanted = [word.capitalize() for word in rest], re.findall("[A-Z][^A-Z]*", noun)
    lacks = shared or all(told[at : at + len(wanted)] != wanted for at in range(len(told)))
    return verb + "".join([noun, *told] if lacks else told)


def _argument(owner: type[Aggregate], method: str, parameter: Parameter, hint: Any) -> Argument:
    hint, marks = _bare(hint)
    doc = next((m for m in marks if isinstance(m, str)), None)
    filled_by = next((m for m in marks if isinstance(m, Filled)), None)
    longest = next((m.characters for m in marks if isinstance(m, AtMost)), SHORT)
    parts = [*get_args(hint)] if get_origin(hint) in (Union, UnionType, tuple) else [hint]
    aggregate = next((p for p in parts if isinstance(p, type) and issubclass(p, Aggregate)), None)
    made = Argument(parameter.name, hint, parameter.default, doc, aggregate, filled_by, Patched() in marks, longest)
    if isinstance(filled_by, FromAttribute) and made.loaded_by(owner) not in owner.attributes():
        raise WrongDeclaration(f"{owner.__name__}.{method}: its `{made.loaded_by(owner)}` is no attribute")
    if isinstance(filled_by, NewSecret) and not hasattr(getattr(owner, method), "__self__"):
        raise WrongDeclaration(f"{owner.__name__}.{method}: a secret is made with the aggregate whose it is")
    if filled_by and made.default is not REQUIRED:
        raise WrongDeclaration(f"{owner.__name__}.{method}: `{made.name}` is always filled, so it takes no default")
    return made


def _bare(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without its marks, and the marks; those inside of `Text | None` too."""
    if get_origin(hint) is Annotated:
        bare, marks = _bare(get_args(hint)[0])
        return bare, (*get_args(hint)[1:], *marks)
    if get_origin(hint) in (Union, UnionType):
        parts = [_bare(part) for part in get_args(hint)]
        return reduce(or_, (part for part, _ in parts)), tuple(mark for _, marks in parts for mark in marks)
    return hint, ()
