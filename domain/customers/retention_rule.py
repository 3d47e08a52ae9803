"""A retention rule: for how long we keep people for a purpose. It proposes whom to forget, and forgets nobody."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Self

from domain.aggregate import Aggregate
from domain.customers.contact import LawfulBasis
from domain.parameters import AS_IT_IS, Text, command

LONGEST: Final = 1200
"""In months: nobody is kept for more than a hundred years."""


class CountsFrom(StrEnum):
    """From which day of a person the time runs; of whom there is none, a rule says nothing.

    That of the last interaction that took place, or without any of being added; of the last consent that was withdrawn,
    once none stands; of being added; of being archived; of the last sale to an account where they are.
    """

    LAST_INTERACTION = "last_interaction"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    ADDED = "added"
    ARCHIVED = "archived"
    LAST_SALE = "last_sale"


class RetentionRule(Aggregate):
    needs = "platform.privacy"
    unique = ("purpose",)

    purpose: str
    counts_from: CountsFrom
    months: int
    basis: LawfulBasis
    because: str | None = None
    only_tagged: str | None = None
    only_without_account: bool = False

    class Defined(Aggregate.Created):
        purpose: str
        counts_from: CountsFrom
        months: int
        basis: LawfulBasis
        because: str | None
        only_tagged: str | None
        only_without_account: bool

    class Changed(Aggregate.Event):
        purpose: str
        counts_from: CountsFrom
        months: int
        basis: LawfulBasis
        because: str | None
        only_tagged: str | None
        only_without_account: bool

    @classmethod
    @command
    def define(
        cls,
        purpose: Annotated[str, "what we keep people for, such as to win customers; a rule for each"],
        counts_from: Annotated[CountsFrom, "from which day of theirs the time runs"],
        months: Annotated[int, "how long we keep them from that day on"],
        basis: Annotated[LawfulBasis, "why we may"],
        because: Annotated[Text | None, "what says so, such as a law and its paragraph"] = None,
        only_tagged: Annotated[str | None, "only those with this label"] = None,
        only_without_account: Annotated[bool, "only those who are at no account"] = False,
    ) -> Self:
        """Say how long people are kept for a purpose. It proposes whom to forget; only a command forgets."""
        cls._check_months(months)
        return cls._create(
            cls.Defined,
            purpose=purpose,
            counts_from=counts_from,
            months=months,
            basis=basis,
            because=because,
            only_tagged=only_tagged,
            only_without_account=only_without_account,
        )

    @command
    def change(
        self,
        *,
        purpose: str = AS_IT_IS,
        counts_from: CountsFrom = AS_IT_IS,
        months: Annotated[int, "how long we keep them from that day on"] = AS_IT_IS,
        basis: LawfulBasis = AS_IT_IS,
        because: Text | None = AS_IT_IS,
        only_tagged: Annotated[str | None, "only those with this label"] = AS_IT_IS,
        only_without_account: Annotated[bool, "only those who are at no account"] = AS_IT_IS,
    ) -> None:
        """Keep people for longer or less long, or other people; what is left out stays. Archive it to end it."""
        self._check_months(months)
        self.trigger_event(
            self.Changed,
            purpose=purpose,
            counts_from=counts_from,
            months=months,
            basis=basis,
            because=because,
            only_tagged=only_tagged,
            only_without_account=only_without_account,
        )

    @classmethod
    def _check_months(cls, months: int) -> None:
        cls.require(1 <= months <= LONGEST, f"people are kept for 1 to {LONGEST} months", "months")
