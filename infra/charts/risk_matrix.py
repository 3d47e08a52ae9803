"""A risk matrix (风险矩阵): which risks are how probable, and how bad it would be; five by five."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from domain.projects.risk import LEVELS, Level
from infra.charts import canvas
from infra.charts.canvas import Format, drawn, figure_of, fitting
from infra.charts.words import WORDS, Language, whole_day

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS: Final = 5
CELL: Final = (1.75, 1.02)
"""Inches."""
LEFT, BELOW, ABOVE, RIGHT = 1.15, 0.75, 0.85, 0.3
NAMED: Final = 4
"""So many risks of one cell are named."""
COLOURS: Final = {Level.HIGH: "#f2b8a8", Level.MEDIUM: "#f7dfa5", Level.LOW: "#cfe8d5"}


@dataclass(frozen=True, kw_only=True)
class Risk:
    """An open risk; probability and impact are from 1 to 5."""

    name: str
    probability: int
    impact: int


@dataclass(frozen=True, kw_only=True)
class RiskMatrix:
    """What is drawn: of one cell, the risks that come first are named."""

    title: str
    risks: Sequence[Risk]
    today: date


def risk_matrix(chart: RiskMatrix, format: Format, language: Language = Language.EN) -> bytes:
    """The picture of a risk matrix. Raises CannotDraw."""
    return drawn(lambda: _drawn(chart, language), format, f"{WORDS[language].risk_matrix}: {chart.title}")


def _drawn(chart: RiskMatrix, language: Language) -> Figure:
    words, (wide, high) = WORDS[language], CELL
    width, height = LEFT + STEPS * wide + RIGHT, BELOW + STEPS * high + ABOVE
    figure = figure_of(width, height)
    axes = figure.add_axes((LEFT / width, BELOW / height, STEPS * wide / width, STEPS * high / height))
    axes.set_xlim(0.5, STEPS + 0.5)
    axes.set_ylim(0.5, STEPS + 0.5)
    for impact in range(1, STEPS + 1):
        for probability in range(1, STEPS + 1):
            level = next(level for level, least in LEVELS.items() if probability * impact >= least)
            axes.barh(probability, 1, 1, impact - 0.5, color=COLOURS[level], edgecolor="white", linewidth=1.5)
            here = [risk for risk in chart.risks if (risk.probability, risk.impact) == (probability, impact)]
            if not here:
                continue
            axes.text(impact + 0.46, probability + 0.44, str(len(here)), ha="right", va="top", size=11)
            named = here[: NAMED if len(here) <= NAMED else NAMED - 1]
            lines = [
                fitting(risk.name, canvas.SMALL, wide - (0.38 if nth == 0 else 0.16)) for nth, risk in enumerate(named)
            ]
            if more := len(here) - len(named):
                lines.append(words.more.format(more))
            axes.text(impact - 0.455, probability + 0.4, "\n".join(lines), va="top", size=canvas.SMALL, linespacing=1.5)
    steps = [f"{nth}\n{level}" for nth, level in enumerate(words.levels, 1)]
    axes.set_xticks(range(1, STEPS + 1), steps)
    axes.set_yticks(range(1, STEPS + 1), steps)
    axes.tick_params(length=0)
    axes.set_xlabel(words.impact, size=canvas.SMALL + 1.5)
    axes.set_ylabel(words.probability, size=canvas.SMALL + 1.5)
    for side in axes.spines.values():
        side.set_visible(False)
    figure.text(0.25 / width, 1 - 0.3 / height, fitting(chart.title, 13, width - 0.5), size=13, va="center")
    told = words.as_of.format(words.risk_matrix, whole_day(chart.today, language))
    figure.text(0.25 / width, 1 - 0.57 / height, told, size=canvas.SMALL + 1, color=canvas.FAINT, va="center")
    return figure
