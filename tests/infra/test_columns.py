"""Values of every kind, on their way into columns and back, live and rebuilt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from uuid import UUID

import pytest
from psycopg import Connection

from domain.aggregate import Aggregate
from domain.values import Address, Email, Money, Period, TimeZone
from infra.feed.log import LogFeed
from infra.projection import Projector
from infra.rebuild import build, flip, level, prepare, same
from infra.tables import Table
from projections.columns import Undeclared, columns_of
from projections.view import View
from tests.infra.past import Past, database, published, record


class Mood(StrEnum):
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class Call:
    number: str
    mood: Mood
    took: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A value with parts of every kind."""

    industry: str | None = None
    phones: tuple[str, ...] = ()
    turnover: Money | None = None
    temper: Mood | None = None
    address: Address | None = None


@dataclass(frozen=True)
class Score:
    main: ClassVar[str] = "points"

    points: int
    by: UUID


class Wide(Aggregate):
    mood: Mood
    end: date
    at: datetime
    yes: bool
    order: int
    exact: Decimal
    near: float
    took: timedelta
    price: Money | None
    profile: Profile
    extra: Profile | None
    score: Score
    valid: Period
    email: Email
    zone: TimeZone
    labels: frozenset[str]
    moods: tuple[Mood, ...]
    numbers: tuple[int, ...]
    amounts: tuple[Decimal, ...]
    days: tuple[date, ...]
    instants: tuple[datetime, ...]
    others: frozenset[UUID]
    answers: tuple[bool, ...]
    document: Mapping[str, Any]
    calls: tuple[Call, ...]
    addresses: Mapping[str, Address]
    user: UUID
    key: str

    class Made(Aggregate.Created):
        mood: Mood
        end: date
        at: datetime
        yes: bool
        order: int
        exact: Decimal
        near: float
        took: timedelta
        price: Money | None
        profile: Profile
        extra: Profile | None
        score: Score
        valid: Period
        email: Email
        zone: TimeZone
        labels: frozenset[str]
        moods: tuple[Mood, ...]
        numbers: tuple[int, ...]
        amounts: tuple[Decimal, ...]
        days: tuple[date, ...]
        instants: tuple[datetime, ...]
        others: frozenset[UUID]
        answers: tuple[bool, ...]
        document: Mapping[str, Any]
        calls: tuple[Call, ...]
        addresses: Mapping[str, Address]
        user: UUID
        key: str

    class Changed(Aggregate.Event):
        labels: frozenset[str]
        document: Mapping[str, Any]
        price: Money | None
        profile: Profile


class WideView(
    View, of=Wide, table="user", needs="wide.see", indexes=("end", "order", "key"), flat=("profile",), masks=("price",)
):
    mood: Mood
    end: date
    at: datetime
    yes: bool
    order: int
    exact: Decimal
    near: float
    took: timedelta
    price: Money | None = None
    profile: Profile
    extra: Profile | None = None
    score: Score
    valid: Period
    email: Email
    zone: TimeZone
    labels: frozenset[str] = frozenset()
    moods: tuple[Mood, ...] = ()
    numbers: tuple[int, ...] = ()
    amounts: tuple[Decimal, ...] = ()
    days: tuple[date, ...] = ()
    instants: tuple[datetime, ...] = ()
    others: frozenset[UUID] = frozenset()
    answers: tuple[bool, ...] = ()
    document: Mapping[str, Any] = {}
    calls: tuple[Call, ...] = ()
    addresses: Mapping[str, Address] = {}
    user: UUID
    key: Annotated[str, "a name that is also a word of the declaration"]


NOON = datetime(2026, 1, 2, 12, 30, 15, 123456, tzinfo=UTC)
HARD = ("b\",\\{}'", "NULL", "", "ü\n\t $1 %s", "a")
MADE: dict[str, Any] = {
    "mood": Mood.GOOD, "end": date(2026, 1, 2), "at": NOON, "yes": True, "order": 2**53, "exact": Decimal("1.50"),
    "near": 0.1, "took": timedelta(days=400, seconds=3, microseconds=7), "price": Money(Decimal("9.90"), "EUR"),
    "profile": Profile(industry="steel", phones=("1", "2"), turnover=Money(Decimal(5), "USD"), temper=Mood.BAD,
                       address=Address(city="Ulm")),
    "extra": None, "score": Score(3, UUID(int=3)), "valid": Period(date(2026, 1, 1), None),
    "email": Email("Ada@Example.org"), "zone": TimeZone("Europe/Berlin"), "labels": frozenset(HARD),
    "moods": (Mood.BAD, Mood.GOOD), "numbers": (1, -2), "amounts": (Decimal("0.10"),), "days": (date(1999, 12, 31),),
    "instants": (NOON,), "others": frozenset({UUID(int=9), UUID(int=8)}), "answers": (True, False),
    "document": {"a": [1, {"b": "ü\\\""}], "c": None}, "calls": (Call("1", Mood.BAD, timedelta(1)),),
    "addresses": {"home": Address(city="Ulm")}, "user": UUID(int=5), "key": "k",
}  # fmt: skip
SEEN = {
    "mood": "good", "end": date(2026, 1, 2), "at": NOON, "yes": True, "order": 2**53, "exact": Decimal("1.50"),
    "near": 0.1, "took": timedelta(days=400, seconds=3, microseconds=7), "price": Decimal("9.90"),
    "price_currency": "EUR", "industry": "steel", "phones": ["1", "2"], "turnover": Decimal(5),
    "turnover_currency": "USD", "address_city": "Ulm", "address_street": None, "extra_industry": None,
    "extra_phones": None, "extra_turnover": None, "extra_turnover_currency": None, "extra_address_city": None,
    "score": 3, "score_by": UUID(int=3), "valid_since": date(2026, 1, 1), "valid_until": None,
    "email": "ada@example.org", "zone": "Europe/Berlin", "labels": sorted(HARD), "moods": ["bad", "good"],
    "numbers": [1, -2], "amounts": [Decimal("0.10")], "days": [date(1999, 12, 31)], "instants": [NOON],
    "others": [UUID(int=8), UUID(int=9)], "answers": [True, False], "document": {"a": [1, {"b": "ü\\\""}], "c": None},
    "calls": [{"number": "1", "mood": "bad", "took": "P1D"}], "user": UUID(int=5), "key": "k", "watchers": [],
    "custom_fields": {}, "archived": False, "archive_reason": None,
}  # fmt: skip


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with database(database_url, schema) as connection:
        yield connection


def test_a_value_of_every_kind_goes_in_both_ways_and_comes_back(db: Connection[Any]) -> None:
    past = Past()
    for n in range(1, 4):
        past.add(Wide.Made, UUID(int=n), **MADE)
    past.add(Wide.Changed, UUID(int=1), labels=frozenset(), document={}, price=None, profile=Profile())
    published(db, [WideView])
    record(db, past.rows)

    class Again(WideView, revision=2):
        pass

    Projector(db, [WideView]).step(LogFeed(db), 3)
    moved_on = Projector(db, [WideView])  # ... from rows that are read back
    while moved_on.step(LogFeed(db), 3) >= 0:
        pass
    prepare(db, [Again])
    build(db, db, Again)

    assert {name: value for name, value in row(db, 2).items() if name in SEEN} == SEEN
    assert {n: row(db, 1)[n] for n in ("labels", "document", "price", "price_currency", "phones", "industry")} == {
        "labels": [], "document": {}, "price": None, "price_currency": None, "phones": [], "industry": None,
    }  # fmt: skip
    assert same(db, Table(WideView).name, Table(Again))
    flip(db, [Again])
    assert row(db, 2) == row(db, 2, at=4)


def row(connection: Connection[Any], n: int, at: int | None = None) -> dict[str, Any]:
    """As somebody at a prompt sees it."""
    source = '"user"' if at is None else f"user_as_of({at})"
    cursor = connection.execute(f"select * from {source} where id = %s".encode(), [UUID(int=n)])
    [values] = cursor.fetchall()
    return dict(zip([d.name for d in cursor.description or ()], values, strict=True))


def test_built_from_nothing_and_moved_on_is_built_at_once(db: Connection[Any]) -> None:
    past = Past()
    past.add(Wide.Made, UUID(int=1), **MADE)
    record(db, past.rows)
    prepare(db, [WideView])

    assert build(db, db, WideView)
    assert level(db, db, [WideView]) == 1


@pytest.mark.parametrize(
    ("hint", "why"),
    [
        (int | str, "Odd.it: a column is of one type, or of one type and None"),
        (tuple[str | None, ...], "Odd.it: a list has no holes"),
        (tuple[str, int], "Odd.it: a list has items of one type"),
        (list, "Odd.it: no column for <class 'list'>"),
        (complex, "Odd.it: no column for <class 'complex'>"),
        (tuple[complex, ...], "Odd.it: no column for <class 'complex'>"),
        (Mapping[str, complex], "Odd.it: no column for <class 'complex'>"),
    ],
)
def test_what_has_no_column_is_said_with_its_place(hint: Any, why: str) -> None:
    with pytest.raises(Undeclared, match=why.replace("|", r"\|")):
        columns_of("Odd", {"it": hint})


def test_two_fields_do_not_share_a_column() -> None:
    with pytest.raises(Undeclared, match="Odd: two fields make the column price_currency"):
        columns_of("Odd", {"price": Money, "price_currency": str})
    with pytest.raises(Undeclared, match="Odd: two fields make the column industry"):
        columns_of("Odd", {"industry": str, "profile": Profile}, flat=["profile"])


def test_names_of_the_machinery_are_its_own_and_names_are_not_cut() -> None:
    with pytest.raises(Undeclared, match=r"Odd\._from: names with a leading underscore are those of the machinery"):
        columns_of("Odd", {"_from": int})
    with pytest.raises(Undeclared, match="is too long: PostgreSQL cuts names at 63 bytes"):
        columns_of("Odd", {"n" * 64: int})


def test_only_a_value_with_parts_is_flat() -> None:
    with pytest.raises(Undeclared, match="Odd: name is no value with parts, so it cannot be flat"):
        columns_of("Odd", {"name": str}, flat=["name"])


def test_a_field_tells_the_api_its_parts_their_kinds_and_its_doc() -> None:
    [profile, price] = columns_of(
        "Odd", {"profile": Profile, "price": Annotated[Money | None, "what it costs"]}, flat=["profile"]
    )

    assert [part.name for part in profile.inside] == ["industry", "phones", "turnover", "temper", "address"]
    assert [c.name for c in profile.inside[2].columns] == ["turnover", "turnover_currency"]
    assert (profile.flat, profile.nullable, profile.kinds[:3]) == (True, False, (str, tuple[str, ...], Decimal))
    assert (price.doc, price.nullable, price.kinds) == ("what it costs", True, (Decimal, str))
    assert all(column.nullable for column in price.columns)
