"""The audit log: who did what, found by who, what, when and by which way, counted, and only of what one may see."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.values import new_id
from tests.api.cast import Cast
from tests.api.client import Api
from tests.api.company import an_account, an_opportunity


class Story:
    """Something that Ada and Ben did for one reason, and what others did meanwhile."""

    def __init__(self, api: Api, cast: Cast, pipeline: str) -> None:
        grants = {"customers.see": "ALL", "customers.edit": "ALL", "sales.see": "ALL", "sales.sell": "ALL"}
        self.api, self.reason = api, str(new_id())
        self.ada, self.ben = cast.user(grants, name="Ada"), cast.user(grants, name="Ben")
        an_account(api, "Beside")
        self.start = api.head()
        self.began = self.recorded()
        self.account = self.ada.given("registerAccount", name="Acme", correlationId=self.reason)
        self.ada.given("renameAccount", id=self.account, name="Acme Inc", correlationId=self.reason)
        self.middle = api.head()
        api.given("tagAccount", id=self.account, label="x")
        self.sale = self.ben.given("openOpportunity", pipelineId=pipeline, name="Pumps", correlationId=self.reason)
        self.end, self.ended = api.head(), self.recorded()

    def recorded(self) -> str:
        return str(self.api.ask("{ head { recordedAt } }")["head"]["recordedAt"])


@pytest.fixture(scope="module")
def story(api: Api, cast: Cast, pipeline: str) -> Story:
    return Story(api, cast, pipeline)


def log(api: Api, shown: str = "nodes { position }", **asked: Any) -> Any:
    declared = {"filter": "AuditFilter", "first": "Int", "last": "Int", "after": "String", "before": "String"}
    declared |= {"direction": "Direction", "asOf": "AsOf"}
    types = ", ".join(f"${name}: {declared[name]}" for name in asked)
    names = ", ".join(f"{name}: ${name}" for name in asked)
    given = f"({names})" if asked else ""
    return api.ask(f"query Log{f'({types})' if asked else ''} {{ auditLog{given} {{ {shown} }} }}", **asked)["auditLog"]


def places(story: Story, **filter: Any) -> list[int]:
    """Where in the story the events are that a filter finds."""
    found = log(story.api, filter=filter, direction="ASC", after=str(story.start))["nodes"]
    return [event["position"] - story.start for event in found]


def later(moment: str) -> str:
    return (datetime.fromisoformat(moment) + timedelta(microseconds=1)).isoformat()


def test_the_last_that_happened_comes_first_unless_it_is_asked_otherwise(api: Api, story: Story) -> None:
    newest = log(api, "nodes { position } pageInfo { hasNextPage endCursor }", first=3)
    further = log(api, first=2, after=newest["pageInfo"]["endCursor"])
    oldest = log(api, "nodes { position } pageInfo { hasNextPage hasPreviousPage }", first=2, direction="ASC")
    last = log(api, last=2)
    head = api.head()

    assert [event["position"] for event in newest["nodes"]] == [head, head - 1, head - 2]
    assert newest["pageInfo"]["hasNextPage"] is True
    assert [event["position"] for event in further["nodes"]] == [head - 3, head - 4]
    assert [event["position"] for event in oldest["nodes"]] == [1, 2]
    assert [event["position"] for event in last["nodes"]] == [2, 1]
    assert log(api, "totalCount")["totalCount"] == head


def test_it_is_found_by_who_what_when_and_why(api: Api, story: Story) -> None:
    assert places(story, actor=story.ada.me) == [1, 2]
    assert places(story, actor=story.ben.me, command="Opportunity.open") == [4]
    assert places(story, correlationId=story.reason) == [1, 2, 4]
    assert places(story, correlationId=story.reason, context="CUSTOMERS") == [1, 2]
    assert places(story, of=[story.account]) == [1, 2, 3]
    assert places(story, of=[story.account, story.sale], kinds=["ACCOUNT_REGISTERED", "OPPORTUNITY_OPENED"]) == [1, 4]
    assert places(story, aggregate="OPPORTUNITY", actor=story.ben.me) == [4]
    assert places(story, of=[story.account], origin="graph") == [1, 2, 3] and places(story, origin="import") == []
    assert places(story, onBehalfOf=story.ada.me) == places(story, of=[]) == places(story, kinds=[]) == []
    assert places(story, causationId=story.reason) == []


def test_a_time_takes_in_its_beginning_and_not_its_end(story: Story) -> None:
    first = log(story.api, "nodes { recordedAt }", filter={"of": [story.account]}, direction="ASC")["nodes"]
    begin, second = first[0]["recordedAt"], first[1]["recordedAt"]

    assert places(story, **{"from": begin, "to": second}) == [1]
    assert places(story, **{"from": begin, "to": later(second)}) == [1, 2]
    assert places(story, **{"from": later(begin), "to": later(story.ended)}) == [2, 3, 4]
    assert places(story, **{"from": begin, "of": [story.account]}) == [1, 2, 3]


def test_business_time_is_another(api: Api, story: Story) -> None:
    account = story.ben.given("registerAccount", name="Old", occurredAt="1999-05-05T00:00:00Z")

    found = log(api, "nodes { nodeId }", filter={"occurred": {"from": "1999-01-01", "to": "2000-01-01"}})["nodes"]

    assert found == [{"nodeId": account}]


def test_what_is_found_is_counted_by_day_by_actor_by_command_and_by_kind(api: Api, story: Story) -> None:
    found = log(
        api,
        """totalCount byDay { day count } tokyo: byDay(timeZone: "Asia/Tokyo") { count }
        byActor { who: actor actorUser { name } count } byCommand { command count } byKind { kind count }""",
        filter={"correlationId": story.reason},
    )

    assert found["totalCount"] == 3
    assert sum(each["count"] for each in found["byDay"]) == sum(each["count"] for each in found["tokyo"]) == 3
    assert found["byDay"][0]["day"] == story.began[:10]
    assert found["byActor"] == [
        {"who": story.ada.me, "actorUser": {"name": "Ada"}, "count": 2},
        {"who": story.ben.me, "actorUser": {"name": "Ben"}, "count": 1},
    ]
    assert found["byCommand"] == [
        {"command": "Account.register", "count": 1},
        {"command": "Account.rename", "count": 1},
        {"command": "Opportunity.open", "count": 1},
    ]
    assert found["byKind"] == [
        {"kind": kind, "count": 1} for kind in ("ACCOUNT_REGISTERED", "ACCOUNT_RENAMED", "OPPORTUNITY_OPENED")
    ]


def test_it_is_asked_of_an_instant(api: Api, story: Story) -> None:
    found = log(api, "totalCount", filter={"correlationId": story.reason}, asOf={"position": story.middle})

    assert found == {"totalCount": 2}


# -- who asks --------------------------------------------------------------------------------------


def test_it_needs_a_permission_of_its_own(api: Api, cast: Cast) -> None:
    ada = cast.user({"*.see": "ALL", "*.personal": "ALL"})

    assert ada.refused("{ auditLog { totalCount } }") == ("FORBIDDEN", "to ask this you need platform.audit")


def test_it_tells_and_counts_only_what_one_sees(api: Api, cast: Cast, pipeline: str) -> None:
    ada = cast.user({"platform.audit": "ALL", "customers.see": "OWN"})
    bob = cast.user({"platform.audit": "ALL", "customers.see": "ALL"})
    blind = cast.user({"platform.audit": "ALL"})
    start, begin = api.head(), later(api.now())
    mine, others = [an_account(api) for _ in range(3)], [an_account(api) for _ in range(30)]
    for account in mine:
        api.given("assignAccountOwner", id=account, ownerId=ada.me)
    an_opportunity(api, pipeline)
    for who in (ada, bob, blind):
        who.position = api.position
    shown = "nodes { position } totalCount byDay { count } byKind { kind count } byActor { actorUser { name } count }"
    after = str(start)

    of_ada = log(ada, shown, first=4, filter={"actor": api.me, "from": begin})
    of_bob = log(bob, "nodes { position }", direction="ASC", after=after)
    of_blind = log(blind, shown)

    assert len(of_ada["nodes"]) == 4, "a page is full though most of it is hidden"
    assert of_ada["totalCount"] == 6 and [each["count"] for each in of_ada["byDay"]] == [6]
    assert of_ada["byKind"] == [
        {"kind": "ACCOUNT_OWNER_ASSIGNED", "count": 3}, {"kind": "ACCOUNT_REGISTERED", "count": 3},
    ]  # fmt: skip
    assert of_ada["byActor"] == [{"actorUser": None, "count": 6}]
    assert len(of_bob["nodes"]) == len(mine) * 2 + len(others)
    assert of_blind == {"nodes": [], "totalCount": 0, "byDay": [], "byKind": [], "byActor": []}


# -- what cannot be --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ('filter: {actor: "Account_0190f3c2-0000-7000-8000-000000000001"}', "'Account_0190f3c2-0000-7000-8000-0000000"),
        ('filter: {of: ["junk"]}', "'junk' is not an id"),
        ('filter: {from: "2026-01-02", to: "2026-01-01"}', "`from` is before `to`"),
        ('filter: {command: "a\\u0000"}', "a text holds neither NUL"),
        ("first: 0", "`first` is between 1 and 1000"),
        ('after: "x"', "this cursor does not belong to a list of events"),
        ('asOf: {position: 1, time: "2026-01-01"}', "`asOf` takes either a position or a time"),
    ],
)
def test_what_cannot_be_is_said(api: Api, asked: str, message: str) -> None:
    code, told = api.refused(f"{{ auditLog({asked}) {{ nodes {{ position }} }} }}")

    assert code == "BAD_USER_INPUT" and told.startswith(message)
