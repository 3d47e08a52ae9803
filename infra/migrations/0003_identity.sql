-- Who may come in: tokens, and the users who may do everything.

-- A token is daybook_<id>_<secret>. The secret itself is not here.
create table tokens (
    id           text primary key,
    secret_hash  bytea not null,                   -- SHA-256
    user_id      uuid not null,
    name         text not null,                    -- what it is for
    created_at   timestamptz not null default now(),
    expires_at   timestamptz,                      -- null: never
    revoked_at   timestamptz,
    last_used_at timestamptz                       -- to the minute
);
create index tokens_user_id on tokens (user_id);

create table administrators (
    user_id uuid primary key
);

-- The token of an id, if it holds now; its use is noted once in a minute.
create function use_token(wanted text)
returns table (secret_hash bytea, user_id uuid, administrator boolean, expires_at timestamptz)
language sql set search_path from current as $$
    update tokens set last_used_at = now()
    where id = wanted and coalesce(last_used_at < now() - interval '1 minute', true)
      and revoked_at is null and coalesce(expires_at > now(), true);

    select t.secret_hash, t.user_id, a.user_id is not null, t.expires_at
    from tokens t left join administrators a using (user_id)
    where t.id = wanted and t.revoked_at is null and coalesce(t.expires_at > now(), true);
$$;
