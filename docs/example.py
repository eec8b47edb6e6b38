"""Example: takes docs/example.png, the example page from README.md with the demo's users.

Run from the repository's folder: python -m docs.example
"""

from __future__ import annotations

import re
import shutil

from playwright.sync_api import Route, sync_playwright

from docs.demo import PATIENCE_SECONDS, ROOT, running_demo

PICTURE = ROOT / "docs" / "example.png"
WIDTH, HEIGHT = 360, 400

FLAGS = ["--no-sandbox", "--disable-features=LocalNetworkAccessChecks"]
"""The page isn't saved in static/ but handed to the browser, which would refuse it access to a local address."""

_LIVELY = "/(?=(.*●){8})(?=(.*◐){3})/s.test(people.textContent.slice(0, 400))"
"""Most of the visible users are available, and some are busy."""

_FENCE = re.compile(r"^```html\n(.*?)^```", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"`(static/\w+\.html)`")
_TOKEN = re.compile(r"^  (eyJ\S+)$", re.MULTILINE)


def example() -> tuple[str, str]:
    """The page and the path to save it under, both as printed in README.md."""
    section = (
        (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## In a web page\n")[2].partition("\n## ")[0]
    )
    (page,), paths = _FENCE.findall(section), _NAME.findall(section)
    return page, paths[0]


def main() -> None:
    """Start the demo, open the example page and take the picture."""
    with running_demo(_TOKEN) as (address, invitation):
        _photograph(address, invitation[1])


def _photograph(address: str, token: str) -> None:
    page_text, path = example()

    def answer(route: Route) -> None:
        route.fulfill(body=page_text, content_type="text/html")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.route(re.compile(re.escape(path)), answer)
        page.goto(f"{address}/{path}#{token}")
        page.wait_for_function(_LIVELY, timeout=1000 * PATIENCE_SECONDS)
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
