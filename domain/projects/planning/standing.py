"""Where tasks stand among others: whether what is under what, and what waits for what, can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from domain.projects.planning.network import network_of
from domain.projects.planning.plan import Dependency, DependencyKind, Plan, Task
from domain.projects.planning.wrong import WrongPlan


@dataclass(frozen=True)
class Standing:
    """What a task is under, and what it waits for, each with the kind of the dependency. `name` is for messages."""

    id: UUID
    name: str
    parent_id: UUID | None
    waits_for: Mapping[UUID, DependencyKind]


def why_not(tasks: Iterable[Standing]) -> WrongPlan | None:
    """Why tasks cannot stand so, by their names; None where they can. Ties to what is not among them do not count."""
    among = {each.id: each for each in tasks}
    names = _names(among)
    try:
        network_of(
            Plan(
                start=date.min,
                tasks=tuple(
                    Task(id=names[each.id], parent=names.get(each.parent_id) if each.parent_id else None)
                    for each in among.values()
                ),
                dependencies=tuple(
                    Dependency(names[other], names[each.id], kind)
                    for each in among.values()
                    for other, kind in each.waits_for.items()
                    if other in names
                ),
            )
        )
    except WrongPlan as wrong:
        return wrong
    return None


def _names(among: Mapping[UUID, Standing]) -> dict[UUID, str]:
    """A name for each that no other has: a number is added where several are called the same."""
    taken, found = set[str](), dict[UUID, str]()
    for each in sorted(among.values(), key=lambda each: each.id):
        name, number = each.name, 1
        while name in taken:
            number += 1
            name = f"{each.name} ({number})"
        taken.add(name)
        found[each.id] = name
    return found
