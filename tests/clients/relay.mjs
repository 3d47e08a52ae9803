// Relay: its compiler against our released schema, and its runtime with what was compiled against a server.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import test from "node:test";
import compiler from "relay-compiler";
import { createClient } from "graphql-ws";
import runtime from "relay-runtime";
import { address, anAccount, authorization, head, some, sockets } from "./daybook.mjs";

const { ConnectionHandler, Environment, Network, Observable, RecordSource, Store } = runtime;
const { commitMutation, createOperationDescriptor, fetchQuery, getSingularSelector, requestSubscription } = runtime;

const place = mkdtempSync(join(tmpdir(), "relay-"));
process.on("exit", () => rmSync(place, { recursive: true }));

/** What the compiler makes of `relay/`; it ends with its complaints where our schema is not what Relay wants. */
function compiled() {
  cpSync(resolve("relay"), join(place, "src"), { recursive: true });
  mkdirSync(join(place, "made"));
  cpSync(resolve("../golden/schema.graphql"), join(place, "schema.graphql"));
  const config = { src: "src", schema: "schema.graphql", language: "javascript", artifactDirectory: "made", eagerEsModules: false };
  writeFileSync(join(place, "relay.config.json"), JSON.stringify(config));
  writeFileSync(join(place, "package.json"), "{}");
  execFileSync(compiler, [join(place, "relay.config.json")], { cwd: place, stdio: "pipe" });
  const load = createRequire(join(place, "made", "index.js"));
  return (name) => load(`./${name}.graphql.js`);
}

const artifact = compiled();

function environment(socket) {
  const ask = async ({ text }, variables) => {
    const headers = { authorization, "content-type": "application/json", accept: "application/graphql-response+json" };
    return (await fetch(address, { method: "POST", headers, body: JSON.stringify({ query: text, variables }) })).json();
  };
  const follow = ({ text }, variables) =>
    Observable.create((sink) => socket.subscribe({ query: text, variables }, sink));
  return new Environment({ network: Network.create(ask, follow), store: new Store(new RecordSource()) });
}

async function using(what) {
  const socket = createClient({ url: sockets, connectionParams: { authorization } });
  try {
    await what(environment(socket));
  } finally {
    await socket.dispose();
  }
}

/** What a component that shows the list would be given. */
function shown(relay, variables) {
  const operation = createOperationDescriptor(artifact("accountsQuery"), variables);
  const { data } = relay.lookup(operation.fragment);
  const list = relay.lookup(getSingularSelector(artifact("accounts_list"), data)).data.accounts;
  return list.edges.map(({ node }) => relay.lookup(getSingularSelector(artifact("accounts_row"), node)).data);
}

const connectionOf = (of) =>
  ConnectionHandler.getConnectionID("client:root", "accounts_list_accounts", { filter: { name: { contains: of } } });
const names = (rows) => rows.map(({ name }) => name);
const mutate = (relay, mutation, variables) =>
  new Promise((onCompleted, onError) => {
    commitMutation(relay, { mutation: artifact(mutation), variables, onCompleted, onError });
  });

test("the compiler takes our schema, and so a list that pages, a row that is refetched, and changes", () => {
  for (const made of ["accountsPageQuery", "accountsRowQuery", "accountsRegisterMutation"]) {
    assert.ok(artifact(made).params.text.includes("Account"), made);
  }
});

test("a page follows a page, in one connection of the store", () =>
  using(async (relay) => {
    const of = some("Listed");
    for (const letter of "abc") await anAccount(`${of} ${letter}`);
    await anAccount(some("Neighbour"));
    const variables = { of, first: 2 };
    await fetchQuery(relay, artifact("accountsQuery"), variables).toPromise();
    const first = names(shown(relay, variables));
    const records = relay.getStore().getSource();
    const after = records.get(records.get(connectionOf(of)).pageInfo.__ref).endCursor;

    await fetchQuery(relay, artifact("accountsPageQuery"), { ...variables, after }).toPromise();

    assert.deepEqual(first, ["a", "b"].map((letter) => `${of} ${letter}`));
    assert.deepEqual(names(shown(relay, variables)), ["a", "b", "c"].map((letter) => `${of} ${letter}`));
  }));

test("what is registered is appended to the list that shows it", () =>
  using(async (relay) => {
    const of = some("Appended");
    await anAccount(`${of} a`);
    const variables = { of, first: 2 };
    await fetchQuery(relay, artifact("accountsQuery"), variables).toPromise();
    const connections = [connectionOf(of)];

    const { registerAccount } = await mutate(relay, "accountsRegisterMutation", { input: { name: `${of} b` }, connections });

    assert.deepEqual(registerAccount.userErrors, []);
    assert.deepEqual(names(shown(relay, variables)), [`${of} a`, `${of} b`]);
  }));

test("who changes what another changed is told so, and the store keeps what it had", () =>
  using(async (relay) => {
    const of = some("Contested");
    const id = await anAccount(of);
    await mutate(relay, "accountsRenameMutation", { input: { id, name: `${of} mine` } });
    await fetchQuery(relay, artifact("accountsQuery"), { of, first: 2 }).toPromise();

    const input = { id, name: `${of} yours`, expectedVersion: 1 };
    const { renameAccount } = await mutate(relay, "accountsRenameMutation", { input });

    assert.deepEqual(renameAccount.userErrors, [{ code: "CONFLICT", version: 2 }]);
    assert.deepEqual(names(shown(relay, { of, first: 2 })), [`${of} mine`]);
  }));

test("one thing is asked for again by its id alone", () =>
  using(async (relay) => {
    const name = some("Again");
    const id = await anAccount(name);

    const { node } = await fetchQuery(relay, artifact("accountsRowQuery"), { id }).toPromise();

    const { data } = relay.lookup(getSingularSelector(artifact("accounts_row"), node));
    assert.deepEqual([data.name, data.version], [name, 1]);
  }));

test("who follows sees a change in the list that shows it", () =>
  using(async (relay) => {
    const of = some("Followed");
    const id = await anAccount(of);
    const variables = { of, first: 2 };
    await fetchQuery(relay, artifact("accountsQuery"), variables).toPromise();
    const subscription = artifact("accountsFollowSubscription");
    const seen = { after: await head(), of: [id] };
    const next = new Promise((onNext, onError) =>
      requestSubscription(relay, { subscription, variables: seen, onNext, onError }),
    );
    await mutate(relay, "accountsRenameMutation", { input: { id, name: `${of} again` } });

    const { events } = await next;

    assert.equal(events.kind, "ACCOUNT_RENAMED");
    assert.deepEqual(names(shown(relay, variables)), [`${of} again`]);
  }));
