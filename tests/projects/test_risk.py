from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.projects.issue import Issue, Severity
from domain.projects.project import Project
from domain.projects.risk import SHARE, Response, Risk, Status
from domain.values import new_id
from projections.catalogue import VIEWS
from tests.infra.past import published, without_views
from tests.scenario import World, a_user, one_of
from tests.test_undo import an_edit, known, undo

EURO = {"amount": "40000", "currency": "EUR"}


def a_risk(world: World, project: UUID | None = None, **told: Any) -> UUID:
    given = {"name": "Old data", "category": "data", "effect": "The import fails"} | told
    return world.given("Risk.identify", project_id=project or one_of(world, Project), **given)


def an_assessed_risk(world: World, **told: Any) -> UUID:
    risk = a_risk(world, **told)
    world.given("Risk.assess", risk, probability=4, impact=5, cost=EURO, days=10)
    return risk


def test_the_scale_of_probability_is_ten_to_ninety_percent_in_steps_of_twenty() -> None:
    assert [SHARE[n] for n in range(1, 6)] == [Decimal(n) / 100 for n in (10, 30, 50, 70, 90)]


def test_a_risk_is_identified_assessed_and_answered(world: World) -> None:
    risk, neighbour, ada = a_risk(world, found_by="delphi"), a_risk(world), a_user(world)

    world.given("Risk.assign_owner", risk, owner_id=ada)
    world.when("Risk.assess", risk, probability=4, impact=5, cost=EURO).records(Risk.Assessed, status=Status.ASSESSED)
    world.when("Risk.plan_response", risk, response="reduce", plan="Clean early", review_due="2026-05-01").records(
        Risk.ResponsePlanned, response=Response.REDUCE, status=Status.PLANNED
    )

    assert (world.load(risk).owner_id, world.load(risk).status) == (ada, Status.PLANNED)
    assert (world.load(neighbour).status, world.load(neighbour).probability) == (Status.IDENTIFIED, None)


@pytest.mark.parametrize(
    ("judged", "field"),
    [
        ({"probability": 0}, "probability"),
        ({"probability": 6}, "probability"),
        ({"impact": 6}, "impact"),
        ({"cost": {"amount": "-1", "currency": "EUR"}}, "cost"),
        ({"days": -1}, "days"),
    ],
)
def test_what_is_judged_makes_sense(world: World, judged: dict[str, Any], field: str) -> None:
    world.when("Risk.assess", a_risk(world), **{"probability": 1, "impact": 1} | judged).is_refused("", field)


def test_what_a_risk_costs_is_in_some_currency(world: World) -> None:
    then = world.when("Risk.assess", a_risk(world), probability=1, impact=1, cost={"amount": "5"})

    assert then.outcome.field == "cost.currency" and not then.recorded  # type: ignore[union-attr]


def test_a_response_answers_what_was_assessed_and_takes_a_plan_unless_the_risk_is_accepted(world: World) -> None:
    fresh, assessed = a_risk(world), an_assessed_risk(world)

    world.when("Risk.plan_response", fresh, response="accept").is_refused("assess it")
    for response in ("avoid", "reduce", "transfer"):
        planned = world.when("Risk.plan_response", assessed, response=response)
        planned.is_refused(f"to {response} a risk takes a plan", "plan")
    world.when("Risk.plan_response", assessed, response="accept").records_only(Risk.ResponsePlanned)


def test_what_is_judged_anew_keeps_its_response(world: World) -> None:
    risk = an_assessed_risk(world)
    world.given("Risk.plan_response", risk, response="reduce", plan="Clean early")

    world.given("Risk.assess", risk, probability=2, impact=5)

    assert (world.load(risk).status, world.load(risk).response) == (Status.PLANNED, Response.REDUCE)


def test_a_review_looks_forward_to_the_next(world: World) -> None:
    risk = an_assessed_risk(world)

    world.when("Risk.review", risk, note="quiet", on="2026-03-01", due="2026-03-01").is_refused("later than", "due")
    world.when("Risk.review", risk, note="quiet", on="2999-03-01").is_refused("not come yet", "on")
    world.given("Risk.review", risk, note="quiet", on="2026-03-01", due="2026-04-01")

    assert [str(day) for day in (world.load(risk).reviewed_on, world.load(risk).review_due)] == [
        "2026-03-01",
        "2026-04-01",
    ]


def test_a_risk_that_occurs_is_an_issue_in_the_same_moment_and_each_knows_the_other(world: World) -> None:
    risk, neighbour, ada = an_assessed_risk(world), an_assessed_risk(world), a_user(world)
    before = world.position

    then = world.when("Risk.occur", risk, severity="critical", on="2026-03-01", owner_id=ada, due_on="2026-03-10")

    then.records_only(Issue.Raised, Risk.Occurred)
    issue = world.load(world.load(risk).issue_id)
    assert (issue.risk_id, issue.project_id) == (risk, world.load(risk).project_id)
    assert (issue.name, issue.text, issue.severity) == ("Old data", "The import fails", Severity.CRITICAL)
    assert (str(issue.raised_on), issue.owner_id, str(issue.due_on)) == ("2026-03-01", ada, "2026-03-10")
    assert world.load(neighbour).status is Status.ASSESSED
    commands = world.connection.execute("select distinct command_id from events where position > %s", [before])
    assert len(commands.fetchall()) == 1


def test_that_a_risk_occurred_is_undone_with_its_issue(world: World) -> None:
    risk, edit = an_assessed_risk(world), new_id()
    before = known(world, risk)

    without_views(world.connection)
    published(world.connection, VIEWS)

    an_edit(world, edit, "Risk.occur", risk)
    world.projected()
    issue = world.load(risk).issue_id
    undone = undo(world, edit)

    assert undone.refusal is None
    assert known(world, risk) == before
    assert world.load(issue).archived


def test_what_occurred_or_was_closed_is_not_judged_until_it_is_reopened(world: World) -> None:
    occurred, closed = an_assessed_risk(world), an_assessed_risk(world)
    world.given("Risk.occur", occurred)
    world.given("Risk.close", closed, reason="the data is clean")

    for risk, status in ((occurred, "occurred"), (closed, "closed")):
        world.when("Risk.assess", risk, probability=1, impact=1).is_refused(f"this risk is {status}")
        world.when("Risk.occur", risk).is_refused(f"this risk is {status}")
        world.given("Risk.reopen", risk, reason="again")
        assert world.load(risk).status is Status.ASSESSED
    world.when("Risk.reopen", closed, reason="x").is_refused("this risk is assessed")


def test_what_occurred_is_closed_when_it_is_settled(world: World) -> None:
    risk = an_assessed_risk(world)
    world.given("Risk.occur", risk)

    world.when("Risk.close", risk, reason="settled").records_only(Risk.Closed)

    world.when("Risk.close", risk, reason="settled").is_refused("this risk is closed")


def test_nothing_occurs_in_a_project_that_is_over(world: World) -> None:
    risk = an_assessed_risk(world)
    world.given("Project.cancel", world.load(risk).project_id, reason="no money")

    world.when("Risk.occur", risk).is_refused("this project is cancelled", "project_id")
