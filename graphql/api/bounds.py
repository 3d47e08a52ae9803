"""How large a document may be. It is measured before it is validated, so that what is hostile costs next to nothing.

Graphql-core compares all fields of one name with each other, within each selection and each fragment: a text of a few
kilobytes could keep a server busy for minutes. So it is counted first how many comparisons there would be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionNode,
)

MOST_CHARACTERS: Final = 50_000
MOST_TOKENS: Final = 2000
MOST_FIELDS: Final = 1000
"""And names of fragments, with each written out where it is named: fragments in fragments are no way around it."""
MOST_ALIASES: Final = 60
MOST_DIRECTIVES: Final = 100
DEEPEST: Final = 30
MOST_DEFINITIONS: Final = 100
"""Operations and fragments."""
MOST_WRITTEN_OUT: Final = 3 * MOST_FIELDS
"""Fields of all operations and of all fragments together, each written out."""
MOST_COMPARED: Final = 4_000
"""Pairs of fields that may have to be merged."""
MOST_VALUES: Final = 20_000
"""In the variables of an operation."""

Fragments = Mapping[str, FragmentDefinitionNode]


class Size(NamedTuple):
    """How much a selection asks for, every fragment written out."""

    fields: int = 0
    aliases: int = 0
    directives: int = 0
    depth: int = 0


class Circular(Exception):
    """A fragment is within itself."""


def exceeded(document: DocumentNode, fragments: Fragments) -> str | None:
    """What is too much about a document. Raises Circular: what is within itself has no measure."""
    kinds = OperationDefinitionNode | FragmentDefinitionNode
    definitions = [node for node in document.definitions if isinstance(node, kinds)]
    if len(definitions) > MOST_DEFINITIONS:
        return f"this document has too many operations and fragments: at most {MOST_DEFINITIONS}"
    sizes: list[Size] = []
    known: dict[str, Size | None] = {}
    for definition in definitions:
        size = _size(definition.selection_set.selections, fragments, known)
        sizes.append(size)
        if size.fields > MOST_FIELDS:
            return f"this document asks for too many fields: at most {MOST_FIELDS}"
        if size.aliases > MOST_ALIASES:
            return f"this document has too many aliases: at most {MOST_ALIASES}"
        outside = [definition, *(definition.variable_definitions or ())]
        if size.directives + sum(len(node.directives or ()) for node in outside) > MOST_DIRECTIVES:
            return f"this document has too many directives: at most {MOST_DIRECTIVES}"
        if size.depth > DEEPEST:
            return f"this document is nested too deeply: at most {DEEPEST} fields within each other"
    if sum(size.fields for size in sizes) > MOST_WRITTEN_OUT:
        return f"this document asks for too many fields: at most {MOST_WRITTEN_OUT} in all its operations and fragments"
    left = MOST_COMPARED
    for definition in definitions:
        left = _uncompared([definition.selection_set.selections], fragments, left)
    return "this document names the same fields too often" if left < 0 else None


def _size(selections: Iterable[SelectionNode], fragments: Fragments, known: dict[str, Size | None]) -> Size:
    """Each fragment is measured once, so that this takes no longer than reading."""
    fields = aliases = directives = depth = 0
    for selection in selections:
        inside = NOTHING
        counts = isinstance(selection, FieldNode | FragmentSpreadNode)
        if isinstance(selection, FragmentSpreadNode):
            inside = _of_fragment(selection.name.value, fragments, known)
        elif selection.selection_set:  # type: ignore[attr-defined]
            inside = _size(selection.selection_set.selections, fragments, known)  # type: ignore[attr-defined]
        fields += inside.fields + counts
        aliases += inside.aliases + bool(isinstance(selection, FieldNode) and selection.alias)
        directives += inside.directives + len(selection.directives or ())
        depth = max(depth, inside.depth + isinstance(selection, FieldNode))
    return Size(fields, aliases, directives, depth)


def _of_fragment(name: str, fragments: Fragments, known: dict[str, Size | None]) -> Size:
    if name not in fragments:
        return NOTHING
    if name not in known:
        known[name] = None  # for as long as it is measured
        known[name] = _size(fragments[name].selection_set.selections, fragments, known)
    if (size := known[name]) is None:
        raise Circular(f"the fragment {name} is within itself")
    return size


def _uncompared(merged: Iterable[Iterable[SelectionNode]], fragments: Fragments, left: int) -> int:
    """How many comparisons are left over after those of some selections that are merged into one."""
    found = defaultdict[str, list[FieldNode]](list)
    for selections in merged:
        _collect(selections, fragments, found)
    for fields in found.values():
        left -= len(fields) ** 2
        if left < 0:
            break
        if within := [field.selection_set.selections for field in fields if field.selection_set]:
            left = _uncompared(within, fragments, left)
    return left


def _collect(selections: Iterable[SelectionNode], fragments: Fragments, found: dict[str, list[FieldNode]]) -> None:
    for selection in selections:
        if isinstance(selection, FieldNode):
            found[(selection.alias or selection.name).value].append(selection)
        elif isinstance(selection, FragmentSpreadNode):
            if inside := fragments.get(selection.name.value):
                _collect(inside.selection_set.selections, fragments, found)
        elif selection.selection_set:  # type: ignore[attr-defined]
            _collect(selection.selection_set.selections, fragments, found)  # type: ignore[attr-defined]


NOTHING: Final = Size()


def too_many_values(variables: object) -> bool:
    """Whether variables hold more than an operation can make sense of: each would be read and checked."""
    left, lists = MOST_VALUES, [variables]
    while lists:
        each = lists.pop()
        if isinstance(each, dict | list):
            left -= len(each)
            if left < 0:
                return True
            lists.extend(each.values() if isinstance(each, dict) else each)
    return False
