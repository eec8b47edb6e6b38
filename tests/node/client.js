// The published client in Node:  node client.js CLASS_FILE DRIVER_FILE PORT, with the token as the first line to stdin.
// Prints a JSON line for each thing that happens; does what further lines of stdin say, as JavaScript on `feed`.
"use strict";

const fs = require("node:fs");
const readline = require("node:readline");
const vm = require("node:vm");
const WebSocket = require("ws");

const [classFile, driverFile, port] = process.argv.slice(2);
const report = (event) => process.stdout.write(JSON.stringify(event) + "\n");
const quiet = { ...console, log: (...words) => report({ event: "log", text: words.join(" ") }), error: () => {} };
const source = fs.readFileSync(classFile, "utf8");
const makeClass = (Mapped) => new Function("WebSocket", "console", `${source}\nreturn FeedWebSocket;`)(Mapped, quiet);
const drive = vm.runInThisContext(fs.readFileSync(driverFile, "utf8"));

let feed = null;
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  if (feed === null) feed = drive(makeClass, WebSocket, port, line, report);
  else new Function("feed", line)(feed);
});
