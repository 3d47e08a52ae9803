"""Rights: what can be permitted, upon whose rows, and which attributes can be hidden."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Protocol, Union, get_args, get_origin, get_type_hints

from domain.aggregate import Aggregate
from domain.command import commands_of
from domain.declaration import KINDS, context_of
from domain.parameters import FromRequest

EVERYTHING: Final = "*"
"""What is permitted to an administrator. `sales.*` is everything in a context, and `*.see` that of every context."""

AUDIT: Final = "platform.audit"
PRIVACY: Final = "platform.privacy"
BESIDES: Final = {
    AUDIT: "See who did what, and who read what is personal, whatever kind of thing it was.",
    PRIVACY: "Be told all that is held about a person, and say how long people are kept.",
}
"""What can be permitted besides to see what is of a kind, and to work on it."""

NEVER: Final = frozenset({"merged_into_id", "hold_reason"})
"""What cannot be hidden though it may be empty: it says which of two is the one that goes on, or why a command is
refused."""


class Scope(StrEnum):
    """Upon whose rows something is permitted."""

    OWN = "own"
    TEAM = "team"
    ALL = "all"

    @property
    def rank(self) -> int:
        """The farther it reaches, the greater."""
        return [*Scope].index(self)


class AccessReason(StrEnum):
    """Why a permission holds for a thing: it reaches to ALL, to what is the OWNER's own or the TEAM's; or the thing is
    SHARED, for things of its kind have no owner."""

    ALL = "all"
    OWNER = "owner"
    TEAM = "team"
    SHARED = "shared"


class Rights(Protocol):
    """What somebody has, and so may give to others."""

    def reach(self, permission: str) -> Scope | None:
        """How far a permission reaches; None where it is not held. `sales.*` is held by whoever holds all of it."""

    @property
    def hidden(self) -> Collection[str]:
        """What their roles hide from them, such as `Opportunity.amount`."""


Theirs = Annotated[Rights, FromRequest("rights")]
"""What whoever asks for the command has themselves."""
Governed = Annotated[bool, FromRequest("governed")]
"""Whether somebody remains who may do everything, whatever becomes of what the command is about."""
UNGOVERNED: Final = "nobody else may do everything: give somebody the role of an administrator first"


@dataclass(frozen=True)
class Permission:
    """Something that can be permitted: to see what is of these kinds, or to ask for these mutations."""

    name: str
    kinds: tuple[str, ...]
    mutations: tuple[str, ...]

    @property
    def doc(self) -> str:
        """What it is, in a sentence."""
        if self.name in BESIDES:
            return BESIDES[self.name]
        things, act = ", ".join(self.kinds), self.name.partition(".")[2]
        match act:
            case "see":
                return f"See what is of the kind {things}, but for what is personal."
            case "personal":
                return f"See what is personal, too, of what is of the kind {things}."
        return f"Work on what is of the kind {things}: {len(self.mutations)} mutations."


def seeing(permission: str) -> str:
    """What is needed to see that upon which something else is permitted: `sales.see` for `sales.sell`."""
    return f"{permission.partition('.')[0]}.see"


def seen_by(attribute: str) -> str:
    """What is needed to see an attribute: `sales.see` for `Opportunity.amount`."""
    return f"{context_of(KINDS[attribute.partition('.')[0]])}.see"


def permissions(kinds: Iterable[type[Aggregate]]) -> dict[str, Permission]:
    """Everything that can be permitted, by name: to see these kinds, what their commands need, and what is BESIDES."""
    things, mutations = dict[str, list[str]]({name: [] for name in BESIDES}), dict[str, list[str]]()
    for kind in kinds:
        for name in _needed(kind):
            things.setdefault(name, []).append(kind.__name__)
        for command in commands_of(kind).values():
            mutations.setdefault(command.needs, []).append(command.mutation)
    return {n: Permission(n, tuple(things[n]), tuple(mutations.get(n, ()))) for n in sorted(things)}


def why_no_permission(name: str) -> str | None:
    """What is wrong with the name of a permission, wildcards included; None if nothing is."""
    known = {each for kind in KINDS.values() for each in _needed(kind)} | {*BESIDES}
    return _why_not(name, {each for permission in known for each in covering(permission)}, "permission")


def why_no_mask(name: str) -> str | None:
    """What is wrong with the name of what is to be hidden; None if nothing is."""
    kind = name.partition(".")[0]
    if kind not in KINDS:
        return _why_not(kind, KINDS, "kind of thing")
    return _why_not(name, maskable(KINDS[kind]), "attribute that may be empty, and so can be hidden")


def covering(permission: str) -> tuple[str, ...]:
    """The names under which a permission may be held: its own, those that stand for it and others, and `*`."""
    context, _, act = permission.partition(".")
    return permission, f"{context}.*", f"*.{act}", EVERYTHING


def reach(grants: Mapping[str, Scope], permission: str) -> Scope | None:
    """How far a permission reaches by these grants; None where none of them covers it."""
    found = (grants[name] for name in covering(permission) if name in grants)
    return max(found, key=lambda scope: scope.rank, default=None)


@cache
def _needed(kind: type[Aggregate]) -> frozenset[str]:
    """The permissions that one of a kind needs, to be seen or to be worked on."""
    context, methods = context_of(kind), (getattr(kind, name) for name in dir(kind))
    named = {needs for method in methods if (needs := getattr(method, "__needs__", ""))}
    return frozenset({f"{context}.see", f"{context}.personal", *named, *filter(None, [kind.needs])})


@cache
def maskable(kind: Any) -> frozenset[str]:
    """What may be empty in one of a kind, and so can be hidden: `Opportunity.amount`, `Account.details.revenue`,
    and of its items `Contact.consents.evidence`.
    """
    items = {event.item_of for event in kind.events().values() if event.item_of}
    return frozenset(f"{kind.__name__}.{path}" for path in _maskable(get_type_hints(kind), kind.attributes(), items))


def _maskable(hints: Mapping[str, Any], names: Iterable[str], items: Collection[str]) -> Iterator[str]:
    for name in names:
        parts = _parts(hints[name])
        if NoneType in parts and name not in NEVER:
            yield name
        inner = (
            get_args(hints[name])[-1] if name in items else next((part for part in parts if is_dataclass(part)), None)
        )
        if is_dataclass(inner):
            told = get_type_hints(inner)
            for f in fields(inner):
                filled = f.default is not MISSING or f.default_factory is not MISSING
                if NoneType in _parts(told[f.name]) or (NoneType in parts and filled):
                    yield f"{name}.{f.name}"


def _parts(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _why_not(name: str, known: Collection[str], what: str) -> str | None:
    if name in known:
        return None
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    return f"{name} is no {what}" + (f": perhaps {' or '.join(near)}" if near else "")
