// The second implementation: transactions on ethereumjs in this process, with the rules of the node under test.
import { createBlock } from "@ethereumjs/block";
import { Hardfork, Mainnet, createCustomCommon } from "@ethereumjs/common";
import { SimpleStateManager } from "@ethereumjs/statemanager";
import { createTxFromRLP } from "@ethereumjs/tx";
import { Account, bytesToHex, createAddressFromString, hexToBytes } from "@ethereumjs/util";
import { createVM, runTx } from "@ethereumjs/vm";

/**
 * What Osaka changed for execution, without what Arbitrum left out of it: the price floor of calldata (EIP-7623), the
 * gas limit of a transaction (EIP-7825, it has another), and everything about blobs and the consensus layer.
 */
const ARBITRUM_EIPS = [2537, 7702, 7823, 7883, 7939, 7951];
const INFINITY = `0xc0${"00".repeat(47)}`;

/** Only the proof about the zero polynomial can hold: all that the generated programs offer, and it needs no curve. */
const kzg = {
  verifyProof: (commitment, _z, y, proof) => commitment === INFINITY && proof === INFINITY && BigInt(y) === 0n,
};

const word = (value) => hexToBytes(`0x${BigInt(value).toString(16).padStart(64, "0")}`);

export class Reference {
  /** `rules` is "arbitrum" or "ethereum". */
  static async create(chainId, rules) {
    const options = rules === "arbitrum" ? { hardfork: Hardfork.Cancun, eips: ARBITRUM_EIPS } : { hardfork: Hardfork.Osaka };
    const common = createCustomCommon({ chainId }, Mainnet, { ...options, customCrypto: { kzg } });
    const reference = new Reference();
    reference.common = common;
    reference.rules = rules;
    reference.state = new SimpleStateManager({ common });
    reference.vm = await createVM({ common, stateManager: reference.state });
    return reference;
  }

  /** Sets an account: `{ balance, nonce, code, storage }`, numbers as bigint, storage as `{ slot: value }`. */
  async put(address, { balance = 0n, nonce = 0n, code = "0x", storage = {} }) {
    const target = createAddressFromString(address.toLowerCase());
    await this.state.putAccount(target, new Account(BigInt(nonce), BigInt(balance)));
    if (code !== "0x") await this.state.putCode(target, hexToBytes(code));
    for (const [slot, value] of Object.entries(storage)) await this.state.putStorage(target, word(slot), strip(word(value)));
  }

  /** Account as it is now; `storage` holds all slots that are not zero. */
  async get(address) {
    const target = createAddressFromString(address.toLowerCase());
    const account = await this.state.getAccount(target);
    const storage = {};
    const prefix = `${target}_`;
    for (const [key, value] of this.state.storageStack.at(-1)) {
      if (key.startsWith(prefix) && value.length > 0) storage[key.slice(prefix.length)] = BigInt(bytesToHex(value));
    }
    return {
      balance: account?.balance ?? 0n,
      nonce: account?.nonce ?? 0n,
      code: bytesToHex(await this.state.getCode(target)),
      storage,
    };
  }

  /** Addresses of all accounts. */
  accounts() {
    return [...this.state.accountStack.at(-1)].filter(([, account]) => account).map(([address]) => address);
  }

  /** Runs the signed transaction `raw` in a block as the node's `block` (its JSON). */
  async run(raw, block) {
    const arbitrum = this.rules === "arbitrum";
    const header = {
      // Arbitrum shows contracts the number of the parent chain's block, and no randomness.
      number: BigInt((arbitrum && block.l1BlockNumber) || block.number),
      timestamp: BigInt(block.timestamp),
      baseFeePerGas: BigInt(block.baseFeePerGas),
      gasLimit: BigInt(block.gasLimit),
      coinbase: block.miner,
      mixHash: arbitrum ? word(1) : block.mixHash,
    };
    const tx = createTxFromRLP(hexToBytes(raw), { common: this.common });
    const result = await runTx(this.vm, {
      tx,
      block: createBlock({ header }, { common: this.common, skipConsensusFormatValidation: true }),
      skipBlockGasLimitValidation: true,
      skipHardForkValidation: true,
    });
    return {
      status: result.execResult.exceptionError ? 0 : 1,
      error: result.execResult.exceptionError?.error,
      gasUsed: result.totalGasSpent,
      output: bytesToHex(result.execResult.returnValue),
      logs: result.receipt.logs.map(([address, topics, data]) => ({
        address: bytesToHex(address),
        topics: topics.map((topic) => bytesToHex(topic)),
        data: bytesToHex(data),
      })),
      created: result.createdAddress?.toString(),
    };
  }
}

/** Without leading zeros, as the state keeps values. */
function strip(bytes) {
  const start = bytes.findIndex((byte) => byte !== 0);
  return start < 0 ? new Uint8Array() : bytes.subarray(start);
}
