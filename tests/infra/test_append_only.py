"""The embedded database: the application adds to the history, and can do nothing else to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from infra.database import connect, migrate
from infra.embedded import Server, embedded
from infra.event_store import EventStore
from infra.verify import verify
from tests.infra.history import a_product, code, commit


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """As `daybook serve` prepares it, with three events."""
    with embedded(tmp_path_factory.mktemp("append_only") / "data") as server:
        migrate(server.owner_url, application_role="daybook")
        with EventStore(server.application_url) as store:
            for _ in range(3):
                product = a_product()
                store.append(commit(product, claimed={code(product): product.id})).result(60)
        yield server


@pytest.fixture
def application(server: Server) -> Iterator[Connection[Any]]:
    with connect(server.application_url) as connection:
        yield connection


def content(server: Server) -> list[Any]:
    """All that is guarded."""
    with connect(server.superuser_url.replace("/postgres?", "/daybook?")) as connection:
        tables = [b"events", b"event_head", b"claims", b"answers", b"migrations"]
        return [connection.execute(b"select t::text from " + table + b" t order by 1").fetchall() for table in tables]


@pytest.mark.parametrize(
    "attempt",
    [
        "update events set state = '{}'",
        "delete from events",
        "truncate events",
        "truncate events, event_head cascade",
        "insert into events select * from events",
        "copy events from program 'true'",
        "alter table events disable trigger append_only",
        "alter table events disable trigger all",
        "alter table events owner to daybook",
        "alter table events add column note text",
        "drop trigger append_only on events",
        "drop table events",
        "drop table events cascade",
        "drop schema daybook cascade",
        "drop view stored_events",
        "drop function append_commits",
        "create trigger quiet before insert on events execute function suppress_redundant_updates_trigger()",
        "create rule quiet as on insert to events do instead nothing",
        "create or replace function refuse_change() returns trigger language plpgsql as 'begin return null; end'",
        "create or replace function content(e events) returns bytea language sql return ''::bytea",
        "alter function append_commits security invoker",
        "create index on events (actor)",
        "alter table events rename to other_events",
        "set role daybook_owner",
        "set session authorization daybook_owner",
        "set session_replication_role = replica",
        "alter role daybook superuser",
        "do 'begin lock table events in access exclusive mode; end'",
    ],
)
def test_the_application_can_do_nothing_to_the_history_but_append(
    server: Server, application: Connection[Any], attempt: str
) -> None:
    before = content(server)

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute(attempt.encode())

    assert content(server) == before
    assert verify(application).broken is None


BODY = "language plpgsql as $$ begin raise exception 'run as %', current_user; end $$"
FUNCTIONS = {
    "cardinality(int[])": [f"create function cardinality(int[]) returns int {BODY}"],
    "unnest(int[])": [f"create function unnest(int[]) returns setof int {BODY}"],
    "array_agg(text)": [
        f"create function slip(text[], text) returns text[] {BODY}",
        "create aggregate array_agg(text) (sfunc = slip, stype = text[])",
    ],
    "array_agg(bigint)": [
        f"create function slip(bigint[], bigint) returns bigint[] {BODY}",
        "create aggregate array_agg(bigint) (sfunc = slip, stype = bigint[])",
    ],
    "sha256(bytea)": [f"create function sha256(bytea) returns bytea {BODY}"],
    "row_number()": [f"create function row_number() returns bigint {BODY}"],
    "clock_timestamp()": [f"create function clock_timestamp() returns timestamptz {BODY}"],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_application_cannot_slip_a_function_into_those_that_run_as_the_owner(
    server: Server, application: Connection[Any], name: str
) -> None:
    """It may make functions beside ours, and some would be better matches than PostgreSQL's own."""
    product = a_product()
    for statement in FUNCTIONS[name]:
        application.execute(statement.encode())

    try:
        with EventStore(server.application_url) as store:
            recorded = store.append(commit(product, claimed={code(product): product.id})).result(60)
            nothing_to_do = store.append(commit(product)).result(60)
    finally:
        application.execute(f"drop routine daybook.{name}".encode())
        application.execute(b"do 'begin drop routine if exists slip; end'")

    assert recorded == nothing_to_do
    assert verify(application).broken is None
