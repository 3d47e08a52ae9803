"""Declarations of views: what follows from them, and what is wrong with some."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest

from domain.aggregate import Aggregate
from domain.platform.api_token import ApiToken
from domain.values import Money
from projections.catalogue import VIEWS
from projections.columns import Undeclared
from projections.sales.opportunity import OpportunityLineView, OpportunityView
from projections.sales.pipeline import PipelineStageView
from projections.view import View, belongs_to, creating, fingerprint, holders, named_by, shape, told
from tests.infra.sale import Sale, SaleLineView, SaleView, Status

ROOT = Path(__file__).parent.parent.parent


class Words(View, of=Sale, table="words", needs="sales.see"):
    changes: str  # type: ignore[assignment]


class Long(View, of=Sale, table="w" * 41, needs="sales.see"):
    stage: str


class NoKey(View, of=Sale, table="no_key", needs="sales.see", key="line_id"):
    product: str


class NullKey(View, of=Sale, table="null_key", needs="sales.see", key="line_id"):
    line_id: UUID | None = None


class NoIndex(View, of=Sale, table="no_index", needs="sales.see", indexes=("colour",)):
    stage: str


class NoMask(View, of=Sale, table="no_mask", needs="sales.see", masks=("colour",)):
    stage: str


class NeverEmpty(View, of=Sale, table="never_empty", needs="sales.see", masks=("stage",)):
    stage: str


class Foreign(View, of=Aggregate, table="foreign", needs="sales.see", ends=(Sale.Won,)):
    pass


class Misspelt(View, of=Sale, table="misspelt", needs="sales.see"):
    stgae: str | None = None


class Unset(View, of=Sale, table="unset", needs="sales.see"):
    stage: str
    closed_on: date


@dataclass(frozen=True)
class Point:
    point_id: UUID
    text: str
    mark: str = ""


@dataclass(frozen=True)
class Note:
    note_id: UUID
    point_id: UUID | None
    text: str


class Talk(Aggregate):
    points: Mapping[UUID, Point] = field(default_factory=dict)
    notes: Mapping[UUID, Note] = field(default_factory=dict)

    class PointMade(Aggregate.Event):
        item_of = "points"
        point_id: UUID
        text: str

    class PointMarked(Aggregate.Event):
        item_of = "points"
        point_id: UUID
        mark: str

    class PointDropped(Aggregate.Event):
        ends_item_of = "points"
        point_id: UUID

    class NoteTaken(Aggregate.Event):
        item_of = "notes"
        note_id: UUID
        point_id: UUID | None
        text: str


class PointView(View, of=Talk, table="points", needs="sales.see", key="point_id", ends=(Talk.PointDropped,)):
    point_id: UUID
    text: str


class NoteView(View, of=Talk, table="notes", needs="sales.see", key="note_id"):
    note_id: UUID
    point_id: UUID | None = None
    text: str


class UnsetItem(View, of=Talk, table="unset_item", needs="sales.see", key="point_id"):
    point_id: UUID
    text: str
    mark: str


class FractionKey(View, of=Sale, table="fraction_key", needs="sales.see", key="quantity"):
    quantity: Decimal


class OtherType(View, of=Sale, table="other_type", needs="sales.see"):
    stage: int


class NotNull(View, of=Sale, table="not_null", needs="sales.see"):
    amount: Money


class WrongHome(View, of=Sale, table="wrong_home", needs="sales.see", key="line_id", within=OpportunityView):
    line_id: UUID


class Nowhere(View, of=Sale, table="nowhere", needs="sales.see"):
    stage: complex


@pytest.mark.parametrize(
    ("view", "why"),
    [
        (Words, "Words: changes is a word of the declaration, not a column"),
        (Long, "is too long"),
        (NoKey, "NoKey: no field line_id to be the key"),
        (FractionKey, "FractionKey: the key quantity is an id, a text, a whole number, a date or a time"),
        (NullKey, "NullKey: the key line_id is one column that is never null"),
        (NoIndex, "NoIndex: no column colour"),
        (NoMask, "NoMask: no field colour to be masked"),
        (NeverEmpty, "NeverEmpty: stage is never null, so it cannot be masked"),
        (Foreign, "Foreign: Sale.Won is no event of Aggregate"),
        (Misspelt, "Misspelt: no event of Sale names stgae"),
        (Unset, "Unset: Sale.Opened does not name closed_on: give a default, or `| None`"),
        (UnsetItem, "UnsetItem: no event of Talk names all of mark, point_id, text"),
        (OtherType, "OtherType: Sale.Opened.stage is <class 'str'>, the column is <class 'int'>"),
        (NotNull, "NotNull: Sale.Opened.amount may be null, the column may not"),
        (WrongHome, "WrongHome: it is not within OpportunityView, whose rows are not those of Sale itself"),
        (Nowhere, "Nowhere.stage: no column for <class 'complex'>"),
    ],
)
def test_what_is_wrong_with_a_declaration_is_said(view: type[View], why: str) -> None:
    with pytest.raises(Undeclared, match=why.replace("|", r"\|")):
        shape(view)


def test_a_declaration_says_of_what_it_is_where_and_for_whom() -> None:
    with pytest.raises(Undeclared, match="Bare: say needs=, of=, table="):

        class Bare(View):
            pass

    with pytest.raises(Undeclared, match="Odd: tabel is no word of a declaration"):

        class Odd(View, of=Sale, tabel="sales", needs="sales.see"):
            pass


def test_columns_may_bear_the_names_of_words() -> None:
    assert (PipelineStageView.key, PipelineStageView.table) == ("key", "pipeline_stages")
    assert [f.name for f in shape(PipelineStageView) if f.name == "key"] == ["key"]


def test_every_view_of_an_aggregate_has_what_all_aggregates_share_and_items_have_not() -> None:
    shared = {"owner_id", "tags", "custom_fields", "external_ids", "watchers", "archived", "archive_reason"}

    for view in VIEWS:
        names = [f.name for f in shape(view)]
        assert names[:4] == ["id", "version", "created_at", "updated_at"]
        assert shared <= set(names) if not view.key else not shared & set(names)


def test_every_permission_is_of_a_context_and_an_item_has_that_of_its_view() -> None:
    for view in VIEWS:
        context, _, act = view.needs.partition(".")
        assert context in {"customers", "sales", "projects", "platform"}
        assert act == ("tokens" if view.of is ApiToken else "see")  # those who make tokens see theirs, and no others
    assert OpportunityLineView.needs == OpportunityView.needs


def test_a_column_belongs_to_the_view_of_the_aggregate_that_it_names_or_is_marked_with() -> None:
    found = {(view.table, name): other.table for view in VIEWS for name, other in belongs_to(view, VIEWS).items()}

    assert {
        ("opportunities", "account_id"): "accounts",
        ("opportunities", "owner_id"): "users",
        ("opportunities", "watchers"): "users",
        ("opportunity_lines", "product_id"): "products",
        ("accounts", "parent_id"): "accounts",
        ("accounts", "merged_into_id"): "accounts",
        ("teams", "lead_id"): "users",
        ("team_members", "user_id"): "users",
    }.items() <= found.items()
    assert not {name for _, name in found} & {"id", "line_id", "price_id"}


def test_whatever_is_marked_is_of_a_view_that_there_is() -> None:
    kinds = {view.of.__name__ for view in VIEWS}

    marked = {f.of for view in VIEWS for f in shape(view)} - {None}

    assert marked <= kinds and "Account" in marked


def test_events_set_what_they_name_and_what_is_of_an_item_is_not_of_the_aggregate() -> None:
    assert named_by(OpportunityView, "amount_currency") == frozenset({"Opened", "AmountChanged", "Won"})
    assert named_by(OpportunityView, "created_at") == frozenset({"Opened"})
    assert named_by(OpportunityView, "version") == frozenset(OpportunityView.of.events())
    assert named_by(OpportunityLineView, "quantity") == frozenset({"LineAdded", "LineChanged"})
    assert named_by(OpportunityLineView, "product_id") == frozenset({"LineAdded"})
    assert named_by(SaleLineView, "version") == frozenset({"LineAdded", "LineChanged", "LineRemoved", "LinesCleared"})
    assert named_by(PipelineStageView, "name") is None  # `each` is written anew
    assert named_by(next(v for v in VIEWS if v.table == "pipelines"), "name") == frozenset({"Defined", "Renamed"})


def test_what_can_begin_a_row_names_all_that_it_must_have() -> None:
    assert creating(OpportunityView) == {"Opened"}
    assert creating(OpportunityLineView) == {"LineAdded"}


def test_an_item_that_names_one_of_another_kind_is_none_of_those() -> None:
    shape(PointView)
    shape(NoteView)

    assert [holders(view) for view in (PointView, NoteView)] == [{"points"}, {"notes"}]
    assert creating(PointView) == {"PointMade"}
    assert named_by(NoteView, "text") == frozenset({"NoteTaken"})
    assert told(PointView, Talk.NoteTaken) == ()


class Base(SaleView):
    """Another docstring, other indexes, other permissions."""


class Indexed(SaleView, indexes=("closed_on",), needs="other.see", search=("stage",), masks=("amount",)):
    pass


class Revised(SaleView, revision=2):
    pass


class Renamed(SaleView, table="others"):
    pass


class Defaulted(SaleView):
    stage: str = "a"


class Wider(SaleView):
    archive_reason: Annotated[str | None, "documented otherwise"] = None
    lost_on: date | None = None

    @classmethod
    def changes(cls, event: Any) -> dict[str, Any]:
        return super().changes(event)


class Nullable(SaleView):
    stage: str | None  # type: ignore[assignment]


class OtherEnds(SaleLineView, ends=(Sale.LineRemoved,)):
    pass


def test_the_fingerprint_is_of_what_rows_depend_on_and_of_nothing_else() -> None:
    views = (SaleView, Revised, Renamed, Defaulted, Wider, Nullable, SaleLineView, OtherEnds)

    found = {view.__name__: fingerprint(view) for view in views}

    assert fingerprint(Base) == fingerprint(Indexed) == found["SaleView"]
    assert len(set(found.values())) == len(views)


class Tale(Aggregate):
    """Its event, as it is declared now and as it may be declared later."""

    title: str = ""
    kind: str = ""

    class Now(Aggregate.Event):
        title: str

    class Unchanged(Aggregate.Event):
        """With a docstring."""

        title: str

    class Wider(Aggregate.Event):
        title: str
        kind: str = "a"

    class OtherDefault(Aggregate.Event):
        title: str
        kind: str = "b"

    class Rewritten(Aggregate.Event):
        schema_version = 2
        title: str

        @staticmethod
        def upcast_v1(told: dict[str, Any]) -> dict[str, Any]:
            return told


class TaleView(View, of=Tale, table="tales", needs="tales.see"):
    title: str = ""
    kind: str = ""


def test_the_fingerprint_shows_what_events_name_and_with_which_default(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}

    for event in (Tale.Now, Tale.Unchanged, Tale.Wider, Tale.OtherDefault, Tale.Rewritten):
        shared = {"Shared": Tale.OtherDefault, **Aggregate.events()}
        monkeypatch.setattr(Tale, "events", lambda event=event, shared=shared: {**shared, "Told": event})
        found[event.__name__] = fingerprint(TaleView)

    assert found.pop("Unchanged") == found["Now"]
    assert len(set(found.values())) == 4


SAY = "from projections.view import fingerprint as f; from projections.catalogue import VIEWS; print(*map(f, VIEWS))"


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    """Whatever order sets have there."""
    said = {
        subprocess.run(
            [sys.executable, "-c", SAY],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert said == {" ".join(map(fingerprint, VIEWS)) + "\n"}


def test_the_pieces_of_a_view_fit_its_aggregate() -> None:
    found = {f.name: f for f in shape(SaleView)}

    assert (found["status"].kind, found["amount"].kind, found["stage"].nullable) == (Status, Money, False)
    assert {f.name: f.kind for f in shape(SaleLineView)}["quantity"] is Decimal
