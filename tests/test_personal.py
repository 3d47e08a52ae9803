"""What is marked as personal, and what a mark must not stand on: found when a class is defined, or at start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Optional
from uuid import UUID

import pytest

from domain.aggregate import Aggregate
from domain.declaration import WrongDeclaration
from domain.personal import Misplaced, OfPerson, Personal, person_of
from projections.columns import Undeclared, columns_of
from projections.view import View, shape


@dataclass(frozen=True)
class Secretive:
    name: Personal[str] | None = None


@dataclass(frozen=True)
class Plain:
    first: str | None = None
    last: str | None = None


class Patient(Aggregate):
    needs = "service.answer"

    name: Personal[str] | None = None
    ward: str | None = None
    phones: Personal[tuple[str, ...]] | None = None

    class Admitted(Aggregate.Created):
        name: Personal[str] | None
        phones: Personal[tuple[str, ...]] | None
        ward: str | None


class PatientView(View, of=Patient, table="patients", needs="service.see"):
    name: Annotated[Personal[str] | None, "what they are called"] = None
    phones: Personal[tuple[str, ...]] | None = None
    ward: str | None = None


def test_a_mark_is_found_wherever_it_may_stand() -> None:
    outside, inside = Personal[str] | None, Annotated[Optional[Personal[str]], "a text"]  # noqa: UP045

    assert person_of(outside) == person_of(inside) == person_of(Annotated[str | None, OfPerson()]) == OfPerson("id")
    assert person_of(str | None) is None


@pytest.mark.parametrize(
    "hint",
    [
        tuple[Personal[str], ...] | None,
        Mapping[str, Personal[str] | None] | None,
        Secretive | None,
        tuple[Secretive, ...],
        Personal[tuple[Personal[str], ...]] | None,
    ],
)
def test_a_mark_inside_of_something_is_refused(hint: Any) -> None:
    with pytest.raises(Misplaced, match="mark it as a whole"):
        person_of(hint)
    with pytest.raises(Undeclared, match="mark it as a whole"):
        columns_of("Sheet", {"id": UUID, "name": hint})


def test_what_is_personal_may_be_none() -> None:
    with pytest.raises(WrongDeclaration, match=r"Rigid: `name` is personal, so it must be `| None`"):

        class Rigid(Aggregate):
            name: Personal[str] = ""

    with pytest.raises(Undeclared, match="must be"):
        columns_of("Sheet", {"id": UUID, "name": Personal[str]})


def test_what_an_event_tells_of_a_personal_attribute_is_personal_too() -> None:
    with pytest.raises(
        WrongDeclaration, match=r"Leaky.Named: `name` is personal in one of the aggregate and its event"
    ):

        class Leaky(Aggregate):
            name: Personal[str] | None = None

            class Named(Aggregate.Event):
                name: str | None


def test_the_person_is_named_beside_it() -> None:
    with pytest.raises(WrongDeclaration, match=r"Nobodys.Written: `text` is of the person in `about_id`"):

        class Nobodys(Aggregate):
            about_id: UUID | None = None
            text: Annotated[str, OfPerson("about_id")] | None = None

            class Written(Aggregate.Event):
                text: Annotated[str, OfPerson("about_id")] | None

    with pytest.raises(Undeclared, match="no column about_id says whose"):
        columns_of("Sheet", {"id": UUID, "text": Annotated[str, OfPerson("about_id")] | None})


def test_a_view_shows_as_personal_what_its_events_tell_as_personal() -> None:
    class Careless(View, of=Patient, table="careless", needs="service.see"):
        name: str | None = None

    found = {f.name: f.whose for f in shape(PatientView)}

    assert (found["name"], found["phones"], found["ward"]) == ("id", "id", None)
    assert all(f.whose == c.whose for f in shape(PatientView) for c in f.columns)
    with pytest.raises(Undeclared, match=r"Patient.Admitted.name is personal in one of event and view"):
        shape(Careless)


def test_every_part_of_a_personal_value_is_personal() -> None:
    [_, name] = columns_of("Sheet", {"id": UUID, "name": Personal[Plain] | None}, flat=["name"])

    assert [(c.name, c.whose, c.nullable) for c in name.columns] == [("first", "id", True), ("last", "id", True)]
