// cast, the command line client of Foundry.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import {
  ACCOUNT, CHAIN_ID, KEY, artifact, cast, castFails, compile, freshAccount, rpc,
} from "./support.mjs";

const KEYED = ["--private-key", KEY];
const json = async (...args) => JSON.parse(await cast(...args, "--json"));
const send = (...args) => json("send", ...KEYED, ...args);
const number = (hex) => BigInt(hex);

describe("cast", () => {
  let sample;
  let birth;

  before(async () => {
    await compile();
    const receipt = await send("--create", artifact("Sample").bytecode, "constructor(uint256)", "5");
    assert.equal(receipt.status, "0x1");
    sample = receipt.contractAddress;
    birth = number(receipt.blockNumber);
  });

  describe("reads the chain", () => {
    test("chain-id", async () => assert.equal(await cast("chain-id"), String(CHAIN_ID)));
    test("client", async () => assert.match(await cast("client"), /\S/));
    test("block-number", async () => assert.ok(BigInt(await cast("block-number")) >= birth));
    test("gas-price is not below the base fee", async () => {
      assert.ok(BigInt(await cast("gas-price")) >= BigInt(await cast("base-fee")));
    });
    test("balance", async () => assert.ok(BigInt(await cast("balance", ACCOUNT)) > 10n ** 18n));
    test("balance in ether", async () => assert.match(await cast("balance", "--ether", ACCOUNT), /^\d+\.\d+$/));
    test("nonce", async () => {
      const nonce = BigInt(await cast("nonce", ACCOUNT));
      await send(ACCOUNT);
      assert.equal(BigInt(await cast("nonce", ACCOUNT)), nonce + 1n);
    });
    test("code and codesize", async () => {
      const code = await cast("code", sample);
      assert.equal(code, artifact("Sample").deployed);
      assert.equal(await cast("codesize", sample), String(code.length / 2 - 1));
      assert.equal(await cast("code", "0x00000000000000000000000000000000deadbeef"), "0x");
    });
    test("storage", async () => {
      await send(sample, "set(uint256,string)", "77", "for storage");
      assert.equal(number(await cast("storage", sample, "0")), 77n);
      assert.equal(number(await cast("storage", sample, "0", "--block", String(birth))), 5n);
      assert.equal(number(await cast("storage", sample, "12345")), 0n);
    });
    test("block, by number, tag and hash", async () => {
      const byNumber = await json("block", String(birth));
      assert.equal(number(byNumber.number), birth);
      const byHash = await json("block", byNumber.hash);
      assert.deepEqual(byHash, byNumber);
      assert.match(byNumber.hash, /^0x[0-9a-f]{64}$/);
      for (const tag of ["latest", "earliest", "pending", "safe", "finalized"]) await json("block", tag);
    });
    test("blocks hang together", async () => {
      const [parent, child] = [await json("block", String(birth - 1n)), await json("block", String(birth))];
      assert.equal(child.parentHash, parent.hash);
      assert.ok(number(child.timestamp) >= number(parent.timestamp));
    });
    test("block --full", async () => {
      const { transactions } = await json("block", String(birth), "--full");
      assert.ok(transactions.some((tx) => tx.from.toLowerCase() === ACCOUNT.toLowerCase()));
    });
    test("age of a block", async () => assert.match(await cast("age", String(birth)), /\d{4}/));
    test("find-block by time", async () => {
      const { timestamp } = await json("block", "latest");
      assert.match(await cast("find-block", String(number(timestamp))), /^\d+$/);
    });
    test("rpc", async () => {
      assert.equal(JSON.parse(await cast("rpc", "eth_chainId")), `0x${CHAIN_ID.toString(16)}`);
      assert.equal(JSON.parse(await cast("rpc", "net_version")), String(CHAIN_ID));
      assert.match(await castFails("rpc", "eth_noSuchMethod"), /-32601|not found|not supported|does not exist/i);
    });
    test("proof and codehash", async (context) => {
      const missing = await rpc("eth_getProof", sample, [], "latest").then(() => false, (error) => error.code === -32601);
      if (missing) return context.skip("the node has no proofs, and says so");
      assert.equal(await cast("codehash", sample), await cast("keccak", await cast("code", sample)));
      const proof = await json("proof", sample, "0");
      assert.equal(number(proof.storageProof[0].value), 77n);
    });
  });

  describe("calls", () => {
    test("call decodes the result", async () => {
      assert.equal(await cast("call", sample, "LIMIT()(uint256)"), "1000000 [1e6]");
      assert.equal(await cast("call", "--from", ACCOUNT, sample, "who()(address)"), ACCOUNT);
    });
    test("call at an older block", async () => {
      assert.equal(await cast("call", "--block", String(birth), sample, "value()(uint256)"), "5");
    });
    test("call with value does not keep it", async () => {
      assert.equal(await cast("call", "--from", ACCOUNT, "--value", "9", sample, "pay()(uint256)"), "9");
      assert.equal(await cast("balance", sample), "0");
    });
    test("call of what would be deployed", async () => {
      assert.equal(await cast("call", "--create", "0x602a60005260206000f3"), `0x${"2a".padStart(64, "0")}`);
    });
    test("call with overridden code, storage and balance", async () => {
      // Returns SELFBALANCE + SLOAD(0).
      const code = "0x47600054015f5260205ff3";
      const to = "0x00000000000000000000000000000000000c0de5";
      const result = await cast(
        "call", to, "--override-code", `${to}:${code}`, "--override-balance", `${to}:1000`,
        "--override-state-diff", `${to}:0:23`,
      );
      assert.equal(BigInt(result), 1023n);
      assert.equal(await cast("code", to), "0x");
    });
    test("call --trace runs the call on a fork of the node", async () => {
      assert.match(await cast("call", "--trace", sample, "value()"), /value\(\)|Gas used/i);
    });
    test("revert reason is shown", async () => {
      assert.match(await castFails("call", sample, "complain()"), /the sample complains/);
    });
    test("custom error is shown with its data", async () => {
      const message = await castFails("call", sample, "set(uint256,string)", "1000001", "x");
      // TooLarge(uint256,uint256)
      assert.ok(message.includes((await cast("sig", "TooLarge(uint256,uint256)")).slice(2)), message);
    });
    test("panic is shown", async () => {
      assert.match(await castFails("call", sample, "panic(uint256)", "0"), /panic|0x4e487b71|division/i);
    });
    test("invalid opcode fails", async () => castFails("call", sample, "fault()"));
    test("eth_call answers revert data with code 3", async () => {
      const data = await cast("calldata", "complain()");
      const error = await rpc("eth_call", { to: sample, data }, "latest").then(() => assert.fail("no error"), (e) => e);
      assert.equal(error.code, 3);
      assert.match(error.message, /execution reverted/);
      assert.equal(error.data.slice(0, 10), "0x08c379a0");
    });
    test("estimate is at least what is used", async () => {
      const args = [sample, "set(uint256,string)", "8", "estimated"];
      const estimate = number(await cast("estimate", "--from", ACCOUNT, ...args));
      const receipt = await send(...args, "--gas-limit", String(estimate));
      assert.equal(receipt.status, "0x1");
      assert.ok(number(receipt.gasUsed) <= estimate);
    });
    test("estimate of a failing call fails with its reason", async () => {
      assert.match(await castFails("estimate", "--from", ACCOUNT, sample, "complain()"), /the sample complains/);
    });
    test("access-list", async () => {
      const list = await cast("access-list", "--from", ACCOUNT, sample, "set(uint256,string)", "9", "listed");
      assert.match(list, /gas used: \d+/i);
      assert.match(list.toLowerCase(), new RegExp(sample.toLowerCase()));
      assert.match(list, /0x0{64}/);
    });
  });

  describe("sends", () => {
    test("value", async () => {
      const { address } = await freshAccount(0n);
      const receipt = await send(address, "--value", "1.5ether");
      assert.equal(number(receipt.status), 1n);
      assert.equal(await cast("balance", address), "1500000000000000000");
    });
    test("a call with arguments, and finds it again", async () => {
      const receipt = await send(sample, "set(uint256,string)", "11", "hello");
      const hash = receipt.transactionHash;
      const shown = await json("receipt", hash);
      for (const field of ["blockHash", "blockNumber", "gasUsed", "status", "transactionHash", "transactionIndex", "logs"]) {
        assert.deepEqual(shown[field], receipt[field], field);
      }
      const tx = await json("tx", hash);
      assert.equal(tx.hash, hash);
      assert.equal(tx.blockNumber, receipt.blockNumber);
      assert.equal(tx.input, await cast("calldata", "set(uint256,string)", "11", "hello"));
      assert.equal(await cast("receipt", hash, "status"), "true");
      assert.equal(await cast("keccak", await cast("tx", hash, "--raw")), hash);
    });
    test("logs, by address, event and topic", async () => {
      const receipt = await send(sample, "set(uint256,string)", "4242", "for logs");
      const from = ["--from-block", String(birth), "--address", sample];
      const event = "Stored(address indexed by, uint256 indexed value, string note)";
      const [log] = await json("logs", ...from, event, ACCOUNT, "4242");
      assert.equal(log.transactionHash, receipt.transactionHash);
      assert.equal(number(log.logIndex), 0n);
      assert.ok(log.blockTimestamp === undefined || number(log.blockTimestamp) > 0n);
      assert.deepEqual(await json("logs", ...from, event, ACCOUNT, "4243"), []);
      assert.ok((await json("logs", ...from)).length >= 2);
      const block = await json("logs", "--from-block", String(number(receipt.blockNumber)), "--to-block",
        String(number(receipt.blockNumber)), event);
      assert.equal(block.length, 1);
    });
    test("legacy and type 2 transactions", async () => {
      for (const [flags, type] of [[["--legacy"], "0x0"], [[], "0x2"]]) {
        const receipt = await send(...flags, sample, "pay()", "--value", "1");
        assert.equal(receipt.status, "0x1");
        assert.equal(receipt.type, type);
      }
    });
    test("type 1 transaction with an access list", async () => {
      const list = JSON.stringify([{ address: sample, storageKeys: [`0x${"0".repeat(64)}`] }]);
      const receipt = await send("--access-list", list, "--legacy", sample, "set(uint256,string)", "12", "type 1");
      assert.equal(receipt.status, "0x1");
      const tx = await json("tx", receipt.transactionHash);
      assert.equal(tx.type, "0x1");
      assert.equal(tx.accessList.length, 1);
    });
    test("failing transaction has a receipt with status 0", async () => {
      const receipt = await send(sample, "complain()", "--gas-limit", "100000");
      assert.equal(receipt.status, "0x0");
      assert.deepEqual(receipt.logs, []);
    });
    test("publish of a raw transaction", async () => {
      const { address, key } = await freshAccount();
      const raw = await cast("mktx", "--private-key", key, sample, "pay()", "--value", "5");
      const receipt = JSON.parse(await cast("publish", raw));
      assert.equal(number(receipt.status ?? "0x1"), 1n);
      assert.equal(await cast("call", sample, "paid(address)(uint256)", address), "5");
      assert.equal(receipt.transactionHash, await cast("keccak", raw));
      assert.match(await castFails("publish", raw), /nonce|already/i);
    });
    test("publish of garbage fails", async () => {
      assert.match(await castFails("publish", "0x02c0"), /error/i);
    });
    test("transaction signed for another chain is refused", async () => {
      const raw = await cast("mktx", ...KEYED, "--chain", "1", "--nonce", "0", "--gas-limit", "21000", "--gas-price",
        "10gwei", "--priority-gas-price", "0", ACCOUNT);
      assert.match(await castFails("publish", raw), /chain/i);
    });
    test("transaction without funds is refused", async () => {
      const { key } = await freshAccount(1n);
      assert.match(await castFails("send", "--private-key", key, ACCOUNT, "--value", "1ether"), /insufficient|funds/i);
    });
    test("authorisation of EIP-7702 lends an account code", async () => {
      const { address, key } = await freshAccount();
      // Somebody else sends it, so the authority's own nonce is the one it signs.
      const signed = await cast("wallet", "sign-auth", sample, "--private-key", key, "--nonce", "0", "--chain", String(CHAIN_ID));
      const receipt = await send(address, "set(uint256,string)", "31", "delegated", "--auth", signed);
      assert.equal(receipt.status, "0x1");
      assert.equal(receipt.type, "0x4");
      assert.equal(receipt.logs[0].address.toLowerCase(), address.toLowerCase());
      assert.equal(await cast("code", address), `0xef0100${sample.slice(2).toLowerCase()}`);
      assert.equal(await cast("call", address, "value()(uint256)"), "31");
      assert.equal(await cast("nonce", address), "1");
      const tx = await json("tx", receipt.transactionHash);
      assert.equal(tx.authorizationList.length, 1);
    });
    test("created address follows from sender and nonce", async () => {
      const nonce = await cast("nonce", ACCOUNT);
      const expected = (await cast("compute-address", ACCOUNT, "--nonce", nonce)).match(/0x[0-9a-fA-F]{40}/)[0];
      const receipt = await send("--create", "0x600160005360016000f3");
      assert.equal(receipt.contractAddress.toLowerCase(), expected.toLowerCase());
    });
  });

  describe("replays", () => {
    test("run of an own transaction", async () => {
      const { transactionHash } = await send(sample, "nest(uint256)", "3");
      assert.match(await cast("run", transactionHash), /Transaction successfully executed/);
    });
    test("run of a failed transaction", async () => {
      const { transactionHash } = await send(sample, "complain()", "--gas-limit", "100000");
      assert.match(await cast("run", transactionHash), /the sample complains/);
    });
    test("callTracer", async () => {
      const { transactionHash } = await send(sample, "nest(uint256)", "3");
      const trace = await rpc("debug_traceTransaction", transactionHash, { tracer: "callTracer" });
      let depth = 0;
      for (let call = trace; call; [call] = call.calls ?? []) depth += 1;
      assert.equal(depth, 4);
      assert.equal(trace.to.toLowerCase(), sample.toLowerCase());
    });
    test("prestateTracer", async () => {
      const { transactionHash } = await send(sample, "set(uint256,string)", "13", "prestate");
      const trace = await rpc("debug_traceTransaction", transactionHash, { tracer: "prestateTracer" });
      assert.ok(Object.keys(trace).some((address) => address.toLowerCase() === sample.toLowerCase()));
    });
    test("struct logs", async () => {
      const { transactionHash, gasUsed } = await send(sample, "set(uint256,string)", "14", "steps");
      const trace = await rpc("debug_traceTransaction", transactionHash, {});
      assert.equal(BigInt(trace.gas), number(gasUsed));
      assert.equal(trace.failed, false);
      assert.ok(trace.structLogs.some(({ op }) => op === "SSTORE"));
    });
    test("debug_traceCall", async () => {
      const call = { from: ACCOUNT, to: sample, data: await cast("calldata", "value()") };
      const trace = await rpc("debug_traceCall", call, "latest", { tracer: "callTracer" });
      assert.match(trace.output, /^0x[0-9a-f]{64}$/);
    });
  });
});
