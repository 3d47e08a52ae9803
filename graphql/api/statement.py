"""One SQL statement in the making: the values bound so far, and every view as one caller may see it at one instant.

This is the only way by which a read reaches a table. No value is ever pasted into SQL.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from api.catalogue import Views
from api.columns import column_of, columns_of
from api.errors import bad_input, forbidden
from api.personal import Personal
from api.ports import Place, Places, Policy, ViewType
from projections.occurred import occurred_versions
from projections.report import TimeAxis
from projections.view import creating, named_by
from projections.writing import events_of

if TYPE_CHECKING:
    from api.computing import Gathering


class Instant(NamedTuple):
    """The moment that a read is asked of, as SQL: up to which position, and what had occurred by when."""

    position: str | None = None
    occurred: str | None = None

    @property
    def now(self) -> bool:
        return self == NOW


NOW = Instant()
PAST = Instant("past")
"""Some moment of the past: for a row whose version is found otherwise, and that is seen by rights as it stands now."""
EVERY, NONE = "true", "false"


class Row(NamedTuple):
    """A relation in the statement, under an alias of its own."""

    alias: str
    view: ViewType
    instant: Instant
    own: bool = False
    """Whether it is that of the user who asks, which no right is needed to see."""


class Statement:
    """The SQL of one request."""

    def __init__(self, policy: Policy, places: Places, views: Views) -> None:
        self.policy, self.views = policy, views
        self._places = places
        self.read: dict[ViewType, str] = {}
        self.personal = Personal()
        self.until: int | None = None
        """The last position that is known, where the tables end there."""
        self.reads_history = False
        self.hides = False
        self.parameters: list[Any] = []
        self.bound: list[str] = []
        self.aliases = 0
        self.instants: dict[tuple[Any, ...], Instant] = {}
        self.positions: list[str] = []
        self.past: list[tuple[str, str]] = []
        self.unfit: list[str] = []
        self.made_once: dict[tuple[ViewType, Instant], tuple[str, str]] = {}
        self.gathering: Gathering | None = None
        """What is to be computed before it can be asked."""

    def beside(self) -> Statement:
        """Another statement for the same caller."""
        return Statement(self.policy, self._places, self.views)

    def again(self, policy: Policy, parameters: list[Any]) -> Statement:
        """The same with other parameters, to which more may be added."""
        made = object.__new__(Statement)
        vars(made).update(vars(self), policy=policy, parameters=parameters)
        return made

    def places(self, view: ViewType) -> Place:
        """The tables of a view; it is noted that they are read."""
        place = self._places(view)
        self.read[view], self.until = place.live, place.until
        return place

    def bind(self, value: Any, type_: str) -> str:
        """The place of a value."""
        check_texts(value)
        self.parameters.append(value)
        self.bound.append(f"${len(self.parameters)}::{type_}")
        return self.bound[-1]

    def instant(
        self,
        as_of: dict[str, Any] | None,
        occurred: dict[str, Any] | None,
        within: Instant = NOW,
        argument: str = "asOf",
    ) -> Instant:
        """The moment asked for; what is left out is that of the read around it."""
        key = (as_of is None, *(as_of or {}).items(), "occurred", *(occurred or {}).items(), within)
        if key not in self.instants:
            position, until = within
            if as_of is not None:
                position = self._position(as_of, argument)
            if occurred is not None:
                until = self.bind(occurred["until"], "timestamptz")
            self.instants[key] = Instant(position, until)
        return self.instants[key]

    def _position(self, as_of: dict[str, Any], argument: str) -> str:
        given = {name: value for name, value in as_of.items() if value is not None}
        if len(given) != 1:
            raise bad_input(f"`{argument}` takes either a position or a time")
        if "time" in given:
            if given["time"] > datetime.now(UTC):
                raise bad_input(f"`{argument}.time` lies in the future: nothing is known of it yet")
            sql = f"position_at({self.bind(given['time'], 'timestamptz')})"
        else:
            if given["position"] < 0:
                raise bad_input(f"`{argument}.position` is not negative")
            return self.bind(given["position"], "bigint")
        self.positions.append(sql)
        return f"(select p{len(self.positions)} from asked)"

    def row(self, view: ViewType, instant: Instant, own: bool = False) -> Row:
        """A view, to be read under an alias of its own."""
        needs = (view.within or view).needs
        if not (own or self.policy.may(needs)):
            raise forbidden(f"to see this you need {needs}", needs)
        self.aliases += 1
        return Row(f"t{self.aliases}", view, instant, own)

    def source(self, row: Row, shared: bool = False) -> str:
        """The relation of a row; `shared`: for many readers."""
        if row.instant.now:
            return f"{quoted(self.places(row.view).live)} {row.alias}"
        if row.instant.position:
            self.past.append((self.places(row.view).live, row.instant.position))
        if shared:
            key = row.view, row.instant
            if key not in self.made_once:
                self.made_once[key] = f"past{len(self.made_once)}", self._past(row)
            return f"{self.made_once[key][0]} {row.alias}"
        return f"({self._past(row)}) {row.alias}"

    def _past(self, row: Row) -> str:
        return self._occurred(row.view, row.instant) if row.instant.occurred else self._versions(row)

    def where(self, row: Row) -> list[str]:
        """What every reader of a row has to ask for."""
        seen = self.seen(row)
        there = [f"not {row.alias}._ended"] if row.view.ends and row.instant.now else []
        return [*there, *seen]

    def seen(self, row: Row) -> list[str]:
        """Today's rights, upon the row as it stands today, whichever instant is asked for.

        What has no owner is shared: whoever may see one of a kind sees all of them. A replay is judged so too, by the
        live rows and not by its own: else whoever was the owner before what is left out would see it again.
        """
        holder = row.view.within or row.view
        mine = EVERY if row.own else self._mine(holder)
        if mine in (EVERY, NONE):
            return [] if mine == EVERY else [NONE]
        whose = self.places(row.view).whose
        if whose is None and holder is row.view and row.instant.now:
            return [f"{row.alias}.{mine}"]
        judged = quoted(whose or self.places(holder).live)
        return [f"exists (select from {judged} s where s.id = {row.alias}.id and s.{mine})"]

    def seen_then(self, row: Row) -> list[str]:
        """Today's rights, upon a row of an aggregate as it stood at its instant."""
        if row.instant.now:
            return self.seen(row)
        mine = self._mine(row.view)
        return [] if mine == EVERY else [NONE if mine == NONE else f"{row.alias}.{mine}"]

    def _mine(self, view: ViewType) -> str:
        """What holds of those rows of a view that the caller may see."""
        owners = self.policy.sees(view)
        if not owners:
            return EVERY if owners is None else NONE
        return f"{quoted(view.owner)} = any({self.bind(sorted(owners), 'uuid[]')})" if view.owner else EVERY

    def column(self, row: Row, name: str) -> str:
        """A column as this caller sees it. A hidden one is null here, in filters and in orders alike."""
        if not row.own and self.policy.hides(row.view, name):
            self.hides = True
            return f"null::{column_of(row.view, name).type}"
        if not row.own:
            self.personal.met(row.alias, row.view, name)
        return f"{row.alias}.{quoted(name)}"

    def _versions(self, row: Row) -> str:
        place, at, columns = self.places(row.view), row.instant.position, selected(row.view)
        ended = " and not r._ended" if row.view.ends else ""
        return (
            f"select {columns} from {quoted(place.live)} r where r._from <= {at}{ended}"
            f" union all select {columns} from {quoted(place.history)} r"
            f" where r._from <= {at} and r._to > {at}{ended}"
        )

    def _occurred(self, view: ViewType, instant: Instant) -> str:
        """Each row folded anew from only those events that had occurred: a column is what the last of them that
        names it said. It begins with the event that made it."""
        place, keys = self.places(view), keys_of(view)
        known = f"r._occurred <= {instant.occurred}" + (
            f" and r._from <= {instant.position}" if instant.position else ""
        )
        ended = ", r._ended" if view.ends else ""
        versions = " union all ".join(
            f"select {selected(view)}, r._from, r._event{ended} from {quoted(table)} r where {known}"
            for table in (place.live, place.history)
        )
        made = ", ".join(
            f"v.{quoted(name)}" if name in keys else f"{self._latest(view, name)} as {quoted(name)}"
            for name in columns_of(view)
        )
        begun = [f"bool_or(v._event = any({self.bind(sorted(creating(view)), 'text[]')}))"]
        there = ["not latest(v._ended order by v._from)"] if view.ends else []
        having = f" having {' and '.join(begun + there)}" if begun + there else ""
        return f"select {made} from ({versions}) v group by {', '.join(f'v.{quoted(key)}' for key in keys)}{having}"

    def _latest(self, view: ViewType, name: str) -> str:
        events = named_by(view, name)
        if events is None:
            return f"latest(v.{quoted(name)} order by v._from)"
        return (
            f"latest(v.{quoted(name)} order by v._from)"
            f" filter (where v._event = any({self.bind(sorted(events), 'text[]')}))"
        )

    def versions(self, view: ViewType, instant: Instant, text: str, axis: TimeAxis) -> str:
        """Every version of every row up to an instant, each held from `_since` until `_until` (null: still), for the
        `text` of a report: along one of the two times.
        """
        place, at, row = self.places(view), instant.position, self.row(view, NOW)
        columns = selected(view)
        known = f" where r._from <= {at}" if at else ""
        until = f"case when r._to <= {at} then r._until end" if at else "r._until"
        ended = f"{' and' if known else ' where'} not r._ended" if view.ends else ""
        if instant.occurred:
            how = "became known" if axis is TimeAxis.RECORDED else "happened"
            raise bad_input(f"this report tells how things moved as they {how}: it takes no `occurred`")
        if at:
            self.past.append((place.live, at))
        scope = self.seen(Row(row.alias, view, PAST))
        shown = ", ".join(f"{self.column(row, name)} as {quoted(name)}" for name in columns_of(view))
        self.personal.named_in(row.alias, view, text)
        versions = (
            f"select {columns}, r.updated_at as _since, null::timestamptz as _until"
            f" from {quoted(place.live)} r{known}{ended} union all "
            f"select {columns}, r.updated_at, {until} from {quoted(place.history)} r{known}{ended}"
        )
        if axis is TimeAxis.OCCURRED:
            tables = quoted(place.live), quoted(place.history)
            versions = occurred_versions(view, tables, [f"r._from <= {at}"] if at else [])
        return f"(select {shown}, {row.alias}._since, {row.alias}._until from ({versions}) {row.alias}{where(scope)})"

    def relation(self, view: ViewType, instant: Instant, text: str) -> str:
        """A view as a relation of its own, for the `text` of a report: hidden columns are null in it."""
        row = self.row(view, instant)
        columns = ", ".join(f"{self.column(row, name)} as {quoted(name)}" for name in columns_of(view))
        self.personal.named_in(row.alias, view, text)
        return f"(select {columns} from {self.source(row)}{where(self.where(row))})"

    def events(self, view: ViewType, instant: Instant) -> str:
        """What happened to the rows of a view up to an instant, and by whom: of those that the caller may see."""
        row, until = self.row(view, PAST), self.places(view).until
        ends = [instant.position] if instant.position else []
        ends += [] if until is None else [str(until)]
        known = [f"position <= {end}" for end in ends]
        if instant.occurred:
            known.append(f"occurred_at <= {instant.occurred}")
        return f"(select * from ({events_of(view, known)}) {row.alias}{where(self.seen(row))})"

    def nothing(self, view: ViewType) -> str:
        """A view as a relation without rows, for which no right is needed."""
        columns = ", ".join(f"null::{column_of(view, name).type} as {quoted(name)}" for name in columns_of(view))
        return f"(select {columns} where false)"

    def finished(self, sql: str) -> str:
        """The whole: its answer as text, and what stands in its way. That is empty where a view is behind the position
        that was asked for; else it says in JSON of which `field` of the input what is wrong.
        """
        if self.gathering:
            self.gathering.finish()
        asked = ", ".join(f"{sql} as p{n}" for n, sql in enumerate(self.positions, 1))
        first = [f"asked as materialized (select {asked})"] if asked else []
        first += [f"{name} as materialized ({past})" for name, past in self.made_once.values()]
        obstacles = []
        if self.past:
            pairs = " or ".join(
                f"(name = {self.bind(name, 'text')} and position < {at})" for name, at in dict.fromkeys(self.past)
            )
            obstacles.append(f"case when exists (select from checkpoints where {pairs}) then '' end")
        obstacles += (f"(select row_to_json(u)::text from ({unfit}) u limit 1)" for unfit in self.unfit)
        obstacle = f"coalesce({', '.join(obstacles)})" if obstacles else "null::text"
        whole = f"{', '.join(first)} select ({sql})::text, {obstacle}"
        if unused := [place for place in self.bound if place not in whole]:
            # PostgreSQL refuses a parameter of no known type, and what was bound for a part that is left out is one.
            first.append(f"unused as (select {', '.join(unused)})")
        head = f"with {', '.join(first)} " if first else ""
        return f"{head}select ({sql})::text, {obstacle}"


def selected(view: ViewType, alias: str = "r") -> str:
    """The declared columns, of a relation of this name."""
    return ", ".join(f"{alias}.{quoted(name)}" for name in columns_of(view))


def keys_of(view: ViewType) -> tuple[str, ...]:
    return ("id", view.key) if view.key else ("id",)


def where(conditions: list[str]) -> str:
    return f" where {' and '.join(conditions)}" if conditions else ""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def check_texts(value: Any) -> None:
    """Refuses what PostgreSQL cannot take for text, wherever in a value it stands."""
    if isinstance(value, str):
        if "\0" in value or (not value.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in value)):
            raise bad_input("a text holds neither NUL nor half a character (a lone surrogate)")
    elif isinstance(value, dict):
        for each in (*value, *value.values()):
            check_texts(each)
    elif isinstance(value, list):
        for each in value:
            check_texts(each)
