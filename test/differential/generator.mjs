// Random contracts and transactions from a seed. Programs mostly respect the stack, so that they get somewhere.
import { createHash } from "node:crypto";

/** What a chain of Arbitrum answers differently, by design, is left out: these opcodes have tests of their own. */
const AVOIDED = new Set([0x40, 0x41, 0x43, 0x44, 0x45, 0x4a]);

export class Random {
  constructor(seed) {
    this.state = BigInt.asUintN(64, BigInt(seed));
  }
  /** splitmix64 */
  next() {
    this.state = BigInt.asUintN(64, this.state + 0x9e3779b97f4a7c15n);
    let z = this.state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  }
  below(limit) {
    return Number(this.next() % BigInt(limit));
  }
  chance(percent) {
    return this.below(100) < percent;
  }
  pick(list) {
    return list[this.below(list.length)];
  }
  bytes(length) {
    return Uint8Array.from({ length }, () => this.below(256));
  }
  /** `list` is of `[weight, value]`. */
  weighted(list) {
    let at = this.below(list.reduce((sum, [weight]) => sum + weight, 0));
    return list.find(([weight]) => (at -= weight) < 0)[1];
  }
}

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const big = (value, bytes) => value.toString(16).padStart(bytes * 2, "0");
const unhex = (text) => Uint8Array.from(Buffer.from(text, "hex"));

/** Opcodes without immediate arguments or memory: `[weight, [code, pops, pushes]]`. */
const PLAIN = [
  ...[0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0a, 0x0b, 0x10, 0x11, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1b, 0x1c, 0x1d]
    .map((code) => [4, [code, 2, 1]]),
  ...[0x08, 0x09].map((code) => [4, [code, 3, 1]]),
  // ISZERO NOT CLZ; BLOBHASH, of which there is never one
  ...[0x15, 0x19, 0x1e].map((code) => [4, [code, 1, 1]]),
  [1, [0x49, 1, 1]],
  // ADDRESS ORIGIN CALLER CALLVALUE CALLDATASIZE CODESIZE GASPRICE RETURNDATASIZE
  ...[0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d].map((code) => [2, [code, 0, 1]]),
  // TIMESTAMP CHAINID SELFBALANCE BASEFEE PC MSIZE GAS PUSH0
  ...[0x42, 0x46, 0x47, 0x48, 0x58, 0x59, 0x5a, 0x5f].map((code) => [2, [code, 0, 1]]),
  // CALLDATALOAD POP
  [4, [0x35, 1, 1]],
  [2, [0x50, 1, 0]],
];

/** Points and signatures for which the precompiles do more than refuse. */
const G1 = "1".padStart(64, "0") + "2".padStart(64, "0");
const G2 =
  "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c21800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed" +
  "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa";
const BLS_G1 =
  "0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb" +
  "0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";
const BLS_G2 =
  "00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8" +
  "0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e" +
  "000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801" +
  "000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";
/** Hash, r, s, x, y of a P-256 signature that holds. */
const P256 =
  "4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4d" +
  "a73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb19086e8cac" +
  "36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d60" +
  "4aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754204a3bb6060e44eff3" +
  "7618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e";
/** Hash, v, r, s of a secp256k1 signature that holds. */
const ECRECOVER =
  "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3" +
  "000000000000000000000000000000000000000000000000000000000000001c" +
  "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608" +
  "4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada";
const KZG_INFINITY = `c0${"00".repeat(47)}`;
const KZG_HASH = `01${createHash("sha256").update(unhex(KZG_INFINITY)).digest("hex").slice(2)}`;

/** Input for the precompile `number`: right in form most of the time. */
function precompileInput(random, number) {
  const scalar = () => big(random.chance(30) ? BigInt(random.below(5)) : BigInt(`0x${hex(random.bytes(32))}`), 32);
  const g1 = () => (random.chance(20) ? "00".repeat(64) : G1);
  const bls1 = () => (random.chance(20) ? "00".repeat(128) : BLS_G1);
  const bls2 = () => (random.chance(20) ? "00".repeat(256) : BLS_G2);
  const times = (most, make) => Array.from({ length: random.below(most + 1) }, make).join("");
  const make = {
    1: () => ECRECOVER,
    2: () => hex(random.bytes(random.below(100))),
    3: () => hex(random.bytes(random.below(100))),
    4: () => hex(random.bytes(random.below(100))),
    5: () => {
      const [base, exponent, modulus] = [random.below(40), random.below(40), random.below(40)];
      const lengths = [base, exponent, modulus].map((length) => big(BigInt(length), 32)).join("");
      return lengths + hex(random.bytes(base + exponent + modulus));
    },
    6: () => g1() + g1(),
    7: () => g1() + scalar(),
    8: () => times(2, () => g1() + (random.chance(20) ? "00".repeat(128) : G2)),
    9: () => big(BigInt(random.below(20)), 4) + hex(random.bytes(208)) + (random.chance(90) ? big(BigInt(random.below(2)), 1) : "02"),
    10: () => KZG_HASH + big(BigInt(random.below(1000)), 32) + big(random.chance(80) ? 0n : 1n, 32) + KZG_INFINITY + KZG_INFINITY,
    11: () => bls1() + bls1(),
    12: () => times(3, () => bls1() + scalar()),
    13: () => bls2() + bls2(),
    14: () => times(2, () => bls2() + scalar()),
    15: () => times(2, () => bls1() + bls2()),
    16: () => "00".repeat(16) + hex([random.below(16), ...random.bytes(47)]),
    17: () => ("00".repeat(16) + hex([random.below(16), ...random.bytes(47)])).repeat(2),
    256: () => P256,
  }[number];
  const input = unhex(make());
  if (input.length > 0 && random.chance(15)) input[random.below(input.length)] ^= 1 << random.below(8);
  if (random.chance(10)) return input.subarray(0, random.below(input.length + 1));
  return input;
}

/** Writes one program. `world` is `{ contracts, others }`: addresses that it may name. */
class Writer {
  constructor(random, world, { index = 0, depth = 0 } = {}) {
    const below = [...world.contracts.slice(index + 1), world.others[0]];
    Object.assign(this, { random, world, index, depth, below, code: [], stack: 0 });
  }

  push(value, least = 1) {
    let text = BigInt(value).toString(16);
    if (text.length % 2) text = `0${text}`;
    const bytes = value === 0n || value === 0 ? [] : [...unhex(text)];
    while (bytes.length < least && !(bytes.length === 0 && least <= 1)) bytes.unshift(0);
    this.code.push(0x5f + bytes.length, ...bytes);
    this.stack += 1;
  }
  op(code, pops, pushes) {
    this.code.push(code);
    this.stack += pushes - pops;
  }
  /** Sees to it that the stack holds `count`. */
  need(count) {
    while (this.stack < count) this.push(this.value());
  }
  value() {
    const { random } = this;
    return random.weighted([
      [4, () => BigInt(random.below(4))],
      [3, () => BigInt(random.below(300))],
      [2, () => BigInt(`0x${hex(random.bytes(1 + random.below(32)))}`)],
      [2, () => (1n << BigInt(random.below(256))) - BigInt(random.below(2))],
      [1, () => (1n << 256n) - 1n - BigInt(random.below(3))],
      [1, () => BigInt(random.pick(this.world.contracts))],
      [1, () => 1n << 255n],
    ])();
  }
  address() {
    const { random, world } = this;
    return BigInt(random.weighted([
      // Mostly those further down, lest calls go round in circles until the gas is gone.
      [6, () => random.pick(random.chance(85) ? this.below : world.contracts)],
      [3, () => random.pick(world.others)],
      [1, () => BigInt(1 + random.below(17))],
    ])());
  }
  offset() {
    return this.random.weighted([[200, () => this.random.below(160)], [20, () => this.random.below(2000)], [1, () => 1n << BigInt(20 + this.random.below(60))]])();
  }
  size() {
    return this.random.weighted([[3, () => 0], [20, () => this.random.below(100)], [1, () => this.random.below(3000)]])();
  }
  slot() {
    return this.random.below(6);
  }
  gas() {
    const { random } = this;
    random.weighted([
      [3, () => this.op(0x5a, 0, 1)],
      [2, () => this.push(random.pick([0, 100, 2300, 9000, 50_000]))],
      [5, () => this.push(20_000 + random.below(200_000))],
    ])();
  }
  amount() {
    this.push(this.random.weighted([[6, () => 0], [3, () => 1 + this.random.below(1000)], [1, () => 1n << 200n]])());
  }
  /** Writes `bytes` to memory at `at`. */
  store(bytes, at) {
    for (let index = 0; index < bytes.length; index += 32) {
      const chunk = new Uint8Array(32);
      chunk.set(bytes.subarray(index, index + 32));
      this.push(BigInt(`0x${hex(chunk)}`));
      this.push(at + index);
      this.op(0x52, 2, 0);
    }
  }

  call(to, input) {
    const { random } = this;
    const code = random.weighted([[5, 0xf1], [3, 0xfa], [3, 0xf4], [1, 0xf2]]);
    this.push(input ? random.below(128) : this.size());
    this.push(this.offset());
    if (input) {
      this.push(input.length);
      this.push(0);
    } else {
      this.push(this.size());
      this.push(this.offset());
    }
    const withValue = code === 0xf1 || code === 0xf2;
    if (withValue) this.amount();
    this.push(to);
    this.gas();
    this.op(code, withValue ? 7 : 6, 1);
  }

  create() {
    const { random } = this;
    const inner = new Writer(random, this.world, { index: this.index, depth: this.depth + 1 });
    const init = inner.program(random.below(12), "create");
    this.store(init, 0);
    const second = random.chance(50);
    if (second) this.push(random.below(3));
    this.push(random.chance(90) ? init.length : this.size());
    this.push(random.chance(95) ? 0 : this.offset());
    this.amount();
    this.op(second ? 0xf5 : 0xf0, second ? 4 : 3, 1);
    // Calls what was made, sometimes.
    if (random.chance(40)) {
      this.op(0x80, 1, 2);
      for (let index = 0; index < 4; index += 1) this.push(0);
      this.amount();
      // DUP6: the address, below the five arguments.
      this.op(0x85, 6, 7);
      this.op(0x5a, 0, 1);
      this.op(0xf1, 7, 1);
    }
  }

  statement() {
    const { random } = this;
    random.weighted([
      [60, () => {
        const [code, pops, pushes] = random.weighted(PLAIN);
        this.need(pops);
        this.op(code, pops, pushes);
      }],
      [20, () => this.push(this.value(), 1 + random.below(32))],
      // DUP, SWAP
      [8, () => {
        const depth = 1 + random.below(Math.min(16, Math.max(1, this.stack)));
        this.need(depth);
        this.op(0x7f + depth, depth, depth + 1);
      }],
      [6, () => {
        const depth = 1 + random.below(Math.min(16, Math.max(1, this.stack)));
        this.need(depth + 1);
        this.op(0x8f + depth, depth + 1, depth + 1);
      }],
      // MLOAD, MSTORE, MSTORE8, MCOPY, KECCAK256
      [5, () => { this.push(this.offset()); this.op(0x51, 1, 1); }],
      [8, () => { this.need(1); this.push(this.offset()); this.op(random.chance(80) ? 0x52 : 0x53, 2, 0); }],
      [3, () => { this.push(this.size()); this.push(this.offset()); this.push(this.offset()); this.op(0x5e, 3, 0); }],
      [5, () => { this.push(this.size()); this.push(this.offset()); this.op(0x20, 2, 1); }],
      // SLOAD, SSTORE, TLOAD, TSTORE
      [8, () => { this.push(this.slot()); this.op(0x54, 1, 1); }],
      [12, () => { this.push(random.chance(60) ? random.below(3) : this.value()); this.push(this.slot()); this.op(0x55, 2, 0); }],
      [1, () => { this.need(2); this.op(0x55, 2, 0); }],
      [3, () => { this.push(this.slot()); this.op(0x5c, 1, 1); }],
      [3, () => { this.push(this.value()); this.push(this.slot()); this.op(0x5d, 2, 0); }],
      // CALLDATACOPY, CODECOPY, RETURNDATACOPY, EXTCODECOPY
      [3, () => { this.push(this.size()); this.push(this.offset()); this.push(this.offset()); this.op(0x37, 3, 0); }],
      [3, () => { this.push(this.size()); this.push(this.offset()); this.push(this.offset()); this.op(0x39, 3, 0); }],
      [5, () => { this.op(0x3d, 0, 1); this.push(0); this.push(this.offset()); this.op(0x3e, 3, 0); }],
      [1, () => { this.push(this.size()); this.push(this.offset()); this.push(this.offset()); this.op(0x3e, 3, 0); }],
      [3, () => { this.push(this.size()); this.push(this.offset()); this.push(this.offset()); this.push(this.address()); this.op(0x3c, 4, 0); }],
      // BALANCE, EXTCODESIZE, EXTCODEHASH
      [6, () => { this.push(this.address()); this.op(random.pick([0x31, 0x3b, 0x3f]), 1, 1); }],
      // LOG
      [6, () => {
        const topics = random.below(5);
        this.need(topics);
        this.push(this.size());
        this.push(this.offset());
        this.op(0xa0 + topics, topics + 2, 0);
      }],
      [14, () => this.call(this.address())],
      [7, () => {
        const number = random.weighted([[20, 1 + random.below(10)], [4, 11 + random.below(7)], [4, 256]]);
        const input = precompileInput(random, number);
        this.store(input, 0);
        this.call(number, input);
      }],
      [this.depth < 2 ? 4 : 0, () => this.create()],
      [5, () => this.branch()],
      [2, () => this.loop()],
      // An early end, behind a condition that is seldom true.
      [1, () => { this.need(1); this.op(0x15, 1, 1); this.skip(() => this.end()); }],
      // What a program should not do
      [1, () => random.chance(30) && this.code.push(random.pick([0x56, 0x57, 0x0c, 0xfe, 0x21, 0xef, 0xfb]))],
    ])();
  }

  /** `body` runs if what lies on the stack is zero; it leaves the stack as high as it was. */
  skip(body) {
    const at = this.code.length;
    this.code.push(0x61, 0, 0);
    this.op(0x57, 1, 0);
    const height = this.stack;
    body();
    while (this.stack > height) this.op(0x50, 1, 0);
    while (this.stack < height) this.push(0);
    const target = this.code.length;
    this.code.push(0x5b);
    this.code[at + 1] = target >> 8;
    this.code[at + 2] = target & 0xff;
  }
  branch() {
    this.need(1);
    this.skip(() => {
      const count = 1 + this.random.below(5);
      for (let index = 0; index < count; index += 1) this.flat();
    });
  }
  loop() {
    this.push(1 + this.random.below(6));
    const start = this.code.length;
    const height = this.stack;
    this.code.push(0x5b);
    const count = 1 + this.random.below(4);
    for (let index = 0; index < count; index += 1) this.flat();
    while (this.stack > height) this.op(0x50, 1, 0);
    // What the body took from below is gone: then the counter is not where it was, and the loop ends by chance or by gas.
    while (this.stack < height) this.push(0);
    this.push(1);
    this.op(0x90, 2, 2);
    this.op(0x03, 2, 1);
    this.op(0x80, 1, 2);
    this.code.push(0x61, start >> 8, start & 0xff);
    this.op(0x57, 1, 0);
  }
  /** A statement that only needs what it brings. */
  flat() {
    const { random } = this;
    random.weighted([
      [3, () => { this.push(this.slot()); this.op(0x54, 1, 1); this.push(1); this.op(0x01, 2, 1); this.push(this.slot()); this.op(0x55, 2, 0); }],
      [2, () => { this.push(this.value()); this.push(this.offset()); this.op(0x52, 2, 0); }],
      [2, () => { this.push(this.value()); this.push(this.value()); this.op(random.pick([0x01, 0x02, 0x04, 0x0a, 0x1d]), 2, 1); }],
      [1, () => this.call(this.address())],
      [1, () => { this.push(this.size()); this.push(this.offset()); this.op(0xa0, 2, 0); }],
    ])();
  }

  end(kind) {
    const { random } = this;
    if (kind === "create") {
      // Returns a small program, or whatever there is.
      if (random.chance(75)) {
        const runtime = random.pick(["5f5460010160005560005f5260205ff3", "3660006000373660006000a000", "33ff", "5f5ffd", "00", ""]);
        this.store(unhex(runtime), 0);
        this.push(runtime.length / 2);
        this.push(0);
        return this.op(random.chance(92) ? 0xf3 : 0xfd, 2, 0);
      }
    }
    // Whatever is on the stack shows in the output.
    const shown = Math.min(this.stack, random.below(6));
    for (let index = 0; index < shown; index += 1) {
      this.push(index * 32);
      this.op(0x52, 2, 0);
    }
    random.weighted([
      [14, () => { this.push(shown * 32 + random.below(20)); this.push(random.below(8)); this.op(0xf3, 2, 0); }],
      [3, () => { this.push(shown * 32); this.push(0); this.op(0xfd, 2, 0); }],
      [2, () => this.op(0x00, 0, 0)],
      [1, () => this.op(0xfe, 0, 0)],
      [1, () => { this.push(this.address()); this.op(0xff, 1, 0); }],
      [1, () => {}],
    ])();
  }

  program(length, kind) {
    for (let index = 0; index < length; index += 1) this.statement();
    this.end(kind);
    return Uint8Array.from(this.code);
  }
}

/**
 * One case: accounts, and a transaction without nonce, fees and signature. The same seed and index give the same case
 * wherever it runs.
 */
export function generate(seed, index) {
  const random = new Random(BigInt(seed) * 1_000_003n + BigInt(index));
  // Addresses of a case are nobody else's: cases do not meet in the node's state.
  const address = () => `0x${hex(random.bytes(20))}`;
  const contracts = Array.from({ length: 4 }, address);
  const [funded, absent, delegated] = [address(), address(), address()];
  const world = { contracts, others: [funded, absent, delegated] };
  const accounts = {};
  for (const [index, contract] of contracts.entries()) {
    const code = random.chance(93)
      ? new Writer(random, world, { index }).program(5 + random.below(random.chance(20) ? 120 : 40))
      : random.bytes(random.below(200)).map((byte) => (AVOIDED.has(byte) ? 0x5b : byte));
    const storage = {};
    for (let slot = 0; slot < 6; slot += 1) if (random.chance(40)) storage[slot] = BigInt(1 + random.below(3));
    accounts[contract] = { code: `0x${hex(code)}`, balance: BigInt(random.below(5000)), nonce: 1n, storage };
  }
  accounts[funded] = { balance: 1000n, nonce: 0n, code: "0x", storage: {} };
  accounts[delegated] = { balance: 1000n, nonce: 1n, code: `0xef0100${contracts[1].slice(2)}`, storage: { 1: 2n } };
  const creates = random.chance(12);
  const data = creates
    ? new Writer(random, world, { depth: 1 }).program(5 + random.below(30), "create")
    : random.bytes(random.weighted([[2, 0], [5, 4 + random.below(70)]]));
  const accessList = random.chance(25)
    ? Array.from({ length: 1 + random.below(3) }, () => ({
        address: random.pick([...contracts, absent]),
        storageKeys: Array.from({ length: random.below(3) }, () => `0x${big(BigInt(random.below(6)), 32)}`),
      }))
    : undefined;
  // More than any of these transactions costs before it runs: none is refused.
  const intrinsic = creates ? 100_000 : 45_000;
  const transaction = {
    to: creates ? undefined : random.chance(90) ? contracts[0] : delegated,
    data: `0x${hex(data)}`,
    value: BigInt(random.chance(30) ? random.below(100) : 0),
    gas: BigInt(random.weighted([[12, 1_500_000], [2, 120_000 + random.below(100_000)], [1, intrinsic + random.below(60_000)]])),
    accessList,
  };
  return { accounts, absent, transaction };
}
