"""Real input: all of the Maven CRM sales data comes in, and every sum is that of the files."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.catalogue import AGGREGATES
from infra.accesses import Reader
from infra.exporting import Format, export
from infra.pipeline import CommandPipeline
from tests.maven import Maven, import_maven, rows
from tests.scenario import ME

READER = Reader("tests")

WON = """
    select {by}, sum(o.amount) from opportunities o
    join opportunity_lines l on l.id = o.id join products p on p.id = l.product_id
    join users u on u.id = o.owner_id
    where o.status = 'won' and o.amount_currency = 'USD' group by 1"""


def test_every_row_comes_in(maven: Maven) -> None:
    counts = {name: (report.rows, report.imported, report.refused) for name, report in maven.reports.items()}

    assert counts["deals"] == (8800, 8800, 0)
    assert counts["accounts"] == (85, 85, 0)
    assert counts["products"] == (7, 7, 0)
    assert counts["agents"] == (35, 35, 0)
    assert (counts["managers"], counts["teams"]) == ((35, 6, 0), (35, 6, 0))


def test_the_deals_stand_where_the_file_has_them(maven: Maven) -> None:
    told = Counter(row["deal_stage"] for row in maven.deals)

    found = dict(
        maven.sql("select case status when 'open' then stage else status end, count(*) from opportunities group by 1")
    )

    assert found == {stage.lower(): count for stage, count in told.items()}
    assert found == {"won": 4238, "lost": 2473, "engaging": 1589, "prospecting": 500}


def test_what_was_won_is_the_sum_of_the_file(maven: Maven) -> None:
    assert maven.sql("select sum(amount), count(amount) from opportunities where status = 'won'") == [
        (10_005_534, 4238)
    ]
    assert maven.sql("select count(amount) from opportunities where status <> 'won'") == [(0,)]


@pytest.mark.parametrize(
    ("by", "column"),
    [("p.name", "product"), ("u.name", "sales_agent"), ("extract(quarter from o.closed_on)", "quarter")],
)
def test_what_was_won_by_each_is_the_sum_of_the_file(maven: Maven, by: str, column: str) -> None:
    told: dict[Any, Decimal] = defaultdict(Decimal)
    for row in maven.deals:
        if row["deal_stage"] == "Won":
            quarter = (int(row["close_date"][5:7]) + 2) // 3
            told[quarter if column == "quarter" else row[column].replace("GTXPro", "GTX Pro")] += int(
                row["close_value"]
            )

    assert dict(maven.sql(WON.format(by=by))) == told


def test_the_lines_of_won_deals_bring_what_was_won(maven: Maven) -> None:
    won = "opportunity_lines l join opportunities o using (id) where o.status = 'won'"

    assert maven.sql(f"select sum(l.quantity * l.price) from {won}") == [(10_005_534,)]
    assert maven.sql("select count(*) from opportunity_lines") == [(8800,)]


def test_dirt_is_mended_or_kept_as_unknown(maven: Maven) -> None:
    by_product = dict(
        maven.sql("select p.name, count(*) from opportunity_lines l join products p on p.id = l.product_id group by 1")
    )

    assert by_product["GTX Pro"] == sum(row["product"] == "GTXPro" for row in maven.deals) == 1480
    assert maven.sql("select count(*) from opportunities where account_id is null") == [(1425,)]
    assert maven.sql("select count(*) from opportunities where closed_on is null") == [(2089,)]
    assert maven.sql("select count(*) from accounts where industry = 'technology'") == [(12,)]
    assert maven.sql("select count(*) from accounts where industry = 'technolgy'") == [(0,)]


def test_accounts_are_as_the_file_has_them(maven: Maven) -> None:
    told = list(rows(maven.data, "accounts"))
    fields = "a.name, a.revenue, a.employees, (a.custom_fields ->> 'year_established')::int, p.name"

    found = maven.sql(f"select {fields} from accounts a left join accounts p on p.id = a.parent_id")

    assert sorted(found, key=str) == sorted(
        (
            (
                row["account"],
                Decimal(row["revenue"]) * 1_000_000,
                int(row["employees"]),
                int(row["year_established"]),
                row["subsidiary_of"] or None,
            )
            for row in told
        ),
        key=str,
    )


def test_agents_are_in_the_teams_of_their_managers(maven: Maven) -> None:
    told = {(row["sales_agent"], row["manager"], row["regional_office"]) for row in rows(maven.data, "sales_teams")}

    found = maven.sql(
        """select u.name, l.name, split_part(t.name, ':', 1) from team_members m join teams t using (id)
           join users u on u.id = m.user_id join users l on l.id = t.lead_id"""
    )

    assert set(found) == told and len(found) == 35
    assert maven.sql("select count(distinct owner_id) from opportunities") == [(30,)]


def test_what_happened_bears_the_time_of_the_file(maven: Maven) -> None:
    told = Counter(row["engage_date"] or "2017-12-31" for row in maven.deals)

    opened = maven.sql(
        "select occurred_at::date::text, count(*) from events where topic = 'Opportunity.Opened' group by 1"
    )
    [[won]] = maven.sql("select count(*) from events where topic = 'Opportunity.Won' and occurred_at < '2017-07-01'")

    assert dict(opened) == told
    assert won == sum(row["deal_stage"] == "Won" and row["close_date"] <= "2017-06-30" for row in maven.deals)
    assert maven.sql("select max(closed_on) from opportunities") == [(date(2017, 12, 31),)]


def test_a_second_run_doubles_nothing(maven: Maven) -> None:
    end, world = maven.world.position, maven.world
    anew = CommandPipeline(AGGREGATES, world.store)

    reports = import_maven(maven.data, anew, world.store, world.connection, ME)

    assert world.position == end
    assert reports["deals"].already_there == 8800
    assert not any(report.imported or report.refused for report in reports.values())


def test_what_is_exported_is_what_was_imported(maven: Maven, tmp_path: Path) -> None:
    with (tmp_path / "deals.csv").open("w+", encoding="utf-8", newline="") as out:
        told = export(maven.world.connection, "opportunities", Format.CSV, out, READER)
        out.seek(0)
        lines = sum(1 for _ in out)

    assert (told.rows, lines) == (8800, 8801)
