/** Picking table: users are picked on the page of users. Its links carry them to the other pages of the list. */

import { Picking } from "./picking.js";

const APART = "."; // between the ids in a URL, as in handlers/admin/users.py

const foot = document.querySelector("[data-pick=foot]");
const rows = [...document.querySelectorAll("#list > [data-key]")];
const others = foot ? [...foot.querySelectorAll("input[name=user_id]")] : []; // picked on other pages
const idOf = (row) => Number(row.dataset.key);
const boxOf = (row) => row.querySelector("[data-f=pick]");
const changing = new Map([
  ...rows.map((row) => [idOf(row), row.dataset.changes.split(" ")]),
  ...others.map((input) => [Number(input.value), input.dataset.changes.split(" ")]),
]);

function setUp() {
  const announcement = foot.appendChild(document.createElement("span"));
  announcement.className = "visually-hidden";
  announcement.setAttribute("role", "status");
  const ids = [...others.map(({ value }) => Number(value)), ...rows.filter((row) => boxOf(row).checked).map(idOf)];
  const source = {
    limit: Number(foot.dataset.limit),
    listed: () => rows.map(idOf),
    where: () => " on this page",
    elsewhere: () => "", // the page names them
    changes: (action, id) => changing.get(id).includes(action),
    step,
    onChange: () => show(picking),
    announce: (text) => (announcement.textContent = text),
  };
  const picking = new Picking(document, document.querySelector("#list") ?? foot, source, ids);
  document.querySelector("[data-pick=clear]").addEventListener("click", (event) => {
    event.preventDefault();
    picking.remove(picking.pick.ids);
  });
  show(picking);
}

/** Move from the row with the focus to another one. */
function step(steps) {
  const at = rows.indexOf(document.activeElement.closest("[data-key]"));
  const to = rows[Math.min(rows.length - 1, Math.max(0, at + steps))];
  boxOf(to).focus();
  return [idOf(rows[at]), idOf(to)];
}

function show(picking) {
  for (const row of rows) {
    boxOf(row).checked = picking.has(idOf(row));
    row.classList.toggle("picked", boxOf(row).checked);
  }
  for (const input of others) input.disabled = !picking.has(Number(input.value));
  const details = document.querySelector("[data-pick=others]");
  if (details) details.hidden = others.every(({ disabled }) => disabled);
  const listed = document.querySelector("[data-pick=listed]");
  if (listed) listed.hidden = picking.pick.size > 0;
  const everybody = document.querySelector("[data-pick=everybody]");
  if (everybody) everybody.hidden = picking.pick.size >= Number(everybody.dataset.size);
  carry(picking.pick.ids.join(APART));
  picking.draw();
}

/** The page's address and its links to other pages of the list keep who is picked. */
function carry(ids) {
  const carrying = (href) => {
    const url = new URL(href, location.href);
    if (ids) url.searchParams.set("pick", ids);
    else url.searchParams.delete("pick");
    return url.search || "?";
  };
  history.replaceState(null, "", carrying(location.href) + location.hash);
  for (const link of document.querySelectorAll("main a[href^='?']:not([data-pick])")) link.href = carrying(link.href);
  const carried = document.querySelector("[data-pick=carried]");
  carried.value = ids;
  carried.disabled = !ids;
}

if (foot) setUp();
