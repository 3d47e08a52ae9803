"""Reports, as one expression each: the caller's relations are put in, every value is bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, get_type_hints

from graphql import get_named_type
from strawberry.utils.str_converters import to_camel_case as camel

from api.catalogue import Views
from api.conditions import id_of
from api.errors import forbidden
from api.meaning import Column, Key, Related, Value, meaning
from api.render import json_of, shown
from api.statement import Instant, Statement, quoted, where
from projections.columns import Of, resolved
from projections.report import Parameter, Relation, Report, pieces, row_shape

if TYPE_CHECKING:
    from graphql.execution.collect_fields import FieldDetails

    from api.compile import Compiler


def answer(
    compiler: Compiler,
    report: type[Report],
    type_: Any,
    details: list[FieldDetails],
    given: dict[str, Any],
    instant: Instant,
) -> str:
    """The JSON of the rows of a report, in its own order."""
    if not compiler.caller.policy.may(report.needs):
        raise forbidden(f"to ask this you need {report.needs}", report.needs)
    sql = compiled(compiler.statement, asked(report, given, compiler.views), instant)

    def column(field: Any, _: str, each: list[FieldDetails]) -> str:
        means = meaning(field)
        match means:
            case Column():
                return shown(f"q.{quoted(means.name)}", means.kind)
            case Key():
                return f"'{means.view.of.__name__}_' || q.{quoted(means.name)}"
            case Related():
                to = f"q.{quoted(means.via)}"
                return compiler.by_key(means.view, get_named_type(field.type), each, to, instant, merged=True)
            case Value():
                parts = {name: f"q.{quoted(at)}" for name, at in means.columns}
                of: Any = get_named_type(field.type)
                made = json_of(
                    compiler.members(of, each, lambda f, _, __: shown(parts[meaning(f).name], meaning(f).kind))
                )
                return f"case when {next(iter(parts.values()))} is not null then {made} end"
        raise TypeError(f"no SQL for {means}")

    made = json_of(compiler.members(type_, details, column))
    # Of what a row cannot be without, nothing may be hidden: such a row is not shown at all.
    whole = [f"q.{quoted(c.name)} is not null" for f in row_shape(report) if not f.nullable for c in f.columns]
    there = where(whole) if compiler.statement.hides else ""
    return f"(select coalesce(json_agg({made} order by q.nth), '[]'::json) from ({numbered(sql)}) q{there})"


def numbered(sql: str) -> str:
    return f"select r.*, row_number() over () as nth from ({sql}) r"


def asked(report: type[Report], given: Mapping[str, Any], views: Views) -> Report:
    """The parameters of a report: what was left out has its default."""
    hints, taken = get_type_hints(report, include_extras=True), {}
    for f in fields(report):
        value = given.get(camel(f.name))
        kind = next((n.kind for n in resolved(f.name, hints[f.name]).notes if isinstance(n, Of)), None)
        if value is not None:
            taken[f.name] = id_of(value, views.named[kind]) if kind else value
        elif f.default is MISSING:
            taken[f.name] = None
    return report(**taken)


def compiled(statement: Statement, report: Report, instant: Instant) -> str:
    """The SQL of a report over what the caller may see at an instant: each relation and value is written once."""
    known: dict[Any, str] = {}
    made = []
    for piece in pieces(type(report)):
        if isinstance(piece, str):
            made.append(piece)
            continue
        if piece not in known:
            known[piece] = _written(statement, report, piece, instant)
        made.append(known[piece])
    return "".join(made)


def _written(statement: Statement, report: Report, piece: Relation | Parameter, instant: Instant) -> str:
    if isinstance(piece, Relation):
        return statement.versions(piece.view, instant) if piece.versions else statement.relation(piece.view, instant)
    if piece.name == "instant":
        return moment(instant)
    value = getattr(report, piece.name)
    return statement.bind(value.value if isinstance(value, Enum) else _plain(value), piece.type)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


def moment(instant: Instant) -> str:
    """The time of an instant: that of the last event known at its position, or now."""
    if instant.position is None:
        return "now()"
    return f"(select recorded_at from events where position = {instant.position})"
