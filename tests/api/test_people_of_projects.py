"""The reports on the people of a project: each is what somebody with a pencil makes of the rows, now and then."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from infra.keys import LENGTH, MasterKey, MasterKeys, unlock
from tests.api.cast import Cast
from tests.api.client import Api
from tests.api.company import a_user, an_account

RACI = ("ACCOUNTABLE", "RESPONSIBLE", "CONSULTED", "INFORMED")
START = date(2026, 1, 5)


@dataclass
class Story:
    """Two projects with people, beside a neighbour's; and what the head of the history was on the way."""

    api: Api
    projects: list[str]
    users: list[str]
    positions: list[int]


@pytest.fixture(scope="module")
def story(api: Api) -> Iterator[Story]:
    unlock(MasterKeys([MasterKey(bytes(LENGTH))]))
    r, do = random.Random(7), api.given
    projects = [do("proposeProject", name="Roll-out") for _ in range(3)]
    users = [a_user(api, name) for name in ("Ada", "Eve", "Bob")]
    made = Story(api, projects, users, [])
    members = a_team(api, made)
    stakeholders = some_stakeholders(api, made, r)
    plans = some_plans(api, made, r)
    for _ in range(60):
        made.positions.append(api.head())
        something_happens(api, r, members, stakeholders, plans)
    do("cancelProject", id=projects[1], reason="no money")
    yield made


def a_team(api: Api, story: Story) -> list[str]:
    contact = api.given("addContact", person={"givenName": "Zoe"})
    who = [*({"userId": user} for user in story.users), {"contactId": contact}]
    return [
        api.given("joinAsProjectMember", projectId=project, role=role, allocation="40", since="2026-01-01", **each)
        for project in story.projects
        for each in who
        for role in ("DEVELOPER", "QA")
    ]


def some_stakeholders(api: Api, story: Story, r: random.Random) -> list[str]:
    return [
        api.given("identifyStakeholder", projectId=project, accountId=an_account(api),
                  interest=r.choice([None, 1, 2, 3, 4, 5]), influence=r.choice([None, 1, 2, 3, 4, 5]))
        for project in story.projects
        for _ in range(6)
    ]  # fmt: skip


def some_plans(api: Api, story: Story, r: random.Random) -> list[str]:
    return [
        api.given("planCommunicationPlan", projectId=project, name="News", audience="all", every=r.randrange(1, 4),
                  unit=r.choice(["DAY", "WEEK", "MONTH"]), channel="EMAIL", firstOn=str(START + timedelta(n)),
                  responsibleId=r.choice([*story.users, None]))
        for n, project in enumerate(story.projects * 3)
    ]  # fmt: skip


def something_happens(
    api: Api, r: random.Random, members: list[str], stakeholders: list[str], plans: list[str]
) -> None:
    """It may well be refused: what somebody answers for already, nobody else does."""
    member, stakeholder, plan = (r.choice(some) for some in (members, stakeholders, plans))
    deliverable = {"id": member, "deliverable": r.choice(["Plan", "plan", "Training"])}
    answering = {**deliverable, "responsibility": r.choice(RACI)}
    happening: list[tuple[str, dict[str, Any]]] = [
        *[("setProjectMemberResponsibility", answering)] * 6,
        ("dropProjectMemberResponsibility", deliverable),
        ("leaveAsProjectMember", {"id": member, "on": "2026-02-01"}),
        ("archiveProjectMember", {"id": member}),
        ("assessStakeholder", {"id": stakeholder, "interest": r.randrange(1, 6), "influence": r.randrange(1, 6)}),
        ("assessStakeholder", {"id": stakeholder, "influence": None}),
        ("dropStakeholder", {"id": stakeholder}),
        ("archiveStakeholder", {"id": stakeholder}),
        ("carryOutCommunicationPlan", {"id": plan, "on": str(START + timedelta(r.randrange(90)))}),
        ("endCommunicationPlan", {"id": plan}),
        ("archiveCommunicationPlan", {"id": plan}),
    ]
    mutation, input = r.choice(happening)
    api.do(mutation, **input)


def rows(story: Story, list_: str, selection: str, as_of: Any) -> list[dict[str, Any]]:
    """The rows of a list, those that were put away too: a report leaves them out by itself."""
    text = f"""query ($asOf: AsOf, $projects: [ID!]!) {{ {list_}(first: 1000, asOf: $asOf,
        filter: {{projectId: {{in: $projects}}, archived: {{in: [true, false]}}}}) {{ nodes {{ {selection} }} }} }}"""
    return list(story.api.ask(text, asOf=as_of, projects=story.projects)[list_]["nodes"])


def instants(story: Story) -> list[Any]:
    return [None, *({"position": story.positions[n]} for n in (0, 30, 59))]


def test_the_matrix_of_responsibilities_is_that_of_the_members(story: Story) -> None:
    ask = """query ($project: ID, $asOf: AsOf) { responsibilityMatrix(projectId: $project, asOf: $asOf) {
        projectId deliverable projectMemberId role userId contactId responsibility hasAccountable hasResponsible } }"""
    shown = """id projectId role userId contactId left archived
        responsibilities(first: 100) { nodes { deliverable responsibility } }"""
    found = []

    for as_of in instants(story):
        members = [m for m in rows(story, "projectMembers", shown, as_of) if not m["left"] and not m["archived"]]
        every = [(m, each) for m in members for each in m["responsibilities"]["nodes"]]
        expected = []
        for m, each in every:
            alike = [
                other
                for n, other in every
                if n["projectId"] == m["projectId"] and other["deliverable"].lower() == each["deliverable"].lower()
            ]
            done_by = {other["responsibility"] for other in alike}
            expected.append(
                {name: m[name] for name in ("projectId", "role", "userId", "contactId")}
                | {
                    "projectMemberId": m["id"],
                    "responsibility": each["responsibility"],
                    "deliverable": min(other["deliverable"] for other in alike),
                    "hasAccountable": "ACCOUNTABLE" in done_by,
                    "hasResponsible": bool(done_by & {"ACCOUNTABLE", "RESPONSIBLE"}),
                }
            )
        expected.sort(
            key=lambda row: (
                row["projectId"],
                row["deliverable"].lower(),
                RACI.index(row["responsibility"]),
                row["projectMemberId"],
            )
        )
        for project in story.projects:
            told = story.api.ask(ask, project=project, asOf=as_of)["responsibilityMatrix"]
            assert told == [row for row in expected if row["projectId"] == project]
        found.append(len(expected))

    assert found[0] > 3 and found[1] == 0


def test_the_grid_of_stakeholders_puts_each_into_its_field(story: Story) -> None:
    ask = """query ($project: ID, $high: Int!, $asOf: AsOf) {
        stakeholderGrid(projectId: $project, highFrom: $high, asOf: $asOf) {
            stakeholderId influence interest quadrant } }"""
    quadrants = {
        (True, True): "MANAGE_CLOSELY",
        (True, False): "KEEP_SATISFIED",
        (False, True): "KEEP_INFORMED",
        (False, False): "MONITOR",
    }
    met = set()

    for as_of in instants(story):
        known = rows(story, "stakeholders", "id projectId influence interest status archived", as_of)
        for high in (2, 3, 5):
            for project in story.projects:
                told = story.api.ask(ask, project=project, high=high, asOf=as_of)["stakeholderGrid"]
                theirs = [
                    s for s in known if s["projectId"] == project and not s["archived"] and s["status"] == "ACTIVE"
                ]
                theirs.sort(key=lambda s: (-(s["influence"] or 0), -(s["interest"] or 0), s["id"]))
                assert told == [
                    {
                        "stakeholderId": s["id"],
                        "influence": s["influence"],
                        "interest": s["interest"],
                        "quadrant": quadrants[s["influence"] >= high, s["interest"] >= high]
                        if s["influence"] and s["interest"]
                        else None,
                    }
                    for s in theirs
                ]
                met |= {row["quadrant"] for row in told}

    assert met == {*quadrants.values(), None}
    error = story.api.error("{ stakeholderGrid(highFrom: 6) { quadrant } }")
    assert error["message"] == "`highFrom`: what is high begins between 2 and 5"


def test_overdue_is_what_should_have_been_told_by_a_day_in_a_project_that_goes_on(story: Story) -> None:
    ask = """query ($project: ID, $responsible: ID, $on: Date, $asOf: AsOf) {
        communicationOverdue(projectId: $project, responsibleId: $responsible, on: $on, asOf: $asOf) {
            communicationPlanId projectId responsibleId dueOn days } }"""
    shown = "id projectId project { status } responsibleId nextDue archived"
    found = []

    for as_of in instants(story):
        known = [p for p in rows(story, "communicationPlans", shown, as_of) if p["nextDue"] and not p["archived"]]
        for day in (None, "2026-01-07", "2026-02-20", "2027-01-01"):
            today = date.fromisoformat(day) if day else datetime.now(UTC).date()
            late = [
                {"communicationPlanId": p["id"], "projectId": p["projectId"], "responsibleId": p["responsibleId"],
                 "dueOn": p["nextDue"], "days": (today - date.fromisoformat(p["nextDue"])).days}
                for p in sorted(known, key=lambda p: (p["nextDue"], p["id"]))
                if date.fromisoformat(p["nextDue"]) < today and p["project"]["status"] != "CANCELLED"
            ]  # fmt: skip
            for project in story.projects:
                told = story.api.ask(ask, project=project, on=day, asOf=as_of)["communicationOverdue"]
                assert told == [row for row in late if row["projectId"] == project]
            for user in story.users:
                told = story.api.ask(ask, responsible=user, on=day, asOf=as_of)["communicationOverdue"]
                assert told == [row for row in late if row["responsibleId"] == user]
            found.append(late)

    now, at_first = ({row["projectId"] for row in found[n]} for n in (3, 7))
    assert now and story.projects[1] not in now
    assert story.projects[1] in at_first


def test_who_may_not_see_projects_is_told_of_none_of_their_people(story: Story, cast: Cast) -> None:
    outsider, insider = cast.user({"sales.see": "ALL"}), cast.user({"projects.see": "ALL"})
    insider.position = story.api.position

    for report in ("responsibilityMatrix", "stakeholderGrid", "communicationOverdue"):
        text = f'{{ {report}(projectId: "{story.projects[0]}") {{ projectId }} }}'
        assert outsider.refused(text) == ("FORBIDDEN", "to ask this you need projects.see")
        assert insider.ask(text) == story.api.ask(text)


def test_what_is_hidden_of_stakeholders_puts_them_into_no_field(story: Story, cast: Cast) -> None:
    reader = cast.user({"projects.see": "ALL"}, ["Stakeholder.influence"])
    reader.position = story.api.position
    text = f'{{ stakeholderGrid(projectId: "{story.projects[0]}") {{ stakeholderId influence quadrant }} }}'

    whole, left = (who.ask(text)["stakeholderGrid"] for who in (story.api, reader))

    assert {row["stakeholderId"] for row in left} == {row["stakeholderId"] for row in whole}
    assert any(row["quadrant"] for row in whole)
    assert {(row["influence"], row["quadrant"]) for row in left} == {(None, None)}
