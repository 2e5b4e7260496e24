#!/usr/bin/env node
// Runs real clients against a node: see README.md.
import { dirname, join, resolve } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startServer } from "./server.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
/** Robustness comes last: what it leaves behind should trouble nobody. */
const ORDER = ["cast", "viem", "stylus", "forge", "cargo-stylus", "robustness"];

const { values } = parseArgs({
  options: {
    server: { type: "string", default: process.env.DEVNODE },
    rpc: { type: "string", default: process.env.DEVNODE_URL },
    only: { type: "string" },
    "cargo-stylus": { type: "string", default: process.env.CARGO_STYLUS },
  },
});
const wanted = values.only ? values.only.split(",") : ORDER;
const stranger = wanted.find((name) => !ORDER.includes(name));
if (stranger) throw new Error(`no suite ${stranger}: there are ${ORDER.join(", ")}`);
const files = ORDER.filter((name) => wanted.includes(name)).map((name) => join(HERE, `${name}.test.mjs`));

const server = values.rpc
  ? { url: values.rpc, stop: async () => {}, died: () => undefined }
  : await startServer(resolve(values.server ?? join(HERE, "../../target/debug/devnode")));
process.env.DEVNODE_URL = server.url;
if (values["cargo-stylus"]) process.env.CARGO_STYLUS = resolve(values["cargo-stylus"]);

const { ACCOUNT, NODE, compile, rpc } = await import("./support.mjs");
console.log(`${NODE} at ${server.url}`);
await compile();
if (NODE === "anvil") await rpc("anvil_setBalance", ACCOUNT, "0xd3c21bcecceda1000000");

const failures = [];
const count = { passed: 0, failed: 0, skipped: 0 };
const stream = run({ files, concurrency: 1, timeout: 600_000 });
stream.on("test:pass", (test) => {
  if (test.details.type === "suite") return;
  if (test.skip !== undefined) count.skipped += 1;
  else count.passed += 1;
});
stream.on("test:fail", (test) => {
  const cause = test.details.error?.cause ?? test.details.error;
  // A suite fails with its tests, which are counted; by itself it fails only in its hooks.
  if (test.details.error?.failureType === "subtestsFailed") return;
  count.failed += 1;
  failures.push(`${test.name}: ${String(cause?.message ?? cause).replace(/\s+/g, " ").slice(0, 300)}`);
});
stream.on("end", async () => {
  const died = server.died();
  if (died) failures.push(`the server died: ${died}`);
  await server.stop();
  // The reporter is still writing.
  setImmediate(() => {
    for (const failure of failures) console.log(`FAILED ${failure}`);
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
    process.exitCode = failures.length === 0 && count.passed > 0 ? 0 : 1;
  });
});
stream.compose(spec).pipe(process.stdout);
