-- Appending again, with less work for the same answers: a commit alone pays for no step that it does not need, and what
-- speaks against a commit costs only where there is something. Functions of PostgreSQL are named with their schema in all
-- that runs as the owner: see append_commits in 0001.

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
create or replace function append_commits(
    -- of each command; those of one commit bear one number, and commits count from 1:
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
-- ours, could make a better match of that name, and this would run it as the owner of the history. (`unnest` of several
-- arrays is no function: the parser puts PostgreSQL's own in its place.)
declare
    head        event_head;
    verdicts    text[];                             -- of each commit; then what belongs to a verdict:
    moved_ids   uuid[];
    moved_tos   bigint[];
    lost_claims int[];
    held_by     uuid[];
    places      int[];                              -- of each event that may be recorded, among those: 1, 2, 3 ...
    lasts       int[];                              -- of each command, the place of its last event
    place       int := 0;
    follows     boolean := false;                   -- whether any of them is not the first of its aggregate
    hashes      bytea[];                            -- at each place
    named       bigint[];                           -- of each command whose answer is kept, the event that it names
    named_hash  bytea[];
    found       record;
begin
    -- The lock is a statement of its own: the next one then sees all that the previous holder committed.
    select * into head from event_head for update;
    head.recorded_at := greatest(head.recorded_at, pg_catalog.clock_timestamp());

    -- Judge every commit. What weighs more is looked at later, and prevails.
    verdicts := pg_catalog.array_fill('recorded'::text, array[commit_numbers[pg_catalog.cardinality(commit_numbers)]]);
    if pg_catalog.cardinality(claiming) > 0 then
        for found in
            select c.commit, c.n::int, held.holder
            from unnest(claiming, claim_keys, holders, yielded) with ordinality as c (commit, key, holder, yielded, n)
            cross join lateral (select holder from claims where key = c.key offset 0) held
            where held.holder <> c.holder and not c.yielded
            order by c.n desc
        loop
            verdicts[found.commit] := 'taken';
            lost_claims[found.commit] := found.n;
            held_by[found.commit] := found.holder;
        end loop;
    end if;
    if pg_catalog.cardinality(telling) > 0 then
        for found in
            select t.commit
            from unnest(telling, persons) as t (commit, person)
            cross join lateral (select forgotten_at from person_keys where person = t.person offset 0) k
            where k.forgotten_at is not null
        loop
            verdicts[found.commit] := 'forgotten';
        end loop;
    end if;
    for found in
        select l.commit, l.id, stored.version
        from unnest(looking, looked_ids, looked_versions) with ordinality as l (commit, id, version, n)
        cross join lateral (select coalesce((
            select originator_version from events where originator_id = l.id order by originator_version desc limit 1
        ), 0) as version offset 0) stored
        where stored.version <> l.version
        order by l.n desc
    loop
        verdicts[found.commit] := 'moved';
        moved_ids[found.commit] := found.id;
        moved_tos[found.commit] := found.version;
    end loop;
    if exists (select from events where command_id = any (command_ids))
       or exists (select from answers where command_id = any (command_ids)) then
        for found in
            select c.commit, pg_catalog.bool_and(e.digest is not null or a.digest is not null) as every,
                   pg_catalog.bool_or(coalesce(e.digest, a.digest) <> c.digest) as otherwise
            from unnest(commit_numbers, command_ids, digests) as c (commit, id, digest)
            left join lateral (select request_digest as digest from events where command_id = c.id limit 1) e on true
            left join lateral (select digest from answers where command_id = c.id) a on true
            group by c.commit
            having pg_catalog.bool_or(e.digest is not null or a.digest is not null)
        loop
            verdicts[found.commit] := case when found.otherwise then 'repeated' when found.every then 'known'
                                           else 'moved' end;
            moved_ids[found.commit] := null;
            moved_tos[found.commit] := null;
        end loop;
    end if;

    -- Give a place to every event that may be recorded.
    for n in 1 .. coalesce(pg_catalog.cardinality(command_numbers), 0) loop
        places[n] := null;
        if verdicts[commit_numbers[command_numbers[n]]] = 'recorded' then
            place := place + 1;
            places[n] := place;
            lasts[command_numbers[n]] := place;
            follows := follows or originator_versions[n] <> 1;
        end if;
    end loop;

    -- Add these events, and link them to the chain.
    if place > 0 then
        with accepted as (                          -- a row of events each, but for its hash
            select head.position + e.place as position, e.id as originator_id, e.version as originator_version, e.topic,
                   e.schema_version, e.state, head.recorded_at, coalesce(e.occurred_at, head.recorded_at) as occurred_at,
                   command_ids[e.command] as command_id, digests[e.command] as request_digest,
                   commands[e.command] as command, actors[e.command] as actor, on_behalf_ofs[e.command] as on_behalf_of,
                   correlation_ids[e.command] as correlation_id, causation_ids[e.command] as causation_id,
                   origins[e.command] as origin, null::bytea as hash, e.lane::smallint
            from unnest(places, command_numbers, originator_ids, originator_versions, topics, schema_versions,
                        occurrences, lanes, states)
                 as e (place, command, id, version, topic, schema_version, occurred_at, lane, state)
            where e.place is not null
        ), added as (
            insert into events
            select a.position, a.originator_id, a.originator_version, a.topic, a.schema_version, a.state, a.recorded_at,
                   a.occurred_at, a.command_id, a.request_digest, a.command, a.actor, a.on_behalf_of, a.correlation_id,
                   a.causation_id, a.origin, chain(head.hash, content(row(a.*)::events)) over (order by a.position),
                   a.lane
            from accepted a
            returning position, hash
        )
        select pg_catalog.array_agg(hash order by position) into hashes from added;

        if follows and exists (
            select from unnest(places, originator_ids, originator_versions) as e (place, id, version)
            where e.place is not null and e.version <> 1
                  and not exists (select from events where originator_id = e.id and originator_version = e.version - 1)
        ) then
            raise exception 'an event does not follow the version that was looked at' using errcode = 'check_violation';
        end if;
        update event_head set position = head.position + place, hash = hashes[place], recorded_at = head.recorded_at;
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
        for found in
            select a.number, a.outcome, coalesce(head.position + lasts[a.number], s.position) as position,
                   coalesce(hashes[lasts[a.number]], s.hash) as hash
            from unnest(answering, outcomes, subject_ids, subject_versions) as a (number, outcome, id, version)
            left join lateral (
                select position, hash from events where originator_id = a.id and originator_version = a.version offset 0
            ) s on true
            where verdicts[commit_numbers[a.number]] = 'recorded'
        loop
            insert into answers (command_id, digest, outcome, position, hash)
            values (command_ids[found.number], digests[found.number], found.outcome::jsonb, found.position, found.hash);
            named[found.number] := found.position;
            named_hash[found.number] := found.hash;
        end loop;
    end if;

    return query
    select verdicts[c.commit], coalesce(named[c.number], head.position + lasts[c.number]),
           coalesce(named_hash[c.number], hashes[lasts[c.number]]), moved_ids[c.commit],
           moved_tos[c.commit], lost_claims[c.commit], held_by[c.commit]
    from pg_catalog.unnest(commit_numbers) with ordinality as c (commit, number)
    order by c.number;
end $$;

-- Destroys the key of a person, for ever.
create or replace function destroy_key(wanted uuid) returns void
language sql security definer set search_path from current as $$
    insert into person_keys (person, forgotten_at) values (wanted, pg_catalog.clock_timestamp())
    on conflict (person) do update set wrapped = null, master = null, forgotten_at = pg_catalog.clock_timestamp()
    where person_keys.forgotten_at is null
$$;
