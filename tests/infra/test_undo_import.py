"""An import with creates and updates is undone: all is as it was, and the file may come in again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domain.taking_back import Fate
from projections.catalogue import VIEWS
from tests.infra.importing import HEADER, Desk
from tests.infra.past import published, without_views
from tests.scenario import World, an_account, an_opportunity
from tests.test_undo import known, undo

UPDATES = """
    name = "renamed"
    kind = "Account"
    system = "old"
    key = "{number}"
    [columns.account]
    from = "number"
    find = "Account"
    [[commands]]
    call = "Account.rename"
    on = "{account}"
    with = { name = "{name}" }
    """


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    without_views(world.connection)
    published(world.connection, VIEWS)
    return Desk(world, tmp_path)


def lists(world: World) -> list[Any]:
    """What the list of accounts shows."""
    world.projected()
    asked = b"select id, name, industry, employees, external_ids, parent_id from accounts where not archived order by 1"
    return world.connection.execute(asked).fetchall()


def test_what_was_imported_is_gone_from_the_lists_and_may_come_in_again(desk: Desk) -> None:
    world, neighbour = desk.world, an_account(desk.world, "Neighbour")
    before = lists(world)
    rows = "A1,Acme,,120,1500000.50,EUR", "A2,Bolt,A1,,,"
    report = desk.imports(HEADER, *rows)
    at = world.position
    world.projected()

    done = undo(world, report.correlation_id)

    assert done.refusal is None and done.counts[Fate.UNDONE] == 2
    assert lists(world) == before
    again = desk.imports(HEADER, *rows)
    assert (again.imported, again.already_there, again.refused) == (2, 0, 0)
    twice = desk.imports(HEADER, *rows)
    assert (twice.imported, twice.already_there) == (0, 2)
    assert desk.one("Account", "A2").parent_id == desk.one("Account", "A1").id
    assert world.load(neighbour).name == "Neighbour"
    then = world.connection.execute(f"select name from accounts_as_of({at}) where not archived".encode()).fetchall()
    assert {name for (name,) in then} == {"Neighbour", "Acme", "Bolt"}


def test_an_import_that_was_undone_may_come_in_otherwise(desk: Desk) -> None:
    report = desk.imports(HEADER, "A1,Acme,,120,,", "A2,Bolt,,,,")
    desk.world.projected()
    undo(desk.world, report.correlation_id)

    again = desk.imports(HEADER, "A1,Acme Ltd,,12,,")
    third = desk.imports(HEADER, "A1,Acme Inc,,12,,")

    assert (again.imported, again.refused, again.changed) == (1, 0, 0)
    assert desk.one("Account", "A1").name == "Acme Ltd"
    assert third.changed == 1


def test_an_undo_that_was_undone_leaves_its_rows_known(desk: Desk) -> None:
    report = desk.imports(HEADER, "A1,Acme,,120,,")
    desk.world.projected()
    done = undo(desk.world, report.correlation_id)
    undo(desk.world, done.correlation_id)

    again = desk.imports(HEADER, "A1,Acme,,120,,")

    assert (again.imported, again.already_there) == (0, 1)


def test_updates_of_an_import_are_undone_and_what_is_not_of_it_stays(desk: Desk) -> None:
    world = desk.world
    desk.imports(HEADER, "A1,Acme,,120,,", "A2,Bolt,,,,")
    one, two = desk.one("Account", "A1").id, desk.one("Account", "A2").id
    before = known(world, one, two)
    report = desk.imports("number,name", "A1,Acme Ltd", "A2,Bolt Ltd", by=UPDATES)

    done = undo(world, report.correlation_id)

    assert (report.imported, done.counts[Fate.UNDONE]) == (2, 2)
    assert known(world, one, two) == before
    again = desk.imports("number,name", "A1,Acme Inc", by=UPDATES)
    assert again.imported == 1 and world.load(one).name == "Acme Inc"


def test_what_is_used_since_is_not_taken_away(desk: Desk) -> None:
    world = desk.world
    report = desk.imports(HEADER, "A1,Acme,,120,,", "A2,Bolt,,,,")
    acme = desk.one("Account", "A1").id
    an_opportunity(world, account_id=acme)
    world.projected()

    refused = undo(world, report.correlation_id)
    partly = undo(world, report.correlation_id, partial=True)

    messages = [each.refusal.message for each in refused.affected if each.refusal]
    assert messages == ["it is used since: Opportunity names it as its account id"]
    assert {each.id: each.fate for each in partly.affected}[acme] is Fate.REFUSED
    assert not world.load(acme).archived and partly.counts[Fate.UNDONE] == 1


def test_what_is_changed_since_it_was_made_is_not_taken_away(desk: Desk) -> None:
    world = desk.world
    report = desk.imports(HEADER, "A1,Acme,,120,,")
    world.given("Account.tag", desk.one("Account", "A1").id, label="important")
    world.projected()

    refused = undo(world, report.correlation_id)

    assert refused.refusal and refused.refusal.message.startswith("tags was changed since, by Account.tag")
