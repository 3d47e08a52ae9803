"""Every command there is, asked for by who has its permission, by who has every other one, and by who has none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest

from domain.aggregate import Aggregate
from domain.catalogue import AGGREGATES
from domain.command import REQUIRED, Argument, Code, Command, Refusal, commands_of
from domain.rights import permissions
from domain.values import Email, Locale, Money, Period, Phone, TimeZone, Website
from projections.catalogue import VIEWS
from tests.scenario import World, a_role, one_of, somebody

READING = {view.needs for view in VIEWS}
TEXTS: Mapping[Any, Any] = {
    Email: "ada@engines.org", Phone: "+4930901820", Website: "acme.org", TimeZone: "Europe/Vienna", Locale: "de",
    str: "x", int: 1, bool: True, date: "2026-01-31", datetime: "2026-01-31T12:00:00Z", UUID: str(UUID(int=1)),
    Money: {"amount": 5, "currency": "EUR"}, Period: {"since": "2026-01-31"},
}  # fmt: skip


def example(hint: Any) -> Any:
    """A value of a type, as a caller gives it."""
    if get_origin(hint) is Annotated:
        return example(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return example(next(part for part in get_args(hint) if part is not NoneType))
    if get_origin(hint) in (tuple, frozenset):
        return [example(get_args(hint)[0])]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint)).value
    if hint in TEXTS:
        return TEXTS[hint]
    if is_dataclass(hint):
        hints = get_type_hints(hint, include_extras=True)
        return {f.name: example(hints[f.name]) for f in fields(hint) if get_origin(hints[f.name]) is not Mapping}
    return 1


def given(argument: Argument, made: Mapping[type[Aggregate], UUID]) -> Any:
    if argument.aggregate:
        return [str(made[argument.aggregate])] if argument.many else str(made[argument.aggregate])
    return {} if argument.patch else example(argument.type)


def outcome(world: World, command: Command, made: Mapping[type[Aggregate], UUID], by: UUID) -> Code | None:
    """Why a command of the least content did nothing; None if it did something."""
    asked = {a.asked_as: given(a, made) for a in command.arguments if a.default is REQUIRED}
    done = world.when(command.name, None if command.creates else made[command.aggregate], by=by, **asked).outcome
    return done.code if isinstance(done, Refusal) else None


@pytest.mark.parametrize("kind", AGGREGATES, ids=lambda kind: kind.__name__)
def test_a_command_is_carried_out_for_who_has_its_permission_and_for_nobody_else(
    world: World, kind: type[Aggregate]
) -> None:
    made = {each: one_of(world, each) for each in AGGREGATES}
    world.governed()
    everything = {name: "all" for name in permissions(AGGREGATES)}
    nobody, wrong = somebody(world), list[Any]()
    for command in commands_of(kind).values():
        if command.inner:
            continue
        name, needs = f"{command.name}", command.needs
        only = a_role(world, f"only {name}", {needs: "all"} | dict.fromkeys(READING, "all"))
        but = a_role(world, f"all but {name}", {p: s for p, s in everything.items() if p != needs})
        mine, others = somebody(world, only), somebody(world, but)

        told = [outcome(world, command, made, by) for by in (nobody, others, mine)]

        unknown = Code.FORBIDDEN if command.creates else Code.NOT_FOUND
        # Whoever may not even see the kind without this permission learns nothing of it.
        without = unknown if needs in READING else Code.FORBIDDEN
        if told[:2] != [unknown, without] or told[2] in (Code.FORBIDDEN, Code.NOT_FOUND):
            wrong.append((name, told))

    assert wrong == []
