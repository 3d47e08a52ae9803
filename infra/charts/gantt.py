"""A Gantt chart (甘特图): when each task is done, how far it is, what is critical, and what was planned before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from infra.charts import canvas
from infra.charts.canvas import Format, drawn, figure_of, fitting, lasting, shown, time_axis, width_of
from infra.charts.words import WORDS, Language, Words, day, whole_day

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH: Final = 13.0
NAMES: Final = 3.6
"""Inches that names get at most."""
DATES: Final = 0.75
MARGIN: Final = 0.25
TOP, BOTTOM = 0.85, 0.6
MOST_BARS: Final = 300
"""More are not drawn: a picture that nobody can read is of no use. What is deepest is left out first."""
MOST_ARROWS: Final = 60
FEW: Final = 60
"""Up to so many bars there is room for days beside them."""
SHORTEST: Final = 14
"""Days that the axis spans at least."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One line of the chart: a task, a summary of those below it, or a milestone (start and finish are one day).

    `finish` is the last day of work; `progress` is in percent; the baseline is as the plan stood then.
    """

    id: str
    wbs: str
    name: str
    start: date
    finish: date
    depth: int = 0
    is_summary: bool = False
    is_milestone: bool = False
    progress: Decimal = Decimal(0)
    is_critical: bool = False
    baseline_start: date | None = None
    baseline_finish: date | None = None


@dataclass(frozen=True)
class Arrow:
    """One bar waits for another: FS, SS, FF or SF."""

    before: str
    after: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Gantt:
    """What is drawn. Bars come in the order of the work breakdown. `today` is the day of the instant that is shown."""

    title: str
    bars: Sequence[Bar]
    arrows: Sequence[Arrow] = ()
    today: date


def gantt(chart: Gantt, format: Format, language: Language = Language.EN) -> bytes:
    """The picture of a Gantt chart. Raises CannotDraw."""
    return drawn(lambda: _drawn(chart, language), format, f"{WORDS[language].gantt}: {chart.title}")


def _drawn(chart: Gantt, language: Language) -> Figure:
    words = WORDS[language]
    bars = _readable(chart.bars)
    row = 0.27 if len(bars) <= FEW else 0.2
    height = max(len(bars), 3) * row + TOP + BOTTOM
    figure = figure_of(WIDTH, height)
    labels = [
        fitting(f"{bar.wbs}  {bar.name}" if bar.wbs else bar.name, _size(bar), NAMES - _indent(bar)) for bar in bars
    ]
    names = max((width_of(text, _size(bar)) + _indent(bar) for text, bar in zip(labels, bars, strict=True)), default=0)
    left, inches = names + 2 * MARGIN, WIDTH - names - 2 * MARGIN - DATES
    axes = figure.add_axes((left / WIDTH, BOTTOM / height, inches / WIDTH, 1 - (TOP + BOTTOM) / height))
    begin, end = _span(chart, bars)
    time_axis(axes, begin, end, inches, language)
    axes.set_ylim(max(len(bars), 3) - 0.5, -0.5)
    axes.set_yticks([])
    for side in ("left", "right", "bottom"):
        axes.spines[side].set_visible(False)
    _days_off(axes, begin, end)
    if len(bars) > FEW:
        for nth in range(9, len(bars), 10):
            axes.axhline(nth + 0.5, color=canvas.GRID, linewidth=0.6)
    for nth, (bar, label) in enumerate(zip(bars, labels, strict=True)):
        _bar(axes, nth, bar)
        place = (MARGIN + _indent(bar) - left) / inches
        weight = canvas.INK if not bar.is_critical else canvas.RED_DONE
        axes.text(place, nth, label, transform=axes.get_yaxis_transform(), va="center", size=_size(bar), color=weight)
        if len(bars) <= FEW:
            last = lasting(max(filter(None, (bar.finish, bar.baseline_finish)))) + 1
            axes.annotate(
                day(bar.finish, language), (last, nth), (7 if bar.is_milestone else 4, 0), textcoords="offset points",
                va="center", size=canvas.SMALL - 1, color=canvas.FAINT, annotation_clip=False,
            )  # fmt: skip
    if len(chart.arrows) <= MOST_ARROWS and len(bars) <= FEW:
        _arrows(axes, chart.arrows, bars)
    if begin <= chart.today <= end:
        axes.axvline(lasting(chart.today) + 0.5, color=canvas.TODAY, linewidth=1.1, linestyle=(0, (4, 2)), zorder=5)
    _title(figure, chart, words, language, height)
    _legend(figure, words, height)
    if left_out := len(chart.bars) - len(bars):
        figure.text(
            MARGIN / WIDTH, 0.42 / height, words.left_out.format(left_out), size=canvas.SMALL, color=canvas.FAINT
        )
    if not bars:
        figure.text(0.5, 0.5, words.nothing, ha="center", size=11, color=canvas.FAINT)
    return figure


def _readable(bars: Sequence[Bar]) -> Sequence[Bar]:
    """As many levels of the work breakdown as can be read; of one level that is too long by itself, its beginning."""
    if len(bars) <= MOST_BARS:
        return bars
    depth = max(bar.depth for bar in bars)
    while depth > 0 and sum(bar.depth <= depth for bar in bars) > MOST_BARS:
        depth -= 1
    return [bar for bar in bars if bar.depth <= depth][:MOST_BARS]


def _size(bar: Bar) -> float:
    return canvas.SMALL + (0.7 if bar.is_summary else 0)


def _indent(bar: Bar) -> float:
    return 0.16 * min(bar.depth, 8)


def _span(chart: Gantt, bars: Sequence[Bar]) -> tuple[date, date]:
    """From where to where: all bars and baselines, with some air; today where it is not far off."""
    days = [on for bar in bars for on in (bar.start, bar.finish, bar.baseline_start, bar.baseline_finish) if on]
    begin, end = min(days, default=chart.today), max(days, default=chart.today)
    near = timedelta(days=max(SHORTEST, (end - begin).days // 3))
    if begin - near <= chart.today <= end + near:
        begin, end = min(begin, chart.today), max(end, chart.today)
    air = timedelta(days=max(1, (end - begin).days // 60, (SHORTEST - (end - begin).days) // 2))
    return begin - air, end + air


def _days_off(axes: Axes, begin: date, end: date) -> None:
    """Weekends, where a day is wide enough to be seen."""
    if (end - begin).days > 130:
        return
    for nth in range((end - begin).days + 1):
        on = begin + timedelta(days=nth)
        if on.weekday() == 5:
            axes.axvspan(
                lasting(on), min(lasting(on) + 2, lasting(end) + 1), color=canvas.DAYS_OFF, zorder=0, linewidth=0
            )


def _bar(axes: Axes, nth: int, bar: Bar) -> None:
    start, length = lasting(bar.start), (bar.finish - bar.start).days + 1
    plain, done = (canvas.RED, canvas.RED_DONE) if bar.is_critical else (canvas.BLUE, canvas.BLUE_DONE)
    if bar.baseline_finish:
        began = bar.baseline_start or bar.baseline_finish
        if bar.is_milestone:
            axes.plot([lasting(began) + 0.5], [nth], marker="D", markersize=6, markerfacecolor="none", zorder=3,
                      markeredgecolor=canvas.FAINT, markeredgewidth=0.8)  # fmt: skip
        else:
            axes.barh(
                nth + 0.36, (bar.baseline_finish - began).days + 1, 0.14, lasting(began), color=canvas.FAINT, zorder=2
            )
    if bar.is_milestone:
        colour = canvas.GREEN if bar.progress >= 100 else done if bar.is_critical else canvas.INK
        axes.plot([start + 0.5], [nth], marker="D", markersize=6.5, color=colour, zorder=4, markeredgecolor="white",
                  markeredgewidth=0.5)  # fmt: skip
    elif bar.is_summary:
        colour = canvas.RED_DONE if bar.is_critical else canvas.INK
        axes.barh(nth - 0.12, length, 0.2, start, color=colour, zorder=3)
        for end, way in ((start, 1), (start + length, -1)):
            tip = min(length / 2, 0.012 * (axes.get_xlim()[1] - axes.get_xlim()[0]))
            axes.fill(
                [end, end + way * tip, end], [nth - 0.22, nth - 0.22, nth + 0.26], color=colour, zorder=3, linewidth=0
            )
    else:
        axes.barh(nth - 0.02, length, 0.54, start, color=plain, zorder=3)
        axes.barh(nth - 0.02, length * min(float(bar.progress), 100) / 100, 0.54, start, color=done, zorder=3)


def _arrows(axes: Axes, arrows: Sequence[Arrow], bars: Sequence[Bar]) -> None:
    place = {bar.id: (nth, bar) for nth, bar in enumerate(bars)}
    for arrow in arrows:
        if arrow.before not in place or arrow.after not in place:
            continue
        (above, before), (below, after) = place[arrow.before], place[arrow.after]
        begin, end = _end(before, arrow.kind[0] == "S"), _end(after, arrow.kind[1] == "S")
        way = 1 if below > above else -1
        target = 0.2 if after.is_milestone else 0.29
        axes.annotate(
            "", (end, below - way * target), (begin, above),
            arrowprops={"arrowstyle": "-|>,head_length=0.28,head_width=0.14", "linewidth": 0.7, "color": "#52606d",
                        "shrinkA": 0, "shrinkB": 0, "connectionstyle": "angle,angleA=0,angleB=90,rad=0"},
            zorder=2.5, annotation_clip=False,
        )  # fmt: skip


def _end(bar: Bar, is_start: bool) -> float:
    if bar.is_milestone:
        return lasting(bar.start) + 0.5
    # Just inside the bar, so that the arrow that comes to its beginning can be seen.
    inside = min(0.25, ((bar.finish - bar.start).days + 1) / 2)
    return lasting(bar.start) + inside if is_start else lasting(bar.finish) + 1


def _title(figure: Figure, chart: Gantt, words: Words, language: Language, height: float) -> None:
    figure.text(MARGIN / WIDTH, 1 - 0.28 / height, shown(chart.title), size=13, weight="normal", va="center")
    told = words.as_of.format(words.gantt, whole_day(chart.today, language))
    figure.text(MARGIN / WIDTH, 1 - 0.55 / height, told, size=canvas.SMALL + 1, color=canvas.FAINT, va="center")


def _legend(figure: Figure, words: Words, height: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    figure.legend(
        handles=[
            Patch(color=canvas.BLUE, label=words.task),
            Patch(color=canvas.RED, label=words.critical),
            Patch(color=canvas.BLUE_DONE, label=words.done),
            Patch(color=canvas.INK, label=words.summary),
            Line2D([], [], color=canvas.FAINT, linewidth=2.5, label=words.baseline),
            Line2D([], [], color=canvas.INK, marker="D", linestyle="none", markersize=6, label=words.milestone),
            Line2D([], [], color=canvas.TODAY, linestyle=(0, (4, 2)), label=words.today),
        ],
        loc="lower center",
        bbox_to_anchor=(0.5, 0.02 / height),
        ncols=7,
        frameon=False,
        fontsize=canvas.SMALL,
    )
