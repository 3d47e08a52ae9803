"""From the commands of every aggregate to mutations: one command, one mutation, one input, one payload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from graphql import FieldNode, GraphQLResolveInfo
from strawberry.utils.str_converters import to_camel_case as camel

from api.catalogue import snake
from api.declaring import ID, argument, declare, declare_enum, input_field, plain_names
from api.errors import behind
from api.fixed import Position
from api.meaning import Derived, field, meaning
from api.types import Types
from domain.aggregate import Aggregate
from domain.command import REQUIRED, Accepted, Argument, Code, Command, Outcome, Refusal, Request, commands_of
from domain.values import id_text

SECRET: Final = "What lets its bearer in, where one was made. Told once, and kept nowhere: a repeated answer has none."
UserErrorCode: Any = declare_enum(
    Code,
    "UserErrorCode",
    "Why a command did nothing, for programs.",
    {
        "REFUSED": "A rule of the business speaks against it; the message is for the person at the screen.",
        "INVALID": "A value cannot be: it is missing, too long, of another kind, or names what is not in use any more.",
        "NOT_FOUND": "There is no such thing, or you may not know of it.",
        "CONFLICT": "It was changed in the meantime: read it again. `version` says which one it has now.",
        "DUPLICATE": "Another has this value already, which only one may have: `holder`.",
        "FORBIDDEN": "You may not do this; the message names the permission.",
        "REPEATED_OTHERWISE": "This idempotency key was used for something else.",
        "THROTTLED": "There is too much to do at the moment: try again a little later.",
    },
)


class OfPayload(Derived):
    """A field of a payload: by its own name, since a payload is made before the client's names are known."""

    @staticmethod
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        return source[info.field_name]


class Subject(Derived):
    """What a command was asked of, as it stands after it."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        accepted: Accepted | None = source["accepted"]
        if accepted is None:
            return None
        reads = info.context.reads
        if not await reads.shown(accepted.position):
            raise behind("the command stands; what it did is not yet to be seen")
        return await reads.row(info, meaning(info.parent_type.fields[info.field_name]), accepted.changed[0].id)


UserError: Any = declare(
    type("UserError", (), {}),
    {
        "field": field(list[str] | None, None, "The path into `input` of the value at fault, if one is.", OfPayload),
        "message": field(str, None, "For the person at the screen.", OfPayload),
        "code": field(UserErrorCode, None, "For the program.", OfPayload),
        "holder": field(ID | None, None, "With DUPLICATE: who holds the value already.", OfPayload),
        "version": field(int | None, None, "With CONFLICT: the version that it has now.", OfPayload),
    },
    description="Why a command did nothing. A command with errors has recorded nothing.",
)

Changed: Any = declare(
    type("Changed", (), {}),
    {
        "id": field(ID, None, "What was made or changed.", OfPayload),
        "version": field(int, None, "The version that it has now.", OfPayload),
    },
    description="One thing that a command made or changed.",
)


class Mutation(Derived):
    """A field that runs one command."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        command: Command = meaning(info.parent_type.fields[info.field_name])
        outcome = await info.context.commands(request_of(command, plain(given["input"]), info, header_key(info)))
        return payload(outcome, command.creates)


def header_key(info: GraphQLResolveInfo[Any]) -> str | None:
    """The idempotency key in the header: of the only mutation of an operation, or part of that of each."""
    key: str | None = info.context.idempotency_key
    selections = info.operation.selection_set.selections
    alone = len(selections) == 1 and isinstance(selections[0], FieldNode)
    return key if alone or not key else f"{key}/{info.path.key}"


def request_of(command: Command, given: dict[str, Any], info: GraphQLResolveInfo[Any], key: str | None) -> Request:
    """What a caller asks for, under this idempotency key unless the input has one."""
    return Request(
        command=command.name,
        actor=info.context.caller.user_id,
        id=given.pop("id", None),
        idempotency_key=given.pop("idempotency_key", None) or key,
        expected_version=given.pop("expected_version", None),
        occurred_at=given.pop("occurred_at", None),
        correlation_id=given.pop("correlation_id", None),
        causation_id=given.pop("causation_id", None),
        origin="graphql",
        scopes=info.context.caller.scopes,
        arguments=given,
    )


def payload(outcome: Outcome, creates: bool = False) -> dict[str, Any]:
    """What came of a command, as its mutation shows it."""
    if isinstance(outcome, Refusal):
        empty: dict[str, Any] = {"accepted": None, "version": None, "position": None, "receipt": None, "changed": []}
        return empty | {"created": False, "secret": None, "userErrors": [user_error(outcome)]}
    return {
        "accepted": outcome,
        "version": outcome.changed[0].version,
        "position": outcome.position,
        "receipt": outcome.receipt,
        "created": creates or outcome.created,
        "secret": outcome.secret,
        "changed": [{"id": id_text(each.kind, each.id), "version": each.version} for each in outcome.changed],
        "userErrors": [],
    }


def user_error(refusal: Refusal) -> dict[str, Any]:
    path = refusal.field and [part if part.isdigit() else camel(part) for part in refusal.field.split(".")]
    return {
        "field": path,
        "message": refusal.message,
        "code": refusal.code.name,
        "holder": refusal.holder,
        "version": refusal.version,
    }


def plain(value: Any) -> Any:
    """What a client gave, in plain values."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [plain(each) for each in value]
    return {name: plain(each) for name, each in value.items()} if isinstance(value, dict) else value


class Commands:
    """The mutations of all commands. What comes of a command is told alike for all that are asked of one kind."""

    def __init__(self, commands: Iterable[Command], types: Types) -> None:
        self.types = types
        self.payloads: dict[str, type] = {}
        self.commands = [command for command in commands if not command.inner]
        self.mutations = {command.mutation: self._mutation(command) for command in self.commands}

    def of(self, aggregate: type[Aggregate]) -> list[Command]:
        """The commands that clients may ask of a kind."""
        return [command for command in self.commands if command.aggregate is aggregate]

    def _mutation(self, command: Command) -> Derived:
        input_ = self._input(command)
        doc = f"{command.doc}\n\nNeeds {command.needs}."
        return field(
            self.payload(command.aggregate), command, doc, Mutation, [argument("input", input_, "What is asked for.")]
        )

    def _input(self, command: Command) -> type:
        """What a client gives for a command."""
        members = {each.asked_as: self.argument(command.aggregate, each) for each in command.arguments}
        if not command.creates:
            members = {"id": input_field(ID, f"Which {command.aggregate.__name__}.")} | members
            members["expected_version"] = input_field(int | None, "Refuse (CONFLICT) unless it still has this version.")
        members["occurred_at"] = input_field(datetime | None, "When it happened, where that was not just now.")
        members["idempotency_key"] = input_field(
            str | None, "The same command with the same key is carried out once, and answered alike."
        )
        members["correlation_id"] = input_field(UUID | None, "What this belongs to: kept with the events.")
        members["causation_id"] = input_field(UUID | None, "What brought it about: kept with the events.")
        empty = type(f"{command.mutation[0].upper()}{command.mutation[1:]}Input", (), {})
        return plain_names(declare(empty, members, "input", description=f"See `{command.mutation}`."), members)

    def payload(self, aggregate: type[Aggregate]) -> type:
        """What comes of any command of an aggregate."""
        noun = aggregate.__name__
        if noun not in self.payloads:
            members: dict[str, Any] = {}
            if view := self.types.named.get(noun):
                shown = self.types.objects[view] | None
                members[snake(noun)] = field(shown, view, "As it stands after the command.", Subject)
            if any(each.tells_secret for each in commands_of(aggregate).values()):
                members["secret"] = field(str | None, None, SECRET, OfPayload)
            members |= OUTCOME
            self.payloads[noun] = declare(
                type(f"{noun}Payload", (), {}), members, description=f"What came of a command that was asked of {noun}."
            )
        return self.payloads[noun]

    def argument(self, aggregate: type[Aggregate], argument: Argument) -> tuple[Any, str | None]:
        """How a client gives an argument of a command: its type, and what it is."""
        optional = argument.optional or argument.default is not REQUIRED
        type_: Any
        if argument.aggregate:
            type_ = list[ID] if argument.many else ID
        else:
            type_ = self.types.values.input_type(argument.type, aggregate, patch=argument.patch)
        doc = argument.doc or (argument.aggregate and f"The id of one of {argument.aggregate.__name__}.")
        return input_field(type_ | None if optional else type_, doc)


OUTCOME: Final[Mapping[str, Derived]] = {
    "version": field(int | None, None, "The version that it has now.", OfPayload),
    "position": field(Position | None, None, "Of the last event: a read can wait for it.", OfPayload),
    "receipt": field(str | None, None, "The hash of the last event: proof of all before it.", OfPayload),
    "changed": field(list[Changed], None, "All that was made or changed, the subject first.", OfPayload),
    "created": field(
        bool,
        None,
        "Whether it was made now: an upsert makes it or changes it.",
        OfPayload,
    ),
    "user_errors": field(list[UserError], None, "Why nothing was done; empty when it was.", OfPayload),
}
"""What is told of every command."""
