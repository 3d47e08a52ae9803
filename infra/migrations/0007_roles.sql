-- What somebody may do follows from their roles, which are in the history; and whose rows they see, from their teams.

-- The events that rights are made of, found among many others. As in infra/rights.py.
create index events_of_rights on events (position) where split_part(topic, '.', 1) in ('User', 'Role', 'Team');

-- Those who might do everything before there were roles. At the next start they are given the role of an administrator,
-- and leave this table.
comment on table administrators is 'until there were roles';

-- The token of an id, if it holds now; its use is noted once in a minute.
drop function use_token(text);
create function use_token(wanted text)
returns table (secret_hash bytea, user_id uuid, expires_at timestamptz)
language sql set search_path from current as $$
    update tokens set last_used_at = now()
    where id = wanted and coalesce(last_used_at < now() - interval '1 minute', true)
      and revoked_at is null and coalesce(expires_at > now(), true);

    select t.secret_hash, t.user_id, t.expires_at
    from tokens t
    where t.id = wanted and t.revoked_at is null and coalesce(t.expires_at > now(), true);
$$;
