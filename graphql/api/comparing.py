"""What comparisons of two instants look like in the API: of a list, and of one thing."""

from __future__ import annotations

from enum import Enum
from typing import Any

from api.catalogue import type_name
from api.declaring import ID, argument, declare, declare_enum, optional
from api.differences import FieldDifference
from api.fixed import AsOf, Node, PageInfo
from api.meaning import ComparedOne, Derived, field
from api.ports import ViewType


class How(Enum):
    """How something differs between two instants."""

    CAME = "CAME"
    WENT = "WENT"
    CHANGED = "CHANGED"


class Standing(Enum):
    """How something stood at an instant."""

    NOT_YET = "NOT_YET"
    THERE = "THERE"
    ARCHIVED = "ARCHIVED"
    MERGED = "MERGED"
    GONE = "GONE"


DifferenceKind: Any = declare_enum(
    How,
    "DifferenceKind",
    "How something differs between two instants.",
    {
        "CAME": "It is in the list after, and was not before: it is new, or it is now as the filter asks.",
        "WENT": "It was in the list before, and is not after: it is gone, or is not as the filter asks any more.",
        "CHANGED": "It is in the list at both instants, and something in it differs.",
    },
)
StandingType: Any = declare_enum(
    Standing,
    "Standing",
    "How something stood at an instant.",
    {
        "NOT_YET": "It had not been made yet.",
        "THERE": "It was there.",
        "ARCHIVED": "It was put away.",
        "MERGED": "It had been merged into another.",
        "GONE": "It had been there, and was not any more.",
    },
)
PARTS = {"whole": "true", "came": "kind = 'CAME'", "went": "kind = 'WENT'", "changed": "kind = 'CHANGED'"}
"""The figures of a list at two instants, and of which rows they are."""
BOTH = (
    argument("from", AsOf, "The instant before."),
    optional("to", AsOf, "The instant after; if left out, that of the read itself: now, unless it says `asOf`."),
)
ItemDifference: Any = declare(
    type("ItemDifference", (), {}),
    {
        "list": field(str, None, "The list that it stands in, such as `lines`."),
        "key": field(str, None, "What tells it apart from the others."),
        "kind": field(DifferenceKind, None, "Whether it came, went or changed."),
        "changes": field(list[FieldDifference], None, "The fields that differ."),
    },
    description="An item of something that is not as it was.",
)


def compare_field(of: type[Derived], events: Derived) -> Derived:
    """The field `compare` of the root `Query`, whose comparisons tell these events."""
    comparison = declare(
        type("Comparison", (), {}),
        {
            "id": field(ID, None, "Its id."),
            "standing_before": field(StandingType, None, "How it stood at `from`."),
            "standing_after": field(StandingType, None, "How it stood at `to`."),
            "before": field(Node | None, None, "It, as of `from`; null if it was not there."),
            "after": field(Node | None, None, "It, as of `to`; null if it was not there."),
            "changes": field(list[FieldDifference], None, "The fields that differ."),
            "items": field(
                list[ItemDifference], None, "Its items that came, went or changed, of all that you may see."
            ),
            "events": events,
        },
        description="One thing at two instants.",
    )
    doc = "One thing at two instants: what differs, and by which events. Null where there is none that you may see."
    return field(comparison | None, ComparedOne(), doc, of, [argument("id", ID, "Its id."), *BOTH])


def compare_list(view: ViewType, row: Any, figures: Any, sums: Any) -> Derived:
    """The field `compare` of the lists of a view, whose figures are of these types (without sums: None)."""
    name = type_name(view)
    movement: dict[str, Derived] = {
        "count": field(int, None, "How many these are."),
        "before": field(
            figures, None, "What those of them add up to that were in the list before, as they stood then."
        ),
        "after": field(figures, None, "What those of them add up to that are in it after, as they stand then."),
    }
    if sums:
        movement["difference"] = field(sums, None, "The sums after, less the sums before.")
    moved = declare(type(f"{name}Movement", (), {}), movement, description=f"Some {name}, before and after.")
    difference = declare(
        type(f"{name}Difference", (), {}),
        {
            "kind": field(DifferenceKind, None, "Whether it came, went or changed."),
            "before": field(row | None, None, "It, as of `from`, in the list or not; null if it was not there."),
            "after": field(row | None, None, "It, as of `to`, in the list or not; null if it was not there."),
            "changes": field(list[FieldDifference], None, "The fields that differ."),
        },
        description=f"One {name} that is not as it was.",
    )
    compared = declare(
        type(f"{name}ListComparison", (), {}),
        {
            "whole": field(moved, None, "All that are in the list at one of the two instants, or at both."),
            "came": field(moved, None, "Those that came into the list."),
            "went": field(moved, None, "Those that went out of it."),
            "changed": field(moved, None, "Those that stayed in it, and are not as they were."),
            "nodes": field(list[difference], None, "What came, went or changed, by id; a page of it."),  # type: ignore[valid-type]
            "page_info": field(PageInfo, None, "What lies around this page."),
        },
        description=f"A list of {name} at two instants.",
    )
    arguments = [
        *BOTH,
        optional("kinds", list[DifferenceKind], "Only these, in `nodes`."),
        optional("first", int, "So many from the beginning, or after `after`: 1 to 1000. Else 50."),
        optional("after", str, "The cursor that the page begins after."),
    ]
    doc = "This list, by its filter, at two instants: what came into it, what went out, what changed, and the sums."
    return field(compared, None, doc, Derived, arguments)
