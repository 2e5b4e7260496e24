#!/usr/bin/env node
// Runs the same transactions on a node and on ethereumjs and compares everything that comes of them: see README.md.
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startServer } from "../clients/server.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    server: { type: "string", default: process.env.DEVNODE },
    rpc: { type: "string", default: process.env.DEVNODE_URL },
    count: { type: "string", default: "300" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    rules: { type: "string" },
  },
});
const server = values.rpc
  ? { url: values.rpc, stop: async () => {} }
  : await startServer(resolve(values.server ?? join(HERE, "../../target/debug/devnode")));
process.env.DEVNODE_URL = server.url;

const { ACCOUNT, NODE, compile, rpc } = await import("../clients/support.mjs");
const rules = values.rules ?? (NODE === "anvil" ? "ethereum" : "arbitrum");
if (NODE === "anvil") await rpc("anvil_setBalance", ACCOUNT, "0xd3c21bcecceda1000000");
await compile();
const [{ programs }, { venues }] = [await import("./programs.mjs"), await import("./venues.mjs")];
console.log(`${NODE} at ${server.url} against ethereumjs, rules of ${rules}`);

const started = Date.now();
const first = values.only === undefined ? 0 : Number(values.only);
const count = values.only === undefined ? Number(values.count) : 1;
const result = await programs({ rules, seed: values.seed, first, count, verbose: values.only !== undefined });
const replay = values.only === undefined ? await venues({ rules }) : { passed: 0, failed: 0 };
await server.stop();
console.log(`${result.summary}; ${((Date.now() - started) / 1000).toFixed(1)} s`);
const [passed, failed] = [result.passed + replay.passed, result.failed + replay.failed];
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
