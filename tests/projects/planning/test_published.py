"""Examples that others published, with the numbers that they printed."""

from __future__ import annotations

import pytest

from domain.projects.planning.plan import Dependency, Plan
from domain.projects.planning.schedule import schedule
from tests.projects.planning.plans import a_link, a_plan

Row = tuple[int, int, int, int, int]


def table(plan: Plan) -> dict[str, Row]:
    """ES, EF, LS, LF and total slack of each task."""
    return {id: (*task.early, *task.late, task.total_slack) for id, task in schedule(plan).tasks.items()}


def test_all_four_kinds_with_lags() -> None:
    """Engineer4Free, Difficult network diagram example with lag solved (youtube.com/watch?v=qTErIV6OqLg)."""
    plan = a_plan(
        {"A": 3, "B": 2, "C": 2, "D": 4, "E": 1, "F": 2, "G": 4, "H": 3},
        "A FS+2 B", "A SS C", "B SS+1 D", "C SF+3 E", "C FF+3 F", "D SS+1 G", "E FS G", "F SF+2 H", "G FS H",
    )  # fmt: skip

    assert table(plan) == {
        "A": (0, 3, 0, 3, 0),
        "B": (5, 7, 5, 7, 0),
        "C": (0, 2, 4, 6, 4),
        "D": (6, 10, 6, 10, 0),
        "E": (2, 3, 6, 7, 4),
        "F": (3, 5, 12, 14, 9),
        "G": (7, 11, 7, 11, 0),
        "H": (11, 14, 11, 14, 0),
    }
    assert list(schedule(plan).critical_paths()) == [("A", "B", "D", "G", "H")]


def test_starts_and_finishes_tied_at_once() -> None:
    """Mubarak, Construction Project Scheduling and Control: activities in a combination of SS and FF."""
    plan = a_plan({"A": 5, "B": 7, "C": 3}, "A SS B", "A FF B", "B SS C", "B FF C")

    found = table(plan)
    assert {id: row[:2] for id, row in found.items()} == {"A": (0, 5), "B": (0, 7), "C": (4, 7)}
    assert {id: found[id][2:4] for id in ("B", "C")} == {"B": (0, 7), "C": (4, 7)}


def test_pert_in_hundredths_of_a_day() -> None:
    """Wikipedia, Program evaluation and review technique: the expected times, and its table of slack."""
    durations = {"a": 400, "b": 533, "c": 517, "d": 633, "e": 517, "f": 450, "g": 517}

    plan = a_plan(durations, "a FS c", "a FS d", "b FS e", "c FS e", "d FS f", "e FS g")

    assert table(plan) == {
        "a": (0, 400, 0, 400, 0),
        "b": (0, 533, 384, 917, 384),
        "c": (400, 917, 400, 917, 0),
        "d": (400, 1033, 868, 1501, 468),
        "e": (917, 1434, 917, 1434, 0),
        "f": (1033, 1483, 1501, 1951, 468),
        "g": (1434, 1951, 1434, 1951, 0),
    }
    assert list(schedule(plan).critical_paths()) == [("a", "c", "e", "g")]


def test_a_network_of_eleven() -> None:
    """Lecture slides, Calculate early and late starts and finishes (slideplayer.com/slide/3283910)."""
    durations = {"A": 4, "B": 6, "C": 3, "D": 6, "E": 14, "F": 5, "G": 2, "H": 2, "I": 3, "J": 4, "K": 2}
    links = (
        "A FS B",
        "A FS C",
        "B FS D",
        "C FS F",
        "D FS E",
        "E FS G",
        "F FS G",
        "G FS H",
        "G FS I",
        "H FS J",
        "I FS J",
    )

    found = table(a_plan(durations, *links, "J FS K"))

    assert {id: row[:4] for id, row in found.items()} == {
        "A": (0, 4, 0, 4),
        "B": (4, 10, 4, 10),
        "C": (4, 7, 22, 25),
        "D": (10, 16, 10, 16),
        "E": (16, 30, 16, 30),
        "F": (7, 12, 25, 30),
        "G": (30, 32, 30, 32),
        "H": (32, 34, 33, 35),
        "I": (32, 35, 32, 35),
        "J": (35, 39, 35, 39),
        "K": (39, 41, 39, 41),
    }


RENOVATION = {
    "a1": 2, "a2": 2, "a3": 4, "a4": 3, "a5": 4, "a6": 1, "a7": 1, "a8": 1, "a9": 1, "a10": 1, "a11": 3, "a12": 2,
    "a13": 1, "a14": 1, "a15": 2, "a16": 1, "a17": 1,
}  # fmt: skip
GROWING = [
    ("1-2", 4), ("2-3", 8), ("3-4", 11), ("4-5", 15), ("5-6", 16), ("6-7", 17), ("6-8", 17), ("6-9", 17), ("7-10", 18),
    ("8-10", 18), ("9-10", 18), ("10-11", 21), ("10-13", 21), ("11-12", 23), ("12-15", 25), ("13-14", 25),
    ("14-15", 25), ("15-16", 26), ("16-17", 27),
]  # fmt: skip


def test_a_plan_that_grows_link_by_link() -> None:
    """Vanhoucke, Integrated Project Management and Control, 2014, p. 11: the renovation of an old carriage house.

    How long it takes after each link is as the R package criticalpath tells.
    """
    links = list[Dependency]()
    for pair, days in GROWING:
        links.append(a_link("a{} FS a{}".format(*pair.split("-"))))

        assert schedule(a_plan(RENOVATION, dependencies=tuple(links))).duration == days


def test_a_lead_of_two_days() -> None:
    """IBM, Project Management toolsuite (2007): mix concrete for 6, pour it for 4, two before the end of the mixing."""
    found = table(a_plan({"mix": 6, "pour": 4}, "mix FS-2 pour"))

    assert {id: row[:2] for id, row in found.items()} == {"mix": (1 - 1, 7 - 1), "pour": (5 - 1, 9 - 1)}


@pytest.mark.parametrize(
    ("link", "first", "second", "days"),
    [
        ("A FS B", (1, 4), (4, 7), 8),
        ("A FS+2 B", (1, 4), (6, 9), 10),
        ("A FS-2 B", (1, 4), (2, 5), 6),
        ("A FF B", (1, 4), (1, 4), 5),
        ("A FF+2 B", (1, 4), (3, 6), 7),
    ],
)
def test_kinds_one_by_one(link: str, first: tuple[int, int], second: tuple[int, int], days: int) -> None:
    """The R package criticalpath 0.2.1: A and B of three days between a beginning and an end of one."""
    made = schedule(a_plan({"begin": 1, "A": 3, "B": 3, "end": 1}, "begin FS A", link, "B FS end"))

    assert (made.tasks["A"].early, made.tasks["B"].early, made.duration) == (first, second, days)
    assert [made.tasks[id].late for id in ("A", "B")] == [first, second]
