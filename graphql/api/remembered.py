"""Statements that were made before: what is asked again, by somebody who may see the same, need not be compiled again.

A statement follows from the document, the values of its variables, what the policy of its caller answered while it was
made, and the tables of the views. The answers are kept with it. Before it is used again all of those questions are
asked anew, of the policy of whoever asks now: so it is no matter whose policy it was, nor whether that has changed.
An id that only says which row is meant is no part of it: with another it is the same statement, but for one parameter.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from graphql import FieldNode, GraphQLError, OperationDefinitionNode, VariableNode, Visitor, visit

from api.conditions import id_of
from api.documents import Prepared
from api.meaning import One, meaning
from api.ports import Caller, NotReady, Place, Places, Policy, ViewType
from api.statement import Statement
from domain.rights import Scope

MOST: Final = 1_000
LONGEST: Final = 20_000
"""Characters of a statement; and a tenth of it of the values of variables."""
SIDE_BY_SIDE: Final = 4
"""Callers of so many kinds, who may see different things, share a document without being in each other's way."""

Tables = tuple[str, str, str | None, int | None]
Name = str | None
Key = tuple[Prepared, Name, frozenset[str], bytes]


class Compiled(NamedTuple):
    """A read, ready to be sent."""

    sql: str
    statement: Statement


@dataclass
class Witness:
    """A policy and places, and what they were asked while a statement was made."""

    policy: Policy
    places: Places
    mays: dict[str, bool] = field(default_factory=dict)
    reached: dict[str, Scope | None] = field(default_factory=dict)
    seen: dict[ViewType, frozenset[UUID] | None] = field(default_factory=dict)
    hidden: dict[tuple[ViewType, str], bool] = field(default_factory=dict)
    tables: dict[ViewType, Tables] = field(default_factory=dict)

    def may(self, permission: str) -> bool:
        self.mays[permission] = answer = self.policy.may(permission)
        return answer

    def reach(self, permission: str) -> Scope | None:
        self.reached[permission] = answer = self.policy.reach(permission)
        return answer

    def sees(self, view: ViewType) -> Collection[UUID] | None:
        answer = self.policy.sees(view)
        self.seen[view] = answer if answer is None else frozenset(answer)
        return answer

    def hides(self, view: ViewType, column: str) -> bool:
        self.hidden[view, column] = answer = self.policy.hides(view, column)
        return answer

    def place(self, view: ViewType) -> Place:
        answer = self.places(view)
        self.tables[view] = _tables(answer)
        return answer

    def holds(self, policy: Policy, places: Places) -> bool:
        """Whether these would answer the same."""
        try:
            return self._holds(policy, places)
        except NotReady:
            return False

    def _holds(self, policy: Policy, places: Places) -> bool:
        return (
            all(policy.may(permission) == answer for permission, answer in self.mays.items())
            and all(policy.reach(permission) == answer for permission, answer in self.reached.items())
            and all(policy.hides(*asked) == answer for asked, answer in self.hidden.items())
            and all(_same(policy.sees(view), answer) for view, answer in self.seen.items())
            and all(_tables(places(view)) == answer for view, answer in self.tables.items())
        )


def _tables(place: Place) -> Tables:
    return place.live, place.history, place.whose, place.until


def _same(owners: Collection[UUID] | None, before: frozenset[UUID] | None) -> bool:
    return owners is before or (owners is not None and before is not None and frozenset(owners) == before)


class Made(NamedTuple):
    """What making a statement came to."""

    sql: str
    statement: Statement
    ids: dict[int, tuple[str, ViewType]]
    """Of parameters that are the id in a variable: where they stand, the variable, and whose row it names."""
    viewer: bool
    """Whether it is about its caller, whoever that is."""


@dataclass(frozen=True)
class _Kept:
    made: Made
    witness: Witness
    user_id: UUID | None
    """Whom it is about; None if it is about nobody in particular."""


_KEPT: Final[OrderedDict[Key, list[_Kept]]] = OrderedDict()
_FREE: Final[OrderedDict[tuple[Prepared, Name], frozenset[str]]] = OrderedDict()


def remembered(
    asked: Prepared,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
    caller: Caller,
    places: Places,
    make: Callable[[Caller, Places], Made | None],
) -> Compiled | None:
    """The statement of an operation, as `make` makes it: for this caller, or for another who may see the same."""
    name = operation.name.value if operation.name else None  # a node hashes all that is in it
    free = _free(asked, name, operation)
    if any(type(variables.get(each)) is not str for each in free):
        free = frozenset()
    rest = {each: value for each, value in variables.items() if each not in free}
    try:
        key = asked, name, free, orjson.dumps(rest, option=orjson.OPT_SORT_KEYS) if rest else b""
    except TypeError:  # a number that is none to others, and makes no statement either
        key = asked, name, free, repr(rest).encode(errors="replace")
    kept = _KEPT.get(key, [])
    for each in kept:
        if each.user_id in (None, caller.user_id) and each.witness.holds(caller.policy, places):
            _KEPT.move_to_end(key)
            return _again(each.made, variables, free, caller.policy)
    witness = Witness(caller.policy, places)
    made = make(replace(caller, policy=witness), witness.place)
    if made is None:
        return None
    if len(made.sql) <= LONGEST and len(key[3]) <= LONGEST / 10:
        _KEPT[key] = [_Kept(made, witness, caller.user_id if made.viewer else None), *kept[: SIDE_BY_SIDE - 1]]
        _KEPT.move_to_end(key)
        if len(_KEPT) > MOST:
            _KEPT.popitem(last=False)
    return _again(made, variables, free, caller.policy)


def _again(made: Made, variables: dict[str, Any], free: Collection[str], policy: Policy) -> Compiled | None:
    """The same statement, for the ids of these variables."""
    parameters = list(made.statement.parameters)
    try:
        for place, (name, view) in made.ids.items():
            if name in free:
                parameters[place] = id_of(variables[name], view)
    except GraphQLError:
        return None
    return Compiled(made.sql, made.statement.again(policy, parameters))


def _free(asked: Prepared, name: Name, operation: OperationDefinitionNode) -> frozenset[str]:
    """The variables that do nothing but say of which row a field of the root is."""
    key = asked, name
    if key not in _FREE:
        _FREE[key] = _found_free(asked, operation)
        if len(_FREE) > MOST:
            _FREE.popitem(last=False)
    return _FREE[key]


def _found_free(asked: Prepared, operation: OperationDefinitionNode) -> frozenset[str]:
    root, naming = asked.schema.query_type, Counter[str]()
    assert root
    for node in operation.selection_set.selections:
        if isinstance(node, FieldNode) and node.name.value in root.fields:
            means = meaning(root.fields[node.name.value])
            if isinstance(means, One) and means.view and means.argument == "id":
                naming.update(a.value.name.value for a in node.arguments or () if isinstance(a.value, VariableNode))
    uses = Uses()
    for part in (operation.selection_set, *(operation.directives or ()), *asked.fragments.values()):
        visit(part, uses)
    return frozenset(name for name, many in naming.items() if many == uses.found[name])


class Uses(Visitor):
    """Counts where variables are used."""

    def __init__(self) -> None:
        super().__init__()
        self.found = Counter[str]()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.found[node.name.value] += 1
