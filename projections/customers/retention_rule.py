"""Retention rules, as people see them."""

from __future__ import annotations

from typing import Annotated

from domain.customers.contact import LawfulBasis
from domain.customers.retention_rule import CountsFrom, RetentionRule
from projections.view import View


class RetentionRuleView(
    View, of=RetentionRule, table="retention_rules", needs="customers.see", indexes=("purpose", "counts_from")
):
    """For how long we keep people for a purpose. Once it is archived it says nothing any more."""

    purpose: Annotated[str, "what we keep people for"]
    counts_from: Annotated[CountsFrom, "from which day of theirs the time runs"]
    months: Annotated[int, "how long we keep them from that day on"]
    basis: Annotated[LawfulBasis, "why we may"]
    because: Annotated[str | None, "what says so"] = None
    only_tagged: Annotated[str | None, "it is only about those with this label"] = None
    only_without_account: Annotated[bool, "whether it is only about those who are at no account"] = False
