"""The fields of a row one by one, each as it is read elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type
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
    match means:
        case Value():
            made = {name: value_part(statement, row, means, each) for name, each in type_.fields.items()}
            return value(statement, row, means, json_of(made))
        case Documents():
            return documents(statement, row, means, json_of({n: document_part(f) for n, f in type_.fields.items()}))
    return single(statement, row, means)


def single(statement: Statement, row: Row, means: Column | Key | Keys) -> str:
    """The JSON of a field that has no parts."""
    column = statement.column(row, means.name)
    match means:
        case Column():
            return shown(column, means.kind)
        case Key():
            return f"'{means.view.of.__name__}_' || {column}"
        case Keys():
            ids = f"'{means.view.of.__name__}_' || u.id order by u.id"
            return f"(select coalesce(json_agg({ids}), '[]'::json) from unnest({column}) u (id))"


def value(statement: Statement, row: Row, means: Value, made: str) -> str:
    """A value object, `made` of some of its parts; null where there is none."""
    first = statement.column(row, means.columns[0][1])
    return f"case when {first} is not null then {made} end" if means.nullable else made


def value_part(statement: Statement, row: Row, means: Value, part: GraphQLField) -> str:
    """The JSON of a part of a value object."""
    name = dict(means.columns)[meaning(part).name]
    return shown(statement.column(row, name), known(row.view)[name].kind)


def documents(statement: Statement, row: Row, means: Documents, made: str) -> str:
    """Value objects out of a column of JSON, each `made` of some of its parts: in their order, or their keys'."""
    column = statement.column(row, means.name)
    each = (
        f"jsonb_each({column}) e" if means.keyed else f"jsonb_array_elements({column}) with ordinality e (value, key)"
    )
    return f"(select coalesce(json_agg({made} order by e.key), '[]'::json) from {each})"


def document_part(part: GraphQLField) -> str:
    """The JSON of a part of such a value object."""
    name, kind = meaning(part).name, meaning(part).kind
    return "e.key" if name is None else shown(f"(e.value ->> '{name}')::{sql_type(kind)}", kind)


def items_of(view: ViewType) -> str:
    """The name of a list of items, where the API shows what has them: `lines`."""
    return camel(view.table.removeprefix(f"{snake(view.of.__name__)}_"))
