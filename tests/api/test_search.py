"""One search over everything: what is found, in which order, and by whom."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest
from graphql.execution.values import VariableValues

from api.compile import Compiler
from api.documents import prepare
from api.ports import Caller, ViewType
from domain.rights import Scope
from infra.serving import Place
from infra.tables import Table
from projections.customers.account import AccountView
from projections.words import words
from server import schema_of
from tests.api.client import Api, some
from tests.api.company import a_product, a_user, an_account, an_opportunity

SEARCH = """query ($query: String!, $kinds: [SearchKind!], $first: Int, $after: String, $asOf: AsOf) {
    search(query: $query, kinds: $kinds, first: $first, after: $after, asOf: $asOf) {
        edges {
            kind matched { field text } cursor
            node { __typename id ... on Account { name } ... on Contact { familyName } ... on Opportunity { name } }
        }
        nodes { id }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        totalCount
    } }"""


def search(api: Api, query: str, **variables: Any) -> Any:
    return api.ask(SEARCH, query=query, **variables)["search"]


def ids(found: Any) -> list[str]:
    return [each["id"] for each in found["nodes"]]


def word() -> str:
    """A word that nothing else has."""
    return some("zebra").replace("-", "q") + "x"


def test_a_word_finds_all_that_bears_it_whatever_its_kind(api: Api, pipeline: str) -> None:
    name = word()
    account = an_account(api, f"{name.upper()} Books")
    contact = api.given("addContact", person={"givenName": "Ada", "familyName": name})
    opportunity = an_opportunity(api, pipeline, f"Shelves for {name}")
    product = a_product(api, f"The {name}")
    an_account(api, "Neighbour")

    found = search(api, name)

    assert set(ids(found)) == {account, contact, opportunity, product}
    assert {(e["kind"], e["node"]["__typename"]) for e in found["edges"]} == {
        ("ACCOUNT", "Account"),
        ("CONTACT", "Contact"),
        ("OPPORTUNITY", "Opportunity"),
        ("PRODUCT", "Product"),
    }
    assert found["totalCount"] == 4


@pytest.mark.parametrize(
    "query", ["har{}", "HAR{}BOUR", "  har{}bour   books ", "books har{}", "har{}bour-books", "www har{}", "bo har{}"]
)
def test_words_may_be_cut_short_and_stand_in_any_order_and_field(api: Api, query: str) -> None:
    mark = word()
    account = an_account(api, f"har{mark}bour Books", website=f"https://www.har{mark}.example")

    assert ids(search(api, query.format(mark))) == [account]


@pytest.mark.parametrize("query", ["har{} nothing", "bour{}", "ooks{}"])
def test_a_hit_has_all_words(api: Api, query: str) -> None:
    mark = word()
    an_account(api, f"har{mark}bour Books")

    assert search(api, query.format(mark))["edges"] == []


def test_what_bears_the_very_name_comes_first_then_what_begins_with_it(api: Api) -> None:
    name = word()
    elsewhere = an_account(api, "A", website=f"https://{name}.example")
    long, inside = an_account(api, f"The old {name}"), an_account(api, f"The {name}")
    begins, exact = an_account(api, f"{name} Books"), an_account(api, name)

    assert ids(search(api, name)) == [exact, begins, inside, long, elsewhere]


def test_a_hit_says_where_a_word_was_found(api: Api) -> None:
    mark = word()
    an_account(api, "Harbour", website=f"https://{mark}.example")

    [edge] = search(api, mark)["edges"]

    assert edge["matched"] == {"field": "website", "text": f"https://{mark}.example"}


@pytest.mark.parametrize(
    "shown",
    [
        "totalCount",
        "__typename",
        "nodes { id }",
        "edges { cursor }",
        "pageInfo { hasPreviousPage }",
        "totalCount nodes { id }",
    ],
)
def test_any_part_of_a_page_is_asked_for_alone(api: Api, shown: str) -> None:
    an_account(api, "Alone")

    found = api.ask(f'{{ search(query: "alone") {{ {shown} }} }}')["search"]

    assert found.get("totalCount", 1) >= 1 and found.get("nodes", [0]) != []


def test_what_was_put_away_or_merged_is_not_found(api: Api) -> None:
    name = word()
    gone, merged, stays = (an_account(api, name) for _ in range(3))
    api.given("archiveAccount", id=gone)
    api.given("mergeAccountInto", id=merged, survivorId=stays)

    assert ids(search(api, name)) == [stays]


def test_only_the_kinds_that_were_asked_for_are_found(api: Api) -> None:
    name = word()
    an_account(api, name)
    user = a_user(api, name)

    assert ids(search(api, name, kinds=["USER", "TEAM"])) == [user]


def test_pages_follow_each_other_and_a_hit_made_meanwhile_shifts_none(api: Api) -> None:
    name = word()
    made = {an_account(api, f"The {name}") for _ in range(3)} | {a_product(api, f"The {name}") for _ in range(2)}
    first = search(api, name, first=2)
    an_account(api, name)

    second = search(api, name, first=2, after=first["pageInfo"]["endCursor"])
    third = search(api, name, first=2, after=second["pageInfo"]["endCursor"])

    assert [len(ids(page)) for page in (first, second, third)] == [2, 2, 1]
    assert {*ids(first), *ids(second), *ids(third)} == made
    assert [page["pageInfo"]["hasNextPage"] for page in (first, second, third)] == [True, True, False]
    assert [page["pageInfo"]["hasPreviousPage"] for page in (first, second, third)] == [False, True, True]
    assert first["pageInfo"]["startCursor"] == first["edges"][0]["cursor"]


def test_the_past_is_searched_as_it_was(api: Api) -> None:
    old, new = word(), word()
    account = an_account(api, old)
    before = api.position
    api.given("renameAccount", id=account, name=new)

    assert ids(search(api, old)) == []
    assert ids(search(api, old, asOf={"position": before})) == [account]
    assert ids(search(api, new, asOf={"position": before})) == []


def test_who_was_forgotten_is_not_found(api: Api) -> None:
    name = word()
    contact = api.given("addContact", person={"familyName": name})
    assert ids(search(api, name)) == [contact]

    api.given("forgetContact", id=contact, reason="asked to")

    assert ids(search(api, name)) == []


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"query": ""}, "from 1 to 10 words"),
        ({"query": "_-*%'"}, "from 1 to 10 words"),
        ({"query": "a b c d e f g h i j k"}, "from 1 to 10 words"),
        ({"query": "a" * 201}, "at most 200 letters"),
        ({"query": "a\0b"}, "neither NUL"),
        ({"query": "a", "first": 0}, "`first` is between 1 and 100"),
        ({"query": "a", "first": 101}, "`first` is between 1 and 100"),
        ({"query": "a", "kinds": []}, "at least one kind"),
        ({"query": "a", "after": "nonsense"}, "cursor"),
        ({"query": "a", "after": "WyIxIiwiYSIsIjEiXQ=="}, "cursor"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(api: Api, variables: Any, says: str) -> None:
    code, message = api.refused(SEARCH, **variables)

    assert code == "BAD_USER_INPUT" and says in message


@pytest.mark.parametrize("query", ["o'brien:*", "a & b | !c", "<->", "it''s", "\\", "$1", "é", "上海", "Ünal", "🦓 x"])
def test_no_sign_in_a_query_means_anything(api: Api, query: str) -> None:
    answer = api.post(SEARCH, {"query": query}).json()

    codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
    assert codes <= {"BAD_USER_INPUT"}


@pytest.mark.parametrize("name", ["O'Brien", "上海贸易公司", "Ünal", "3e5 Ltd", "a.b@c.example"])
def test_what_was_written_is_found_by_what_was_written(api: Api, name: str) -> None:
    account = an_account(api, name)

    assert account in ids(search(api, name, first=100))


def test_a_search_costs_as_much_as_its_page_is_long(api: Api) -> None:
    def cost(first: int) -> int:
        headers = {"daybook-cost": "1"}
        text = f'{{ search(query: "a", first: {first}) {{ nodes {{ id }} }} }}'
        return int(api.post(text, {}, **headers).json()["extensions"]["cost"])

    assert cost(100) - cost(50) == 50


# -- who finds what --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reader:
    """Somebody who may see some things."""

    permissions: tuple[str, ...] = ("customers.see",)
    owners: tuple[UUID, ...] | None = None
    hidden: tuple[str, ...] = ()

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def reach(self, permission: str) -> Scope | None:
        return Scope.ALL if self.may(permission) else None

    def sees(self, view: ViewType) -> Collection[UUID] | None:
        return self.owners

    def hides(self, view: ViewType, column: str) -> bool:
        return column in self.hidden


def found_by(reader: Reader, url: str, query: str) -> Any:
    """What a search gives to a reader, as the one statement that it is."""
    schema, views = schema_of("UTC")
    asked = prepare(schema._schema, f'{{ search(query: "{query}") {{ {SHOWN} }} }}')
    caller, places = Caller(UUID(int=1), reader, "reader"), lambda view: Place(Table(view).name, Table(view).history)
    no_variables: Any = VariableValues({}, {})
    compiler = Compiler(schema._schema, asked.operation(None), {}, no_variables, caller, places, views)
    sql = compiler.whole()
    assert sql
    with psycopg.connect(url, options="-c search_path=test_api") as connection:
        row = psycopg.RawCursor(connection).execute(sql.encode(), compiler.statement.parameters).fetchone()
    assert row
    text, _ = compiler.statement.personal.told(row[0])
    return json.loads(text)["search"]


SHOWN = "nodes { id } totalCount edges { matched { field text } node { ... on Account { website } } }"


def test_a_reader_finds_only_the_kinds_and_the_rows_that_are_theirs(api: Api, pipeline: str, database_url: str) -> None:
    name = word()
    mine, other = an_account(api, f"{name} mine"), an_account(api, f"{name} other")
    api.given("assignAccountOwner", id=mine, ownerId=api.me)
    opportunity = an_opportunity(api, pipeline, name)

    everything = found_by(Reader(("customers.see", "sales.see")), database_url, name)
    customers = found_by(Reader(), database_url, name)
    own = found_by(Reader(owners=(api.user_id,)), database_url, name)

    assert set(ids(everything)) == {mine, other, opportunity} and everything["totalCount"] == 3
    assert set(ids(customers)) == {mine, other} and customers["totalCount"] == 2
    assert ids(own) == [mine] and own["totalCount"] == 1


def test_what_is_found_says_nothing_but_what_was_asked(api: Api) -> None:
    name = word()
    an_account(api, name)

    [edge] = api.ask(f'{{ search(query: "{name}", kinds: [ACCOUNT]) {{ edges {{ matched {{ field }} }} }} }}')[
        "search"
    ]["edges"]

    assert edge == {"matched": {"field": "name"}}


def test_nobody_finds_anything_by_what_is_hidden_from_them(api: Api, database_url: str) -> None:
    name, site = word(), word()
    account = an_account(api, name, website=f"https://{site}.example")
    reader = Reader(hidden=("website",))

    shown, hidden = found_by(Reader(), database_url, site), found_by(reader, database_url, site)
    [edge] = found_by(reader, database_url, name)["edges"]

    assert ids(shown) == [account] and (ids(hidden), hidden["totalCount"]) == ([], 0)
    assert edge == {"matched": {"field": "name", "text": name}, "node": {"website": None}}


def test_a_search_goes_by_an_index(api: Api, database_url: str) -> None:
    table = Table(AccountView)
    held = words([f'r."{column}"' for column in AccountView.search])
    asked = f"explain select id from {table.name} r where {held} @@ to_tsquery('simple'::regconfig, 'ada:*')"

    with psycopg.connect(database_url, options="-c search_path=test_api -c enable_seqscan=off") as connection:
        plan = connection.execute(asked.encode()).fetchall()

    assert any(f"accounts{table.search}" in line for (line,) in plan)
