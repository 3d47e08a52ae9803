"""What is wrong with a view is found and named, while everybody works on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg import Connection

from infra.dead_letters import skip
from infra.feed.log import LogFeed
from infra.projection import NotBuilt, Projector
from infra.rebuild import Progress
from infra.tables import Table
from infra.verify_views import Verified, verify
from projections.catalogue import VIEWS as CATALOGUE
from projections.view import View
from tests.infra.past import database, published, random_sales, record
from tests.infra.sale import VIEWS, Sale, SaleLineView, SaleView
from tests.infra.test_dead_letters import BrittleView, carefully, refusing, the_past
from tests.scenario import World, a_pipeline, a_product, an_opportunity

Verify = Callable[..., Verified]
SALES, LINES = Table(SaleView), Table(SaleLineView)


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    refusing.clear()
    with database(database_url, schema) as connection:
        yield connection


@pytest.fixture
def verified(database_url: str, schema: str) -> Verify:
    return lambda view=SaleView, **options: verify(database_url, schema, view, **options)


def moved(connection: Connection[Any], rows: Any) -> None:
    """These events, projected live."""
    published(connection)
    record(connection, rows)
    projector = Projector(connection, VIEWS)
    while projector.step(LogFeed(connection), 50) >= 0:
        pass


def test_a_view_that_is_right_is_said_to_be_so(db: Connection[Any], verified: Verify) -> None:
    moved(db, random_sales(3, 300, 20).rows)
    said: list[Progress] = []

    sales, lines = verified(progress=said.append), verified(SaleLineView)

    assert sales == Verified("sales", 300, 300, 20, 0, ())
    assert (lines.differences, lines.aggregates) == ((), 20)
    assert [p.stage for p in said] == ["build", "aggregates", "done"]
    assert db.execute("select count(*) from projections").fetchone() == (2,)


def test_as_of_a_position_though_the_view_moves_on(db: Connection[Any], verified: Verify) -> None:
    rows = random_sales(3, 300, 20).rows
    moved(db, rows[:200])

    def go_on(progress: Progress) -> None:
        if progress.stage == "aggregates":
            record(db, rows[200:])
            projector = Projector(db, VIEWS)
            while projector.step(LogFeed(db), 50) >= 0:
                pass

    assert verified(progress=go_on).differences == ()
    assert verified().position == 300


DAMAGE = [
    (SaleView, f"update {SALES.name} set stage = 'wrong' where id = %s", {"stage"}),
    (SaleView, f"delete from {SALES.name} where id = %s", {"(row)"}),
    (SaleView, f"update {SALES.history} set amount = 77 where (id, version) = (%s, 1)", {"amount"}),
    (SaleView, f"update {SALES.history} set _until = _until + interval '1 s' where id = %s", {"_until"}),
    (SaleView, f"delete from {SALES.history} where id = %s", {"(row)"}),
    (SaleLineView, f"update {LINES.name} set quantity = 77 where id = %s", {"quantity"}),
    (SaleLineView, f"update {LINES.name} set _ended = not _ended where id = %s", {"_ended", "(row)"}),
]  # fmt: skip


@pytest.mark.parametrize(("view", "damage", "columns"), DAMAGE)
def test_whatever_is_wrong_is_named(
    db: Connection[Any], verified: Verify, view: type[View], damage: str, columns: set[str]
) -> None:
    moved(db, random_sales(3, 300, 20).rows)
    [ill] = db.execute(f"select id from {LINES.history} order by id limit 1".encode()).fetchone() or (None,)
    db.execute(damage.encode(), [ill] * damage.count("%s"))

    found = verified(view).differences

    assert {difference.id for difference in found} == {ill}
    assert {difference.column for difference in found} == columns


def test_a_fault_of_the_fold_itself_is_seen_by_the_aggregates_only(db: Connection[Any], verified: Verify) -> None:
    rows = random_sales(3, 300, 20).rows

    class Forgetful(SaleView, table="forgetful_sales"):
        @classmethod
        def changes(cls, event: Any) -> dict[str, Any]:
            return {k: v for k, v in super().changes(event).items() if not isinstance(event, Sale.Won) or k != "status"}

    record(db, rows)
    published(db, [Forgetful])

    none, some = verified(Forgetful, sample=0), verified(Forgetful, sample=None)

    assert none.differences == ()
    assert {d.column for d in some.differences} == {"status"}
    assert {(d.shown, d.told) for d in some.differences} == {("open", "won")}


def test_a_sample_is_a_part(db: Connection[Any], verified: Verify) -> None:
    moved(db, random_sales(3, 300, 20).rows)

    assert verified(sample=7).aggregates == 7


def test_what_is_parked_or_skipped_is_no_difference(db: Connection[Any], verified: Verify) -> None:
    published(db, [BrittleView])
    record(db, the_past("x").rows)
    refusing.add("x")
    carefully(db, [BrittleView])

    parked = verified(BrittleView)
    skip(db, [BrittleView], 3)
    skipped = verified(BrittleView)

    assert (parked.differences, parked.parked, parked.aggregates) == ((), 1, 1)
    assert (skipped.differences, skipped.parked) == ((), 0)


def test_what_changes_behind_its_back_while_it_looks_is_no_difference(db: Connection[Any], verified: Verify) -> None:
    published(db, [BrittleView])
    record(db, the_past("x").rows)
    refusing.add("x")
    carefully(db, [BrittleView])

    def skipped_meanwhile(progress: Progress) -> None:
        if progress.stage == "build":
            skip(db, [BrittleView], 3)

    assert verified(BrittleView, progress=skipped_meanwhile).differences == ()


def test_without_tables_there_is_nothing_to_verify(db: Connection[Any], verified: Verify) -> None:
    with pytest.raises(NotBuilt, match="sales has no tables of this declaration yet"):
        verified()


def test_all_views_of_ours_can_be_verified(database_url: str, world: World) -> None:
    a_pipeline(world), a_product(world), an_opportunity(world)
    published(world.connection, CATALOGUE)
    [schema] = world.connection.execute("select current_schema()").fetchone() or ("",)

    for view in CATALOGUE:
        found = verify(database_url, schema, view, sample=None)
        assert found.differences == (), view
