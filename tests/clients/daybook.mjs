// The server that a test speaks with, and what every client needs to speak with it.
import { randomUUID } from "node:crypto";

export const address = `${process.env.DAYBOOK_ADDRESS}/graphql`;
export const sockets = address.replace(/^http/, "ws");
export const authorization = `Bearer ${process.env.DAYBOOK_TOKEN}`;

/** A word that no other test says. */
export const some = (word) => `${word} ${randomUUID()}`;

/** The data of an operation, asked with nothing but what every browser has. */
export async function ask(query, variables = {}) {
  const headers = { authorization, "content-type": "application/json" };
  const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** The id of a new account. */
export async function anAccount(name) {
  const query = "mutation ($name: String!) { registerAccount(input: {name: $name}) { account { id } } }";
  return (await ask(query, { name })).registerAccount.account.id;
}

/** The position of the last event. */
export const head = async () => (await ask("{ head { position } }")).head.position;

/** The first `many` values of an async iterable, which is ended then. */
export async function first(many, values) {
  const found = [];
  for await (const value of values) {
    found.push(value);
    if (found.length === many) break;
  }
  return found;
}
