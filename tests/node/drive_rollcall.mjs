/** Runs the clients of static/rollcall.js and answers what a test asks about them. The same in Node and in a page. */

/** `scale` is how many times as fast as it is the time of the clients runs; everyone has a token. */
export function drive({ Rollcall, WebSocket, url, tokens, scale = 1 }) {
  const timers = {
    now: () => Date.now() * scale,
    set: (fn, ms) => setTimeout(fn, ms / scale),
    clear: (id) => clearTimeout(id),
  };
  const driven = { clients: [], states: [], changes: [], errors: [], dialled: [] };
  class Counted extends WebSocket {
    constructor(...given) {
      driven.dialled.push(Date.now());
      super(...given);
    }
  }
  driven.clients = tokens.map((token, place) => {
    const client = new Rollcall({ url, token, WebSocket: Counted, timers });
    client.on("state", ({ after }) => driven.states.push({ at: Date.now(), place, after }));
    client.on("change", ({ userId, before, after, reason }) => {
      if (pictureOf(before ? [before] : []) !== pictureOf(after ? [after] : []))
        driven.changes.push({ place, userId, reason });
    });
    client.on("error", (error) => driven.errors.push({ place, ...error }));
    return client;
  });
  driven.rollcall = driven.clients[0];
  driven.connect = () => driven.clients.forEach((client) => client.connect());
  driven.close = () => driven.clients.forEach((client) => client.close());
  driven.live = () => driven.clients.filter((client) => client.state === "live").length;
  driven.wrong = (statuses) => {
    const right = pictureOf(statuses);
    const present = driven.clients.filter((client) => client.state !== "offline");
    return present.filter((client) => pictureOf(client.users.values()) !== right).length;
  };
  return driven;
}

/** Everyone's status as one text. `last_seen` alone is never told, so no picture has to have it right. */
function pictureOf(statuses) {
  const known = [...statuses].map(({ last_seen: _, ...rest }) => Object.entries(rest).sort());
  return JSON.stringify(known.sort(([...one], [...other]) => idOf(one) - idOf(other)));
}

function idOf(entries) {
  return entries.find(([name]) => name === "user_id")[1];
}
