"""Other aggregates by what a file calls them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, sql

from domain.aggregate import Claim
from infra.importing.mapping import Find
from infra.importing.problems import BadRow, CannotImport
from infra.importing.values import short
from infra.instants import ViewBehind
from infra.level import when_level
from infra.pipeline import CommandPipeline
from projections.catalogue import VIEWS
from projections.view import View

REMEMBERED: Final = 20_000
"""So many answers are kept."""
PATIENCE: Final = 30.0
"""Seconds to wait for a view that is being built, or is behind the history."""
NAMED: Final = sql.SQL("select id from {table} where {column} = %s and not archived order by id limit 2")


class Lookup:
    """Finds by a value that only one may hold, or by one that only one happens to have, in the view of its kind."""

    def __init__(self, pipeline: CommandPipeline, connection: Connection[Any]) -> None:
        self._store, self._connection = pipeline.store, connection
        self._kinds = {command.aggregate.__name__: command.aggregate for command in pipeline.commands.values()}
        self._found: dict[tuple[Find, str], UUID] = {}
        self._statements: dict[Find, sql.Composed] = {}

    def prepare(self, finds: Iterable[Find]) -> None:
        """Whatever is found in views has to be there. CannotImport where it is not."""
        for find in finds:
            if not self._is_unique(find):
                self._statement(find)

    def find(self, find: Find, text: str) -> UUID | None:
        """The one of this name; None where there is none. BadRow where there are several."""
        if (find, text) not in self._found:
            found = self._holder(find, text) if self._is_unique(find) else self._seen(find, text)
            if found is None:
                return None
            if len(self._found) >= REMEMBERED:
                del self._found[next(iter(self._found))]
            self._found[find, text] = found
        return self._found[find, text]

    def _is_unique(self, find: Find) -> bool:
        return find.by.startswith("external_ids.") or find.by in self._kinds[find.kind].unique

    def _holder(self, find: Find, text: str) -> UUID | None:
        """As it is written, or in the capitals or small letters in which codes and addresses are kept."""
        for written in dict.fromkeys((text, text.upper(), text.lower())):
            if found := self._store.holder(Claim(find.kind, find.by, written)):
                return found
        return None

    def _seen(self, find: Find, text: str) -> UUID | None:
        found = self._connection.execute(self._statement(find), [text]).fetchall()
        if len(found) > 1:
            raise BadRow(f"there are several of {find.kind} whose {find.by} is {short(text)}")
        return found[0][0] if found else None

    def _statement(self, find: Find) -> sql.Composed:
        """The first time, the view has to know all that is recorded by then."""
        if find not in self._statements:
            try:
                place = when_level(self._connection, self._view(find), PATIENCE)
            except ViewBehind as behind:
                raise CannotImport(f"{find.kind} cannot be found by {find.by} now: {behind}") from None
            table, column = sql.Identifier(place.live), sql.Identifier(find.by)
            self._statements[find] = NAMED.format(table=table, column=column)
        return self._statements[find]

    def _view(self, find: Find) -> type[View]:
        return next(view for view in VIEWS if view.of.__name__ == find.kind and not view.key)
