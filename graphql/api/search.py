"""The search over all that a view lets be searched: hits of any kind, the best first, as one expression."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from graphql import get_named_type
from strawberry.utils.str_converters import to_camel_case as camel

from api.catalogue import Views, snake
from api.columns import known
from api.conditions import Conditions
from api.declaring import Argument, argument, declare, declare_enum, optional
from api.errors import bad_input, forbidden
from api.fixed import Node, PageInfo
from api.meaning import Derived, Search, field
from api.personal import marks
from api.ports import ViewType
from api.render import json_of, pairs
from api.statement import Instant, Row, quoted, where
from projections.words import CONFIGURATION, words

if TYPE_CHECKING:
    from graphql import GraphQLObjectType
    from graphql.execution.collect_fields import FieldDetails

    from api.compile import Compiler

PAGE: Final = 20
MOST: Final = 100
MOST_WORDS: Final = 10
MOST_LETTERS: Final = 200
PARTS: Final = re.compile(r"[\W_]+")


class Place(msgspec.Struct, array_like=True, frozen=True):
    """The place of a hit among all: the better first, then by kind and id."""

    score: str
    kind: str
    id: UUID


def searchable(views: Views) -> dict[str, ViewType]:
    """The views that a search looks into, by the kinds that they show."""
    return {kind: view for kind, view in views.named.items() if view.search}


def search_field(views: Views, of: type[Derived], instants: tuple[Argument, ...]) -> Derived:
    """The field `search` of the root `Query`."""
    kinds = searchable(views)
    names: Any = Enum("SearchKind", {snake(kind).upper(): kind for kind in kinds})  # type: ignore[misc]
    kind = declare_enum(names, "SearchKind", "What can be searched for.")
    matched = declare(
        type("SearchMatch", (), {}),
        {
            "field": field(str, None, "The name of the field, such as `familyName`."),
            "text": field(str, None, "What stands in it."),
        },
        description="Where a word of the query was found.",
    )
    edge = declare(
        type("SearchEdge", (), {}),
        {
            "node": field(Node, None, "What was found: select more of it by kind, as in `... on Account { name }`."),
            "kind": field(kind, None, "What kind of thing it is."),
            "matched": field(matched, None, "The first field in which a word was found, for a list of suggestions."),
            "cursor": field(str, None, "Its place among all hits."),
        },
        description="One hit.",
    )
    connection = declare(
        type("SearchConnection", (), {}),
        {
            "edges": field(list[edge], None, "The hits of this page, the best first."),  # type: ignore[valid-type]
            "nodes": field(list[Node], None, "What was found on this page."),
            "page_info": field(PageInfo, None, "What lies around this page."),
            "total_count": field(int, None, "How many hits there are in all: ask only when you show it."),
        },
        description="What a search found, a page of it at a time.",
    )
    arguments = [
        argument("query", str, "Words, or how words begin, in capitals or not. A hit has all of them."),
        optional("kinds", list[kind], "Only these kinds; all that you may see, if left out."),  # type: ignore[valid-type]
        optional("first", int, f"So many hits: 1 to {MOST}. Else {PAGE}."),
        optional("after", str, "The cursor that the page begins after."),
        *instants,
    ]
    doc = (
        "What has these words in its names or titles, without what was put away or merged: first what bears the very"
        " name, then whose name begins so, then whose name has the first word, then all others; shorter names first."
    )
    return field(connection, Search(kinds), doc, of, arguments)


def found(
    compiler: Compiler,
    means: Search,
    type_: GraphQLObjectType,
    details: list[FieldDetails],
    given: dict[str, Any],
    instant: Instant,
) -> str:
    """The JSON of a search, as one expression."""
    hits = Hits(compiler, means, given, instant)
    selected = list(compiler.selected(type_, details))
    members = {key: hits.part(type_, name, each) for key, name, each in selected}
    paged = any(name in ("nodes", "edges", "pageInfo") for _, name, _ in selected)
    return f"(select {pairs(members)}{f' from ({hits.rows()}) h having true' if paged else ''})"


class Hits:
    """A search in the making."""

    def __init__(self, compiler: Compiler, means: Search, given: dict[str, Any], instant: Instant) -> None:
        self.compiler, self.statement, self.instant = compiler, compiler.statement, instant
        self.size: int = PAGE if given.get("first") is None else given["first"]
        if not 1 <= self.size <= MOST:
            raise bad_input(f"`first` is between 1 and {MOST}")
        self.after = _place(given["after"]) if given.get("after") else None
        asked = given["query"]
        looked_for = list(dict.fromkeys(PARTS.sub(" ", asked[: MOST_LETTERS + 1]).lower().split()))
        if len(asked) > MOST_LETTERS or not 1 <= len(looked_for) <= MOST_WORDS:
            raise bad_input(f"`query` has from 1 to {MOST_WORDS} words, and at most {MOST_LETTERS} letters")
        self.asked, self.looked_for = asked.strip().lower(), looked_for
        self.views = self._views(means.kinds, given.get("kinds"))

    def part(self, type_: GraphQLObjectType, name: str, each: list[FieldDetails]) -> str:
        """The SQL of one field of the page."""
        if name == "__typename":
            return f"'{type_.name}'::text"
        of: Any = get_named_type(type_.fields[name].type)
        match name:
            case "nodes":
                return self._listed(self._node(each))
            case "edges":
                return self._listed(json_of(self.compiler.members(of, each, self._edge)))
            case "pageInfo":
                return pairs(self.compiler.members(of, each, lambda _, name, __: self._info(name)))
        counted = " union all ".join(f"select from {self._met(kind)[2]}" for kind in self.views)
        return f"(select count(*) from ({counted}) c)"

    def rows(self) -> str:
        """The hits of the page, and one more where there is one, each with its place."""
        arms = " union all ".join(self._arm(kind) for kind in self.views)
        place = f"row_number() over (order by {ORDER}) as nth"
        return f"select a.*, {place} from ({arms}) a order by {ORDER} limit {self._limit}"

    # What is bound is bound when it is used: PostgreSQL refuses a statement that leaves it out.
    @cached_property
    def all_of(self) -> str:
        return self._query(" & ")

    @cached_property
    def any_of(self) -> str:
        return self._query(" | ")

    def _query(self, operator: str) -> str:
        begun = operator.join(f"'{word}':*" for word in self.looked_for)
        return f"to_tsquery({CONFIGURATION}, {self.statement.bind(begun, 'text')})"

    @cached_property
    def word(self) -> str:
        return self.statement.bind(self.looked_for[0], "text")

    @cached_property
    def whole(self) -> str:
        return self.statement.bind(self.asked, "text")

    @property
    def _limit(self) -> str:
        return self.statement.bind(self.size + 1, "bigint")

    def _views(self, kinds: Mapping[str, ViewType], wanted: list[Enum] | None) -> Mapping[str, ViewType]:
        """What is looked into: what was asked for, or else all that this caller may see."""
        if wanted is not None:
            if not wanted:
                raise bad_input("`kinds` names at least one kind")
            return {each.value: kinds[each.value] for each in wanted}
        needs = {kind: (view.within or view).needs for kind, view in kinds.items()}
        seen = {kind: view for kind, view in kinds.items() if self.statement.policy.may(needs[kind])}
        if not seen:
            one_of = ", ".join(sorted(set(needs.values())))
            raise forbidden(f"to search you need one of {one_of}", one_of)
        return seen

    def _met(self, kind: str) -> tuple[Row, dict[str, str], str]:
        """The rows of a kind that are hits, the columns in which they may be, and where they are found."""
        statement, view = self.statement, self.views[kind]
        row = statement.row(view, self.instant)
        columns = {name: statement.column(row, name) for name in view.search}
        held = words(list(columns.values()))
        conditions = [*statement.where(row), *Conditions(statement).of(row, {}), f"{held} @@ {self.all_of}"]
        return row, columns, f"{statement.source(row)}{where(conditions)}"

    def _arm(self, kind: str) -> str:
        """The best hits of one kind."""
        row, columns, source = self._met(kind)
        first = f"lower({next(iter(columns.values()))})"
        named = (
            f"case when {first} = {self.whole} then 3 when starts_with({first}, {self.whole}) then 2"
            f" when strpos({first}, {self.word}) > 0 then 1 else 0 end"
        )
        cases = " ".join(
            f"when {words([column])} @@ {self.any_of} then array['{camel(name)}', {column}]"
            for name, column in columns.items()
        )
        shown = {
            "score": f"round({named} + 1.0 / (2 + coalesce(length({first}), 0)), 6)",
            "kind": f"'{kind}'::text",
            "id": f"{row.alias}.id",
            "matched": f"case {cases} end",
            "person": self._person(row),
        }
        made = ", ".join(f"{sql} as {name}" for name, sql in shown.items())
        past = ""
        if self.after:
            bind, at = self.statement.bind, self.after
            score, kind_, id = bind(at.score, "numeric"), bind(at.kind, "text"), bind(at.id, "uuid")
            past = f" where score < {score} or (score = {score} and (kind, id) > ({kind_}, {id}))"
        return f"(select * from (select {made} from {source}) b{past} order by {ORDER} limit {self._limit})"

    def _person(self, row: Row) -> str:
        """Of whom a hit tells something, where that is personal."""
        columns = (known(row.view)[name].column for name in row.view.search)
        whose = next((column.whose for column in columns if column.whose), None)
        return f"'{row.view.of.__name__} ' || {row.alias}.{quoted(whose)}" if whose else "null::text"

    def _node(self, details: list[FieldDetails]) -> str:
        """What was found, whichever kind it is."""
        compiler, types = self.compiler, self.compiler.schema.type_map
        cases = (
            f"when '{kind}' then {compiler.by_key(view, types[kind], details, 'h.id', self.instant)}"
            for kind, view in self.views.items()
        )
        return f"case h.kind {' '.join(cases)} end"

    def _edge(self, made_field: Any, name: str, each: list[FieldDetails]) -> str:
        match name:
            case "node":
                return self._node(each)
            case "kind":
                cases = (f"when '{kind}' then '{snake(kind).upper()}'" for kind in self.views)
                return f"case h.kind {' '.join(cases)} end"
            case "cursor":
                return CURSOR
        at = {"field": "h.matched[1]", "text": "h.matched[2]"}
        made = self.compiler.members(get_named_type(made_field.type), each, lambda _, name, __: at[name])
        return json_of(marks(["h.person"]) | made)

    def _info(self, name: str) -> str:
        match name:
            case "hasNextPage":
                return f"count(*) > {self.statement.bind(self.size, 'bigint')}"
            case "hasPreviousPage":
                return str(self.after is not None).lower()
        way = "asc" if name == "startCursor" else "desc"
        return f"(array_agg({CURSOR} order by nth {way}){self._kept})[1]"

    def _listed(self, made: str) -> str:
        return f"coalesce(json_agg({made} order by nth){self._kept}, '[]'::json)"

    @property
    def _kept(self) -> str:
        return f" filter (where nth <= {self.statement.bind(self.size, 'bigint')})"


ORDER: Final = "score desc, kind, id"
CURSOR: Final = (
    "translate(encode(convert_to(json_build_array(h.score::text, h.kind, h.id)::text, 'UTF8'), 'base64'), e'\\n', '')"
)


def _place(cursor: str) -> Place:
    try:
        place = msgspec.json.decode(base64.b64decode(cursor, validate=True), type=Place)
        if re.fullmatch(r"\d\.\d{6}", place.score, re.ASCII) and "\0" not in place.kind:
            return place
    except (ValueError, RecursionError, binascii.Error, msgspec.DecodeError):
        pass
    raise bad_input("this cursor does not belong to a search")
