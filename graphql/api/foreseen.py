"""What a merge would do, told before it is done: where the two differ, what stays, and what moves to the survivor."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from graphql import GraphQLResolveInfo
from strawberry.utils.str_converters import to_camel_case as camel

from api.catalogue import Views, type_name
from api.columns import known
from api.commands import Commands, OfPayload, UserError, plain, request_of, user_error
from api.declaring import JSON, argument, declare
from api.meaning import Derived, field, meaning
from api.ports import Policy, ViewType
from api.statement import NOW, Row, Statement, where
from domain.aggregate import Aggregate
from domain.command import Command, Refusal
from domain.values import id_text
from projections.columns import Field
from projections.view import ALWAYS, shape

MERGING = "merge_into"
"""The method by which one of a kind goes into another, wherever a kind has it."""

Difference: Any = declare(
    type("MergeDifference", (), {}),
    {
        "field": field(str, None, "The name of the field, such as `industry`.", OfPayload),
        "survivor": field(JSON | None, None, "What the one that goes on knows.", OfPayload),
        "merged": field(JSON | None, None, "What the one that goes into it knows.", OfPayload),
        "result": field(JSON | None, None, "What the one that goes on would know.", OfPayload),
    },
    description="A field in which the two differ, or which the survivor would have otherwise than now.",
)
Reference: Any = declare(
    type("MergeReference", (), {}),
    {
        "kind": field(str, None, "What points to it, such as `Opportunity`.", OfPayload),
        "field": field(str, None, "By which field, such as `accountId`.", OfPayload),
        "count": field(int, None, "How many of those that you may see.", OfPayload),
    },
    description="What points to the one that is merged, and would be read as pointing to the survivor.",
)


class Sought(NamedTuple):
    """A command that merges, and the view of what it merges."""

    command: Command
    view: ViewType


class OneOfTwo(Derived):
    """One of the two, as it stands now."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        id = source["ids"] and source["ids"][info.field_name]
        return await info.context.reads.row(info, meaning(info.parent_type.fields[info.field_name]), id) if id else None


class Preview(Derived):
    """A field that tells what a merge would do."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        sought: Sought = meaning(info.parent_type.fields[info.field_name])
        outcome = await info.context.foresees(request_of(sought.command, plain(given["input"]), info, None))
        if isinstance(outcome, Refusal):
            return {"ids": None, "differences": [], "references": [], "userErrors": [user_error(outcome)]}
        (merged, _), (survivor, result), *_ = outcome.changed
        assert merged and survivor
        reads = info.context.reads
        return {
            "ids": {"merged": merged.id, "survivor": survivor.id},
            "differences": list(differences(sought.view, reads.views, reads.caller.policy, survivor, merged, result)),
            "references": await _references(reads, sought.view, merged.id),
            "userErrors": [],
        }


def previews(aggregates: Iterable[type[Aggregate]], commands: Commands) -> dict[str, Derived]:
    """The fields of the root `Query` that tell what a merge would do."""
    found: dict[str, Derived] = {}
    for command in (c for kind in aggregates for c in commands.of(kind) if c.method == MERGING):
        view = commands.types.named[command.aggregate.__name__]
        shown = commands.types.objects[view] | None
        preview = declare(
            type(f"{type_name(view)}MergePreview", (), {}),
            {
                "survivor": field(shown, view, "The one that would go on, as it stands now.", OneOfTwo),
                "merged": field(shown, view, "The one that would go into it, as it stands now.", OneOfTwo),
                "differences": field(list[Difference], None, "Where the two differ.", OfPayload),
                "references": field(list[Reference], None, "What would then point to the survivor.", OfPayload),
                "user_errors": field(list[UserError], None, "Why it would be refused; empty if not.", OfPayload),
            },
            description="What a merge would do.",
        )
        name = f"preview{command.mutation[0].upper()}{command.mutation[1:]}"
        asked = argument("input", commands.mutations[command.mutation].arguments[0].type_, "As for the merge itself.")
        doc = f"What `{command.mutation}` would do with this input. Nothing is recorded.\n\nNeeds {command.needs}."
        found[name] = field(preview, Sought(command, view), doc, Preview, [asked])
    return found


def differences(
    view: ViewType, views: Views, policy: Policy, survivor: Aggregate, merged: Aggregate, result: Aggregate
) -> Iterator[dict[str, Any]]:
    """What this caller may see of it: the fields in which the two differ, or the survivor would be another."""
    for f in shape(view):
        if f.name in ALWAYS or f.name in LEFT_OUT or not hasattr(survivor, f.name):
            continue
        parts = f.inside if f.flat else (None,)
        for part in parts:
            columns = part.columns if part else f.columns
            if any(policy.hides(view, column.name) for column in columns):
                continue
            ours, theirs, then = (value_of(each, f, part, views, view) for each in (survivor, merged, result))
            if ours != theirs or ours != then:
                name = camel(part.columns[0].name if part else f.name)
                yield {"field": name, "survivor": ours, "merged": theirs, "result": then}


LEFT_OUT = ("merged_into_id", "archived", "archive_reason")
"""What tells of the merge itself, or of what only one that goes on may have."""


def value_of(of: Any, f: Field, part: Field | None, views: Views, view: ViewType) -> Any:
    """What an aggregate, or an item of one, knows, as JSON."""
    value = getattr(of, f.name)
    if part is not None:
        value = None if value is None else getattr(value, part.name)
    to = views.belongs_to(view).get(f.name)
    if to and isinstance(value, UUID):
        return id_text(to.of.__name__, value)
    if to and isinstance(value, Collection) and not isinstance(value, str):
        return sorted(id_text(to.of.__name__, id) for id in value)
    return _shown(value)


def _shown(value: Any) -> Any:
    """A value of the domain as JSON, as the API shows it elsewhere."""
    match value:
        case Enum():
            return value.name
        case Decimal() | UUID():
            return str(value)
        case date():
            return value.isoformat()
        case str():
            return str(value)
        case Mapping():
            return {str(key): _shown(each) for key, each in sorted(value.items())}
        case frozenset():
            return sorted(_shown(each) for each in value)
        case Sequence():
            return [_shown(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {camel(f.name): _shown(getattr(value, f.name)) for f in fields(value)}
    return value


async def _references(reads: Any, view: ViewType, id: UUID) -> list[dict[str, Any]]:
    """How many rows point to one, as one statement over all that this caller may see."""
    statement = Statement(reads.caller.policy, reads.places, reads.views)
    bound, found, counts = statement.bind(id, "uuid"), [], []
    for other in reads.views.all:
        for column, to in reads.views.belongs_to(other).items():
            needs = (other.within or other).needs
            if to is not view or column == "merged_into_id" or not statement.policy.may(needs):
                continue
            row = statement.row(other, NOW)
            met = [_points(row, statement.column(row, column), column, bound), *statement.where(row)]
            found.append((type_name(other), camel(column)))
            counts.append(f"(select count(*) from {statement.source(row)}{where(met)})")
    if not counts:
        return []
    text = await reads.answer(f"json_build_array({', '.join(counts)})", statement)
    pairs = zip(found, orjson.loads(text), strict=True)
    return [{"kind": kind, "field": name, "count": count} for (kind, name), count in pairs if count]


def _points(row: Row, sql: str, column: str, id: str) -> str:
    return f"{id} = any({sql})" if known(row.view)[column].column.type == "uuid[]" else f"{sql} = {id}"
