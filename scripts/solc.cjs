#!/usr/bin/env node
// The Solidity compiler from npm, with as much of the native compiler's command line as forge uses.
"use strict";

const fs = require("node:fs");
const solc = require("solc");

const args = process.argv.slice(2);
if (args.includes("--version")) {
  // forge looks for `<version>+commit.<hash>` and a platform; it refuses the name of the wasm platform.
  const [release] = solc.version().split(".Emscripten");
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${release}.Linux.g++\n`);
} else if (args.includes("--standard-json")) {
  fs.writeSync(1, solc.compile(fs.readFileSync(0, "utf8")));
} else {
  process.stderr.write(`solc.cjs: only --version and --standard-json are supported, not: ${args.join(" ")}\n`);
  process.exitCode = 1;
}
