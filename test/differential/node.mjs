// The node's side of a comparison.
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { CHAIN_ID, post, rpc } from "../clients/support.mjs";

let identifier = 0;

/** Sends many requests in one batch; gives the results in their order. */
export async function batch(requests) {
  if (requests.length === 0) return [];
  const first = identifier;
  identifier += requests.length;
  const answers = await post(requests.map(([method, ...params], index) => ({ jsonrpc: "2.0", id: first + index, method, params })));
  const byId = new Map(answers.map((answer) => [answer.id, answer]));
  return requests.map(([method], index) => {
    const { error, result } = byId.get(first + index);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  });
}

/** A key of this run, so that nothing else sends from its account. */
export function sender() {
  const account = privateKeyToAccount(generatePrivateKey());
  return {
    address: account.address,
    sign: (transaction) => account.signTransaction({ chainId: CHAIN_ID, ...transaction }),
  };
}

/** Sends a signed transaction and collects what came of it, in the form of `Reference.run`. */
export async function send(raw) {
  const hash = await rpc("eth_sendRawTransaction", raw);
  let receipt = await rpc("eth_getTransactionReceipt", hash);
  for (let wait = 0; !receipt && wait < 3_000; wait += 1) {
    await new Promise((resume) => setTimeout(resume, 10));
    receipt = await rpc("eth_getTransactionReceipt", hash);
  }
  if (!receipt) throw new Error(`no receipt of ${hash} after 30 s`);
  const [block, trace] = await batch([
    ["eth_getBlockByHash", receipt.blockHash, false],
    ["debug_traceTransaction", hash, { tracer: "callTracer" }],
  ]);
  const status = Number(receipt.status);
  return {
    block,
    status,
    error: trace.error,
    gasUsed: BigInt(receipt.gasUsed),
    // Of a creation that worked the tracer shows the code, which the state has too; the receipt is what counts.
    output: trace.output ?? "0x",
    logs: receipt.logs.map(({ address, topics, data }) => ({ address: address.toLowerCase(), topics, data })),
    created: receipt.contractAddress?.toLowerCase(),
  };
}
