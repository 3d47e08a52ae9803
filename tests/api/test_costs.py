"""What projects cost: the reports, against a plain computation."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.api.client import Api, some
from tests.api.company import dollars, euros

COST = """query ($project: ID!, $at: AsOf) { costAgainstPlan(projectId: $project, asOf: $at) {
    projectId category phase planned { amount } committed { amount } actual { amount } left { amount }
    overrun { amount currency } } }"""
TREND = """query ($project: ID!, $at: AsOf, $bucket: Bucket) { budgetTrend(
    projectId: $project, asOf: $at, bucket: $bucket) {
    period planned { amount } promised { amount } spent { amount } spentSoFar { amount currency } } }"""
LINES = """query ($id: ID!) { budget(id: $id) { lines { nodes { lineId category phase } }
    spendings { nodes { entryId } } commitments { nodes { commitmentId } } } }"""
CATEGORIES = ["PEOPLE", "SOFTWARE", "RESERVE"]


def a_project(api: Api) -> str:
    """One with a phase."""
    project = api.given("proposeProject", name=some("Roll-out"))
    api.given("addProjectPhase", id=project, phase="design", name="Design")
    return project


def hours(api: Api, project: str, worked: str, on: str, phase: str | None = None) -> None:
    """Somebody works on a task of a project."""
    task = api.given("planTask", projectId=project, name="Design", phase=phase)
    api.given("startTask", id=task, on=on)
    api.given("logTaskTime", id=task, hours=worked, on=on)


def a_budget(api: Api, project: str, amount: str = "100") -> str:
    return api.given("planBudget", projectId=project, lines=[{"category": "SOFTWARE", "planned": euros(amount)}])


def items(api: Api, budget: str, which: str, key: str) -> list[str]:
    return [each[key] for each in api.ask(LINES, id=budget)["budget"][which]["nodes"]]


class Books:
    """What a careful person with pencil and paper would have written down."""

    def __init__(self) -> None:
        self.planned = dict[tuple[str, str | None], Decimal]()
        self.promised = dict[str, tuple[tuple[str, str | None], Decimal, bool, date]]()
        self.spent = dict[str, tuple[tuple[str, str | None], Decimal, str | None, date]]()

    def against_plan(self) -> dict[tuple[str, str | None], tuple[Decimal, Decimal, Decimal]]:
        rows = defaultdict[Any, list[Decimal]](lambda: [Decimal(0)] * 3)
        for on, amount in self.planned.items():
            rows[on] = [rows[on][0] + amount, *rows[on][1:]]
        for id, (on, amount, closed, _) in self.promised.items():
            used = sum((each[1] for each in self.spent.values() if each[2] == id), Decimal(0))
            open_part = Decimal(0) if closed else max(amount - used, Decimal(0))
            rows[on] = [rows[on][0], rows[on][1] + open_part, rows[on][2]]
        for on, amount, _, _ in self.spent.values():
            rows[on] = [*rows[on][:2], rows[on][2] + amount]
        return {on: (planned, promised, spent) for on, (planned, promised, spent) in rows.items()}


def told(api: Api, project: str, at: int) -> dict[tuple[str, str | None], tuple[Decimal, Decimal, Decimal]]:
    found = {}
    for row in api.ask(COST, project=project, at={"position": at})["costAgainstPlan"]:
        planned, promised, spent, left = (
            Decimal(row[name]["amount"]) for name in ("planned", "committed", "actual", "left")
        )
        assert row["projectId"] == project and left == planned - promised - spent
        beyond = {"amount": str((spent - planned).normalize()), "currency": "EUR"} if spent > planned else None
        assert (row["overrun"] and row["overrun"] | {"amount": Decimal(row["overrun"]["amount"])}) == (
            beyond and beyond | {"amount": spent - planned}
        )
        found[row["category"], row["phase"]] = planned, promised, spent
    return found


@pytest.mark.parametrize("seed", range(3))
def test_costs_against_the_plan_are_what_the_books_say_now_and_then(api: Api, seed: int) -> None:
    r, books, project, other = random.Random(seed), Books(), a_project(api), a_project(api)
    budget, neighbour = a_budget(api, project), a_budget(api, other, "77")
    books.planned["SOFTWARE", None] = Decimal(100)
    api.given("setBudgetHourlyRate", id=budget, hourlyRate=euros("80"))
    hours(api, other, "5", "2026-01-05")
    then: list[tuple[int, Any]] = []

    for _ in range(25):
        move(api, r, books, project, budget)
        then.append((api.head(), books.against_plan()))

    for at, expected in [then[-1], *r.sample(then, 4)]:
        assert told(api, project, at) == expected
    assert told(api, other, api.head()) == {("SOFTWARE", None): (Decimal(77), Decimal(0), Decimal(0))}, neighbour


def move(api: Api, r: random.Random, books: Books, project: str, budget: str) -> None:
    """One movement, in the budget and in the books."""
    on = r.choice(CATEGORIES), r.choice([None, "design"])
    amount, day = Decimal(r.randrange(1, 5000)) / 100, date(2026, 1, 1) + timedelta(days=r.randrange(90))
    given = {"id": budget, "category": on[0], "phase": on[1]}
    moved = {"amount": euros(str(amount)), "text": "x", "on": str(day)}
    match r.choice(["line", "revise", "commit", "close", "spend", "spend", "rate", "back", "hours"]):
        case "line" if on not in books.planned:
            api.given("addBudgetLine", planned=euros(str(amount)), **given)
            books.planned[on] = amount
        case "revise":
            lines = {(row["category"], row["phase"]): row["lineId"]
                     for row in api.ask(LINES, id=budget)["budget"]["lines"]["nodes"]}  # fmt: skip
            on = r.choice(sorted(lines, key=str))
            api.given("reviseBudget", id=budget, lineId=lines[on], planned=euros(str(amount)), reason="x")
            books.planned[on] = amount
        case "commit":
            known = {*items(api, budget, "commitments", "commitmentId")}
            api.given("commitBudget", **given, **moved)
            [new] = {*items(api, budget, "commitments", "commitmentId")} - known
            books.promised[new] = on, amount, False, day
            books.planned.setdefault(on, Decimal(0))
        case "close" if still := [id for id, each in books.promised.items() if not each[2]]:
            id = r.choice(still)
            api.given("closeBudgetCommitment", id=budget, commitmentId=id, reason="x")
            books.promised[id] = books.promised[id][0], books.promised[id][1], True, books.promised[id][3]
        case "rate" if still := [id for id, each in books.promised.items() if not each[2]]:
            id = r.choice(still)
            spend(api, books, budget, books.promised[id][0], amount, id, day, {"id": budget, "against": id, **moved})
        case "spend":
            spend(api, books, budget, on, amount, None, day, given | moved)
        case "hours":
            worked = Decimal(r.randrange(1, 32)) / 4
            hours(api, project, str(worked), str(day), on[1])
            on = "PEOPLE", on[1]
            books.spent[some("hours")] = on, worked * 80, None, day
        case "back" if taken := [each for each in books.spent if not each.startswith("hours")]:
            entry = r.choice(taken)
            api.given("takeBudgetSpendingBack", id=budget, entryId=entry, reason="x")
            del books.spent[entry]


def spend(api: Api, books: Books, budget: str, on: Any, amount: Decimal, against: Any, day: date, given: Any) -> None:
    known = {*items(api, budget, "spendings", "entryId")}
    api.given("spendBudget", **given)
    [new] = {*items(api, budget, "spendings", "entryId")} - known
    books.spent[new] = on, amount, against, day
    books.planned.setdefault(on, Decimal(0))


def test_the_trend_tells_each_month_from_the_first_movement_to_today(api: Api) -> None:
    project, today = a_project(api), datetime.now(UTC).date()
    budget = a_budget(api, project)
    first = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    for day, amount in ((first, "10"), (today, "5"), (today, "2.5")):
        api.given("spendBudget", id=budget, category="SOFTWARE", amount=euros(amount), text="x", on=str(day))
    api.given("commitBudget", id=budget, category="SOFTWARE", amount=euros("9"), text="x", on=str(first))
    before = api.head()
    [line] = items(api, budget, "lines", "lineId")
    api.given("reviseBudget", id=budget, lineId=line, planned=euros("140"), reason="x")

    def row(period: date, *amounts: str) -> dict[str, Any]:
        names = ("planned", "promised", "spent")
        figures = {name: {"amount": amount} for name, amount in zip(names, amounts, strict=False)}
        return {"period": str(period), **figures, "spentSoFar": euros(amounts[3])}

    now = api.ask(TREND, project=project)["budgetTrend"]
    then = api.ask(TREND, project=project, at={"position": before})["budgetTrend"]

    assert now == [row(first, "0", "9", "10", "10"), row(today.replace(day=1), "140", "0", "7.5", "17.5")]
    assert then == [row(first, "0", "9", "10", "10"), row(today.replace(day=1), "100", "0", "7.5", "17.5")]


def test_hours_are_spent_on_the_day_on_which_they_were_worked(api: Api) -> None:
    project, today = a_project(api), datetime.now(UTC).date()
    api.given("setBudgetHourlyRate", id=a_budget(api, project), hourlyRate=euros("80"))
    hours(api, project, "2.5", str(today))

    [month] = api.ask(TREND, project=project)["budgetTrend"]

    assert month["spent"] == {"amount": "200"}


def test_by_days_the_trend_is_longer(api: Api) -> None:
    project, today = a_project(api), datetime.now(UTC).date()
    budget = a_budget(api, project)
    api.given("spendBudget", id=budget, category="SOFTWARE", amount=euros("1"), text="x", on=str(today - timedelta(3)))

    days = api.ask(TREND, project=project, bucket="DAY")["budgetTrend"]

    assert [each["spent"]["amount"] for each in days] == ["1", "0", "0", "0"]
    for longer in ("WEEK", "QUARTER", "YEAR"):
        assert api.ask(TREND, project=project, bucket=longer)["budgetTrend"][-1]["spentSoFar"] == euros("1")


def test_a_project_without_a_budget_has_no_costs(api: Api) -> None:
    project = a_project(api)

    assert api.ask(COST, project=project)["costAgainstPlan"] == []
    assert api.ask(TREND, project=project)["budgetTrend"] == []


@pytest.mark.parametrize("currency", [None, "", "EURO"])
def test_a_budget_without_currency_is_refused_with_a_sentence(api: Api, currency: str | None) -> None:
    project, before = a_project(api), api.head()
    lines = [
        {"category": "SOFTWARE", "planned": {"amount": "5", **({} if currency is None else {"currency": currency})}}
    ]
    text = "mutation ($input: PlanBudgetInput!) { planBudget(input: $input) { userErrors { field message code } } }"

    answer = api.post(text, {"input": {"projectId": project, "lines": lines}}).json()

    if currency is None:
        [error] = answer["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT" and "currency" in error["message"]
    else:
        [error] = answer["data"]["planBudget"]["userErrors"]
        assert (error["field"], error["code"]) == (["lines", "0", "planned", "currency"], "INVALID")
        assert error["message"] in ("this is needed", "a currency is a code of ISO 4217, such as EUR")
    assert api.head() == before


def test_what_is_over_is_found_among_all_lines(api: Api) -> None:
    project, other = a_project(api), a_project(api)
    budget = a_budget(api, project)
    a_budget(api, other)
    payload = api.do(
        "spendBudget", "budget { lines(filter: {overrun: {isNull: false}}) { nodes { overrun { amount currency } } } }",
        id=budget, category="SOFTWARE", amount=euros("130"), text="x",
    )  # fmt: skip
    query = """query ($ids: [ID!]!) { budgetLines(filter: {overrun: {gt: "0"}, budget: {projectId: {in: $ids}}}) {
        nodes { budget { project { id } } overrun { amount } } } }"""

    found = api.ask(query, ids=[project, other])["budgetLines"]["nodes"]

    assert payload["budget"]["lines"]["nodes"] == [{"overrun": euros("30")}]
    assert found == [{"budget": {"project": {"id": project}}, "overrun": {"amount": "30"}}]


def test_what_a_project_costs_is_upserted_by_its_project(api: Api) -> None:
    project = a_project(api)
    lines = [{"category": "SOFTWARE", "planned": euros("5")}]
    made = api.given("upsertBudget", projectId=project, lines=lines)

    again = api.given("upsertBudget", projectId=project, lines=lines, hourlyRate=euros("80"))
    other = api.user_error("setBudgetHourlyRate", id=made, hourlyRate=dollars("80"))

    assert again == made
    assert api.ask("query ($id: ID!) { budget(id: $id) { hourlyRate { amount } } }", id=made)["budget"] == {
        "hourlyRate": {"amount": "80"}
    }
    assert (other["code"], other["message"]) == ("REFUSED", "all amounts of this budget are in EUR")
