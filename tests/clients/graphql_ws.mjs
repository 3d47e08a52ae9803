// graphql-ws, as a frontend uses it: follow, come back, be told what is wrong, be shown out.
import assert from "node:assert/strict";
import test from "node:test";
import { createClient } from "graphql-ws";
import { anAccount, authorization, first, head, some, sockets } from "./daybook.mjs";

const EVENTS = "subscription ($after: Position!, $of: [ID!]) { events(after: $after, of: $of) { position kind nodeId } }";

function connecting(connectionParams = { authorization }, more = {}) {
  return createClient({ url: sockets, connectionParams, ...more });
}

test("what somebody does is seen by who follows", async () => {
  const client = connecting();
  const events = client.iterate({ query: EVENTS, variables: { after: await head() } });
  const account = await anAccount(some("Seen"));

  const [{ data }] = await first(1, events);

  assert.deepEqual([data.events.kind, data.events.nodeId], ["ACCOUNT_REGISTERED", account]);
  await client.dispose();
});

test("who comes back after the last position misses nothing", async () => {
  const after = await head();
  const accounts = [await anAccount(some("One")), await anAccount(some("Two"))];
  const before = connecting();
  const seen = await first(1, before.iterate({ query: EVENTS, variables: { after, of: accounts } }));
  before.terminate();
  accounts.push(await anAccount(some("Three")));

  const client = connecting();
  const last = seen[0].data.events.position;
  seen.push(...(await first(2, client.iterate({ query: EVENTS, variables: { after: last, of: accounts } }))));

  assert.deepEqual(seen.map(({ data }) => data.events.nodeId), accounts);
  await client.dispose();
});

test("a connection that broke is made again, and the subscription with it", async () => {
  let open;
  const client = connecting({ authorization }, { on: { opened: (socket) => (open = socket) }, retryWait: async () => {} });
  const account = await anAccount(some("Steady"));
  const events = client.iterate({ query: EVENTS, variables: { after: 0, of: [account] } });
  await events.next();

  open.close(4205, "broken");
  const { value } = await events.next();

  assert.equal(value.data.events.nodeId, account);
  await client.dispose();
});

test("many subscriptions share one connection, and one may end without the others", async () => {
  let opened = 0;
  const client = connecting({ authorization }, { on: { opened: () => opened++ } });
  const after = await head();
  const [one, other] = [0, 1].map(() => client.iterate({ query: EVENTS, variables: { after } }));
  const next = [one.next(), other.next()];
  const account = await anAccount(some("Shared"));
  await Promise.all(next);
  await one.return();
  const second = await anAccount(some("Alone"));

  const { value } = await other.next();

  assert.equal(opened, 1);
  assert.notEqual(account, second);
  assert.equal(value.data.events.nodeId, second);
  await client.dispose();
});

test("queries and mutations go over the socket too", async () => {
  const client = connecting();
  const name = some("Socket");
  const query = `mutation { registerAccount(input: {name: "${name}"}) { account { name } userErrors { code } } }`;

  const [made] = await first(1, client.iterate({ query }));
  const [read] = await first(1, client.iterate({ query: `{ accounts(filter: {name: {eq: "${name}"}}) { totalCount } }` }));

  assert.deepEqual(made.data.registerAccount, { account: { name }, userErrors: [] });
  assert.equal(read.data.accounts.totalCount, 1);
  await client.dispose();
});

test("a subscription that is wrong is told so, and the connection goes on", async () => {
  const client = connecting();

  const failed = await first(1, client.iterate({ query: "subscription { events { colour } }" })).catch((errors) => errors);
  const [fine] = await first(1, client.iterate({ query: "{ viewer { id } }" }));

  assert.equal(failed[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
  assert.ok(fine.data.viewer.id);
  await client.dispose();
});

for (const [who, params] of [["no token", {}], ["a wrong token", { authorization: "Bearer daybook_0_0" }]]) {
  test(`who comes with ${who} is shown out`, async () => {
    const client = connecting(params, { retryAttempts: 0 });

    const closed = await first(1, client.iterate({ query: "{ viewer { id } }" })).catch((event) => event);

    assert.deepEqual([closed.code, closed.reason], [4403, "Forbidden"]);
    await client.dispose();
  });
}
