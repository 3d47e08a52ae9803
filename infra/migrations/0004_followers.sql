-- Who follows the history to do something elsewhere with it: the relay to Kafka, and whatever has an effect.

-- Each by its name, and the position up to which all is done. Building views anew brings nothing again.
create table followers (
    name     text primary key,
    position bigint not null,
    moved_at timestamptz not null default clock_timestamp()
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- The last position that the relay published in each partition of a topic; what a transaction of Kafka holds counts when
-- that has committed.
create table published (
    topic    text not null,
    lane     smallint not null,
    position bigint not null,
    primary key (topic, lane)
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Whether it was published that an aggregate is parked.
alter table dead_letters add column published boolean not null default false;
