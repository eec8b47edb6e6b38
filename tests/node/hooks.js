// The published hooks in Node:  node hooks.js HOOKS_FILE PORT, with the token as the first line to stdin.
// Renders both in one app and prints a JSON line for each state they show; further lines of stdin run on `feed`.
"use strict";

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");
const React = require("react");
const { create } = require("react-test-renderer");
const WebSocket = require("ws");

const [hooksFile, port] = process.argv.slice(2);
const report = (event) => process.stdout.write(JSON.stringify(event) + "\n");

class MappedWebSocket extends WebSocket {
  constructor(url) {
    super(url.replace("localhost:8000", `localhost:${port}`));
  }
}

/** The hooks as an app's build would have them: types taken away, nothing else. */
function built(file) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "rollcall-hooks-"));
  try {
    const compiler = path.join(__dirname, "node_modules", ".bin", "tsc");
    execFileSync(compiler, ["--noCheck", "--ignoreConfig", "--target", "es2022", "--outDir", folder, file]);
    return fs.readFileSync(path.join(folder, path.basename(file, ".ts") + ".js"), "utf8");
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

const names = ["useState", "useRef", "useEffect", "WebSocket", "console"];
const quiet = { ...console, log() {}, error() {} };
const { useFeedWebSocket, usePresenceWebSocket } = new Function(
  ...names,
  `${built(hooksFile)}\nreturn { useFeedWebSocket, usePresenceWebSocket };`,
)(React.useState, React.useRef, React.useEffect, MappedWebSocket, quiet);

let feed = null;

function App({ token }) {
  feed = useFeedWebSocket(token);
  const presence = usePresenceWebSocket(token);
  const { isConnected, connectionError, statusUpdates } = feed;
  report({ event: "feed", isConnected, connectionError, ...statusUpdates.at(-1)?.status });
  report({ event: "presence", isConnected: presence.isConnected, ...presence.presenceUpdates.at(-1)?.status });
  return null;
}

let app = null;
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  if (app === null) app = create(React.createElement(App, { token: line }));
  else new Function("feed", "app", line)(feed, app);
});
