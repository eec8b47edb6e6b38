/** First overview: loaded over HTTP, where it is compressed, while the other scripts are on their way. The first socket goes on from it. */

const SILENCE_MS = 10_000; // without a part of it: the socket is tried instead

/** A screen on a wall has its own. The page says so. */
const { overview: urlOfOverview = "/admin/overview", socket: pathOfSocket = "/ws/operators" } = document.body.dataset;

class FirstOverview {
  #after = "";
  #onProgress = () => {};
  #overview = this.#load();

  /** The overview, or null if loading it failed: the socket brings it. `onProgress()` is called with each part that arrives. */
  get(onProgress) {
    this.#onProgress = onProgress;
    return this.#overview;
  }

  /** A WebSocket whose first one asks for what came after the overview. Later ones get a new overview. */
  get socketClass() {
    const first = this;
    return function (address, protocols) {
      const after = first.#after;
      const url = new URL(pathOfSocket, address);
      if (after) url.searchParams.set("after", after);
      first.#after = "";
      return new WebSocket(url, protocols);
    };
  }

  async #load() {
    const given = new AbortController();
    let timer;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => given.abort(), SILENCE_MS);
    };
    wait();
    try {
      const { signal } = given;
      const response = await fetch(urlOfOverview, { headers: { Accept: "application/json" }, redirect: "error", signal });
      if (!response.ok) return null;
      const parts = [];
      for (const reader = response.body.getReader(); ; ) {
        const { value, done } = await reader.read();
        if (done) break;
        parts.push(value);
        wait();
        this.#onProgress();
      }
      const overview = JSON.parse(await new Blob(parts).text());
      this.#after = `${overview.feed}.${overview.seq}`;
      return overview;
    } catch {
      return null;
    } finally {
      clearTimeout(timer);
    }
  }
}

export const firstOverview = new FirstOverview();
