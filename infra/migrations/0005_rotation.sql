-- The key of a person, who gets the one that was made unless there is one; all null but the person if it was forgotten.
-- Once all keys are being wrapped by one master key, see infra/rotation.py, no new one is wrapped by another: then
-- nothing is kept, and the answer names the master key that must wrap it.
-- It lasts as soon as anything recorded later does, so nothing has to wait for the disk here.
create or replace function person_key(wanted uuid, made bytea, made_by text)
returns table (person uuid, wrapped bytea, master text)
language plpgsql security definer set search_path from current as $$
#variable_conflict use_column
declare
    by_which text;
begin
    perform pg_catalog.set_config('synchronous_commit', 'off', true);
    perform pg_catalog.pg_advisory_xact_lock_shared(wrapping());
    select s.master into by_which from secrets s where s.name = 'digests';
    if by_which is null or by_which = made_by then
        insert into person_keys (person, wrapped, master) values (wanted, made, made_by) on conflict do nothing;
    end if;
    return query select person, wrapped, master from person_keys where person = wanted;
    if not found then
        return query select wanted, null::bytea, by_which;
    end if;
end $$;

-- Whoever changes which master key wraps all others holds this lock alone; whoever keeps a new one shares it.
create function wrapping() returns bigint
language sql stable set search_path from current
return pg_catalog.hashtextextended(pg_catalog.concat(pg_catalog.current_schema(), '.wrapping'), 0);
