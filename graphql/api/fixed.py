"""The types that no declaration changes: scalars, instants, directions, what lies around a page."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from reprlib import repr as said
from typing import Any, Final, NewType
from uuid import UUID
from zoneinfo import ZoneInfo

from graphql import GraphQLResolveInfo, GraphQLScalarType

from api.declaring import ID, JSON, declare, declare_enum, input_field
from api.meaning import Derived, field
from domain.values import TimeZone
from projections.report import Bucket

Position = NewType("Position", int)
MOST_DIGITS: Final = 1000
"""Digits that a number is read with: far more than are ever kept, far less than PostgreSQL takes."""


def scalar(name: str, description: str, serialize: Any, parse: Any) -> GraphQLScalarType:
    """A scalar whose values may come from SQL, already as JSON."""
    through = lambda value: value if isinstance(value, str) else serialize(value)  # noqa: E731
    return GraphQLScalarType(name, coerce_output_value=through, coerce_input_value=parse, description=description)


def scalars(time_zone: ZoneInfo) -> dict[object, GraphQLScalarType]:
    """The scalars of the API. A date given where a moment is due is midnight of the company."""

    def moment(text: Any) -> datetime:
        try:
            if isinstance(text, str) and len(text) == 10:
                return datetime.combine(date.fromisoformat(text), time(), time_zone)
            made = datetime.fromisoformat(text)
            if made.tzinfo is not None:
                return made.astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            raise ValueError(f"{said(text)} is no moment: write one like 2026-01-31T12:00:00Z") from None
        raise ValueError(f"{said(text)} lacks a time zone: write one like 2026-01-31T12:00:00Z")

    def day(text: Any) -> date:
        try:
            return date.fromisoformat(text)
        except (ValueError, TypeError):
            raise ValueError(f"{said(text)} is no day of the calendar: write one like 2026-01-31") from None

    def number(value: Any) -> Decimal:
        try:
            made = Decimal(str(value))
        except ArithmeticError:
            made = Decimal("NaN")
        if isinstance(value, bool) or not made.is_finite():
            raise ValueError(f"{said(value)} is no number: write one like 12.50, as text or as a number")
        if abs(made.adjusted()) >= MOST_DIGITS or len(made.as_tuple().digits) > MOST_DIGITS:
            raise ValueError("this number has too many digits")
        return made

    def uuid(text: Any) -> UUID:
        try:
            return UUID(text)
        except (ValueError, TypeError, AttributeError):
            raise ValueError(f"{said(text)} is no UUID") from None

    def position(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
            raise ValueError(f"{said(value)} is no position: it is a whole number, not negative")
        return value

    moments = "A moment, ISO 8601 with a time zone; a day stands for its midnight."
    return {
        datetime: scalar("DateTime", moments, datetime.isoformat, moment),
        date: scalar("Date", "A day, ISO 8601.", date.isoformat, day),
        Decimal: scalar("Decimal", "An exact number, as text.", str, number),
        UUID: scalar("UUID", "A UUID, as text.", str, uuid),
        TimeZone: scalar("TimeZone", "The name of a time zone, such as Europe/Berlin.", str, TimeZone),
        # What SQL says passes as it is, as where it is not read: 0 is not told as 0.0.
        timedelta: GraphQLScalarType("Seconds", coerce_input_value=float, description="A length of time, in seconds."),
        Position: scalar("Position", "A place in the order of all events: 1, 2, 3 …", int, position),
        JSON: GraphQLScalarType("JSON", description="Any value of JSON."),
    }


class Direction(Enum):
    ASC = "asc"
    DESC = "desc"


DirectionType: Any = declare_enum(
    Direction, "Direction", "Which way to sort.", {"ASC": "The least first.", "DESC": "The most first."}
)
BucketType: Any = declare_enum(Bucket, "Bucket", "A period that times are put into.")

Node: Any = declare(
    type("Node", (), {}),
    {"id": field(ID, None, "Its id, the same for ever, such as Account_0190f3c2-….")},
    "interface",
    description="Anything that has an id.",
)
AsOf: Any = declare(
    type("AsOf", (), {}),
    {
        "position": input_field(Position | None, "After this event was recorded."),
        "time": input_field(datetime | None, "What was recorded by this moment."),
    },
    "input",
    description="The moment that a read is asked of: what was known then. Give a position or a time.",
)
Occurred: Any = declare(
    type("Occurred", (), {}),
    {"until": input_field(datetime, "Leaves out every event that had not happened by then.")},
    "input",
    description="What had happened by a moment, as we know it at the moment that the read is asked of.",
)
CustomFieldCondition: Any = declare(
    type("CustomFieldCondition", (), {}),
    {
        "key": input_field(str, "The key of the field."),
        "eq": input_field(JSON | None, "Is this."),
        "in": input_field(list[JSON] | None, "Is one of these."),
        "gt": input_field(JSON | None, "Is more than this."),
        "gte": input_field(JSON | None, "Is this or more."),
        "lt": input_field(JSON | None, "Is less than this."),
        "lte": input_field(JSON | None, "Is this or less."),
        "isNull": input_field(bool | None, "Is not filled (or is)."),
    },
    "input",
    description="A condition upon a field that the company defined for itself. A number is compared with what is a"
    " number there, a text with what is a text.",
)


class Around(dict[str, Any]):
    """What lies around a page of a list that is no list of rows: by the names of the fields, not by a client's."""


class OfPage(Derived):
    """A field of what lies around a page."""

    @staticmethod
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        return source[info.field_name if isinstance(source, Around) else info.path.key]


PageInfo: Any = declare(
    type("PageInfo", (), {}),
    {
        "has_next_page": field(bool, None, "Whether more rows follow.", OfPage),
        "has_previous_page": field(bool, None, "Whether more rows came before.", OfPage),
        "start_cursor": field(str | None, None, "The cursor of the first row.", OfPage),
        "end_cursor": field(str | None, None, "The cursor of the last row.", OfPage),
    },
    description="What lies around a page of a list.",
)
HeadType: Any = declare(
    type("Head", (), {}),
    {
        "position": field(Position, None, "Its position; 0 where nothing was recorded yet."),
        "receipt": field(str, None, "The hash of it and of all before it."),
        "recorded_at": field(datetime | None, None, "When it was recorded."),
    },
    description="The last event of the history.",
)
