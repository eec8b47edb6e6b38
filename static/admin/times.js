// Times: writes the times on a page as the browser is set to, and lets the server know the browser's zone for the next page.

import { moments } from "./moments.js";

const YEAR_SECONDS = 365 * 86_400;

const now = Number(document.body.dataset.now); // the server's time; the device's may be wrong

/** Write the times in a part of the page, as they are seen at the moment `now`. */
export function writeTimes(root, now) {
  for (const element of root.querySelectorAll("time.local")) {
    const moment = new Date(element.dateTime);
    element.textContent = element.classList.contains("short") ? moments.short(moment, now) : moments.clock(moment, now);
  }
}

writeTimes(document, now);
for (const element of document.querySelectorAll("[data-zone-name]")) element.textContent = moments.zoneName;

for (const field of document.querySelectorAll("input[data-moment]")) {
  field.value = field.defaultValue = moments.field(new Date(field.dataset.moment));
}
for (const field of document.querySelectorAll("[data-zone-field]")) field.value = moments.zoneName;

const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
document.cookie = `rollcall_browser_zone=${timeZone}; Path=/admin; SameSite=Lax; Max-Age=${YEAR_SECONDS}`;

for (const list of document.querySelectorAll("[data-zones]")) {
  list.append(...Intl.supportedValuesOf("timeZone").map((name) => new Option(name)));
}
