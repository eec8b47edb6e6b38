"""Debian's Chromium with the dashboard open in it, and how much work the page gives its main thread."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from benchmarks.failure import BenchmarkError

_FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]

_SCREEN = ViewportSize(width=1440, height=900)

_TRACED = ["toplevel"]
"""Records the threads and their tasks. Tracing more would itself cost too much."""

_COUNT = """() => {
  window.longTasks = 0;
  new PerformanceObserver((list) => { window.longTasks += list.getEntries().length; }).observe({ type: "longtask" });
  const next = () => { window.framesSeen += 1; requestAnimationFrame(next); };
  window.framesSeen = 0;
  requestAnimationFrame(next);
}"""

_READ = "() => ({ now: performance.now(), frames: window.framesSeen, longTasks: window.longTasks })"

_STAMP = """
const look = () => {
  if (document.documentElement?.dataset.feed !== "live") return setTimeout(look, 2);
  // The page is drawn in the next frame, so it has been painted by the time the frame after that begins.
  requestAnimationFrame(() => requestAnimationFrame(() => { window.liveAfter = performance.now(); }));
};
look();
"""
"""Runs before the page's own scripts. Times are measured from the start of the navigation."""

_PATIENCE_MS = 30_000


@dataclass(frozen=True)
class Load:
    """What a page cost over a period of time."""

    seconds: float
    task_seconds: float
    """The total time of all tasks on the main thread."""
    longest_seconds: float
    """The length of the longest task in wall-clock time."""
    longest_cpu_seconds: float
    """The most CPU time that a task used, which leaves out the time given to other processes."""
    waited_seconds: float
    """How long the main thread was ready to run while another thread had the core."""
    long_tasks: int
    """The number of tasks longer than 50 ms, as counted by PerformanceObserver."""
    frames: int


@dataclass(frozen=True)
class Opening:
    """How long a page took to open, and how large it was."""

    seconds: float
    """The time from navigation until the rows are painted and the page is live."""
    rows: int
    """The number of users' rows in the document."""
    listed: int
    """The number of users in the whole list."""
    elements: int


class BrowserOperator:
    """An operator who signed in through the form, in a browser with an empty cache."""

    def __init__(self, browser: Browser, address: str, name: str, password: str) -> None:
        self._browser = browser
        self._address = address
        self._context = browser.new_context(viewport=_SCREEN)
        self._sign_in(name, password)

    @property
    def cookie(self) -> str:
        """The value of the Cookie header that identifies the operator."""
        return "; ".join(f"{each['name']}={each['value']}" for each in self._context.cookies())

    def watch(self) -> Page:
        """Open the page, wait until it is live, and start to count its frames and long tasks."""
        page = self._live(self._context)
        page.evaluate(_COUNT)
        return page

    def open_afresh(self) -> Opening:
        """Measure how the page opens in a browser context that has never loaded it."""
        context = self._browser.new_context(viewport=_SCREEN, storage_state=self._context.storage_state())
        context.add_init_script(_STAMP)
        page = self._live(context)
        page.wait_for_function("() => window.liveAfter", timeout=_PATIENCE_MS)
        seen = page.evaluate("""() => ({
          seconds: window.liveAfter / 1000,
          rows: document.querySelectorAll("#users [data-rows] > [data-key]").length,
          listed: document.querySelector("#users [role=table]").ariaRowCount - 1,
          elements: document.querySelectorAll("*").length,
        })""")
        context.close()
        return Opening(**seen)

    def measure(self, page: Page, seconds: float) -> Load:
        """Measure for some seconds what a page returned by `watch` costs."""
        self._browser.start_tracing(page=page, categories=_TRACED)
        before, waited_before = page.evaluate(_READ), self._waited()
        page.wait_for_timeout(seconds * 1000)
        after, waited_after = page.evaluate(_READ), self._waited()
        tasks = _tasks_of_page(json.loads(self._browser.stop_tracing())["traceEvents"])
        return Load(
            seconds=(after["now"] - before["now"]) / 1000,
            task_seconds=sum(task["dur"] for task in tasks) / 1e6,
            longest_seconds=max(task["dur"] for task in tasks) / 1e6,
            longest_cpu_seconds=max(task.get("tdur", task["dur"]) for task in tasks) / 1e6,  # some have no CPU time
            waited_seconds=max(waited - waited_before.get(pid, 0.0) for pid, waited in waited_after.items()),
            long_tasks=after["longTasks"] - before["longTasks"],
            frames=after["frames"] - before["frames"],
        )

    def _waited(self) -> dict[int, float]:
        """Return how long the main thread of each page has waited for a core so far, by process id."""
        session = self._browser.new_browser_cdp_session()
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
        session.detach()
        pids = [each["id"] for each in processes if each["type"] == "renderer"]
        return {pid: int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9 for pid in pids}

    def _sign_in(self, name: str, password: str) -> None:
        page = self._context.new_page()
        page.goto(f"{self._address}/admin")
        page.fill("[name=name]", name)
        page.fill("[name=password]", password)
        page.click("[type=submit]")
        page.wait_for_url(f"{self._address}/admin", timeout=_PATIENCE_MS)
        page.close()

    def _live(self, context: BrowserContext) -> Page:
        page = context.new_page()
        page.goto(f"{self._address}/admin")
        page.wait_for_function("() => document.documentElement.dataset.feed === 'live'", timeout=_PATIENCE_MS)
        return page


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser. Raises BenchmarkError if Chromium isn't installed."""
    path = shutil.which("chromium")
    if path is None:
        raise BenchmarkError("the dashboard benchmark needs Chromium: run `make browser` first")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


def _tasks_of_page(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the tasks of the busiest main thread. That is the page's, because other renderers are idle."""
    threads = {
        (each["pid"], each["tid"])
        for each in events
        if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    tasks: defaultdict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for each in events:
        if each["ph"] == "X" and each["name"].endswith("RunTask") and (each["pid"], each["tid"]) in threads:
            tasks[each["pid"], each["tid"]].append(each)
    if not tasks:
        raise BenchmarkError("Chromium's trace contains no tasks of the page")
    return max(tasks.values(), key=lambda them: sum(task["dur"] for task in them))
