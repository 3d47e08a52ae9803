-- The history: what happened, in order. Rows are only ever added, by append_commits(), one writer at a time.

create table events (
    position           bigint primary key,          -- 1, 2, 3 ... without holes: a reader can prove that it missed nothing
    originator_id      uuid not null,               -- the aggregate that it happened to
    originator_version bigint not null,             -- 1, 2, 3 ... of that aggregate
    topic              text not null,               -- what happened: Opportunity.Won
    schema_version     int not null,                -- of the state
    state              bytea not null,              -- JSON, exactly as it was hashed
    recorded_at        timestamptz not null,        -- by the clock of the database; never decreases with position
    occurred_at        timestamptz not null,        -- when it happened: recorded_at, unless it was told after the fact
    command_id         uuid not null,               -- a command recorded once is never recorded again
    request_digest     bytea not null,              -- of what was asked, under the secret "digests"
    command            text not null,               -- what was asked: Opportunity.win
    actor              uuid not null,               -- who asked
    on_behalf_of       uuid,                        -- and for whom
    correlation_id     uuid,
    causation_id       uuid,
    origin             text,                        -- from where: an address, a file and its line
    hash               bytea not null,              -- of the previous row's hash and everything above: see content()
    lane               smallint not null,           -- follows from originator_id; not hashed
    unique (originator_id, originator_version)
) with (autovacuum_vacuum_insert_scale_factor = 0.05);
create index events_command_id on events (command_id);

-- Where the history ends. Whoever appends holds this row until it has committed.
create table event_head (
    only_row    boolean primary key default true check (only_row),
    position    bigint not null,
    hash        bytea not null,
    recorded_at timestamptz not null
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
insert into event_head values (true, 0, sha256('daybook history 1'), '-infinity');

-- Secrets of this installation. Each is made once, at first use; all its processes share it.
create table secrets (
    name   text primary key,                        -- what it is for
    secret bytea not null,
    master text                                     -- which master key wraps it; null: none does
);

-- Values that only one aggregate of a kind may hold. `key` is a digest of kind, name and value, under the secret
-- "digests": the value, which may be about a person or very long, is not here, and nobody finds it by guessing.
create table claims (
    key    bytea primary key,
    kind   text not null,
    name   text not null,
    holder uuid not null
) with (autovacuum_vacuum_scale_factor = 0.05);
create index claims_holder on claims (holder);

-- First answers that do not follow from the events of their command: that there was nothing to do, refusals.
create table answers (
    command_id uuid primary key,
    digest     bytea not null,                      -- of what was asked, as in events
    outcome    jsonb not null,                      -- a list of what was changed, or an object that says why nothing was
    position   bigint,                              -- with a list: the event that the answer names, and its hash
    hash       bytea
) with (autovacuum_vacuum_insert_scale_factor = 0.05);

-- The keys of persons, under which what is personal is sealed. Once a person is forgotten the key is gone; the row
-- stays, so that there is never another.
create table person_keys (
    person       uuid primary key,
    wrapped      bytea,                             -- the key, wrapped by the master key
    master       text,                              -- by which one
    created_at   timestamptz not null default clock_timestamp(),
    forgotten_at timestamptz,
    check ((wrapped is null) = (forgotten_at is not null) and (wrapped is null) = (master is null))
);

-- The key of a person, who gets the one that was made unless there is one; null if it was forgotten.
-- It lasts as soon as anything recorded later does, so nothing has to wait for the disk here.
create function person_key(wanted uuid, made bytea, made_by text)
returns table (person uuid, wrapped bytea, master text)
language plpgsql security definer set search_path from current as $$
#variable_conflict use_column
begin
    perform set_config('synchronous_commit', 'off', true);
    insert into person_keys (person, wrapped, master) values (wanted, made, made_by) on conflict do nothing;
    return query select person, wrapped, master from person_keys where person = wanted;
end $$;

-- Destroys the key of a person, for ever.
create function destroy_key(wanted uuid) returns void
language sql security definer set search_path from current as $$
    insert into person_keys (person, forgotten_at) values (wanted, clock_timestamp())
    on conflict (person) do update set wrapped = null, master = null, forgotten_at = clock_timestamp()
    where person_keys.forgotten_at is null
$$;

-- How aggregates stood after many events, so that they need not be made of all of them. Disposable.
create table snapshots (
    id          uuid primary key,                   -- of the aggregate
    version     bigint not null,
    hash        bytea not null,                     -- of the event of this version: of no other history
    kind        text not null,
    fingerprint text not null,                      -- of the declaration of the kind
    state       bytea not null                      -- JSON
);

-- The history as the eventsourcing library reads it.
create view stored_events as
    select originator_id, originator_version, topic, state, position as notification_id from events;

-- Not even the owner changes history by mistake.
create function refuse_change() returns trigger
language plpgsql as $$ begin raise exception 'history is only ever added to'; end $$;
create trigger append_only before update or delete or truncate on events execute function refuse_change();

-- What a row says, as bytes: the same in any session, and easy to rebuild outside PostgreSQL.
-- `stable`, since json_build_array is: were it `immutable`, it would not be inlined and cost three times as much.
create function content(e events) returns bytea
language sql stable return convert_to(json_build_array(
    1, e.position, e.originator_id, e.originator_version, e.topic, e.schema_version,
    (extract(epoch from e.recorded_at) * 1000000)::bigint, (extract(epoch from e.occurred_at) * 1000000)::bigint,
    e.command_id, encode(e.request_digest, 'hex'), e.command, e.actor, e.on_behalf_of,
    e.correlation_id, e.causation_id, e.origin)::text, 'UTF8') || e.state;

-- The hash of each row over the one before it: chain(hash before the first, content) over (order by position).
create function link(last bytea, head bytea, content bytea) returns bytea
language plpgsql immutable as $$ begin return sha256(coalesce(last, head) || content); end $$;
create aggregate chain(head bytea, content bytea) (sfunc = link, stype = bytea);

-- Appends a batch of commits, each whole or not at all, and says for each of their commands what became of it:
--   recorded   its events are now history; position and hash of its last one, or of the event that its answer names
--   known      every command of its commit was answered before, and had asked for the same
--   repeated   a command of its commit was answered before, and had asked for something else
--   moved      an aggregate that was looked at is no longer (or not yet) at that version: which, and where it is now;
--              or only some commands of the commit are known, and then no aggregate is named
--   forgotten  it tells something of a person who was forgotten
--   taken      a value that the commit claims is held by another: the number of the claim, and the holder
-- The commits of a batch have nothing in common: no command id, and what one writes or claims no other looks at,
-- writes or claims. So they may be judged together.
create function append_commits(
    -- of each command; those of one commit bear one number:
    commit_numbers int[], command_ids uuid[], digests bytea[], commands text[], actors uuid[], on_behalf_ofs uuid[],
    correlation_ids uuid[], causation_ids uuid[], origins text[],
    -- of each event, in the order of recording; `command_numbers` count the commands from 1:
    command_numbers int[], originator_ids uuid[], originator_versions bigint[], topics text[], schema_versions int[],
    occurrences timestamptz[], lanes int[], states bytea[],
    -- of each aggregate that a commit looked at, changed or not, as it stood before; 0 for a new one:
    looking int[], looked_ids uuid[], looked_versions bigint[],
    -- of each claim: its holder from now on, or null to free it; `yielded` when the same commit freed it first:
    claiming int[], claim_keys bytea[], claim_kinds text[], claim_names text[], holders uuid[], yielded boolean[],
    -- of each command whose answer does not follow from its events: the answer, and the event that it names, if any:
    answering int[], outcomes text[], subject_ids uuid[], subject_versions bigint[],
    -- of each person of whom a commit tells something that is sealed:
    telling int[], persons uuid[]
) returns table (
    verdict text, "position" bigint, hash bytea, moved_id uuid, moved_version bigint, claim_number int, holder uuid
)
language plpgsql security definer set search_path from current
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
-- Functions of PostgreSQL that take any type are named with their schema: an application, which may make functions in
-- ours, could make a better match of that name, and this would run it as the owner of the history.
declare
    head        event_head;
    verdicts    text[];                             -- of each commit; then what belongs to a verdict:
    moved_ids   uuid[];
    moved_tos   bigint[];
    lost_claims int[];
    held_by     uuid[];
    numbers     int[];                              -- of the commands that recorded something; their last events:
    positions   bigint[];
    hashes      bytea[];
    expected    bigint;
    appended    bigint;
begin
    -- The lock is a statement of its own: the next one then sees all that the previous holder committed.
    select * into head from event_head for update;
    head.recorded_at := greatest(head.recorded_at, clock_timestamp());

    -- Judge every commit.
    with known as (
        select c.commit, bool_and(e.digest is not null or a.digest is not null) as every,
               bool_or(e.digest is not null or a.digest is not null) as one,
               bool_or(coalesce(e.digest, a.digest) <> c.digest) as otherwise
        from unnest(commit_numbers, command_ids, digests) as c (commit, id, digest)
        left join lateral (select request_digest as digest from events where command_id = c.id limit 1) e on true
        left join lateral (select digest from answers where command_id = c.id) a on true
        group by c.commit
    ), moved as (
        select distinct on (l.commit) l.commit, l.id, stored.version
        from unnest(looking, looked_ids, looked_versions) with ordinality as l (commit, id, version, n)
        cross join lateral (select coalesce((
            select originator_version from events where originator_id = l.id order by originator_version desc limit 1
        ), 0) as version offset 0) stored
        where stored.version <> l.version
        order by l.commit, l.n
    ), taken as (
        select distinct on (c.commit) c.commit, c.n, held.holder
        from unnest(claiming, claim_keys, holders, yielded) with ordinality as c (commit, key, holder, yielded, n)
        cross join lateral (select holder from claims where key = c.key offset 0) held
        where held.holder <> c.holder and not c.yielded
        order by c.commit, c.n
    ), forgotten as (
        select distinct t.commit
        from unnest(telling, persons) as t (commit, person)
        cross join lateral (select forgotten_at from person_keys where person = t.person offset 0) k
        where k.forgotten_at is not null
    )
    select pg_catalog.array_agg(
               case when known.otherwise then 'repeated' when known.every then 'known'
                    when known.one or moved is not null then 'moved' when forgotten is not null then 'forgotten'
                    when taken is not null then 'taken' else 'recorded' end order by known.commit),
           pg_catalog.array_agg(case when not known.one then moved.id end order by known.commit),
           pg_catalog.array_agg(case when not known.one then moved.version end order by known.commit),
           pg_catalog.array_agg(taken.n::int order by known.commit),
           pg_catalog.array_agg(taken.holder order by known.commit)
    into verdicts, moved_ids, moved_tos, lost_claims, held_by
    from known left join moved using (commit) left join forgotten using (commit) left join taken using (commit);

    -- Add the events of those that may be recorded, and link them to the chain.
    with command as (
        select * from unnest(commit_numbers, command_ids, digests, commands, actors, on_behalf_ofs, correlation_ids,
                             causation_ids, origins) with ordinality
             as c (commit, id, digest, command, actor, on_behalf_of, correlation_id, causation_id, origin, number)
    ), event as (
        select e.*, row_number() over (partition by e.id order by e.n) as step
        from unnest(command_numbers, originator_ids, originator_versions, topics, schema_versions, occurrences, lanes,
                    states) with ordinality
             as e (command, id, version, topic, schema_version, occurred_at, lane, state, n)
    ), looked as (
        select * from unnest(looking, looked_ids, looked_versions) as l (commit, id, version)
    ), accepted as (                                -- a row of events each, but for its hash
        select head.position + row_number() over (order by e.n) as position, e.id as originator_id,
               e.version as originator_version, e.topic, e.schema_version, e.state, head.recorded_at,
               coalesce(e.occurred_at, head.recorded_at) as occurred_at, c.id as command_id, c.digest as request_digest,
               c.command, c.actor, c.on_behalf_of, c.correlation_id, c.causation_id, c.origin, null::bytea as hash,
               e.lane::smallint
        from event e join command c on c.number = e.command
        join looked l on l.commit = c.commit and l.id = e.id and l.version + e.step = e.version
        where verdicts[c.commit] = 'recorded'
    ), added as (
        insert into events
        select a.position, a.originator_id, a.originator_version, a.topic, a.schema_version, a.state, a.recorded_at,
               a.occurred_at, a.command_id, a.request_digest, a.command, a.actor, a.on_behalf_of, a.correlation_id,
               a.causation_id, a.origin, chain(head.hash, content(row(a.*)::events)) over (order by a.position), a.lane
        from accepted a
        returning position, command_id, hash
    ), last as (
        select distinct on (c.number) c.number, a.position, a.hash
        from added a join command c on c.id = a.command_id order by c.number, a.position desc
    )
    select pg_catalog.array_agg(number), pg_catalog.array_agg(position), pg_catalog.array_agg(hash),
           (select count(*) from added)
    into numbers, positions, hashes, appended from last;

    select count(*) into expected from pg_catalog.unnest(command_numbers) as n
    where verdicts[commit_numbers[n]] = 'recorded';
    if appended <> expected then
        raise exception 'an event does not follow the version that was looked at' using errcode = 'check_violation';
    end if;
    if appended > 0 then
        update event_head h set position = last.position, hash = last.hash, recorded_at = head.recorded_at
        from (select * from unnest(positions, hashes) as l (position, hash) order by position desc limit 1) last;
    end if;

    -- Free what is freed, claim what is claimed.
    if pg_catalog.cardinality(claiming) > 0 then
        delete from claims where key in (
            select c.key from unnest(claiming, claim_keys, holders) as c (commit, key, holder)
            where c.holder is null and verdicts[c.commit] = 'recorded');
        insert into claims (key, kind, name, holder)
        select c.key, c.kind, c.name, c.holder
        from unnest(claiming, claim_keys, claim_kinds, claim_names, holders) as c (commit, key, kind, name, holder)
        where c.holder is not null and verdicts[c.commit] = 'recorded'
        on conflict (key) do update set holder = excluded.holder;
    end if;

    -- Remember what cannot be told from the events.
    if pg_catalog.cardinality(answering) > 0 then
        insert into answers (command_id, digest, outcome, position, hash)
        select command_ids[a.number], digests[a.number], a.outcome::jsonb, coalesce(l.position, s.position),
               coalesce(l.hash, s.hash)
        from unnest(answering, outcomes, subject_ids, subject_versions) as a (number, outcome, id, version)
        left join unnest(numbers, positions, hashes) as l (number, position, hash) using (number)
        left join lateral (
            select position, hash from events where originator_id = a.id and originator_version = a.version offset 0
        ) s on true
        where verdicts[commit_numbers[a.number]] = 'recorded';
    end if;

    return query
    select verdicts[c.commit], coalesce(l.position, a.position), coalesce(l.hash, a.hash), moved_ids[c.commit],
           moved_tos[c.commit], lost_claims[c.commit], held_by[c.commit]
    from unnest(commit_numbers, command_ids) with ordinality as c (commit, id, number)
    left join unnest(numbers, positions, hashes) as l (number, position, hash) using (number)
    left join lateral (select position, hash from answers
                       where pg_catalog.cardinality(answering) > 0 and command_id = c.id offset 0) a on true
    order by c.number;
end $$;

-- The first position from `first` to `last` whose row is not what was recorded, or null; `before` is the hash of the row
-- before `first`.
create function first_broken_position(first bigint, last bigint, before bytea) returns bigint
language sql stable set search_path from current as $$
    select min(expected) from (
        select first - 1 + row_number() over w as expected,
               e.position <> first - 1 + row_number() over w
               or e.hash is distinct from sha256(lag(e.hash, 1, before) over w || content(e)) as broken
        from events e where e.position between first and last window w as (order by e.position)) checked
    where broken
$$;
