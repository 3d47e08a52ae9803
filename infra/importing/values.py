"""From the text of a cell to what it says, and from a row to the arguments of a command."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, tzinfo
from decimal import Context, Decimal, Inexact
from typing import Any, Final
from uuid import UUID

from infra.importing.mapping import THIS, Column, Condition, Find, RowMapping, Step, Text, Type, Value, Whole
from infra.importing.problems import BadRow

NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
COMMA: Final = str.maketrans(",.", ".,")
DIGITS: Final = 30
EXACT: Final = Context(prec=60, traps=[Inexact])

Finder = Callable[[Find, str], UUID]
"""The id of the aggregate that a cell names. `BadRow` where there is none."""


class Values:
    """What one row says, by column. Each column is read once, when it is first asked for."""

    def __init__(self, mapping: RowMapping, cells: Mapping[str, str], find: Finder, zone: tzinfo) -> None:
        self.mapping, self.cells, self.find, self.zone = mapping, cells, find, zone
        self._read: dict[str, Any] = {}

    def key(self) -> str:
        """What tells this row from others."""
        key = self.mapping.key
        text = self.text(key.column) if isinstance(key, Whole) else self._filled(key)
        if text is None:
            names = [key.column] if isinstance(key, Whole) else [name for _, name in key.parts if name]
            column = next(name for name in names if self.text(name) is None)
            raise BadRow("this is empty, but rows are told apart by it", self.header(column))
        return text

    def holds(self, step: Step) -> bool:
        """Whether the row becomes this command."""
        return all(_holds(self.text(column), condition) for column, condition in step.when.items())

    def moment(self, step: Step) -> datetime | None:
        """When the thing happened that the command reports; None where the file does not say."""
        found = self.value(step.at.column) if isinstance(step.at, Whole) else step.at
        if found is None or isinstance(found, datetime):
            return found.replace(tzinfo=found.tzinfo or self.zone) if found else None
        return datetime.combine(found, time(), self.zone)

    def arguments(self, step: Step) -> dict[str, Any]:
        """What is given to the command; what is unknown is left out."""
        given = {name: self._given(value) for name, value in step.arguments.items()}
        return {name: value for name, value in given.items() if value is not None}

    def text(self, name: str) -> str | None:
        """What the cell says, put as the mapping puts it; None where nobody knows."""
        column = self.mapping.columns[name]
        said = self.cells[column.header].strip() if column.header is not None else column.always
        said = (column.aliases or {}).get(said or "", said) or column.empty or None
        if column.only and said is not None and said not in column.only:
            known = ", ".join(sorted(column.only))
            raise BadRow(f"{short(said)} is none of those that the mapping knows: {known}", column.header)
        return said

    def value(self, name: str) -> Any:
        """What the column was read as; None where it says nothing."""
        if name not in self._read:
            column, text = self.mapping.columns[name], self.text(name)
            try:
                self._read[name] = None if text is None else self._parsed(column, text)
            except BadRow as wrong:
                wrong.column = wrong.column or self.header(name)
                raise
        return self._read[name]

    def header(self, name: str) -> str | None:
        """What the column is called in the file."""
        column = self.mapping.columns.get(name)
        return column.header if column else None

    def _given(self, value: Any) -> Any:
        match value:
            case Whole(column) if column == THIS:
                return value
            case Whole(column):
                return self.value(column)
            case Text():
                return self._filled(value)
            case Value():
                parts = {name: self._given(inner) for name, inner in value.parts.items()}
                known = {name: part for name, part in parts.items() if part is not None}
                lacks = value.needed & (parts.keys() - known.keys())
                return None if lacks and not any(_reads(value.parts[name]) for name in known) else known
            case list():
                return [part for part in map(self._given, value) if part is not None]
        return value

    def _filled(self, text: Text) -> str | None:
        said = [(before, self.text(column) if column else "") for before, column in text.parts]
        if any(text is None for _, text in said):
            return None
        return "".join(f"{before}{text}" for before, text in said)

    def _parsed(self, column: Column, text: str) -> Any:
        if column.find:
            return self.find(column.find, text)
        match column.type:
            case Type.DATE:
                return _moment(text, column.format).date() if column.format else _date(text)
            case Type.INSTANT:
                return _moment(text, column.format)
            case Type.NUMBER | Type.WHOLE:
                return _number(text, column)
            case Type.FLAG:
                if text not in ("true", "false"):
                    raise BadRow(f"{short(text)} is neither true nor false: put it in `aliases`")
                return text == "true"
        return text


def _holds(text: str | None, condition: Condition) -> bool:
    return (text is not None) == condition if isinstance(condition, bool) else text in condition


def _reads(value: Any) -> bool:
    """Whether it depends on what a row says."""
    if isinstance(value, Value | list):
        return any(map(_reads, value.parts.values() if isinstance(value, Value) else value))
    return isinstance(value, Whole | Text)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRow(f"{short(text)} is no day of the calendar, such as 2017-03-31: see `format`") from None


def _moment(text: str, format: str | None) -> datetime:
    try:
        return datetime.strptime(text, format) if format else datetime.fromisoformat(text)
    except ValueError:
        raise BadRow(f"{short(text)} is no time written as {format or '2017-03-31T09:30'}: see `format`") from None


def _number(text: str, column: Column) -> Decimal | int:
    plain = text.replace(column.grouping, "") if column.grouping else text
    if column.decimal == ",":
        plain = plain.translate(COMMA)
    if not NUMBER.fullmatch(plain):
        marks = f"{column.decimal!r} for its decimals" + (f" and {column.grouping!r}" if column.grouping else "")
        raise BadRow(f"{short(text)} is no number, or not written with {marks}")
    if sum(map(str.isdigit, plain)) > DIGITS:
        raise BadRow(f"a number of more than {DIGITS} digits is none that anybody counted")
    number = EXACT.multiply(Decimal(plain), Decimal(column.times))
    if column.type is Type.NUMBER:
        return number
    if number != number.to_integral_value():
        raise BadRow(f"{short(text)} is no whole number")
    return int(number)


def short(text: str) -> str:
    """A text as a message names it."""
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
