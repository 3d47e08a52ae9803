"""Who read what is personal, and of whom, is known: whichever way it was read, and of nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import psycopg
import pytest
from pytest import MonkeyPatch

import server
from domain.values import new_id
from infra import accesses
from infra.accesses import Access, Accesses, Reader, since
from infra.database import connect, migrate
from tests.api.cast import Cast
from tests.api.client import Api, some
from tests.api.test_subscription import following, some_of

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def kept(database_url: str, schema: str) -> Iterator[Accesses]:
    """The accesses of a company where nobody read anything yet."""
    migrate(database_url, schema)
    with Accesses(database_url, 30, schema) as made:
        yield made


@pytest.fixture
def told(kept: Accesses, database_url: str, schema: str) -> Callable[[], list[Access]]:
    """What is kept, the latest first."""

    def read() -> list[Access]:
        kept.write()
        with connect(database_url, schema) as connection:
            return since(connection, LONG_AGO, 10_000)

    return read


# -- how it is kept ------------------------------------------------------------------------------------


def test_what_one_reads_again_is_one_row_and_others_have_theirs(
    kept: Accesses, told: Callable[[], list[Access]]
) -> None:
    ada, ben = Reader("/graphql", new_id(), "t", "203.0.113.7", None, "Card"), Reader("/graphql", new_id())
    first, second = new_id(), new_id()

    for reader, persons in ((ada, [first]), (ada, [first, second]), (ben, [second])):
        kept.note(reader, {"Contact": [str(person) for person in persons]})

    found = {each.user_id: each for each in told()}
    assert len(found) == 2
    mine = found[ada.user_id]
    assert (mine.persons, mine.times, mine.unnamed) == (sorted([first, second]), 2, 0)
    assert (mine.token, mine.address, mine.operation, mine.kind) == ("t", "203.0.113.7", "Card", "Contact")
    assert (found[ben.user_id].persons, found[ben.user_id].times) == ([second], 1)


def test_more_than_can_be_named_at_once_is_counted_and_no_row_is_endless(
    kept: Accesses, told: Callable[[], list[Access]], monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr(accesses, "MOST_AT_ONCE", 100)
    monkeypatch.setattr(accesses, "MOST_IN_ROW", 30)
    persons = [str(new_id()) for _ in range(100)]

    kept.note(Reader("/graphql"), {"Contact": persons})
    kept.note(Reader("/graphql"), {"Contact": [str(new_id()) for _ in range(7)]})

    rows = told()
    assert [len(each.persons) for each in reversed(rows)] == [30, 30, 30, 10]
    assert {str(id) for each in rows for id in each.persons} == set(persons)
    assert sum(each.unnamed for each in rows) == 7


def test_what_presses_is_said_to_press(kept: Accesses, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(accesses, "SOON", 2)
    kept.note(Reader("/graphql"), {"Contact": [str(new_id())]})
    before = kept.pressing

    kept.note(Reader("/graphql"), {"Contact": [str(new_id())]})

    assert (before, kept.pressing) == (False, True)
    kept.write()
    assert not kept.pressing


def test_what_is_old_is_forgotten_and_of_what_is_many_the_oldest(
    kept: Accesses, told: Callable[[], list[Access]], database_url: str, schema: str, monkeypatch: MonkeyPatch
) -> None:
    kept.note(Reader("old"), {"Contact": []})
    kept.write()
    with connect(database_url, schema) as connection:
        connection.execute("update accesses set at = now() - interval '31 days'")
    kept.note(Reader("new"), {"Contact": []})
    assert [each.way for each in told()] == ["new"]

    monkeypatch.setattr(accesses, "MOST_KEPT", 3)
    for number in range(8):
        kept.note(Reader(f"way {number}"), {"Contact": []})

    assert len(told()) == 3


def test_what_cannot_be_kept_now_is_kept_later(
    kept: Accesses, told: Callable[[], list[Access]], database_url: str
) -> None:
    first, second = new_id(), new_id()
    kept.note(Reader("w"), {"Contact": [str(first)]})
    with kept._pool.connection() as used:
        pid = used.info.backend_pid

    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s)", [pid])
    kept.write()
    kept.note(Reader("w"), {"Contact": [str(second)]})

    [row] = told()
    assert (row.persons, row.times) == (sorted([first, second]), 2)


# -- what is kept --------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def written_at_once() -> Iterator[None]:
    """The server of the tests looks often whether there is something to write."""
    with MonkeyPatch.context() as patch:
        patch.setattr(server, "WRITE", 1)
        patch.setattr(server, "LOOK_AGAIN", 0.1)
        yield


@pytest.fixture
def reader(cast: Cast) -> Api:
    """Somebody of whom nothing was noted yet."""
    return cast.user({"customers.*": "ALL", "platform.see": "ALL"})


def a_contact(api: Api, family_name: str, title: str | None = None) -> str:
    return api.given("addContact", person={"givenName": "Zoe", "familyName": family_name}, title=title)


def accessed(api: Api, database_url: str, reader: Api, until: int = 1) -> list[Access]:
    """What was noted of a reader, once it is written."""

    end = monotonic() + 120
    with connect(database_url, "test_api") as connection:
        while True:
            rows = [each for each in since(connection, LONG_AGO, 10_000) if each.user_id == reader.user_id]
            if sum(each.times for each in rows) >= until:
                return rows
            assert monotonic() < end, rows
            sleep(0.05)


def of(rows: list[Access]) -> dict[str, set[str]]:
    """By kind, of whom."""
    told: dict[str, set[str]] = {}
    for each in rows:
        told.setdefault(each.kind, set()).update(f"Contact_{person}" for person in each.persons)
    return told


WAYS = {
    "by id": '{{ contact(id: "{id}") {{ givenName }} }}',
    "as a node": '{{ node(id: "{id}") {{ ... on Contact {{ emails }} }} }}',
    "among nodes": '{{ nodes(ids: ["{id}"]) {{ ... on Contact {{ birthday }} }} }}',
    "in a list": '{{ contacts(filter: {{title: {{eq: "{word}"}}}}) {{ nodes {{ familyName }} }} }}',
    "in an edge, in a fragment": (
        'query {{ contacts(filter: {{title: {{eq: "{word}"}}}}) {{ edges {{ node {{ ...F }} }} }} }}'
        " fragment F on Contact {{ phones }}"
    ),
    "below another": '{{ account(id: "{account}") {{ contactAccounts {{ nodes {{ contact {{ givenName }} }} }} }} }}',
    "as it was": '{{ contact(id: "{id}", asOf: {{position: {position}}}) {{ givenName }} }}',
    "as it had happened": '{{ contact(id: "{id}", occurred: {{until: "2100-01-01"}}) {{ givenName }} }}',
    "as a hit": '{{ search(query: "{word}", kinds: [CONTACT]) {{ nodes {{ ... on Contact {{ givenName }} }} }} }}',
    "as a match": '{{ search(query: "{word}", kinds: [CONTACT]) {{ edges {{ matched {{ text }} }} }} }}',
    "by its history": '{{ history(id: "{id}") {{ nodes {{ changes {{ field before after }} }} }} }}',
    "by two instants": (
        '{{ compare(id: "{id}", from: {{position: 1}}, to: {{position: {position}}})'
        " {{ changes {{ field before after }} }} }}"
    ),
    "found by it": '{{ contacts(filter: {{familyName: {{eq: "{word}"}}}}) {{ nodes {{ title familyName }} }} }}',
    "in what an event changed": '{{ history(id: "{id}") {{ nodes {{ changes {{ field after }} }} }} }}',
    "of what was changed": '{{ history(id: "{id}") {{ nodes {{ node {{ ... on Contact {{ phones }} }} }} }} }}',
    "beside what graphql-core answers": '{{ contact(id: "{id}") {{ givenName }} __schema {{ description }} }}',
}


@pytest.mark.parametrize("way", WAYS)
def test_whoever_is_told_something_personal_is_noted_with_the_person_and_no_other(
    api: Api, database_url: str, reader: Api, way: str
) -> None:
    word, account = some("Quill").replace("-", ""), api.given("registerAccount", name="Acme")
    id, other = a_contact(api, word, title=word), a_contact(api, "Other")
    api.given("joinContactAccount", id=id, accountId=account)
    reader.position = api.position

    text = WAYS[way].format(id=id, word=word, account=account, position=api.position)
    answer = reader.post(text).text

    rows = accessed(api, database_url, reader)
    assert '" of' not in answer and "errors" not in answer
    assert id in of(rows)["Contact"] and other not in of(rows)["Contact"]
    [row] = [each for each in rows if each.persons]
    assert (row.way, row.times, row.address) == ("/graphql", 1, "127.0.0.1")


def test_the_same_query_is_answered_alike_whether_it_is_noted_or_not(api: Api, reader: Api) -> None:
    id = a_contact(api, 'Of "mark" of', title='" of0":"Contact 00000000-0000-7000-8000-000000000000",')
    text = "query ($id: ID!) { contact(id: $id) { title familyName id } node(id: $id) { id __typename } }"
    reader.position = api.position

    answer = reader.ask(text, id=id)

    assert answer["contact"] == {
        "title": '" of0":"Contact 00000000-0000-7000-8000-000000000000",',
        "familyName": 'Of "mark" of',
        "id": id,
    }


def test_what_is_said_in_an_interaction_is_told_of_the_contact(api: Api, database_url: str, reader: Api) -> None:
    id = a_contact(api, "Quill")
    spoken = api.given("logInteraction", kind="CALL", direction="INBOUND", contactId=id, subject="her leg")
    reader.position = api.position

    reader.ask("query Calls($id: ID!) { interaction(id: $id) { subject minutes } }", id=spoken)

    [row] = accessed(api, database_url, reader)
    assert (row.kind, of([row]), row.operation) == ("Interaction", {"Interaction": {id}}, "Calls")


def test_what_is_not_personal_or_is_hidden_or_not_there_is_not_noted(api: Api, database_url: str, cast: Cast) -> None:
    id, word = a_contact(api, "Quill"), some("Nobody")
    blind = cast.user({"customers.see": "ALL"})
    seeing = cast.user({"customers.*": "ALL"})
    blind.position = seeing.position = api.position

    assert blind.ask("query ($id: ID!) { contact(id: $id) { familyName } }", id=id)["contact"] == {"familyName": None}
    seeing.ask("query ($id: ID!) { contact(id: $id) { title version } }", id=id)
    seeing.ask("query ($w: String!) { contacts(filter: {title: {eq: $w}}) { nodes { familyName } } }", w=word)
    seeing.ask("query Last($id: ID!) { contact(id: $id) { familyName } }", id=id)

    rows = accessed(api, database_url, seeing)
    assert [(each.operation, of([each])) for each in rows] == [("Last", {"Contact": {id}})]
    with connect(database_url, "test_api") as connection:
        assert blind.user_id not in {each.user_id for each in since(connection, LONG_AGO, 10_000)}


@pytest.mark.parametrize(
    "text",
    [
        '{ contacts(filter: {familyName: {eq: "Quill"}}) { totalCount } }',
        "{ contacts { groupBy(by: {field: FAMILY_NAME}) { count } } }",
        "{ contacts(orderBy: [{field: FAMILY_NAME}]) { pageInfo { endCursor } } }",
        '{ search(query: "Quill", kinds: [CONTACT]) { totalCount } }',
    ],
)
def test_who_seeks_by_what_is_personal_is_noted_without_a_person(
    api: Api, database_url: str, reader: Api, text: str
) -> None:
    reader.ask(text)

    [row] = accessed(api, database_url, reader)
    assert (row.kind, row.persons, row.times) == ("Contact", [], 1)


def test_what_a_mutation_or_a_subscription_shows_is_noted(api: Api, database_url: str, reader: Api) -> None:
    id = a_contact(api, "Quill")
    reader.position = api.position
    before = api.head()

    reader.do("tagContact", "contact { familyName }", id=id, label="vip")
    text = f'subscription {{ events: contactChanged(ids: ["{id}"], after: {before}) {{ contact {{ givenName }} }} }}'
    with following(reader, text) as changes:
        some_of(changes, 1)

    rows = accessed(api, database_url, reader, until=2)
    assert sum(each.times for each in rows) == 2
    assert of(rows) == {"Contact": {id}}


def test_streams_of_events_tell_what_is_personal_sealed_and_so_nothing_is_noted(api: Api, reader: Api) -> None:
    before, id = api.head(), a_contact(api, "Quillfeather")
    headers = {"authorization": f"Bearer {reader.token}"}

    answer = api.http.get("/events", params={"after": before}, headers=headers).text

    assert id in answer and "Quillfeather" not in answer


# -- how it is read ------------------------------------------------------------------------------------

LOG = """query ($filter: AccessFilter, $first: Int, $after: String) {
    accessLog(filter: $filter, first: $first, after: $after) {
        totalCount pageInfo { hasNextPage hasPreviousPage endCursor } edges { cursor node { at } }
        nodes { at way user token address local operation kind persons personCount times unnamed } } }"""


def test_an_auditor_finds_who_read_of_a_person(api: Api, database_url: str, cast: Cast, reader: Api) -> None:
    id, other = a_contact(api, "Quill"), a_contact(api, "Other")
    reader.position = api.position
    reader.ask("query Card($id: ID!) { contact(id: $id) { familyName } }", id=id)
    reader.ask("query Card($id: ID!) { contact(id: $id) { familyName } }", id=other)
    accessed(api, database_url, reader, until=2)
    auditor = cast.user({"platform.audit": "ALL"})

    found = auditor.ask(LOG, filter={"person": id})["accessLog"]

    [access] = found["nodes"]
    assert found["totalCount"] == 1
    assert access["user"] == reader.me and id in access["persons"]
    assert (access["operation"], access["kind"], access["way"]) == ("Card", "Contact", "/graphql")
    mine = auditor.ask(LOG, filter={"user": reader.me, "kind": "Contact", "from": access["at"]})["accessLog"]
    assert {person for each in mine["nodes"] for person in each["persons"]} == {id, other}
    assert auditor.ask(LOG, filter={"user": reader.me, "to": access["at"]})["accessLog"]["nodes"] == []


def test_the_log_is_read_in_pages(api: Api, database_url: str, cast: Cast) -> None:
    kept: list[Any] = [(Reader("tests", UUID(int=7), operation=f"number {number}"), "Contact") for number in range(5)]
    with connect(database_url, "test_api") as connection:
        for reader, kind in kept:
            accesses.note_now(connection, reader, kind, [])
    auditor, asked = cast.user({"platform.audit": "ALL"}), {"user": f"User_{UUID(int=7)}"}

    pages, after = [], None
    while True:
        page = auditor.ask(LOG, filter=asked, first=2, after=after)["accessLog"]
        pages.append([each["operation"] for each in page["nodes"]])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert pages == [["number 4", "number 3"], ["number 2", "number 1"], ["number 0"]]
    assert page["totalCount"] == 5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"first": 0}, "`first` is between 1 and 1000"),
        ({"first": 1001}, "`first` is between 1 and 1000"),
        ({"after": "x"}, "this cursor does not belong to the access log"),
        ({"filter": {"kind": "\0"}}, "`filter.kind` holds NUL"),
    ],
)
def test_what_cannot_be_asked_of_the_log_is_said(api: Api, given: dict[str, Any], said: str) -> None:
    assert api.refused(LOG, **given) == ("BAD_USER_INPUT", said)
