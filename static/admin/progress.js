/** Progress: how far an action on many users is, shown when it takes noticeably long. */

const FIRST_MS = 1_000; // most actions are done by then
const NEXT_MS = 500;

/** Calls `tell({ done: 120, count: 500 })` until the function that it returns is called. */
export function tellProgress(requestId, tell) {
  const url = `/admin/actions/progress?request_id=${encodeURIComponent(requestId)}`;
  let isOver = false;
  let timer = setTimeout(ask, FIRST_MS);

  async function ask() {
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      const { done, count } = answer.ok ? await answer.json() : {};
      if (isOver) return;
      if (count) tell({ done, count });
    } catch {
      // The server is slow or unreachable. The action itself will report that.
    }
    if (!isOver) timer = setTimeout(ask, NEXT_MS);
  }

  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
