"""A long history of opportunities, made by PostgreSQL itself: chained, in lanes, an event each second, and many open at
the same time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection

from infra.database import connect, migrate
from infra.lanes import lane_of
from tests.infra.past import START

PER_AGGREGATE = 10
TOGETHER = 3_000
"""So many opportunities are open at the same time."""
ROUND = TOGETHER * PER_AGGREGATE
"""Events by which a history grows."""

# Of each aggregate of a round: how many events it has already, how many it gets, and after how many of the others'.
ADD = """
    with told as (
        select row_number() over (order by late + step, case before + step when 1 then nth end,
                                  hashint8(nth * 7919 + step)) as number,
               id, lane, nth, before + step as version,
               (array['Opened', 'StageChanged', 'AmountChanged', 'OwnerAssigned'])[
                   case when before + step = 1 then 1 else 2 + (nth + before + step) %% 3 end] as name
        from unnest(%s::uuid[], %s::smallint[], %s::int[], %s::int[], %s::int[]) with ordinality
             a (id, lane, before, steps, late, nth)
        cross join generate_series(1, steps) step
    ), said as (
        select told.*, case name
            when 'Opened' then json_build_object(
                'name', 'Pumps', 'pipeline_id', '00000000-0000-0000-0000-000000000001', 'stage', 'a',
                'probability', 10, 'account_id', null, 'amount', null, 'expected_close', null, 'source', null)
            when 'StageChanged' then json_build_object(
                'stage', chr(97 + (nth * 31 + version)::int %% 8), 'probability', 20)
            when 'AmountChanged' then json_build_object('amount', json_build_object(
                'amount', ((nth * 7907 + version * 104729) %% 1000000)::text, 'currency', 'EUR'))
            else json_build_object('owner_id', '00000000-0000-0000-0000-0000000000' || 10 + nth %% 20) end as state
        from told
    ), recorded as (                                -- a row of events each, but for its hash
        select head.position + number as position, id as originator_id, version as originator_version,
               'Opportunity.' || name as topic, 1 as schema_version, convert_to(state::text, 'UTF8') as state,
               greatest(head.recorded_at, at) as recorded_at, greatest(head.recorded_at, at) as occurred_at,
               gen_random_uuid() as command_id, ''::bytea as request_digest, 'Opportunity.test' as command,
               id as actor, null::uuid as on_behalf_of, null::uuid as correlation_id, null::uuid as causation_id,
               null::text as origin, null::bytea as hash, lane
        from said cross join event_head head
        cross join lateral (select %s::timestamptz + (head.position + number) * interval '1 second') recorded (at)
    )
    insert into events
    select r.position, originator_id, originator_version, topic, schema_version, state, r.recorded_at, occurred_at,
           command_id, request_digest, command, actor, on_behalf_of, correlation_id, causation_id, origin,
           chain(head.hash, content(row(r.*)::events)) over (order by r.position), lane
    from recorded r cross join event_head head"""
HEAD = """
    update event_head h set position = e.position, hash = e.hash, recorded_at = e.recorded_at
    from (select * from events order by position desc limit 1) e"""
OPENED = "select count(*) from events where topic = 'Opportunity.Opened'"


@contextmanager
def growing(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    """A connection to a schema with an empty history, gone afterwards."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"drop schema if exists {schema} cascade".encode())
        migrate(database_url, schema)
        try:
            with connect(database_url, schema) as growing:
                yield growing
        finally:
            connection.execute(f"drop schema {schema} cascade".encode())


def grow(connection: Connection[Any], events: int) -> None:
    """Let the history have so many events, in whole rounds.

    In each of them opportunities are opened and get most of their events, and those of the first round get one more.
    """
    [opened] = connection.execute(OPENED).fetchone() or (0,)
    for turn in range(opened // TOGETHER, -(-events // ROUND)):
        steps = PER_AGGREGATE - 1 if turn else PER_AGGREGATE
        given = [(id := _id(turn, n), lane_of(id), 0, steps, 0) for n in range(TOGETHER)]
        if turn:
            given += [(id := _id(0, n), lane_of(id), steps + turn, 1, n % steps) for n in range(TOGETHER)]
        with connection.transaction():
            connection.execute("set local synchronous_commit = off")
            connection.execute(ADD, [*(list(each) for each in zip(*given, strict=True)), START])
            connection.execute(HEAD)
    connection.execute("vacuum analyze events")


def _id(turn: int, n: int) -> UUID:
    """As it is made for a command: a moment before its first event is recorded, so that ids are in order of time."""
    at = int(START.timestamp()) + turn * ROUND + n
    return UUID(int=at * 1000 << 80 | 0x7 << 76 | 2 << 62 | turn * TOGETHER + n)
