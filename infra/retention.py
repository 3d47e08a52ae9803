"""By which rules people are kept, as whoever may know everything is told it: of one person, or whom to forget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.sql import SQL, Identifier

from domain.values import id_text
from infra.reporting import answer, table_of
from projections.customers.retention import ToForget
from projections.customers.retention_rule import RetentionRuleView

RULES = "select id, purpose, counts_from, months, basis, because from {}"


@dataclass(frozen=True)
class _Rule:
    id: UUID
    purpose: str
    counts_from: str
    months: int
    basis: str
    because: str | None


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """That a rule keeps a person until a day, why, and what speaks for keeping them on."""

    person: str
    rule: str
    purpose: str
    counts_from: str
    months: int
    basis: str
    because: str | None
    counted_from: date
    runs_out_on: date
    kept_because: list[str]


def keeping(connection: Connection[Any], asked: ToForget, time_zone: str) -> list[Keeping]:
    """What the report tells, each with its rule, who is kept the shortest first. Days are those of a time zone.

    Raises StillBuilt.
    """
    told = answer(connection, asked, time_zone=time_zone)
    sql = SQL(RULES).format(Identifier(table_of(connection, RetentionRuleView).live))
    with connection.cursor(row_factory=class_row(_Rule)) as cursor:
        rules = {rule.id: rule for rule in cursor.execute(sql).fetchall()}
    return [_keeping(row, rules[row["rule_id"]]) for row in told]


def _keeping(row: dict[str, Any], rule: _Rule) -> Keeping:
    return Keeping(
        person=id_text("Contact", row["contact_id"]),
        rule=id_text("RetentionRule", rule.id),
        purpose=rule.purpose,
        counts_from=rule.counts_from,
        months=rule.months,
        basis=rule.basis,
        because=rule.because,
        counted_from=row["counted_from"],
        runs_out_on=row["runs_out_on"],
        kept_because=row["kept_because"],
    )
