"""Undo: what a command did, or all that belongs together, is taken back; and what that would do is told before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from graphql import GraphQLResolveInfo
from strawberry.utils.str_converters import to_camel_case as camel

from api.commands import OfPayload, UserError, plain, user_error
from api.declaring import ID, JSON, argument, declare, declare_enum, input_field, optional
from api.errors import bad_input
from api.fixed import Position
from api.foreseen import value_of
from api.meaning import Affected, Derived, Few, field
from api.ports import Policy, ViewType
from api.reads import Reads
from domain.aggregate import Aggregate
from domain.taking_back import Affected as Thing
from domain.taking_back import Fate, Undo, Undone
from domain.values import id_text
from projections.columns import Field
from projections.view import ALWAYS, holders, shape

SHOWN: Final = 100
MOST: Final = 1000

UndoFate: Any = declare_enum(
    Fate,
    "UndoFate",
    "What becomes of one thing in an undo.",
    {
        "UNDONE": "It is as it was before; what was made is archived.",
        "REFUSED": "It cannot be undone, or not any more: `userError` says why.",
        "ALREADY": "It was undone already.",
        "UNCHANGED": "It is as it was before, without an undo.",
    },
)
UndoChange: Any = declare(
    type("UndoChange", (), {}),
    {
        "field": field(str, None, "The name of the field, such as `ownerId`.", OfPayload),
        "items": field(str | None, None, "Of an item: what list it is in, such as `opportunityLines`.", OfPayload),
        "key": field(JSON | None, None, "Of an item: its key.", OfPayload),
        "now": field(JSON | None, None, "As it stands before the undo.", OfPayload),
        "then": field(JSON | None, None, "As it stands after it.", OfPayload),
    },
    description="A field that is changed back.",
)


class Changes(Derived):
    """What is changed back, as far as this caller may see it."""

    @staticmethod
    def resolve(source: Thing, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        return list(changes(info.context.reads, source))


class OfThing(Derived):
    """A field of one thing that an undo is about."""

    @staticmethod
    def resolve(source: Thing, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        match info.field_name:
            case "id":
                return id_text(source.kind, source.id)
            case "fate":
                return source.fate
        return source.refusal and user_error(source.refusal)


UndoItem: Any = declare(
    type("UndoItem", (), {}),
    {
        "id": field(ID, None, "What it is.", OfThing),
        "fate": field(UndoFate, None, "What becomes of it.", OfThing),
        "changes": field(list[UndoChange], Few(), "What is changed back, of what you may see.", Changes),
        "user_error": field(UserError | None, None, "Why it is refused, or was undone already.", OfThing),
    },
    description="One thing that an undo is about.",
)


class Items(Derived):
    """What an undo is about, the last changed first."""

    @staticmethod
    def resolve(source: Undone, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        if not 0 <= given["first"] <= MOST:
            raise bad_input(f"`first` is a number up to {MOST}")
        fate = given.get("fate")
        return [each for each in source.affected if fate in (None, each.fate)][: given["first"]]


class OfUndone(Derived):
    """A field of what came of an undo."""

    @staticmethod
    def resolve(source: Undone, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        match info.field_name:
            case "correlationId":
                return source.correlation_id
            case "position":
                return source.position
            case "receipt":
                return source.receipt
            case "userErrors":
                return [user_error(source.refusal)] if source.refusal else []
        return source.counts[Fate(info.field_name)]


UndoPayload: Any = declare(
    type("UndoPayload", (), {}),
    {
        "correlation_id": field(UUID | None, None, "Its own: by this it can be undone in its turn.", OfUndone),
        "position": field(Position | None, None, "Of its last event: a read can wait for it.", OfUndone),
        "receipt": field(str | None, None, "The hash of the last event: proof of all before it.", OfUndone),
        "undone": field(int, None, "How many things are as they were before, or would be.", OfUndone),
        "refused": field(int, None, "How many cannot be undone.", OfUndone),
        "already": field(int, None, "How many were undone already.", OfUndone),
        "unchanged": field(int, None, "How many are as they were before without it.", OfUndone),
        "items": field(
            list[UndoItem],
            Affected(),
            "What it is about, the last changed first.",
            Items,
            [
                argument("first", int, f"So many, up to {MOST}.", SHOWN),
                optional("fate", UndoFate, "Only those that this becomes of."),
            ],
        ),
        "user_errors": field(list[UserError], None, "Why nothing was done; empty when it was.", OfUndone),
    },
    description="What came of an undo, or would.",
)
UndoInput: Any = declare(
    type("UndoInput", (), {}),
    {
        "command_id": input_field(UUID | None, "The command that is undone, as the history tells it."),
        "correlation_id": input_field(UUID | None, "All that belongs together: an import, a batch, an undo."),
        "position": input_field(Position | None, "The command whose event this is, as its payload told it."),
        "partial": input_field(bool | None, "Do what can be done, and tell the rest; else it is all or nothing."),
        "reason": input_field(str | None, "Why, in up to 150 characters. It stays with the events, so name nobody."),
    },
    "input",
    description="What is undone: give one of `commandId`, `correlationId` and `position`.",
)


class Undoes(Derived):
    """The field that undoes."""

    preview = False

    @classmethod
    async def resolve(cls, source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        asked, caller = plain(given["input"]), info.context.caller
        undo = Undo(
            actor=caller.user_id,
            command_id=asked.get("commandId"),
            correlation_id=asked.get("correlationId"),
            position=asked.get("position"),
            partial=bool(asked.get("partial")),
            preview=cls.preview,
            reason=asked.get("reason"),
            origin="graphql",
            scopes=caller.scopes,
        )
        return await info.context.ports.undoes(undo)


class Previews(Undoes):
    """The field that tells what an undo would do."""

    preview = True


NEEDS: Final = "Needs what the commands need that are undone, for each thing that they changed."


def undo() -> Derived:
    """The field `undo` of the root `Mutation`."""
    doc = (
        "Take back what a command did, or all that belongs together, by events that bring things back to what they"
        " were. It is refused where something has changed since, or is used; what others did to other fields stays."
        f" To undo an undo does it again.\n\n{NEEDS}"
    )
    return field(UndoPayload, None, doc, Undoes, [argument("input", UndoInput, "What is undone.")])


def preview_undo() -> Derived:
    """The field `previewUndo` of the root `Query`."""
    doc = f"What `undo` would do with this input, and what speaks against it. Nothing is recorded.\n\n{NEEDS}"
    return field(UndoPayload, None, doc, Previews, [argument("input", UndoInput, "As for the undo itself.")])


def changes(reads: Reads, thing: Thing) -> Iterator[dict[str, Any]]:
    """The fields that are changed back which the caller may see. Of whom something personal is told is noted."""
    policy, persons = reads.caller.policy, set[str]()
    now, then = thing.now, thing.then
    if thing.fate is not Fate.UNDONE or now is None or then is None:
        return
    for view in reads.views.of_kind.get(thing.kind, ()):
        if not _seen(policy, view.within or view, now):
            continue
        for key, before, after in _rows(view, now, then):
            for f, part in _fields(view, after or before):
                if any(policy.hides(view, column.name) for column in (part or f).columns):
                    continue
                was, is_ = (each and value_of(each, f, part, reads.views, view) for each in (before, after))
                if was != is_:
                    whose = (part or f).whose or f.whose
                    persons |= {str(getattr(now, whose, now.id))} if whose else set()
                    name = camel(part.columns[0].name if part else f.name)
                    items = None if key is None else camel(view.table)
                    yield {"field": name, "items": items, "key": key, "now": was, "then": is_}
    if persons:
        reads.accessed(reads.caller, {thing.kind: sorted(persons)})


def _seen(policy: Policy, view: ViewType, thing: Aggregate) -> bool:
    """Whether a row is seen, as it is of this thing."""
    owners = policy.sees(view) if policy.may(view.needs) else ()
    return owners is None or (view.owner is not None and getattr(thing, view.owner, None) in owners)


def _rows(view: ViewType, now: Aggregate, then: Aggregate) -> Iterator[tuple[Any, Any, Any]]:
    """The thing itself, or each item of a list of it by its key: before and after."""
    if not view.key:
        yield None, now, then
        return
    for holder in holders(view):
        before, after = getattr(now, holder), getattr(then, holder)
        for key in dict.fromkeys((*before, *after)):
            if before.get(key) != after.get(key):
                yield str(key), before.get(key), after.get(key)


def _fields(view: ViewType, of: Any) -> Iterator[tuple[Field, Field | None]]:
    """What a view shows of an aggregate, or of an item: a value whose parts are fields by its parts."""
    for f in shape(view):
        if f.name not in ALWAYS and f.name != view.key and hasattr(of, f.name):
            for part in f.inside if f.flat else (None,):
                yield f, part
