// forge: deployment by `create`, a broadcast script, and tests on a fork of the node.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { CHAIN_ID, CREATE2_DEPLOYER, KEY, URL_HTTP, artifact, cast, compile, ensureCreate2Deployer, rpc, scratch, succeed, tool } from "./support.mjs";

const SCRIPT = "test/solidity/clients/Broadcast.s.sol:Broadcast";
const NODE_ARGS = ["--rpc-url", URL_HTTP];
const folder = scratch();
// Nothing of a run stays in the repository, or in forge's cache of forked chains.
const env = {
  FOUNDRY_BROADCAST: join(folder, "broadcast"),
  FOUNDRY_NO_STORAGE_CACHING: "true",
};
const forge = (args, more = {}) => succeed(tool("forge"), args, { env: { ...env, ...more } });

describe("forge", () => {
  before(async () => {
    await compile();
    await ensureCreate2Deployer();
  });

  test("create --broadcast deploys with constructor arguments", async () => {
    const output = await forge([
      "create", "test/solidity/clients/Sample.sol:Sample", ...NODE_ARGS, "--private-key", KEY, "--broadcast", "--json",
      "--constructor-args", "17",
    ]);
    const { deployedTo } = JSON.parse(output.slice(output.indexOf("{")));
    assert.equal(await cast("call", deployedTo, "value()(uint256)"), "17");
  });

  test("script --broadcast links, uses the deterministic deployer and waits for its receipts", async () => {
    // Another salt for each run, so that the address is free.
    const salt = `0x${Date.now().toString(16).padStart(64, "0")}`;
    await forge([
      "script", SCRIPT, ...NODE_ARGS, "--private-key", KEY, "--broadcast", "--sig", "run(bytes32)", salt, "--non-interactive",
    ]);
    const file = join(folder, `broadcast/Broadcast.s.sol/${CHAIN_ID}/run-latest.json`);
    const { transactions, receipts, libraries } = JSON.parse(readFileSync(file));
    for (const receipt of receipts) assert.equal(receipt.status, "0x1");
    assert.equal(libraries.length, 1);
    const created = transactions.find(({ transactionType, contractName }) => transactionType === "CREATE2" && contractName === "Sample");
    assert.equal(created.transaction.to.toLowerCase(), CREATE2_DEPLOYER.toLowerCase());
    assert.equal(await cast("call", created.contractAddress, "value()(uint256)"), "144");
    assert.equal(await cast("balance", created.contractAddress), "3");
    const init = `${artifact("Sample").bytecode}${"7".padStart(64, "0")}`;
    const expected = await cast("create2", "--deployer", CREATE2_DEPLOYER, "--salt", salt, "--init-code", init);
    assert.ok(expected.toLowerCase().includes(created.contractAddress.toLowerCase()), expected);
  });

  test("test --fork-url reads the node's state and its history", async () => {
    const { contractAddress, blockNumber } = JSON.parse(await cast(
      "send", "--json", "--private-key", KEY, "--create", artifact("Sample").bytecode, "constructor(uint256)", "61",
    ));
    await cast("send", "--private-key", KEY, contractAddress, "set(uint256,string)", "62", "after");
    const output = await forge(["test", "--fork-url", URL_HTTP, "--match-contract", "ForkTest"], {
      DEVNODE_URL: URL_HTTP,
      SAMPLE: contractAddress,
      SAMPLE_VALUE: "62",
      SAMPLE_FIRST: "61",
      SAMPLE_BIRTH: String(BigInt(blockNumber)),
    });
    assert.match(output, /3 tests passed, 0 failed, 0 skipped/);
    // What the tests did stayed in the fork.
    assert.equal(await cast("call", contractAddress, "value()(uint256)"), "62");
    assert.equal(await rpc("eth_chainId"), `0x${CHAIN_ID.toString(16)}`);
  });
});
