"""What a view is: a row per aggregate, or per item of one, whose columns are set by the events that name them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from dataclasses import Field as DataclassField
from datetime import datetime
from hashlib import sha256
from inspect import get_annotations
from typing import Annotated, Any, Final, TypedDict, Unpack, cast, get_origin, get_type_hints
from uuid import UUID

from msgspec import json

from domain.aggregate import Aggregate
from domain.declaration import content_of, personal
from projections.columns import (
    LISTS,
    Field,
    Of,
    Undeclared,
    as_texts,
    columns_in,
    columns_of,
    document,
    is_mapping,
    is_text,
    item_of,
    once,
    resolved,
)

Changes = dict[str, Any]

ALWAYS: Final = ("id", "version", "created_at", "updated_at")
"""What every view has. No event names them: they follow from the event itself."""

LAYOUT: Final = 1
"""Raised when the tables of all views get other columns of the machinery, so that all are built anew."""


KEYS: Final = frozenset({"uuid", "text", "bigint", "date", "timestamptz"})
"""The types of a key. (A number with a fraction can be written in many ways: 1.0 and 1.00 would be two rows.)"""


class Words(TypedDict, total=False):
    """The keywords of a declaration: `class OpportunityView(View, of=Opportunity, table="opportunities", ...)`."""

    of: type[Aggregate]
    """The aggregate whose state the rows show."""
    table: str
    """The plain name: of the SQL view for people, of the field in the API, and the first part of table names."""
    needs: str
    """The permission to see it. An item has that of the view it is `within`, unless it names one."""
    key: str | None
    """The column that tells the items of one aggregate apart, where a row is an item."""
    within: type[View] | None
    """The view of the aggregate whose row scope holds for its items too."""
    ends: tuple[type[Any], ...]
    """Events that end a row: of one item where they name its key, of all items of the aggregate where not."""
    owner: str | None
    """The column that row scope looks at. Without one, all rows are seen by whoever may see any."""
    indexes: tuple[str, ...]
    """Columns by which many rows are filtered or sorted, or lists of ids by which they are found; none that may hold a
    long text (an entry has 2,700 bytes).
    Not part of the fingerprint: made beside the running table."""
    search: tuple[str, ...]
    """Columns of text that a search looks into."""
    masks: tuple[str, ...]
    """Fields that only those see who have `<context>.personal`, as if they were sealed. They may be null."""
    flat: tuple[str, ...]
    """Values whose parts are columns without the value's name: `industry`, not `details_industry`."""
    revision: int
    """Raise it when `changes` or `each` is written otherwise: no other mark shows that rows would be others."""


DEFAULTS: Final = Words(
    key=None, within=None, ends=(), owner=None, indexes=(), search=(), masks=(), flat=(), revision=1
)


class Declared(type):
    """What can be asked of a declared view. It stands here, and not on `View`, because columns bear such names too."""

    of: type[Aggregate]
    table: str
    needs: str
    key: str | None
    within: type[View] | None
    ends: tuple[type[Any], ...]
    owner: str | None
    indexes: tuple[str, ...]
    search: tuple[str, ...]
    masks: tuple[str, ...]
    flat: tuple[str, ...]
    revision: int
    _words: Words
    _columns: Mapping[str, Any]


class View(metaclass=Declared):
    """One row of a read model. The annotations are the columns of its table and the fields of its GraphQL type.

    A view is a declaration, never an instance. A column that no event has set holds its default.
    """

    id: UUID
    version: Annotated[int, "the number of the last event that changed it"]
    created_at: Annotated[datetime, "when it was recorded first"]
    updated_at: Annotated[datetime, "when its last change was recorded"]

    @classmethod
    def changes(cls, event: Any) -> Changes:
        """The columns that this event sets: by default those that it names. Assign, never increment."""
        return {name: getattr(event, name) for name in told(cls, type(event))}

    @classmethod
    def each(cls, event: Any) -> Iterator[tuple[Any, Changes]]:
        """The items that this event changes, by key. Written anew where one event carries many."""
        if cls.key and names_item(cls, type(event)):
            yield getattr(event, cls.key), cls.changes(event)

    def __init_subclass__(cls, **words: Unpack[Words]) -> None:
        super().__init_subclass__()
        if unknown := sorted(words.keys() - Words.__annotations__.keys()):
            raise Undeclared(f"{cls.__name__}: {', '.join(unknown)} is no word of a declaration")
        known = cast(Words, {**DEFAULTS, **getattr(cls, "_words", {}), **words})
        within = known["within"]
        if "needs" not in known and within:
            known["needs"] = within.needs
        if missing := sorted({"of", "table", "needs"} - known.keys()):
            raise Undeclared(f"{cls.__name__}: say {', '.join(f'{word}=' for word in missing)}")
        cls._columns = {**getattr(cls, "_columns", {}), **_own(cls)}
        cls._words = known
        for word, value in known.items():
            setattr(cls, word, value)


class Shared:
    """What is known of every aggregate, and so stands in every view of one (not in views of items)."""

    owner_id: Annotated[UUID | None, Of("User"), "who is responsible"] = None
    tags: Annotated[frozenset[str], "labels, in order of the alphabet"] = frozenset()
    custom_fields: Annotated[Mapping[str, Any], "what the company defined for itself, by key"] = {}
    external_ids: Annotated[Mapping[str, str], "by which ids other systems know it, by system"] = {}
    watchers: Annotated[frozenset[UUID], Of("User"), "who is told of what happens to it"] = frozenset()
    archived: Annotated[bool, "whether it was put away"] = False
    archive_reason: Annotated[str | None, "why it was put away"] = None


def _own(cls: type) -> dict[str, Any]:
    """The annotated columns of one class, each with its default. They leave it: words may bear their names."""
    found = {}
    for name in get_annotations(cls):
        default = vars(cls).get(name, MISSING)
        if isinstance(default, DataclassField):
            default = default.default_factory() if default.default_factory is not MISSING else default.default
        found[name] = default
        if name in vars(cls):
            delattr(cls, name)
    return found


SHARED: Final = _own(Shared)
SHARED_HINTS: Final = get_type_hints(Shared, include_extras=True)


@once
def columns_declared(view: type[View]) -> dict[str, Any]:
    """The names of all fields in the order of their columns, each with its default or `MISSING`."""
    always: dict[str, Any] = dict.fromkeys(ALWAYS, MISSING)
    shared = {} if view.key else {name: default for name, default in SHARED.items() if name not in view._columns}
    return {**always, **view._columns, **shared}


def default_of(view: type[View], name: str) -> Any:
    """The declared default of a field, or `MISSING`."""
    return columns_declared(view)[name]


@once
def shape(view: type[View]) -> tuple[Field, ...]:
    """The fields of a view with their columns. What is wrong with a declaration is said here, once, at start."""
    hints = {**SHARED_HINTS, **get_type_hints(view, include_extras=True)}
    found = columns_of(view.__name__, {name: hints[name] for name in columns_declared(view)}, view.flat)
    for problem in _problems(view, {f.name: f for f in found}):
        raise Undeclared(f"{view.__name__}: {problem}")
    return found


def _problems(view: type[View], found: Mapping[str, Field]) -> Iterator[str]:
    events, columns = view.of.events(), {column.name for f in found.values() for column in f.columns}
    if taken := found.keys() & {"changes", "each"}:
        yield f"{_names(taken)} is a word of the declaration, not a column"
    if len(view.table.encode()) > 40:
        yield f"{view.table} is too long: PostgreSQL cuts names at 63 bytes"
    if view.key and view.key not in found:
        yield f"no field {view.key} to be the key"
    if view.key and (found[view.key].nullable or len(found[view.key].columns) > 1):
        yield f"the key {view.key} is one column that is never null"
    elif view.key and found[view.key].columns[0].type not in KEYS:
        yield f"the key {view.key} is an id, a text, a whole number, a date or a time"
    if foreign := [e.__qualname__ for e in view.ends if e not in events.values()]:
        yield f"{_names(foreign)} is no event of {view.of.__name__}"
    if unknown := {*view.indexes, *view.search, *filter(None, [view.owner])} - columns:
        yield f"no column {_names(unknown)}"
    if unknown := {*view.masks} - found.keys():
        yield f"no field {_names(unknown)} to be masked"
    if unmaskable := {name for name in view.masks if name in found and not found[name].nullable}:
        yield f"{_names(unmaskable)} is never null, so it cannot be masked"
    if view.within and (view.within.key or view.within.of is not view.of):
        yield f"it is not within {view.within.__name__}, whose rows are not those of {view.of.__name__} itself"
    if folds_by_name(view):
        yield from _problems_of_names(view, found)


def _problems_of_names(view: type[View], found: Mapping[str, Field]) -> Iterator[str]:
    """Naming is the mapping, so a name that nothing sets is a mistake, and one that is set to something else too."""
    events = view.of.events()
    named = {name: {n for n in content_of(event) if n in told(view, event)} for name, event in events.items()}
    if silent := found.keys() - {*ALWAYS}.union(*named.values()):
        yield f"no event of {view.of.__name__} names {_names(silent)}"
    for name, event in events.items():
        hints = get_type_hints(event, include_extras=True)
        marks = {name: mark.whose for name, mark in personal(event).items()}
        for column in sorted(named[name]):
            if marks.get(column) != found[column].whose and hints[column] is not type(None):
                yield f"{view.of.__name__}.{name}.{column} is personal in one of event and view, and not in the other"
            if wrong := _misfit(f"{view.of.__name__}.{name}.{column}", hints[column], found[column]):
                yield wrong
    needed = {f.name for f in found.values() if not f.nullable and default_of(view, f.name) is MISSING} - {*ALWAYS}
    for name in sorted(creating(view)):
        if missing := needed - named[name]:
            yield f"{view.of.__name__}.{name} does not name {_names(missing)}: give a default, or `| None`"
    if view.key and not creating(view):
        yield f"no event of {view.of.__name__} names all of {_names(needed)}"
    if view.key and len(kinds := holders(view)) > 1:
        yield f"the key {view.key} is that of {_names(kinds)}: write `each` to tell them apart"


def _misfit(place: str, hint: Any, shown: Field) -> str | None:
    """What is wrong with the type that an event gives to a column."""
    given = resolved(place, hint)
    if given.nullable and not shown.nullable:
        return f"{place} may be null, the column may not"
    if given.kind in (type(None), shown.kind) or Any in (given.kind, shown.kind):
        return None
    for alike in (is_text, is_mapping):
        if alike(given.kind) and alike(shown.kind):
            return None
    if {get_origin(given.kind), get_origin(shown.kind)} <= LISTS and item_of(place, given.kind) == item_of(
        place, shown.kind
    ):
        return None
    return f"{place} is {given.kind}, the column is {shown.kind}"


@once
def told(view: type[View], event: Any) -> tuple[str, ...]:
    """The fields of a view that a kind of event sets by naming them.

    What an event tells of an item is not of the aggregate, nor of items of another kind; and a fact that changes no
    state sets none of its columns.
    """
    of_item = event.item_of or event.ends_item_of
    if (not names_item(view, event)) if view.key else (of_item or issubclass(event, Aggregate.Fact)):
        return ()
    columns = columns_declared(view)
    return tuple(name for name in content_of(event) if name in columns and name not in ALWAYS)


@once
def names_item(view: type[View], event: Any) -> bool:
    """Whether a kind of event is about an item that a view shows: it names the key, first if it is of an item."""
    content = content_of(event)
    return view.key in (content[:1] if event.item_of or event.ends_item_of else content)


@once
def holders(view: type[View]) -> frozenset[str]:
    """The attributes of the aggregate that hold the items which a view shows: one, unless `each` tells them apart."""
    events = view.of.events().values() if view.key else ()
    return frozenset(event.item_of for event in events if event.item_of and names_item(view, event))


@once
def folds_by_name(view: type[View]) -> bool:
    """Whether events set what they name, and no `changes` or `each` was written."""
    return all(getattr(view, m).__func__ is getattr(View, m).__func__ for m in ("changes", "each"))


@once
def creating(view: type[View]) -> frozenset[str]:
    """The names of the events that can begin a row: of an item, those that name its key and all that it must have."""
    events = view.of.events().items()
    if not view.key:
        return frozenset(name for name, event in events if issubclass(event, Aggregate.Created))
    hints = get_type_hints(view, include_extras=True)
    needed = {name for name, d in view._columns.items() if d is MISSING and not resolved(name, hints[name]).nullable}
    return frozenset(n for n, event in events if event not in view.ends and {view.key, *needed} <= {*told(view, event)})


@once
def named_by(view: type[View], column: str) -> frozenset[str] | None:
    """The names of the events that set a column; None where names do not tell. What begins a row sets all."""
    if not folds_by_name(view):
        return None
    [f] = (f for f in shape(view) if column in (c.name for c in f.columns))
    events = view.of.events().items()
    if f.name in ("version", "updated_at"):
        return frozenset(n for n, event in events if not view.key or names_item(view, event) or event in view.ends)
    return creating(view) | {n for n, event in events if f.name in told(view, event)}


@once
def leaving(view: type[View]) -> tuple[str, ...]:
    """The indexed columns that point to something and may come to point elsewhere: by which is found what belonged to
    something once. (What somebody was responsible for once is asked of nobody.)
    """
    points = [c for c in view.indexes if c.endswith(("_id", "_ids")) and c not in ("id", view.key, view.owner)]
    return tuple(c for c in points if (events := named_by(view, c)) is None or not events <= creating(view))


def setting_of(view: type[View], column: str) -> str | None:
    """What holds, in SQL, of versions made by an event that sets a column; None where names do not tell."""
    events = named_by(view, column)
    return None if events is None else f"_event = any('{{{','.join(sorted(events))}}}'::text[])"


AHEAD: Final = (
    "((uuid_extract_version(id) = 7 and uuid_extract_timestamp(id) - created_at <= interval '1 minute') is not true)"
)
"""What holds, in SQL, of rows whose id tells a later time than they were recorded at, by more than a minute: a server's
clock was wrong, or it is an id that tells none. There are few, if any; the order of all others is that of time."""


def belongs_to(view: type[View], views: Iterable[type[View]]) -> dict[str, type[View]]:
    """The columns that hold an id of another aggregate, or a list of ids, each with the view of that aggregate."""
    return pointing((f for f in shape(view) if f.name != "id"), views)


def pointing(found: Iterable[Field], views: Iterable[type[View]]) -> dict[str, type[View]]:
    """Those fields that hold an id of an aggregate, or a list of ids, each with the view of that aggregate.

    `account_id` names its kind; where the name does not say it, the field is marked: `Annotated[UUID, Of("User")]`.
    """
    kinds = {other.of.__name__: other for other in views if not other.key}
    pointing = {}
    for f in found:
        if f.columns[0].type in ("uuid", "uuid[]"):
            kind = f.of or "".join(word.capitalize() for word in f.name.removesuffix("_id").split("_"))
            if kind in kinds:
                pointing[f.name] = kinds[kind]
    return pointing


def fingerprint(view: type[View]) -> str:
    """What the rows depend on, in eight characters: the same on every Python, and never of source text.

    Columns, defaults, keywords that shape rows, the names and defaults of what each event tells, and the revision.
    """
    found, events = shape(view), view.of.events()
    said = {
        "layout": LAYOUT,
        "of": view.of.__name__,
        "table": view.table,
        "key": view.key,
        "ends": sorted(event.__name__ for event in view.ends),
        "columns": [[c.name, c.type, c.nullable] for c in columns_in(found)],
        "personal": {f.name: f.whose for f in found if f.whose},
        "documents": {f.name: document(f.name, f.kind) for f in found if "jsonb" in (c.type for c in f.columns)},
        "defaults": {n: [d] for n, d in columns_declared(view).items() if d is not MISSING},
        "events": {name: _told_with_defaults(view, event) for name, event in events.items()},
        "revision": view.revision,
    }
    return sha256(json.encode(said, order="deterministic", enc_hook=as_texts)).hexdigest()[:8]


def _told_with_defaults(view: type[View], event: Any) -> list[Any]:
    defaults = {f.name: f.default for f in fields(event) if f.default is not MISSING}
    defaults |= {f.name: f.default_factory() for f in fields(event) if f.default_factory is not MISSING}
    content = [name for name in content_of(event) if name in columns_declared(view)]
    return [event.schema_version, {name: [defaults[name]] if name in defaults else [] for name in sorted(content)}]


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
