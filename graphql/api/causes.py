"""What brought about what: the command of an event, the one that caused that, and all that came of it, as a tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from graphql import GraphQLResolveInfo

from api.declaring import ID, argument, declare
from api.entries import Batch, Told
from api.errors import forbidden
from api.fixed import Position
from api.meaning import Derived, Few, Happened, field
from api.ports import EventLog
from api.reads import Reads
from api.sight import Sight, seen_by
from api.statement import Statement
from domain.rights import AUDIT
from domain.values import id_text

DEEPEST: Final = 20
MOST_COMMANDS: Final = 200
MOST_EVENTS: Final = 50
"""Of one command; it brings about that many only where it changes many things at once."""

CAUSES: Final = """
    with recursive chain (command_id, causation_id, depth) as (
        select command_id, causation_id, 0 from events where position = $1
        union
        select e.command_id, e.causation_id, c.depth + 1 from chain c cross join lateral (
            select command_id, causation_id from events where command_id = c.causation_id limit 1) e
        where c.depth < $2)
    select coalesce(json_agg(json_build_array(command_id, depth) order by depth), '[]') from chain"""
"""From the command of an event to what brought it about, and so on: each with its depth."""
EFFECTS: Final = """
    with recursive tree (command_id, cause, depth) as (
        select command_id, null::uuid, 0 from events where position = $1
        union
        select e.command_id, t.command_id, t.depth + 1 from tree t cross join lateral (
            select command_id from events f where causation_id = t.command_id and not exists (
                select from events where command_id = f.command_id and position < f.position)
            order by position limit $3) e
        where t.depth < $2)
    select coalesce(json_agg(json_build_array(command_id, depth, cause)), '[]')
    from (select * from tree limit $3) first"""
"""From the command of an event to those that it brought about, and so on: each with its depth, and its cause."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command, with those of its events that the caller may be told; where there is none, it is hidden."""

    depth: int
    cause: int | None
    """The place of the step that brought it about."""
    events: list[Told]
    more: bool


@dataclass(frozen=True, slots=True)
class Tree:
    """Some commands, of which each brought about others; `more` of them than are told."""

    steps: list[Step]
    more: bool


class Causes(Derived):
    """The field that tells what brought an event about."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Tree | None:
        found = await _found(info, given["position"], CAUSES, [DEEPEST + 1])
        if found is None:
            return None
        told = found[: DEEPEST + 1]
        named = [(UUID(id), depth, depth + 1 if depth + 1 < len(told) else None) for id, depth in told]
        return Tree(await _steps(info, named), len(told) < len(found))


class Effects(Derived):
    """The field that tells what an event brought about."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Tree | None:
        found = await _found(info, given["position"], EFFECTS, [DEEPEST + 1, MOST_COMMANDS + 1])
        if found is None:
            return None
        told = [each for each in found[:MOST_COMMANDS] if each[1] <= DEEPEST]
        places: dict[tuple[str, int], int] = {(id, depth): place for place, (id, depth, _) in enumerate(told)}
        named = [(UUID(id), depth, places.get((cause, depth - 1))) for id, depth, cause in told]
        return Tree(await _steps(info, named), len(told) < len(found))


async def _found(info: GraphQLResolveInfo[Any], position: int, sql: str, most: list[int]) -> list[Any] | None:
    """The commands that a statement finds from the event at a position; None if the caller may not be told of it."""
    reads: Reads = info.context.reads
    if not reads.caller.policy.may(AUDIT):
        raise forbidden(f"to ask this you need {AUDIT}", AUDIT)
    statement = Statement(reads.caller.policy, reads.places, reads.views)
    at = f"where e.position = {statement.bind(position, 'bigint')} and {seen_by(statement)}"
    if not await info.context.log.entries(at, statement.parameters):
        return None
    [found] = await reads.rows.one(sql, [position, *most])
    return list(orjson.loads(found) if isinstance(found, str) else found)


async def _steps(info: GraphQLResolveInfo[Any], commands: Sequence[tuple[UUID, int, int | None]]) -> list[Step]:
    """Commands, each with its depth and the place of its cause, with the events that the caller may be told."""
    reads: Reads = info.context.reads
    statement = Statement(reads.caller.policy, reads.places, reads.views)
    ids, seen = statement.bind([id for id, *_ in commands], "uuid[]"), seen_by(statement)
    most = statement.bind(MOST_EVENTS + 1, "bigint")
    rest = f"""where e.position in (select l.position from unnest({ids}) c (id) cross join lateral (
        select e.position from events e where e.command_id = c.id and {seen} order by e.position limit {most}) l)
        order by e.position"""
    log: EventLog = info.context.log
    sight = Sight(reads.caller.policy, reads.rows, reads.places, reads.views)
    events = Batch(await log.entries(rest, statement.parameters), reads).told(sight)
    by_command: dict[UUID, list[Told]] = {}
    for told in events:
        by_command.setdefault(told.entry.command_id, []).append(told)
    mine = [by_command.get(id, []) for id, *_ in commands]
    return [
        Step(depth, cause, of[:MOST_EVENTS], len(of) > MOST_EVENTS)
        for (_, depth, cause), of in zip(commands, mine, strict=True)
    ]


class OfTree(Derived):
    """A field of a tree, or of a step in it, by its own name."""

    @staticmethod
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        return getattr(source, info.field_name)


class OfCommand(Derived):
    """A field of the command of a step: as its first event tells it, null where the step is hidden."""

    @staticmethod
    def resolve(source: Step, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        if not source.events:
            return True if info.field_name == "hidden" else None
        entry = source.events[0].entry
        match info.field_name:
            case "hidden":
                return False
            case "commandId":
                return entry.command_id
            case "actor":
                return id_text("User", entry.actor)
        return entry.command


def causality(event: Any) -> dict[str, Derived]:
    """The fields of the root `Query` that tell what brought about an event, and what it brought about."""
    step = declare(
        type("CausalStep", (), {}),
        {
            "depth": field(int, None, "How many steps it is away from the event that was asked for.", OfTree),
            "cause": field(
                int | None, None, "The place in `steps`, from 0, of what brought it about; null where none is.", OfTree
            ),
            "hidden": field(bool, None, "Whether you may be told no more of it than that there is one.", OfCommand),
            "command": field(str | None, None, "What was asked for, such as `Opportunity.win`.", OfCommand),
            "commandId": field(UUID | None, None, "That one request.", OfCommand),
            "actor": field(ID | None, None, "Who asked for it.", OfCommand),
            "events": field(list[event], Few(), f"What came of it, {MOST_EVENTS} events at most.", OfTree),
            "more": field(bool, None, "Whether more came of it than is told here.", OfTree),
        },
        description="A command, brought about by another or bringing others about.",
    )
    tree = declare(
        type("Causality", (), {}),
        {
            "steps": field(
                list[step], None, f"Commands, the one of the event first: {MOST_COMMANDS} at most.", OfTree  # type: ignore[valid-type]
            ),
            "more": field(bool, None, f"Whether there are more, or more than {DEEPEST} steps away.", OfTree),
        },
        description="Commands of which each brought others about, as a tree: a step names its `cause`.",
    )  # fmt: skip
    asked = [argument("position", Position, "The position of the event.")]
    needs = f"\n\nNeeds {AUDIT}."
    came_from = f"What brought an event about: its command, what caused that, and so on to the first.{needs}"
    came_of = f"What an event brought about: the commands that name its command as their cause, and so on.{needs}"
    return {
        "causes": field(tree | None, Happened(), came_from, Causes, asked),
        "effects": field(tree | None, Happened(), came_of, Effects, asked),
    }
