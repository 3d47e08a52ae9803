"""Microsoft Project XML (MSPDI): what its elements are called, and how it writes days, durations and lags."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Final

from domain.projects.planning.plan import DependencyKind

NAMESPACE: Final = "http://schemas.microsoft.com/project"
MINUTES_PER_DAY: Final = 480
KINDS: Final = {"0": DependencyKind.FF, "1": DependencyKind.FS, "2": DependencyKind.SF, "3": DependencyKind.SS}
TYPES: Final = {kind: number for number, kind in KINDS.items()}
ELAPSED: Final = frozenset({"4", "6", "8", "10", "12", "36", "38", "40", "42", "44"})
"""Formats of a lag that counts all hours, those off work too."""
PERCENT: Final = frozenset({"19", "20", "51", "52"})
"""Formats of a lag that is a part of the duration of what is waited for."""
START_NO_EARLIER: Final = "4"
AS_SOON_AS_POSSIBLE: Final = "0"
PHASE_FIELD: Final = "188744016"
"""The custom field Text30 of tasks, in which a line that stands for a phase of a project says its key: of all that may
be said of a task, programs keep custom fields as they are.
"""
PHASE_ALIAS: Final = "Daybook phase"
"""What the field is called in a file that has phases. Called otherwise, it is somebody else's."""
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def duration(hours: Decimal | int) -> str:
    """Hours as a duration: `PT8H0M0S`."""
    minutes = round(Decimal(hours) * 60)
    return f"PT{minutes // 60}H{minutes % 60}M0S"


def hours_of(text: str) -> Decimal:
    """The hours of a duration. Raises ValueError."""
    if not (found := _DURATION.fullmatch(text.strip())) or text.strip() in ("P", "PT"):
        raise ValueError(f"a duration looks like PT8H0M0S, and not like {text[:40]!r}")
    days, hours, minutes, seconds = (Decimal(part or 0) for part in found.groups())
    return days * 24 + hours + minutes / 60 + seconds / 3600


def day_of(text: str) -> date:
    """The day of a date and time. Raises ValueError."""
    return date.fromisoformat(text.strip()[:10])
