"""The elements of an XML file that anybody may have made: read safely, and nothing outside of it is ever fetched.

What declares a document type or entities is refused at that declaration, and what has more elements of a kind than
could be meant while it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO, Final
from xml.parsers import expat

from infra.plans.mspdi import NAMESPACE, PHASE_FIELD, day_of, hours_of
from infra.plans.plan import MOST_TASKS, WrongPlanFile

AT_ONCE: Final = 1 << 16
MOST_BYTES: Final = 512 << 20
MOST: Final = {"Task": MOST_TASKS, "Resource": MOST_TASKS, "Assignment": 10 * MOST_TASKS, "Exception": MOST_TASKS}
"""So many elements of a name are read."""
DEEPEST_XML: Final = 24
LONGEST_TEXT: Final = 1 << 20
PASSED_OVER: Final = frozenset({"TimephasedData", "OutlineCode", "Views", "Filters", "Groups"})
"""Elements that are long and that nothing is read from."""

Node = dict[str, list[Any]]
"""What an element holds: under each name the texts or nodes, in their order."""


def tree(file: BinaryIO) -> Node:
    """What a plan's file holds. Raises WrongPlanFile."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.characters
    parser.buffer_text = True
    size = 0
    try:
        while some := file.read(AT_ONCE):
            if (size := size + len(some)) > MOST_BYTES:
                raise WrongPlanFile(
                    f"the file has more than {MOST_BYTES >> 20} MiB: split the plan into smaller projects"
                )
            parser.Parse(some, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise WrongPlanFile(
            f"the file is no well-formed XML ({error}): save it anew as Microsoft Project XML"
        ) from None
    return reader.root


class _Reader:
    """Builds nodes of elements: a name, and under it what it holds, texts or nodes, in their order."""

    def __init__(self) -> None:
        self.root: Node = {}
        self._stack: list[tuple[str, Node]] = []
        self._text: list[str] = []
        self._length = 0
        self._passing = 0
        self._counts: dict[str, int] = {}

    def doctype(self, *_: Any) -> None:
        raise WrongPlanFile(
            "the file declares a document type or entities, which no plan needs: save it as Microsoft Project XML"
        )

    def start(self, name: str, _: Mapping[str, str]) -> None:
        namespace, name = name.rpartition(" ")[::2]
        if not self._stack and (namespace, name) != (NAMESPACE, "Project"):
            raise WrongPlanFile(f'the file begins with {name!r}: a plan begins with <Project xmlns="{NAMESPACE}">')
        if self._passing or name in PASSED_OVER:
            self._passing += 1
            return
        if len(self._stack) >= DEEPEST_XML:
            raise WrongPlanFile(f"the elements of the file are nested more than {DEEPEST_XML} deep, which no plan is")
        self._counts[name] = count = self._counts.get(name, 0) + 1
        if count > MOST.get(name, count):
            raise WrongPlanFile(
                f"the file has more than {MOST[name]:,} elements {name!r}: split the plan into smaller projects"
            )
        self._stack.append((name, {}))
        self._text, self._length = [], 0

    def characters(self, text: str) -> None:
        if self._passing:
            return
        self._length += len(text)
        if self._length > LONGEST_TEXT:
            raise WrongPlanFile(f"a text of the file is longer than {LONGEST_TEXT:,} characters: shorten it")
        self._text.append(text)

    def end(self, _: str) -> None:
        if self._passing:
            self._passing -= 1
            return
        name, node = self._stack.pop()
        text, self._text, self._length = "".join(self._text).strip(), [], 0
        if name == "ExtendedAttribute" and node.get("FieldID") != [PHASE_FIELD]:
            return  # another custom field: there may be very many
        if not self._stack:
            self.root = node
        elif node or text:
            self._stack[-1][1].setdefault(name, []).append(node or text)


def text(node: Node, name: str) -> str | None:
    """The text of an element; None where there is none."""
    value = node.get(name, [None])[0]
    return value if isinstance(value, str) else None


def nodes(node: Node, *path: str) -> list[Node]:
    """The elements at the end of a path."""
    found = [node]
    for name in path:
        found = [each for one in found for each in one.get(name, []) if isinstance(each, dict)]
    return found


def number(node: Node, name: str, of: str) -> Decimal | None:
    """A number; `of` is what a refusal names."""
    if (said := text(node, name)) is None:
        return None
    try:
        found = Decimal(said)
    except InvalidOperation:
        raise WrongPlanFile(f"{of}: <{name}> is a number, and not {said[:40]!r}") from None
    if not found.is_finite() or abs(found) > 10**12:
        raise WrongPlanFile(f"{of}: <{name}> is a number, and not {said[:40]!r}")
    return found


def whole(node: Node, name: str, otherwise: int | None = None) -> int:
    """A whole number; what it is where nothing is said, if that may be."""
    found = number(node, name, text(node, "Name") or "an element")
    if found is None:
        if otherwise is None:
            raise WrongPlanFile(f"{text(node, 'Name') or 'an element'} has no <{name}>: give it one")
        return otherwise
    return int(found)


def day(node: Node, name: str, of: str) -> date | None:
    """The day of a date and time."""
    if (said := text(node, name)) is None or said == "NA":
        return None
    try:
        return day_of(said)
    except ValueError:
        raise WrongPlanFile(f"{of}: <{name}> looks like 2026-11-30T08:00:00, and not like {said[:40]!r}") from None


def hours(node: Node, name: str, of: str) -> Decimal | None:
    """The hours of a duration."""
    if (said := text(node, name)) is None:
        return None
    try:
        return hours_of(said)
    except ValueError as error:
        raise WrongPlanFile(f"{of}: <{name}>: {error}") from None
