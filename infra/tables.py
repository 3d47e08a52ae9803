"""The tables of a view, derived from its declaration: rows, superseded rows, and the statements that write them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from secrets import token_hex
from typing import Any, cast

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from projections.columns import Column, columns_in
from projections.view import AHEAD, View, fingerprint, leaving, setting_of, shape
from projections.words import words

FROM = Column("_from", "bigint", False)
"""The position of the event that made this version."""
OCCURRED = Column("_occurred", "timestamptz", False)
"""When that event occurred."""
EVENT = Column("_event", "text", False)
"""Its name, such as Won."""
ENDED = Column("_ended", "boolean", False)
"""Whether it ended the row. Only where the view has `ends`: an ended row stays, so that the past can be walked."""
TO = Column("_to", "bigint", False)
"""The position of the event that made the next version."""
UNTIL = Column("_until", "timestamptz", False)
"""When that was recorded."""


HELD = ("_to", "_from")
"""What tells whether a version held at a position: both in one index, so that it is not looked up to be passed over."""


class Table:
    """A changed declaration has another fingerprint, so it gets other tables: views are rebuilt, never migrated.

    A `shadow` is a second table of the same declaration, built to take the place of the first; that of a `replay` holds
    a part of the history, and takes no place.
    """

    def __init__(self, view: type[View], shadow: bool = False, replay: int | None = None) -> None:
        self.view, self.shadow = view, shadow
        self.columns = list(columns_in(shape(view)))
        self.name = f"{view.table}_{fingerprint(view)}{'_new' if shadow else ''}"
        if replay is not None:
            self.name = f"{view.table}_replay_{replay}"
        self.history = f"{self.name}_history"
        self.key = ("id", view.key) if view.key else ("id",)
        self.key_places = tuple(i for i, column in enumerate(self.columns) if column.name in self.key)
        self.key_columns = [self.columns[place] for place in self.key_places]
        self.live_columns = [*self.columns, FROM, OCCURRED, EVENT, *([ENDED] if view.ends else [])]
        self.history_columns = [*self.live_columns, TO, UNTIL]

    def create(self) -> Composed:
        return SQL("create table {} ({}); create table {} ({})").format(
            Identifier(self.name),
            _definitions(self.live_columns),
            Identifier(self.history),
            _definitions(self.history_columns),
        )

    def constrain(self) -> Composed:
        """Keys, once the bulk of the rows is in."""
        return SQL(
            "alter table {0} add primary key ({2}), set (fillfactor = 80);alter table {1} add primary key ({2}, _from)"
        ).format(Identifier(self.name), Identifier(self.history), names(self.key))

    @property
    def indexes(self) -> dict[str, list[tuple[str, ...]]]:
        """By table: for pages in the order of a column, and for the past. No part of the fingerprint: what is declared
        later is made later.
        """
        live = [(column,) if self._listed(column) else (column, *self.key) for column in self.view.indexes]
        if not self.view.ends:  # an ended row may begin again, and is as old then as its second beginning
            live.append(self._ahead)
        return {self.name: live, self.history: [HELD, *((column,) for column in leaving(self.view))]}

    @property
    def _ahead(self) -> tuple[str, ...]:
        """By what those few rows are found whose ids are ahead of time, which no walk to a moment would meet."""
        return (*self.key, "created_at")

    def index(self, name: str, columns: Sequence[str], beside: bool = False) -> Composed:
        """Makes one of them; `beside`: without keeping anybody from the table. Most lists of ids are empty, and those
        are not looked for; of what pointed elsewhere once, the versions are enough that began to.
        """
        concurrently, listed = SQL("concurrently" if beside else ""), self._listed(columns[0])
        met: list[Composable] = [SQL("{} <> '{{}}'").format(Identifier(columns[0]))] if listed else []
        if name == self.history and len(columns) == 1 and (setting := setting_of(self.view, columns[0])):
            met.append(SQL(cast(Any, setting)))
        if name == self.name and columns == self._ahead:
            met.append(SQL(AHEAD))
        return SQL("create index {} on {}{} ({}){}").format(
            concurrently,
            Identifier(name),
            SQL(" using gin" if listed else ""),
            names(columns),
            SQL(" where {}").format(SQL(" and ").join(met)) if met else SQL(""),
        )

    def _listed(self, column: str) -> bool:
        return self._type(column).endswith("[]")

    def _type(self, column: str) -> str:
        return next((c.type for c in self.live_columns if c.name == column), "")

    @property
    def search(self) -> str | None:
        """The mark, in the names of indexes, of the one that a search goes by; None where nothing is searched."""
        looked_into = self._words.as_string() if self.view.search else ""
        return f"_search_{sha256(looked_into.encode()).hexdigest()[:8]}_" if looked_into else None

    def search_index(self, beside: bool = False) -> Composed:
        """Makes that index. Its name ends by chance, since that of a table that is replaced may stand beside it."""
        name = Identifier(f"{self.view.table}{self.search}{token_hex(2)}")
        concurrently = SQL("concurrently" if beside else "")
        return SQL("create index {} {} on {} using gin ({})").format(
            concurrently, name, Identifier(self.name), self._words
        )

    @property
    def _words(self) -> SQL:
        return SQL(cast(Any, words([f'"{column}"' for column in self.view.search])))

    @cached_property
    def upsert(self) -> Composed:
        rest = [Identifier(c.name) for c in self.live_columns if c.name not in self.key]
        return self._insert(self.name, self.live_columns) + SQL(" on conflict ({}) do update set {}").format(
            names(self.key), SQL(", ").join(SQL("{0} = excluded.{0}").format(column) for column in rest)
        )

    @cached_property
    def supersede(self) -> Composed:
        """Keep versions that others followed."""
        return self._insert(self.history, self.history_columns)

    @cached_property
    def recall(self) -> Composed:
        """Some rows by their keys: one look into the index per key, whatever the planner believes.

        A join would be planned on the statistics of a table that was empty, as a walk through the whole index per key.
        """
        same = SQL(" and ").join(SQL("t.{0} = k.{0}").format(Identifier(name)) for name in self.key)
        return SQL(
            "select r.* from unnest({}) k ({}) cross join lateral (select {} from {} t where {} offset 0) r"
        ).format(
            SQL(", ").join(map(_parameter, self.key_columns)),
            names(self.key),
            SQL(", ").join(self._remembered),
            Identifier(self.name),
            same,
        )

    @cached_property
    def recall_all(self) -> Composed:
        """All items of some aggregates, for an event that ends them all."""
        return SQL("select {} from {} t where id = any(%b::uuid[])").format(
            SQL(", ").join(self._remembered), Identifier(self.name)
        )

    @property
    def _remembered(self) -> list[Composed]:
        """A row as it is carried."""
        return [SQL("t.{}::{}").format(Identifier(c.name), SQL(c.carried)) for c in self.live_columns]

    def _insert(self, table: str, columns: Sequence[Column]) -> Composed:
        """Lists are carried as text, for `unnest` flattens an array of arrays. (`from unnest(a, b)` puts every column
        by before it reads the first row, and takes a third longer.)
        """
        shown = SQL(", ").join(
            SQL("unnest({}){}").format(_parameter(c), SQL("" if c.carried == c.type else f"::{c.type}"))
            for c in columns
        )
        return SQL("insert into {} select {}").format(Identifier(table), shown)


def names(columns: Sequence[str]) -> Composed:
    return SQL(", ").join(map(Identifier, columns))


def _definitions(columns: Sequence[Column]) -> Composed:
    definition = {True: "{} {}", False: "{} {} not null"}
    return SQL(", ").join(SQL(definition[c.nullable]).format(Identifier(c.name), SQL(c.type)) for c in columns)


def _parameter(column: Column) -> Composed:
    return SQL("%b::{}[]").format(SQL(column.carried))


def digest(name: str, columns: Sequence[str], at: int) -> Composed:
    """Every version of every row that a table knew at a position, as one number: the same while the table moves on."""
    return SQL("""
        select count(*), coalesce(sum(hashtextextended(v::text, 0)), 0) from (
            select {0}, null::bigint as _to, null::timestamptz as _until from {1} where _from <= {3}
            union all
            select {0}, case when _to <= {3} then _to end, case when _to <= {3} then _until end
            from {2} where _from <= {3}) v
        """).format(names(columns), Identifier(name), Identifier(f"{name}_history"), Literal(at))


def sql_view(table: Table, columns: Sequence[str]) -> Composed:
    """For people at a prompt: the plain name, now. Servers read the fingerprinted tables."""
    there = SQL(" where not _ended" if table.view.ends else "")
    return (
        SQL("create or replace view {} as select {} from {}").format(
            Identifier(table.view.table), names(columns), Identifier(table.name)
        )
        + there
    )


def sql_as_of(table: Table, columns: Sequence[str]) -> Composed:
    """For people at a prompt: the plain name, as of a position."""
    there: Composable = SQL(" and not _ended" if table.view.ends else "")
    return SQL("""
        create or replace function {0}(bigint) returns setof {1} language sql stable parallel safe as $$
            select {2} from {3} where _from <= $1 {5}
            union all
            select {2} from {4} where _from <= $1 and _to > $1 {5} $$""").format(
        Identifier(f"{table.view.table}_as_of"),
        Identifier(table.view.table),
        names(columns),
        Identifier(table.name),
        Identifier(table.history),
        there,
    )
