"""A milestone trend (里程碑趋势图): when each milestone was due, as was said on one reporting day after another.

A level line keeps its day, one that rises slips, one that falls comes sooner. On the diagonal it is reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from infra.charts import canvas
from infra.charts.canvas import Format, drawn, figure_of, fitting, lasting, time_axis
from infra.charts.words import WORDS, Language, day, whole_day

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH: Final = 9.5
HEIGHT: Final = 7.0
LABELS: Final = 2.4
COLOURS: Final = (
    "#1f5f99", "#c2452d", "#3f9c6b", "#7b4bb3", "#b07d00", "#2a9aa8", "#a83a78", "#5f6b7a", "#7a5230", "#4d7c0f",
)  # fmt: skip
MARKERS: Final = "os^Dvp"
MOST: Final = 30
"""Lines that can be told apart at all; the first ones are drawn."""
APART: Final = 0.17
"""Inches between two names."""


@dataclass(frozen=True)
class Point:
    """What was planned on a reporting day."""

    on: date
    due: date


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A milestone; its points are in the order of reporting days. `reached_on`: it is not planned any more."""

    name: str
    points: Sequence[Point]
    reached_on: date | None = None


@dataclass(frozen=True, kw_only=True)
class MilestoneTrend:
    """What is drawn."""

    title: str
    milestones: Sequence[Trend]
    today: date
    as_it_happened: bool = False
    """Or else as it became known."""


def milestone_trend(chart: MilestoneTrend, format: Format, language: Language = Language.EN) -> bytes:
    """The picture of a milestone trend. Raises CannotDraw."""
    return drawn(lambda: _drawn(chart, language), format, f"{WORDS[language].milestone_trend}: {chart.title}")


def _drawn(chart: MilestoneTrend, language: Language) -> Figure:
    words, figure = WORDS[language], figure_of(WIDTH, HEIGHT)
    inches = WIDTH - 1.0 - LABELS
    axes = figure.add_axes((1.0 / WIDTH, 0.1, inches / WIDTH, 0.72))
    trends = [each for each in chart.milestones if each.points][:MOST]
    days = [on for each in trends for point in _line(each) for on in (point.on, point.due)]
    begin, end = min(days, default=chart.today), max([*days, chart.today], default=chart.today)
    air = timedelta(days=max(2, (end - begin).days // 40))
    begin, end = begin - air, end + air
    time_axis(axes, begin, end, inches, language, on_top=False)
    places, names = axes.get_xticks(), [text.get_text() for text in axes.get_xticklabels()]
    axes.set_yticks(places, names)
    axes.set_ylim(lasting(begin), lasting(end) + 1)
    axes.grid(axis="y", color=canvas.GRID, linewidth=0.6)
    axes.tick_params(length=0, labelsize=canvas.SMALL)
    corners = [lasting(begin), lasting(end) + 1]
    axes.plot(corners, corners, color=canvas.FAINT, linewidth=1)
    axes.fill_between(corners, corners, lasting(begin), color=canvas.DAYS_OFF, linewidth=0)
    axes.axvline(lasting(chart.today) + 0.5, color=canvas.TODAY, linewidth=1, linestyle=(0, (4, 2)))
    for nth, trend in enumerate(trends):
        colour, marker = COLOURS[nth % len(COLOURS)], MARKERS[nth // len(COLOURS) % len(MARKERS)]
        across, up = ([lasting(on) + 0.5 for on in side] for side in zip(*map(astuple, _line(trend)), strict=True))
        axes.plot(across, up, color=colour, marker=marker, markersize=4, linewidth=1.4, drawstyle="steps-post")
    _names(axes, trends, language, corners)
    axes.set_xlabel(words.happened_on if chart.as_it_happened else words.reported_on)
    axes.set_ylabel(words.due)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.text(0.025, 0.95, fitting(chart.title, 13, WIDTH * 0.94), size=13)
    as_of = words.as_it_happened if chart.as_it_happened else words.as_of
    told = as_of.format(words.milestone_trend, whole_day(chart.today, language))
    figure.text(0.025, 0.91, told, size=canvas.SMALL + 1, color=canvas.FAINT)
    if not trends:
        axes.text(0.5, 0.5, words.nothing, transform=axes.transAxes, ha="center", size=11, color=canvas.FAINT)
    return figure


def _line(trend: Trend) -> list[Point]:
    """Where the line goes: to the diagonal, where the milestone is reached, and no further."""
    if (reached := trend.reached_on) is None:
        return list(trend.points)
    return [*(point for point in trend.points if point.on < reached), Point(reached, reached)]


def _names(axes: Axes, trends: Sequence[Trend], language: Language, corners: list[float]) -> None:
    """The names at the right, each as high as its line ends or a little beside, so that none covers another."""
    per_inch = (corners[1] - corners[0]) / (HEIGHT * 0.72)
    ends = [(lasting(trend.reached_on or trend.points[-1].due) + 0.5, nth, trend) for nth, trend in enumerate(trends)]
    ends.sort(key=lambda end: end[:2])
    places = [place for place, _, _ in ends]
    for nth in range(1, len(places)):
        places[nth] = max(places[nth], places[nth - 1] + APART * per_inch)
    if places and (over := places[-1] - corners[1]) > 0:
        places[-1] -= over
        for nth in range(len(places) - 2, -1, -1):
            places[nth] = min(places[nth], places[nth + 1] - APART * per_inch)
    for place, (end, number, trend) in zip(places, ends, strict=True):
        on = trend.reached_on or trend.points[-1].due
        told = f"{day(on, language)}{' ✓' if trend.reached_on else ''}"
        name = f"{fitting(trend.name, canvas.SMALL, LABELS - 0.95)}  {told}"
        last = trend.reached_on or trend.points[-1].on
        colour = COLOURS[number % len(COLOURS)]
        axes.annotate(
            name, (lasting(last) + 0.5, end), (corners[1] + 0.12 * per_inch, place), textcoords="data", va="center",
            size=canvas.SMALL, color=colour, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.4, "alpha": 0.6, "shrinkB": 3},
        )  # fmt: skip
