// The IDE at `/` in a Chromium without a window, as somebody uses it by hand: ask, change, follow.
import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import test, { after, before } from "node:test";
import { inflate } from "@sparticuz/chromium";
import { chromium } from "playwright-core";
import { anAccount, head, some } from "./daybook.mjs";

const origin = process.env.DAYBOOK_ADDRESS;
const complaints = [];
const foreign = [];
let browser, page, policy;

before(async () => {
  // The browser comes in a package with the few libraries that a bare machine lacks; both are unpacked here, once.
  const packed = resolve("node_modules/@sparticuz/chromium/bin");
  const [executablePath, libraries] = [await inflate(join(packed, "chromium.br")), await inflate(join(packed, "al2023.tar.br"))];
  const env = { ...process.env, LD_LIBRARY_PATH: join(libraries, "lib") };
  browser = await chromium.launch({ executablePath, env, args: ["--no-sandbox"] });
  page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !/^(data|blob):/.test(request.url())) foreign.push(request.url());
  });
  policy = (await page.goto(origin)).headers()["content-security-policy"];
  await page.locator("app-query-editor .cm-content").waitFor();
});

after(() => browser?.close());

/** Types an operation, and sends it as its users do. */
async function send(text) {
  await page.locator("app-query-editor .cm-content").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(text);
  await page.keyboard.press("Control+Enter");
}

/** Waits until the page shows a text among its results. */
const shows = (text) => page.locator("app-query-result .cm-content", { hasText: text }).waitFor();

test("it opens with a query that works, and asks as the local user", async () => {
  await page.locator("app-query-editor .cm-content").click();
  await page.keyboard.press("Control+Enter");

  await shows('"opportunities"');
  assert.match(await page.title(), /Daybook/);
});

test("what is asked is answered beside it", async () => {
  const name = some("Asked");
  await anAccount(name);

  await send(`query Mine { accounts(filter: {name: {eq: "${name}"}}) { nodes { name lifecycle } } }`);

  await shows(`"name": "${name}"`);
});

test("what is told is recorded", async () => {
  const [name, before] = [some("Told"), await head()];

  await send(`mutation Tell { registerAccount(input: {name: "${name}"}) { account { name } position } }`);

  await shows(`"name": "${name}"`);
  assert.equal(await head(), before + 1);
});

test("what is followed appears when it happens", async () => {
  const name = some("Followed");
  await send(`subscription Follow { events(after: ${await head()}, kinds: [ACCOUNT_REGISTERED]) { kind data } }`);

  await anAccount(name);

  await shows(`"name": "${name}"`);
  if (process.env.DAYBOOK_SCREENSHOT) await page.screenshot({ path: process.env.DAYBOOK_SCREENSHOT });
});

test("it knows the schema: what is not there is underlined, and the description of a field is at hand", async () => {
  await send("query Wrong { accounts { colour } }");
  await page.locator(".cm-lintRange-error").first().waitFor();
  await page.locator("[track-id=show_docs]").click();

  await page.locator("app-doc-viewer").getByText("Query").first().waitFor();
});

test("nothing complained, and nothing was asked of anybody else", () => {
  assert.deepEqual(complaints, []);
  assert.deepEqual(foreign, []);
});

test("the policy of the page would not let it ask anybody else", async () => {
  const refused = await page.evaluate(async () => {
    const told = new Promise((resolve) => addEventListener("securitypolicyviolation", (event) => resolve(event.blockedURI)));
    fetch("http://127.0.0.2:9/").catch(() => {});
    return await told;
  });

  assert.match(policy, /default-src 'none'/);
  assert.equal(refused, "http://127.0.0.2:9/");
});
