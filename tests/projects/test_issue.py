from typing import Any
from uuid import UUID

from domain.command import Code
from domain.projects.issue import Issue, Severity, Status
from domain.projects.project import Project
from domain.projects.risk import Risk
from domain.projects.task import Task
from tests.scenario import ME, World, a_user, one_of


def an_issue(world: World, project: UUID | None = None, by: UUID = ME, **told: Any) -> UUID:
    given = {"name": "Import fails", "severity": "high", "raised_on": "2026-03-01"} | told
    return world.given("Issue.raise_issue", project_id=project or one_of(world, Project), by=by, **given)


def test_an_issue_is_raised_given_to_somebody_settled_and_closed(world: World) -> None:
    issue, neighbour, ada = an_issue(world), an_issue(world), a_user(world)

    world.given("Issue.assign", issue, owner_id=ada, due_on="2026-03-10")
    world.when("Issue.resolve", issue, by=ada, resolution="mapped anew", on="2026-03-08").records(
        Issue.Resolved, resolution="mapped anew", resolved_by_id=ada
    )
    world.when("Issue.close", issue).records_only(Issue.Closed)

    found, other = world.load(issue), world.load(neighbour)
    assert (found.status, found.owner_id, str(found.due_on)) == (Status.CLOSED, ada, "2026-03-10")
    assert (other.status, other.owner_id, other.resolution) == (Status.OPEN, None, None)


def test_to_give_it_to_somebody_else_leaves_the_day_as_it_is(world: World) -> None:
    issue = an_issue(world, due_on="2026-03-10")

    world.given("Issue.assign", issue, owner_id=a_user(world))

    assert str(world.load(issue).due_on) == "2026-03-10"


def test_a_settled_issue_says_what_was_done_about_it(world: World) -> None:
    issue = an_issue(world)

    world.when("Issue.resolve", issue, resolution=" ").is_refused("", "resolution", Code.INVALID)
    world.when("Issue.close", issue).is_refused("say first what was done about it: resolve it")


def test_who_settled_what_another_raised_does_not_close_it(world: World) -> None:
    ada, eve = a_user(world, "Ada"), a_user(world, "Eve")
    theirs, own = an_issue(world, by=ada), an_issue(world, by=eve)
    for issue in (theirs, own):
        world.given("Issue.resolve", issue, by=eve, resolution="done")

    world.when("Issue.close", theirs, by=eve).is_refused("ask whoever raised it")
    world.when("Issue.close", theirs, by=ada).records_only(Issue.Closed)
    world.when("Issue.close", own, by=eve).records_only(Issue.Closed)


def test_what_cannot_be_settled_where_it_is_is_brought_before_somebody_else(world: World) -> None:
    issue, boss = an_issue(world), a_user(world)

    world.given("Issue.escalate", issue, to_id=boss, reason="no budget")

    assert (world.load(issue).status, world.load(issue).escalated_to_id) == (Status.ESCALATED, boss)
    world.when("Issue.resolve", issue, resolution="paid").records_only(Issue.Resolved)


def test_what_comes_back_is_open_again_and_its_resolution_is_gone(world: World) -> None:
    issue, escalated = an_issue(world), an_issue(world)
    world.given("Issue.escalate", escalated, to_id=a_user(world), reason="no budget")
    for each in (issue, escalated):
        world.given("Issue.resolve", each, resolution="done")
    world.given("Issue.close", issue)

    for each, status in ((issue, Status.OPEN), (escalated, Status.ESCALATED)):
        world.given("Issue.reopen", each, reason="it fails again")
        assert (world.load(each).status, world.load(each).resolution, world.load(each).closed_on) == (
            status,
            None,
            None,
        )
    world.when("Issue.reopen", issue, reason="x").is_refused("this issue is open")


def test_what_is_settled_takes_nothing_but_to_be_closed_or_reopened(world: World) -> None:
    issue = an_issue(world)
    world.given("Issue.resolve", issue, resolution="done")

    world.when("Issue.assign", issue, owner_id=a_user(world)).is_refused("this issue is resolved")
    world.when("Issue.describe", issue, severity="low").is_refused("this issue is resolved")
    world.given("Issue.close", issue)
    world.when("Issue.close", issue).is_refused("this issue is closed")


def test_days_are_in_their_order_and_have_come(world: World) -> None:
    issue = an_issue(world)

    world.when("Issue.resolve", issue, resolution="x", on="2026-02-28").is_refused("raised later than this", "on")
    world.when("Issue.resolve", issue, resolution="x", on="2999-01-01").is_refused("not come yet", "on")
    world.given("Issue.resolve", issue, resolution="x", on="2026-03-05")
    world.when("Issue.close", issue, on="2026-03-04").is_refused("resolved later than this", "on")
    future = world.when(
        "Issue.raise_issue", project_id=one_of(world, Project), name="x", severity="low", raised_on="2999-01-01"
    )
    future.is_refused("not come yet", "raised_on")


def test_what_it_comes_from_and_what_it_holds_up_are_of_its_own_project(world: World) -> None:
    project = one_of(world, Project)
    given = {"project_id": project, "name": "x", "severity": "low"}
    risk, task = one_of(world, Risk), one_of(world, Task)
    own = world.given("Task.plan", project_id=project, name="Import")

    world.when("Issue.raise_issue", **given, risk_id=risk).is_refused("another project", "risk_id")
    world.when("Issue.raise_issue", **given, task_id=task).is_refused("another project", "task_id")
    issue = world.given("Issue.raise_issue", **given)
    world.when("Issue.tie_to_task", issue, task_id=task).is_refused("another project", "task_id")
    world.given("Issue.tie_to_task", issue, task_id=own)
    world.given("Issue.describe", issue, severity="critical")

    assert (world.load(issue).task_id, world.load(issue).severity) == (own, Severity.CRITICAL)
