"""From everything that is declared to the roots of the schema."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, fields
from typing import Any, Final, get_type_hints
from zoneinfo import ZoneInfo

from strawberry.utils.str_converters import to_camel_case as camel

from api.catalogue import Views, relation, snake, type_name
from api.columns import known
from api.declaring import ID, argument, declare, describe, optional, sentence
from api.fixed import AsOf, HeadType, Node, Occurred, scalars
from api.held import rights_field
from api.lists import Lists
from api.meaning import Answer, Derived, Head, Many, One, Viewer, field
from api.ports import ViewType
from api.rows import Rows
from api.search import search_field, searchable
from api.values import Values
from domain.aggregate import Aggregate
from projections.columns import Of, resolved
from projections.report import Report, entry_of, row_shape
from projections.view import shape

INSTANTS: Final = (
    optional("as_of", AsOf, "What was known then; now, if left out."),
    optional("occurred", Occurred, "What had happened by then."),
)
"""By which any read is asked of any moment; all that is read below it inherits it."""


class Types:
    """The types of everything that is declared, each made once."""

    def __init__(self, views: Views, aggregates: Iterable[type[Aggregate]], time_zone: ZoneInfo) -> None:
        self.views, self.named = views, views.named
        self.scalars = scalars(time_zone)
        self.values = Values(tuple(aggregates), self.scalars)
        self.objects = {v: type(type_name(v), () if v.key else (Node,), {}) for v in views.all}
        self.rows = Rows(views, self.values, self.objects)
        self.lists = Lists(self.rows, self.scalars)
        for view in views.all:
            self._object(view)
        self.lists.declare()

    def roots(self, reports: Iterable[type[Report]], of: type[Derived]) -> dict[str, Derived]:
        """The fields of the root `Query`."""
        id = argument("id", ID, "Its id.")
        ids = argument("ids", list[ID], "Their ids, at most 1000.")
        found: dict[str, Derived] = {
            # Relay refuses a `node` that takes more than an id: whoever asks of another moment asks `nodes`.
            "node": field(Node | None, One(None), "Anything, by its id, as it is now.", of, [id]),
            "nodes": field(
                list[Node | None], One(None, "ids"), "Many things, each by its id; null for one that is not there.", of,
                [ids, *INSTANTS],
            ),
            "head": field(HeadType, Head(), "The last event of the history.", of),
        }  # fmt: skip
        if user := self.named.get("User"):
            found["viewer"] = field(self.objects[user] | None, Viewer(user), "The user who asks.", of)
            found["rights"] = rights_field(self.values, of)
        for view, shown in self.objects.items():
            name = type_name(view)
            if not view.key:
                found[snake(name)] = field(shown | None, One(view), f"One {name}, by its id.", of, [id, *INSTANTS])
            listed, asked = self.lists.connections[view], [*self.lists.arguments[view], *INSTANTS]
            found[view.table] = field(
                listed, Many(view), f"A list of {name}, without those that were put away.", of, asked
            )
        if searchable(self.views):
            found["search"] = search_field(self.views, of, INSTANTS)
        for report in reports:
            found[snake(report.__name__)] = self._report(report, of)
        return found

    def _report(self, report: type[Report], of: type[Derived]) -> Derived:
        hints, arguments = get_type_hints(report, include_extras=True), []
        for f in fields(report):
            kind, nullable, notes = resolved(f"{report.__name__}.{f.name}", hints[f.name])
            is_key = any(isinstance(note, Of) for note in notes)
            type_ = ID if is_key else self.values.input_type(kind, report)
            doc = sentence(next((n for n in notes if isinstance(n, str)), None)) or f"{f.name.replace('_', ' ')}."
            if f.default is MISSING and not nullable:
                arguments.append(argument(f.name, type_, doc))
            elif nullable or f.default is None or entry_of(kind):
                arguments.append(optional(f.name, type_, doc))
            else:
                arguments.append(argument(f.name, type_, doc, f.default))
        members = {}
        points_to = self.views.pointing(row_shape(report))
        for column in row_shape(report):
            members.update(self.rows.shown(report, column, points_to))
        what = f"A row of `{camel(snake(report.__name__))}`."
        row = declare(type(f"{report.__name__}Row", (), {}), members, description=what)
        return field(list[row], Answer(report), describe(report), of, [*arguments, *INSTANTS])  # type: ignore[valid-type]

    def _object(self, view: ViewType) -> None:
        members: dict[str, Any] = {}
        shown, points_to = self.objects[view], self.views.belongs_to(view)
        for f in shape(view):
            members.update(self.rows.shown(view, f, points_to))
        for child in self.views.all:
            for name, via in self._ways(child, view):
                if name in members:
                    raise TypeError(f"{view.__name__}.{name} is a column, and the list of {child.__name__} too")
                members[name] = field(
                    self.lists.connections[child], Many(child, via), f"The {type_name(child)} of this one, as a list.",
                    Derived, self.lists.arguments[child],
                )  # fmt: skip
        declare(shown, members, description=describe(view, view.of))

    def _ways(self, child: ViewType, view: ViewType) -> list[tuple[str, str]]:
        """The lists of rows of `child` that point to a row of `view`, by name, and by which column."""
        if child.key and child.of is view.of:
            return [] if view.key else [(child.table.removeprefix(f"{snake(view.of.__name__)}_"), "id")]
        if view.key:
            return []
        to = [
            c
            for c, other in self.views.belongs_to(child).items()
            if other is view and known(child)[c].column.type == "uuid"
        ]
        plain = f"{snake(view.of.__name__)}_id"
        return [(child.table if c == plain else f"{child.table}_by_{relation(child, c)}", c) for c in to]
