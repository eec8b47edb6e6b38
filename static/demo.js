// A page with everyone's status, for a phone: /static/demo.html#TOKEN. The part after # is never sent to the server.

import { Rollcall } from "./rollcall.js";

const ROWS = 200;
const [figures, connection, people] = ["figures", "connection", "people"].map((id) => document.getElementById(id));
const token = location.hash.slice(1);
const rollcall = new Rollcall({ getToken: () => token || null });
let isScheduled = false;

const WORDS = {
  connecting: "Connecting …",
  syncing: "Connecting …",
  live: "",
  stale: "The server does not answer. This list may be out of date.",
  waiting: "Connection lost. Trying again …",
  offline: "Not connected. This list may be out of date.",
  signedOut: token ? "The server does not accept this token. It may have expired: open this page with a new one after #." : "Open this page with an access token after #.",
};

const rank = (user) => (user.is_available ? 0 : user.is_online ? 1 : 2);
const MARKS = [["available", "●"], ["busy", "◐"], ["offline", "○"]];

function row(user) {
  const [state, sign] = MARKS[rank(user)];
  const mark = Object.assign(document.createElement("span"), { className: state, textContent: `${sign} ${state}` });
  const name = Object.assign(document.createElement("bdi"), { textContent: user.username });
  const item = document.createElement("li");
  item.append(mark, " ", name);
  return item;
}

function show() {
  isScheduled = false;
  const users = [...rollcall.users.values()];
  users.sort((one, other) => rank(one) - rank(other) || one.username.localeCompare(other.username));
  people.replaceChildren(...users.slice(0, ROWS).map(row));
}

rollcall.on("change", () => {
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(show); // once for all changes of one message
});

rollcall.on("stats", (stats) => {
  figures.textContent = `${stats.available} available, ${stats.busy} busy, ${stats.ongoing_calls} ${stats.ongoing_calls === 1 ? "call" : "calls"}`;
});

rollcall.on("state", ({ after }) => {
  people.ariaBusy = String(after !== "live");
  connection.textContent = WORDS[after];
});

window.addEventListener("hashchange", () => location.reload());
rollcall.connect();
