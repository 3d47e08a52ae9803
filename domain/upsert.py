"""An upsert: what is given makes something, or brings what is there already to it, by the commands that it has."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from domain.aggregate import SHARED, Aggregate
from domain.command import Command, commands_of


@cache
def maker(aggregate: type[Aggregate]) -> Command | None:
    """The one command that makes an aggregate; None where there are several, or where it tells a secret."""
    makers = [each for each in commands_of(aggregate).values() if each.creates and not each.inner]
    return makers[0] if len(makers) == 1 and not makers[0].tells_secret else None


@cache
def changers(making: Command) -> Mapping[str, Command]:
    """The commands that change later what this one sets at first, by the names of its arguments.

    Such a command takes nothing but arguments of the same names that are attributes too. Of several the one that takes
    least is meant. What no command changes is used only when it is made.
    """
    wanted = {each.asked_as for each in making.arguments} & making.aggregate.attributes().keys()
    found: dict[str, Command] = {}
    for each in commands_of(making.aggregate).values():
        taken = dict.fromkeys(argument.asked_as for argument in each.arguments)
        if each.creates or each.inner or each.method in SHARED or not taken or not taken.keys() <= wanted:
            continue
        for name in taken:
            if name not in found or len(taken) < len(found[name].arguments):
                found[name] = each
    return MappingProxyType(found)
