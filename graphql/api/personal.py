"""Of whom an answer tells what is personal: the statement that makes it says so in each row, and it is taken out again.

A row of which a personal column is shown, sought or sorted by bears a mark, a member of its JSON with the kind of the
row and the person: so that it is known whose data somebody has read, in lists and below them too, without a second
question. A name in the API never begins with a blank, and what is text in JSON has no bare quote: so nothing that
anybody wrote is taken for a mark. A column that the caller may not see is null and counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from api.columns import column_of
from api.ports import ViewType

MARK: Final = " of"
BEGINS: Final = (f'{{"{MARK}":"', f'{{"{MARK}" : "')
"""How an object begins that bears a mark, as PostgreSQL writes it: a row, or by JSON_OBJECT. A document is written
otherwise, with a blank after the colon alone.
"""

Met = tuple[str, ViewType]
"""A relation of a statement: its alias, and of which view it is."""
Told = Mapping[str, list[str]]
"""By the kind of rows: of whom something was told, as often as it was; nobody where somebody was sought."""


class Personal:
    """What is personal in one statement."""

    def __init__(self) -> None:
        self._met: dict[Met, dict[str, str]] = {}
        self._marked: set[Met] = set()

    def met(self, alias: str, view: ViewType, name: str) -> None:
        """A column is used of a relation, for whatever."""
        if whose := column_of(view, name).whose:
            self._met.setdefault((alias, view), {})[name] = whose

    def named_in(self, alias: str, view: ViewType, text: str) -> None:
        """Of a relation of a report all columns are there; used are those that its text names."""
        columns = self._met.pop((alias, view), {})
        if named := {name: whose for name, whose in columns.items() if re.search(rf"\b{name}\b", text)}:
            self._met[alias, view] = named

    def shown(self, alias: str, view: ViewType) -> dict[str, str]:
        """The marks of a row that is shown: members of its JSON, before all others."""
        return marks(self.persons(alias, view))

    def persons(self, alias: str, view: ViewType) -> list[str]:
        """Of whom a row that is shown tells something personal, each as SQL: for whoever marks it."""
        columns = self._met.get((alias, view), {})
        if columns:
            self._marked.add((alias, view))
        return [f"'{view.of.__name__} ' || {alias}.\"{whose}\"" for whose in sorted(set(columns.values()))]

    def told(self, text: str) -> tuple[str, Told]:
        """An answer without the marks, and what they said."""
        told: dict[str, list[str]] = {met[1].of.__name__: [] for met in self._met if met not in self._marked}
        for begin in BEGINS:
            first, *parts = text.split(begin)
            for n, part in enumerate(parts):
                mark, _, rest = part.partition('"')
                parts[n] = rest[1:]
                kinds_and_persons = mark.split()
                for kind, person in zip(kinds_and_persons[::2], kinds_and_persons[1::2], strict=True):
                    told.setdefault(kind, []).append(person)
            text = "{".join([first, *parts])
        return text, told


def marks(values: Iterable[str]) -> dict[str, str]:
    """These values, each the kind of a row and a person, as a mark: the first member of an object, not its only one."""
    known = [f"coalesce({value}, '')" for value in values]
    return {MARK: " || ' ' || ".join(known)} if known else {}
