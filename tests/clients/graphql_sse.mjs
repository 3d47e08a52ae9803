// graphql-sse, as a frontend uses it where no WebSocket gets through: every operation by a connection of its own.
import assert from "node:assert/strict";
import test from "node:test";
import { createClient } from "graphql-sse";
import { address, anAccount, authorization, first, head, some } from "./daybook.mjs";

const EVENTS = "subscription ($after: Position!, $of: [ID!]) { events(after: $after, of: $of) { position kind nodeId } }";

const connecting = (headers = { authorization }) => createClient({ url: address, headers, retryAttempts: 0 });

test("what somebody does is seen by who follows", async () => {
  const client = connecting();
  const events = client.iterate({ query: EVENTS, variables: { after: await head() } });
  const account = await anAccount(some("Seen"));

  const [{ data }] = await first(1, events);

  assert.deepEqual([data.events.kind, data.events.nodeId], ["ACCOUNT_REGISTERED", account]);
  client.dispose();
});

test("who comes back after the last position misses nothing", async () => {
  const after = await head();
  const accounts = [await anAccount(some("One")), await anAccount(some("Two"))];
  const before = connecting();
  const seen = await first(1, before.iterate({ query: EVENTS, variables: { after, of: accounts } }));
  before.dispose();

  const client = connecting();
  const last = seen[0].data.events.position;
  seen.push(...(await first(1, client.iterate({ query: EVENTS, variables: { after: last, of: accounts } }))));

  assert.deepEqual(seen.map(({ data }) => data.events.nodeId), accounts);
  client.dispose();
});

test("queries and mutations go by the same client", async () => {
  const client = connecting();
  const name = some("Stream");
  const query = `mutation { registerAccount(input: {name: "${name}"}) { account { name } userErrors { code } } }`;

  const [made] = await first(1, client.iterate({ query }));
  const [read] = await first(1, client.iterate({ query: `{ accounts(filter: {name: {eq: "${name}"}}) { totalCount } }` }));

  assert.deepEqual(made.data.registerAccount, { account: { name }, userErrors: [] });
  assert.equal(read.data.accounts.totalCount, 1);
  client.dispose();
});

test("a subscription that is wrong is told so", async () => {
  const client = connecting();

  const [{ errors }] = await first(1, client.iterate({ query: "subscription { events { colour } }" }));

  assert.equal(errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
  client.dispose();
});

test("who comes with a wrong token is refused", async () => {
  const client = connecting({ authorization: "Bearer daybook_0_0" });

  const error = await first(1, client.iterate({ query: "{ viewer { id } }" })).catch((error) => error);

  assert.equal(error.response.status, 401);
  client.dispose();
});
