-- Who read what is personal, and of whom; and what was copied out. No part of the history: it is forgotten after a while.
-- Of somebody who asks the same again and again within a few seconds there is one row. What was read does not stand here.
create table accesses (
    id        bigint generated always as identity primary key,
    at        timestamptz not null default now(),
    way       text not null,                         -- /graphql, /events, command line
    user_id   uuid,
    token     text,                                  -- the id of the token that was shown
    address   text,
    local     text,                                  -- at the command line: who, for the operating system
    operation text,                                  -- the name that a client gave its operation, or the command
    kind      text not null,                         -- of the rows that were shown
    persons   uuid[] not null,                       -- of whom; nobody, where somebody was sought by what is personal
    times     bigint not null,                       -- so many answers
    unnamed   bigint not null                        -- of so many rows it is not said of whom: there were too many at once
);
create index accesses_at on accesses (at);
create index accesses_persons on accesses using gin (persons);
