/** Wall: the page /admin/wall for a large screen, with the longest call and the time of day. It has no controls. */

import { DashboardPage, byId } from "./dashboard_page.js";
import { write } from "./markup.js";
import { duration, isolated } from "./formatting.js";
import { moments } from "./moments.js";

const page = new DashboardPage(byId("wall"), { draw: (_, now) => drawLongestCall(now), tick: drawLongestCall });

function drawLongestCall(now) {
  const [longest] = page.shown.callsByAge();
  write(byId("time"), moments.time(now));
  write(byId("longest-timer"), longest ? duration(now - longest.started_at) : "–");
  const parties = longest && `${isolated(longest.caller_name)} → ${isolated(longest.callee_name)}`;
  write(byId("longest-parties"), parties ?? "No calls right now");
}

page.open();
