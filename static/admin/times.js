// Times: converts the UTC times on a page to the reader's time zone.

const timeWithSeconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const timeOnly = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dayOfYear = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short" });

const today = dayOfYear.format(new Date());

for (const element of document.querySelectorAll("time.local")) {
  const moment = new Date(element.dateTime);
  const day = dayOfYear.format(moment);
  const time = (element.classList.contains("short") ? timeOnly : timeWithSeconds).format(moment);
  element.textContent = day === today ? time : `${day}, ${time}`;
  element.title = element.dateTime;
}
