-- The index of aggregates and their versions tells their positions too, so that a timeline need not read the events of all
-- that belongs to a thing to learn which of them are the newest.
create unique index events_versions on events (originator_id, originator_version) include (position);
alter table events drop constraint events_originator_id_originator_version_key;
alter table events add constraint events_versions unique using index events_versions;
