"""From what makes an aggregate to the mutation that makes it or brings what is there already to what is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from graphql import GraphQLResolveInfo
from strawberry.utils.str_converters import to_camel_case as camel

from api.commands import Commands, payload, plain, request_of
from api.declaring import argument, declare, input_field, plain_names, sentence, words
from api.meaning import Derived, field, meaning
from domain.aggregate import Aggregate, Claim
from domain.command import Command, Refusal, Request
from domain.upsert import changers, maker

ExternalId: Any = declare(
    type("ExternalIdInput", (), {}),
    {
        "system": input_field(str, "The name of the other system, such as erp."),
        "id": input_field(str, "The id that it has there."),
    },
    "input",
    description="By which id another system knows something.",
)
ONCE: Final = "Used only when it is made."
PATHS: Final = {"system": "external_id.system", "external_id": "external_id.id"}


def upserts(aggregates: Iterable[type[Aggregate]], commands: Commands) -> dict[str, Derived]:
    """The mutations that make or change, of every kind that is made by one command."""
    makers = [making for aggregate in aggregates if (making := maker(aggregate))]
    return {f"upsert{making.aggregate.__name__}": _mutation(making, commands) for making in makers}


def _mutation(making: Command, commands: Commands) -> Derived:
    noun, later, unique = making.aggregate.__name__, changers(making), _unique(making)
    by = f"what has this {' or '.join(map(camel, unique))}" if unique else "what another system knows by this id"
    members = {"external_id": input_field(ExternalId | None if unique else ExternalId, _key_doc(unique))}
    for each in making.arguments:
        type_, doc = commands.argument(making.aggregate, each)
        changes = each.asked_as in later or each.asked_as in unique
        members[each.asked_as] = type_, doc if changes else f"{sentence(doc) or words(each.asked_as)} {ONCE}"
    members["occurred_at"] = input_field(datetime | None, "When it happened, where that was not just now.")
    members["correlation_id"] = input_field(UUID | None, "What this belongs to: kept with the events.")
    members["causation_id"] = input_field(UUID | None, "What brought it about: kept with the events.")
    name = f"upsert{noun}"
    input_ = declare(type(f"Upsert{noun}Input", (), {}), members, "input", description=f"See `{name}`.")
    called = ", ".join(dict.fromkeys(f"`{each.mutation}`" for each in later.values())) or "nothing"
    doc = (
        f"Make one of {noun} as `{making.mutation}` does, or change {by}, as far as it differs, by {called}. To ask"
        f" again is harmless.\n\nNeeds {making.needs}."
    )
    asked = [argument("input", plain_names(input_, members), "What is asked for.")]
    return field(commands.payload(making.aggregate), making, doc, Upsert, asked)


class Upsert(Derived):
    """A field that runs an upsert."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        making: Command = meaning(info.parent_type.fields[info.field_name])
        request = upsert_of(making, plain(given["input"]), info)
        [outcome] = await info.context.batches([request], False)
        if isinstance(outcome, Refusal) and outcome.field:
            outcome = replace(outcome, field=PATHS.get(outcome.field, outcome.field))
        return payload(outcome)


def upsert_of(making: Command, given: dict[str, Any], info: GraphQLResolveInfo[Any]) -> Request:
    """What a caller asks for, and by what it is known: an id elsewhere, or else what is unique of what was given."""
    kind, external = making.aggregate.__name__, given.pop("external_id", None)
    if external:
        key = Claim(kind, f"external_ids.{external['system']}", external["id"])
    else:
        unique = _unique(making)
        key = Claim(kind, next((name for name in unique if given.get(name) is not None), unique[0]), "")
    return replace(request_of(making, given, info, None), key=key)


def _unique(making: Command) -> tuple[str, ...]:
    """The arguments of which no two may have the same."""
    taken = {each.asked_as for each in making.arguments}
    return tuple(name for name in making.aggregate.unique if name in taken)


def _key_doc(unique: tuple[str, ...]) -> str:
    otherwise = f", or left out: then it is known by its {' or '.join(map(camel, unique))}" if unique else ""
    return f"By which id another system knows it{otherwise}."
