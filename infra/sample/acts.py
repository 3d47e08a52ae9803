"""What the sample's story is told in: units of commands, and the things that they name before these have ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final

DAYS: Final = 730
LAST: Final = DAYS - 0.01


@dataclass(frozen=True)
class Ref:
    """The id of what an earlier command made."""

    name: str


@dataclass(frozen=True)
class Part:
    """The id of what an earlier command made besides: of this kind, and called so."""

    of: str
    kind: str
    name: str


@dataclass(frozen=True)
class ItemOf:
    """What the so manieth event of a name told of something: the key of an item, unless another field is named."""

    of: str
    event: str
    number: int = 0
    field: str = ""


@dataclass(frozen=True)
class Holder:
    """The id of what holds a value that only one of its kind may hold."""

    kind: str
    name: str
    value: str


About = str | Part | ItemOf
"""What is spoken of: by the name under which it is made, or as what came of something else."""


@dataclass(frozen=True)
class Act:
    """One command, asked of what its unit is about, or making it. `by` is on whose behalf the administrator asks; where
    it counts who asks, they do so `themselves`.
    """

    command: str
    at: datetime
    by: str
    makes: bool
    arguments: dict[str, Any]
    themselves: bool = False


@dataclass
class Unit:
    """What somebody entered in one go: recorded together. `entered` is the day; the acts may be older."""

    name: str
    about: About
    entered: float
    acts: list[Act] = field(default_factory=list)


def moment(begin: date, zone: tzinfo, day: float) -> datetime:
    """So many days after the story began, never later than it ends."""
    return datetime.combine(begin, time(), zone) + timedelta(days=min(day, LAST))
