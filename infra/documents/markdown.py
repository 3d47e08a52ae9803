"""A document as Markdown: CommonMark with the tables of GitHub. What people wrote is text in it, never markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, assert_never

from domain.traffic_light import TrafficLight
from infra.documents.document import Block, Cell, Document, Picture, Prose, Remark, Table, line_of, lines_of

_MARKUP: Final = re.compile(r"([\\`*_\[\]|~#$<>&])")
_ADDRESS: Final = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp):")
"""It would become a link by itself, without any markup."""
_BEGINS_BLOCK: Final = re.compile(r"^(\d*)([.)]|[-+=])")
"""A list, a rule, or what makes a heading of the line above."""
LIGHTS: Final = {TrafficLight.GREEN: "🟢", TrafficLight.AMBER: "🟡", TrafficLight.RED: "🔴", None: "⚪"}


def markdown(document: Document) -> str:
    """The text of it. Pictures are left out: they would need files of their own."""
    facts = [f"- **{escaped(name)}**: {_cell(told)}" for name, told in document.facts]
    parts = [f"# {escaped(document.title)}", _paragraph(document.subtitle), "\n".join(facts)]
    for section in document.sections:
        parts.append(f"## {escaped(section.title)}")
        for block in section.blocks:
            parts.extend(_block(block))
    return "\n\n".join(filter(None, parts)) + "\n"


def escaped(text: str) -> str:
    """A text in one line, with nothing in it that Markdown would take for markup within a line."""
    return _ADDRESS.sub(r"\1\\:", _MARKUP.sub(_harmless, line_of(text)))


def _paragraph(text: str) -> str:
    """The same as a line of its own, which begins neither a list nor anything else."""
    return _BEGINS_BLOCK.sub(lambda found: f"{found[1]}\\{found[2]}", escaped(text))


def _harmless(found: re.Match[str]) -> str:
    entities = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
    return entities.get(found[1], f"\\{found[1]}")


def _cell(told: Cell) -> str:
    if isinstance(told, str):
        return escaped(told)
    return f"{LIGHTS[told.colour]} {escaped(told.name)}"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Table():
            rules = ["---:" if nth in block.numbers else "---" for nth in range(len(block.heads))]
            yield "\n".join((_row(block.heads), f"| {' | '.join(rules)} |", *map(_row, block.rows)))
        case Prose(text, title):
            if title:
                yield f"### {escaped(title)}"
            yield from map(_paragraph, lines_of(text))
        case Remark(text):
            yield f"*{escaped(text)}*"
        case Picture():
            pass
        case _:
            assert_never(block)


def _row(cells: Sequence[Cell]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"
