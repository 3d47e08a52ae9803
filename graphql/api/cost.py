"""What an operation costs: the values that it may ask for at most, known before anything of it is read.

A field costs 1; in a list, that many times as the page is long (`first` or `last`, 50 without), and so on in lists
within it. A count or the figures of a whole list cost 10 more, so do those of what came, went or changed, and to
compare it 20; a report, groups and who could see a thing cost as if they had 100 rows, the changes of an event and the
events of a command as if they were 10. A report that is computed costs 1000 more. A mutation or a subscription costs 10
more, so does each command of a batch, and the schema costs 1000.
`@skip` and `@include` make nothing cheaper.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from api.comparing import PARTS
from api.meaning import Affected, Answer, Audience, Few, Happened, Log, Many, Search, meaning
from api.search import PAGE as HITS
from projections.computed import Computed

MOST_COST: Final = 500_000
PAGE: Final = 50
LONGEST: Final = 1000
WHOLE: Final = 10
ROWS: Final = 100
CHANGES: Final = 10
FIGURES: Final = ("aggregate", *PARTS)
COMMAND: Final = 10
INTROSPECTION: Final = 1000
COMPUTED: Final = 1000


class Length(NamedTuple):
    """How long a list may be: by a number, or by variables, each with its default."""

    number: int = 0
    variables: tuple[tuple[str, int | None], ...] = ()
    otherwise: int = PAGE

    def of(self, variables: Mapping[str, Any]) -> int:
        """What it is with these variables."""
        longest = self.number
        for name, default in self.variables:
            given = variables.get(name, default)
            if isinstance(given, list):
                longest = max(longest, len(given))
            elif isinstance(given, int):
                longest = max(longest, min(given, LONGEST))
        return longest if longest > 0 else self.otherwise


@dataclass(frozen=True, slots=True)
class Cost:
    """A sum: what costs the same each time, and what is within lists."""

    fixed: int = 0
    lists: tuple[tuple[Length, Cost], ...] = ()

    def of(self, variables: Mapping[str, Any]) -> int:
        """What it is with these variables."""
        return self.fixed + sum(length.of(variables) * each.of(variables) for length, each in self.lists)

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.fixed + other.fixed, self.lists + other.lists)

    def times(self, length: Length) -> Cost:
        """What it is in a list."""
        if length.variables or self.lists:
            return Cost(0, ((length, self),))
        return Cost(length.of({}) * self.fixed)


FREE: Final = Cost()
HUNDRED: Final = Length(ROWS)
TEN: Final = Length(CHANGES)


def cost_of(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Cost:
    """The cost of an operation of a document that is valid."""
    return Costing(schema, operation, fragments).whole()


class Costing:
    """The walk through one operation. Each fragment is looked at once."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> None:
        self.schema, self.operation, self.fragments = schema, operation, fragments
        self.defaults = {each.variable.name.value: each.default_value for each in operation.variable_definitions or ()}
        self.roots = (schema.mutation_type, schema.subscription_type)
        self.known: dict[tuple[str, Length | None], Cost] = {}

    def whole(self) -> Cost:
        root = self.schema.get_root_type(self.operation.operation)
        return self.selected(self.operation.selection_set.selections, root, None)

    def selected(self, selections: Iterable[SelectionNode], type_: Any, rows: Length | None) -> Cost:
        """What is selected of a type; of a connection, with how many rows its pages have."""
        total = FREE
        for selection in selections:
            match selection:
                case FieldNode():
                    total += self.field(selection, type_, rows)
                case InlineFragmentNode(type_condition=condition):
                    of = self.schema.type_map[condition.name.value] if condition else type_
                    total += self.selected(selection.selection_set.selections, of, rows)
                case FragmentSpreadNode():
                    total += self.fragment(selection.name.value, rows)
        return total

    def fragment(self, name: str, rows: Length | None) -> Cost:
        if (name, rows) not in self.known:
            made = self.fragments[name]
            of = self.schema.type_map[made.type_condition.name.value]
            self.known[name, rows] = self.selected(made.selection_set.selections, of, rows)
        return self.known[name, rows]

    def field(self, node: FieldNode, type_: Any, rows: Length | None) -> Cost:
        name = node.name.value
        if name.startswith("__"):
            return Cost(1 if name == "__typename" else INTROSPECTION)
        field = type_.fields[name]
        if not node.selection_set:
            return Cost(WHOLE if rows is not None and name == "totalCount" else 1)
        of: Any = get_named_type(field.type)
        selections = node.selection_set.selections
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        if rows is not None:
            match name:
                case "nodes" | "edges" | "steps":
                    return self.selected(selections, of, None).times(rows)
                case "groupBy" | "byDay" | "byActor" | "byCommand" | "byKind":
                    return self.selected(selections, of, None).times(HUNDRED)
                case "compare":
                    page = self.length(PAGE, given.get("first"))
                    return self.selected(selections, of, page) + Cost(2 * WHOLE)
            return self.selected(selections, of, None) + Cost(WHOLE if name in FIGURES else 0)
        means = meaning(field)
        if isinstance(means, Many | Search | Happened | Log):
            page = self.length(HITS if isinstance(means, Search) else PAGE, given.get("first"), given.get("last"))
            return self.selected(selections, of, page) + Cost(1)
        inside = self.selected(selections, of, None) + Cost(COMMAND if type_ in self.roots else 0)
        if isinstance(means, Answer | Audience):
            computed = isinstance(means, Answer) and issubclass(means.report, Computed)
            return inside.times(HUNDRED) + Cost(COMPUTED if computed else 0)
        if isinstance(means, Affected):
            return inside.times(self.length(ROWS, given.get("first")))
        if isinstance(means, Few):
            return inside.times(TEN)
        many = next((given[name] for name in ("ids", "commands") if name in given), None)
        return inside.times(self.length(1, many)) if many else inside + Cost(1)

    def length(self, otherwise: int, *given: ValueNode | None) -> Length:
        """How long a list is by what is given for it."""
        number, variables = 0, []
        for value in given:
            match value:
                case IntValueNode(value=digits):
                    number = max(number, min(int(digits), LONGEST) if len(digits) < 10 else LONGEST)
                case ListValueNode(values=values):
                    number = max(number, len(values))
                case VariableNode():
                    name = value.name.value
                    default = self.defaults.get(name)
                    said = self.length(0, default).number if default else None
                    variables.append((name, said))
        return Length(number, tuple(variables), otherwise)
