"""Reports, as one expression each: the caller's relations are put in, every value is bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from graphql import get_named_type
from strawberry.utils.str_converters import to_camel_case as camel

from api.catalogue import Views
from api.computing import relation
from api.conditions import id_of
from api.errors import bad_input, forbidden
from api.meaning import Column, Key, Keys, Related, Value, meaning
from api.render import json_of, shown
from api.statement import Instant, Statement, quoted, where
from domain.values import WrongPart
from projections.columns import Of, resolved
from projections.computed import Computed
from projections.report import MOST_ENTRIES, Events, Relation, Report, entry_of, pieces, row_shape
from projections.writing import writer

if TYPE_CHECKING:
    from graphql.execution.collect_fields import FieldDetails

    from api.compile import Compiler

M = TypeVar("M")


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
    made = asked(report, given, compiler.views)
    if isinstance(made, Computed):
        sql = relation(compiler.statement, made, given, compiled)
    else:
        sql = compiled(compiler.statement, made, instant)

    def column(field: Any, _: str, each: list[FieldDetails]) -> str:
        means = meaning(field)
        match means:
            case Column():
                return shown(f"q.{quoted(means.name)}", means.kind)
            case Key():
                return f"'{means.view.of.__name__}_' || q.{quoted(means.name)}"
            case Keys():
                ids = f"'{means.view.of.__name__}_' || u.id order by u.nth"
                list_ = f"unnest(q.{quoted(means.name)}) with ordinality u (id, nth)"
                return f"(select coalesce(json_agg({ids}), '[]'::json) from {list_})"
            case Related():
                to = f"q.{quoted(means.via)}"
                return compiler.by_key(means.view, get_named_type(field.type), each, to, instant, merged=True)
            case Value():
                parts = {name: f"q.{quoted(at)}" for name, at in means.columns}
                of: Any = get_named_type(field.type)
                value = json_of(
                    compiler.members(of, each, lambda f, _, __: shown(parts[meaning(f).name], meaning(f).kind))
                )
                return f"case when {next(iter(parts.values()))} is not null then {value} end"
        raise TypeError(f"no SQL for {means}")

    row = json_of(compiler.members(type_, details, column))
    # Of what a row cannot be without, nothing may be hidden: such a row is not shown at all.
    whole = [f"q.{quoted(c.name)} is not null" for f in row_shape(report) if not f.nullable for c in f.columns]
    there = where(whole) if compiler.statement.hides else ""
    return f"(select coalesce(json_agg({row} order by q.nth), '[]'::json) from ({numbered(sql)}) q{there})"


def numbered(sql: str) -> str:
    return f"select r.*, row_number() over () as nth from ({sql}) r"


def asked(report: type[Report], given: Mapping[str, Any], views: Views) -> Report:
    """The parameters of a report: what was left out has its default."""
    hints, taken = get_type_hints(report, include_extras=True), {}
    for f in fields(report):
        value, place = given.get(camel(f.name)), camel(f.name)
        if value is not None:
            taken[f.name] = _taken(hints[f.name], value, place, views)
        elif f.default is MISSING:
            taken[f.name] = None
    return _made(report, taken, "")


def _taken(hint: Any, value: Any, place: str, views: Views) -> Any:
    """A value as its report takes it: an id by its kind, and each of a list as what it is."""
    kind, _, notes = resolved(place, hint)
    if entry := entry_of(kind):
        hints, made = get_type_hints(entry, include_extras=True), list[Any]()
        for nth, each in enumerate(value[: MOST_ENTRIES + 1]):
            at = f"{place}.{nth}"
            parts = {n: v if v is None else _taken(hints[n], v, f"{at}.{camel(n)}", views) for n, v in each.items()}
            made.append(_made(entry, parts, f"{at}."))
        return tuple(made)
    of = next((note.kind for note in notes if isinstance(note, Of)), None)
    return id_of(value, views.named[of]) if of else value


def _made(kind: type[M], parts: Mapping[str, Any], within: str) -> M:
    """A value that checks itself; what is wrong is told with the place where it stands."""
    try:
        return kind(**parts)
    except WrongPart as wrong:
        place = f"{within}{camel(wrong.part)}"
        raise bad_input(f"`{place}`: {wrong}", place) from None


def compiled(statement: Statement, report: Report, instant: Instant) -> str:
    """The SQL of a report over what the caller may see at an instant."""
    text = report.sql

    def rows_of(piece: Relation | Events) -> str:
        if isinstance(piece, Events):
            return statement.events(piece.view, instant)
        if piece.view in report.left_out:
            return statement.nothing(piece.view)
        if piece.versions:
            return statement.versions(piece.view, instant, text, report.axis)
        return statement.relation(piece.view, instant, text)

    def at() -> str:
        return moment(instant, statement.places(type(report).of[0]).until)

    read, written = pieces(type(report)), writer(report, rows_of, at, statement.views.time_zone, statement.bind)
    if type(report).unfit:
        statement.unfit.append(written(read.unfit))
    return written(read.sql)


def moment(instant: Instant, until: int | None) -> str:
    """The time of an instant: that of the last event known at its position, or now; in a replay, that of its end."""
    position = instant.position or until
    return "now()" if position is None else f"(select recorded_at from events where position = {position})"
