"""What differs between two rows of a view: each field as it is read elsewhere, before and after."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from api.declaring import JSON, declare
from api.fields import fields_of, written
from api.meaning import Value, field
from api.personal import marks
from api.ports import ViewType
from api.render import json_of
from api.statement import Row, keys_of, quoted, where

if TYPE_CHECKING:
    from graphql.execution.collect_fields import FieldDetails

    from api.compile import Compiler

FieldDifference: Any = declare(
    type("FieldDifference", (), {}),
    {
        "field": field(str, None, "The name of the field, such as `industry`."),
        "before": field(JSON | None, None, "What it said before; null if nothing."),
        "after": field(JSON | None, None, "What it said afterwards; null if nothing."),
    },
    description="A field that says something else at one instant than at another.",
)


def columns_told(compiler: Compiler, view: ViewType) -> list[str]:
    """The columns in which rows of a view can differ, as far as the caller is told of them: all but those that tell
    rows apart and count their changes.
    """
    statement, found = compiler.statement, list[str]()
    for told in fields_of(compiler.schema, view):
        seen = [column for column in told.columns if not statement.policy.hides(view, column)]
        statement.hides |= len(seen) < len(told.columns)
        if not isinstance(told.means, Value) or told.columns[0] in seen:  # else it is told as null as a whole
            found += seen
    return found


def changes(
    compiler: Compiler,
    type_: Any,
    details: list[FieldDetails],
    of: tuple[Row, Row],
    keys: Callable[[Row], list[str]],
) -> str:
    """The JSON of the fields in which two rows of one view differ. `keys` are the conditions that find each of them;
    one that is not there says nothing in any field.
    """
    statement, sides, whose = compiler.statement, list[str](), list[list[str]]()
    told = list(fields_of(compiler.schema, of[0].view))
    if not told:
        return "'[]'::json"
    for row, name in zip(of, ("before_", "after_"), strict=True):
        values = (f"to_jsonb({written(statement, row, each.means, each.type_)}) as c{n}" for n, each in enumerate(told))
        found, columns = where([*keys(row), *statement.where(row)]), [*values]
        persons = statement.personal.persons(row.alias, row.view)
        whose.append(persons)
        columns += [f"{person} as p{n}" for n, person in enumerate(persons)]
        sides.append(f"left join (select {', '.join(columns)} from {statement.source(row)}{found}) {name} on true")
    each = ", ".join(f"({n}, '{each.name}', before_.c{n}, after_.c{n})" for n, each in enumerate(told))
    at = {"field": "c.field", "before": "c.before", "after": "c.after"}
    marked = marks(f"coalesce(after_.p{n}, before_.p{n})" for n, _ in enumerate(whose[0]))
    made = json_of(marked | compiler.members(type_, details, lambda _, name, __: at[name]))
    return (
        f"(select coalesce(json_agg({made} order by c.n), '[]'::json) from (select) one {' '.join(sides)}"
        f" cross join lateral (values {each}) c (n, field, before, after) where c.before is distinct from c.after"
        " and (c.before is not null or c.after not in ('[]', '{}'))"
        " and (c.after is not null or c.before not in ('[]', '{}')))"
    )


def found_by(view: ViewType, alias: str) -> Callable[[Row], list[str]]:
    """The conditions that find the row of the same keys as another relation has under this name."""
    return lambda row: [f"{row.alias}.{quoted(key)} = {alias}.{quoted(key)}" for key in keys_of(view)]
