"""How a method becomes a command, and where the values of its parameters come from."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from inspect import signature
from typing import Annotated, Any, Final, TypeVar, cast, overload
from uuid import UUID

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

SHORT: Final = 200
"""Characters that a text has at most, unless it is marked as `Text`: enough for any name."""
LONG: Final = 10_000
"""Characters that a `Text` has at most: some pages."""

opening: ContextVar[list[tuple[Any, str, Any]] | None] = ContextVar("opening", default=None)
"""Collects what commands open: the kind, the method, and what it returned; and what they ask of what is there already:
that, the method, and None. Read by whoever runs commands."""


@dataclass(frozen=True)
class FromAttribute:
    """Marks a parameter that is loaded by the id in the aggregate's own attribute `<parameter>_id`; one that takes
    several, by the keys of the items in the attribute of its own name, or else by its ids in `<singular>_ids`.
    """


@dataclass(frozen=True)
class FromRequest:
    """Marks a parameter that is taken from the request itself."""

    name: str


@dataclass(frozen=True)
class Following:
    """Marks a parameter with all that is reached from another one, or from `self`, by way of attributes, the nearest
    first: of ids, of lists of ids, and of items by the ids that are their keys.

    What is reached by the first of `turning` is not left by the second: up to what is above something, and not down
    again to all that is under that.
    """

    start: str
    by: tuple[str, ...]
    turning: tuple[str, str] | None = None


@dataclass(frozen=True)
class FoundBy:
    """Marks a parameter that is found by a value that only one of its kind may hold; None where nobody holds it.

    `value` is made of the kind of the aggregate, of itself, and of what the caller gave: `{kind}.{key}`, `{self.id}`.
    """

    name: str
    value: str


@dataclass(frozen=True)
class FromHistory:
    """Marks a parameter with all that happened to the aggregate so far, the first first."""


@dataclass(frozen=True)
class NewSecret:
    """Marks a parameter with the hash of a secret that is made for the command, which learns no more of it.

    Who asked for the command is told the secret, once, as `told` has it: `daybook_{id}_{secret}`, with the bare id of
    what was made. It is recorded nowhere.
    """

    told: str


@dataclass(frozen=True)
class Patched:
    """Marks a value of which a caller gives only the fields to change; the command gets the whole new value."""


@dataclass(frozen=True)
class AtMost:
    """Marks how many characters a text may have."""

    characters: int


Its = Annotated[T, FromAttribute()]
Patch = Annotated[T, Patched()]
Actor = Annotated[UUID, FromRequest("actor")]
Moment = Annotated[datetime, FromRequest("occurred_at")]
"""When it happened, in the company's time zone: `now.date()` is the day that its people would say."""
Reach = Annotated[frozenset[str] | None, FromRequest("scopes")]
"""The scopes of the token by which the caller came; None: nothing limits what its user may do."""
Sees = Annotated[Callable[[Any], bool], FromRequest("sight")]
"""Tells of an aggregate whether whoever asks may see it: of what they may not, no refusal says a name."""
MayAll = Annotated[bool, FromRequest("everything")]
"""Whether whoever asks may do everything."""
HashOfSecret = str
"""SHA-256 of a secret, in hexadecimal digits. To be marked with `NewSecret`."""
Text = Annotated[str, AtMost(LONG)]

AS_IT_IS: Final[Any] = type("AsItIs", (), {"__repr__": lambda _: "AS_IT_IS"})()
"""The default of a parameter that stands for the attribute of its name: leave it out and nothing changes."""


@overload
def command(method: F, /) -> F: ...
@overload
def command(*, needs: str = "", mutation: str = "", inner: bool = False, undone_by: str = "") -> Callable[[F], F]: ...
def command(
    method: F | None = None, /, *, needs: str = "", mutation: str = "", inner: bool = False, undone_by: str = ""
) -> F | Callable[[F], F]:
    """Publish a method as a command.

    Its caller needs the permission of the class, unless another is named here. The mutation is named after the
    method and the class, unless it has a name here. There is none of an `inner` command: only Daybook asks for it.

    `undone_by` names the command by which it is taken back, where that is more than to set what it set: `undo` leaves
    it alone, and names that one.
    """

    def publish(method: F) -> F:
        parameters = signature(method)
        kept = [name for name, parameter in parameters.parameters.items() if parameter.default is AS_IT_IS]

        @wraps(method)
        def decide(subject: Any, /, *args: Any, **kwargs: Any) -> Any:
            if isinstance(subject, type):
                made = method(subject, *args, **kwargs)
                if (opened := opening.get()) is not None:
                    opened.append((subject, method.__name__, made))
                return made
            subject.guard(method.__name__)
            if (opened := opening.get()) is not None:
                opened.append((subject, method.__name__, None))
            if kept:
                given = parameters.bind(subject, *args, **kwargs)
                given.arguments.update({n: getattr(subject, n) for n in kept if n not in given.arguments})
                return method(*given.args, **given.kwargs)
            return method(subject, *args, **kwargs)

        vars(decide).update(__needs__=needs, __mutation__=mutation, __inner__=inner, __undone_by__=undone_by)
        return cast(F, decide)

    return publish(method) if method else publish
