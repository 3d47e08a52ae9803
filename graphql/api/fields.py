"""The fields of a row one by one, each as it is read elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type
from strawberry.utils.str_converters import to_camel_case as camel

from api.catalogue import snake, type_name
from api.columns import known
from api.meaning import Column, Documents, Key, Keys, Value, meaning
from api.ports import ViewType
from api.render import json_of, shown, sql_type
from api.statement import Row, Statement
from projections.view import ALWAYS


@dataclass(frozen=True, slots=True)
class Told:
    """A field of a row as the API tells it: its name there, that of its declaration, its columns, what it means."""

    name: str
    declared: str
    columns: tuple[str, ...]
    means: Any
    type_: Any


def fields_of(schema: GraphQLSchema, view: ViewType) -> Iterator[Told]:
    """The fields of a view that events set, as the API names and shows them."""
    of = schema.type_map[type_name(view)]
    assert isinstance(of, GraphQLObjectType)
    for name, each in of.fields.items():
        means = meaning(each)
        match means:
            case Column() | Key() | Keys() | Documents():
                columns: tuple[str, ...] = (means.name,)
            case Value():
                columns = tuple(column for _, column in means.columns)
            case _:
                continue
        declared = known(view)[columns[0]].field.name
        if declared not in ALWAYS and declared != view.key:
            yield Told(name, declared, columns, means, get_named_type(each.type))


def written(statement: Statement, row: Row, means: Any, type_: Any) -> str:
    """The JSON of one whole field of a row, as the caller may see it: just as it is read elsewhere."""
    column = statement.column
    match means:
        case Column():
            return shown(column(row, means.name), means.kind)
        case Key():
            return f"'{means.view.of.__name__}_' || {column(row, means.name)}"
        case Keys():
            ids = f"'{means.view.of.__name__}_' || u.id order by u.id"
            return f"(select coalesce(json_agg({ids}), '[]'::json) from unnest({column(row, means.name)}) u (id))"
        case Value():
            parts = dict(means.columns)
            made = {
                name: shown(column(row, at), known(row.view)[at].kind)
                for name, each in type_.fields.items()
                if (at := parts[meaning(each).name])
            }
            first = column(row, next(iter(parts.values())))
            return f"case when {first} is not null then {json_of(made)} end" if means.nullable else json_of(made)
        case Documents():
            made = {name: _part(meaning(each)) for name, each in type_.fields.items()}
            at = column(row, means.name)
            each = (
                f"jsonb_each({at}) e" if means.keyed else f"jsonb_array_elements({at}) with ordinality e (value, key)"
            )
            return f"(select coalesce(json_agg({json_of(made)} order by e.key), '[]'::json) from {each})"
    raise TypeError(f"no SQL for {means}")


def _part(part: Any) -> str:
    return "e.key" if part.name is None else shown(f"(e.value ->> '{part.name}')::{sql_type(part.kind)}", part.kind)


def items_of(view: ViewType) -> str:
    """The name of a list of items, where the API shows what has them: `lines`."""
    return camel(view.table.removeprefix(f"{snake(view.of.__name__)}_"))
