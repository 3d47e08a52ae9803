"""A custom field: what the company wants to know of a kind of thing beyond what Daybook knows of it."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Final, Self

from domain.aggregate import Aggregate, Claim, Refused
from domain.declaration import KINDS
from domain.parameters import command
from domain.values import WHOLE, exact

KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Type(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    CHOICE = "choice"


class CustomField(Aggregate):
    needs = "platform.shape"

    kind: str
    key: str
    label: str
    type: Type
    options: tuple[str, ...] = ()
    retired: bool = False

    class Defined(Aggregate.Created):
        kind: str
        key: str
        label: str
        type: Type
        options: tuple[str, ...]

    class Relabelled(Aggregate.Event):
        label: str

    class OptionsChanged(Aggregate.Event):
        options: tuple[str, ...]

    class Retired(Aggregate.Event):
        retired: bool = True

    class Resumed(Aggregate.Event):
        retired: bool = False

    @classmethod
    @command
    def define(
        cls,
        kind: Annotated[str, "of what, such as Account"],
        key: Annotated[str, "its name for programs, for ever"],
        label: str,
        type: Type,
        options: Annotated[tuple[str, ...], "what a choice is made from"] = (),
    ) -> Self:
        """Begin to keep something more of a kind of thing."""
        cls.require(kind in KINDS, "there is no such kind of thing", "kind")
        cls.require(bool(KEY.fullmatch(key)), "a key is made of small letters, digits and _, a letter first", "key")
        cls._check_options(type, options)
        return cls._create(cls.Defined, kind=kind, key=key, label=label, type=type, options=options)

    @command
    def relabel(self, label: str) -> None:
        """Call it otherwise; its key stays."""
        self.trigger_event(self.Relabelled, label=label)

    @command
    def change_options(self, options: tuple[str, ...]) -> None:
        """Let people choose from these. What was chosen already stays."""
        self._check_options(self.type, options)
        self.trigger_event(self.OptionsChanged, options=options)

    @command
    def retire(self) -> None:
        """Fill it no more. What it holds stays, and may be emptied."""
        self.require(not self.retired, "this field is retired already")
        self.trigger_event(self.Retired)

    @command
    def resume(self) -> None:
        """Fill it again."""
        self.require(self.retired, "this field is not retired")
        self.trigger_event(self.Resumed)

    def checked(self, value: str | int | float | bool) -> str | int | bool:
        """The value in the form that is kept: numbers with a point and days are text. What does not fit is refused."""
        self.require(not self.retired, f"{self.label} is retired", "key")
        match self.type, value:
            case Type.TEXT, str():
                return value
            case Type.BOOLEAN, bool():
                return value
            case (Type.INTEGER, int()) if not isinstance(value, bool) and value in WHOLE:
                return value
            case (Type.DECIMAL, str() | int() | float()) if not isinstance(value, bool):
                return _number(value)
            case Type.DATE, str():
                return _day(value)
            case Type.CHOICE, str():
                self.require(value in self.options, f"{self.label} is one of {', '.join(self.options)}", "value")
                return value
        raise Refused(f"{self.label} takes {WANTED[self.type]}", "value")

    def claims(self) -> frozenset[Claim]:
        own = () if self.archived else (Claim("CustomField", "key", f"{self.kind}.{self.key}"),)
        return super().claims().union(own)

    @classmethod
    def _check_options(cls, type: Type, options: tuple[str, ...]) -> None:
        of_choice = type is Type.CHOICE
        cls.require(bool(options) == of_choice, "a choice has options, and nothing else has", "options")
        cls.require(len(set(options)) == len(options), "an option is named once", "options")


WANTED: Final = {
    Type.TEXT: "text",
    Type.INTEGER: "a whole number",
    Type.DECIMAL: "a number",
    Type.BOOLEAN: "yes or no",
    Type.DATE: "a day, such as 2026-01-31",
    Type.CHOICE: "one of its options",
}


def _number(value: str | int | float) -> str:
    try:
        return f"{exact(Decimal(str(value))):f}"
    except InvalidOperation:
        raise Refused("this is not a number", "value") from None
    except ValueError as wrong:
        raise Refused(str(wrong), "value") from None


def _day(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise Refused("this is not a day, such as 2026-01-31", "value") from None
