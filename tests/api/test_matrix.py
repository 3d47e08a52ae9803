"""Role, row, column, view, command and way of asking, in pairs: whoever sees a row and may work on it, and nobody else.

Every two of these meet in some case: what one may see and do, whose the row is, what is hidden, what kind of thing it
is, and by which way it is asked for. What should come of a case is said here anew, in a few lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations, product
from typing import Any, NamedTuple

import pytest

from infra.keys import LENGTH, MasterKey, MasterKeys, unlock
from tests.api.cast import Cast, casting
from tests.api.client import Api, some
from tests.api.company import euros


class Case(NamedTuple):
    """Who asks for what."""

    see: str
    act: str
    whose: str
    hidden: bool
    kind: str
    way: str


REACH = ("none", "OWN", "TEAM", "ALL")
WHOSE = ("mine", "a colleague's", "another's", "nobody's")
KINDS = ("Account", "Contact", "Opportunity", "Interaction")
WAYS = (
    *("node", "one", "list", "count", "group", "filter", "order", "past", "occurred", "search", "events", "items"),
    *("history", "compare", "compared", "between"),
)
EVERY = tuple(product(REACH, REACH, WHOSE, (False, True), KINDS, WAYS))
LISTS = {"Account": "accounts", "Contact": "contacts", "Opportunity": "opportunities", "Interaction": "interactions"}
HIDDEN = {
    "Account": ("Account.details.industry", "industry"),
    "Contact": ("Contact.title", "title"),
    "Opportunity": ("Opportunity.source", "source"),
    "Interaction": ("Interaction.outcome", "outcome"),
}
"""An attribute to hide, and the field that shows it."""


def cases() -> list[Case]:
    """So few that every two values of two columns meet in one of them: each time the one that brings most new pairs."""
    missing = {pair for row in EVERY for pair in pairs(row)}
    found: list[Case] = []
    while missing:
        sample = EVERY[len(found) % 7 :: 7]
        best = max(sample, key=lambda row: len(missing & pairs(row)))
        if not missing & pairs(best):
            best = max(EVERY, key=lambda row: len(missing & pairs(row)))
        missing -= pairs(best)
        found.append(Case(*best))
    return found


def pairs(row: tuple[Any, ...]) -> set[Any]:
    return set(combinations(enumerate(row), 2))


def covers(reach: str, whose: str) -> bool:
    """Whether somebody reaches a row."""
    return reach == "ALL" or (reach, whose) in {("OWN", "mine"), ("TEAM", "mine"), ("TEAM", "a colleague's")}


@pytest.fixture(scope="module")
def cast(api: Api, database_url: str) -> Iterator[Cast]:
    unlock(MasterKeys([MasterKey(bytes(LENGTH))]))
    with casting(api, database_url, "test_api") as made:
        yield made


@pytest.fixture(scope="module")
def another(cast: Cast) -> Api:
    """Somebody in no team of anybody."""
    return cast.user(name="Another")


class Made(NamedTuple):
    """A row, the word that it can be found by, and the account that it is under."""

    id: str
    word: str
    position: int


def made(api: Api, case: Case, owner: Api | None, pipeline: str) -> Made:
    word = some("Quokka").replace("-", "")
    before = api.head()
    match case.kind:
        case "Account":
            id = api.given("registerAccount", name=word, details={"industry": word})
        case "Contact":
            id = api.given("addContact", person={"familyName": word}, title=word)
        case "Opportunity":
            id = api.given("openOpportunity", pipelineId=pipeline, name=word, source=word, amount=euros("1"))
        case _:
            account = api.given("registerAccount", name=some("Around"))
            asked = {"kind": "CALL", "direction": "INBOUND", "accountId": account}
            id = api.given("logInteraction", **asked, subject=word, outcome=word)
    if owner:
        api.given(f"assign{case.kind}Owner", id=id, ownerId=owner.me)
    return Made(id, word, before)


def context(kind: str) -> str:
    return "sales" if kind == "Opportunity" else "customers"


def reader(cast: Cast, case: Case) -> tuple[Api, Api]:
    """Who asks, and a colleague."""
    grants = {"platform.see": "ALL"}
    if case.see != "none":
        grants[f"{context(case.kind)}.see"] = grants[f"{context(case.kind)}.personal"] = case.see
    if case.act != "none":
        grants["sales.sell" if case.kind == "Opportunity" else "customers.edit"] = case.act
    who, colleague = cast.user(grants, [HIDDEN[case.kind][0]] if case.hidden else []), cast.user()
    cast.team(who, colleague)
    return who, colleague


def found(who: Api, case: Case, it: Made) -> tuple[bool, Any]:
    """Whether a way leads to the row, and what it shows of the column that may be hidden; True where it shows none."""
    field, rows, noun = HIDDEN[case.kind][1], LISTS[case.kind], case.kind[0].lower() + case.kind[1:]
    shown = f"id {field}"
    only = f'filter: {{id: {{eq: "{it.id}"}}}}'
    before, changed = f"{{position: {it.position}}}", "changes { field after }"
    queries = {
        "node": f'{{ it: node(id: "{it.id}") {{ id ... on {case.kind} {{ {field} }} }} }}',
        "one": f'{{ it: {noun}(id: "{it.id}") {{ {shown} }} }}',
        "list": f"{{ it: {rows}({only}) {{ nodes {{ {shown} }} }} }}",
        "count": f"{{ it: {rows}({only}) {{ totalCount }} }}",
        "group": f"{{ it: {rows}({only}) {{ groupBy(by: {{field: OWNER_ID}}) {{ count }} }} }}",
        "filter": f'{{ it: {rows}(filter: {{or: [{{id: {{eq: "{it.id}"}}}}]}}) {{ aggregate {{ count }} }} }}',
        "order": f"{{ it: {rows}({only}, orderBy: [{{field: OWNER_ID}}]) {{ edges {{ node {{ {shown} }} }} }} }}",
        "past": f"{{ it: {rows}({only}, asOf: {{position: {who.position}}}) {{ nodes {{ {shown} }} }} }}",
        "occurred": f'{{ it: {noun}(id: "{it.id}", occurred: {{until: "2100-01-01T00:00:00Z"}}) {{ {shown} }} }}',
        "search": f'{{ it: search(query: "{it.word}") {{ nodes {{ id ... on {case.kind} {{ {field} }} }} }} }}',
        "history": f'{{ it: history(id: "{it.id}") {{ nodes {{ data changes {{ field after }} }} }} }}',
        "compare": f'{{ it: compare(id: "{it.id}", from: {before}) {{ {changed} }} }}',
        "between": f'{{ it: compare(id: "{it.id}", from: {before}) {{ events {{ nodes {{ data {changed} }} }} }} }}',
        "compared": f"{{ it: {rows}({only}) {{ compare(from: {before}) {{ nodes {{ {changed} }} }} }} }}",
        "items": f'{{ it: user(id: "{who.me}") {{ id name }} rows: {rows}({only}) {{ nodes {{ {shown} }} }} }}',
    }
    if case.way == "events":
        return streamed(who, case, it)
    answer = who.post(queries[case.way]).json()
    if any(error["extensions"]["code"] == "FORBIDDEN" for error in answer.get("errors", ())):
        return False, True
    data = answer["data"]["rows" if case.way == "items" else "it"]
    match case.way:
        case "node" | "one" | "occurred":
            return data is not None, data and data[field]
        case "count":
            return data["totalCount"] == 1, True
        case "group":
            return [group["count"] for group in data["groupBy"]] == [1], True
        case "filter":
            return data["aggregate"]["count"] == 1, True
    if case.way == "between":
        data = data["events"] if data else {"nodes": []}
    if case.way in ("history", "between"):
        return bool(data["nodes"]), data["nodes"] and told(data["nodes"][0], case.kind, field)
    if case.way in ("compare", "compared"):
        differs = [data] if case.way == "compare" else data["compare"]["nodes"]
        said = {each["field"]: each["after"] for one in differs if one for each in one["changes"]}
        return bool(said), said.get(field)
    nodes = [edge["node"] for edge in data["edges"]] if case.way == "order" else data["nodes"]
    return bool(nodes), nodes and nodes[0].get(field)


def told(event: Any, kind: str, field: str) -> Any:
    """What the first event of one tells of a field: in what it recorded and in what it changed alike."""
    recorded = (event["data"]["details"] if kind == "Account" else event["data"])[field]
    [changed] = [change["after"] for change in event["changes"] if change["field"] == field]
    return recorded if recorded == changed else f"{recorded} or {changed}"


def streamed(who: Api, case: Case, it: Made) -> tuple[bool, Any]:
    headers = {"authorization": f"Bearer {who.token}"}
    answer = who.http.get("/events", params={"after": it.position}, headers=headers)
    if answer.status_code == 403:
        return False, True
    events = [json.loads(line) for line in answer.text.splitlines()]
    told = [event["data"] for event in events if event["subject"] == it.id]
    field = HIDDEN[case.kind][1]
    return bool(told), told and (told[0]["details"] if case.kind == "Account" else told[0])[field]


@pytest.mark.parametrize("case", cases(), ids=lambda case: "-".join(map(str, case)))
def test_a_row_is_seen_and_worked_on_by_whom_their_roles_let(
    api: Api, cast: Cast, another: Api, pipeline: str, case: Case
) -> None:
    who, colleague = reader(cast, case)
    owner = {"mine": who, "a colleague's": colleague, "another's": another, "nobody's": None}[case.whose]
    it = made(api, case, owner, pipeline)
    who.position = api.position
    sees, acts = covers(case.see, case.whose), covers(case.act, case.whose)

    is_found, column = found(who, case, it)
    done = who.do(f"tag{case.kind}", id=it.id, label="x")

    assert is_found is sees
    if sees:
        assert (column is None) is case.hidden or column is True
    codes = [error["code"] for error in done["userErrors"]]
    assert codes == ([] if acts else ["FORBIDDEN"] if sees else ["NOT_FOUND"])
