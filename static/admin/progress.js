/** Progress: how far an action on many is, once it takes longer than an operator likes to wait without a word. */

const FIRST_MS = 1_000;
const NEXT_MS = 500;

/** Calls `tell("120 of 500")` until the function that it returns is called. */
export function tellProgress(requestId, tell) {
  const url = `/admin/actions/progress?request_id=${encodeURIComponent(requestId)}`;
  let isOver = false;
  let timer = setTimeout(ask, FIRST_MS);

  async function ask() {
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      const { done, count } = answer.ok ? await answer.json() : {};
      if (isOver) return;
      if (count) tell(`${done} of ${count}\u2026`);
    } catch {
      // the server is slow, or away: the action itself will say so
    }
    if (!isOver) timer = setTimeout(ask, NEXT_MS);
  }

  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
