// The audits of GraphQL over HTTP, by those who wrote its specification: every MUST, SHOULD and MAY.
import assert from "node:assert/strict";
import test from "node:test";
import { serverAudits } from "graphql-http";
import { address, authorization } from "./daybook.mjs";

const fetchFn = (url, options = {}) => fetch(url, { ...options, headers: { ...options.headers, authorization } });

for (const audit of serverAudits({ url: address, fetchFn })) {
  test(`${audit.id} ${audit.name}`, async () => {
    const result = await audit.fn();
    assert.equal(result.status, "ok", result.reason);
  });
}
