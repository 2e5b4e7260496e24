// Starts a node for the scripts and stops it again.
import { spawn } from "node:child_process";
import { basename } from "node:path";

/** What a server is called with: a free port of its choice and the chain id of Arbitrum's development chains. */
const ARGUMENTS = {
  anvil: ["--port", "0", "--chain-id", "412346", "--hardfork", "osaka", "--order", "fifo", "--steps-tracing"],
  devnode: ["serve", "--port", "0"],
};
const ADDRESS = /((?:\d+\.){3}\d+|localhost|\[::1?\]):(\d+)/;
const START_MS = 20_000;

/** Starts `binary` (`extra` arguments last) and waits for the line that names its address. Gives `{ url, stop }`. */
export function startServer(binary, extra = []) {
  const kind = basename(binary).startsWith("anvil") ? "anvil" : "devnode";
  const child = spawn(binary, [...ARGUMENTS[kind], ...extra], { stdio: ["ignore", "pipe", "pipe"] });
  // Also when the script ends by an exception.
  process.on("exit", () => child.kill("SIGKILL"));
  let output = "";
  let died;
  const ended = new Promise((done) => child.on("exit", (code, signal) => done((died = `exit ${code ?? signal}`))));
  return new Promise((ready, fail) => {
    const timer = setTimeout(() => stop().then(() => fail(new Error(`no address from ${binary}:\n${output}`))), START_MS);
    const read = (data) => {
      // Nobody reads it after the start; it must not fill the pipe either.
      if (output.length < 1 << 16) output += data;
      const found = ADDRESS.exec(output);
      if (!found || !output.slice(found.index).includes("\n")) return;
      clearTimeout(timer);
      ready({ url: `http://${found[1]}:${found[2]}`, stop, died: () => died });
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("error", fail);
    ended.then((reason) => fail(new Error(`${binary} ended (${reason}) before it was ready:\n${output}`)));
  });

  async function stop() {
    if (died) return;
    child.kill("SIGTERM");
    const forced = setTimeout(() => child.kill("SIGKILL"), 3_000);
    await ended;
    clearTimeout(forced);
  }
}
