"""What may be asked of a replay: what is read from views, over HTTP, where each request names the replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationType,
    SelectionSetNode,
)

from api.context import Context
from api.documents import Prepared
from api.errors import not_in_replay, read_only
from api.meaning import ROOTS, meaning


def check_replayed(context: Context, asked: Prepared, name: str | None) -> None:
    """Refuse what a replay does not answer, where one is named.

    What tells of events tells of the history itself, and what may be told of it goes by the live views.
    """
    if context.replay is None:
        return
    node = asked.operation(name)
    if context.replayed is None:
        raise read_only("a replay is read over HTTP: ask with the header Daybook-Replay there")
    if node.operation is not OperationType.QUERY:
        raise read_only(f"a replay takes no {node.operation.value}: leave out the header Daybook-Replay")
    root = asked.schema.query_type
    assert root
    for field in _fields(node.selection_set, asked.fragments):
        if field in root.fields and not isinstance(meaning(root.fields[field]), ROOTS):
            raise not_in_replay(f"`{field}` is not read from views: leave out the header Daybook-Replay")


def _fields(selected: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> Iterator[str]:
    """The fields of the root, those in fragments too."""
    for node in selected.selections:
        if isinstance(node, FieldNode):
            yield node.name.value
        elif isinstance(node, FragmentSpreadNode):
            yield from _fields(fragments[node.name.value].selection_set, fragments)
        elif isinstance(node, InlineFragmentNode):
            yield from _fields(node.selection_set, fragments)
