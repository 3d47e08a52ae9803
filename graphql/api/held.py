"""What the caller may see and do, for a frontend to know what to offer: `rights` of the root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import get_named_type
from strawberry.utils.str_converters import to_camel_case as camel

from api.catalogue import Views, type_name
from api.declaring import declare
from api.meaning import Column, Derived, Held, field, meaning
from api.ports import Policy, ViewType
from api.render import json_of, shown
from api.rows import of_column
from api.values import Values
from domain.rights import Scope, permissions
from projections.view import shape

if TYPE_CHECKING:
    from graphql.execution.collect_fields import FieldDetails

    from api.compile import Compiler


def rights_field(values: Values, of: type[Derived]) -> Derived:
    """The field `rights` of the root `Query`."""
    permission = declare(
        type("Permission", (), {}),
        {
            "name": field(str, Column("name", str), "Its name, such as `sales.see`."),
            "description": field(str, Column("description", str), "What it lets see or do."),
            "scope": field(
                values.enum(Scope, None) | None,
                Column("scope", Scope),
                "Upon whose rows you have it; null where you do not.",
            ),
            "mutations": field(list[str], Column("mutations", str), "The mutations that need it."),
        },
        description="Something that can be permitted.",
    )
    rights = declare(
        type("Rights", (), {}),
        {
            "permissions": field(list[permission], None, "Everything that can be permitted, and how far you may."),  # type: ignore[valid-type]
            "hidden": field(list[str], None, "The fields that are null for you, such as `Opportunity.amount`."),
        },
        description="What you may see and do.",
    )
    return field(rights, Held(), "What you may see and do, as of now.", of)


def held(compiler: Compiler, type_: Any, details: list[FieldDetails]) -> str:
    """The JSON of a caller's rights, as one expression."""
    bind, policy = compiler.statement.bind, compiler.statement.policy

    def part(made: Any, name: str, each: list[FieldDetails]) -> str:
        if name == "hidden":
            return f"to_json({bind(hidden(policy, compiler.views), 'text[]')})"
        known = permissions(view.of for view in compiler.views.named.values()).values()
        columns = {
            "name": bind([each.name for each in known], "text[]"),
            "description": bind([each.doc for each in known], "text[]"),
            "scope": bind([policy.reach(each.name) for each in known], "text[]"),
            "mutations": bind([" ".join(each.mutations) for each in known], "text[]"),
        }
        row = json_of(compiler.members(get_named_type(made.type), each, lambda f, _, __: _value(meaning(f))))
        return (
            f"(select coalesce(json_agg({row} order by p.name), '[]'::json)"
            f" from unnest({', '.join(columns.values())}) p ({', '.join(columns)}))"
        )

    return json_of(compiler.members(type_, details, part))


def _value(means: Column) -> str:
    if means.name == "mutations":
        return "array_to_json(array_remove(string_to_array(p.mutations, ' '), ''))"
    return shown(f"p.{means.name}", means.kind)


def hidden(policy: Policy, views: Views) -> list[str]:
    """The fields of the API that are null for a caller, of all that they may see."""
    seen = (view for view in views.all if policy.may((view.within or view).needs))
    return sorted(name for view in seen for name in hidden_of(policy, view))


def hidden_of(policy: Policy, view: ViewType) -> list[str]:
    """The fields of the API that are null for a caller, of one view."""
    fields = (each for f in shape(view) for each in (map(of_column, f.inside) if f.flat else (f,)))
    return [
        f"{type_name(view)}.{camel(each.name)}"
        for each in fields
        if all(policy.hides(view, column.name) for column in each.columns)
    ]
