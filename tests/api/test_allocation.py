"""Who is promised to which projects: what somebody with a calendar and a pencil makes of the members, now and then."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.api.cast import Cast
from tests.api.client import Api, some
from tests.api.company import a_user

MONDAY, WEEKS = date(2101, 1, 3), 6
ASK = """query ($project: ID, $user: ID, $skill: String, $atLeast: Int! = 1, $hours: Decimal! = "8", $asOf: AsOf) {
    resourceAllocation(since: "2101-01-05", weeks: 6, projectId: $project, userId: $user, skill: $skill,
            atLeast: $atLeast, hoursPerDay: $hours, asOf: $asOf) {
        userId week allocation peak hours tasks isOver } }"""
MEMBERS = """query ($projects: [ID!]!, $asOf: AsOf) {
    projectMembers(first: 1000, asOf: $asOf, filter: {projectId: {in: $projects}}) {
        nodes { userId contactId projectId allocation since until project { status } } } }"""
WORK = """query ($asOf: AsOf) { workload(since: "2101-01-05", weeks: 6, asOf: $asOf) { userId week hours tasks } }"""


@dataclass
class Story:
    """Three projects in the next century, with teams that change; and what the head of the history was on the way."""

    api: Api
    projects: list[str]
    users: list[str]
    positions: list[int]


@pytest.fixture(scope="module")
def story(api: Api) -> Iterator[Story]:
    r, do = random.Random(3), api.given
    projects = [do("proposeProject", name="Roll-out") for _ in range(3)]
    made = Story(api, projects, [a_user(api, name) for name in ("Ada", "Eve", "Bob")], [])
    members = [
        do("joinAsProjectMember", projectId=project, userId=user, role=role, allocation=str(r.randrange(10, 60)),
           **days(r))
        for project in projects for user in made.users for role in ("DEVELOPER", "QA")
    ]  # fmt: skip
    for _ in range(10):
        project, user = r.choice(projects), r.choice([*made.users, None])
        do("planTask", projectId=project, name="x", assigneeId=user, startsOn=days(r)["since"],
           duration=r.randrange(1, 20), effort=str(r.randrange(8, 100)))  # fmt: skip
    for _ in range(20):
        made.positions.append(api.head())
        happening = [
            ("changeProjectMemberAllocation", {"allocation": str(r.randrange(1, 100)), **days(r)}),
            ("archiveProjectMember", {}),
        ]
        mutation, input = r.choice(happening)
        api.do(mutation, id=r.choice(members), **input)
    do("cancelProject", id=projects[2], reason="no money")
    yield made


def days(r: random.Random) -> dict[str, Any]:
    since = MONDAY + timedelta(r.randrange(-10, 30))
    return {"since": str(since), "until": r.choice([None, str(since + timedelta(r.randrange(30)))])}


def reckoned(story: Story, as_of: Any, hours_per_day: int = 8) -> list[dict[str, Any]]:
    """The table, made of the members and of the work that there is."""
    members = story.api.ask(MEMBERS, projects=story.projects, asOf=as_of)["projectMembers"]["nodes"]
    members = [m for m in members if m["project"]["status"] != "CANCELLED"]
    work = {(w["userId"], w["week"]): w for w in story.api.ask(WORK, asOf=as_of)["workload"]}
    made = []
    for user in story.users:
        for week in (MONDAY + timedelta(7 * n) for n in range(WEEKS)):
            each = []
            for day in (week + timedelta(n) for n in range(5)):
                there = [
                    Decimal(m["allocation"])
                    for m in members
                    if m["userId"] == user and m["since"] <= str(day) and (m["until"] is None or str(day) <= m["until"])
                ]
                each.append(sum(there, Decimal(0)))
            todo = work.get((user, str(week)), {"hours": "0", "tasks": 0})
            made.append(
                {
                    "userId": user,
                    "week": str(week),
                    "allocation": sum(each) / 5,
                    "peak": max(each),
                    "hours": Decimal(todo["hours"]),
                    "tasks": todo["tasks"],
                    "isOver": max(each) > 100 or Decimal(todo["hours"]) > 5 * hours_per_day,
                }
            )
    return sorted(made, key=lambda row: (row["userId"], row["week"]))


def told(api: Api, **asked: Any) -> list[dict[str, Any]]:
    numbers = ("allocation", "peak", "hours")
    return [row | {name: Decimal(row[name]) for name in numbers} for row in api.ask(ASK, **asked)["resourceAllocation"]]


@pytest.mark.parametrize("nth", [None, 0, 10, 19])
def test_it_is_what_somebody_with_a_pencil_makes_of_the_teams_and_of_the_work(story: Story, nth: int | None) -> None:
    as_of = None if nth is None else {"position": story.positions[nth]}

    for user in story.users:
        found = told(story.api, user=user, asOf=as_of)
        assert found == [row for row in reckoned(story, as_of) if row["userId"] == user]
        light = told(story.api, user=user, asOf=as_of, hours="24")
        assert light == [row for row in reckoned(story, as_of, 24) if row["userId"] == user]

    assert {row["isOver"] for row in reckoned(story, as_of)} == {True, False}


def test_those_of_a_project_are_told_with_all_that_they_do_elsewhere(story: Story) -> None:
    api, neighbour = story.api, a_user(story.api, "Neighbour")
    other = api.given("proposeProject", name="Other")
    api.given("joinAsProjectMember", projectId=other, userId=story.users[0], role="TRAINER", allocation="70",
              since=str(MONDAY), until=str(MONDAY))  # fmt: skip
    api.given("joinAsProjectMember", projectId=story.projects[0], userId=neighbour, role="SUPPORT", since=str(MONDAY))

    of_other = told(api, project=other)

    assert {row["userId"] for row in of_other} == {story.users[0]}
    assert of_other == told(api, user=story.users[0])
    assert of_other[0]["peak"] >= 70
    api.given("leaveAsProjectMember", id=api.given(
        "joinAsProjectMember", projectId=other, userId=neighbour, role="QA", since="2020-01-01"), on="2020-02-01"
    )  # fmt: skip
    assert {row["userId"] for row in told(api, project=other)} >= {story.users[0]}


def test_who_has_a_skill_is_told_even_with_nothing_to_do(story: Story, cast: Cast) -> None:
    api, expert, beginner = story.api, a_user(story.api, "Expert"), a_user(story.api, "Beginner")
    api.given("setUserSkill", id=expert, skill="COBOL", level=5)
    api.given("setUserSkill", id=beginner, skill="Cobol", level=2)

    every, good = told(api, skill="cobol"), told(api, skill="cobol", atLeast=3)

    assert {row["userId"] for row in every} == {expert, beginner}
    assert [(row["userId"], row["peak"], row["isOver"]) for row in good] == [(expert, 0, False)] * WEEKS
    api.given("deactivateUser", id=expert)
    assert told(api, skill="cobol", atLeast=3) == []
    reader = cast.user({"projects.see": "ALL"})
    reader.position = api.position
    assert reader.refused(ASK, skill="cobol") == ("FORBIDDEN", "to see this you need platform.see")
    assert told(reader) == told(api)


def test_who_can_do_something_well_is_found(api: Api) -> None:
    skill, expert, beginner = some("SQL"), a_user(api, "Expert"), a_user(api, "Beginner")
    api.given("setUserSkill", id=expert, skill=skill, level=3)
    api.given("setUserSkill", id=beginner, skill=skill, level=2)

    found = api.ask(
        """query ($skill: String!) { userSkills(filter: {skill: {eq: $skill}, level: {gte: 3}}) {
            nodes { level user { id } } } }""",
        skill=skill,
    )

    assert found["userSkills"]["nodes"] == [{"level": 3, "user": {"id": expert}}]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("weeks: 0", "`weeks`: say how many weeks, from 1 to 104"),
        ("weeks: 105", "`weeks`: say how many weeks, from 1 to 104"),
        ('skill: "x", atLeast: 6', "`atLeast`: a level is between 1 and 5"),
        ('hoursPerDay: "0"', "`hoursPerDay`: a working day has more than 0 hours, and 24 at most"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(api: Api, asked: str, message: str) -> None:
    error = api.error(f"{{ resourceAllocation({asked}) {{ peak }} }}")

    assert (error["extensions"]["code"], error["message"]) == ("BAD_USER_INPUT", message)
