"""A mapping: how the rows of a file become commands. Written in TOML by people, read and checked here as a whole."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Any, Final, get_args, get_type_hints

from domain.catalogue import AGGREGATES
from domain.command import REQUIRED, Command, index
from infra.importing.problems import CannotImport

THIS: Final = "this"
"""In a mapping, `{this}` is the aggregate that the row's first command was asked of, or made."""
ENCODINGS: Final = {"utf-8": "utf-8-sig", "utf8": "utf-8-sig"}
"""Those that may begin with a mark of their own, which is none of the first column's name."""
LINK: Final = "link"
"""The name of the command that is added to those that make something: it keeps the key of the row."""


class Type(StrEnum):
    """What the text of a cell is read as."""

    TEXT = "text"
    DATE = "date"
    INSTANT = "instant"
    NUMBER = "number"
    WHOLE = "whole"
    FLAG = "flag"


@dataclass(frozen=True)
class Find:
    """Another aggregate, by what the cell says: `by` is an attribute, or `external_ids.<system>`."""

    kind: str
    by: str


@dataclass(frozen=True)
class Column:
    """How one column is read. `header` is its name in the file; a column with a constant has none.

    `only` are the texts that it may say, if not any; `always` is the constant.
    """

    name: str
    header: str | None
    always: str | None = None
    aliases: Mapping[str, str] | None = None
    empty: str | None = None
    only: frozenset[str] = frozenset()
    type: Type = Type.TEXT
    format: str | None = None
    decimal: str = "."
    grouping: str = ""
    times: int = 1
    find: Find | None = None


@dataclass(frozen=True)
class Whole:
    """`"{column}"`: what the column was read as."""

    column: str


@dataclass(frozen=True)
class Text:
    """`"{product} for {account}"`: text with the texts of columns in it."""

    parts: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class Value:
    """A value made of parts. Where a part that it cannot do without is unknown, and all others are, it is too."""

    parts: Mapping[str, Any]
    needed: frozenset[str]


Filled = bool
Condition = Filled | frozenset[str]


@dataclass(frozen=True)
class Step:
    """One command of a row, if its conditions hold. `on` is whose it is where it makes nothing new."""

    name: str
    command: Command
    on: Whole | None
    at: Whole | date | datetime | None
    when: Mapping[str, Condition]
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class RowMapping:
    """A mapping, checked against the domain. `system` is there wherever the first command makes something."""

    name: str
    kind: str
    system: str | None
    key: Whole | Text
    encoding: str
    delimiter: str | None
    columns: Mapping[str, Column]
    steps: tuple[Step, ...]

    @property
    def headers(self) -> frozenset[str]:
        """The columns that a file must have."""
        return frozenset(column.header for column in self.columns.values() if column.header is not None)


def read(path: Path) -> RowMapping:
    """The mapping in a file. `CannotImport` names the place in it, and what would be right."""
    try:
        text = path.read_text(encoding="utf-8")
        return _mapping(_Table(str(path), "", tomllib.loads(text)))
    except OSError as wrong:
        raise CannotImport(f"{path}: the mapping cannot be read: {wrong.strerror}") from None
    except UnicodeDecodeError as wrong:
        raise CannotImport(f"{path}: a mapping is UTF-8, but byte {wrong.start} is not") from None
    except tomllib.TOMLDecodeError as wrong:
        raise CannotImport(f"{path}: this is not TOML: {wrong}") from None


class _Table:
    """A table of the TOML file whose words are taken one by one; what nobody took is a mistake of the writer."""

    def __init__(self, path: str, place: str, content: Mapping[str, Any]) -> None:
        self.path, self.place, self.content = path, place, content
        self.asked: list[str] = []

    def wrong(self, word: str, message: str) -> CannotImport:
        where = f"[{self.place}] " if self.place else ""
        return CannotImport(f"{self.path}: {where}{f'`{word}` ' if word else ''}{message}")

    def take(self, word: str, kind: type | tuple[type, ...], what: str, otherwise: Any = REQUIRED) -> Any:
        self.asked.append(word)
        if word not in self.content:
            if otherwise is REQUIRED:
                raise self.wrong(word, f"is missing: {what}")
            return otherwise
        value = self.content[word]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            raise self.wrong(word, f"is {value!r}, but should be {what}")
        return value

    def table(self, word: str, otherwise: Any = REQUIRED) -> _Table:
        content = self.take(word, dict, "a table", otherwise)
        return _Table(self.path, f"{self.place}.{word}" if self.place else word, content)

    def tables(self) -> Iterator[tuple[str, _Table]]:
        for word in self.content:
            yield word, self.table(word)

    def done(self) -> None:
        for word in self.content:
            if word not in self.asked:
                raise self.wrong(word, f"means nothing here{meant(word, self.asked)}")


def meant(word: str, known: Iterable[str]) -> str:
    """What somebody who wrote this may have meant, as the end of a sentence."""
    known = sorted(known)
    near = get_close_matches(word, known, 1)
    return f": did you mean `{near[0]}`?" if near else f": there are {', '.join(f'`{k}`' for k in known)}"


def _mapping(top: _Table) -> RowMapping:
    commands = index(AGGREGATES)
    kinds = {command.aggregate.__name__ for command in commands.values()}
    name = top.take("name", str, "a name of its own for this mapping, by which rows are known again, for ever")
    kind = _one_of(top, "kind", kinds, 'the kind of aggregate that a row is, such as "Account"')
    system = top.take("system", str, "the name of the system that the file comes from", None)
    key = _key(top)
    encoding, delimiter = _file(top.table("file", {}))
    columns = {n: _column(n, table, system, commands) for n, table in top.table("columns", {}).tables()}
    listed = top.take("commands", list, "the commands that a row becomes: [[commands]]")
    tables = [_Table(top.path, f"commands.{n}", each) for n, each in enumerate(listed, 1) if isinstance(each, dict)]
    if not tables or len(tables) < len(listed):
        raise top.wrong("commands", "is a list of tables, each headed [[commands]]")
    top.done()
    steps = [_step(table, commands) for table in tables]
    _check_first(tables[0], steps[0], kind, system)
    if system and steps[0].command.creates:
        given = {"system": system, "external_id": key}
        link = commands[f"{kind}.link_external"]
        steps.insert(1, Step(LINK, link, Whole(THIS), steps[0].at, {}, given))
        tables.insert(1, top)
    for table, step in zip(tables, steps, strict=True):
        if [other.name for other in steps].count(step.name) > 1:
            raise table.wrong("name", f'is needed: two commands of this mapping are called "{step.name}"')
        for column in columns_of([step.on, step.at, step.arguments, *map(Whole, step.when)]):
            columns.setdefault(column, Column(column, column))
        _check_step(table, step, kind, columns)
    for column in columns_of(key):
        columns.setdefault(column, Column(column, column))
    columns.pop(THIS, None)
    return RowMapping(name, kind, system, key, encoding, delimiter, columns, tuple(steps))


def part(given: Any, path: str) -> Any:
    """What is given to a part of the arguments: `details.revenue.amount`; as near to it as there is anything."""
    for name in path.split("."):
        inner = given.parts if isinstance(given, Value) else given
        if not isinstance(inner, dict) or name not in inner:
            return given if isinstance(given, Value) else None
        given = inner[name]
    return given


def _key(top: _Table) -> Whole | Text:
    what = 'what tells rows apart, such as "{number}" or "{office}/{number}"'
    key = _template(top, "key", top.take("key", str, what))
    if isinstance(key, str):
        raise top.wrong("key", f"is {key!r}, but should be {what}")
    return key


def _file(table: _Table) -> tuple[str, str | None]:
    encoding = table.take("encoding", str, 'an encoding such as "cp1252"', "utf-8-sig")
    delimiter = table.take("delimiter", str, "one character", None)
    table.done()
    try:
        "".encode(encoding)
    except LookupError:
        known = '"utf-8", "utf-16", "cp1252", "gb18030" and so on'
        raise table.wrong("encoding", f"is {encoding!r}, which is no encoding of text: there are {known}") from None
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise table.wrong("delimiter", f'is {delimiter!r}, but should be one character, such as ";" or "\\t"')
    return ENCODINGS.get(encoding.lower(), encoding), delimiter


def _column(name: str, table: _Table, system: str | None, commands: Mapping[str, Command]) -> Column:
    always = table.take("always", str, "a text", None)
    header = table.take("from", str, "the name of a column in the file", None if always is not None else name)
    if always is not None and header is not None:
        raise table.wrong("always", "is a constant, so there is nothing to read it `from`")
    if name == THIS:
        raise table.wrong("", f"`{{{THIS}}}` is the row itself: give this column another name, with `from`")
    aliases = table.take("aliases", dict, "a table of what to say instead", {})
    for said, instead in aliases.items():
        if not isinstance(instead, str):
            raise table.wrong("aliases", f"says {instead!r} instead of {said!r}, but should say a text")
    kind = Type(_one_of(table, "type", set(Type), "what its text is read as", Type.TEXT))
    column = Column(
        name,
        header,
        always,
        aliases,
        table.take("empty", str, "what an empty cell means", None),
        frozenset(_texts(table, "only")),
        kind,
        table.take("format", str, 'how dates are written, such as "%d.%m.%Y"', None),
        table.take("decimal", str, 'the decimal mark, "." or ","', "."),
        table.take("grouping", str, 'the mark between thousands, such as ","', ""),
        table.take("times", int, "a whole number to multiply with", 1),
        _find(table, system, commands),
    )
    table.done()
    for word, fits, what in (
        ("format", {Type.DATE, Type.INSTANT}, "a date or an instant"),
        ("decimal", {Type.NUMBER}, "a number"),
        ("grouping", {Type.NUMBER, Type.WHOLE}, "a number"),
        ("times", {Type.NUMBER, Type.WHOLE}, "a number"),
        ("find", {Type.TEXT}, "text"),
    ):
        if word in table.content and kind not in fits:
            raise table.wrong(word, f'is for {what}, but this column is of the type "{kind}"')
    if column.decimal not in (".", ","):
        raise table.wrong("decimal", f'is {column.decimal!r}, but should be "." or ","')
    if len(column.grouping) > 1 or column.grouping.isalnum() or column.grouping in ("+", "-", column.decimal):
        raise table.wrong("grouping", f"is {column.grouping!r}, but should be one mark, and not the decimal mark")
    return column


def _texts(table: _Table, word: str) -> list[str]:
    texts: list[Any] = table.take(word, list, "a list of texts", [])
    if not all(isinstance(each, str) for each in texts):
        raise table.wrong(word, f"is {texts!r}, but should be a list of texts")
    return texts


def _find(table: _Table, system: str | None, commands: Mapping[str, Command]) -> Find | None:
    kinds = {command.aggregate.__name__: command.aggregate for command in commands.values()}
    kind = _one_of(table, "find", set(kinds), "the kind of what it names", None)
    by = table.take("by", str, 'an attribute, or "external_ids.<system>"', system and f"external_ids.{system}")
    if kind is None:
        if "by" in table.content:
            raise table.wrong("by", "says by what to find something: say what, with `find`")
        return None
    if by is None:
        raise table.wrong("by", "is missing: this mapping names no `system` in which to look")
    if not by.startswith("external_ids.") and by not in kinds[kind].attributes():
        raise table.wrong("by", f"is {by!r}, which is no attribute of {kind}{meant(by, kinds[kind].attributes())}")
    return Find(kind, by)


def _step(table: _Table, commands: Mapping[str, Command]) -> Step:
    command = commands[_one_of(table, "call", set(commands), 'a command such as "Account.register"')]
    name = table.take("name", str, "a name of its own for this command", command.name)
    on = table.take("on", str, 'whose command it is, such as "{account}"', None)
    at = table.take("at", (str, date), 'when it happened: "{column}" or a date', None)
    conditions = table.table("when", {})
    arguments = table.table("with", {})
    table.done()
    if command.creates and on is not None:
        raise table.wrong("on", f"makes no sense: {command.name} makes something new")
    given = _arguments(arguments, command)
    when = {column: _condition(conditions, column, value) for column, value in conditions.content.items()}
    at = _whole(table, "at", at) if isinstance(at, str) else at
    subject = None if command.creates else Whole(THIS) if on is None else _whole(table, "on", on)
    return Step(name, command, subject, at, when, given)


def _condition(table: _Table, column: str, value: Any) -> Condition:
    if isinstance(value, bool):
        return value
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return frozenset(value)
    raise table.wrong(column, "should be a list of texts, or true for any and false for none")


def _template(table: _Table, word: str, text: str) -> str | Whole | Text:
    try:
        parts = tuple(Formatter().parse(text))
    except ValueError:
        parts = (("", "", None, None),)
    if any(column == "" or spec or turn for _, column, spec, turn in parts):
        raise table.wrong(word, f"is {text!r}: a column is named as {{column}}, and a brace itself is written twice")
    if len(parts) == 1 and not parts[0][0] and parts[0][1]:
        return Whole(parts[0][1])
    if not any(column for _, column, _, _ in parts):
        return "".join(said for said, _, _, _ in parts)
    return Text(tuple((said, column) for said, column, _, _ in parts))


def _whole(table: _Table, word: str, text: str) -> Whole:
    found = _template(table, word, text)
    if not isinstance(found, Whole):
        raise table.wrong(word, f'is {text!r}, but should name one column, such as "{{account}}"')
    return found


def _one_of(table: _Table, word: str, known: Iterable[str], what: str, otherwise: Any = REQUIRED) -> Any:
    value = table.take(word, str, what, otherwise)
    if value is not otherwise and value not in (known := set(known)):
        raise table.wrong(word, f"is {value!r}{meant(value, known)}")
    return value


def columns_of(given: Any) -> Iterator[str]:
    """The columns that are named anywhere in it."""
    if isinstance(given, Whole):
        yield given.column
    elif isinstance(given, Text):
        yield from (column for _, column in given.parts if column)
    elif isinstance(given, Value):
        yield from columns_of(given.parts)
    elif isinstance(given, dict | list):
        for inner in given.values() if isinstance(given, dict) else given:
            yield from columns_of(inner)


def _check_first(table: _Table, first: Step, kind: str, system: str | None) -> None:
    """A row is known again by its first command, so that is always there."""
    if first.when:
        raise table.wrong("when", "is for later commands: the first is what every row becomes")
    if first.command.aggregate.__name__ != kind:
        raise table.wrong("call", f"is {first.command.name}, but a row is of the kind {kind}: begin with that")
    if THIS in columns_of([first.on, first.arguments]):
        raise table.wrong("", f"cannot use {{{THIS}}}: nothing is there before the first command")
    if first.command.creates and system is None:
        message = "makes something new, so say at the top which `system` knows it by the key of the row"
        raise table.wrong("call", message)


def _check_step(table: _Table, step: Step, kind: str, columns: Mapping[str, Column]) -> None:
    wanted = step.command.aggregate.__name__
    if step.on:
        find = columns[step.on.column].find if step.on.column != THIS else None
        found = kind if step.on.column == THIS else find and find.kind
        if found != wanted:
            called = f"{step.command.name} is asked of one of {wanted}"
            raise table.wrong("on", f"names {f'one of {found}' if found else 'no aggregate'}, but {called}")
    if isinstance(step.at, Whole) and columns[step.at.column].type not in (Type.DATE, Type.INSTANT):
        raise table.wrong("at", f'is "{{{step.at.column}}}", but that column is not of the type "date" or "instant"')


def _arguments(table: _Table, command: Command) -> dict[str, Any]:
    known = {argument.asked_as: argument for argument in command.arguments}
    for word in table.content:
        if word not in known:
            raise table.wrong(word, f"is no argument of {command.name}{meant(word, known)}")
    for word, argument in known.items():
        if argument.default is REQUIRED and not argument.optional and word not in table.content:
            raise table.wrong(word, f"is missing: {command.name} needs it")
    return {word: _given(table, word, value, known[word].type) for word, value in table.content.items()}


def _given(table: _Table, word: str, value: Any, kind: Any) -> Any:
    """What is given to an argument: a constant, a reading of columns, or a table or list of such."""
    kinds = (kind, *get_args(kind))
    if isinstance(value, str):
        return _template(table, word, value)
    if isinstance(value, list):
        return [_given(table, word, inner, kinds[-1]) for inner in value]
    if not isinstance(value, dict):
        return value
    shape = next((each for each in kinds if isinstance(each, type) and is_dataclass(each)), None)
    if shape is None:
        return Value({part: _given(table, f"{word}.{part}", inner, None) for part, inner in value.items()}, frozenset())
    hints, parts = get_type_hints(shape), {}
    for part, inner in value.items():
        if part not in hints:
            raise table.wrong(f"{word}.{part}", f"is no part of it{meant(part, [f.name for f in fields(shape)])}")
        parts[part] = _given(table, f"{word}.{part}", inner, hints[part])
    needed = {f.name for f in fields(shape) if f.default is MISSING and f.default_factory is MISSING}
    return Value(parts, frozenset(needed))
