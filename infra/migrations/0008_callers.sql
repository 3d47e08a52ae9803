-- Who comes in.

-- An API token is an aggregate. All of them are listed without reading the whole history.
create index events_api_tokens on events (position) where topic = 'ApiToken.Made';

-- Of the teams all that are linked to a group of an identity provider are asked for when somebody comes from there.
create index claims_of_teams on claims (name) where kind = 'Team';
