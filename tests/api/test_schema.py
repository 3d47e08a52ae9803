"""The schema: derived from what is declared, described in words, and wrong declarations are told at start."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from api.schema import build
from domain.aggregate import Aggregate
from domain.catalogue import AGGREGATES
from domain.parameters import command
from domain.platform.user import User
from projections.catalogue import REPORTS, VIEWS
from projections.platform.user import UserView
from projections.view import View
from server import schema_of, sdl

UTC = ZoneInfo("UTC")


def test_the_schema_is_golden(golden: Callable[[str, str], None]) -> None:
    golden("schema.graphql", sdl())


def descriptions(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Everything that the schema names, each with what it says of it."""
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        yield name, type_.description
        if isinstance(type_, GraphQLEnumType):
            yield from ((f"{name}.{value}", each.description) for value, each in type_.values.items())
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field, each in type_.fields.items():
                yield f"{name}.{field}", each.description
                for argument, its in getattr(each, "args", {}).items():
                    yield f"{name}.{field}({argument})", its.description


def undescribed(schema: GraphQLSchema) -> list[str]:
    return [name for name, text in descriptions(schema) if not text]


def test_everything_has_a_description() -> None:
    assert undescribed(schema_of("UTC")[0]._schema) == []


def test_descriptions_are_sentences_and_no_essays() -> None:
    described = dict(descriptions(schema_of("UTC")[0]._schema))
    own = {name: text.strip() for name, text in described.items() if text and name not in SPECIFIED}

    assert {name: text for name, text in own.items() if not re.fullmatch(r"[A-Z`0-9].*[.…?]", text, re.S)} == {}
    assert {name: len(text) for name, text in own.items() if len(text) > 360} == {}


SPECIFIED = {"ID", "String", "Int", "Float", "Boolean"}
"""Types of GraphQL itself, which describes them."""


def test_descriptions_speak_the_language_of_whoever_uses_the_api() -> None:
    inner = re.compile(r"\b(projections?|replay\w*|fingerprint|python|dataclass|SQL|PostgreSQL|Kafka|[a-z]+_[a-z_]+)\b")
    described = dict(descriptions(schema_of("UTC")[0]._schema))

    assert {name: text for name, text in described.items() if name not in SPECIFIED and inner.search(text or "")} == {}


def test_value_types_carry_the_noun_of_what_they_belong_to() -> None:
    schema = schema_of("UTC")[0]._schema
    nouns = {aggregate.__name__ for aggregate in AGGREGATES}

    enums = {name for name, type_ in schema.type_map.items() if isinstance(type_, GraphQLEnumType) and name[0] != "_"}

    named = {name for name in enums if any(noun in name for noun in nouns)}
    own = {
        "AccessReason",
        "Age",
        "AggregateKind",
        "Bucket",
        "Context",
        "CostForecast",
        "DependencyKind",
        "DifferenceKind",
        "Direction",
        "EarningRule",
        "EventKind",
        "GanttKind",
        "KeptBecause",
        "PlanChange",
        "Quadrant",
        "TimeAxis",
    }
    shared = own | {"Scope", "SearchKind", "Standing", "TrafficLight", "UndoFate", "UserErrorCode"}
    assert enums - named == shared - named
    assert {"OpportunityStatus", "AccountLifecycle", "PipelineStageKind", "CustomFieldType"} <= enums
    assert {"AccountDetailsInput", "AccountDetailsPatch"} <= schema.type_map.keys()


def test_a_filter_of_an_enum_takes_that_enum_and_no_other_of_the_same_python_name() -> None:
    types: dict[str, Any] = dict(schema_of("UTC")[0]._schema.type_map)
    filters = {name: types[f"{name}Filter"].fields for name in types if f"{name}Filter" in types}

    pairs = [
        (enum, get_named_type(each.type).fields["eq"].type)
        for name, fields in filters.items()
        for field, each in fields.items()
        if isinstance(types[name], GraphQLObjectType) and field in types[name].fields
        if isinstance(enum := get_named_type(types[name].fields[field].type), GraphQLEnumType)
    ]

    assert {"OpportunityStatus", "InteractionStatus"} <= {enum.name for enum, _ in pairs}
    assert [(enum, asked) for enum, asked in pairs if asked is not enum] == []


def test_nothing_of_the_machinery_shows() -> None:
    text = sdl()

    names = set(re.findall(r"^\s+(\w+)[(:]", text, re.M)) | set(
        re.findall(r"^(?:type|input|enum|scalar) (\w+)", text, re.M)
    )
    assert not {name for name in names if name.startswith("_") or name.endswith("_") or "View" in name}
    assert not re.search(r"strawberry|dataclass|<class|UNSET|psycopg|tuple\[|Annotated", text)


def test_every_command_is_a_mutation_and_every_view_is_read() -> None:
    schema = schema_of("UTC")[0]._schema
    assert schema.query_type and schema.mutation_type

    assert {view.table.split("_")[0] for view in VIEWS} <= {
        re.sub("[A-Z].*", "", name) for name in schema.query_type.fields
    }
    for aggregate in AGGREGATES:
        [archive] = [name for name in schema.mutation_type.fields if name == f"archive{aggregate.__name__}"]
        assert "Needs " in (schema.mutation_type.fields[archive].description or "")


def test_what_all_kinds_share_is_named_alike_for_each() -> None:
    mutation = schema_of("UTC")[0]._schema.mutation_type
    assert mutation

    names = {f"set{aggregate.__name__}CustomField" for aggregate in AGGREGATES}

    assert "setCustomFieldCustomField" in names <= mutation.fields.keys()


def test_the_schema_is_the_same_each_time_it_is_built() -> None:
    again = build(AGGREGATES, VIEWS, REPORTS, UTC)[0]

    assert again.as_str() + "\n" == sdl()


# -- other declarations ----------------------------------------------------------------------------


class Colour(StrEnum):
    RED = "red"


class Gadget(Aggregate):
    needs = "toys.play"

    name: str
    colour: Colour = Colour.RED

    class Made(Aggregate.Created):
        name: str

    class Painted(Aggregate.Event):
        colour: Colour

    @classmethod
    @command
    def make(cls, name: str) -> Self:
        """Begin a gadget."""
        return cls._create(cls.Made, name=name)

    @command
    def paint(self, colour: Colour) -> None:
        """Give it a colour."""
        self.trigger_event(self.Painted, colour=colour)


class GadgetView(View, of=Gadget, table="gadgets", needs="toys.see", indexes=("name",)):
    """Something to play with."""

    name: str
    colour: Colour = Colour.RED


class OtherGadgetView(View, of=Gadget, table="other_gadgets", needs="toys.see"):
    """The same again."""

    name: str


class Gizmo(Aggregate):
    needs = "toys.play"

    name: str

    class Made(Aggregate.Created):
        name: str

    @classmethod
    @command(mutation="makeGadget")
    def make(cls, name: str) -> Self:
        """Begin a gizmo, under a name that is taken."""
        return cls._create(cls.Made, name=name)


class Lamp(Aggregate):
    """Has a view whose list of what points to it bears the name of a column."""

    needs = "toys.play"

    name: str
    bulbs: int = 0

    class Made(Aggregate.Created):
        name: str
        bulbs: int

    @classmethod
    @command
    def make(cls, name: str, bulbs: int) -> Self:
        """Begin a lamp."""
        return cls._create(cls.Made, name=name, bulbs=bulbs)


class Bulb(Aggregate):
    needs = "toys.play"

    lamp_id: UUID

    class Made(Aggregate.Created):
        lamp_id: UUID

    @classmethod
    @command
    def make(cls, lamp: Lamp) -> Self:
        """Begin a bulb."""
        return cls._create(cls.Made, lamp_id=lamp.id)


class LampView(View, of=Lamp, table="lamps", needs="toys.see"):
    """A light."""

    name: str
    bulbs: int


class BulbView(View, of=Bulb, table="bulbs", needs="toys.see"):
    """What makes it light."""

    lamp_id: UUID


def built(*aggregates: type[Aggregate], views: tuple[type[View], ...] = ()) -> GraphQLSchema:
    return build(aggregates, views, (), UTC)[0]._schema


def test_one_more_aggregate_with_a_view_is_all_that_the_api_needs() -> None:
    schema = built(User, Gadget, views=(UserView, GadgetView))

    assert schema.query_type and schema.mutation_type
    assert {"gadget", "gadgets"} <= schema.query_type.fields.keys()
    assert {"makeGadget", "paintGadget", "archiveGadget", "tagGadget"} <= schema.mutation_type.fields.keys()
    assert {
        "GadgetColour",
        "GadgetFilter",
        "GadgetConnection",
        "MakeGadgetInput",
        "GadgetPayload",
    } <= schema.type_map.keys()
    assert schema.query_type.fields["gadgets"].description
    assert undescribed(schema) == []


def test_an_aggregate_without_a_view_has_mutations_that_show_no_object() -> None:
    schema = built(User, Gadget, views=(UserView,))

    assert schema.query_type and schema.mutation_type
    payload = schema.mutation_type.fields["makeGadget"].type
    assert "gadget" not in schema.query_type.fields
    assert set(get_named_type(payload).fields) == {
        *("version", "position", "receipt", "changed", "created", "userErrors")
    }


def test_two_mutations_of_one_name_are_told_at_start() -> None:
    with pytest.raises(TypeError, match=r"Gadget\.make and Gizmo\.make would both be the mutation `makeGadget`"):
        built(User, Gadget, Gizmo, views=(UserView,))


def test_two_views_of_one_aggregate_are_told_at_start() -> None:
    with pytest.raises(TypeError, match="GadgetView: an aggregate has one view; others are views of its items"):
        built(User, Gadget, views=(UserView, GadgetView, OtherGadgetView))


def test_a_list_that_bears_the_name_of_a_column_is_told_at_start() -> None:
    with pytest.raises(TypeError, match=r"LampView\.bulbs is a column, and the list of BulbView too"):
        built(User, Lamp, Bulb, views=(UserView, LampView, BulbView))


class RobotState(StrEnum):
    ON = "on"


class State(StrEnum):
    OFF = "off"


class Robot(Aggregate):
    needs = "toys.play"

    state: State = State.OFF
    other: RobotState = RobotState.ON

    class Made(Aggregate.Created):
        state: State
        other: RobotState

    @classmethod
    @command
    def make(cls, state: State, other: RobotState) -> Self:
        """Begin a robot."""
        return cls._create(cls.Made, state=state, other=other)


class RobotView(View, of=Robot, table="robots", needs="toys.see"):
    """Walks by itself."""

    state: State
    other: RobotState


def test_two_enums_of_one_name_are_told_at_start() -> None:
    with pytest.raises(TypeError, match="two value types would be called RobotState"):
        built(User, Robot, views=(UserView, RobotView))
