/** Request: asks the server for JSON, and says what went wrong. */

/** The server's answer. Throws an Error with a message for the operator and the server's code when the server refuses. */
export async function answerOf(url, options = {}) {
  const headers = { Accept: "application/json" };
  const response = await fetch(url, { headers, credentials: "same-origin", redirect: "error", ...options });
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  const message = answer?.error?.message ?? answer?.message ?? `Something went wrong (${response.status}). Try again in a moment.`;
  throw Object.assign(new Error(message), { code: answer?.error?.code });
}

// `fetch` throws a TypeError when there is no answer, and when there is a redirect, such as to the sign-in page.
export const explain = (error) =>
  error instanceof TypeError ? "The server can't be reached, or you are signed out." : error.message;
