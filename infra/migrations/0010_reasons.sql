-- What belongs together, and what brought about what, is found without reading the rest of the history. An event of which
-- neither was said costs nothing here.
create index events_correlation_id on events (correlation_id, position) where correlation_id is not null;
create index events_causation_id on events (causation_id, position) where causation_id is not null;
