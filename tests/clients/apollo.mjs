// Apollo Client with its cache, as a frontend uses it: list, page, filter, change, be refused, follow.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import test from "node:test";
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { getMainDefinition, relayStylePagination } from "@apollo/client/utilities";
import { createClient } from "graphql-ws";
import { map } from "rxjs";
import { address, anAccount, authorization, head, some, sockets } from "./daybook.mjs";

/** A client that reads what it wrote: it names the last position that it was told of. */
function connected() {
  let position = 0;
  const reading = new ApolloLink((operation, forward) => {
    const known = position ? { "daybook-position": String(position) } : {};
    operation.setContext(({ headers }) => ({ headers: { ...headers, authorization, ...known } }));
    return forward(operation).pipe(
      map((result) => {
        for (const payload of Object.values(result.data ?? {})) position = Math.max(position, payload?.position ?? 0);
        return result;
      }),
    );
  });
  const socket = createClient({ url: sockets, connectionParams: { authorization } });
  const follows = ({ query }) => getMainDefinition(query).operation === "subscription";
  const link = ApolloLink.split(follows, new GraphQLWsLink(socket), reading.concat(new HttpLink({ uri: address })));
  const cache = new InMemoryCache({
    possibleTypes: { Node: ["Account", "Contact", "Opportunity", "User"] },
    typePolicies: { Query: { fields: { accounts: relayStylePagination(["filter", "orderBy"]) } } },
  });
  return { client: new ApolloClient({ link, cache }), socket };
}

async function using(what) {
  const { client, socket } = connected();
  try {
    await what(client);
  } finally {
    client.stop();
    await socket.dispose();
  }
}

const LIST = gql`
  query Accounts($of: String!, $first: Int!, $after: String) {
    accounts(filter: { name: { contains: $of } }, orderBy: [{ field: NAME }], first: $first, after: $after) {
      totalCount
      edges { cursor node { id name version } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`;
const RENAME = gql`
  mutation Rename($input: RenameAccountInput!) {
    renameAccount(input: $input) {
      account { id name version }
      position
      userErrors { field message code version }
    }
  }
`;

const names = (data) => data.accounts.edges.map(({ node }) => node.name);

test("a page follows a page, in one list of the cache", () =>
  using(async (client) => {
    const of = some("Listed");
    for (const letter of "abcde") await anAccount(`${of} ${letter}`);
    await anAccount(some("Neighbour"));
    const variables = { of, first: 2 };
    const { data } = await client.query({ query: LIST, variables });
    const list = client.watchQuery({ query: LIST, variables });
    let merged = data;
    while (merged.accounts.pageInfo.hasNextPage) {
      await list.fetchMore({ variables: { after: merged.accounts.pageInfo.endCursor } });
      merged = client.readQuery({ query: LIST, variables });
    }

    assert.equal(data.accounts.edges.length, 2);
    assert.deepEqual(names(merged), [..."abcde"].map((letter) => `${of} ${letter}`));
    assert.equal(merged.accounts.totalCount, 5);
  }));

test("what was changed is changed wherever the cache shows it", () =>
  using(async (client) => {
    const [of, neighbour] = [some("Old"), some("Old neighbour")];
    const [id, other] = [await anAccount(of), await anAccount(neighbour)];
    await client.query({ query: LIST, variables: { of, first: 2 } });
    await client.query({ query: LIST, variables: { of: neighbour, first: 2 } });

    const { data } = await client.mutate({ mutation: RENAME, variables: { input: { id, name: "New", expectedVersion: 1 } } });

    assert.deepEqual(data.renameAccount.userErrors, []);
    const shown = client.readQuery({ query: LIST, variables: { of, first: 2 } });
    assert.deepEqual(shown.accounts.edges[0].node, { __typename: "Account", id, name: "New", version: 2 });
    const beside = client.readQuery({ query: LIST, variables: { of: neighbour, first: 2 } });
    assert.deepEqual(beside.accounts.edges[0].node, { __typename: "Account", id: other, name: neighbour, version: 1 });
  }));

test("who changes what another changed is told so, with the version that there is", () =>
  using(async (client) => {
    const id = await anAccount(some("Contested"));
    const rename = (name) => client.mutate({ mutation: RENAME, variables: { input: { id, name, expectedVersion: 1 } } });
    await rename("Mine");

    const { data, error } = await rename("Yours");

    assert.equal(error, undefined);
    const [{ code, version, message }] = data.renameAccount.userErrors;
    assert.deepEqual([code, version, data.renameAccount.account], ["CONFLICT", 2, null]);
    assert.ok(message);
  }));

test("who reads after having written reads what was written", () =>
  using(async (client) => {
    const id = await anAccount(some("Before"));
    const name = some("After");
    await client.mutate({ mutation: RENAME, variables: { input: { id, name } } });

    const { data } = await client.query({ query: LIST, variables: { of: name, first: 1 }, fetchPolicy: "network-only" });

    assert.deepEqual(names(data), [name]);
  }));

test("what is wrong with an operation is told by its code", () =>
  using(async (client) => {
    const query = gql`query { account(id: "Contact_1") { id } }`;

    const error = await client.query({ query }).catch((error) => error);

    assert.ok(CombinedGraphQLErrors.is(error));
    assert.equal(error.errors[0].extensions.code, "BAD_USER_INPUT");
    assert.ok(error.errors[0].extensions.requestId);
  }));

test("who follows sees their own write, and the cache has it", () =>
  using(async (client) => {
    const query = gql`
      subscription Follow($after: Position!) {
        events(after: $after, kinds: [ACCOUNT_RENAMED]) { position kind node { id ... on Account { name version } } }
      }
    `;
    const id = await anAccount(some("Followed"));
    const name = some("Renamed");
    const after = await head();
    const seen = new Promise((resolve, reject) =>
      client.subscribe({ query, variables: { after } }).subscribe({ next: resolve, error: reject }),
    );
    await client.mutate({ mutation: RENAME, variables: { input: { id, name } } });

    const { data } = await seen;

    assert.deepEqual(data.events.node, { __typename: "Account", id, name, version: 2 });
    const cached = client.readFragment({ id: `Account:${id}`, fragment: gql`fragment A on Account { name }` });
    assert.equal(cached.name, name);
  }));

test("a document that was sent once is asked for by its hash alone, by GET", async () => {
  const methods = [];
  const fetching = (url, options) => {
    methods.push(options.method);
    return fetch(url, options);
  };
  const sha256 = (text) => createHash("sha256").update(text).digest("hex");
  const byHash = new PersistedQueryLink({ sha256, useGETForHashedQueries: true });
  const link = byHash.concat(new HttpLink({ uri: address, headers: { authorization }, fetch: fetching }));
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  const query = gql(`query Known { viewer { id } of${randomUUID().replaceAll("-", "")}: head { position } }`);

  await client.query({ query });
  const { data } = await client.query({ query, fetchPolicy: "network-only" });

  assert.ok(data.viewer.id);
  assert.deepEqual(methods, ["GET", "POST", "GET"]);
  client.stop();
});

test("who follows by multipart, where there is no WebSocket, sees their own write", async () => {
  const headers = { authorization };
  const client = new ApolloClient({ link: new HttpLink({ uri: address, headers }), cache: new InMemoryCache() });
  const query = gql`
    subscription Follow($after: Position!) { events(after: $after) { kind nodeId } }
  `;
  const after = await head();
  const seen = new Promise((resolve, reject) => {
    const following = client.subscribe({ query, variables: { after } }).subscribe({
      next: (result) => resolve([result, following]),
      error: reject,
    });
  });
  const id = await anAccount(some("Multipart"));

  const [{ data }, following] = await seen;
  following.unsubscribe();

  assert.deepEqual([data.events.kind, data.events.nodeId], ["ACCOUNT_REGISTERED", id]);
  client.stop();
});
