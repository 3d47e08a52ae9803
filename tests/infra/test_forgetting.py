"""A person is forgotten: nothing of them is left in any table, nothing comes back, and the history is whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any, Final
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from domain.command import Changed, Code, Refusal, Request
from domain.customers.contact import Contact, Person
from domain.values import new_id
from infra.commit import Asked, Commit, Decision, Forgotten
from infra.database import connect
from infra.dead_letters import letters
from infra.event_store import EventStore
from infra.feed import Batch
from infra.feed.log import LogFeed
from infra.forgetting import destroy, scrub
from infra.kafka.cluster import Cluster
from infra.memory import Memory
from infra.projection import Fenced, Projector
from infra.rebuild import REMEMBERING, Progress, build, prepare, rebuild, state_of
from infra.tables import Table, digest
from projections.catalogue import VIEWS
from projections.customers.contact import ContactConsentView, ContactView
from projections.view import View
from tests.infra.past import published, without_views
from tests.infra.searching import places
from tests.infra.streams import messages, relayed, relaying
from tests.infra.test_dead_letters import LONG, carefully
from tests.scenario import ME, World

SECRETS: Final = (
    "Zebedee",
    "Quillfeather",
    "zebedee@hidden.example",
    "+4930901820",
    "1987-03-21",
    "signed by Zeb",
    "rang Zeb",
    "Zeb moved",
)
ZEBEDEE: Final = {
    "given_name": "Zebedee",
    "family_name": "Quillfeather",
    "emails": ["Zebedee@hidden.example"],
    "phones": ["+49 30 901820"],
    "birthday": "1987-03-21",
}
OURS: Final = (ContactView, ContactConsentView)


class Revised(ContactView, revision=2):
    """Contacts, declared otherwise."""


@pytest.fixture
def company(world: World) -> World:
    """A company whose views are built, and hold nothing yet."""
    without_views(world.connection)
    published(world.connection, VIEWS)
    return world


@pytest.fixture
def zebedee(company: World) -> UUID:
    """A person of whom much is known, now and before."""
    return _much_known(company)


def _much_known(world: World) -> UUID:
    account = world.given("Account.register", name="Acme")
    id = world.given("Contact.add", person=ZEBEDEE, title="buyer", account_id=account, role="champion")
    world.given("Contact.correct", id, person={"phones": []})
    world.given("Contact.give_consent", id, purpose="marketing", channel="email", evidence="signed by Zeb")
    world.given("Contact.comment", id, text="rang Zeb")
    world.given("Contact.archive", id, reason="Zeb moved")
    world.given("Contact.restore", id)
    return id


@pytest.fixture
def neighbour(company: World) -> UUID:
    id = company.given("Contact.add", person={"given_name": "Nell", "emails": ["nell@example.org"]}, title="clerk")
    company.given("Contact.give_consent", id, purpose="survey", channel="phone", evidence="asked on the phone")
    return id


def forget(world: World, id: UUID) -> None:
    world.given("Contact.forget", id, reason="asked for it")


def found(connection: Connection[Any], texts: tuple[str, ...] = SECRETS) -> set[tuple[str, str]]:
    """The tables of the schema in which any of these texts stands, in any column, as text or in bytes."""
    known = {text.lower(): text for text in texts}
    return {(table, known[hit]) for table, hit in places(connection, "|".join(map(re.escape, texts)))}


def shown(world: World, view: type[View], id: UUID) -> list[tuple[Any, ...]]:
    """All versions of the rows of one aggregate, the newest first."""
    table = Table(view)
    columns = SQL(", ").join(Identifier(c.name) for c in table.live_columns)
    statement = SQL(
        "select {0} from {1} where id = %(id)s union all select {0} from {2} where id = %(id)s order by _from desc"
    )
    return world.connection.execute(
        statement.format(columns, Identifier(table.name), Identifier(table.history)), {"id": id}
    ).fetchall()


def personal_columns(view: type[View]) -> list[int]:
    return [place for place, column in enumerate(Table(view).live_columns) if column.whose]


def test_nothing_of_the_person_is_left_in_any_table(company: World, zebedee: UUID) -> None:
    company.projected()
    before = found(company.connection)

    forget(company, zebedee)
    at_once = found(company.connection)
    company.projected()

    assert {text for _, text in before} >= set(SECRETS) - {"rang Zeb"}
    assert at_once == set()
    assert found(company.connection) == set()


def test_nothing_personal_is_ever_in_the_history_itself(company: World, zebedee: UUID) -> None:
    assert found(company.connection) == set()


def test_versions_and_counts_stay_and_a_neighbour_is_untouched(company: World, zebedee: UUID, neighbour: UUID) -> None:
    company.projected()
    before = {(view, id): shown(company, view, id) for view in OURS for id in (zebedee, neighbour)}

    forget(company, zebedee)

    for view in OURS:
        assert shown(company, view, neighbour) == before[view, neighbour] != []
        personal = personal_columns(view)
        without = [tuple(None if n in personal else v for n, v in enumerate(row)) for row in before[view, zebedee]]
        assert shown(company, view, zebedee) == without


def test_the_chain_stays_whole_and_what_was_recorded_stays_recorded(company: World, zebedee: UUID) -> None:
    before = company.connection.execute("select position, hash, state from events order by position").fetchall()

    forget(company, zebedee)

    after = company.connection.execute("select position, hash, state from events order by position").fetchall()
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1
    broken = "select first_broken_position(1, %s, sha256('daybook history 1'))"
    assert company.connection.execute(broken, [len(after)]).fetchone() == (None,)


def test_replayed_the_contact_is_there_with_nulls(company: World, zebedee: UUID) -> None:
    before = company.load(zebedee)

    forget(company, zebedee)

    after = company.load(zebedee)
    assert (before.person.given_name, after.person, after.archive_reason) == ("Zebedee", None, None)
    assert [each.evidence for each in after.consents.values()] == [None]
    assert (after.version, after.title, after.forgotten) == (before.version + 1, "buyer", True)


def test_a_projector_that_remembers_the_rows_does_not_write_them_back(company: World, zebedee: UUID) -> None:
    projector, feed = company.projected(), LogFeed(company.connection)
    company.given("Contact.change_details", zebedee, title="head buyer")  # not projected yet

    forget(company, zebedee)

    with pytest.raises(Fenced):
        projector.step(feed)
    company.projected()
    assert found(company.connection) == set()
    assert shown(company, ContactView, zebedee)[1][0:2] == (zebedee, company.load(zebedee).version - 1)


def test_a_projector_that_remembers_the_key_does_not_write_with_it(company: World, zebedee: UUID) -> None:
    projector, feed = Projector(company.connection, VIEWS), LogFeed(company.connection)
    while not found(company.connection):
        projector.step(feed, 1)

    class Late:
        """Brings events, and meanwhile the person is forgotten."""

        def read(self, after: Mapping[int, int], most: int) -> Batch:
            batch = feed.read(after, most)
            forget(company, zebedee)
            return batch

    with pytest.raises(Fenced):
        projector.step(Late())
    assert found(company.connection) == set()


def test_a_rebuild_that_was_half_way_does_not_bring_it_back(
    company: World, database_url: str, zebedee: UUID, neighbour: UUID
) -> None:
    db, another = company.connection, company.given("Contact.add", person={"given_name": "Last"})
    company.projected()
    table = Table(Revised)
    prepare(db, [table])
    assert not build(db, db, table, most=8, batches=1)
    half = found(db, ("Quillfeather",))

    forget(company, zebedee)
    [schema] = db.execute("select current_schema()").fetchone() or ("",)
    rebuild(database_url, schema, [Revised])

    assert {name for name, _ in half} >= {table.name}
    assert found(db) == set()
    assert state_of(db, table) == "live" and state_of(db, Table(ContactView)) == "old"
    assert company.load(another).person.given_name == "Last"


def test_a_rebuild_that_is_being_levelled_goes_on_and_does_not_bring_it_back(
    company: World, database_url: str, zebedee: UUID, neighbour: UUID
) -> None:
    company.projected()
    [schema] = company.connection.execute("select current_schema()").fetchone() or ("",)

    class Late(ContactView, revision=3):
        """Contacts, of whom one is forgotten while it is taken in."""

        @classmethod
        def changes(cls, event: Any) -> dict[str, Any]:
            if isinstance(event, Contact.DetailsChanged) and not company.load(zebedee).forgotten:
                forget(company, zebedee)
            return super().changes(event)

    def beyond_what_is_built(at: Progress) -> None:
        if at.stage == "build":
            company.given("Contact.change_details", neighbour, title="head clerk")

    rebuild(database_url, schema, [Late], beyond_what_is_built)

    assert company.load(zebedee).forgotten
    assert found(company.connection) == set()
    assert "head clerk" in shown(company, Late, neighbour)[0]
    assert state_of(company.connection, Table(Late)) == "live"


def test_a_batch_of_a_rebuild_that_is_being_written_is_waited_for(
    company: World, database_url: str, zebedee: UUID
) -> None:
    company.projected()
    [schema] = company.connection.execute("select current_schema()").fetchone() or ("",)
    table = Table(Revised)
    prepare(company.connection, [table])
    batch = SQL("insert into {} select * from {}").format(Identifier(table.name), Identifier(Table(ContactView).name))

    with ThreadPoolExecutor(1) as threads, connect(database_url, schema) as building:
        with building.transaction():
            building.execute(REMEMBERING)
            building.execute(batch)
            forgetting = threads.submit(forget, company, zebedee)
            with pytest.raises(TimeoutError):
                forgetting.result(0.3)
        forgetting.result(20)

    assert found(company.connection) == set()


def test_a_batch_of_a_rebuild_waits_for_who_is_being_forgotten_and_reads_null(
    company: World, database_url: str, zebedee: UUID
) -> None:
    [schema] = company.connection.execute("select current_schema()").fetchone() or ("",)
    table = Table(Revised)
    prepare(company.connection, [table])

    with ThreadPoolExecutor(1) as threads, connect(database_url, schema) as forgetting:
        with forgetting.transaction():
            scrub(forgetting, [zebedee])
            building = threads.submit(build, company.connection, company.connection, table)
            with pytest.raises(TimeoutError):
                building.result(0.3)
            destroy(forgetting, [zebedee])
        assert building.result(20)

    assert found(company.connection) == set()


def test_tables_that_are_kept_for_a_rollback_are_scrubbed_too(company: World, database_url: str, zebedee: UUID) -> None:
    db = company.connection
    [schema] = db.execute("select current_schema()").fetchone() or ("",)
    company.projected()
    rebuild(database_url, schema, [Revised])
    before = {name for name, _ in found(db)}

    forget(company, zebedee)

    assert before >= {Table(Revised).name, Table(ContactView).name, Table(ContactView).history}
    assert found(db) == set()


def test_live_is_rebuilt_after_a_forget(company: World, database_url: str, zebedee: UUID, neighbour: UUID) -> None:
    company.projected()
    forget(company, zebedee)
    company.projected()
    [schema] = company.connection.execute("select current_schema()").fetchone() or ("",)

    for made in rebuild(database_url, schema, VIEWS):
        assert made.as_before, made


@pytest.fixture
def elsewhere(company: World, database_url: str) -> Iterator[World]:
    """Another server, over the same database."""
    [schema] = company.connection.execute("select current_schema()").fetchone() or ("",)
    with EventStore(database_url, schema) as store:
        yield World(store, company.connection)


def test_another_server_that_remembers_all_cannot_record_for_the_person(
    company: World, zebedee: UUID, elsewhere: World
) -> None:
    elsewhere.given("Contact.correct", zebedee, person={"family_name": "Quill"})  # which is remembered there

    forget(company, zebedee)

    tried: list[tuple[str, dict[str, Any]]]
    tried = [("correct", {"person": {"given_name": "Z"}}), ("tag", {"label": "x"}), ("restore", {})]
    for command, arguments in tried:
        elsewhere.when(f"Contact.{command}", zebedee, **arguments).is_refused("this person was forgotten")


def test_the_store_itself_refuses_what_is_sealed_with_a_stale_key(
    company: World, zebedee: UUID, neighbour: UUID, elsewhere: World
) -> None:

    store = elsewhere.store
    store.events(zebedee)  # the key is remembered now
    forget(company, zebedee)
    version = company.load(zebedee).version
    event: Any = Contact.Commented(zebedee, version + 1, None, text="again", mentions=())  # type: ignore[arg-type, call-arg]
    asked = Asked(new_id(), b"", Request(command="Contact.comment", actor=ME))
    decision = Decision(asked, [event], (Changed("Contact", zebedee, version + 1),))

    with pytest.raises(Forgotten):
        store.append(Commit((decision,), {zebedee: version}, {}, frozenset())).result(60)

    assert company.load(zebedee).version == version


def test_a_forget_that_loses_a_race_has_forgotten_nothing(company: World, zebedee: UUID, elsewhere: World) -> None:
    company.projected()
    company.pipeline.memory.put(company.load(zebedee))
    elsewhere.given("Contact.tag", zebedee, label="vip")  # the memory is stale now

    outcome = company.when("Contact.forget", zebedee, reason="asked for it").outcome

    assert not isinstance(outcome, Refusal)
    assert found(company.connection) == set()
    assert company.load(zebedee).tags == {"vip"}


def test_a_forget_is_answered_the_same_when_it_is_asked_again(company: World, zebedee: UUID) -> None:

    asked = Request(
        command="Contact.forget", id=zebedee, arguments={"reason": "asked"}, actor=ME, idempotency_key="once"
    )

    first, again = company.pipeline.run(asked), company.pipeline.run(asked)

    assert first == again and not isinstance(first, Refusal)
    company.when("Contact.forget", zebedee, reason="asked").is_refused("this person was forgotten")


def test_claims_are_freed(company: World, zebedee: UUID, neighbour: UUID) -> None:
    company.given("Contact.link_external", zebedee, system="erp", external_id="17")
    company.when("Contact.link_external", neighbour, system="erp", external_id="17").is_refused(
        "in use already", "external_ids.erp", Code.DUPLICATE
    )

    forget(company, zebedee)

    company.given("Contact.link_external", neighbour, system="erp", external_id="17")


def test_what_was_known_of_before_is_null_as_of_then(company: World, zebedee: UUID) -> None:
    company.projected()
    then = company.position

    forget(company, zebedee)
    company.projected()

    row = company.connection.execute(f"select given_name, emails, title, archived from contacts_as_of({then})".encode())
    assert row.fetchall() == [(None, None, "buyer", False)]


def test_the_digest_of_the_neighbours_does_not_change(company: World, neighbour: UUID) -> None:
    company.projected()
    table = Table(ContactView)
    columns = [c.name for c in table.live_columns]
    before = company.connection.execute(digest(table.name, columns, company.position)).fetchone()
    stranger = company.given("Contact.add", person={"given_name": "Zoe"})
    at = company.position - 1

    forget(company, stranger)

    assert company.connection.execute(digest(table.name, columns, at)).fetchone() == before


def test_what_is_personal_is_remembered_for_seconds_and_the_neighbour_for_as_long_as_there_is_room(
    company: World, zebedee: UUID
) -> None:
    account = company.given("Account.register", name="Acme")
    memory = Memory(10, lasts=0.2)
    for id in (zebedee, account):
        memory.put(company.load(id))
    at_once = memory.get(zebedee)

    sleep(0.3)
    memory.get(new_id())  # any command at all

    assert at_once is not None and at_once.id == zebedee
    assert memory.get(zebedee) is None and memory.get(account) is not None


class QuotingContactView(ContactView, table="quoting_contacts", revision=1):
    """Contacts, refused by an error that quotes them."""

    @classmethod
    def changes(cls, event: Any) -> dict[str, Any]:
        if isinstance(event, Contact.Corrected):
            raise ValueError(f"what is {event.person}?")
        return super().changes(event)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Quillfeather" + LONG, {"quoting_contacts": "ValueError", "contacts": "54000"}),
        ("Quillfeather\0", {"quoting_contacts": "ValueError", "contacts": "22021"}),
    ],
    ids=["too long for an index", "no text for PostgreSQL"],
)
def test_what_cannot_be_taken_of_a_person_waits_without_a_word_of_theirs(
    company: World, neighbour: UUID, name: str, why: dict[str, str], caplog: Any
) -> None:
    published(company.connection, [QuotingContactView])
    version = company.load(neighbour).version
    told: Any = {"person": Person(family_name=name)}
    event: Any = Contact.Corrected(neighbour, version + 1, None, **told)  # type: ignore[arg-type]
    asked = Asked(new_id(), b"", Request(command="Contact.correct", actor=ME))
    decision = Decision(asked, [event], (Changed("Contact", neighbour, version + 1),))
    company.store.append(Commit((decision,), {neighbour: version}, {}, frozenset())).result(60)

    carefully(company.connection, [*VIEWS, QuotingContactView])

    reasons = {letter.view: letter.reason for letter in letters(company.connection)}
    assert reasons.keys() == why.keys()
    assert all(why[view] in reason for view, reason in reasons.items()), reasons
    assert found(company.connection, ("Quillfeather",)) == set()
    assert "put aside" in caplog.text and "Quillfeather" not in caplog.text


def test_no_topic_ever_held_a_byte_of_the_person(
    company: World, zebedee: UUID, neighbour: UUID, cluster: Cluster, database_url: str
) -> None:
    ((schema,),) = company.connection.execute("select current_schema()").fetchall()

    with relaying(database_url, schema, cluster):
        relayed(company.connection, company.position)
        forget(company, zebedee)
        relayed(company.connection, company.position)
    told = b"".join(message.key + message.value for message in messages(cluster, cluster.topic("customers")))

    assert told.count(str(zebedee).encode()) > 8 and str(neighbour).encode() in told
    assert all(text in told for text in (b"Contact.Added", b"Contact.Forgotten", b"buyer"))
    assert [text for text in SECRETS if text.lower().encode() in told.lower()] == []
