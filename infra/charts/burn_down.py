"""A burn-down chart (燃尽图): how much work was left on each day, and how much would be if it went evenly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from infra.charts import canvas
from infra.charts.canvas import Format, drawn, figure_of, lasting, shown, time_axis
from infra.charts.words import WORDS, Language, whole_day

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH: Final = 9.0
HEIGHT: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Day:
    """How much was left at the end of a day, and how much would be; in hours. None: nobody can know yet."""

    on: date
    remaining: Decimal | None
    ideal: Decimal | None


@dataclass(frozen=True, kw_only=True)
class BurnDown:
    """What is drawn: days in their order."""

    title: str
    days: Sequence[Day]
    today: date
    as_it_happened: bool = False
    """Or else as it became known."""


def burn_down(chart: BurnDown, format: Format, language: Language = Language.EN) -> bytes:
    """The picture of a burn-down. Raises CannotDraw."""
    return drawn(lambda: _drawn(chart, language), format, f"{WORDS[language].burn_down}: {chart.title}")


def _drawn(chart: BurnDown, language: Language) -> Figure:
    words, figure = WORDS[language], figure_of(WIDTH, HEIGHT)
    axes = figure.add_axes((0.08, 0.13, 0.88, 0.67))
    days = [each.on for each in chart.days] or [chart.today]
    time_axis(axes, min(days), max(days), WIDTH * 0.88, language, on_top=False)
    known = [(each.on, float(each.remaining)) for each in chart.days if each.remaining is not None]
    meant = [(each.on, float(each.ideal)) for each in chart.days if each.ideal is not None]
    axes.plot([lasting(on) + 1 for on, _ in meant], [much for _, much in meant], color=canvas.FAINT,
              linestyle=(0, (5, 3)), linewidth=1.3, label=words.ideal)  # fmt: skip
    if known:
        places = [lasting(on) + 1 for on, _ in known]
        left = [much for _, much in known]
        axes.fill_between(places, left, color=canvas.BLUE, alpha=0.15, linewidth=0)
        few = "o" if len(known) <= 45 else None
        axes.plot(
            places, left, color=canvas.BLUE_DONE, linewidth=1.8, marker=few, markersize=3.5, label=words.remaining
        )
        axes.annotate(f"{known[-1][1]:,.1f}".removesuffix(".0"), (places[-1], left[-1]), (5, 5),
                      textcoords="offset points", color=canvas.BLUE_DONE)  # fmt: skip
    if min(days) <= chart.today <= max(days):
        axes.axvline(
            lasting(chart.today) + 1, color=canvas.TODAY, linewidth=1.1, linestyle=(0, (4, 2)), label=words.today
        )
    axes.set_ylim(0, max([much for _, much in known + meant], default=1) * 1.08 or 1)
    axes.set_ylabel(words.hours)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=canvas.GRID, linewidth=0.6)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    figure.text(0.03, 0.93, canvas.fitting(chart.title, 13, WIDTH * 0.92), size=13)
    as_of = words.as_it_happened if chart.as_it_happened else words.as_of
    told = as_of.format(words.burn_down, whole_day(chart.today, language))
    figure.text(0.03, 0.875, told, size=canvas.SMALL + 1, color=canvas.FAINT)
    figure.legend(loc="upper right", bbox_to_anchor=(0.97, 0.9), ncols=3, frameon=False, fontsize=canvas.SMALL)
    if not chart.days:
        axes.text(0.5, 0.5, shown(words.nothing), transform=axes.transAxes, ha="center", size=11, color=canvas.FAINT)
    return figure
