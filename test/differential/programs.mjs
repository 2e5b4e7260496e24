// Random programs, one transaction each.
import { rpc } from "../clients/support.mjs";
import { difference } from "./difference.mjs";
import { generate } from "./generator.mjs";
import { batch, send, sender } from "./node.mjs";
import { Reference } from "./reference.mjs";

const quantity = (value) => `0x${BigInt(value).toString(16)}`;
const word = (value) => `0x${BigInt(value).toString(16).padStart(64, "0")}`;
const FUNDS = 10n ** 21n;

/** Runs `count` cases from `first` on; gives how many agreed, and how their transactions ended. */
export async function programs({ rules, seed, first, count, verbose }) {
  const chainId = Number(await rpc("eth_chainId"));
  const from = sender();
  await rpc("anvil_setBalance", from.address, quantity(FUNDS));
  const outcome = { passed: 0, failed: 0 };
  const ends = {};
  for (let index = first; index < first + count; index += 1) {
    // Cases share the accounts they hit upon by chance, such as precompiles: each starts from the same state.
    const before = await rpc("evm_snapshot");
    const compared = await compare(generate(seed, index), { from, chainId, rules }).catch((error) => ({ error }));
    await rpc("evm_revert", before);
    if (compared.error) {
      outcome.failed += 1;
      console.log(`case ${index} cannot be run: repeat with --seed ${seed} --only ${index}\n  ${compared.error.message}`);
      continue;
    }
    const { ours, theirs, world } = compared;
    const end = theirs.status ? "succeeded" : theirs.error.replace(/ at .*/, "");
    ends[end] = (ends[end] ?? 0) + 1;
    const differences = difference(ours, theirs);
    outcome[differences.length === 0 ? "passed" : "failed"] += 1;
    if (differences.length > 0) {
      console.log(`case ${index} differs: repeat with --seed ${seed} --only ${index}`);
      for (const line of differences.slice(0, 12)) console.log(`  ${line}`);
    }
    if (verbose) console.log(JSON.stringify({ world, ours, theirs }, (_, value) => (typeof value === "bigint" ? `${value}` : value), 1));
  }
  const shown = Object.entries(ends).map(([end, times]) => `${times} ${end}`).join(", ");
  return { ...outcome, summary: `${count} programs with seed ${seed}: ${shown}` };
}

async function compare(world, { from, chainId, rules }) {
  const { accounts, absent, transaction } = world;
  const setup = [];
  for (const [address, { balance, code, nonce, storage }] of Object.entries(accounts)) {
    setup.push(["anvil_setCode", address, code], ["anvil_setBalance", address, quantity(balance)]);
    setup.push(["anvil_setNonce", address, quantity(nonce)]);
    for (const [slot, value] of Object.entries(storage)) setup.push(["anvil_setStorageAt", address, quantity(slot), word(value)]);
  }
  await batch(setup);
  const [balance, nonce, head] = await batch([
    ["eth_getBalance", from.address, "latest"],
    ["eth_getTransactionCount", from.address, "latest"],
    ["eth_getBlockByNumber", "latest", false],
  ]);
  const raw = await from.sign({
    ...transaction,
    type: "eip1559",
    nonce: Number(nonce),
    // Without a tip nobody but the base fee is paid, on either side.
    maxPriorityFeePerGas: 0n,
    maxFeePerGas: BigInt(head.baseFeePerGas) * 2n,
  });
  const { block, ...ours } = await send(raw);

  const reference = await Reference.create(chainId, rules);
  await reference.put(from.address, { balance: BigInt(balance), nonce: BigInt(nonce) });
  for (const [address, account] of Object.entries(accounts)) await reference.put(address, account);
  const theirs = await reference.run(raw, block);

  // Everything the case names or made, and the sender; what fees did to their receiver is the node's own matter.
  const addresses = new Set([...Object.keys(accounts), absent, from.address.toLowerCase(), ...reference.accounts()]);
  addresses.delete(block.miner.toLowerCase());
  theirs.state = {};
  const requests = [];
  const slots = {};
  for (const address of addresses) {
    const account = await reference.get(address);
    // Slots that only the node wrote are among those that programs use.
    slots[address] = [...new Set([...Object.keys(account.storage).map((slot) => word(slot)), ...[0, 1, 2, 3, 4, 5].map(word)])];
    theirs.state[address] = { ...account, storage: Object.fromEntries(slots[address].map((slot) => [slot, account.storage[slot] ?? 0n])) };
    requests.push(["eth_getBalance", address, "latest"], ["eth_getTransactionCount", address, "latest"], ["eth_getCode", address, "latest"]);
    for (const slot of slots[address]) requests.push(["eth_getStorageAt", address, slot, "latest"]);
  }
  const answers = await batch(requests);
  ours.state = {};
  for (const address of addresses) {
    const [balance, nonce, code] = answers.splice(0, 3);
    const storage = Object.fromEntries(slots[address].map((slot) => [slot, BigInt(answers.shift())]));
    ours.state[address] = { balance: BigInt(balance), nonce: BigInt(nonce), code, storage };
  }
  return { ours, theirs: theirs, world };
}

