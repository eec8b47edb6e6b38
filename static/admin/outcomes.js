/** Outcomes: what became of an action for each of several users, and how many have each outcome. No DOM. */

const ORDER = ["refused", "waiting", "unchanged", "done"]; // what needs the operator's attention comes first

/** The results in the server's answer, and `unchanged` of the preview: those for whom nothing was asked. */
export function resultsOf(results, unchanged = []) {
  const found = results.map(({ target, outcome, code, name, message }) => ({
    userId: Number(target.split(":")[1]),
    outcome: code === "NOTHING_TO_DO" ? "unchanged" : outcome,
    name,
    message,
  }));
  for (const { target, name, reason } of unchanged) {
    found.push({ userId: Number(target), outcome: "unchanged", name, message: reason });
  }
  return found.sort((one, other) => ORDER.indexOf(one.outcome) - ORDER.indexOf(other.outcome));
}

/** `3 done, 1 refused` */
export function countsOf(results) {
  const counts = ORDER.map((outcome) => [outcome, results.filter((each) => each.outcome === outcome).length]);
  const words = { unchanged: "with nothing to do" };
  return counts.reverse().filter(([, size]) => size).map(([outcome, size]) => `${size} ${words[outcome] ?? outcome}`).join(", ");
}
