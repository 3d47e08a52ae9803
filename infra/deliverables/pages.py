"""Lists that may be longer than a page of the API: how the first page of one is asked for, and each page after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PAGE: Final = 1000
"""Rows; the API tells no more of a list at once."""


@dataclass(frozen=True, kw_only=True)
class Pages:
    """A list of all that is of a project, found in the answer under its own name."""

    list: str
    filter: str
    """As the API takes it; `$id` is the project."""
    nodes: str
    """What is asked of each."""
    most: int
    """So many rows are read. Of a list that is longer there is the first page, and its count says so."""
    order: str = ""
    variables: str = ""
    """Those of `nodes`, with their types."""

    @property
    def is_longer(self) -> str:
        """Whether it is longer than a page now, as a field of an operation that has `$id`."""
        return f"{self.list}(first: {PAGE}, filter: {self.filter}) {{ pageInfo {{ hasNextPage }} }}"

    @property
    def first(self) -> str:
        """The first page, as a field of an operation that has `$id` and `$asOf`."""
        return self._page("")

    @property
    def query(self) -> str:
        """The operation that reads the page after a cursor."""
        variables = f"$id: ID!, $asOf: AsOf, $after: String! {self.variables}"
        return f"query Page({variables}) {{ {self._page(', after: $after')} }}"

    def _page(self, after: str) -> str:
        order = f", orderBy: [{{field: {self.order}}}]" if self.order else ""
        return f"""{self.list}(first: {PAGE}{after}, filter: {self.filter}{order}, asOf: $asOf) {{
            totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ {self.nodes} }}
        }}"""
