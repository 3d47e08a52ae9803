"""Whom the retention rules propose to forget, and what speaks for keeping them."""

from __future__ import annotations

import random
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.api.cast import Cast
from tests.api.client import Api, some
from tests.api.company import a_won_opportunity, an_account, an_opportunity, euros

ASK = """query ($on: Date, $kept: Boolean = false, $contact: ID, $rule: ID, $asOf: AsOf) {
    toForget(on: $on, kept: $kept, contactId: $contact, ruleId: $rule, asOf: $asOf) {
        contactId ruleId countedFrom runsOutOn keptBecause } }"""
LATER = "2100-01-01"


def a_rule(api: Api, tag: str, counts_from: str = "ADDED", months: int = 12, **input: Any) -> str:
    """It is about those with a label that no other test uses."""
    return api.given("defineRetentionRule", purpose=some("purpose"), countsFrom=counts_from, months=months,
                     basis="LEGITIMATE_INTEREST", onlyTagged=tag, **input)  # fmt: skip


def a_person(api: Api, tag: str, name: str = "Ada", **input: Any) -> str:
    contact = api.given("addContact", person={"givenName": name}, **input)
    api.given("tagContact", id=contact, label=tag)
    return contact


def told(api: Api, tag_or_rules: list[str], **asked: Any) -> list[dict[str, Any]]:
    """What is told by these rules alone."""
    return [row for row in api.ask(ASK, **asked)["toForget"] if row["ruleId"] in tag_or_rules]


def proposed(api: Api, rule: str, **asked: Any) -> list[str]:
    return [row["contactId"] for row in told(api, [rule], **{"on": LATER} | asked)]


# -- against the rows -----------------------------------------------------------------------------------------------


@settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_it_is_what_follows_from_the_rows(api: Api, pipeline: str, seed: int) -> None:
    r, tag = random.Random(seed), some("story")
    rules, contacts = a_story(api, pipeline, r, tag)

    today = datetime.now(UTC).date()
    for contact in contacts:
        disclosed = api.ask(DISCLOSED, id=contact)["personalData"]["document"]["retention"]
        expected = [row for row in computed(api, rules, contacts, today) if row["contactId"] == contact]
        assert [each for row in disclosed if (each := as_row(row))["ruleId"] in rules] == expected
    for on in (date(2024, 1, 1) + timedelta(days=r.randrange(1500)) for _ in range(5)):
        expected = computed(api, rules, contacts, on)
        every = told(api, rules, on=str(on), kept=True)
        without = told(api, rules, on=str(on))
        of_one = told(api, rules, on=str(on), kept=True, contact=contacts[0])
        by_one = told(api, rules, on=str(on), kept=True, rule=rules[0])

        assert every == expected
        assert without == [row for row in expected if not row["keptBecause"]]
        assert of_one == [row for row in expected if row["contactId"] == contacts[0]]
        assert by_one == [row for row in expected if row["ruleId"] == rules[0]]


DISCLOSED = "query ($id: ID!) { personalData(id: $id) { document } }"


def as_row(told: dict[str, Any]) -> dict[str, Any]:
    """What is held about a person tells the same, to whoever may see everything."""
    return {
        "contactId": told["person"],
        "ruleId": told["rule"],
        "countedFrom": told["counted_from"],
        "runsOutOn": told["runs_out_on"],
        "keptBecause": [each.upper() for each in told["kept_because"]],
    }


COUNTS_FROM = ["LAST_INTERACTION", "CONSENT_WITHDRAWN", "ADDED", "ARCHIVED", "LAST_SALE"]


def a_story(api: Api, pipeline: str, r: random.Random, tag: str) -> tuple[list[str], list[str]]:
    """Rules of every kind, and people of whom one thing or another is known; one has another label."""
    rules = [a_rule(api, tag, each, r.randrange(1, 30), onlyWithoutAccount=r.random() < 0.2) for each in COUNTS_FROM]
    accounts = [an_account(api) for _ in range(2)]
    contacts = [a_person(api, tag) for _ in range(5)]
    strangers = [api.given("addContact", person={"givenName": "Eve"})]

    def some_time() -> str:
        return f"{date(2023, 1, 1) + timedelta(days=r.randrange(800))}T12:00:00Z"

    for contact in contacts + strangers:
        call: dict[str, Any] = {"kind": "CALL", "direction": "INBOUND"}
        others: dict[str, Any] = {"contactId": r.choice(contacts), "contactIds": [contact]}
        about = others if r.random() < 0.5 else {"contactId": contact}
        if r.random() < 0.5:
            api.given("joinContactAccount", id=contact, accountId=r.choice(accounts))
        for _ in range(r.randrange(3)):
            held = api.given("logInteraction", **call, **about, occurredAt=some_time())
        if r.random() < 0.15:
            held = api.given("logInteraction", **call, **about, occurredAt=some_time())
            api.given("planInteractionFollowUp", id=held, due="2030-01-01")
            if r.random() < 0.5:
                api.given("completeInteractionFollowUp", id=held)
        if r.random() < 0.15:
            planned = api.given("scheduleInteraction", **call, **about, startsAt="2030-01-01T12:00:00Z")
            if r.random() < 0.5:
                api.given("cancelInteraction", id=planned)
        for channel in r.sample(["EMAIL", "PHONE"], r.randrange(3)):
            consent = {"id": contact, "purpose": "MARKETING", "channel": channel}
            api.given("giveContactConsent", **consent, evidence="a form", occurredAt="2022-01-01T12:00:00Z")
            if r.random() < 0.7:
                api.given("withdrawContactConsent", **consent, occurredAt=some_time())
        if r.random() < 0.2:
            api.given("holdContact", id=contact, reason="lawsuit")
    for account in accounts:
        for _ in range(r.randrange(3)):
            a_won_opportunity(api, pipeline, euros("1"), some_time()[:10], accountId=account)
        if r.random() < 0.3:
            still = an_opportunity(api, pipeline, accountId=account)
            if r.random() < 0.5:
                api.given("archiveOpportunity", id=still)
    for contact in contacts:
        if r.random() < 0.4:
            api.given("archiveContact", id=contact)
    return rules, contacts


LISTED = """query ($contacts: [ID!], $rules: [ID!]) {
    contacts(first: 10, filter: {id: {in: $contacts}, archived: {in: [true, false]}}) { nodes {
        id tags createdAt updatedAt archived forgotten holdReason
        accounts(first: 3) { nodes { account { opportunities(first: 10, filter: {archived: {in: [true, false]}}) {
            nodes { status closedOn archived } } } } }
        consents { nodes { withdrawnAt } } } }
    interactions(last: 200, filter: {archived: {in: [true, false]}}) { nodes {
        contactId contacts: contactIds status heldAt archived followUpDue followUpDoneOn } }
    retentionRules(first: 100, filter: {id: {in: $rules}}) { nodes {
        id countsFrom months onlyTagged onlyWithoutAccount } } }"""


def computed(api: Api, rules: list[str], contacts: list[str], on: date) -> list[dict[str, Any]]:
    """The same from the rows as lists show them, by hand."""
    listed = {name: each["nodes"] for name, each in api.ask(LISTED, contacts=contacts, rules=rules).items()}
    found = []
    for contact in listed["contacts"]:
        with_them = [each for each in listed["interactions"]
                     if contact["id"] in (each["contactId"], *each["contacts"])]  # fmt: skip
        sales = [sale for at in contact["accounts"]["nodes"] for sale in at["account"]["opportunities"]["nodes"]]
        because = ["HELD"] if contact["holdReason"] else []
        if any(sale["status"] == "OPEN" and not sale["archived"] for sale in sales):
            because.append("OPEN_OPPORTUNITY")
        if any(each["status"] == "PLANNED" or (each["followUpDue"] and not each["followUpDoneOn"])
               for each in with_them):  # fmt: skip
            because.append("PLANNED_INTERACTION")
        rows = []
        for rule in listed["retentionRules"]:
            begun = counted_from(rule["countsFrom"], contact, with_them, sales)
            concerns = rule["onlyTagged"] in contact["tags"]
            if begun and concerns and not (rule["onlyWithoutAccount"] and contact["accounts"]["nodes"]):
                rows.append((rule["id"], begun, months_after(begun, rule["months"])))
        runs = ["TIME_RUNS"] if any(end > on for *_, end in rows) else []
        kept = sorted(because + runs, key=["HELD", "TIME_RUNS", "OPEN_OPPORTUNITY", "PLANNED_INTERACTION"].index)
        found += [
            {"contactId": contact["id"], "ruleId": rule, "countedFrom": str(begun), "runsOutOn": str(end),
             "keptBecause": kept}
            for rule, begun, end in rows
        ]  # fmt: skip
    return sorted(found, key=lambda row: (row["runsOutOn"], row["contactId"], row["ruleId"]))


def counted_from(what: str, contact: Any, with_them: list[Any], sales: list[Any]) -> date | None:
    moments: list[str | None] = []
    match what:
        case "ADDED":
            moments = [contact["createdAt"]]
        case "ARCHIVED":
            moments = [contact["updatedAt"]] if contact["archived"] else []
        case "LAST_INTERACTION":
            moments = [each["heldAt"] for each in with_them if each["status"] == "HELD"] or [contact["createdAt"]]
        case "CONSENT_WITHDRAWN":
            moments = [each["withdrawnAt"] for each in contact["consents"]["nodes"]]
        case "LAST_SALE":
            moments = [sale["closedOn"] for sale in sales if sale["status"] == "WON"]
    known = [moment for moment in moments if moment]
    return max(map(day, known)) if known and len(known) == len(moments) else None


def day(moment: str) -> date:
    at = datetime.fromisoformat(moment)
    return (at.astimezone(UTC) if at.tzinfo else at).date()


def months_after(begun: date, months: int) -> date:
    """The same day of a later month, or the last there is."""
    year, month = divmod(begun.year * 12 + begun.month - 1 + months, 12)
    return date(year, month + 1, min(begun.day, monthrange(year, month + 1)[1]))


# -- one thing at a time --------------------------------------------------------------------------------------------


def test_whose_time_has_run_out_is_proposed_from_that_day_on_and_who_has_another_label_is_not(api: Api) -> None:
    tag, other = some("tag"), some("tag")
    rule, ada = a_rule(api, tag, "LAST_INTERACTION", months=1), a_person(api, tag)
    a_person(api, other)
    api.given("logInteraction", kind="CALL", direction="INBOUND", contactId=ada, occurredAt="2023-01-31T23:30:00Z")

    assert proposed(api, rule, on="2023-02-27") == []
    assert told(api, [rule], on="2023-02-28") == [
        {"contactId": ada, "ruleId": rule, "countedFrom": "2023-01-31", "runsOutOn": "2023-02-28", "keptBecause": []}
    ]
    assert proposed(api, rule, on=None) == [ada]


def test_who_is_held_is_not_proposed_and_cannot_be_forgotten_and_a_neighbour_can(api: Api) -> None:
    tag = some("tag")
    rule, ada, eve = a_rule(api, tag), a_person(api, tag), a_person(api, tag, "Eve")
    api.given("holdContact", id=ada, reason="lawsuit 4711")

    refused = api.user_error("forgetContact", id=ada, reason="its time has run out")
    before, kept = proposed(api, rule), told(api, [rule], on=LATER, kept=True, contact=ada)
    api.given("forgetContact", id=eve, reason="its time has run out")

    assert (refused["code"], refused["message"]) == ("REFUSED", "this person is held: lawsuit 4711")
    assert (before, [row["keptBecause"] for row in kept]) == ([eve], [["HELD"]])
    assert proposed(api, rule, kept=True) == [ada]
    api.given("releaseContactHold", id=ada)
    assert proposed(api, rule) == [ada]


def test_nobody_is_forgotten_but_by_the_command(api: Api) -> None:
    tag = some("tag")
    rule, ada = a_rule(api, tag), a_person(api, tag)

    assert proposed(api, rule) == [ada]

    assert api.ask("query ($id: ID!) { contact(id: $id) { givenName forgotten } }", id=ada)["contact"] == {
        "givenName": "Ada",
        "forgotten": False,
    }


def test_a_rule_says_nothing_before_it_was_defined_and_after_it_was_archived(api: Api) -> None:
    tag = some("tag")
    ada = a_person(api, tag)
    before = api.position
    rule = a_rule(api, tag)
    during = api.position
    api.given("archiveRetentionRule", id=rule)

    assert [proposed(api, rule, asOf={"position": at}) for at in (before, during)] == [[], [ada]]
    assert proposed(api, rule) == []


def test_an_open_sale_of_the_account_that_theirs_was_merged_into_speaks_for_them(api: Api, pipeline: str) -> None:
    tag, accounts = some("tag"), [an_account(api) for _ in range(3)]
    rule = a_rule(api, tag)
    ada, eve = a_person(api, tag, accountId=accounts[0]), a_person(api, tag, "Eve", accountId=an_account(api))
    an_opportunity(api, pipeline, accountId=accounts[2])
    separate = proposed(api, rule)
    for merged, survivor in (accounts[:2], accounts[1:]):
        api.given("mergeAccountInto", id=merged, survivorId=survivor)

    assert set(separate) == {ada, eve}
    assert proposed(api, rule) == [eve]


def test_a_person_who_was_archived_again_is_kept_from_the_last_time(api: Api) -> None:
    tag = some("tag")
    rule, ada = a_rule(api, tag, "ARCHIVED"), a_person(api, tag)
    api.given("archiveContact", id=ada)
    api.given("restoreContact", id=ada)
    restored = proposed(api, rule, kept=True)
    api.given("archiveContact", id=ada)

    assert (restored, proposed(api, rule)) == ([], [ada])


# -- who is told what -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("needs", ["customers.see", "sales.see"])
def test_whoever_may_not_see_what_speaks_for_people_is_told_nothing(api: Api, cast: Cast, needs: str) -> None:
    grants = {"customers.see": "ALL", "sales.see": "ALL"}
    asking = cast.user({name: scope for name, scope in grants.items() if name != needs})

    assert asking.error(ASK)["extensions"]["needs"] == needs


def test_one_is_told_of_those_whom_one_sees_and_without_names_where_those_are_hidden(api: Api, cast: Cast) -> None:
    tag = some("tag")
    rule, ada, eve = a_rule(api, tag), a_person(api, tag), a_person(api, tag, "Eve")
    owner = cast.user({"customers.see": "OWN", "sales.see": "ALL"})
    api.given("assignContactOwner", id=ada, ownerId=owner.me)
    owner.position = api.position

    named = owner.ask(
        'query ($rule: ID!) { toForget(on: "2100-01-01", ruleId: $rule) { contact { id givenName } rule { months } } }',
        rule=rule,
    )["toForget"]

    assert named == [{"contact": {"id": ada, "givenName": None}, "rule": {"months": 12}}]
    assert set(proposed(api, rule)) == {ada, eve}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"rule": "Contact_01900000-0000-7000-8000-000000000000"}, "BAD_USER_INPUT"),
        ({"contact": "x"}, "BAD_USER_INPUT"),
    ],
)
def test_an_id_of_another_kind_is_refused(api: Api, asked: dict[str, str], code: str) -> None:
    assert api.refused(ASK, **asked)[0] == code


def test_it_takes_privacy_to_say_how_long_people_are_kept(api: Api, cast: Cast) -> None:
    clerk = cast.user({"customers.*": "ALL"})

    error = clerk.user_error("defineRetentionRule", purpose=some("p"), countsFrom="ADDED", months=1, basis="CONTRACT")

    assert (error["code"], "platform.privacy" in error["message"]) == ("FORBIDDEN", True)
