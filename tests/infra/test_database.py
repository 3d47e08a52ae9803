"""The database is set up once, by files that never change; and an application may do no more than it has to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from domain.command import Code, Refusal
from infra import database
from infra.database import WrongMigrations, address, connect, migrate, pool
from infra.event_store import EventStore
from infra.feed.log import LogFeed
from infra.projection import Projector
from infra.verify import verify
from projections.customers.contact import ContactView
from tests.infra.history import a_product, asked, code, commit, count
from tests.infra.past import published
from tests.scenario import World, a_contact

FILES = sorted(each.name for each in (Path(database.__file__).parent / "migrations").glob("*.sql"))


def test_each_file_is_run_once_in_order(database_url: str, schema: str) -> None:
    assert migrate(database_url, schema) == FILES
    assert migrate(database_url, schema) == []

    with connect(database_url, schema) as connection:
        run = connection.execute("select name from migrations order by applied_at").fetchall()
    assert [name for (name,) in run] == FILES


def test_files_are_numbered_without_holes() -> None:
    assert [int(name[:4]) for name in FILES] == list(range(1, len(FILES) + 1))


def test_several_processes_may_set_up_at_once(database_url: str, schema: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        run = list(threads.map(lambda _: migrate(database_url, schema), range(4)))

    assert sorted(run) == [[], [], [], FILES]


def test_a_file_that_was_run_and_has_changed_since_is_an_error(database_url: str, schema: str) -> None:
    migrate(database_url, schema)
    with connect(database_url, schema) as connection:
        connection.execute("update migrations set digest = 'another' where name like '0001%'")

    with pytest.raises(WrongMigrations, match=r"0001_history\.sql .* has changed since"):
        migrate(database_url, schema)


def test_a_database_of_a_newer_daybook_is_an_error(database_url: str, schema: str) -> None:
    migrate(database_url, schema)
    with connect(database_url, schema) as connection:
        connection.execute("insert into migrations (name, digest) values ('9999_future.sql', '')")

    with pytest.raises(WrongMigrations, match=r"9999_future\.sql .* this Daybook is too old"):
        migrate(database_url, schema)


@pytest.mark.parametrize("name", ["Odd name", 'quo"ted', "back\\slash", "käse", "select", "a'b"])
def test_a_schema_may_have_any_name(database_url: str, name: str) -> None:
    drop = sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(name))
    product = a_product()
    try:
        migrate(database_url, name)
        with EventStore(database_url, name) as store, connect(database_url, name) as connection:
            store.append(commit(product, claimed={code(product): product.id})).result(60)
            assert len(store.events(product.id)) == 1
            assert verify(connection).broken is None
            assert connection.execute("select current_schema").fetchone() == (name,)
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(drop)


def test_what_an_address_says_already_is_kept(database_url: str, schema: str) -> None:
    given = make_conninfo(database_url, options="-c work_mem=5MB", application_name="mine", connect_timeout="7")
    asked = b"select current_setting('work_mem'), current_setting('application_name'), current_setting('timezone')"

    with psycopg.connect(address(given, schema)) as connection:
        assert connection.execute(asked).fetchone() == ("5MB", "mine", "UTC")
    assert conninfo_to_dict(address(given))["connect_timeout"] == "7"
    assert conninfo_to_dict(address(database_url))["connect_timeout"] == "10"


def test_connections_of_a_pool_are_like_others(database_url: str, schema: str) -> None:
    with pool(database_url, schema, "test") as connections, connections.connection() as connection:
        assert connection.autocommit
        assert connection.execute("select current_schema, current_setting('timezone')").fetchone() == (schema, "UTC")


@pytest.fixture
def role(database_url: str, schema: str) -> Iterator[str]:
    """A role that may log in and nothing else; and a neighbour's schema of the same name with `_other`."""
    name = f"{schema} application"
    role = sql.Identifier(name)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login password 'secret'").format(role))
        yield name
        connection.execute(sql.SQL("drop owned by {0} cascade; drop role {0}").format(role))


@pytest.fixture
def application(database_url: str, schema: str, role: str) -> Iterator[Connection[Any]]:
    """A connection of the application's."""
    migrate(database_url, schema, role)
    with connect(make_conninfo(database_url, user=role, password="secret"), schema) as connection:
        yield connection


def test_an_application_appends_reads_and_makes_tables_of_its_own(
    application: Connection[Any], database_url: str, schema: str, role: str
) -> None:
    product, refused = a_product(), asked()
    with EventStore(make_conninfo(database_url, user=role, password="secret"), schema) as store:
        store.append(commit(product, claimed={code(product): product.id})).result(60)
        store.remember(refused, Refusal(Code.REFUSED, "it is archived"))

        assert store.holder(code(product)) == product.id
        assert store.answer(refused.command_id) is not None
    assert count(application) == 1
    assert verify(application).broken is None
    application.execute("create table view_of_mine (id uuid)")
    application.execute("insert into view_of_mine values (gen_random_uuid())")


def test_an_application_seals_and_forgets(
    application: Connection[Any], database_url: str, schema: str, role: str
) -> None:
    published(application, [ContactView])
    with EventStore(make_conninfo(database_url, user=role, password="secret"), schema) as store:
        world = World(store, application)
        gone, kept = a_contact(world), a_contact(world, "Eve")
        projector = Projector(application, [ContactView])
        while projector.step(LogFeed(application)) >= 0:
            pass

        world.given("Contact.forget", gone, reason="asked for it")

        assert (world.load(gone).person, world.load(kept).person.given_name) == (None, "Eve")
    assert application.execute("select given_name from contacts order by id").fetchall() == [(None,), ("Eve",)]


@pytest.mark.parametrize(
    "attempt",
    [
        "insert into events select * from events",
        "update events set actor = command_id",
        "delete from events",
        "truncate events",
        "alter table events disable trigger append_only",
        "drop table events",
        "update event_head set position = 0",
        "delete from event_head",
        "insert into claims values ('x', 'Product', 'code', gen_random_uuid())",
        "update claims set holder = gen_random_uuid()",
        "delete from claims",
        "insert into answers (command_id, digest, outcome) values (gen_random_uuid(), '', '[]')",
        "update answers set outcome = '[]'",
        "delete from answers",
        "insert into person_keys (person, wrapped, master) values (gen_random_uuid(), 'x', 'x')",
        "update person_keys set forgotten_at = null",
        "delete from person_keys",
        "update migrations set digest = ''",
        "select from event_head for update",
        "update stored_events set topic = 'Product.Resumed'",
        "delete from stored_events",
        "create or replace function content(e events) returns bytea language sql return ''::bytea",
    ],
)
def test_an_application_changes_no_history_and_nothing_that_guards_it(
    application: Connection[Any], attempt: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute(attempt.encode())


def test_a_temporary_table_of_the_applications_does_not_take_the_place_of_history(
    application: Connection[Any], schema: str
) -> None:
    application.execute("create temporary table answers (like answers including all)")
    remembering = b"""select verdict from append_commits(
        '{1}', array[gen_random_uuid()], '{x}', '{Product.tag}', array[gen_random_uuid()], '{null}', '{null}', '{null}',
        '{null}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
        '{1}', '{[]}', '{null}', '{null}', '{}', '{}')"""

    assert application.execute(remembering).fetchall() == [("recorded",)]

    assert application.execute("select count(*) from answers").fetchone() == (1,)
    assert application.execute("select count(*) from pg_temp.answers").fetchone() == (0,)


def test_set_up_goes_on_beside_what_the_application_made(database_url: str, schema: str, role: str) -> None:
    owner = f"{schema} owner"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login password 'secret'").format(sql.Identifier(owner)))
        connection.execute(sql.SQL("alter schema {} owner to {}").format(*map(sql.Identifier, (schema, owner))))
    owner_url, application_url = (make_conninfo(database_url, user=user, password="secret") for user in (owner, role))
    try:
        migrate(owner_url, schema, role)
        with connect(application_url, schema) as application:
            application.execute("create table view_of_mine (id bigserial)")
            application.execute("create function mine() returns int language sql return 1")

            assert migrate(owner_url, schema, role) == []

            assert application.execute("select count(*) from view_of_mine").fetchone() == (0,)
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop owned by {0} cascade; drop role {0}").format(sql.Identifier(owner)))


def test_nobody_else_may_append(application: Connection[Any], schema: str) -> None:
    allowed = application.execute(
        """select proname, has_function_privilege('public', oid, 'execute') from pg_proc
           where pronamespace = current_schema::regnamespace and prosecdef"""
    ).fetchall()

    assert ("append_commits", False) in allowed
    assert not any(public for _, public in allowed)


def test_what_runs_as_the_owner_names_the_schema_of_every_function_of_postgresql(
    application: Connection[Any],
) -> None:
    """The application may make functions in our schema, and could make a better match of a name without one.

    `unnest` of several arrays is no function: the parser puts PostgreSQL's own in its place. Operators on arrays, which
    take any type as well, do not occur.
    """
    guarded = application.execute(
        """select proname, prosrc, coalesce(proconfig::text, '') from pg_proc
           where pronamespace = current_schema::regnamespace and prosecdef"""
    ).fetchall()
    known = {name for (name,) in application.execute("select proname from pg_proc where pronamespace = 11").fetchall()}

    def bare(body: str) -> set[str]:
        code = re.sub(r"--[^\n]*|'[^']*'|insert into \w+|\bas \w+ ?\(", "", body)
        code = re.sub(r"(?<![\w.])unnest\((?=[^()]*,)", "", code)
        calls = {name for name in re.findall(r"(?<![\w.])(\w+)\s*\(", code) if name in known}
        return calls | set(re.findall(r"\|\||@>|<@|&&", code))

    assert {name for name, _, _ in guarded} >= {"append_commits", "person_key", "destroy_key"}
    assert {name: bare(body) for name, body, _ in guarded if bare(body)} == {}
    assert [name for name, _, settings in guarded if "search_path" not in settings] == []
    assert bare("select unnest(a), cardinality(b), pg_catalog.now()") == {"unnest", "cardinality"}
