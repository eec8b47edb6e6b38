// A server that uses the package ws: it sends two messages to each new client, and each message to every client.
//
//     node node_server.mjs FOLDER FIRST_BYTES       FOLDER has the package in its node_modules
//
// stdin:  "send COUNT BYTES": sends COUNT messages of BYTES bytes to every client
// stdout: JSON lines: "listening" with the port, "sent" after each command

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [folder, firstBytes] = process.argv.slice(2);
const { WebSocketServer, WebSocket } = createRequire(`${folder}/`)("ws");
const message = (bytes) => {
  const [beginning, end] = ['{"type":"user_status_update","padding":"', '"}'];
  return Buffer.from(beginning + "x".repeat(bytes - beginning.length - end.length) + end);
};
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const first = message(Number(firstBytes));

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, backlog: 4096 });
server.on("connection", (socket) => {
  socket.on("message", (data) => socket.send(data, { binary: false }));
  socket.send(first, { binary: false });
  socket.send(first, { binary: false });
});
server.on("listening", () => say({ event: "listening", port: server.address().port }));

createInterface({ input: process.stdin }).on("line", (line) => {
  const [, count, bytes] = line.split(" ").map(Number);
  const data = message(bytes);
  for (let i = 0; i < count; i++) {
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary: false });
    }
  }
  say({ event: "sent" });
}).on("close", () => process.exit());
