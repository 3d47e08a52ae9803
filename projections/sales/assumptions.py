"""What a report on sales may assume instead of what is recorded: rates of currencies, and the chances of stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

from domain.values import CURRENCIES, WrongPart, exact
from projections.columns import Of

ISO: Final = "a currency is a code of ISO 4217, such as EUR"


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What one unit of a currency is worth."""

    currency: Annotated[str, "a code of ISO 4217, such as USD"]
    rate: Annotated[Decimal, "units of the report's `currency` for one unit of this one"] = field(compare=False)

    def __post_init__(self) -> None:
        if self.currency not in CURRENCIES:
            raise WrongPart(ISO, "currency")
        try:
            exact(self.rate)
        except ValueError as wrong:
            raise WrongPart(str(wrong), "rate") from None
        if self.rate <= 0:
            raise WrongPart("a rate is more than nothing", "rate")


@dataclass(frozen=True, kw_only=True)
class StageChance:
    """The chance that is assumed of whatever stands in a stage."""

    pipeline_id: Annotated[
        UUID | None, Of("Pipeline"), "of which pipeline; every one that has the stage, if left out"
    ] = None
    key: Annotated[str, "the key of the stage"]
    probability: Annotated[int, "of winning, in percent"] = field(compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 100:
            raise WrongPart("a probability is between 0 and 100", "probability")


@dataclass(frozen=True, kw_only=True)
class InOneCurrency:
    """A report that can be told in one currency."""

    currency: Annotated[str | None, "the currency that amounts are told in, as far as `rates` are given"] = None
    rates: Annotated[tuple[Rate, ...], "what has no rate here stays in its own currency"] = ()

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[misc]
        if self.currency is not None and self.currency not in CURRENCIES:
            raise WrongPart(ISO, "currency")
        if self.rates and self.currency is None:
            raise WrongPart("say into which currency these rates lead", "currency")
        for nth, each in enumerate(self.rates):
            if each.currency == self.currency:
                raise WrongPart("a currency is worth itself", f"rates.{nth}.currency")


@dataclass(frozen=True, kw_only=True)
class OtherChances:
    """A report that can assume other chances of stages than the opportunities have."""

    stages: Annotated[
        tuple[StageChance, ...], "the chances to reckon with, instead of what each opportunity in such a stage has"
    ] = ()


RATED: Final = """
    left join :rates r on r.currency = o.amount_currency"""
"""Beside opportunities `o`: the rate of their currency, if there is one."""
AMOUNT: Final = "o.amount * coalesce(r.rate, 1)"
CURRENCY: Final = "case when r.rate is null then o.amount_currency else :currency end"

SUPPOSED: Final = """
    left join lateral (
        select w.probability from :stages w
        where w.key = o.stage and (w.pipeline_id = o.pipeline_id or w.pipeline_id is null)
        order by w.pipeline_id nulls last limit 1) w on true"""
"""Beside opportunities `o`: what is assumed of their stage; of this pipeline rather than of any."""
CHANCE: Final = "coalesce(w.probability, o.probability)"

UNKNOWN_STAGE: Final = """
    select 'stages.' || w.nth - 1 || '.key' as field, 'there is no such stage' as message
    from :stages w
    where not exists (
        select from {pipeline_stages} s where s.key = w.key and (w.pipeline_id is null or s.id = w.pipeline_id))
    order by w.nth"""
