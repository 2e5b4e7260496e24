// What a server on a developer's machine meets: broken clients and careless scripts. After each, it must still answer.
import assert from "node:assert/strict";
import net from "node:net";
import { afterEach, describe, test } from "node:test";
import { ACCOUNT, CHAIN_ID, KEY, NODE, URL_HTTP, URL_WS, cast, eventually, post, require, rpc, skipOn } from "./support.mjs";

const { WebSocket } = require("ws");
const { hostname, port } = new URL(URL_HTTP);
const CHAIN = `0x${CHAIN_ID.toString(16)}`;
const request = (method, params = [], id = 1) => ({ jsonrpc: "2.0", id, method, params });

describe("robustness", { timeout: 240_000 }, () => {
  afterEach(async () => assert.equal(await rpc("eth_chainId"), CHAIN, "the node no longer answers"));

  describe("requests over HTTP", () => {
    for (const [name, body] of Object.entries({
      "malformed JSON": '{"jsonrpc":"2.0",',
      "not JSON at all": "GET me a block",
      "an empty body": "",
      "a lone number": "7",
      "deep nesting": "[".repeat(100_000),
      "bytes that are no UTF-8": Buffer.from([0x22, 0xff, 0xfe, 0x22]),
    })) {
      test(`${name} gets an error`, async () => {
        const response = await fetch(URL_HTTP, { method: "POST", headers: { "content-type": "application/json" }, body });
        const text = await response.text();
        assert.ok(!response.ok || JSON.parse(text).error, `${response.status} ${text.slice(0, 200)}`);
      });
    }
    test("malformed JSON has the code -32700", { skip: skipOn("anvil", "answers -32600") }, async () => {
      const answer = await post('{"jsonrpc":"2.0",');
      assert.equal(answer.error.code, -32700);
    });
    test("unknown method has the code -32601", async () => {
      assert.equal((await post(request("eth_noSuchMethod"))).error.code, -32601);
    });
    test("the identifier comes back as it was sent", async () => {
      for (const id of [0, 7, "seven", 2 ** 40]) assert.equal((await post(request("eth_chainId", [], id))).id, id);
    });
    test("parameters of wrong types get an error", async () => {
      for (const [method, params] of [
        ["eth_getBalance", [12, "latest"]],
        ["eth_getBalance", ["0x12", "latest"]],
        ["eth_getBalance", [ACCOUNT, "someday"]],
        ["eth_getBalance", [ACCOUNT, `0x${"f".repeat(80)}`]],
        ["eth_getBalance", {}],
        ["eth_getBalance", []],
        ["eth_getBlockByNumber", ["0xzz", false]],
        ["eth_getTransactionByHash", ["0x1234"]],
        ["eth_call", ["nonsense", "latest"]],
        ["eth_call", [{ to: ACCOUNT, gas: "many" }, "latest"]],
        ["eth_call", [{ to: ACCOUNT, data: "0x1" }, "latest"]],
        ["eth_sendRawTransaction", ["0x"]],
        ["eth_sendRawTransaction", [`0x02f8${"00".repeat(500)}`]],
        ["eth_sendRawTransaction", [7]],
        ["eth_getLogs", [{ fromBlock: "0x5", toBlock: "latest", topics: "all" }]],
        ["eth_getStorageAt", [ACCOUNT, "position", "latest"]],
        ["debug_traceTransaction", ["0x12"]],
        ["eth_getFilterChanges", ["0xffffffffffff"]],
      ]) {
        const answer = await post(request(method, params));
        assert.ok(answer.error, `${method} ${JSON.stringify(params)} answered ${JSON.stringify(answer.result)}`);
        assert.ok(answer.error.code < 0, `${method} answered the code ${answer.error.code}`);
      }
    });
    test("what does not exist is null", async () => {
      const none = `0x${"ab".repeat(32)}`;
      assert.equal(await rpc("eth_getTransactionByHash", none), null);
      assert.equal(await rpc("eth_getTransactionReceipt", none), null);
      assert.equal(await rpc("eth_getBlockByHash", none, false), null);
      assert.equal(await rpc("eth_getBlockByNumber", "0xffffffff", false), null);
    });
    test("empty batch gets an error", async () => {
      const response = await fetch(URL_HTTP, { method: "POST", headers: { "content-type": "application/json" }, body: "[]" });
      const text = await response.text();
      assert.ok(!response.ok || JSON.parse(text).error, text);
    });
    test("batch of 100 is answered in full", async () => {
      const answers = await post(Array.from({ length: 100 }, (_, id) => request("eth_chainId", [], id)));
      assert.equal(answers.length, 100);
      assert.deepEqual(new Set(answers.map(({ id }) => id)).size, 100);
      assert.ok(answers.every(({ result }) => result === CHAIN));
    });
    test("batch with errors answers the rest", { skip: skipOn("anvil", "refuses it as a whole") }, async () => {
      const answers = await post([request("eth_chainId", [], 1), 7, request("eth_noSuchMethod", [], 2), request("eth_chainId", [], 3)]);
      assert.equal(answers.filter(({ result }) => result === CHAIN).length, 2);
      assert.equal(answers.filter(({ error }) => error).length, 2);
    });
    test("huge body gets an error or the connection is closed", async () => {
      const body = `{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["${"0".repeat(200 << 20)}"]}`;
      const response = await fetch(URL_HTTP, { method: "POST", headers: { "content-type": "application/json" }, body }).catch(() => undefined);
      if (response) {
        const text = await response.text();
        assert.ok(!response.ok || JSON.parse(text).error, `${response.status} ${text.slice(0, 200)}`);
      }
    });
    test("1,000 requests at once are all answered", async () => {
      const answers = await Promise.all(Array.from({ length: 1_000 }, (_, index) =>
        index % 3 === 0 ? rpc("eth_getBalance", ACCOUNT, "latest") : rpc(index % 3 === 1 ? "eth_chainId" : "eth_blockNumber")));
      assert.ok(answers.every((answer) => /^0x[0-9a-f]+$/.test(answer)));
    });
    test("other HTTP methods and paths do no harm", async () => {
      for (const [method, path] of [["GET", "/"], ["DELETE", "/"], ["PUT", "/x/y"], ["OPTIONS", "/"]]) {
        await (await fetch(new URL(path, URL_HTTP), { method })).text();
      }
    });
    test("a browser is allowed to ask", { skip: skipOn("nitro", "as it is configured") }, async () => {
      const response = await fetch(URL_HTTP, {
        method: "OPTIONS",
        headers: { origin: "http://localhost:3000", "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
      });
      assert.ok(response.headers.get("access-control-allow-origin"));
    });
    test("connections opened and dropped in the middle of a request", async () => {
      for (let index = 0; index < 200; index += 1) {
        const socket = net.connect(Number(port), hostname);
        await new Promise((done) => socket.on("connect", done).on("error", done));
        socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{\"json");
        socket.destroy();
      }
    });
    test("connections left open and silent do not stop others", async () => {
      const sockets = Array.from({ length: 100 }, () => net.connect(Number(port), hostname).on("error", () => {}));
      assert.equal(await rpc("eth_chainId"), CHAIN);
      for (const socket of sockets) socket.destroy();
    });
  });

  describe("execution", () => {
    const call = (data, more = {}) => rpc("eth_call", { data, ...more }, "latest");
    test("endless loop ends by its gas", async () => {
      await assert.rejects(call("0x5b5f56", { gas: "0x1c9c380" }));
    });
    test("endless loop without a gas limit ends too", async () => {
      await assert.rejects(call("0x5b5f56"));
    });
    test("memory out of reach is refused", async () => {
      await assert.rejects(call("0x63ffffffff5152"));
      await assert.rejects(call(`0x5f67${"ff".repeat(8)}52`));
    });
    test("endless recursion ends", async () => {
      // Calls itself with all gas.
      const to = "0x000000000000000000000000000000000000cafe";
      const code = "0x5f5f5f5f5f305af1";
      await rpc("eth_call", { to, gas: "0x1c9c380" }, "latest", { [to]: { code } }).catch(() => {});
    });
    test("init code of more than 49,152 bytes is refused", async () => {
      await assert.rejects(rpc("eth_estimateGas", { from: ACCOUNT, data: `0x${"5b".repeat(49_153)}` }));
    });
    test("gas limit beyond all bounds", async () => {
      for (const gas of ["0x7fffffffffffffff", "0xffffffffffffffff"]) await call("0x00", { gas }).catch(() => {});
    });
    test("logs of the whole chain", async () => {
      assert.ok(Array.isArray(await rpc("eth_getLogs", { fromBlock: "0x0", toBlock: "latest" })));
    });
    test("log query backwards or beyond the head", async () => {
      await rpc("eth_getLogs", { fromBlock: "0xffffff", toBlock: "0x1" }).catch(() => {});
      await rpc("eth_getLogs", { fromBlock: "0x0", toBlock: "0xffffffffffff" }).catch(() => {});
    });
    test("thousands of filters", async () => {
      for (let index = 0; index < 20; index += 1) {
        await Promise.all(Array.from({ length: 100 }, () => rpc("eth_newBlockFilter").catch(() => {})));
      }
    });
  });

  describe("WebSocket", { timeout: 120_000 }, () => {
    const open = async () => {
      const socket = new WebSocket(URL_WS);
      await new Promise((done, fail) => socket.on("open", done).on("error", fail));
      socket.removeAllListeners("error");
      socket.on("error", () => {});
      return socket;
    };
    const ask = (socket, body) => new Promise((done, fail) => {
      const expire = setTimeout(() => fail(new Error(`no answer to ${JSON.stringify(body).slice(0, 100)}`)), 10_000);
      const listen = (data) => {
        const message = JSON.parse(data);
        if (message.method === "eth_subscription" || message.id !== body.id) return;
        clearTimeout(expire);
        socket.off("message", listen);
        done(message);
      };
      socket.on("message", listen);
      socket.send(JSON.stringify(body));
    });

    test("garbage gets an error or ends the connection, not the node", async () => {
      for (const garbage of ["{", "garbage", "", "[]", Buffer.from([0, 1, 2, 0xff]), "[".repeat(50_000)]) {
        const socket = await open();
        const reaction = new Promise((done) => socket.on("message", done).on("close", done));
        socket.send(garbage);
        await Promise.race([reaction, new Promise((done) => setTimeout(done, 300))]);
        socket.terminate();
      }
    });
    test("raw bytes that are no frame", async () => {
      const socket = net.connect(Number(port), hostname).on("error", () => {});
      socket.write(`GET / HTTP/1.1\r\nhost: ${hostname}\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n");
      await new Promise((done) => socket.once("data", done).once("close", done));
      socket.write(Buffer.alloc(4096, 0xff));
      await new Promise((done) => setTimeout(done, 100));
      socket.destroy();
    });
    test("unknown method and unknown subscription get errors", async () => {
      const socket = await open();
      assert.equal((await ask(socket, request("eth_noSuchMethod"))).error.code, NODE === "anvil" ? -32602 : -32601);
      assert.ok((await ask(socket, request("eth_subscribe", ["everything"], 2))).error);
      assert.ok(!(await ask(socket, request("eth_unsubscribe", ["0xffff"], 3))).result);
      socket.terminate();
    });
    test("subscription delivers until it is cancelled", async () => {
      const socket = await open();
      const heads = [];
      socket.on("message", (data) => {
        const message = JSON.parse(data);
        if (message.method === "eth_subscription") heads.push(message.params);
      });
      const { result } = await ask(socket, request("eth_subscribe", ["newHeads"]));
      await cast("send", "--private-key", KEY, ACCOUNT);
      await eventually("a head", () => heads.length > 0);
      assert.equal(heads[0].subscription, result);
      assert.match(heads[0].result.hash, /^0x[0-9a-f]{64}$/);
      assert.equal((await ask(socket, request("eth_unsubscribe", [result], 2))).result, true);
      const seen = heads.length;
      await cast("send", "--private-key", KEY, ACCOUNT);
      await new Promise((done) => setTimeout(done, 200));
      assert.equal(heads.length, seen);
      socket.terminate();
    });
    test("subscription over HTTP gets an error", async () => {
      assert.ok((await post(request("eth_subscribe", ["newHeads"]))).error);
    });
    test("sudden close with subscriptions open", async () => {
      for (let index = 0; index < 50; index += 1) {
        const socket = await open();
        socket.send(JSON.stringify(request("eth_subscribe", ["newHeads"])));
        socket.send(JSON.stringify(request("eth_subscribe", ["logs", {}], 2)));
        socket.terminate();
      }
      await cast("send", "--private-key", KEY, ACCOUNT);
    });
    test("10,000 subscriptions on one connection: granted or refused, but answered", async () => {
      const socket = await open();
      let answered = 0;
      socket.on("message", () => (answered += 1));
      for (let id = 1; id <= 10_000; id += 1) socket.send(JSON.stringify(request("eth_subscribe", ["newHeads"], id)));
      await eventually("all answers", () => answered >= 10_000 || socket.readyState !== WebSocket.OPEN, 30_000);
      socket.terminate();
    });
    test("a subscriber that never reads does not hold up blocks", async () => {
      const socket = await open();
      for (let id = 1; id <= 50; id += 1) socket.send(JSON.stringify(request("eth_subscribe", ["newHeads"], id)));
      await new Promise((done) => setTimeout(done, 200));
      socket._socket.pause();
      for (let index = 0; index < 20; index += 1) await cast("send", "--private-key", KEY, ACCOUNT);
      socket.terminate();
    });
    test("huge message ends the connection or gets an error", async () => {
      const socket = await open();
      const reaction = new Promise((done) => socket.once("message", done).once("close", done));
      const timeout = new Promise((_, fail) => setTimeout(fail, 20_000, new Error("neither answered nor closed")).unref());
      socket.send(`{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["${"0".repeat(100 << 20)}"]}`);
      await Promise.race([reaction, timeout]);
      socket.terminate();
    });
    test("200 connections at once", async () => {
      const sockets = await Promise.all(Array.from({ length: 200 }, open));
      const answers = await Promise.all(sockets.map((socket) => ask(socket, request("eth_chainId"))));
      assert.ok(answers.every(({ result }) => result === CHAIN));
      for (const socket of sockets) socket.terminate();
    });
  });
});
