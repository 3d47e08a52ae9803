"""From a GraphQL selection to ONE SQL statement that returns its JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    get_argument_values,
    get_named_type,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields

from api.catalogue import Views, type_name
from api.compared import compared
from api.compared_one import compared_one
from api.conditions import id_of, view_of
from api.connections import Listing, connection
from api.errors import bad_input
from api.fields import document_part, documents, single, value, value_part
from api.held import held
from api.meaning import (
    ROOTS,
    Answer,
    Column,
    ComparedOne,
    Documents,
    Happened,
    Head,
    Held,
    Key,
    Keys,
    Many,
    One,
    Related,
    Search,
    Value,
    Viewer,
    meaning,
)
from api.merges import merges, survivor
from api.ports import Caller, Places, ViewType
from api.render import json_of
from api.reports import answer
from api.search import found
from api.statement import NOW, Instant, Row, Statement, where

MOST_IDS = 1000
Selected = Iterator[tuple[str, str, list[FieldDetails]]]
Make = Callable[[GraphQLField, str, list[FieldDetails]], str]


@dataclass
class Compiler:
    """The reading of one operation, and the statement that answers it."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    variables: Any
    caller: Caller
    places: Places
    views: Views
    typed: bool = False  # whether each row also says which type it is, for graphql-core to read

    def __post_init__(self) -> None:
        self.statement = Statement(self.caller.policy, self.places, self.views)
        self.ids: dict[int, tuple[str, ViewType]] = {}
        """Of parameters that are the id in a variable: where they stand, the variable, and whose row it names."""
        self.viewer = False
        """Whether anything is about the caller."""
        self.details = {name: FragmentDetails(node) for name, node in self.fragments.items()}

    # -- selections ------------------------------------------------------------------------------

    def whole(self) -> str | None:
        """The statement for a whole query, or None when a field of it is not read from the database."""
        root = self.schema.query_type
        assert root
        found = collect_fields(self.schema, self.details, self.variables, root, self.operation).grouped_field_set
        members = {}
        for key, details in found.items():
            name = details[0].node.name.value
            if name == "__typename":
                members[key] = f"'{root.name}'::text"
            elif name in root.fields and self._compiles(root.fields[name], details):
                members[key] = self.expression(root.fields[name], details, None)
            else:
                return None
        return self.statement.finished(json_of(members))

    def _compiles(self, field: GraphQLField, details: list[FieldDetails]) -> bool:
        """Whether a field of the root is read by one statement: a comparison is not, where its events are asked for."""
        if not isinstance(meaning(field), ROOTS):
            return False
        of: Any = get_named_type(field.type)
        return not isinstance(meaning(field), ComparedOne) or not any(
            name in of.fields and isinstance(meaning(of.fields[name]), Happened)
            for _, name, _ in self.selected(of, details)
        )

    def one_field(self, field: GraphQLField, details: list[FieldDetails]) -> str:
        """The statement for one field of the root."""
        return self.statement.finished(self.expression(field, details, None))

    def one_row(self, view: ViewType, details: list[FieldDetails], id: UUID) -> str:
        """The statement for the row of a view that no argument named."""
        shown = self.schema.type_map[type_name(view)]
        assert isinstance(shown, GraphQLObjectType)
        return self.statement.finished(self.by_key(view, shown, details, self.statement.bind(id, "uuid"), NOW))

    def rows(self, wanted: Mapping[ViewType, list[UUID]], details: list[FieldDetails]) -> str:
        """The statement for rows of views that no argument named, by their ids in the API."""
        parts = ["select null::text as key, null::json as o where false"]
        for view, ids in wanted.items():
            shown_as = self.schema.type_map[type_name(view)]
            one = self.by_key(view, shown_as, details, "k.id", NOW)
            given = self.statement.bind(ids, "uuid[]")
            parts.append(f"select '{view.of.__name__}_' || k.id, {one} from unnest({given}) k (id)")
        return self.statement.finished(
            f"(select coalesce(json_object_agg(r.key, r.o), '{{}}'::json) from ({' union all '.join(parts)}) r)"
        )

    def arguments(self, field: GraphQLField, details: list[FieldDetails]) -> dict[str, Any]:
        return get_argument_values(field, details[0].node, self.variables, details[0].fragment_variable_values)

    def selected(self, type_: GraphQLObjectType, details: list[FieldDetails]) -> Selected:
        """Graphql-core's own reading of aliases, fragments, @skip and @include."""
        found = collect_subfields(self.schema, self.details, self.variables, self.operation, type_, details)
        for key, each in found.grouped_field_set.items():
            yield key, each[0].node.name.value, each

    def members(
        self,
        type_: GraphQLObjectType,
        details: list[FieldDetails],
        make: Callable[[GraphQLField, str, list[FieldDetails]], str],
    ) -> dict[str, str]:
        """The SQL of what was selected, by the names that the client chose; `make` writes one field's."""
        made = {
            key: f"'{type_.name}'::text" if name == "__typename" else make(type_.fields[name], name, each)
            for key, name, each in self.selected(type_, details)
        }
        return made | {" is": f"'{type_.name}'::text"} if self.typed else made

    def object(self, type_: GraphQLObjectType, details: list[FieldDetails], row: Row) -> str:
        members = self.members(type_, details, lambda field, _, each: self.expression(field, each, row))
        return json_of(self.statement.personal.shown(row.alias, row.view) | members)

    def expression(self, field: GraphQLField, details: list[FieldDetails], row: Row | None) -> str:
        """The JSON of one field."""
        means = meaning(field)
        type_: Any = get_named_type(field.type)
        match means:
            case One() | Many() | Answer() | Search():
                return self.read(means, field, type_, details, row)
            case ComparedOne():
                return compared_one(self, type_, details, self.arguments(field, details))
            case Head():
                self.statement.reads_history = True
                return f"(select {self.plain(type_, details)} from event_head h left join events e using (position))"
            case Viewer():
                self.viewer, me = True, self.statement.bind(self.caller.user_id, "uuid")
                return self.by_key(means.view, type_, details, me, NOW, own=True)
            case Held():
                return held(self, type_, details)
        assert row
        match means:
            case Column() | Key() | Keys():
                return single(self.statement, row, means)
            case Value():
                made = self.members(type_, details, lambda part, _, __: value_part(self.statement, row, means, part))
                return value(self.statement, row, means, json_of(made))
            case Documents():
                made = self.members(type_, details, lambda part, _, __: document_part(part))
                return documents(self.statement, row, means, json_of(made))
            case Related():
                return self.by_key(
                    means.view, type_, details, self.statement.column(row, means.via), row.instant, merged=True
                )
        raise TypeError(f"no SQL for {means}")

    def compared(self, type_: Any, details: list[FieldDetails], given: dict[str, Any], listing: Listing) -> str:
        """A list at two instants, one of which it may be read at itself."""
        return compared(self, type_, details, given, listing)

    # -- values ----------------------------------------------------------------------------------

    def plain(self, type_: Any, details: list[FieldDetails]) -> str:
        """The last event of the history, `h` its head and `e` its row."""
        columns = {"position": "h.position", "receipt": "encode(h.hash, 'hex')", "recordedAt": "e.recorded_at"}
        return json_of(self.members(type_, details, lambda _, name, __: columns[name]))

    # -- rows ------------------------------------------------------------------------------------

    def read(
        self, means: One | Many | Answer | Search, field: GraphQLField, type_: Any, details: Any, row: Row | None
    ) -> str:
        given = self.arguments(field, details)
        around = row.instant if row else NOW
        instant = self.statement.instant(given.get("asOf"), given.get("occurred"), around)
        match means:
            case Many():
                return connection(self, means, type_, details, given, row, instant)
            case Answer():
                return answer(self, means.report, type_, details, given, instant)
            case Search():
                return found(self, means, type_, details, given, instant)
            case One(view=None) if means.argument == "ids":
                return self.by_ids(type_, details, given["ids"], instant)
        view = means.view or view_of(given["id"], self.views)
        id = self.statement.bind(id_of(given["id"], view), "uuid")
        if name := _variable(details[0].node, "id"):
            self.ids[len(self.statement.parameters) - 1] = name, view
        return self.by_key(view, self.schema.type_map[type_name(view)], details, id, instant)

    def by_key(
        self,
        view: ViewType,
        type_: Any,
        details: list[FieldDetails],
        id: str,
        instant: Instant,
        *,
        merged: bool = False,
        own: bool = False,
    ) -> str:
        """The row of an id; of a reference, that of what it was merged into since."""
        to = self.statement.row(view, instant, own)
        if merged and merges(view):
            id = survivor(self.statement, view, instant, id)
        conditions = [f"{to.alias}.id = {id}", *self.statement.where(to)]
        return f"(select {self.object(type_, details, to)} from {self.statement.source(to)}{where(conditions)})"

    def by_ids(self, type_: Any, details: list[FieldDetails], ids: list[str], instant: Instant) -> str:
        if len(ids) > MOST_IDS:
            raise bad_input(f"`ids` takes at most {MOST_IDS} at once")
        wanted: dict[ViewType, list[tuple[UUID, int]]] = {}
        for place, id in enumerate(ids):
            view = view_of(id, self.views)
            wanted.setdefault(view, []).append((id_of(id, view), place))
        parts = ["select n, null::json as o from generate_series(0, 0) n where false"]
        for view, asked in wanted.items():
            shown_as = self.schema.type_map[type_name(view)]
            one = self.by_key(view, shown_as, details, "k.id", instant)
            keys = self.statement.bind([id for id, _ in asked], "uuid[]")
            places = self.statement.bind([place for _, place in asked], "int[]")
            parts.append(f"select k.n, {one} from unnest({keys}, {places}) k (id, n)")
        return f"(select coalesce(json_agg(r.o order by r.n), '[]'::json) from ({' union all '.join(parts)}) r)"


def _variable(node: FieldNode, argument: str) -> str | None:
    """The variable that an argument is; None for a value."""
    given = next((each.value for each in node.arguments or () if each.name.value == argument), None)
    return given.name.value if isinstance(given, VariableNode) else None
