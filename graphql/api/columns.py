"""The columns of a view by name, as filters, orders, groups and cursors look them up."""

from __future__ import annotations

from typing import Any, NamedTuple

from strawberry.utils.str_converters import to_camel_case as camel

from api.ports import ViewType
from projections.columns import Column, Field, once
from projections.view import shape


class Known(NamedTuple):
    """A column, the kind of its values in Python, and the field that it is of."""

    column: Column
    kind: Any
    field: Field


@once
def known(view: ViewType) -> dict[str, Known]:
    """Every column of a view by its name."""
    found = {}
    for field in shape(view):
        for column, kind in zip(field.columns, field.kinds, strict=True):
            found[column.name] = Known(column, kind, field)
    return found


def columns_of(view: ViewType) -> tuple[str, ...]:
    return tuple(known(view))


def column_of(view: ViewType, name: str) -> Column:
    return known(view)[name].column


@once
def by_camel(view: ViewType) -> dict[str, str]:
    """The columns by their names in the API."""
    return {camel(name): name for name in columns_of(view)}
