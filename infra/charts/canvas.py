"""What charts are drawn on: a font for Latin, one for Chinese, and the same bytes for the same rows."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from infra.charts.words import Language, day, month

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK: Final = "#1f2933"
FAINT: Final = "#9aa5b1"
GRID: Final = "#e4e7eb"
DAYS_OFF: Final = "#f3f4f6"
BLUE: Final = "#5b9bd5"
BLUE_DONE: Final = "#1f5f99"
RED: Final = "#e4785f"
RED_DONE: Final = "#a8321a"
GREEN: Final = "#3f9c6b"
AMBER: Final = "#e0a100"
TODAY: Final = "#7b4bb3"
DOTS_PER_INCH: Final = 110
"""Of a PNG."""
SMALL: Final = 7.5
"""Points of the smallest text."""
MISSING_GLYPH: Final = "\u25a1"
_SPACES: Final = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ufffe\uffff]+")
_one_at_a_time = threading.Lock()


class Format(StrEnum):
    """How a picture is written."""

    SVG = "svg"
    PNG = "png"


class CannotDraw(ImportError):
    """Charts need what is not installed."""

    def __init__(self) -> None:
        super().__init__("charts need matplotlib and a font, which are not installed: pip install 'daybook[charts]'")


@cache
def _fonts() -> tuple[Any, ...]:
    """The two fonts, loaded once; everything that is set for matplotlib as a whole is set with them."""
    try:
        import matplotlib
        from matplotlib import font_manager
        from pylopdf_fonts_zh_cn import sans_path
    except ImportError:
        raise CannotDraw from None
    chinese = str(sans_path())
    font_manager.fontManager.addfont(chinese)
    names = ["DejaVu Sans", font_manager.FontProperties(fname=chinese).get_name()]
    matplotlib.rcParams.update(
        {
            "font.family": names,
            "font.size": SMALL + 0.5,
            "text.parse_math": False,  # a name with two dollars is a name, not a formula
            "svg.fonttype": "path",  # so that it looks the same where none of the fonts is
            "svg.hashsalt": "daybook",
            "text.color": INK,
            "axes.edgecolor": FAINT,
            "axes.labelcolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )
    return tuple(font_manager.get_font(font_manager.findfont(name)) for name in names)


def drawn(draw: Callable[[], Figure], format: Format, title: str) -> bytes:
    """A picture as bytes. Pictures are drawn one at a time: matplotlib keeps what it knows of fonts for all threads.

    Raises CannotDraw.
    """
    with _one_at_a_time:
        _fonts()
        figure, out = draw(), BytesIO()
        told: dict[str, Any] = {"Title": shown(title), "Creator": None, "Date": None}
        metadata = told if format is Format.SVG else {"Title": shown(title), "Software": None}
        figure.savefig(out, format=str(format), dpi=DOTS_PER_INCH, metadata=metadata, facecolor="white")
        return out.getvalue()


def figure_of(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def shown(text: str) -> str:
    """A text in one line, without what cannot be seen; what neither font has is an empty box."""
    line = _SPACES.sub(" ", text).strip()
    return "".join(c if any(font.get_char_index(ord(c)) for font in _fonts()) else MISSING_GLYPH for c in line)


def width_of(text: str, size: float) -> float:
    """How wide a text is, in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    _fonts()
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), False)
    return float(width) / 72


def fitting(text: str, size: float, inches: float) -> str:
    """A text that is shown in so many inches: cut at its end, with an ellipsis, where it is longer."""
    text = shown(text)
    wide = width_of(text, size)
    if wide <= inches:
        return text
    kept = text[: max(1, int(len(text) * inches / wide) + 1)]
    while len(kept) > 1 and width_of(kept.rstrip() + "…", size) > inches:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def lasting(on: date) -> float:
    """A day as a place on an axis: where it begins."""
    return float(on.toordinal())


def time_axis(axes: Axes, begin: date, end: date, inches: float, language: Language, on_top: bool = True) -> None:
    """An axis of days from `begin` to `end`: as many of them are named as there is room for."""
    axes.set_xlim(lasting(begin), lasting(end) + 1)
    places = _ticks(begin, end, max(2, int(inches / 0.7)))
    by_month = all(place.day == 1 for place in places)
    axes.set_xticks(
        [lasting(place) for place in places], [(month if by_month else day)(each, language) for each in places]
    )
    axes.tick_params(axis="x", length=0, labelsize=SMALL, top=on_top, labeltop=on_top, labelbottom=not on_top)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def _ticks(begin: date, end: date, most: int) -> list[date]:
    """Days to be named: each, each Monday, or the first of each so many months; never more than `most`."""
    days = (end - begin).days + 1
    if days <= most:
        return [begin + timedelta(days=nth) for nth in range(days)]
    for weeks in (1, 2):
        if days / (7 * weeks) <= most:
            monday = begin + timedelta(days=-begin.weekday() % 7)
            return [monday + timedelta(weeks=nth * weeks) for nth in range((end - monday).days // (7 * weeks) + 1)]
    months = next((each for each in (1, 2, 3, 6, 12, 24, 60, 120) if days / (30 * each) <= most), 600)
    firsts = [date(year, 1 + nth, 1) for year in range(begin.year, end.year + 1) for nth in range(12)]
    return [on for on in firsts if begin <= on <= end and (on.year * 12 + on.month - 1) % months == 0] or [begin]
