"""The views that the API shows, how they refer to each other, and where days begin that are told of them."""

from __future__ import annotations

from collections.abc import Iterable

from api.ports import ViewType
from projections.columns import Field
from projections.view import belongs_to, pointing


class Views:
    """All views: by the kind of aggregate that they are of, and by what their columns point to.

    `time_zone` is where the company's days begin and end.
    """

    def __init__(self, views: Iterable[ViewType], time_zone: str = "UTC") -> None:
        self.all, self.time_zone = tuple(views), time_zone
        self.named = {view.of.__name__: view for view in self.all if not view.key}
        self.of_kind = {kind: [view for view in self.all if view.of.__name__ == kind] for kind in self.named}
        self._belongs = {view: belongs_to(view, self.all) for view in self.all}
        if doubled := sorted(v.__name__ for v in self.all if not v.key and self.named[v.of.__name__] is not v):
            raise TypeError(f"{', '.join(doubled)}: an aggregate has one view; others are views of its items")

    def belongs_to(self, view: ViewType) -> dict[str, ViewType]:
        """The columns of a view that hold an id, or a list of ids, each with the view of what they name."""
        return self._belongs[view]

    def pointing(self, found: Iterable[Field]) -> dict[str, ViewType]:
        """Those fields that hold an id of something that is shown."""
        return pointing(found, self.all)

    def parent(self, view: ViewType) -> ViewType:
        """Of a view of items, the view of the aggregates that have them."""
        return self.named[view.of.__name__]


def type_name(view: ViewType) -> str:
    """The name of a row in the API: `Opportunity`, and `OpportunityLine` for an item of one."""
    return view.__name__.removesuffix("View") if view.key else view.of.__name__


def relation(view: ViewType, column: str) -> str:
    """The name of what a column points to: `account` for `account_id`."""
    return column.removesuffix("_id")


def steps(views: Views, view: ViewType) -> list[tuple[str, str, ViewType]]:
    """What a row points to: by which name, by which column, and where."""
    found = [(relation(view, c), c, to) for c, to in views.belongs_to(view).items()]
    parent = views.parent(view)
    return [(snake(parent.of.__name__), "id", parent), *found] if view.key else found


def snake(name: str) -> str:
    """`opportunity_line` for `OpportunityLine`."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
