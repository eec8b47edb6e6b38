// Times: writes the times on a page as the browser is set to, and lets the server know the browser's zone for the next page.

import { moments } from "./moments.js";
import { keepPrintHead } from "./print_head.js";
import { watchStart } from "./start_watch.js";

const YEAR_SECONDS = 365 * 86_400;

const FORMS = ["short", "full", "dated"]; // classes, and methods of Moments

const now = Number(document.body.dataset.now); // the server's time; the device's may be wrong

/** Write the times in a part of the page, as they are seen at the moment `now`. */
export function writeTimes(root, now) {
  for (const element of root.querySelectorAll("time.local")) {
    const form = FORMS.find((name) => element.classList.contains(name)) ?? "clock";
    element.textContent = moments[form](new Date(element.dateTime), now);
  }
}

const serversZone = document.querySelector("[data-print-zone]")?.textContent;
writeTimes(document, now);
for (const element of document.querySelectorAll("[data-zone-name], [data-print-zone]")) element.textContent = moments.zoneName;

for (const field of document.querySelectorAll("input[data-moment]")) {
  field.value = field.defaultValue = moments.field(new Date(field.dataset.moment));
}
for (const field of document.querySelectorAll("[data-zone-field]")) field.value = moments.zoneName;

const { titleAt, titleTime } = document.body.dataset;
if (titleAt) document.title = document.title.replace(titleTime, moments.full(new Date(titleAt)));
keepPrintHead(now);
watchStart(now);

const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
const cookie = `rollcall_browser_zone=${timeZone}`;
const isNew = !cookies().includes(cookie);
document.cookie = `${cookie}; Path=/admin; SameSite=Lax; Max-Age=${YEAR_SECONDS}`;
// The server has read them in the zone that it knew.
if (isNew && serversZone && serversZone !== moments.zoneName && hasLocalTimes() && cookies().includes(cookie)) location.reload();

function cookies() {
  return document.cookie.split("; ");
}

/** Whether the address has times without a zone. */
function hasLocalTimes() {
  const query = new URLSearchParams(location.search);
  const times = ["at", "from", "to"].map((name) => query.get(name)).filter(Boolean);
  return !query.get("zone") && times.some((time) => !/(Z|[ +-]\d\d:?\d\d)$/.test(time));
}

for (const list of document.querySelectorAll("[data-zones]")) {
  list.append(...Intl.supportedValuesOf("timeZone").map((name) => new Option(name)));
}
