"""Dashboard: takes docs/dashboard.png, the first picture in README.md. It shows the demo's dashboard.

Run from the repository's folder: python -m docs.dashboard. It takes 15 minutes, because the chart shows 15 minutes.
"""

from __future__ import annotations

import re
import shutil
import sys
import time

import click
from playwright.sync_api import Page, sync_playwright

from docs.demo import ROOT, running_demo

PICTURE = ROOT / "docs" / "dashboard.png"
WIDTH, HEIGHT = 1440, 900
CHART_SECONDS = 15 * 60.0
BYTES_LIMIT = 300 * 1024

FLAGS = ["--no-sandbox"]

_SHOWN = """() => {
  const figure = (name) => Number(document.querySelector(`[data-figure=${name}] [data-f=figure]`).textContent);
  const isLive = document.documentElement.dataset.feed === "live";
  return isLive && figure("calls") > 2 && figure("attention") > 0 && figure("attention") < 4;
}"""
"""The picture should show calls, and one to three entries that need attention."""

_INVITATION = re.compile(r"/admin\n\n  name +(\S+)\n  password +(\S+)$", re.MULTILINE)


@click.command()
@click.option(
    "--seconds", default=CHART_SECONDS, show_default=True, help="How long the demo runs before the picture is taken."
)
def main(seconds: float) -> None:
    """Start the demo, sign in, wait and take the picture."""
    with running_demo(_INVITATION) as (address, invitation):
        time.sleep(seconds)
        _photograph(address, invitation[1], invitation[2])
    size = PICTURE.stat().st_size
    if size > BYTES_LIMIT:
        sys.exit(f"{PICTURE.name} has {size} bytes, more than {BYTES_LIMIT}")


def _photograph(address: str, name: str, password: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        _sign_in(page, address, name, password)
        page.wait_for_function(_SHOWN, timeout=1000 * CHART_SECONDS)
        page.screenshot(path=PICTURE)
        browser.close()


def _sign_in(page: Page, address: str, name: str, password: str) -> None:
    page.goto(f"{address}/admin")
    page.fill("[name=name]", name)
    page.fill("[name=password]", password)
    page.click("[type=submit]")
    page.wait_for_url(f"{address}/admin")


if __name__ == "__main__":
    main()
