// What the suites share: the node under test, the account, the tools from npm, and the compiled contracts.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const require = createRequire(import.meta.url);
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** HTTP address of the node; its WebSocket is on the same port. */
export const URL_HTTP = process.env.DEVNODE_URL ?? "http://127.0.0.1:8547";
export const URL_WS = URL_HTTP.replace(/^http/, "ws");

export const CHAIN_ID = 412346;
/** The usual development account, whose key is public. */
export const ACCOUNT = "0x3f1Eae7D46d88F08fc2F8ed27FCb2AB183EB2d0E";
export const KEY = "0xb6b15c8cb491557369f3c7d2c287b053eb229daa9c22138887752191c9520659";
/** The deployer of https://github.com/Arachnid/deterministic-deployment-proxy. */
export const CREATE2_DEPLOYER = "0x4e59b44847b379578588920cA78FbF26c0B4956C";

let requests = 0;

/** Sends one JSON-RPC request; throws what the node answers as error. */
export async function rpc(method, ...params) {
  const answer = await post({ jsonrpc: "2.0", id: ++requests, method, params });
  if (answer.error) throw Object.assign(new Error(`${method}: ${answer.error.message}`), answer.error);
  return answer.result;
}

/** Posts `body` as JSON and gives the parsed answer. */
export async function post(body) {
  const response = await fetch(URL_HTTP, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return await response.json();
}

/** Which node answers: "anvil", "nitro" or "devnode". */
export const NODE = await rpc("web3_clientVersion").then((version) => {
  if (/anvil/i.test(version)) return "anvil";
  return /nitro/i.test(version) ? "nitro" : "devnode";
});

/** Reason to skip on the named nodes, for the `skip` option of a test; `false` elsewhere. */
export function skipOn(nodes, reason) {
  return [nodes].flat().includes(NODE) ? `${NODE}: ${reason}` : false;
}

/** A binary of Foundry: from npm where there is a package, else from the PATH. */
export function tool(name) {
  const platform = { "linux-x64": "linux-amd64", "darwin-arm64": "darwin-arm64", "win32-x64": "win32-amd64" }[
    `${process.platform}-${process.arch}`
  ];
  const exe = process.platform === "win32" ? ".exe" : "";
  const path = join(ROOT, `node_modules/@foundry-rs/${name}-${platform}/bin/${name}${exe}`);
  return existsSync(path) ? path : name;
}

/** Runs a program; gives `{ code, stdout, stderr }` with both outputs trimmed. */
export function run(file, args, { env = {}, cwd = ROOT, timeout = 120_000, input } = {}) {
  return new Promise((done, fail) => {
    const options = { cwd, timeout, maxBuffer: 64 << 20, env: { ...process.env, NO_COLOR: "1", ...env } };
    const child = execFile(file, args, options, (error, stdout, stderr) => {
      if (error && typeof error.code !== "number") return fail(error);
      done({ code: error ? error.code : 0, stdout: stdout.trim(), stderr: stderr.trim() });
    });
    child.stdin.end(input ?? "");
  });
}

/** As `run`, but a failure throws what the program printed; gives its standard output. */
export async function succeed(file, args, options) {
  const { code, stdout, stderr } = await run(file, args, options);
  assert.equal(code, 0, `${file.split("/").pop()} ${args.join(" ")}\nexit ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

/** cast against the node. */
export const cast = (...args) => succeed(tool("cast"), args, CAST);
/** cast where failure is what is expected: standard error, after asserting that it failed. */
export async function castFails(...args) {
  const { code, stdout, stderr } = await run(tool("cast"), args, CAST);
  assert.notEqual(code, 0, `cast ${args.join(" ")} should fail, but printed\n${stdout}`);
  return stderr;
}
const CAST = { env: { ETH_RPC_URL: URL_HTTP } };

/** A compiled contract of test/solidity, as forge left it in out/. */
export function artifact(file, name = file) {
  const { abi, bytecode, deployedBytecode } = JSON.parse(readFileSync(join(ROOT, `out/${file}.sol/${name}.json`)));
  return { abi, bytecode: bytecode.object, deployed: deployedBytecode.object };
}

/** Compiles test/solidity, unless the runner has done so. */
export async function compile() {
  if (process.env.DEVNODE_COMPILED) return;
  await succeed(tool("forge"), ["build"]);
  process.env.DEVNODE_COMPILED = "1";
}

/** A folder that is gone when the process ends. */
export function scratch() {
  const path = mkdtempSync(join(tmpdir(), "gimbal-clients-"));
  process.on("exit", () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A key nobody else uses, with `wei` on its account. */
export async function freshAccount(wei = 10n ** 20n) {
  const { generatePrivateKey, privateKeyToAccount } = await import("viem/accounts");
  const key = generatePrivateKey();
  const account = privateKeyToAccount(key);
  await cast("send", "--private-key", KEY, account.address, "--value", wei.toString());
  return { key, account, address: account.address };
}

/** The deployer's code, and the transaction that was signed once for all chains to create it: it has no chain id. */
const CREATE2_CODE = `7f${"ff".repeat(31)}e03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3`;
const CREATE2_CREATION =
  `0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe${CREATE2_CODE}` +
  `1ba0${"22".repeat(32)}a0${"22".repeat(32)}`;

/** Puts the deterministic deployer where every client expects it, if the node does not bring it. */
export async function ensureCreate2Deployer() {
  const code = () => rpc("eth_getCode", CREATE2_DEPLOYER, "latest");
  if ((await code()) === "0x") {
    const { recoverTransactionAddress } = await import("viem");
    const creator = await recoverTransactionAddress({ serializedTransaction: CREATE2_CREATION });
    await cast("send", "--private-key", KEY, creator, "--value", "0.01ether");
    await cast("publish", CREATE2_CREATION);
  }
  assert.equal(await code(), `0x${CREATE2_CODE}`);
}

/** Waits until `condition` gives something truthy, and gives that. */
export async function eventually(what, condition, milliseconds = 10_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) assert.fail(`waited ${milliseconds} ms for ${what}`);
    await new Promise((resume) => setTimeout(resume, 20));
  }
}
