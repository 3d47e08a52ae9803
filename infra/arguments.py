"""From what a caller gave to what a command takes; whatever does not fit is named by its field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from domain.aggregate import Aggregate
from domain.command import REQUIRED, Argument, Code, Command
from domain.parameters import SHORT
from domain.values import WHOLE, WrongPart, exact, parse

Reader = Callable[[Any, str], Any]
"""From a value and the name of its field to what a command takes; raises Failed where it does not fit."""

MOST: Final = 1_000
"""So many values a list has at most."""
LONGEST: Final = 2_000
"""So many characters a text of a kind of its own may have, such as the address of a page; the kind may want fewer."""
EXACT: Final = 2**53
"""Up to here any reader of JSON has the number that was written."""
NO_CHARACTER: Final = re.compile("[\0\ud800-\udfff]")
"""NUL, which PostgreSQL does not store, and half of a surrogate pair, which no encoding knows."""


class Failed(Exception):
    """A request that cannot be carried out, before any rule of the business is asked."""

    def __init__(self, code: Code, message: str, field: str | None = None, version: int | None = None) -> None:
        super().__init__(message)
        self.code, self.field, self.version = code, field, version


def invalid(message: str, field: str | None) -> Failed:
    return Failed(Code.INVALID, message, field)


def given(command: Command, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a command's arguments by parameter. What was left out and has a default is not there.

    Text comes trimmed, and empty text is none; of an aggregate there is the id, of a patch the fields to change.
    """
    known = _readers(command)
    for name in arguments:
        if name not in known:
            raise invalid(f"{command.name} takes no such argument", _part("", name) or None)
    found = {}
    for name, (argument, reader) in known.items():
        if name in arguments:
            found[argument.name] = reader(arguments[name], name)
        elif argument.default is REQUIRED:
            found[argument.name] = reader(None, name)
    return found


def patched(now: Any, changes: Mapping[str, Any], field: str) -> Any:
    """A value with some of its fields changed."""
    return _made(lambda: replace(now, **changes), field)


def text(value: Any, field: str, longest: int) -> str:
    """A text that fits; it is trimmed already, and not empty."""
    if not isinstance(value, str):
        raise invalid("this takes text", field)
    if len(value) > longest:
        raise invalid(f"this is too long: it may have {longest:,} characters", field)
    return value


def trimmed(value: Any, field: str) -> Any:
    """Text without the space around it, None if nothing is left; anything else as it is."""
    if not isinstance(value, str):
        return value
    if NO_CHARACTER.search(value):
        raise invalid("this holds what is no character: NUL, or half of a surrogate pair", field)
    return value.strip() or None


def key(value: Any, kind: type[Aggregate] | None, field: str) -> UUID:
    """The id in `Account_0190…`, of the right kind."""
    if isinstance(value, UUID):
        return value
    try:
        named, id = parse(value)
    except (ValueError, TypeError, AttributeError):
        raise invalid("this is not an id", field) from None
    if kind and named not in (None, kind.__name__):
        raise invalid(f"this is the id of something else, not of {kind.__name__}", field)
    return id


@cache
def _readers(command: Command) -> dict[str, tuple[Argument, Reader]]:
    return {a.asked_as: (a, _argument(a)) for a in command.arguments}


def _argument(argument: Argument) -> Reader:
    kind = argument.aggregate
    if kind:
        one = _needed(lambda value, field: key(value, kind, field), optional=argument.optional)
        return _needed(_list(one, tuple)) if argument.many else one
    if argument.patch:
        return _needed(_fields(argument.type, argument.longest, whole=False))
    return _reader(argument.type, argument.longest)


def _reader(hint: Any, longest: int) -> Reader:
    """How a value of a type is read."""
    if get_origin(hint) is Annotated:
        return _reader(get_args(hint)[0], longest)
    if get_origin(hint) in (Union, UnionType):
        kinds = tuple(kind for kind in get_args(hint) if kind is not NoneType)
        one = _one(kinds[0], longest) if len(kinds) == 1 else _any_of(kinds, longest)
        return _needed(one, optional=NoneType in get_args(hint))
    return _needed(_one(hint, longest))


def _one(hint: Any, longest: int) -> Reader:
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind in (tuple, frozenset):
        return _list(_reader(parts[0], longest), kind)
    if kind is Mapping:
        return _mapping(_reader(parts[0], longest), _reader(parts[1], longest))
    if kind in PLAIN:
        return PLAIN[kind]
    if kind is str:
        return lambda value, field: text(value, field, longest)
    if is_dataclass(kind):
        return _fields(kind, longest)
    if issubclass(kind, Enum):
        return _choice(kind)
    if issubclass(kind, str):
        return lambda value, field: _made(lambda: kind(text(value, field, LONGEST)), field)
    raise TypeError(f"an argument cannot be of type {hint}")


def _needed(reader: Reader, optional: bool = False) -> Reader:
    def read(value: Any, field: str) -> Any:
        value = trimmed(value, field)
        if value is not None:
            return reader(value, field)
        if not optional:
            raise invalid("this is needed", field)
        return None

    return read


def _list(reader: Reader, kind: type) -> Reader:
    def read(value: Any, field: str) -> Any:
        if not isinstance(value, list | tuple | set | frozenset):
            raise invalid("this takes a list", field)
        if len(value) > MOST:
            raise invalid(f"this is too long: it may have {MOST:,} values", field)
        return kind(reader(each, f"{field}.{i}") for i, each in enumerate(value))

    return read


def _mapping(key_reader: Reader, reader: Reader) -> Reader:
    def read(value: Any, field: str) -> Any:
        if not isinstance(value, Mapping):
            raise invalid("this takes values by their names", field)
        if len(value) > MOST:
            raise invalid(f"this is too long: it may have {MOST:,} values", field)
        return {key_reader(name, field): reader(each, _part(field, name)) for name, each in value.items()}

    return read


def _fields(kind: Any, longest: int, whole: bool = True) -> Reader:
    """How a value of several fields is read; or, when it need not be whole, only those that are given."""
    hints = get_type_hints(kind, include_extras=True)
    readers = {f.name: _reader(hints[f.name], longest) for f in fields(kind)}
    needed = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}

    def read(value: Any, field: str) -> Any:
        if isinstance(value, kind):
            value = vars(value)
        if not isinstance(value, Mapping):
            raise invalid(f"this takes {', '.join(readers)}", field)
        for name in value:
            if name not in readers:
                raise invalid("there is no such field", _part(field, name))
        found = {name: readers[name](each, f"{field}.{name}") for name, each in value.items()}
        if not whole:
            return found
        for name in needed - found.keys():
            raise invalid("this is needed", f"{field}.{name}")
        return _made(lambda: kind(**found), field)

    return read


def _choice(kind: type[Enum]) -> Reader:
    def read(value: Any, field: str) -> Any:
        try:
            return kind(value)
        except ValueError:
            raise invalid(f"this is one of {', '.join(str(each.value) for each in kind)}", field) from None

    return read


def _any_of(kinds: tuple[Any, ...], longest: int) -> Reader:
    """Text, numbers or yes and no, whichever is given, as it is."""

    def read(value: Any, field: str) -> Any:
        if not isinstance(value, kinds):
            raise invalid("this takes text, a number, or yes or no", field)
        if isinstance(value, int | float) and not -EXACT <= value <= EXACT:
            raise invalid("this number is too great: give it as text", field)
        return text(value, field, longest) if isinstance(value, str) else value

    return read


def _part(field: str, name: Any) -> str:
    """The field inside of another, under a name that its caller made up: if that cannot be shown, the other one."""
    showable = isinstance(name, str) and name.isprintable() and len(name) <= SHORT
    return f"{field}.{name}".removeprefix(".") if showable else field


def _made(make: Callable[[], Any], field: str) -> Any:
    """What a value makes of it; what it refuses is named."""
    try:
        return make()
    except WrongPart as wrong:
        raise invalid(str(wrong), f"{field}.{wrong.part}") from None
    except ValueError as wrong:
        raise invalid(str(wrong), field) from None


def _whole(value: Any, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid("this takes a whole number", field)
    if value not in WHOLE:
        raise invalid(f"a whole number lies between {WHOLE.start:,} and {WHOLE.stop - 1:,}", field)
    return value


def _decimal(value: Any, field: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise invalid("this takes a number", field)
    try:
        return exact(Decimal(str(value) if isinstance(value, float) else value))
    except InvalidOperation:
        raise invalid("this takes a number", field) from None
    except ValueError as wrong:
        raise invalid(str(wrong), field) from None


def _truth(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        raise invalid("this takes yes or no", field)
    return value


def _day(value: Any, field: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and value[4:8:3] == "--":
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise invalid("this is not a day, such as 2026-01-31", field)


def instant(value: Any, field: str) -> datetime:
    """A time with its zone."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(moment, datetime) and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise invalid("this is not a time with its zone, such as 2026-01-31T12:00:00Z", field)


PLAIN: Final[dict[Any, Reader]] = {
    int: _whole,
    Decimal: _decimal,
    bool: _truth,
    date: _day,
    datetime: instant,
    UUID: lambda value, field: key(value, None, field),
}
