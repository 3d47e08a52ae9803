"""A replay is read by its name: it answers what the API would have answered then, by today's rights, and only that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument
from websockets.sync.client import connect as websocket
from websockets.typing import Subprotocol

from api.meaning import Many, meaning
from infra.database import connect
from infra.keys import LENGTH, MasterKey, MasterKeys, unlock
from infra.misfits import Part
from infra.replaying import replay
from infra.replays import Kept, drop
from projections.catalogue import VIEWS
from server import schema_of
from tests.api.cast import Cast, casting
from tests.api.client import Api, some
from tests.api.company import a_pipeline, a_product, an_account, an_opportunity, euros
from tests.api.test_accesses import accessed
from tests.infra.searching import places

CORE = schema_of("UTC")[0]._schema
SCHEMA = "test_api"
ALL = {"sales.see": "ALL", "customers.see": "ALL"}


@dataclass
class Replays:
    """Makes replays of the company of the tests, and asks them."""

    api: Api
    url: str

    def make(self, until: int, without: tuple[UUID, ...] = (), views: Any = VIEWS, **given: Any) -> Kept:
        part = Part(1, until, without)
        return replay(self.url, SCHEMA, some("replay").lower(), part, list(views), VIEWS, "ann", **given)

    def post(self, name: str, text: str, by: Api | None = None, **headers: str) -> httpx.Response:
        who = {"authorization": f"Bearer {(by or self.api).token}", "daybook-replay": name}
        return self.api.http.post("/graphql", json={"query": text}, headers=who | headers)

    def ask(self, name: str, text: str, by: Api | None = None) -> Any:
        answer = self.post(name, text, by).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def code(self, name: str, text: str, by: Api | None = None, **headers: str) -> tuple[int, str, str]:
        answer = self.post(name, text, by, **headers)
        [error] = answer.json()["errors"]
        return answer.status_code, error["extensions"]["code"], error["message"]

    def command(self, position: int) -> UUID:
        """The command that recorded an event."""
        with self.database() as connection:
            asked = "select command_id from events where position = %s"
            return UUID(str((connection.execute(asked, [position]).fetchone() or ("",))[0]))

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        with connect(self.url, SCHEMA) as connection:
            yield connection


@pytest.fixture(scope="module")
def replays(api: Api, database_url: str) -> Iterator[Replays]:
    made = Replays(api, database_url)
    yield made
    with made.database() as connection:
        for (name,) in connection.execute("select name from replays").fetchall():
            drop(connection, name)


@pytest.fixture(scope="module")
def cast(api: Api, database_url: str) -> Iterator[Cast]:
    with casting(api, database_url, SCHEMA) as made:
        yield made


@dataclass
class Story:
    """What was, and after a position became otherwise."""

    until: int
    account: str
    opportunity: str
    contact: str
    pipeline: str


@pytest.fixture(scope="module")
def story(api: Api) -> Story:
    unlock(MasterKeys([MasterKey(bytes(LENGTH))]))
    pipeline, account, product = a_pipeline(api), an_account(api, "Before", industry="Pumps"), a_product(api)
    opportunity = an_opportunity(api, pipeline, accountId=account, amount=euros("5"))
    contact = api.given("addContact", person={"familyName": "Lovelace", "emails": ["ada@before.example"]})
    line = {"id": opportunity, "productId": product, "price": euros("1")}
    api.given("addOpportunityLine", quantity="1", **line)
    told = Story(api.position, account, opportunity, contact, pipeline)
    api.given("renameAccount", id=account, name="After")
    api.given("addOpportunityLine", quantity="2", **line)
    api.given("moveOpportunityToStage", id=opportunity, stage="offer")
    api.given("winOpportunity", id=opportunity, amount=euros("6"), on="1997-07-01")
    an_account(api, "Later")
    return told


def lists() -> list[str]:
    """Every list of the root."""
    root = CORE.query_type
    assert root
    return sorted(name for name, field in root.fields.items() if isinstance(meaning(field), Many))


def rows(name: str, given: str = "") -> str:
    """All that one row of a list shows by itself, of all rows, and how many there are."""
    root = CORE.query_type
    assert root
    connection: Any = get_named_type(root.fields[name].type)
    node: Any = get_named_type(connection.fields["nodes"].type)
    return f"{{ it: {name}(first: 200{given}) {{ totalCount nodes {{ {_leaves(node)} }} }} }}"


def _leaves(of: GraphQLObjectType, deep: int = 0) -> str:
    shown = []
    for name, field in of.fields.items():
        type_: Any = get_named_type(field.type)
        if any(is_required_argument(each) for each in field.args.values()):
            continue
        if is_leaf_type(type_):
            shown.append(name)
        elif deep == 0 and isinstance(type_, GraphQLObjectType) and not type_.name.endswith("Connection"):
            shown.append(f"{name} {{ __typename {_leaves(type_, 1)} }}")
    return " ".join(shown)


# -- what it answers ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def then(replays: Replays, story: Story) -> str:
    """The name of a replay until the position of the story."""
    return replays.make(story.until).name


@pytest.mark.parametrize("name", lists())
def test_a_replay_until_a_position_answers_as_the_live_views_do_as_of_it(
    api: Api, replays: Replays, story: Story, then: str, name: str
) -> None:
    assert replays.ask(then, rows(name)) == api.ask(rows(name, f", asOf: {{position: {story.until}}}"))


def test_that_is_not_what_they_answer_now(api: Api, replays: Replays, story: Story, then: str) -> None:
    query = f'{{ account(id: "{story.account}") {{ name }} opportunity(id: "{story.opportunity}") {{ status }} }}'

    seen, now = replays.ask(then, query), api.ask(query)

    assert seen == {"account": {"name": "Before"}, "opportunity": {"status": "OPEN"}}
    assert now == {"account": {"name": "After"}, "opportunity": {"status": "WON"}}


@pytest.mark.parametrize(
    "query",
    [
        'timeInStage(pipelineId: "{pipeline}"{at}) {{ stage opportunities onAverage }}',
        'pipelineByStage(pipelineId: "{pipeline}"{at}) {{ stage opportunities amount {{ amount }} }}',
        'search(query: "Before"{at}) {{ totalCount nodes {{ id }} }}',
        "opportunities(first: 1{at}) {{ aggregate {{ count sum {{ amount {{ amount }} }} }} }}",
        "opportunities(first: 1{at}) {{ groupBy(by: [{{field: STATUS}}]) {{ key {{ status }} count }} }}",
        'account(id: "{account}"{at}) {{ opportunities {{ nodes {{ status lines {{ totalCount }} }} }} }}',
        'nodes(ids: ["{account}"]{at}) {{ id ... on Account {{ name }} }}',
    ],
)
def test_so_does_any_other_read(api: Api, replays: Replays, story: Story, then: str, query: str) -> None:
    now = query.format(**vars(story), at="")
    at = query.format(**vars(story), at=f", asOf: {{position: {story.until}}}")

    assert replays.ask(then, f"{{ {now} }}") == api.ask(f"{{ {at} }}")


def test_it_can_be_asked_as_of_an_earlier_instant_and_not_of_a_later_one(
    api: Api, replays: Replays, story: Story, then: str
) -> None:
    query = '{{ account(id: "{}", asOf: {{position: {}}}) {{ name }} }}'

    before = replays.ask(then, query.format(story.account, 1))
    _, code, message = replays.code(then, query.format(story.account, story.until + 1))

    assert before == {"account": None}
    assert code == "BAD_USER_INPUT" and f"ends with position {story.until}" in message


def test_what_a_command_recorded_is_left_out_and_all_else_is_there(api: Api, replays: Replays) -> None:
    kept, moved = an_account(api, "Kept"), an_account(api, "Moved")
    api.given("renameAccount", id=moved, name="Moved once")
    gone = an_account(api, "Gone")

    made = replays.make(api.position, (replays.command(api.position),))

    names = "{ " + " ".join(f'a{n}: account(id: "{id}") {{ name }}' for n, id in enumerate((kept, moved, gone))) + " }"
    assert replays.ask(made.name, names) == {"a0": {"name": "Kept"}, "a1": {"name": "Moved once"}, "a2": None}


def test_what_refers_to_what_was_never_made_is_told(api: Api, replays: Replays, pipeline: str) -> None:
    account = an_account(api, "Never made")
    command = replays.command(api.position)
    opportunity = an_opportunity(api, pipeline, accountId=account)

    made = replays.make(api.position, (command,))

    told = {(m["what"], m["where"]): (m["things"], m["examples"]) for m in made.report["misfits"]}
    assert told["refers to what was never made", "opportunities.account_id"] == (1, [opportunity])
    assert told["never made", "Account"][0] == 1
    assert replays.ask(made.name, f'{{ opportunity(id: "{opportunity}") {{ name account {{ id }} }} }}') == {
        "opportunity": {"name": "Pumps", "account": None}
    }


# -- who sees what ------------------------------------------------------------------------------------------------


def test_rights_are_those_of_today_upon_whose_a_thing_is_today(
    api: Api, replays: Replays, cast: Cast, pipeline: str
) -> None:
    was, is_, other = (cast.user({"sales.see": "OWN"}) for _ in range(3))
    opportunity = an_opportunity(api, pipeline)
    api.given("assignOpportunityOwner", id=opportunity, ownerId=was.me)
    line = {"productId": a_product(api), "quantity": "1", "price": euros("1")}
    api.given("addOpportunityLine", id=opportunity, **line)
    until = api.position
    api.given("assignOpportunityOwner", id=opportunity, ownerId=is_.me)
    made = replays.make(until)
    query = f'{{ opportunity(id: "{opportunity}") {{ id lines {{ totalCount }} }} opportunities {{ totalCount }} }}'

    seen = [replays.ask(made.name, query, by) for by in (was, is_, other)]

    nothing = {"opportunity": None, "opportunities": {"totalCount": 0}}
    assert seen == [
        nothing,
        {"opportunity": {"id": opportunity, "lines": {"totalCount": 1}}, "opportunities": {"totalCount": 1}},
        nothing,
    ]


def test_what_is_hidden_is_hidden_and_what_is_not_permitted_is_refused(
    api: Api, replays: Replays, cast: Cast, story: Story, then: str
) -> None:
    blind = cast.user(ALL, hidden=["Opportunity.amount"])
    nobody = cast.user({"customers.see": "ALL"})
    query = f'{{ opportunity(id: "{story.opportunity}") {{ id amount {{ amount }} }} }}'

    assert replays.ask(then, query, blind) == {"opportunity": {"id": story.opportunity, "amount": None}}
    assert replays.code(then, query, nobody)[1] == "FORBIDDEN"
    assert replays.ask(then, query)["opportunity"]["amount"] == {"amount": "5"}


def test_who_is_forgotten_goes_out_of_it_and_is_not_in_one_that_is_made_later(
    api: Api, replays: Replays, story: Story
) -> None:
    name = some("Quillfeather")
    person = {"familyName": name, "emails": [f"{name}@hidden.example"]}
    gone, stays = (api.given("addContact", person=each) for each in (person, {"familyName": "Stays"}))
    until = api.position
    query = f'{{ a: contact(id: "{gone}") {{ familyName emails }} b: contact(id: "{stays}") {{ familyName }} }}'
    before = replays.make(until)
    seen = replays.ask(before.name, query)
    api.given("forgetContact", id=gone, reason="asked for it")
    command = replays.command(api.position)

    after = replays.make(until)
    unforgotten = replays.make(api.position, (command,))

    assert seen["a"]["familyName"] == name
    for each in (before, after, unforgotten):
        told = replays.ask(each.name, query)
        assert told["a"]["familyName"] is None and told["b"] == {"familyName": "Stays"}
    with replays.database() as connection:
        assert [place for place in places(connection, name) if "_replay_" in place] == []


def test_who_reads_of_a_person_in_it_is_noted(
    api: Api, database_url: str, replays: Replays, cast: Cast, story: Story, then: str
) -> None:
    reader = cast.user({**ALL, "customers.personal": "ALL"})

    told = replays.ask(then, f'query InReplay {{ contact(id: "{story.contact}") {{ familyName }} }}', reader)

    assert told == {"contact": {"familyName": "Lovelace"}}
    [access] = accessed(api, database_url, reader)
    assert (access.operation, access.persons) == ("InReplay", [UUID(story.contact.removeprefix("Contact_"))])


# -- one set beside another ---------------------------------------------------------------------------------------


def test_what_was_remembered_of_one_set_does_not_answer_for_another(
    api: Api, replays: Replays, story: Story, then: str
) -> None:
    other = replays.make(story.until + 1).name
    query = f'query Same {{ account(id: "{story.account}") {{ name }} }}'

    told = [replays.ask(name, query)["account"]["name"] for name in (then, other, then, other)]
    live = api.ask(query)["account"]["name"]

    assert (told, live) == (["Before", "After", "Before", "After"], "After")


def test_the_tag_of_one_set_does_not_hold_for_another(api: Api, replays: Replays, story: Story, then: str) -> None:
    other = replays.make(story.until + 1).name
    query = f'{{ account(id: "{story.account}") {{ name }} }}'

    def get(name: str | None, tag: str = "") -> httpx.Response:
        named = {"daybook-replay": name} if name else {}
        headers = {"authorization": f"Bearer {api.token}", "if-none-match": tag, **named}
        return api.http.get("/graphql", params={"query": query}, headers=headers)

    tags = {name: get(name).headers["etag"] for name in (then, other, None)}

    assert len(set(tags.values())) == 3
    for name in tags:
        for tagged, tag in tags.items():
            answer = get(name, tag)
            assert answer.status_code == 200 or name == tagged
            assert "daybook-replay" in answer.headers["vary"]


def test_what_was_not_folded_is_not_answered_by_the_live_views(replays: Replays, story: Story) -> None:
    only = [view for view in VIEWS if view.table in ("accounts", "opportunity_lines")]
    made = replays.make(story.until, views=only)
    account = f'account(id: "{story.account}") {{ name'

    assert replays.ask(made.name, f"{{ {account} }} }}") == {"account": {"name": "Before"}}
    assert replays.ask(made.name, "{ opportunityLines(first: 1) { totalCount } }")["opportunityLines"]["totalCount"]
    _, code, message = replays.code(made.name, f"{{ {account} opportunities {{ totalCount }} }} }}")
    assert code == "NOT_IN_REPLAY" and "has no opportunities" in message


HISTORY = 'history(id: "{account}") {{ totalCount }}'


@pytest.mark.parametrize(
    "query",
    [
        f"{{{{ {HISTORY} }}}}",
        f"{{{{ accounts {{{{ totalCount }}}} ... {{{{ other: {HISTORY} }}}} }}}}",
        f"{{{{ ...Told }}}} fragment Told on Query {{{{ {HISTORY} }}}}",
        "{{ accessLog {{ totalCount }} }}",
        '{{ compare(id: "{account}", from: {{position: 0}}) {{ standingAfter events {{ totalCount }} }} }}',
    ],
)
def test_what_is_not_read_from_views_is_not_asked_of_it(replays: Replays, story: Story, then: str, query: str) -> None:
    _, code, message = replays.code(then, query.format(**vars(story)))

    assert code == "NOT_IN_REPLAY" and "leave out the header" in message


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nothing-like-it", "x" * 500, "'; drop", ""])
def test_an_unknown_name_is_refused(replays: Replays, name: str) -> None:
    status, code, message = replays.code(name, "{ accounts { totalCount } }")

    assert (status, code) == (404, "UNKNOWN_REPLAY") and "there is no replay" in message


def test_one_that_expired_or_was_dropped_or_is_being_made_does_not_answer(replays: Replays, story: Story) -> None:
    query, seen = "{ accounts { totalCount } }", list[str]()
    gone = replays.make(story.until)
    with replays.database() as connection:
        drop(connection, gone.name)

    def meanwhile(_: Any) -> None:
        if not seen:
            with replays.database() as connection:
                [name] = connection.execute("select name from replays where made_at is null").fetchone() or ("",)
            seen.append(replays.code(name, query)[1])

    replays.make(story.until, progress=meanwhile)
    expired = replays.make(story.until, keep=timedelta(0))

    assert seen == ["UNKNOWN_REPLAY"]
    assert [replays.code(each.name, query)[1] for each in (gone, expired)] == ["UNKNOWN_REPLAY"] * 2


def test_nothing_but_questions_is_asked_of_it(api: Api, replays: Replays, then: str) -> None:
    head = api.head()
    rename = 'mutation { registerAccount(input: {name: "No"}) { version } }'
    follow = "subscription { events(after: 0) { position } }"

    asked = [
        replays.code(then, rename)[1:],
        replays.code(then, "{ accounts { totalCount } }", None, **{"daybook-position": "1"})[:2],
    ]

    assert asked[0] == ("READ_ONLY", "a replay takes no mutation: leave out the header Daybook-Replay")
    assert asked[1] == (400, "BAD_REQUEST")
    answer = replays.post(then, follow, accept="text/event-stream")
    assert "READ_ONLY" in answer.text and "a replay takes no subscription" in answer.text
    events = api.http.get("/events", headers={"authorization": f"Bearer {api.token}", "daybook-replay": then})
    assert events.status_code == 400
    assert api.head() == head


def test_over_a_websocket_it_is_not_asked(api: Api, replays: Replays, then: str) -> None:
    address = str(api.http.base_url).replace("http", "ws").rstrip("/") + "/graphql"
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {api.token}", "daybook-replay": then}}
    ask = {"id": "1", "type": "subscribe", "payload": {"query": "{ accounts { totalCount } }"}}

    with websocket(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as connection:
        connection.send(json.dumps(init))
        assert json.loads(connection.recv())["type"] == "connection_ack"
        connection.send(json.dumps(ask))
        told = json.loads(connection.recv())

    assert told["type"] == "error" and told["payload"][0]["extensions"]["code"] == "READ_ONLY"


def test_whoever_does_not_come_in_learns_no_names(replays: Replays, then: str) -> None:
    for name in (then, "nothing-like-it"):
        answer = replays.api.http.post("/graphql", json={"query": "{ __typename }"}, headers={"daybook-replay": name})
        assert answer.status_code == 401
