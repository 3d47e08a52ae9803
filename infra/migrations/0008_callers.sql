-- Who comes in.

-- An API token is an aggregate. All of them are listed without reading the whole history.
create index events_api_tokens on events (position) where topic = 'ApiToken.Made';
