"""What a forget would do, told before it is done: every place where something of the person is, what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from graphql import GraphQLResolveInfo

from api.commands import Commands, OfPayload, UserError, plain, request_of, user_error
from api.declaring import argument, declare
from api.meaning import Derived, field, meaning
from domain.aggregate import Aggregate
from domain.command import Refusal

FORGETTING: Final = "forget"
"""The method by which a person is forgotten, wherever a kind has it."""

ForgetPlace: Any = declare(
    type("ForgetPlace", (), {}),
    {
        "place": field(str, None, "Which place, such as a table.", OfPayload),
        "rows": field(int, None, "How many rows or events there are of the person.", OfPayload),
        "personal": field(int, None, "How many of them tell something personal.", OfPayload),
        "becomes": field(str, None, "What a forget makes of those.", OfPayload),
    },
    description="Somewhere where something of a person is.",
)
ForgetPreview: Any = declare(
    type("ForgetPreview", (), {}),
    {
        "places": field(list[ForgetPlace], None, "Every place where something of the person is.", OfPayload),
        "user_errors": field(list[UserError], None, "Why it would be refused; empty if not.", OfPayload),
    },
    description="What a forget would do.",
)


class ForgetForeseen(Derived):
    """A field that tells what a forget would do."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        command = meaning(info.parent_type.fields[info.field_name])
        outcome = await info.context.foresees(request_of(command, plain(given["input"]), info, None))
        if isinstance(outcome, Refusal):
            return {"places": [], "userErrors": [user_error(outcome)]}
        (before, _), *_ = outcome.changed
        assert before
        return {"places": await info.context.ports.disclosing.places(before.id), "userErrors": []}


def forget_previews(aggregates: Iterable[type[Aggregate]], commands: Commands) -> dict[str, Derived]:
    """The fields of the root `Query` that tell what a forget would do."""
    found: dict[str, Derived] = {}
    for command in (c for kind in aggregates for c in commands.of(kind) if c.method == FORGETTING):
        asked = argument("input", commands.mutations[command.mutation].arguments[0].type_, "As for the forget itself.")
        doc = f"What `{command.mutation}` would do with this input. Nothing is recorded.\n\nNeeds {command.needs}."
        name = f"preview{command.mutation[0].upper()}{command.mutation[1:]}"
        found[name] = field(ForgetPreview, command, doc, ForgetForeseen, [asked])
    return found
