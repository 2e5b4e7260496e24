// The life of a Uniswap v3 pool, from its packages' bytecode: deployment, pool, liquidity, trades, withdrawal.
import { decodeAbiParameters, encodeAbiParameters, encodeFunctionData, maxUint256, parseAbi, stringToHex } from "viem";
import { KEY, artifact, cast, require, rpc } from "../clients/support.mjs";
import { difference } from "./difference.mjs";
import { batch, send, sender } from "./node.mjs";
import { Reference } from "./reference.mjs";

const CORE = "@uniswap/v3-core/artifacts/contracts";
const PERIPHERY = "@uniswap/v3-periphery/artifacts/contracts";
const ROUTER = "@uniswap/swap-router-contracts/artifacts/contracts/SwapRouter02.sol/SwapRouter02.json";
const WETH9 = "@uniswap/v2-periphery/build/WETH9.json";
/** Seconds: later than any node's clock. */
const DEADLINE = 100_000_000_000n;
const FEE = 3000;
const ZERO = "0x0000000000000000000000000000000000000000";

const TOKEN = parseAbi(["function mint(address to, uint256 value)", "function approve(address spender, uint256 value)"]);
const WETH = parseAbi(["function deposit() payable", "function withdraw(uint256)"]);
const MANAGER = parseAbi([
  "function createAndInitializePoolIfNecessary(address token0, address token1, uint24 fee, uint160 sqrtPriceX96) payable returns (address)",
  "function mint((address token0, address token1, uint24 fee, int24 tickLower, int24 tickUpper, uint256 amount0Desired, uint256 amount1Desired, uint256 amount0Min, uint256 amount1Min, address recipient, uint256 deadline)) payable returns (uint256 tokenId, uint128 liquidity, uint256 amount0, uint256 amount1)",
  "function decreaseLiquidity((uint256 tokenId, uint128 liquidity, uint256 amount0Min, uint256 amount1Min, uint256 deadline)) payable returns (uint256, uint256)",
  "function collect((uint256 tokenId, address recipient, uint128 amount0Max, uint128 amount1Max)) payable returns (uint256, uint256)",
  "function tokenURI(uint256) view returns (string)",
]);
const SWAPS = parseAbi([
  "function exactInputSingle((address tokenIn, address tokenOut, uint24 fee, address recipient, uint256 amountIn, uint256 amountOutMinimum, uint160 sqrtPriceLimitX96)) payable returns (uint256)",
  "function exactOutputSingle((address tokenIn, address tokenOut, uint24 fee, address recipient, uint256 amountOut, uint256 amountInMaximum, uint160 sqrtPriceLimitX96)) payable returns (uint256)",
]);

/** Runs each transaction on both sides; gives how many agreed. */
export async function venues({ rules }) {
  const chainId = Number(await rpc("eth_chainId"));
  const from = sender();
  await cast("send", "--private-key", KEY, from.address, "--value", "50ether");
  const reference = await Reference.create(chainId, rules);
  await reference.put(from.address, { balance: BigInt(await rpc("eth_getBalance", from.address, "latest")) });
  const count = { passed: 0, failed: 0 };
  let nonce = 0;

  /** Sends on both sides and compares; gives the node's result. */
  async function step(name, { to, data, value = 0n }) {
    const head = await rpc("eth_getBlockByNumber", "latest", false);
    const fees = { maxPriorityFeePerGas: 0n, maxFeePerGas: BigInt(head.baseFeePerGas) * 2n };
    const raw = await from.sign({ type: "eip1559", to, data, value, nonce, gas: 12_000_000n, ...fees });
    nonce += 1;
    const { block, ...ours } = await send(raw);
    const theirs = await reference.run(raw, block);
    // Every account's code, balance and storage as the reference has it.
    const places = [];
    for (const address of reference.accounts()) {
      if (address === block.miner.toLowerCase()) continue;
      const { balance, nonce: count, code, storage } = await reference.get(address);
      places.push([`${address} balance`, balance, ["eth_getBalance", address, "latest"]]);
      places.push([`${address} nonce`, count, ["eth_getTransactionCount", address, "latest"]]);
      if (ours.created === address) places.push([`${address} code`, BigInt(code), ["eth_getCode", address, "latest"]]);
      for (const [slot, stored] of Object.entries(storage)) {
        places.push([`${address} slot ${slot}`, stored, ["eth_getStorageAt", address, slot, "latest"]]);
      }
    }
    const values = await batch(places.map(([, , request]) => request));
    theirs.state = Object.fromEntries(places.map(([place, value]) => [place, value]));
    ours.state = Object.fromEntries(places.map(([place], index) => [place, BigInt(values[index] === "0x" ? 0 : values[index])]));
    const differences = difference(ours, theirs);
    if (ours.status !== 1) differences.push(`failed with ${ours.error}`);
    count[differences.length === 0 ? "passed" : "failed"] += 1;
    if (differences.length > 0) console.log([`Uniswap v3, ${name}, differs`, ...differences.slice(0, 12)].join("\n  "));
    return ours;
  }
  const create = async (name, { bytecode }, types = [], values = []) => {
    const code = bytecode.startsWith("0x") ? bytecode : `0x${bytecode}`;
    const data = code + encodeAbiParameters(types.map((type) => ({ type })), values).slice(2);
    return (await step(`deploy ${name}`, { data })).created;
  };
  const invoke = (name, to, abi, functionName, args, value) =>
    step(name, { to, value, data: encodeFunctionData({ abi, functionName, args }) });

  const weth = await create("WETH9", require(WETH9));
  const factory = await create("factory", require(`${CORE}/UniswapV3Factory.sol/UniswapV3Factory.json`));
  const library = await create("library", require(`${PERIPHERY}/libraries/NFTDescriptor.sol/NFTDescriptor.json`));
  const linked = link(require(`${PERIPHERY}/NonfungibleTokenPositionDescriptor.sol/NonfungibleTokenPositionDescriptor.json`), library);
  const label = stringToHex("ETH", { size: 32 });
  const descriptor = await create("descriptor", linked, ["address", "bytes32"], [weth, label]);
  const manager = await create(
    "position manager",
    require(`${PERIPHERY}/NonfungiblePositionManager.sol/NonfungiblePositionManager.json`),
    ["address", "address", "address"],
    [factory, weth, descriptor],
  );
  const router = await create("router", require(ROUTER), Array(4).fill("address"), [ZERO, factory, manager, weth]);

  const tokens = [];
  for (const [name, decimals] of [["Bitcoin", 8], ["Dollar", 6]]) {
    const token = await create(name, artifact("TestToken"), ["string", "string", "uint8"], [name, name, decimals]);
    await invoke(`mint ${name}`, token, TOKEN, "mint", [from.address, 10n ** 15n]);
    for (const spender of [manager, router]) await invoke(`approve ${name}`, token, TOKEN, "approve", [spender, maxUint256]);
    tokens.push(token);
  }
  await invoke("deposit", weth, WETH, "deposit", [], 10n ** 18n);
  await invoke("withdraw", weth, WETH, "withdraw", [10n ** 17n]);
  const [token0, token1] = tokens.sort();
  await invoke("create the pool", manager, MANAGER, "createAndInitializePoolIfNecessary", [token0, token1, FEE, 8n << 96n]);
  const position = (tickLower, tickUpper, amount) => ({
    token0, token1, fee: FEE, tickLower, tickUpper, amount0Desired: amount, amount1Desired: amount * 64n,
    amount0Min: 0n, amount1Min: 0n, recipient: from.address, deadline: DEADLINE,
  });
  const minted = await invoke("add wide liquidity", manager, MANAGER, "mint", [position(36_000, 48_000, 10n ** 10n)]);
  await invoke("add narrow liquidity", manager, MANAGER, "mint", [position(41_400, 42_000, 10n ** 9n)]);
  const swap = (tokenIn, tokenOut, amounts) => ({ tokenIn, tokenOut, fee: FEE, recipient: from.address, sqrtPriceLimitX96: 0n, ...amounts });
  for (const amountIn of [10n ** 6n, 10n ** 8n, 10n ** 9n]) {
    await invoke(`sell ${amountIn} of token 0`, router, SWAPS, "exactInputSingle", [swap(token0, token1, { amountIn, amountOutMinimum: 0n })]);
  }
  await invoke("buy token 0", router, SWAPS, "exactOutputSingle", [swap(token1, token0, { amountOut: 2n * 10n ** 9n, amountInMaximum: 10n ** 14n })]);
  const [tokenId, liquidity] = decodeAbiParameters(["uint256", "uint128", "uint256", "uint256"].map((type) => ({ type })), minted.output);
  await invoke("remove liquidity", manager, MANAGER, "decreaseLiquidity", [
    { tokenId, liquidity: liquidity / 2n, amount0Min: 0n, amount1Min: 0n, deadline: DEADLINE },
  ]);
  await invoke("collect", manager, MANAGER, "collect", [
    { tokenId, recipient: from.address, amount0Max: 2n ** 128n - 1n, amount1Max: 2n ** 128n - 1n },
  ]);
  // Draws the position as an image: the longest pure computation of them all.
  await invoke("describe the position", manager, MANAGER, "tokenURI", [tokenId]);
  console.log(`Uniswap v3: ${count.passed} of ${nonce} transactions agree`);
  return count;
}

/** Puts the address of the only library into the places that the artifact names. */
function link({ bytecode, linkReferences }, library) {
  let code = bytecode;
  for (const { start, length } of Object.values(linkReferences).flatMap((file) => Object.values(file)).flat()) {
    code = code.slice(0, 2 + start * 2) + library.slice(2) + code.slice(2 + (start + length) * 2);
  }
  return { bytecode: code };
}
