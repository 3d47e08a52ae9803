-- Parts of the history, folded into tables of their own beside those that are read.

create table replays (
    id         bigint generated always as identity primary key,
    name       text not null unique,
    since      bigint not null,                  -- of the history from this position
    until      bigint not null,                  -- up to this one
    without    uuid[] not null,                  -- but for what commands or correlations of these ids recorded
    events     bigint not null,                  -- so many are folded
    made_by    text not null,
    begun_at   timestamptz not null default now(),
    made_at    timestamptz,                      -- null while it is made, or goes: it does not answer
    expires_at timestamptz not null,
    report     jsonb                             -- what no longer fits
);

-- Their tables are found by all that goes over the tables of views: to forget somebody, above all.
alter table projections
    add column replay bigint references replays,
    drop constraint projections_state_check,
    add constraint projections_state_check check (state in ('building', 'ready', 'live', 'old', 'replay')),
    add constraint projections_replay_check check ((state = 'replay') = (replay is not null));
