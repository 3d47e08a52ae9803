-- What is read: the tables of views, how far each is, and how a time becomes a position.

-- Every table of a view that there is. A changed declaration has another fingerprint, and so another name.
create table projections (
    name    text primary key,
    view    text not null,                     -- the plain name
    columns jsonb not null,                    -- name to type: whether a server of another version can read it
    personal jsonb not null,                   -- of those that are: name to the column that says of whom
    state   text not null check (state in ('building', 'ready', 'live', 'old')),
    built   uuid,                              -- the mark of a build: the last aggregate that is in; null when all are
    target  bigint not null                    -- ... and the position up to which it reads
);
create unique index on projections (view) where state = 'live';

-- How far a table is in each lane, and who may move it: the holder of the newest turn.
create table checkpoints (
    name     text not null references projections on update cascade on delete cascade,
    lane     smallint not null,
    position bigint not null,
    turn     bigint not null default 0,
    primary key (name, lane)
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Aggregates that a table cannot follow any more: an event cannot be folded, so it and all later ones of its aggregate
-- wait, and everything else goes on. How many wait follows from the history and the checkpoint of the lane.
create table dead_letters (
    name          text not null references projections on update cascade on delete cascade,
    originator_id uuid not null,
    position      bigint not null,             -- of the event that cannot be folded
    reason        text not null,
    tries         int not null,
    since         timestamptz not null default now(),
    primary key (name, originator_id)
);

-- Events that an operator chose to leave out of a view: out of all tables of it, those that are built later too.
create table skipped (
    view     text not null,                    -- the plain name
    position bigint not null,
    since    timestamptz not null default now(),
    primary key (view, position)
);

-- Takes these lanes of these tables. Whoever held them is fenced from now on.
create function hold_lanes(names text[], lanes smallint[])
returns table (name text, lane smallint, "position" bigint, turn bigint)
language sql set search_path from current as $$
    update checkpoints c set turn = c.turn + 1
    where c.name = any(names) and c.lane = any(lanes)
    returning c.name, c.lane, c.position, c.turn
$$;

-- Moves checkpoints, if the caller still holds every one of them.
create function move_checkpoints(names text[], lanes smallint[], positions bigint[], turns bigint[]) returns void
language plpgsql set search_path from current set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    moved int;
begin
    update checkpoints c set position = m.position
    from unnest(names, lanes, positions, turns) m (name, lane, position, turn)
    where c.name = m.name and c.lane = m.lane and c.turn = m.turn and c.position <= m.position;
    get diagnostics moved = row_count;
    if moved <> cardinality(names) then
        raise exception 'fenced: another worker holds these lanes' using errcode = 'DB001';
    end if;
end $$;

-- The last position at an instant, or 0. Positions have no holes and recorded_at never decreases: halving needs no index.
create function position_at(instant timestamptz) returns bigint
language plpgsql stable parallel safe set search_path from current as $$
declare
    low  bigint := 0;                                                     -- known to be recorded by then
    high bigint := coalesce((select max(position) from events), 0) + 1;  -- known not to be
    mid  bigint;
begin
    while high - low > 1 loop
        mid := (low + high) / 2;
        if (select recorded_at <= instant from events where position = mid) then low := mid; else high := mid; end if;
    end loop;
    return low;
end $$;

-- The last of some values, null or not: latest(value order by _from).
create function take_latest(before anyelement, value anyelement) returns anyelement
language plpgsql immutable parallel safe as $$ begin return value; end $$;
create aggregate latest(anyelement) (sfunc = take_latest, stype = anyelement);
