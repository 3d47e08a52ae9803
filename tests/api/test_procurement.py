"""What is to be bought for projects: the report, against a plain computation."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.api.client import Api, some
from tests.api.company import an_account, euros

PLAN = """query ($project: ID, $account: ID, $at: AsOf, $on: Date, $open: Boolean, $late: Boolean) {
    procurementPlan(projectId: $project, accountId: $account, asOf: $at, on: $on, onlyOpen: $open, onlyLate: $late) {
    resource { id } status delivered toCome inStore cost { amount } daysLate } }"""
TODAY = date(2027, 6, 1)


def a_resource(api: Api, project: str, name: str = "Scanners", **more: Any) -> str:
    given = {"projectId": project, "name": name, "kind": "EQUIPMENT", "quantity": "10", "unit": "pieces"}
    return api.given("needResource", **given | more)


def rows(api: Api, **given: Any) -> list[dict[str, Any]]:
    return [{**row, "resource": row["resource"]["id"]} for row in api.ask(PLAN, **given)["procurementPlan"]]


@pytest.mark.parametrize("seed", range(2))
def test_the_plan_says_how_far_everything_has_come_now_and_then(api: Api, seed: int) -> None:
    r, project, other = random.Random(seed), *(api.given("proposeProject", name=some("Roll-out")) for _ in range(2))
    a_resource(api, other)
    known: dict[str, dict[str, Any]] = {}
    for _ in range(4):
        needed = r.choice([None, TODAY + timedelta(days=r.randrange(-20, 20))])
        id = a_resource(api, project, neededOn=needed and str(needed), expectedCost=euros("50"))
        known[id] = {"needed": needed, "expected": None, "status": "NEEDED", "ordered": 10, "delivered": 0,
                     "stored": 0, "cost": "50"}  # fmt: skip
    then: list[tuple[int, Any]] = []

    for _ in range(20):
        step(api, r, *r.choice([*known.items()]))
        then.append((api.head(), [told(id, each) for id, each in in_order(known)]))

    for at, expected in [then[-1], *r.sample(then, 3)]:
        assert rows(api, project=project, at={"position": at}, on=str(TODAY)) == expected
        late = rows(api, project=project, at={"position": at}, on=str(TODAY), late=True)
        assert late == [row for row in expected if row["daysLate"] > 0]
        still = rows(api, project=project, at={"position": at}, on=str(TODAY), open=True)
        assert still == [row for row in expected if Decimal(row["toCome"]) > 0]


def step(api: Api, r: random.Random, id: str, known: dict[str, Any]) -> None:
    """The next step of a resource, in Daybook and on paper."""
    match known["status"]:
        case "NEEDED":
            api.given("requestResource", id=id)
            known["status"] = "REQUESTED"
        case "REQUESTED":
            day, ordered = TODAY + timedelta(days=r.randrange(-20, 20)), r.choice([8, 10, 12])
            api.given("orderResource", id=id, cost=euros("60"), quantity=str(ordered), expectedOn=str(day))
            known |= {"status": "ORDERED", "expected": day, "ordered": ordered, "cost": "60"}
        case _ if known["delivered"] < known["ordered"] and r.random() < 0.6:
            came = r.randrange(1, known["ordered"] - known["delivered"] + 1)
            api.given("deliverResource", id=id, quantity=str(came))
            known["delivered"] += came
            known["status"] = "STORED" if known["stored"] else "DELIVERED"
        case _ if known["stored"] < known["delivered"]:
            api.given("storeResource", id=id, quantity="1")
            known |= {"stored": known["stored"] + 1, "status": "STORED"}


def in_order(known: dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return sorted(known.items(), key=lambda each: (each[1]["needed"] or date.max, each[0]))


def told(id: str, known: dict[str, Any]) -> dict[str, Any]:
    to_come, late = known["ordered"] - known["delivered"], 0
    if to_come and known["needed"]:
        late = max((max(known["expected"] or TODAY, TODAY) - known["needed"]).days, 0)
    return {
        "resource": id, "status": known["status"], "delivered": str(known["delivered"]), "toCome": str(to_come),
        "inStore": str(known["stored"]), "cost": {"amount": known["cost"]}, "daysLate": late,
    }  # fmt: skip


def test_what_is_cancelled_or_put_away_or_bought_elsewhere_is_not_in_the_plan(api: Api) -> None:
    project, acme = api.given("proposeProject", name=some("Roll-out")), an_account(api)
    cancelled, away, bought, needed = (a_resource(api, project) for _ in range(4))
    api.given("cancelResource", id=cancelled, reason="x")
    api.given("archiveResource", id=away)
    api.given("requestResource", id=bought)
    api.given("orderResource", id=bought, cost=euros("1"), accountId=acme)

    assert {row["resource"] for row in rows(api, project=project)} == {bought, needed}
    assert [row["resource"] for row in rows(api, account=acme)] == [bought]


def test_a_published_report_is_frozen_and_its_figures_are_asked_as_of_its_moment(api: Api) -> None:
    project = api.given("proposeProject", name=some("Roll-out"))
    resource = a_resource(api, project)
    report = api.given("draftStatusReport", projectId=project, since="2026-11-02", until="2026-11-08", done="design")
    light = {"colour": "AMBER", "reason": "the vendor is slow"}
    api.given("setStatusReportLights", id=report, scope=light, time=light, cost=light, quality=light, risk=light)
    api.given("publishStatusReport", id=report)
    api.given("requestResource", id=resource)
    shown = "query ($id: ID!) { statusReport(id: $id) { asOf status cost { colour reason } project { id } } }"

    told = api.ask(shown, id=report)["statusReport"]
    refused = api.user_error("changeStatusReport", id=report, done="more")

    assert told | {"asOf": None} == {
        "asOf": None, "status": "PUBLISHED", "cost": light, "project": {"id": project},
    }  # fmt: skip
    assert [row["status"] for row in rows(api, project=project, at={"time": told["asOf"]})] == ["NEEDED"]
    assert [row["status"] for row in rows(api, project=project)] == ["REQUESTED"]
    assert "published" in refused["message"]
