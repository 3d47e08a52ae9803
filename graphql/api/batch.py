"""Many commands in one mutation: each by itself, or all of them or none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID, uuid5

from graphql import GraphQLResolveInfo

from api.commands import (
    OUTCOME,
    Commands,
    OfPayload,
    UserError,
    header_key,
    payload,
    plain,
    request_of,
    user_error,
)
from api.declaring import Argument, argument, declare, input_field, optional
from api.errors import bad_input, behind
from api.fixed import Node
from api.meaning import Derived, field, meaning
from api.types import Types
from domain.command import Accepted, Code, Command, Earlier, Outcome, Refusal, Request, Stopped

MOST: Final = 100
"""Commands in a batch."""
EARLIER: Final = re.compile(r"#(\d{1,3})")
"""How an id is written that an earlier command of the batch has yet to make: by the place of that command."""
STOPPED: Final = Refusal(Code.REFUSED, "nothing was done, because the batch was refused")


def batch(commands: Mapping[str, Command], made: Commands, types: Types) -> Derived:
    """The field `batch` of the root `Mutation`. What tells a secret is asked for by itself."""
    inputs = {name: each.arguments[0].type_ for name, each in made.mutations.items() if not commands[name].tells_secret}
    asked = declare(
        type("BatchCommand", (), {}),
        {name: input_field(input_ | None, f"See `{name}`.") for name, input_ in inputs.items()},
        "choice",
        description="One command of a batch: the input of exactly one mutation.",
    )
    result = declare(
        type("BatchResult", (), {}),
        {
            "mutation": field(str, None, "Which command it was.", OfPayload),
            "node": field(Node | None, types.named, "What it made or changed, as it stands afterwards.", SubjectOfAny),
            **OUTCOME,
        },
        description="What came of one command of a batch.",
    )
    outcome = declare(
        type("BatchPayload", (), {}),
        {
            "correlation_id": field(
                UUID, None, "What the commands belong to that name nothing else: by this they can be undone.", OfPayload
            ),
            "results": field(list[result], None, "What came of each, in the order of the commands.", OfPayload),  # type: ignore[valid-type]
            "user_errors": field(
                list[UserError],
                None,
                "Why commands were refused; empty when none was. A path begins with the place of its command.",
                OfPayload,
            ),
        },
        description="What came of a batch.",
    )
    arguments: list[Argument] = [
        argument("commands", list[asked], f"What is asked for, at most {MOST}, carried out in this order."),  # type: ignore[valid-type]
        argument("atomic", bool, "All of them or none: what refuses one refuses all.", False),
        optional("idempotency_key", str, "The same batch with the same key is carried out once, and answered alike."),
    ]
    doc = (
        f"Many commands at once, at most {MOST}, each with a result of its own. Where an id is asked for, `#0` stands"
        " for what the first command of the batch made, `#1` for the second, and so on."
    )
    return field(outcome, commands, doc, Batch, arguments)


class Batch(Derived):
    """The field that runs a batch."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        commands: Mapping[str, Command] = meaning(info.parent_type.fields[info.field_name])
        asked = [next(iter(each.items())) for each in given["commands"]]
        if not 1 <= len(asked) <= MOST:
            raise bad_input(f"`commands` takes from 1 to {MOST} commands")
        key = given.get("idempotencyKey") or header_key(info)
        requests = [_request(commands[name], each, n, key, info) for n, (name, each) in enumerate(asked)]
        correlation_id = uuid5(info.context.caller.user_id, f"batch {key}") if key else info.context.ports.correlates()
        requests = [replace(each, correlation_id=each.correlation_id or correlation_id) for each in requests]
        names = [name for name, _ in asked]
        done = await info.context.batches(requests, given["atomic"])
        if isinstance(done, Stopped):
            outcomes: list[Outcome] = [done.refusal if n == done.at else STOPPED for n in range(len(asked))]
            whole = [] if done.at is not None else [user_error(replace(done.refusal, field=None))]
        else:
            outcomes, whole = list(done), []
        results = [_result(n, commands[name], each) for n, (name, each) in enumerate(zip(names, outcomes, strict=True))]
        errors = [e for r, o in zip(results, outcomes, strict=True) if o is not STOPPED for e in r["userErrors"]]
        return {"correlationId": correlation_id, "results": results, "userErrors": whole + errors}


class SubjectOfAny(Derived):
    """What a command of a batch was asked of, as it stands after all of them."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        accepted: Accepted | None = source["accepted"]
        views, reads = meaning(info.parent_type.fields[info.field_name]), info.context.reads
        if accepted is None or accepted.changed[0].kind not in views:
            return None
        if not await reads.shown(accepted.position):
            raise behind("the command stands; what it did is not yet to be seen")
        return await reads.row(info, views[accepted.changed[0].kind], accepted.changed[0].id)


def _request(command: Command, given: Any, number: int, key: str | None, info: GraphQLResolveInfo[Any]) -> Request:
    """One command of a batch. Without a key of its own it has the place in that of the batch, or of the request."""
    request = request_of(command, plain(given), info, f"{key}/{number}" if key else None)
    named = {each.asked_as for each in command.arguments if each.aggregate}
    arguments = {name: _earlier(value, number) if name in named else value for name, value in request.arguments.items()}
    return replace(request, id=_earlier(request.id, number), arguments=arguments)


def _earlier(value: Any, number: int) -> Any:
    """An id, or ids, with those recognised that an earlier command has yet to make."""
    if isinstance(value, list):
        return [_earlier(each, number) for each in value]
    found = EARLIER.fullmatch(value) if isinstance(value, str) else None
    return Earlier(int(found[1])) if found and int(found[1]) < number else value


def _result(number: int, command: Command, outcome: Outcome) -> dict[str, Any]:
    made, name = payload(outcome, command.creates), command.mutation
    for error in made["userErrors"]:
        error["field"] = ["commands", str(number), name, *(error["field"] or ())]
    return made | {"mutation": name}
