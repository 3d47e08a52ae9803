"""Charts: every name can be read, whatever it is, and the same rows make the same picture."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from xml.etree import ElementTree

import pytest

from infra.charts import canvas
from infra.charts.burn_down import BurnDown, Day, burn_down
from infra.charts.canvas import CannotDraw, Format, fitting, shown, width_of
from infra.charts.gantt import MOST_BARS, Arrow, Bar, Gantt, gantt
from infra.charts.milestone_trend import MilestoneTrend, Point, Trend, milestone_trend
from infra.charts.risk_matrix import Risk, RiskMatrix, risk_matrix
from infra.charts.words import WORDS, Language

START = date(2026, 9, 7)
TODAY = date(2026, 10, 20)
EMPTY: dict[str, Callable[[Format, Language], bytes]] = {
    "gantt": lambda *how: gantt(Gantt(title="t", bars=[], today=TODAY), *how),
    "burn-down": lambda *how: burn_down(BurnDown(title="t", days=[], today=TODAY), *how),
    "risk matrix": lambda *how: risk_matrix(RiskMatrix(title="t", risks=[], today=TODAY), *how),
    "milestone trend": lambda *how: milestone_trend(MilestoneTrend(title="t", milestones=[], today=TODAY), *how),
}


def bar(number: int, name: str = "a task", days: int = 5, **others: object) -> Bar:
    start = START + timedelta(days=number * 3)
    told = {"id": str(number), "wbs": str(number), "start": start, "finish": start + timedelta(days=days - 1)}
    return Bar(name=name, **told, **others)  # type: ignore[arg-type]


def a_gantt(*bars: Bar, arrows: tuple[Arrow, ...] = (), language: Language = Language.EN) -> str:
    return gantt(Gantt(title="A roll-out", bars=bars, arrows=arrows, today=TODAY), Format.SVG, language).decode()


def texts(svg: str) -> list[str]:
    """What can be read in a picture: matplotlib notes beside the paths of each text what it says."""
    builder = ElementTree.TreeBuilder(insert_comments=True)
    root = ElementTree.fromstring(svg, ElementTree.XMLParser(target=builder))
    return [unescape(each.text or "").strip() for each in root.iter() if not isinstance(each.tag, str)]


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("language", Language)
def test_a_chart_of_nothing_is_a_picture_all_the_same(name: str, language: Language) -> None:
    svg, png = (EMPTY[name](format, language) for format in (Format.SVG, Format.PNG))

    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert png.startswith(b"\x89PNG\r\n")


def test_the_same_rows_make_the_same_bytes_and_nothing_tells_when_they_were_drawn() -> None:
    bars = (bar(0, is_critical=True), bar(1, "里程碑", is_milestone=True))

    first, _, again = a_gantt(*bars), a_gantt(bar(5)), a_gantt(*bars)

    assert first == again
    assert "<dc:date>" not in first


def test_texts_are_paths_so_that_a_machine_without_the_fonts_shows_them() -> None:
    svg = a_gantt(bar(0, "数据清洗与迁移"), bar(1, "Řízení Łódź"))

    assert "<text" not in svg
    assert {"0 数据清洗与迁移", "1 Řízení Łódź"} <= set(texts(svg))
    assert "NotoSansSC" in svg and "DejaVuSans" in svg


def test_what_no_font_has_is_an_empty_box_and_what_cannot_be_seen_is_left_out() -> None:
    assert shown("go\u0000\n live \U0001f680!") == "go live □!"


def test_a_name_is_no_markup() -> None:
    svg = a_gantt(bar(0, "--><script>alert(1)</script>"))

    assert "<script" not in svg
    assert any("script" in text for text in texts(svg))


def test_a_name_between_dollars_is_no_formula() -> None:
    drawn = a_gantt(bar(0, "$x$")).partition("<!-- 0 $x$ -->")[2].partition("<!--")[0]

    assert drawn.count("<use ") == len("0 $x$")


def test_a_long_name_ends_with_an_ellipsis_where_its_room_ends() -> None:
    short, long = fitting("Kick-off", 8, 2.0), fitting("Interview the sales team " * 9, 8, 2.0)

    assert short == "Kick-off"
    assert long.endswith("…") and long.startswith("Interview")
    assert 1.7 < width_of(long, 8) <= 2.0


def test_what_is_critical_has_another_colour_than_what_is_not() -> None:
    plain, critical = a_gantt(bar(0)), a_gantt(bar(0, is_critical=True, progress=Decimal(40)))

    def bars(svg: str) -> set[str]:
        return set(re.findall(r"fill: (#\w{6})", svg.partition('id="legend')[0]))

    assert {canvas.BLUE} <= bars(plain) and canvas.RED not in bars(plain)
    assert {canvas.RED, canvas.RED_DONE} <= bars(critical) and canvas.BLUE not in bars(critical)


def test_a_bar_ends_with_its_last_day_and_progress_covers_its_part() -> None:
    svg = a_gantt(bar(0, days=10, progress=Decimal(30)))
    widths = {colour: right - left for colour, left, right in rectangles(svg)}

    assert widths[canvas.BLUE_DONE] / widths[canvas.BLUE] == pytest.approx(0.3, rel=1e-3)


def test_the_baseline_stands_where_the_task_was_planned() -> None:
    moved = bar(2, days=4, baseline_start=START, baseline_finish=START + timedelta(days=3))

    places = {colour: (left, right) for colour, left, right in rectangles(a_gantt(moved))}

    (left, right), (was_left, was_right) = places[canvas.BLUE], places[canvas.FAINT]
    day = (right - left) / 4
    assert was_right - was_left == pytest.approx(right - left, rel=1e-3)
    assert left - was_left == pytest.approx(6 * day, rel=1e-3)


def rectangles(svg: str) -> Iterator[tuple[str, float, float]]:
    """The bars of a picture: colour, left and right end."""
    shape = r'<path d="M ([\d.]+) [\d.]+ \s*L ([\d.]+) [^"]*" clip-path="[^"]*" style="fill: (#\w{6})"/>'
    for left, right, colour in re.findall(shape, svg):
        yield colour, float(left), float(right)


def test_of_two_hundred_tasks_each_is_named() -> None:
    svg = a_gantt(*(bar(nth, f"task {nth}") for nth in range(200)))

    assert {f"{nth} task {nth}" for nth in range(200)} <= set(texts(svg))


def test_of_more_than_can_be_read_the_deepest_are_left_out_and_the_picture_says_how_many() -> None:
    bars = [
        bar(nth, f"task {nth}", depth=1 if nth % 10 else 0, is_summary=nth % 10 == 0) for nth in range(MOST_BARS + 50)
    ]

    found = texts(a_gantt(*bars))

    assert "10 task 10" in found and "11 task 11" not in found
    assert any(text.startswith("315 more tasks are not drawn") for text in found)


def test_few_dependencies_are_arrows_and_many_are_none() -> None:
    few = a_gantt(bar(0), bar(1), arrows=(Arrow("0", "1", "FS"),))
    chain = tuple(Arrow(str(nth), str(nth + 1), "FS") for nth in range(70))
    many, without = (a_gantt(*(bar(nth) for nth in range(71)), arrows=arrows) for arrows in (chain, ()))

    assert few != a_gantt(bar(0), bar(1))
    assert many == without


def test_a_burn_down_ends_with_what_is_known() -> None:
    days = [
        Day(
            on=START + timedelta(days=nth),
            remaining=Decimal(90 - 10 * nth) if nth < 4 else None,
            ideal=Decimal(90 - 9 * nth),
        )
        for nth in range(10)
    ]

    svg = burn_down(BurnDown(title="Sprint 3", days=days, today=TODAY), Format.SVG).decode()

    assert "60" in texts(svg) and "Sprint 3" in texts(svg)


def test_of_a_cell_of_the_risk_matrix_some_are_named_and_all_are_counted() -> None:
    risks = [Risk(name=f"risk {nth}", probability=4, impact=5) for nth in range(7)]
    other = Risk(name="风险", probability=1, impact=1)

    found = texts(risk_matrix(RiskMatrix(title="t", risks=[*risks, other], today=TODAY), Format.SVG).decode())

    assert [text for text in found if re.match(r"risk \d|and", text)] == ["risk 0", "risk 1", "risk 2", "and 4 more"]
    assert "7" in found and "风险" in found


def test_a_milestone_that_is_reached_lies_on_the_diagonal_and_is_not_planned_any_more() -> None:
    reached, later = START + timedelta(days=30), START + timedelta(days=60)
    points = [Point(START, START + timedelta(days=20)), Point(later, START + timedelta(days=90))]
    other = Trend(name="Go-live", points=points[:1])

    def a_trend(points: list[Point]) -> str:
        one = Trend(name="Design accepted", points=points, reached_on=reached)
        chart = MilestoneTrend(title="t", milestones=[one, other], today=TODAY)
        return milestone_trend(chart, Format.SVG).decode()

    svg = a_trend(points)
    assert svg == a_trend(points[:1])
    assert "Design accepted 7 Oct ✓" in [text.replace("  ", " ") for text in texts(svg)]
    assert "Go-live 27 Sep" in [text.replace("  ", " ") for text in texts(svg)]


def test_both_languages_fill_in_the_same() -> None:
    filled = {
        language: {name: text.count("{}") for name, text in vars(words).items() if isinstance(text, str)}
        for language, words in WORDS.items()
    }

    assert filled[Language.EN] == filled[Language.ZH]


def test_who_lacks_the_library_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylopdf_fonts_zh_cn", None)
    canvas._fonts.cache_clear()

    with pytest.raises(CannotDraw, match=r"pip install 'daybook\[charts\]'"):
        EMPTY["gantt"](Format.SVG, Language.EN)

    canvas._fonts.cache_clear()
