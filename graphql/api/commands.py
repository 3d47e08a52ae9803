"""From the commands of every aggregate to mutations: one command, one mutation, one input, one payload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, cast
from uuid import UUID

import strawberry
from graphql import FieldNode
from strawberry.utils.str_converters import to_camel_case as camel

from api.catalogue import snake
from api.declaring import argument, declare, input_field
from api.errors import behind
from api.fixed import Position
from api.meaning import Derived, field
from api.ports import ViewType
from api.types import Types
from domain.aggregate import Aggregate
from domain.command import REQUIRED, Accepted, Argument, Code, Command, Outcome, Refusal, Request
from domain.values import id_text

CODES: Any = Enum("UserErrorCode", {code.name: code.value for code in Code})  # type: ignore[misc]
UserErrorCode: Any = strawberry.enum(CODES, description="Why a command did nothing, for programs.")


class OfPayload(Derived):
    """A field of a payload: by its own name, since a payload is made before the client's names are known."""

    async def get_result(self, source: Any, info: Any, args: Any, kwargs: Any) -> Any:
        if view := self.metadata["means"]:
            accepted = source["accepted"]
            return await changed_row(info, view, accepted) if accepted else None
        return source[self.python_name]


UserError: Any = declare(
    type("UserError", (), {}),
    {
        "field": field(
            list[str] | None, description="The path into `input` of the value at fault, if one is.", of=OfPayload
        ),
        "message": field(str, description="For the person at the screen.", of=OfPayload),
        "code": field(UserErrorCode, description="For the program.", of=OfPayload),
        "holder": field(strawberry.ID | None, description="With DUPLICATE: who holds the value already.", of=OfPayload),
        "version": field(int | None, description="With CONFLICT: the version that it has now.", of=OfPayload),
    },
    description="Why a command did nothing. A command with errors has recorded nothing.",
)

Changed: Any = declare(
    type("Changed", (), {}),
    {
        "id": field(strawberry.ID, of=OfPayload, description="What was made or changed."),
        "version": field(int, of=OfPayload, description="The version that it has now."),
    },
    description="One thing that a command made or changed.",
)


class Mutation(Derived):
    """A field that runs one command."""

    async def get_result(self, source: Any, info: Any, args: Any, kwargs: Any) -> Any:
        command, context = self.metadata["means"], info.context
        outcome = await context.commands(request_of(command, set_fields(kwargs["input"]), info))
        return payload(outcome)


def request_of(command: Command, given: dict[str, Any], info: Any) -> Request:
    """What a caller asks for. The header's idempotency key is that of the only mutation of an operation, or part of
    that of each."""
    context = info.context
    key = given.pop("idempotency_key", None) or context.idempotency_key
    selections = info._raw_info.operation.selection_set.selections
    alone = len(selections) == 1 and isinstance(selections[0], FieldNode)
    if key and key == context.idempotency_key and not alone:
        key = f"{key}/{info.path.key}"
    return Request(
        command=command.name,
        actor=context.caller.user_id,
        id=given.pop("id", None),
        idempotency_key=key,
        expected_version=given.pop("expected_version", None),
        occurred_at=given.pop("occurred_at", None),
        correlation_id=given.pop("correlation_id", None),
        causation_id=given.pop("causation_id", None),
        origin="graphql",
        arguments=given,
    )


def payload(outcome: Outcome) -> dict[str, Any]:
    """What came of a command, as its mutation shows it."""
    if isinstance(outcome, Refusal):
        empty: dict[str, Any] = {"accepted": None, "version": None, "position": None, "receipt": None, "changed": []}
        return empty | {"user_errors": [user_error(outcome)]}
    return {
        "accepted": outcome,
        "version": outcome.changed[0].version,
        "position": outcome.position,
        "receipt": outcome.receipt,
        "changed": [{"id": id_text(each.kind, each.id), "version": each.version} for each in outcome.changed],
        "user_errors": [],
    }


def user_error(refusal: Refusal) -> dict[str, Any]:
    path = refusal.field and [part if part.isdigit() else camel(part) for part in refusal.field.split(".")]
    return {
        "field": path,
        "message": refusal.message,
        "code": UserErrorCode(refusal.code.value),
        "holder": refusal.holder,
        "version": refusal.version,
    }


async def changed_row(info: Any, view: ViewType, accepted: Accepted) -> Any:
    """The subject of a command, as it stands after it."""
    reads = info.context.reads
    if not await reads.shown(accepted.position):
        raise behind("the command stands; what it did is not yet to be seen")
    return await reads.row(info._raw_info, view, accepted.changed[0].id)


def set_fields(given: Any) -> dict[str, Any]:
    """What the client did give, in plain values."""
    return {name: _plain(value) for name, value in vars(given).items() if value is not strawberry.UNSET}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return set_fields(value) if is_dataclass(value) else value


def mutations(commands: Mapping[str, Command], types: Types) -> dict[str, Derived]:
    """The fields of the root `Mutation`."""
    return {command.mutation: _mutation(command, types) for command in commands.values()}


def _mutation(command: Command, types: Types) -> Derived:
    title = command.mutation[0].upper() + command.mutation[1:]
    members = {argument.asked_as: _argument(command.aggregate, argument, types) for argument in command.arguments}
    if not command.creates:
        members = {"id": input_field(strawberry.ID, f"Which {command.aggregate.__name__}.")} | members
        members["expected_version"] = input_field(int | None, "Refuse (CONFLICT) unless it still has this version.")
    members["occurred_at"] = input_field(datetime | None, "When it happened, where that was not just now.")
    members["idempotency_key"] = input_field(
        str | None, "The same command with the same key is carried out once, and answered alike."
    )
    members["correlation_id"] = input_field(UUID | None, "What this belongs to: kept with the events.")
    members["causation_id"] = input_field(UUID | None, "What brought it about: kept with the events.")
    doc = f"{command.doc}\n\nNeeds {command.needs}."
    input_ = declare(
        type(f"{title}Input", (), {}), members, as_=strawberry.input, description=f"See `{command.mutation}`."
    )
    made = declare(
        type(f"{title}Payload", (), {}), _outcome(command, types), description=f"What came of `{command.mutation}`."
    )
    derived: Any = field(made, command, description=doc, of=Mutation)
    derived.arguments = [argument("input", input_, "What is asked for.")]
    return cast(Derived, derived)


def _outcome(command: Command, types: Types) -> dict[str, Any]:
    members: dict[str, Any] = {}
    if view := types.named.get(command.aggregate.__name__):
        members[snake(command.aggregate.__name__)] = field(
            types.objects[view] | None, view, "As it stands after the command.", of=OfPayload
        )
    return members | {
        "version": field(int | None, None, "The version that it has now.", of=OfPayload),
        "position": field(Position | None, None, "Of the last event: a read can wait for it.", of=OfPayload),
        "receipt": field(str | None, None, "The hash of the last event: proof of all before it.", of=OfPayload),
        "changed": field(list[Changed], None, "All that was made or changed, the subject first.", of=OfPayload),
        "user_errors": field(list[UserError], None, "Why nothing was done; empty when it was.", of=OfPayload),
    }


def _argument(aggregate: type[Aggregate], argument: Argument, types: Types) -> Any:
    optional = argument.optional or argument.default is not REQUIRED
    type_: Any
    if argument.aggregate:
        type_ = list[strawberry.ID] if argument.many else strawberry.ID
    else:
        type_ = types.values.input_type(argument.type, aggregate, patch=argument.patch)
    doc = argument.doc or (argument.aggregate and f"The id of one of {argument.aggregate.__name__}.")
    return input_field(type_ | None if optional else type_, doc)
