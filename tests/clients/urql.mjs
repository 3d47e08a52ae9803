// urql, as a frontend uses it: list, page and filter by GET and by POST, change, be refused, follow.
import assert from "node:assert/strict";
import test from "node:test";
import { Client, cacheExchange, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import { address, anAccount, authorization, head, some, sockets } from "./daybook.mjs";

async function using(options, what) {
  const socket = createClient({ url: sockets, connectionParams: { authorization } });
  const forwardSubscription = ({ query, variables }) => ({
    subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
  });
  const exchanges = [cacheExchange, fetchExchange, subscriptionExchange({ forwardSubscription })];
  try {
    await what(new Client({ url: address, fetchOptions: { headers: { authorization } }, exchanges, ...options }));
  } finally {
    await socket.dispose();
  }
}

const LIST = gql`
  query Accounts($of: String!, $after: String) {
    accounts(filter: { name: { contains: $of } }, orderBy: [{ field: NAME, direction: DESC }], first: 2, after: $after) {
      nodes { id name }
      pageInfo { hasNextPage endCursor }
    }
  }
`;
const RENAME = gql`
  mutation Rename($input: RenameAccountInput!) {
    renameAccount(input: $input) { account { id name } userErrors { code version } }
  }
`;

for (const preferGetMethod of [true, false]) {
  test(`a page follows a page by ${preferGetMethod ? "GET" : "POST"}`, () =>
    using({ preferGetMethod }, async (client) => {
      const of = some("Listed");
      for (const letter of "abc") await anAccount(`${of} ${letter}`);
      await anAccount(some("Neighbour"));

      const one = await client.query(LIST, { of });
      const two = await client.query(LIST, { of, after: one.data.accounts.pageInfo.endCursor });

      const names = [one, two].map(({ data }) => data.accounts.nodes.map(({ name }) => name.slice(-1)));
      assert.deepEqual(names, [["c", "b"], ["a"]]);
      assert.deepEqual([one, two].map(({ data }) => data.accounts.pageInfo.hasNextPage), [true, false]);
    }));
}

test("what was changed is asked for anew where it was shown", () =>
  using({}, async (client) => {
    const [of, neighbour] = [some("Shown"), some("Neighbour")];
    const [id] = [await anAccount(of), await anAccount(neighbour)];
    const shown = [];
    await new Promise((resolve) => {
      client.query(LIST, { of }).subscribe(({ data, stale }) => {
        if (stale) return;
        shown.push(data.accounts.nodes.map(({ name }) => name));
        if (shown.length === 1) client.mutation(RENAME, { input: { id, name: `${of} again` } }).toPromise();
        else resolve();
      });
    });
    const beside = await client.query(LIST, { of: neighbour });

    assert.deepEqual(shown, [[of], [`${of} again`]]);
    assert.deepEqual(beside.data.accounts.nodes.map(({ name }) => name), [neighbour]);
  }));

test("who changes what another changed is told so, with the version that there is", () =>
  using({}, async (client) => {
    const id = await anAccount(some("Contested"));
    const rename = (name) => client.mutation(RENAME, { input: { id, name, expectedVersion: 1 } });
    await rename("Mine");

    const { data, error } = await rename("Yours");

    assert.equal(error, undefined);
    assert.deepEqual(data.renameAccount.userErrors, [{ __typename: "UserError", code: "CONFLICT", version: 2 }]);
  }));

test("what is wrong with an operation is told by its code", () =>
  using({}, async (client) => {
    const { error } = await client.query(gql`query { accounts(first: 100000) { totalCount } }`, {});

    assert.equal(error.graphQLErrors[0].extensions.code, "BAD_USER_INPUT");
    assert.equal(error.networkError, undefined);
  }));

for (const [how, options] of [["a WebSocket", {}], ["server-sent events", { fetchSubscriptions: true, exchanges: [fetchExchange] }]]) {
  test(`who follows by ${how} sees their own write`, () =>
    using(options, async (client) => {
      const query = gql`subscription ($after: Position!) { events(after: $after) { kind nodeId } }`;
      const after = await head();
      let following;
      const seen = new Promise((resolve) => (following = client.subscription(query, { after }).subscribe(resolve)));
      const id = await anAccount(some("Followed"));

      const { data } = await seen;
      following.unsubscribe();

      assert.deepEqual([data.events.kind, data.events.nodeId], ["ACCOUNT_REGISTERED", id]);
    }));
}
