"""What is hidden by which name: from the attributes that a role hides to the columns of views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from projections.columns import Field, once
from projections.view import View, holders, shape


@once
def names_of(view: type[View]) -> Mapping[str, frozenset[str]]:
    """Of each column the attributes that it shows, such as `Account.details` and `Account.details.revenue`: it is
    hidden with any of them.
    """
    found = dict[str, frozenset[str]]()
    for place in _places(view):
        for f in shape(view):
            for column, names in _named(f"{place}.{f.name}", f):
                found[column] = found.get(column, frozenset()) | names
    return found


@once
def masked(view: type[View]) -> frozenset[str]:
    """The columns that need a permission of their own, `<context>.personal`: of what is sealed, and of `masks`."""
    return frozenset(c.name for f in shape(view) if f.whose or f.name in view.masks for c in f.columns)


def _places(view: type[View]) -> Iterator[str]:
    """The aggregate, or what holds its items: `Opportunity`, `Opportunity.lines`."""
    kind = view.of.__name__
    if not view.key:
        yield kind
    yield from sorted(f"{kind}.{holder}" for holder in holders(view))


def _named(name: str, f: Field) -> Iterator[tuple[str, frozenset[str]]]:
    for column in () if f.inside else f.columns:
        yield column.name, frozenset({name})
    for part in f.inside:
        for column in part.columns:
            yield column.name, frozenset({name, f"{name}.{part.name}"})
