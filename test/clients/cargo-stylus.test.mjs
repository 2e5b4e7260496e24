// cargo stylus, the official tool: builds, checks, deploys, activates, caches and traces. Minutes when nothing is built yet.
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { ACCOUNT, KEY, ROOT, URL_HTTP, cast, require, rpc, run, scratch, skipOn } from "./support.mjs";

const TOOL = process.env.CARGO_STYLUS;
const ARB_WASM = "0x0000000000000000000000000000000000000071";
const ARB_WASM_CACHE = "0x0000000000000000000000000000000000000072";
/** Where cargo stylus looks for the contract that deploys, activates and constructs in one transaction. */
const STYLUS_DEPLOYER = "0xcEcba2F1DC234f70Dd89F2041029807F8D03A990";
const NITRO = "@arbitrum/nitro-contracts/build/contracts/src";

const skip = skipOn("anvil", "has no Stylus") || (!TOOL && "needs --cargo-stylus PATH");

describe("cargo stylus", { skip }, () => {
  const folder = skip ? "" : scratch();
  const endpoint = ["--endpoint", URL_HTTP];
  const keyed = [...endpoint, "--private-key", KEY];
  let counter;

  /** Runs the tool in a sample; gives what it printed on both outputs, as it chooses among them freely. */
  async function stylus(sample, args, { fails = false } = {}) {
    const { code, stdout, stderr } = await run(TOOL, ["stylus", ...args], {
      cwd: join(folder, sample),
      timeout: 900_000,
      // The crates are those of the project's own lock file, so cargo has them already.
      env: { CARGO_NET_OFFLINE: "true", CARGO_TARGET_DIR: process.env.CARGO_TARGET_DIR ?? join(ROOT, "target/cargo-stylus") },
    });
    const output = `${stdout}\n${stderr}`.replace(/\x1b\[[0-9;]*m/g, "");
    assert.equal(code !== 0, fails, `cargo stylus ${args.join(" ")}\nexit ${code}\n${output}`);
    return output;
  }
  const deployed = (output) => /deployed code at address: (0x[0-9a-fA-F]{40})/.exec(output)?.[1] ?? assert.fail(output);
  const create = async (path) => {
    const { bytecode } = require(`${NITRO}/${path}.json`);
    return JSON.parse(await cast("send", "--json", "--private-key", KEY, "--create", bytecode)).contractAddress;
  };
  const code = (address) => rpc("eth_getCode", address, "latest");

  before(async () => {
    for (const sample of ["counter", "greeter"]) {
      cpSync(join(ROOT, "test/clients/cargo-stylus", sample), join(folder, sample), { recursive: true });
      // cargo strikes out of it what the sample does not need; the tool itself insists on a finished one.
      cpSync(join(ROOT, "Cargo.lock"), join(folder, sample, "Cargo.lock"));
      cpSync(join(ROOT, "rust-toolchain.toml"), join(folder, sample, "rust-toolchain.toml"));
      cpSync(join(ROOT, ".cargo"), join(folder, sample, ".cargo"), { recursive: true });
      const { code, stderr } = await run("cargo", ["metadata", "--offline", "--format-version", "1"], { cwd: join(folder, sample) });
      assert.equal(code, 0, stderr);
    }
  }, { timeout: 900_000 });

  test("check", async () => {
    const output = await stylus("counter", ["check", ...endpoint]);
    assert.match(output, /contract size/);
    assert.match(output, /wasm data fee: .* ETH/);
  });

  test("deploy --estimate-gas", async () => {
    assert.match(await stylus("counter", ["deploy", "--no-verify", "--estimate-gas", ...keyed]), /deployment tx gas: \d+/);
  });

  test("deploy --no-activate, then activate --estimate-gas and activate", async () => {
    counter = deployed(await stylus("counter", ["deploy", "--no-verify", "--no-activate", ...keyed]));
    assert.match(await code(counter), /^0xeff000/);
    await assert.rejects(rpc("eth_call", { to: counter, data: "0x8381f58a" }, "latest"), "not activated yet, but runs");
    assert.match(await stylus("counter", ["activate", "--address", counter, "--estimate-gas", ...keyed]), /activation tx gas: \d+/);
    assert.match(await stylus("counter", ["activate", "--address", counter, ...keyed]), /successfully activated/);
    await cast("send", "--private-key", KEY, counter, "increment()");
    assert.equal(await cast("call", counter, "number()(uint256)"), "1");
  });

  test("check of what is active already", async () => {
    await stylus("counter", ["check", ...endpoint]);
    const version = await cast("call", ARB_WASM, "programVersion(address)(uint16)", counter);
    assert.equal(version, await cast("call", ARB_WASM, "stylusVersion()(uint16)"));
  });

  test("deploy of code that is active already", async () => {
    const again = deployed(await stylus("counter", ["deploy", "--no-verify", ...keyed]));
    assert.notEqual(again.toLowerCase(), counter.toLowerCase());
    assert.equal(await cast("call", again, "number()(uint256)"), "0");
  });

  test("activate again says that it is up to date", async () => {
    // ProgramUpToDate()
    assert.match(await stylus("counter", ["activate", "--address", counter, ...keyed], { fails: true }), /ProgramUpToDate|cc944bf2/i);
  });

  test("deploy with a constructor, its arguments and value", async () => {
    const present = (await code(STYLUS_DEPLOYER)) !== "0x";
    const deployer = present ? [] : ["--deployer-address", await create("stylus/StylusDeployer.sol/StylusDeployer")];
    const salt = `0x${Date.now().toString(16).padStart(64, "0")}`;
    const greeter = deployed(await stylus("greeter", [
      "deploy", "--no-verify", ...keyed, ...deployer, "--deployer-salt", salt, "--constructor-value", "0.000000000000000007",
      "--constructor-args", "good morning", "12",
    ]));
    assert.equal(await cast("call", greeter, "greeting()(string)"), '"good morning"');
    assert.equal(await cast("call", greeter, "number()(uint256)"), "12");
    assert.equal(await cast("call", greeter, "paid()(uint256)"), "7");
    assert.equal(await cast("call", greeter, "maker()(address)"), ACCOUNT);
  });

  test("constructor with too few arguments is refused", async () => {
    const output = await stylus("greeter", ["deploy", "--no-verify", ...keyed, "--constructor-args", "alone"], { fails: true });
    assert.match(output, /mismatch number of constructor arguments/);
  });

  test("cache bid, status and suggest-bid", async () => {
    await ensureCacheManager();
    assert.match(await stylus("counter", ["cache", "suggest-bid", counter, ...endpoint]), /\d/);
    await stylus("counter", ["cache", "bid", counter, "0", ...keyed]);
    assert.match(await stylus("counter", ["cache", "status", "--address", counter, ...endpoint]), /is cached/i);
    const hash = await cast("keccak", await code(counter));
    assert.equal(await cast("call", ARB_WASM_CACHE, "codehashIsCached(bytes32)(bool)", hash), "true");
    assert.match(await stylus("counter", ["cache", "bid", counter, "0", ...keyed], { fails: true }), /already cached/i);
  });

  test("trace --use-native-tracer shows the host functions", async () => {
    const receipt = JSON.parse(await cast("send", "--json", "--private-key", KEY, counter, "increment()"));
    const output = await stylus("counter", ["trace", "--use-native-tracer", "--tx", receipt.transactionHash, ...endpoint]);
    for (const name of ["user_entrypoint", "read_args", "storage_load_bytes32", "storage_cache_bytes32", "storage_flush_cache", "write_result"]) {
      assert.ok(output.includes(`"${name}"`), `${name} is missing in\n${output.slice(0, 2_000)}`);
    }
  });

  test("codehash-keepalive too soon is refused", async () => {
    const hash = await cast("keccak", await code(counter));
    const output = await stylus("counter", ["codehash-keepalive", "--codehash", hash, ...keyed], { fails: true });
    assert.match(output, /ProgramKeepaliveTooSoon|too soon|keepalive/i);
  });

  /** A development chain that brings no cache manager gets the one of the npm package, as the dev account owns the chain. */
  async function ensureCacheManager() {
    const all = await cast("call", ARB_WASM_CACHE, "allCacheManagers()(address[])");
    if (all !== "[]") return;
    const manager = await create("chain/CacheManager.sol/CacheManager");
    const asOwner = (...args) => cast("send", "--private-key", KEY, ...args);
    await asOwner("0x00000000000000000000000000000000000000ff", "becomeChainOwner()");
    await asOwner("0x0000000000000000000000000000000000000070", "addWasmCacheManager(address)", manager);
    await asOwner(manager, "setCacheSize(uint64)", String(64 << 20));
  }
});
