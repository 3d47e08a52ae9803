"""A document: facts, then sections of prose, tables, remarks and pictures. All texts in it are plain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.traffic_light import TrafficLight

_UNSEEN: Final = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""What cannot be seen, or turns around how what follows is read."""
_LINES: Final = re.compile("[\n\r\v\f\x85\u2028\u2029]+")


@dataclass(frozen=True)
class Light:
    """A traffic light, and what it is called; none where nothing tells."""

    colour: TrafficLight | None
    name: str


Cell = str | Light


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under their heads. `numbers` are the columns, from 0, that hold numbers."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Prose:
    """What somebody wrote, perhaps under a title: each of its lines is a paragraph."""

    text: str
    title: str = ""


@dataclass(frozen=True)
class Remark:
    """What the document says of itself, such as what is left out."""

    text: str


@dataclass(frozen=True)
class Picture:
    """A picture, where pictures can be shown."""

    media: str
    content: bytes
    text: str


Block = Table | Prose | Remark | Picture


@dataclass(frozen=True)
class Section:
    """A part under a title of its own."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, kw_only=True)
class Document:
    """What is said, in a language (`en`, `zh`)."""

    language: str
    title: str
    subtitle: str
    facts: Sequence[tuple[str, Cell]]
    sections: Sequence[Section]


def lines_of(text: str) -> list[str]:
    """The lines of a text that have anything in them, without what cannot be seen."""
    lines = (" ".join(_UNSEEN.sub("", line).split()) for line in _LINES.split(text))
    return [line for line in lines if line]


def line_of(text: str) -> str:
    """A text in one line."""
    return " ".join(lines_of(text))
