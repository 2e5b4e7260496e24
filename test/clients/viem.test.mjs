// viem, the usual TypeScript client, over HTTP and WebSocket.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  BaseError, ContractFunctionRevertedError, createPublicClient, createTestClient, createWalletClient, defineChain,
  encodeDeployData, encodeFunctionData, getContractAddress, http, keccak256, pad, parseEther, parseEventLogs,
  parseGwei, toHex, webSocket,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import {
  ACCOUNT, CHAIN_ID, KEY, NODE, URL_HTTP, URL_WS, artifact, compile, eventually, freshAccount, skipOn,
} from "./support.mjs";

const chain = defineChain({
  id: CHAIN_ID,
  name: "devnode",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [URL_HTTP], webSocket: [URL_WS] } },
});
const options = { chain, pollingInterval: 50, cacheTime: 0 };
const reader = createPublicClient({ ...options, transport: http() });
const batching = createPublicClient({ ...options, transport: http(undefined, { batch: { wait: 5 } }) });
const account = privateKeyToAccount(KEY);
const writer = createWalletClient({ ...options, account, transport: http() });
const tester = createTestClient({ ...options, mode: "anvil", transport: http() });
const mined = (hash) => reader.waitForTransactionReceipt({ hash });

describe("viem", () => {
  let abi;
  let address;
  let birth;
  let socket;
  const read = (functionName, ...args) => reader.readContract({ abi, address, functionName, args });
  const write = async (functionName, args = [], more = {}) =>
    await mined(await writer.writeContract({ abi, address, functionName, args, ...more }));

  before(async () => {
    await compile();
    const sample = artifact("Sample");
    abi = sample.abi;
    const receipt = await mined(await writer.deployContract({ abi, bytecode: sample.bytecode, args: [5n] }));
    assert.equal(receipt.status, "success");
    ({ contractAddress: address, blockNumber: birth } = receipt);
    socket = createPublicClient({ ...options, transport: webSocket(URL_WS, { reconnect: false }) });
  });
  after(async () => {
    (await socket.transport.getRpcClient()).close();
  });

  test("chain id and block", async () => {
    assert.equal(await reader.getChainId(), CHAIN_ID);
    const block = await reader.getBlock({ includeTransactions: true });
    assert.equal(typeof block.number, "bigint");
    assert.equal(typeof block.baseFeePerGas, "bigint");
  });
  test("fee estimates", async () => {
    const { maxFeePerGas } = await reader.estimateFeesPerGas();
    const { baseFeePerGas } = await reader.getBlock();
    assert.ok(maxFeePerGas >= baseFeePerGas);
    const history = await reader.getFeeHistory({ blockCount: 2, rewardPercentiles: [50] });
    assert.equal(history.baseFeePerGas.length, history.gasUsedRatio.length + 1);
  });
  test("read and write", async () => {
    const receipt = await write("set", [21n, "by viem"]);
    assert.equal(await read("value"), 21n);
    const [log] = parseEventLogs({ abi, logs: receipt.logs, eventName: "Stored" });
    assert.deepEqual(log.args, { by: ACCOUNT, value: 21n, note: "by viem" });
  });
  test("read at an older block", async () => {
    assert.equal(await reader.readContract({ abi, address, functionName: "value", blockNumber: birth }), 5n);
    assert.equal(await reader.getStorageAt({ address, slot: "0x0", blockNumber: birth }), pad("0x5"));
    assert.equal(await reader.getCode({ address, blockNumber: birth - 1n }), undefined);
  });
  test("simulate gives the result of a write", async () => {
    const { result } = await reader.simulateContract({ abi, address, functionName: "pay", account, value: 12n });
    assert.equal(result, 12n);
  });
  test("simulate decodes a custom error", async () => {
    const simulation = reader.simulateContract({ abi, address, functionName: "set", args: [1_000_001n, ""], account });
    const revert = await reverted(simulation);
    assert.equal(revert.data.errorName, "TooLarge");
    assert.deepEqual(revert.data.args, [1_000_001n, 1_000_000n]);
  });
  test("simulate gives a revert's text and a panic", async () => {
    assert.equal((await reverted(read("complain"))).reason, "the sample complains");
    assert.equal((await reverted(read("panic", 0n))).data.errorName, "Panic");
  });
  test("a failing write has a receipt", async () => {
    const receipt = await write("complain", [], { gas: 100_000n });
    assert.equal(receipt.status, "reverted");
  });
  test("account's transactions: legacy, 2930, 1559 and 7702", async () => {
    const { account: other } = await freshAccount();
    const data = encodeFunctionData({ abi, functionName: "pay" });
    const gasPrice = (await reader.getGasPrice()) * 2n;
    const accessList = [{ address, storageKeys: [pad("0x0")] }];
    for (const [type, request] of [
      ["legacy", { type: "legacy", gasPrice }],
      ["eip2930", { type: "eip2930", gasPrice, accessList }],
      ["eip1559", { type: "eip1559", maxFeePerGas: gasPrice, maxPriorityFeePerGas: 0n }],
    ]) {
      const hash = await writer.sendTransaction({ account: other, to: address, data, value: 1n, ...request });
      assert.equal((await mined(hash)).status, "success", type);
      const tx = await reader.getTransaction({ hash });
      assert.equal(tx.type, type);
      assert.equal(tx.from.toLowerCase(), other.address.toLowerCase());
    }
    const authorization = await writer.signAuthorization({ account: other, contractAddress: address });
    const hash = await writer.sendTransaction({ authorizationList: [authorization], to: other.address, data, value: 1n });
    assert.equal((await mined(hash)).status, "success");
    assert.equal((await reader.getTransaction({ hash })).type, "eip7702");
    assert.equal(await reader.getCode({ address: other.address }), `0xef0100${address.slice(2)}`.toLowerCase());
  });
  test("legacy transaction without a chain id, as from before EIP-155", async () => {
    const { account: other } = await freshAccount();
    const gasPrice = (await reader.getGasPrice()) * 2n;
    const raw = await other.signTransaction({ type: "legacy", to: address, value: 0n, nonce: 0, gas: 100_000n, gasPrice, data: "0x20965255" });
    const hash = await reader.sendRawTransaction({ serializedTransaction: raw });
    await mined(hash);
    assert.equal((await reader.getTransaction({ hash })).from.toLowerCase(), other.address.toLowerCase());
  });
  test("EIP-7702 transaction that authorises nothing is refused", { skip: skipOn("anvil", "takes it when it is sent") }, async () => {
    const { account: other } = await freshAccount();
    const raw = await other.signTransaction({
      type: "eip7702", chainId: CHAIN_ID, to: address, nonce: 0, gas: 100_000n, maxFeePerGas: parseGwei("10"),
      maxPriorityFeePerGas: 0n, authorizationList: [],
    });
    await assert.rejects(reader.sendRawTransaction({ serializedTransaction: raw }));
    assert.equal(await reader.getTransactionCount({ address: other.address }), 0);
  });
  test("blob transactions are refused", { skip: skipOn("anvil", "an Ethereum node takes blobs") }, async () => {
    const { account: other } = await freshAccount();
    const raw = await other.signTransaction({
      type: "eip4844", chainId: CHAIN_ID, to: address, nonce: 0, gas: 100_000n, maxFeePerGas: parseGwei("10"),
      maxPriorityFeePerGas: 0n, maxFeePerBlobGas: parseGwei("10"), blobVersionedHashes: [pad("0x01", { dir: "right" })],
    });
    await assert.rejects(reader.sendRawTransaction({ serializedTransaction: raw }));
    assert.equal(await reader.getTransactionCount({ address: other.address }), 0);
  });

  describe("estimates", () => {
    const cases = {
      "plain transfer": () => ({ to: "0x000000000000000000000000000000000000dEaD", value: 1n }),
      "write": () => ({ to: address, data: encodeFunctionData({ abi, functionName: "set", args: [31n, "estimated"] }) }),
      "write with a refund": () => ({ to: address, data: encodeFunctionData({ abi, functionName: "clear" }), prepare: "fill" }),
      "nested calls, each with 63/64": () => ({ to: address, data: encodeFunctionData({ abi, functionName: "nest", args: [6n] }) }),
      "deployment": () => {
        const { bytecode } = artifact("Sample");
        return { data: encodeDeployData({ abi, bytecode, args: [1n] }) };
      },
    };
    for (const [name, build] of Object.entries(cases)) {
      const inexact = name === "plain transfer" ? false : skipOn(["anvil", "nitro"], "estimates within a tolerance");
      test(`${name}: enough as limit`, async () => {
        const { prepare, ...request } = build();
        if (prepare) await write(prepare);
        const gas = await reader.estimateGas({ account, ...request });
        assert.equal((await mined(await writer.sendTransaction({ ...request, gas }))).status, "success");
      });
      test(`${name}: one less is not enough`, { skip: inexact }, async () => {
        const { prepare, ...request } = build();
        if (prepare) await write(prepare);
        const gas = (await reader.estimateGas({ account, ...request })) - 1n;
        const outcome = await writer.sendTransaction({ ...request, gas }).then(
          async (hash) => (await mined(hash)).status,
          () => "refused",
        );
        assert.notEqual(outcome, "success");
      });
    }
    test("estimateContractGas of a failing call decodes the error", async () => {
      const estimate = reader.estimateContractGas({ abi, address, functionName: "set", args: [1_000_001n, ""], account });
      await assert.rejects(estimate, /TooLarge/);
    });
  });

  describe("watches", () => {
    test("events over WebSocket", async () => {
      const seen = [];
      const stop = socket.watchContractEvent({ abi, address, eventName: "Stored", onLogs: (logs) => seen.push(...logs) });
      // The subscription has no answer to wait for: viem keeps it to itself.
      await pause(200);
      await write("set", [41n, "watched"]);
      await eventually("an event", () => seen.length > 0);
      stop();
      assert.equal(seen.length, 1);
      assert.equal(seen[0].args.value, 41n);
    });
    test("events over WebSocket, by indexed argument", async () => {
      const seen = [];
      const stop = socket.watchContractEvent({
        abi, address, eventName: "Stored", args: { value: 43n }, onLogs: (logs) => seen.push(...logs),
      });
      await pause(200);
      await write("set", [42n, "not this"]);
      await write("set", [43n, "this"]);
      await eventually("an event", () => seen.length > 0);
      await pause(100);
      stop();
      assert.deepEqual(seen.map(({ args }) => args.value), [43n]);
    });
    test("events by polling a filter", async () => {
      const seen = [];
      const stop = reader.watchContractEvent({
        abi, address, eventName: "Paid", poll: true, pollingInterval: 50, onLogs: (logs) => seen.push(...logs),
      });
      await pause(300);
      await write("pay", [], { value: 1n });
      await write("pay", [], { value: 2n });
      await eventually("both events", () => seen.length >= 2);
      stop();
      assert.deepEqual(seen.map(({ args }) => args.value), [1n, 2n]);
    });
    test("a filter by hand, until it is uninstalled", async () => {
      const filter = await reader.createContractEventFilter({ abi, address, eventName: "Paid" });
      assert.deepEqual(await reader.getFilterChanges({ filter }), []);
      await write("pay", [], { value: 3n });
      assert.equal((await reader.getFilterChanges({ filter })).length, 1);
      assert.deepEqual(await reader.getFilterChanges({ filter }), []);
      assert.ok((await reader.getFilterLogs({ filter })).length >= 1);
      assert.equal(await reader.uninstallFilter({ filter }), true);
      await assert.rejects(reader.getFilterChanges({ filter }));
    });
    test("block filter", async () => {
      const filter = await reader.createBlockFilter();
      const { blockHash } = await write("pay", [], { value: 1n });
      assert.ok((await reader.getFilterChanges({ filter })).includes(blockHash));
    });
    test("blocks over WebSocket, none missing", async () => {
      const seen = [];
      const stop = socket.watchBlocks({ onBlock: (block) => seen.push(block) });
      await pause(200);
      const first = await write("pay", [], { value: 1n });
      const last = await write("pay", [], { value: 1n });
      await eventually("the blocks", () => seen.some(({ number }) => number >= last.blockNumber));
      stop();
      const [start] = seen;
      seen.forEach((block, index) => assert.equal(block.number, start.number + BigInt(index)));
      assert.ok(start.number <= first.blockNumber);
      const block = await reader.getBlock({ blockNumber: first.blockNumber });
      assert.equal(seen.find(({ number }) => number === first.blockNumber).hash, block.hash);
    });
    test("pending transactions over WebSocket", { skip: skipOn("nitro", "has no pool to watch") }, async () => {
      const seen = [];
      const stop = socket.watchPendingTransactions({ onTransactions: (hashes) => seen.push(...hashes) });
      await pause(200);
      const { transactionHash } = await write("pay", [], { value: 1n });
      await eventually("the transaction", () => seen.includes(transactionHash));
      stop();
    });
    test("requests over WebSocket", async () => {
      assert.equal(await socket.getChainId(), CHAIN_ID);
      assert.equal(await socket.readContract({ abi, address, functionName: "LIMIT" }), 1_000_000n);
    });
  });

  test("batch over HTTP answers each", async () => {
    const slots = await Promise.all(
      Array.from({ length: 50 }, (_, slot) => batching.getStorageAt({ address, slot: toHex(slot) })),
    );
    assert.equal(slots.length, 50);
    assert.equal(BigInt(slots[0]), await read("value"));
  });
  test("call with overridden state", async () => {
    const stateOverride = [{ address, stateDiff: [{ slot: pad("0x0"), value: pad(toHex(123)) }] }];
    assert.equal(await reader.readContract({ abi, address, functionName: "value", stateOverride }), 123n);
    const poor = "0x00000000000000000000000000000000000bad01";
    const { data } = await reader.call({
      account: poor,
      to: "0x00000000000000000000000000000000000c0de5",
      value: parseEther("5"),
      // Returns CALLVALUE.
      stateOverride: [
        { address: poor, balance: parseEther("6") },
        { address: "0x00000000000000000000000000000000000c0de5", code: "0x345f5260205ff3" },
      ],
    });
    assert.equal(BigInt(data), parseEther("5"));
    assert.notEqual(await read("value"), 123n);
  });
  test("state replaced as a whole hides the rest", async () => {
    const stateOverride = [{ address, state: [{ slot: pad("0x1"), value: pad("0x1") }] }];
    assert.equal(await reader.readContract({ abi, address, functionName: "value", stateOverride }), 0n);
  });
  test("access list", async () => {
    const data = encodeFunctionData({ abi, functionName: "value" });
    const { accessList } = await reader.createAccessList({ account, to: address, data });
    assert.deepEqual(accessList, [{ address: address.toLowerCase(), storageKeys: [pad("0x0")] }]);
  });
  test("proof", async (context) => {
    const proof = await reader.getProof({ address, storageKeys: [pad("0x0")] }).catch((error) => {
      if (/-32601|does not exist|not available|not supported/i.test(error.message)) return undefined;
      throw error;
    });
    if (!proof) return context.skip("the node has no proofs, and says so");
    assert.equal(proof.codeHash, keccak256(await reader.getCode({ address })));
  });
  test("nonce: one too low is refused, one too high waits or is refused", async () => {
    const { account: other } = await freshAccount();
    const request = { account: other, to: ACCOUNT, value: 1n };
    await mined(await writer.sendTransaction(request));
    await assert.rejects(writer.sendTransaction({ ...request, nonce: 0 }), /nonce/i);
  });
  test("nonces handed out at once arrive in order", async () => {
    const { account: other } = await freshAccount();
    const hashes = await Promise.all(
      Array.from({ length: 10 }, (_, nonce) => writer.sendTransaction({
        account: other, to: ACCOUNT, value: 1n, nonce, gas: 100_000n, maxFeePerGas: parseGwei("10"), maxPriorityFeePerGas: 0n,
      })),
    );
    for (const receipt of await Promise.all(hashes.map(mined))) assert.equal(receipt.status, "success");
    assert.equal(await reader.getTransactionCount({ address: other.address }), 10);
  });
  test("transaction below the base fee is refused or left out", async () => {
    const { account: other } = await freshAccount();
    const request = { account: other, to: ACCOUNT, gas: 30_000n, maxFeePerGas: 1n, maxPriorityFeePerGas: 0n };
    const hash = await writer.sendTransaction(request).catch(() => undefined);
    await pause(100);
    if (hash) {
      await assert.rejects(reader.getTransactionReceipt({ hash }));
      await tester.dropTransaction({ hash });
    }
    assert.equal(await reader.getTransactionCount({ address: other.address }), 0);
  });

  describe("test actions", { skip: skipOn("nitro", "has none") }, () => {
    const lone = "0x00000000000000000000000000000000000a11ce";
    let whole;
    // Nothing of it is left to whoever comes next.
    before(async () => (whole = await tester.snapshot()));
    after(async () => {
      await tester.setAutomine(true);
      await tester.revert({ id: whole });
    });

    test("snapshot and revert", async () => {
      const value = await read("value");
      const block = await reader.getBlockNumber();
      const id = await tester.snapshot();
      const { transactionHash } = await write("set", [value + 1n, "undone"]);
      await tester.revert({ id });
      assert.equal(await read("value"), value);
      assert.equal(await reader.getBlockNumber(), block);
      await assert.rejects(reader.getTransactionReceipt({ hash: transactionHash }));
      // The nonce went back too.
      await write("set", [value, "again"]);
    });
    test("mine", async () => {
      const number = await reader.getBlockNumber();
      await tester.mine({ blocks: 5 });
      assert.equal(await reader.getBlockNumber(), number + 5n);
      const before = await reader.getBlock();
      await tester.mine({ blocks: 3, interval: 100 });
      assert.ok((await reader.getBlock()).timestamp >= before.timestamp + 200n);
    });
    test("increaseTime", async () => {
      const { timestamp } = await reader.getBlock();
      await tester.increaseTime({ seconds: 1_000 });
      await tester.mine({ blocks: 1 });
      assert.ok((await reader.getBlock()).timestamp >= timestamp + 1_000n);
    });
    test("setNextBlockTimestamp", async () => {
      const timestamp = (await reader.getBlock()).timestamp + 5_000n;
      await tester.setNextBlockTimestamp({ timestamp });
      const { blockNumber } = await write("set", [1n, "at that time"]);
      assert.equal((await reader.getBlock({ blockNumber })).timestamp, timestamp);
      await assert.rejects(tester.setNextBlockTimestamp({ timestamp: timestamp - 1n }));
    });
    test("setBalance", async () => {
      await tester.setBalance({ address: lone, value: parseEther("3") });
      assert.equal(await reader.getBalance({ address: lone }), parseEther("3"));
    });
    test("setNonce", async () => {
      await tester.setNonce({ address: lone, nonce: 7 });
      assert.equal(await reader.getTransactionCount({ address: lone }), 7);
    });
    test("setCode", async () => {
      await tester.setCode({ address: lone, bytecode: "0x602a5f5260205ff3" });
      assert.equal(BigInt((await reader.call({ to: lone })).data), 42n);
      await tester.setCode({ address: lone, bytecode: "0x" });
      assert.equal(await reader.getCode({ address: lone }), undefined);
    });
    test("setStorageAt", async () => {
      await tester.setStorageAt({ address, index: 0, value: pad(toHex(77)) });
      assert.equal(await read("value"), 77n);
    });
    test("impersonateAccount", async () => {
      await tester.setBalance({ address: lone, value: parseEther("3") });
      const pose = () => writer.sendTransaction({ account: lone, to: address, value: 4n, data: encodeFunctionData({ abi, functionName: "pay" }) });
      await tester.impersonateAccount({ address: lone });
      assert.equal((await mined(await pose())).status, "success");
      assert.equal(await read("paid", lone), 4n);
      await tester.stopImpersonatingAccount({ address: lone });
      await assert.rejects(pose());
    });
    test("impersonation of a contract", async () => {
      await tester.setBalance({ address, value: parseEther("3") });
      await tester.impersonateAccount({ address });
      const hash = await writer.sendTransaction({ account: address, to: lone, value: 9n });
      assert.equal((await mined(hash)).status, "success");
      await tester.stopImpersonatingAccount({ address });
    });
    test("setAutomine: transactions wait for the block and share it", async () => {
      await tester.setAutomine(false);
      assert.equal(await tester.getAutomine(), false);
      const nonce = await reader.getTransactionCount({ address: ACCOUNT });
      const hashes = [];
      for (let index = 0; index < 3; index += 1) {
        hashes.push(await writer.sendTransaction({ to: lone, value: 1n, nonce: nonce + index, gas: 100_000n }));
      }
      await assert.rejects(reader.getTransactionReceipt({ hash: hashes[0] }));
      assert.equal(await reader.getTransactionCount({ address: ACCOUNT, blockTag: "pending" }), nonce + 3);
      await tester.mine({ blocks: 1 });
      const receipts = await Promise.all(hashes.map((hash) => reader.getTransactionReceipt({ hash })));
      assert.deepEqual(receipts.map(({ transactionIndex }) => transactionIndex), [0, 1, 2]);
      assert.equal(new Set(receipts.map(({ blockHash }) => blockHash)).size, 1);
      assert.ok(receipts[2].cumulativeGasUsed > receipts[1].cumulativeGasUsed);
      await tester.setAutomine(true);
    });
    test("setIntervalMining", async () => {
      const number = await reader.getBlockNumber();
      await tester.setIntervalMining({ interval: 1 });
      await eventually("a block by the clock", async () => (await reader.getBlockNumber()) > number, 5_000);
      await tester.setIntervalMining({ interval: 0 });
      await tester.setAutomine(true);
      await write("pay", [], { value: 1n });
    });
    test("dumpState and loadState", async () => {
      await write("set", [555n, "dumped"]);
      const state = await tester.dumpState();
      await write("set", [556n, "forgotten"]);
      await tester.loadState({ state });
      assert.equal(await read("value"), 555n);
    });
    test("setNextBlockBaseFeePerGas", { skip: skipOn("devnode", "Arbitrum's base fee is not the block's to set") }, async () => {
      await tester.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei("2") });
      await tester.mine({ blocks: 1 });
      assert.equal((await reader.getBlock()).baseFeePerGas, parseGwei("2"));
    });
  });

  test("created address follows from sender and nonce", async () => {
    const nonce = await reader.getTransactionCount({ address: ACCOUNT });
    const receipt = await mined(await writer.sendTransaction({ data: "0x600160005360016000f3" }));
    assert.equal(receipt.contractAddress, getContractAddress({ from: ACCOUNT, nonce: BigInt(nonce) }).toLowerCase());
  });
  test("receipts of a block", async (context) => {
    if (NODE === "nitro") return context.skip("one of them is the node's own");
    const { blockNumber, transactionHash } = await write("pay", [], { value: 1n });
    const receipts = await reader.request({ method: "eth_getBlockReceipts", params: [toHex(blockNumber)] });
    assert.deepEqual(receipts.map((receipt) => receipt.transactionHash), [transactionHash]);
  });
});

async function reverted(promise) {
  const error = await promise.then(() => assert.fail("did not revert"), (error) => error);
  assert.ok(error instanceof BaseError, String(error));
  const revert = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
  assert.ok(revert, error.message);
  return revert;
}

function pause(milliseconds) {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
