-- Who comes in.

-- An API token is an aggregate. All of them are listed without reading the whole history.
create index events_api_tokens on events (position) where topic = 'ApiToken.Made';

-- Of the teams all that are linked to a group of an identity provider are asked for when somebody comes from there.
create index claims_of_teams on claims (name) where kind = 'Team';

-- Who was kept from what: counted by kind, and forgotten after a while. Nothing of what was asked stands here.
create table refusals (
    id      bigint generated always as identity primary key,
    at      timestamptz not null default now(),
    code    text not null,                           -- UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, THROTTLED
    what    text,                                    -- the command, or the permission
    path    text not null,
    user_id uuid,
    token   text,                                    -- the id of the token that was shown
    address text,
    times   integer not null
);
create index refusals_at on refusals (at);
