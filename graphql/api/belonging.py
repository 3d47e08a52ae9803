"""What belongs to something, step by step: an account's contacts, opportunities, and the interactions with either.

Nothing is listed here by name. What is some person's to look after (its view has an `owner`) can have things that
belong to it: those of other kinds, with an owner too, whose view points to it, or a list of whose items does; and those
that are a part of it, with or without an owner: their view points to it from their beginning to their end, as that of a
milestone does to its project. So users, products and pipelines, to which many things point, have nothing. What belongs
to something that belongs to it belongs to it too, unless it says itself that it belongs to another of that kind: an
interaction with a contact of two accounts, that names one of them, is not the other's.

What belongs now does so with all that ever happened to it; what belonged once, until the event by which it left. What
was merged into something belongs to it, and what belongs to that, until it is unmerged. A subsidiary has a life of its
own, and belongs only where it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, NamedTuple

from api.catalogue import Views
from api.columns import known
from api.ports import ViewType
from api.statement import PAST, Row, Statement, keys_of, quoted, where
from projections.view import creating, named_by, setting_of

ALWAYS: Final = 2**63 - 1
"""The position until which something belongs that does so still."""
MERGED: Final = "merged_into_id"
NOTHING: Final = "select null::uuid as id, null::bigint as until where false"


class Edge(NamedTuple):
    """That rows of a view belong to what `column` of `told_by` points to: the view itself, or one of its items."""

    view: ViewType
    told_by: ViewType
    column: str
    to: ViewType

    @property
    def listed(self) -> bool:
        """Whether the column holds a list of ids."""
        return known(self.told_by)[self.column].column.type == "uuid[]"

    @property
    def stays(self) -> bool:
        """Whether nothing sets the column but what begins the row."""
        setting = named_by(self.told_by, self.column)
        return self.column == self.told_by.key or (setting is not None and setting <= creating(self.told_by))

    @property
    def is_part(self) -> bool:
        """Whether such a row cannot be without what it points to, nor ever be of another."""
        return not self.told_by.key and not known(self.told_by)[self.column].column.nullable and self.stays


def has_things(view: ViewType) -> bool:
    """Whether things can belong to those that a view shows."""
    return view.owner is not None and not view.key


@cache
def edges(views: Views) -> tuple[Edge, ...]:
    """All ways in which something belongs to something else, in the order of the catalogue."""
    found = (
        Edge(views.parent(told_by), told_by, column, to)
        for told_by in views.all
        for column, to in views.belongs_to(told_by).items()
        if has_things(to) and not (told_by.key and to is views.parent(told_by))
    )
    return tuple(edge for edge in found if has_things(edge.view) or edge.is_part)


@cache
def kinds_below(views: Views, root: ViewType) -> tuple[ViewType, ...]:
    """The root and all kinds that may belong to it, each after those that it may belong to (of two that may belong to
    each other, the one that is met first is above).
    """
    below: dict[ViewType, list[ViewType]] = {}
    for edge in edges(views):
        below.setdefault(edge.to, []).append(edge.view)
    met, order = set[ViewType](), list[ViewType]()

    def visit(view: ViewType) -> None:
        met.add(view)
        for each in below.get(view, ()):
            if each not in met:
                visit(each)
        order.append(view)

    visit(root)
    return tuple(order[::-1])


class Belonging:
    """The relation of all that belongs to one thing, in the making."""

    def __init__(self, statement: Statement, root: ViewType, id: str, at: str | None, below: bool) -> None:
        self.statement, self.root, self.id, self.at, self.below = statement, root, id, at, below
        may = statement.policy.may
        kinds = kinds_below(statement.views, root)
        self.names = {view: f"of_{n}" for n, view in enumerate(kinds) if view is root or may(view.needs)}
        self.edges = [edge for edge in edges(statement.views) if self._is_told(edge)]

    def _is_told(self, edge: Edge) -> bool:
        policy = self.statement.policy
        return (
            edge.view in self.names
            and edge.to in self.names
            and policy.may((edge.told_by.within or edge.told_by).needs)
            and not policy.hides(edge.told_by, edge.column)
        )

    def with_(self) -> str:
        """The relations, to stand behind `with recursive`."""
        return ", ".join(f"{name} (id, until) as materialized ({self._of(v)})" for v, name in self.names.items())

    def all(self) -> str:
        """Everything that belongs, itself first, each with the position of the last event that counts."""
        arms = (f"select id, max(until) as until from {name} group by id" for name in self.names.values())
        return " union all ".join(arms)

    def _of(self, view: ViewType) -> str:
        """Those of one kind; with each what was merged into it, and, if asked for, what lies below the root."""
        place = list(self.names)
        if view is self.root:
            seen = where([f"s.id = {self.id}", *self.statement.seen(Row("s", view, PAST))])
            first = f"select s.id, {ALWAYS}::bigint as until from {quoted(self.statement.places(view).live)} s{seen}"
        else:
            into = (e for e in self.edges if e.view is view and e.to is not view)
            arms = [
                self._step(self.names[edge.to], [edge]) for edge in into if place.index(edge.to) < place.index(view)
            ]
            first = f"select b.id, max(b.until) as until from ({' union all '.join(arms) or NOTHING}) b group by b.id"
        inside = [
            e
            for e in self.edges
            if e.view is e.to is view and (e.column == MERGED or (self.below and view is self.root))
        ]
        if not inside:
            return first
        walk = f"with recursive w (id, until) as ({first} union {self._step('w', inside)})"
        return f"{walk} select id, max(until) from w group by id"

    def _step(self, above: str, edges: list[Edge]) -> str:
        """Those that belong, by some ways, to what stands in a relation."""
        found = " union all ".join(each for edge in edges for each in self._found(edge))
        return f"select f.id, least(p.until, f.until) as until from {above} p cross join lateral ({found}) f"

    def _found(self, edge: Edge) -> Iterator[str]:
        """Those that belong by one way to a thing `p`: now, and those that did once."""
        place, at = self.statement.places(edge.told_by), self.at
        until = str(ALWAYS)
        if edge.told_by.ends:
            known_by = f" and r._from <= {at}" if at else ""
            until = f"case when r._ended{known_by} then r._from else {ALWAYS} end"
        yield self._rows(edge, place.live, until)
        if not edge.stays:
            yield self._left(edge)

    def _left(self, edge: Edge) -> str:
        """Those that belonged once, until the last event by which they left: found by the versions that began to."""
        place, at = self.statement.places(edge.told_by), self.at
        known_by = f" and h._from <= {at}" if at else ""
        same = " and ".join(f"h.{quoted(key)} = r.{quoted(key)}" for key in keys_of(edge.told_by))
        held = f"{same} and {self._points('h', edge)}{known_by}{' and not h._ended' if edge.told_by.ends else ''}"
        until = f"case when h._to <= {at} then h._to else {ALWAYS} end" if at else "h._to"
        last = f"(select max({until}) from {quoted(place.history)} h where {held})"
        more = [f"not exists (select from {quoted(place.live)} h where {held})"]
        if setting := setting_of(edge.told_by, edge.column):
            more.append(f"r.{setting}")
        return self._rows(edge, place.history, last, more)

    def _points(self, alias: str, edge: Edge) -> str:
        column = f"{alias}.{quoted(edge.column)}"
        return f"{column} && array[p.id] and {column} <> '{{}}'" if edge.listed else f"{column} = p.id"

    def _rows(self, edge: Edge, table: str, until: str, more: Iterable[str] = ()) -> str:
        met = [
            self._points("r", edge),
            *more,
            *self.statement.seen(Row("r", edge.told_by, PAST)),
            *self._not_of_another(edge),
        ]
        if self.at and not edge.stays:
            met.append(f"r._from <= {self.at}")
        elif self.at and edge.told_by.key:
            met.append(f"(r._from <= {self.at} or {self._begun(edge.told_by)})")
        # one look into an index for each that stands above, whatever the planner thinks of how many there are
        return f"(select r.id, {until} as until from {quoted(table)} r{where(met)} offset 0)"

    def _begun(self, view: ViewType) -> str:
        """Whether an item `r` that changed since was there."""
        same = " and ".join(f"h.{quoted(key)} = r.{quoted(key)}" for key in keys_of(view))
        history = quoted(self.statement.places(view).history)
        return f"exists (select from {history} h where {same} and h._from <= {self.at})"

    def _not_of_another(self, edge: Edge) -> Iterator[str]:
        """What says itself to which of the root's kind it belongs does not belong to another by a way around."""
        if edge.to is self.root:
            return
        for own in self.edges:
            if own.told_by is edge.view is edge.told_by and own.to is self.root and not own.listed:
                column = f"r.{quoted(own.column)}"
                yield f"({column} is null or {column} in (select id from {self.names[self.root]}))"
