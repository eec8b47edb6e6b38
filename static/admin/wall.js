/** Wall: the page /admin/wall. Figures, the longest call and what needs attention; nothing to press. */

import { Rollcall } from "../rollcall.js";
import { Banner } from "./banner.js";
import { ServerClock } from "./clock.js";
import { Connection } from "./connection.js";
import { Cards } from "./figures.js";
import { freeze } from "./action_lock.js";
import { fillContradiction, placeInList, write } from "./markup.js";
import { Panel } from "./live_list.js";
import { Picture } from "./state.js";
import { Ticker } from "./ticker.js";
import { clock as timeOfDay, span } from "./formatting.js";

const byId = (id) => document.getElementById(id);
const madeAt = Number(byId("wall").dataset.now);

const clock = new ServerClock(madeAt);
const picture = new Picture();
const client = new Rollcall({ channel: "operators" });
const { content: version } = document.querySelector("meta[name=version]");
const connection = new Connection(client, { version, figuresAt: madeAt });
const banner = new Banner(document, connection);
const cards = new Cards(byId("figures"));
const ticker = new Ticker(clock, draw);
const bannerTicker = new Ticker({ now: () => Date.now() }, () => banner.draw());
const attention = new Panel(byId("attention"), {
  keyOf: ({ key }) => key,
  fill: (element, wrong, isGone, place, count) => {
    placeInList(element, place, count);
    fillContradiction(element, wrong, isGone, clock.now());
  },
  onDue: draw,
});

function draw() {
  if (!picture.figures) return;
  const now = clock.now();
  write(byId("time"), timeOfDay(now));
  cards.draw(picture, now);
  const [longest] = picture.callsByAge();
  write(byId("longest-timer"), longest ? span(now - longest.started_at) : "–");
  write(byId("longest-parties"), longest ? `${longest.caller_name} → ${longest.callee_name}` : "No calls right now");
  attention.show(picture.contradictions);
  attention.draw();
}

client.on("message", (message) => {
  if (message.type === "overview") clock.restart(message.now);
  if (message.type === "overview_update") clock.hear(message.now);
  if (picture.fold(message)) requestAnimationFrame(draw);
});

connection.listen(({ after, absence }) => {
  const isFrozen = after !== "live" && after !== "connecting";
  freeze(isFrozen);
  if (connection.isLive) ticker.start();
  else ticker.stop();
  if (isFrozen) {
    bannerTicker.start();
    banner.say(connection.text);
  } else bannerTicker.stop();
  if (absence) banner.toast("Back: connected again, and the figures are live.");
  banner.draw();
});

banner.draw();
connection.open();
