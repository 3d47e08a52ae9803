"""What is held about a person: `personalData` of the root. It is told whole, to whoever may see all of it, or not."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLResolveInfo

from api.catalogue import Views
from api.columns import columns_of
from api.commands import OfPayload
from api.conditions import id_of, view_of
from api.declaring import ID, JSON, argument, declare
from api.errors import bad_input, forbidden
from api.fixed import Position
from api.meaning import Derived, field
from api.ports import Policy, ViewType
from domain.rights import PRIVACY

PersonalData: Any = declare(
    type("PersonalData", (), {}),
    {
        "format": field(int, None, "Of the document: another number where a member goes.", OfPayload),
        "person": field(ID, None, "About whom.", OfPayload),
        "position": field(Position, None, "Of the last event that it knows of.", OfPayload),
        "receipt": field(str, None, "The hash of that event and of all before it.", OfPayload),
        "document": field(
            JSON,
            None,
            "All that is held: what is current, every event with what is personal opened, consents and their history,"
            " what refers to the person, who was told something personal, and where copies went. Each part says what it"
            " is, under `sense`.",
            OfPayload,
        ),
    },
    description="What is held about a person, as they may ask for it and take it elsewhere.",
)  # fmt: skip


def personal_data(views: Views) -> Derived:
    """The field of the root `Query`."""

    class Disclosed(Derived):
        """The report of one person."""

        @staticmethod
        async def resolve(source: None, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
            context = info.context
            needs(context.caller.policy, PRIVACY)
            view = view_of(given["id"], views)
            disclosing = context.ports.disclosing
            if view.of.__name__ not in disclosing.persons:
                raise bad_input(f"`id` is of no kind of person: {', '.join(disclosing.persons)}")
            for each in disclosing.concerned(view.of):
                sees_all(context.caller.policy, each)
            person = id_of(given["id"], view)
            document = await disclosing.report(view.of.__name__, person)
            if document is None:
                return None
            context.ports.accessed(context.caller, {view.of.__name__: [str(person)]})
            shown = {name: document[name] for name in ("format", "person", "position", "receipt")}
            return shown | {"document": document}

    doc = (
        "Everything that is held about a person; null if there is nobody of this id. That it was asked for is noted, as"
        f" all reading of what is personal.\n\nNeeds {PRIVACY}, and to see all rows of all kinds that may tell of a"
        " person, with what is personal."
    )
    return field(PersonalData | None, None, doc, Disclosed, [argument("id", ID, "The id of the person.")])


def needs(policy: Policy, permission: str) -> None:
    """Refuses whoever does not have a permission."""
    if not policy.may(permission):
        raise forbidden(f"to see this you need {permission}", permission)


def sees_all(policy: Policy, view: ViewType) -> None:
    """Refuses whoever does not see every row of a view, and every column."""
    see = (view.within or view).needs
    needs(policy, see)
    if policy.sees(view) is not None:
        raise forbidden(f"to see this you need, upon all rows, {see}", see)
    if any(policy.hides(view, column) for column in columns_of(view)):
        personal = f"{see.partition('.')[0]}.personal"
        raise forbidden(f"to see this nothing may be hidden from you in {view.table}; you need {personal}", personal)
