"""What the API needs of the rest of the house, and may not import: whoever wires it plugs these in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from domain.aggregate import Aggregate
from domain.command import Foreseen, Outcome, Refusal, Request, Stopped
from domain.history import Entry
from domain.rights import AccessReason, Scope
from domain.taking_back import Undo, Undone
from projections.view import View

ViewType = type[View]


class Place(Protocol):
    """Where the rows of a view are: the names of its tables."""

    @property
    def live(self) -> str: ...

    @property
    def history(self) -> str: ...

    @property
    def whose(self) -> str | None:
        """The table by whose rows it is judged what of these may be seen; None: by these, or those they are within."""

    @property
    def until(self) -> int | None:
        """The position of the last event that these will ever tell of; None: they go on."""


class Places(Protocol):
    def __call__(self, view: ViewType) -> Place:
        """The tables that answer for a view; raises `NotReady` while they are built."""


class Replays(Protocol):
    async def __call__(self, name: str) -> Places | None:
        """The tables of a replay, which raise `NotInReplay` for other views; None where there is none of this name."""


class NotReady(Exception):
    """What is needed for an answer is not there yet: a view that is still being built, or an identity provider."""

    code = "NOT_READY"


class NotInReplay(NotReady):
    """A replay has no tables of a view that is needed for an answer."""

    code = "NOT_IN_REPLAY"


class Policy(Protocol):
    """What a caller may see. Enforced in SQL, so that no path goes around it."""

    def may(self, permission: str) -> bool: ...

    def reach(self, permission: str) -> Scope | None:
        """Upon whose rows they have a permission; None where they do not."""

    def sees(self, view: ViewType) -> Collection[UUID] | None:
        """The owners whose rows are seen; None: all rows."""

    def hides(self, view: ViewType, column: str) -> bool: ...


@dataclass(frozen=True)
class Caller:
    """Who asks, and what that person may see.

    `key` stands for the token that was shown: by it a budget is kept and a log names it. It is no secret. `scopes` are
    the token's, and limit the policy already; None: nothing limits what its user may do.
    """

    user_id: UUID
    policy: Policy
    key: str
    scopes: frozenset[str] | None = None
    expires_at: datetime | None = None


class Wait(Exception):
    """Too many wrong tokens came from there. Nothing is looked at for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__("too many wrong tokens came from here")
        self.seconds = seconds


class Stranger(Exception):
    """Whoever comes is known to the identity provider, and not here."""


class Authenticate(Protocol):
    async def __call__(self, token: str, address: str | None) -> Caller | None:
        """Who comes with a token from an address; None: it does not hold.

        Without an address: how it is with the token of somebody who is in already. Raises Wait, Stranger, and
        `NotReady` while nobody can say whether it holds.
        """


class Budget(Protocol):
    """How much a caller may ask."""

    def take(self, key: str, cost: int) -> float | None:
        """Seconds to wait before so much may be asked; None: go on."""


class Commands(Protocol):
    async def __call__(self, request: Request) -> Outcome: ...


class Batches(Protocol):
    async def __call__(self, requests: Sequence[Request], together: bool) -> Sequence[Outcome] | Stopped:
        """What came of each of several commands; or, `together`, why none of them was carried out."""


class Foresees(Protocol):
    async def __call__(self, request: Request) -> Foreseen | Refusal:
        """What a command would do, or why it would be refused. Nothing is recorded."""


class Accessed(Protocol):
    def __call__(self, caller: Caller, told: Mapping[str, Sequence[str]]) -> None:
        """Notes that a caller is told something personal: by the kind of rows, of whom, as often as it was; of nobody
        where somebody was only sought by it.
        """


class Rule(Protocol):
    """What lets somebody see a thing: a role that permits it, and why that holds for this one."""

    @property
    def role_id(self) -> UUID: ...

    @property
    def role(self) -> str: ...

    @property
    def permission(self) -> str: ...

    @property
    def scope(self) -> Scope: ...

    @property
    def reason(self) -> AccessReason: ...


class Member(Protocol):
    """Somebody who sees a thing, by which rules, and all that they may see."""

    @property
    def user_id(self) -> UUID: ...

    @property
    def name(self) -> str: ...

    @property
    def rules(self) -> Sequence[Rule]: ...

    @property
    def rights(self) -> Policy: ...


class Audience(Protocol):
    async def __call__(self, view: ViewType, owner: UUID | None, position: int | None) -> Sequence[Member]:
        """Who sees a row of a view that is this owner's (None: nobody's): now, or when the history ended there."""


class Disclosing(Protocol):
    """All that is held about a person. Nothing of it is limited by what a caller may see: whoever asks sees to that."""

    @property
    def persons(self) -> Collection[str]:
        """The kinds that are a person."""

    def concerned(self, kind: type[Aggregate]) -> Collection[ViewType]:
        """The views that may tell of a person of a kind."""

    async def report(self, kind: str, person: UUID) -> Mapping[str, Any] | None:
        """What is held, in plain values; None if there is nobody of this id."""

    async def places(self, person: UUID) -> Sequence[Mapping[str, Any]]:
        """Every place where something of a person is, with `rows`, `personal` and what `becomes` of them."""


class Undoes(Protocol):
    async def __call__(self, undo: Undo) -> Undone:
        """What came of an undo, or would come of it."""


class Correlates(Protocol):
    def __call__(self) -> UUID:
        """An id under which all is recorded that belongs together from now on."""


class EventLog(Protocol):
    def after(self, position: int) -> AsyncIterator[list[Entry]]:
        """What was recorded after a position, in batches: first what is there already, then what comes."""

    async def entries(self, rest: str, parameters: list[Any]) -> list[Entry]:
        """Those events `e` that the rest of a statement asks for; TimeoutError if it takes too long."""


class Stream(Protocol):
    """The history as CloudEvents."""

    async def head(self) -> int:
        """The position of the last event."""

    def after(
        self, position: int, until: int | None, contexts: Collection[str], shows: Shows
    ) -> AsyncGenerator[list[tuple[int, bytes]], None]:
        """The events after a position that are of these contexts and that are shown; in batches.

        Each is a CloudEvent in one line, with its position. It ends at `until`; without one it goes on with what is
        recorded later. A batch without events comes where there was nothing to show for a while.
        """


class Shows(Protocol):
    """Which events are shown, and what of them."""

    async def __call__(self, events: Sequence[tuple[int, str, UUID, bytes]]) -> Mapping[int, bytes]:
        """Of events, each with its name, what it happened to and what it says: what is to be said, by position."""


class Pages(Protocol):
    """A list that may be longer than a page of the API."""

    @property
    def is_longer(self) -> str:
        """As a field of an operation that has `$id`, whether it is now: `pageInfo { hasNextPage }`."""

    @property
    def query(self) -> str:
        """The operation that reads a page after the first, with that list alone: `query ($id: ID!, $asOf: AsOf, $after:
        String!)`.
        """

    @property
    def most(self) -> int:
        """So many rows are read. Of what is longer there is the first page, and its `totalCount` says so."""


class Deliverable(Protocol):
    """What is made of one thing for people: a picture, a page, a file for another program."""

    @property
    def path(self) -> str:
        """Where it is found, such as `/charts/gantt`: behind it comes the id of the thing, and a format."""

    @property
    def formats(self) -> Mapping[str, str]:
        """The formats that there are, each with its media type."""

    @property
    def query(self) -> str:
        """The operation by which all is read that it is made of: `query ($id: ID!, $asOf: AsOf)`, the thing itself as
        `subject`; with `$on: Date` where it can be made as if it were another day, and with `$by: TimeAxis!` where it
        goes along one of two times: which one stands under `by` in the data.
        """

    @property
    def lists(self) -> Mapping[str, Pages]:
        """The lists at the top of `query`, of which that reads the first page: each has `totalCount` and `pageInfo`."""

    @property
    def parts(self) -> Mapping[str, str]:
        """What it can do without: variables of `query`, each true for who has this permission."""

    @property
    def computed(self) -> Collection[str]:
        """What it can do without where that cannot be computed: fields of the root of `query`, each included by a
        variable of its name. Why it cannot stands under `why` in the data, by the name of the field.
        """

    def made(self, data: Mapping[str, Any], format: str, language: str, day: date) -> bytes:
        """It, of what was read, as of a day. ImportError, where it takes what is not installed; OverflowError, where
        there is more than it can hold: the message says of what.
        """


class Rows(Protocol):
    """The database, as far as reads need it."""

    async def one(self, sql: str, parameters: list[Any]) -> tuple[Any, ...]:
        """The one row of a statement; TimeoutError if it takes too long."""

    async def shown(self, position: int, tables: dict[str, list[str]]) -> bool:
        """Waits, at most two seconds, until the tables of the aggregate whose event this is have passed it."""
