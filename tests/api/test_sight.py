"""What of the history one is told: what happened to what they see, and nothing that is hidden from them."""

from __future__ import annotations

import json
from itertools import islice
from time import sleep
from typing import Any

from tests.api.cast import Cast
from tests.api.client import Api
from tests.api.company import an_account, an_opportunity, euros
from tests.api.test_subscription import following


def stream(api: Api, after: int, **asked: Any) -> list[dict[str, Any]]:
    """What `GET /events` tells, up to now."""
    answer = api.http.get("/events", params={"after": after, **asked}, headers={"authorization": f"Bearer {api.token}"})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def subscribed(api: Api, after: int, many: int) -> list[dict[str, Any]]:
    """The first events that a subscription tells."""
    query = f"subscription {{ events(after: {after}) {{ position kind nodeId data node {{ id }} }} }}"
    with following(api, query) as found:
        return list(islice(found, many))


def owned(api: Api, owner: Api | None, name: str) -> str:
    account = an_account(api, name)
    if owner:
        api.given("assignAccountOwner", id=account, ownerId=owner.me)
    return account


def test_events_are_those_of_what_one_sees(api: Api, cast: Cast) -> None:
    ada, ben, eve = (cast.user({"customers.see": scope}) for scope in ("OWN", "TEAM", "ALL"))
    cast.team(ada, ben)
    start = api.head()
    hers, theirs, nobodys = owned(api, ada, "hers"), owned(api, eve, "theirs"), owned(api, None, "nobody's")
    last = an_account(api, "the last")
    api.given("assignAccountOwner", id=last, ownerId=ada.me)

    by_ada, by_ben, by_eve = ([event["subject"] for event in stream(who, start)] for who in (ada, ben, eve))

    assert by_ada == by_ben == [hers, hers, last, last]
    assert by_eve == [hers, hers, theirs, theirs, nobodys, last, last]
    for who in (ada, ben):
        assert [event["nodeId"] for event in subscribed(who, start, 4)] == [hers, hers, last, last]
    assert [event["nodeId"] for event in subscribed(eve, start, 7)] == by_eve


def test_what_becomes_ones_own_is_told_from_its_beginning_and_what_is_given_away_no_more(api: Api, cast: Cast) -> None:
    ada, ben = cast.user({"customers.see": "OWN"}), cast.user({"customers.see": "OWN"})
    start = api.head()
    account = owned(api, ada, "moves")
    before = [event["type"] for event in stream(ada, start)]

    api.given("assignAccountOwner", id=account, ownerId=ben.me)

    assert before == ["daybook.customers.Account.Registered", "daybook.customers.Account.OwnerAssigned"]
    assert stream(ada, start) == []
    assert [event["type"] for event in stream(ben, start)] == [*before, before[1]]


def test_no_event_is_skipped_while_a_view_is_behind(api: Api, cast: Cast) -> None:
    ada = cast.user({"customers.see": "OWN", "customers.edit": "OWN"})
    start = api.head()

    for number in range(20):
        account = ada.given("registerAccount", name=str(number))
        told = [event["subject"] for event in stream(ada, start)]
        assert told[-2:] == [account, account] and len(told) == 2 * number + 2


def test_what_is_hidden_is_null_in_what_events_say(api: Api, cast: Cast, pipeline: str) -> None:
    see = {"sales.see": "ALL", "customers.see": "ALL"}
    ada = cast.user(see, ["Opportunity.amount", "Account.details.revenue", "Opportunity.lost_reason"])
    ben = cast.user(see)
    start = api.head()
    sale = an_opportunity(api, pipeline, amount=euros("7"), source="fair")
    an_account(api, "Acme", revenue=euros("5"), industry="books")
    api.given("loseOpportunity", id=sale, reason="price")

    streamed, followed = ([stream(who, start) for who in (ada, ben)], [subscribed(who, start, 3) for who in (ada, ben)])
    for told, all_told in (streamed, followed):
        opened, registered, lost = (event["data"] for event in told)
        all_opened, all_registered, all_lost = (event["data"] for event in all_told)
        assert (opened["amount"], opened["source"], opened["name"]) == (None, "fair", "Pumps")
        assert (registered["details"]["revenue"], registered["details"]["industry"]) == (None, "books")
        assert (lost["lost_reason"], lost["status"]) == (None, "lost")
        assert all_opened["amount"] == {"amount": "7", "currency": "EUR"}
        assert all_registered["details"]["revenue"] == {"amount": "5", "currency": "EUR"}
        assert all_lost["lost_reason"] == "price"


def test_kinds_that_one_may_not_see_are_not_followed(api: Api, cast: Cast, pipeline: str) -> None:
    ada = cast.user({"customers.see": "ALL"})
    start = api.head()
    an_opportunity(api, pipeline)
    account = an_account(api)

    refused = ada.http.get("/events?context=sales", headers={"authorization": f"Bearer {ada.token}"})

    assert [event["subject"] for event in stream(ada, start)] == [account]
    assert refused.status_code == 403


def test_what_is_withdrawn_is_gone_from_a_stream_that_is_open(api: Api, cast: Cast) -> None:
    role = cast.role({"customers.see": "ALL"})
    ada = cast.user()
    api.given("assignUserRole", id=ada.me, roleId=role)
    start = api.head()
    with following(ada, f"subscription {{ events(after: {start}) {{ nodeId }} }}") as found:
        first = an_account(api)
        told = next(found)
        api.given("withdrawUserRole", id=ada.me, roleId=role.removeprefix("Role_"))
        an_account(api)
        sleep(1)  # it is not told, and nothing says so
        api.given("assignUserRole", id=ada.me, roleId=role)
        last = an_account(api)

        assert told["nodeId"] == first
        assert next(found)["nodeId"] == last
