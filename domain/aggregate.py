"""What every aggregate shares: commands decide, events record, and what was recorded is never questioned again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextvars import ContextVar
from dataclasses import Field, dataclass, field, fields, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeVar, cast
from uuid import UUID

from eventsourcing import domain

from domain import undoing
from domain.declaration import KINDS, WrongDeclaration, content_of, item_class, problems
from domain.history import Told
from domain.parameters import LONG, Actor, AtMost, FoundBy, FromHistory, FromRequest, MayAll, Text, command
from domain.values import new_id

if TYPE_CHECKING:
    from domain.platform.custom_field import CustomField
    from domain.platform.user import User

T = TypeVar("T")

WHILE_ARCHIVED: Final = frozenset({"restore", "forget", "unmerge", undoing.UNDO})
ABSTRACT: Final = frozenset({"Event", "Created", "Fact"})

occurring_at: ContextVar[datetime | None] = ContextVar("occurring_at", default=None)
"""When the thing that a command reports happened; None for now. Set by whoever runs commands."""


class Refused(Exception):
    """A command broke a rule of the business. Nothing was recorded."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Claim:
    """A value that only one aggregate of a kind may hold."""

    kind: str
    name: str
    value: str


class _Topic:
    """Names an event `Opportunity.Won`, whichever module its class stands in."""

    def __get__(self, _: object, event: type) -> str:
        return ".".join(event.__qualname__.split(".")[-2:])


class Aggregate(domain.Aggregate):
    """Base of every aggregate. A command checks the rules, then triggers an event; an event sets what it names.

    Attributes are values that nobody changes in place: an event replaces them.
    """

    TOPIC: ClassVar[str]
    needs: ClassVar[str] = ""
    """The permission for its commands: `sales.sell`."""
    unique: ClassVar[tuple[str, ...]] = ()
    """Attributes whose values only one of the kind may hold."""

    owner_id: UUID | None = None
    tags: frozenset[str] = frozenset()
    custom_fields: Mapping[str, str | int | bool] = field(default_factory=dict)
    external_ids: Mapping[str, str] = field(default_factory=dict)
    watchers: frozenset[UUID] = frozenset()
    archived: bool = False
    archive_reason: str | None = None

    class Event(domain.Aggregate.Event):
        """Sets the attributes that it names; or, of the item that its first field identifies, the fields.

        Of `schema_version` 3, it has static methods `upcast_v1` and `upcast_v2`: each takes what an event of that
        version told, as plain JSON, and returns what one of the next version tells.
        """

        TOPIC = _Topic()
        schema_version: ClassVar[int] = 1
        item_of: ClassVar[str] = ""
        ends_item_of: ClassVar[str] = ""
        forgets: ClassVar[bool] = False
        """Whether the aggregate is a person of whom nothing personal is left afterwards, and never will be."""

        def apply(self, aggregate: Any) -> None:
            told = {name: getattr(self, name) for name in content_of(cast(Any, type(self)))}
            if self.ends_item_of or self.item_of:
                holder, key = self.ends_item_of or self.item_of, next(iter(told.values()))
                items = dict(getattr(aggregate, holder))
                if self.ends_item_of:
                    del items[key]
                else:
                    make = item_class(cast(Any, type(aggregate)), holder)
                    items[key] = replace(items[key], **told) if key in items else make(**told)
                setattr(aggregate, holder, items)
            else:
                for name, value in told.items():
                    setattr(aggregate, name, value)

        @classmethod
        def sets_what_it_names(cls) -> bool:
            """Whether it changes an aggregate in the way that events do, and not in one of its own."""
            return cls.apply is Aggregate.Event.apply

        @staticmethod
        def create_timestamp() -> datetime:
            """The business time that was given; without one it is the time of recording, which only the store knows."""
            return cast(datetime, occurring_at.get())

    class Created(Event, domain.Aggregate.Created):
        """Begins an aggregate."""

    class Fact(Event):
        """Is worth remembering and changes no state."""

        def apply(self, aggregate: Any) -> None:
            pass

    class Archived(Event):
        archive_reason: str | None
        archived: bool = True

    class Restored(Event):
        archive_reason: None = None
        archived: bool = False

    class TagsChanged(Event):
        tags: frozenset[str]

    class CustomFieldsChanged(Event):
        custom_fields: Mapping[str, str | int | bool]

    class OwnerAssigned(Event):
        owner_id: UUID | None

    class WatchersChanged(Event):
        watchers: frozenset[UUID]

    class ExternalIdsChanged(Event):
        external_ids: Mapping[str, str]

    class Commented(Fact):
        text: str
        mentions: tuple[UUID, ...] = ()

    @command
    def archive(self, reason: Text | None = None) -> None:
        """Put it away. It leaves the lists and takes no more changes until it is restored."""
        self.trigger_event(self.Archived, archive_reason=reason)

    @command
    def restore(self) -> None:
        """Take it back out of the archive."""
        self.require(self.archived, "it is not archived")
        self.trigger_event(self.Restored)

    @command
    def tag(self, label: str) -> None:
        """Put a label on it."""
        if label not in self.tags:
            self.trigger_event(self.TagsChanged, tags=self.tags | {label})

    @command
    def untag(self, label: str) -> None:
        """Take a label off it."""
        if label in self.tags:
            self.trigger_event(self.TagsChanged, tags=self.tags - {label})

    @command
    def set_custom_field(
        self,
        key: str,
        value: Annotated[str | int | float | bool | None, AtMost(LONG)],
        definition: Annotated[CustomField | None, FoundBy("key", "{kind}.{key}")],
    ) -> None:
        """Fill a field that the company defined for itself; null empties it."""
        filled = {k: v for k, v in self.custom_fields.items() if k != key}
        if value is not None:
            filled[key] = self.needed(definition, "there is no such field: define it first", "key").checked(value)
        if filled != self.custom_fields:
            self.trigger_event(self.CustomFieldsChanged, custom_fields=filled)

    @command
    def assign_owner(self, owner: User | None) -> None:
        """Say who is responsible; null for nobody."""
        self.trigger_event(self.OwnerAssigned, owner_id=owner and owner.id)

    @command
    def comment(self, text: Text, mentions: tuple[User, ...] = ()) -> None:
        """Write a remark for colleagues; who is mentioned is told."""
        self.trigger_event(self.Commented, text=text, mentions=tuple(user.id for user in mentions))

    @command
    def watch(self, by: Actor) -> None:
        """Be told of what happens to it."""
        if by not in self.watchers:
            self.trigger_event(self.WatchersChanged, watchers=self.watchers | {by})

    @command
    def unwatch(self, by: Actor) -> None:
        """Be told no more."""
        if by in self.watchers:
            self.trigger_event(self.WatchersChanged, watchers=self.watchers - {by})

    @command
    def link_external(self, system: str, external_id: str) -> None:
        """Remember by which id another system knows it."""
        self.trigger_event(self.ExternalIdsChanged, external_ids={**self.external_ids, system: external_id})

    @command
    def unlink_external(self, system: str) -> None:
        """Forget by which id another system knew it."""
        if system in self.external_ids:
            others = {s: id for s, id in self.external_ids.items() if s != system}
            self.trigger_event(self.ExternalIdsChanged, external_ids=others)

    @command(inner=True)
    def stay(self) -> None:
        """Change nothing, and be told how it stands."""

    @command(inner=True)
    def undo(
        self,
        of: Annotated[UUID, "a command, or what belongs together"],
        past: Annotated[tuple[Told, ...], FromHistory()],
        everything: MayAll,
        governed: Annotated[bool, FromRequest("governed")],
        reason: Text | None = None,
    ) -> None:
        """Take back what a command did to it, or all that belongs together. What others did since stays."""
        self.require(any(each.is_of(of) for each in past), "nothing of this happened to it", "of")
        self.require(bool(undoing.of(past, of)), "this was undone already", "of")
        try:
            made = undoing.compensations(self, past, of, reason)
        except undoing.CannotUndo as failure:
            raise Refused(str(failure), failure.field) from None
        obstacle = undoing.why_not(type(self), undoing.commands_of(past, of), made, everything, governed)
        self.require(obstacle is None, obstacle)
        for event, told in made:
            self.trigger_event(event, **told)

    @staticmethod
    def require(rule: bool, otherwise: str | None, field: str | None = None) -> None:
        """Refuse the command unless the rule holds. `otherwise` is for the person at the screen."""
        if not rule:
            raise Refused(otherwise or "this is refused", field)

    @staticmethod
    def needed(value: T | None, otherwise: str, field: str | None = None) -> T:
        """The value; without one, the command is refused."""
        if value is None:
            raise Refused(otherwise, field)
        return value

    @classmethod
    def day(cls, on: date | None, now: datetime) -> date:
        """The day when something happened, today unless given; refused where it has not come yet."""
        cls.require(on is None or on <= now.date(), "this day has not come yet", "on")
        return on or now.date()

    def guard(self, command: str) -> None:
        """What holds before any command. A class with states of its own adds to it, and calls this one."""
        self.require(not self.archived or command in WHILE_ARCHIVED, "this is archived: restore it first")

    @property
    def usable(self) -> bool:
        """Whether others may still be tied to it."""
        return not self.archived

    def why_not_among(self, reached: Collection[Any]) -> str | None:
        """Why it must not be tied to these, which are reached from it; None where it may. Asked when an undo would tie
        them again.
        """
        if self.id in {each.id for each in reached}:
            return "it would belong to itself: what it belonged to belongs to it now"
        return None

    def claims(self) -> frozenset[Claim]:
        """What nobody else of the kind may hold while this is not archived."""
        if self.archived or not (self.unique or self.external_ids):
            return frozenset()
        held = {name: getattr(self, name) for name in self.unique}
        held |= {f"external_ids.{system}": external_id for system, external_id in self.external_ids.items()}
        return frozenset(Claim(type(self).__name__, n, str(v)) for n, v in held.items() if v is not None)

    @classmethod
    def events(cls) -> dict[str, type[Event]]:
        """Every kind of event that it may record, its own and those of its bases, by name."""
        found = {name: member for base in reversed(cls.__mro__) for name, member in vars(base).items()}
        return {n: m for n, m in found.items() if _is_event(m) and n not in ABSTRACT}

    @classmethod
    def attributes(cls) -> dict[str, Field[Any]]:
        """What it knows, by name."""
        return {a.name: a for a in fields(cast(Any, cls))}

    def __hash__(self) -> int:
        return hash(self.id)

    @staticmethod
    def create_id(*_: Any, **__: Any) -> UUID:
        return new_id()

    def __init_subclass__(cls, **options: Any) -> None:
        cls.TOPIC = cls.__name__
        dataclass(kw_only=True, eq=False, repr=False)(cls)
        for problem in problems(cls):
            raise WrongDeclaration(f"{cls.__name__}{problem}")
        super().__init_subclass__(**options)
        KINDS[cls.__name__] = cls


def _is_event(member: object) -> bool:
    return isinstance(member, type) and issubclass(member, domain.AggregateEvent)


SHARED: Final = frozenset(name for name, member in vars(Aggregate).items() if hasattr(member, "__needs__"))
"""The commands that every aggregate answers."""
