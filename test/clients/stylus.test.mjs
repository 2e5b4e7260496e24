// Stylus programs by viem: deployed by the init code that cargo stylus writes, activated through ArbWasm.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { concat, createPublicClient, createWalletClient, defineChain, http, keccak256, parseAbi, parseEther, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { ACCOUNT, CHAIN_ID, KEY, ROOT, URL_HTTP, rpc, skipOn } from "./support.mjs";

/** Built by `cargo xtask build`: the code as it lies on the chain. */
const PROGRAM = join(ROOT, "target/contracts/oracle.stylus");
const ARB_WASM = "0x0000000000000000000000000000000000000071";
const ABI = parseAbi([
  "function activateProgram(address) payable returns (uint16 version, uint256 dataFee)",
  "function programVersion(address) view returns (uint16)",
  "function codehashVersion(bytes32) view returns (uint16)",
  "function programTimeLeft(address) view returns (uint64)",
  "function stylusVersion() view returns (uint16)",
  "event ProgramActivated(bytes32 indexed codehash, bytes32 moduleHash, address program, uint256 dataFee, uint16 version)",
  "error ProgramNotActivated()",
  "error ProgramNotWasm()",
  "error ProgramUpToDate()",
  "error ProgramInsufficientValue(uint256 have, uint256 want)",
]);
const ORACLE = parseAbi([
  "function initialize(address governor, address quote)",
  "function governor() view returns (address)",
]);

const chain = defineChain({
  id: CHAIN_ID,
  name: "devnode",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [URL_HTTP] } },
});
const account = privateKeyToAccount(KEY);
const reader = createPublicClient({ chain, transport: http(), pollingInterval: 50, cacheTime: 0 });
const writer = createWalletClient({ chain, account, transport: http() });
const mined = (hash) => reader.waitForTransactionReceipt({ hash });
const arbWasm = { address: ARB_WASM, abi: ABI };

const skip = skipOn("anvil", "has no Stylus") || (!existsSync(PROGRAM) && `${PROGRAM} is not built`);

describe("Stylus programs", { skip }, () => {
  let code;
  let address;

  before(async () => {
    // Bytes of its own after the end of the stream make it a program that no earlier run activated.
    const unique = toHex(Date.now(), { size: 8 });
    code = concat([toHex(readFileSync(PROGRAM)), unique]);
    const length = toHex(code.length / 2 - 1, { size: 32 });
    const init = concat(["0x7f", length, "0x80602b6000396000f300", code]);
    const receipt = await mined(await writer.sendTransaction({ data: init }));
    assert.equal(receipt.status, "success");
    address = receipt.contractAddress;
  });

  test("the code is there as it was deployed", async () => {
    assert.equal(await reader.getCode({ address }), code);
  });
  test("other code that begins with EF is refused", async () => {
    const receipt = await mined(await writer.sendTransaction({ data: "0x60ef60005360016000f3", gas: 200_000n }));
    assert.equal(receipt.status, "reverted");
  });
  test("a call before the activation fails and takes all its gas", async () => {
    const hash = await writer.sendTransaction({ to: address, data: "0x0c340a24", gas: 300_000n });
    const receipt = await mined(hash);
    assert.equal(receipt.status, "reverted");
    assert.equal(receipt.gasUsed, 300_000n);
  });
  test("errors of ArbWasm are decoded", async () => {
    const read = (functionName, args) => reader.readContract({ ...arbWasm, functionName, args });
    await assert.rejects(read("programVersion", [address]), /ProgramNotActivated/);
    const activate = (target, value) =>
      reader.simulateContract({ ...arbWasm, functionName: "activateProgram", args: [target], account, value });
    await assert.rejects(activate(ACCOUNT, 0n), /ProgramNotWasm/);
    await assert.rejects(activate(address, 1n), /ProgramInsufficientValue/);
  });
  test("activation takes the fee and gives the rest back", async () => {
    const value = parseEther("1");
    const request = { ...arbWasm, functionName: "activateProgram", args: [address], account, value };
    const { result: [version, dataFee] } = await reader.simulateContract(request);
    assert.equal(version, await reader.readContract({ ...arbWasm, functionName: "stylusVersion" }));
    const before = await reader.getBalance({ address: ACCOUNT });
    const receipt = await mined(await writer.writeContract(request));
    assert.equal(receipt.status, "success");
    const cost = receipt.gasUsed * receipt.effectiveGasPrice;
    const spent = before - (await reader.getBalance({ address: ACCOUNT })) - cost;
    // The fee falls with time, and the call before was a little earlier.
    assert.ok(spent > 0n && spent <= dataFee, `${spent} of ${dataFee}`);
    const logs = await reader.getContractEvents({ ...arbWasm, eventName: "ProgramActivated", blockHash: receipt.blockHash });
    assert.equal(logs.length, 1);
    assert.equal(logs[0].args.program.toLowerCase(), address);
    assert.equal(logs[0].args.codehash, keccak256(code));
    assert.equal(logs[0].args.dataFee, spent);
    assert.equal(await reader.readContract({ ...arbWasm, functionName: "programVersion", args: [address] }), version);
    assert.ok((await reader.readContract({ ...arbWasm, functionName: "programTimeLeft", args: [address] })) > 0n);
  });
  test("a second activation says that it is up to date", async () => {
    const again = { ...arbWasm, functionName: "activateProgram", args: [address], account, value: parseEther("1") };
    await assert.rejects(reader.simulateContract(again), /ProgramUpToDate/);
  });
  test("write and read, with an exact estimate", async () => {
    const request = { address, abi: ORACLE, functionName: "initialize", args: [ACCOUNT, ARB_WASM], account };
    const gas = await reader.estimateContractGas(request);
    const less = await mined(await writer.writeContract({ ...request, gas: gas - 1n }));
    assert.equal(less.status, "reverted");
    const receipt = await mined(await writer.writeContract({ ...request, gas }));
    assert.equal(receipt.status, "success");
    assert.equal(await reader.readContract({ address, abi: ORACLE, functionName: "governor" }), ACCOUNT);
  });
  test("stylusTracer and callTracer show the call", async () => {
    const hash = await writer.sendTransaction({ to: address, data: "0x0c340a24" });
    await mined(hash);
    const steps = await rpc("debug_traceTransaction", hash, { tracer: "stylusTracer" });
    assert.ok(Array.isArray(steps));
    assert.ok(steps.some(({ name }) => name === "user_entrypoint"), JSON.stringify(steps).slice(0, 300));
    const frame = await rpc("debug_traceTransaction", hash, { tracer: "callTracer" });
    assert.equal(frame.to.toLowerCase(), address);
    assert.match(frame.output, /^0x[0-9a-f]{64}$/);
  });
});
