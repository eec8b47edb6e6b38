"""Dashboard: docs/dashboard.png, the picture that README.md begins with: the demo, as operators see it.

Run from the repository's folder: python -m docs.dashboard. It takes a quarter of an hour: that is what the chart shows.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "dashboard.png"
WIDTH, HEIGHT = 1440, 900
CHART_SECONDS = 15 * 60.0
PATIENCE_SECONDS = 60.0
BYTES_LIMIT = 300 * 1024

FLAGS = ["--no-sandbox"]

_SHOWN = """() => {
  const figure = (name) => Number(document.querySelector(`[data-figure=${name}] [data-f=figure]`).textContent);
  const isLive = document.documentElement.dataset.feed === "live";
  return isLive && figure("calls") > 2 && figure("attention") > 0 && figure("attention") < 4;
}"""
"""Something happens, and something is to be repaired, but not everything."""

_INVITATION = re.compile(r"/admin\n\n  name +(\S+)\n  password +(\S+)$", re.MULTILINE)


@click.command()
@click.option("--seconds", default=CHART_SECONDS, show_default=True, help="How long the demo has run in the picture.")
def main(seconds: float) -> None:
    """Start the demo, sign in, let it live for a while, and keep what is seen."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="rollcall-") as folder:
        log = Path(folder) / "demo.log"
        with log.open("wb") as written:
            demo = subprocess.Popen(  # noqa: S603  (our own words)
                [sys.executable, "server.py", "--demo", "--data-dir", f"{folder}/data", "--port", str(port)],
                cwd=ROOT,
                stdout=written,
                stderr=written,
            )
        try:
            name, password = _invitation(log)
            time.sleep(seconds)
            _photograph(f"http://localhost:{port}", name, password)
        finally:
            demo.terminate()
            demo.wait()
    size = PICTURE.stat().st_size
    if size > BYTES_LIMIT:
        sys.exit(f"{PICTURE.name} has {size} bytes, more than {BYTES_LIMIT}")


def _invitation(log: Path) -> tuple[str, str]:
    """The operator's name and password, as the demo prints them."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (printed := _INVITATION.search(log.read_text(encoding="utf-8"))):
        if time.monotonic() > deadline:
            sys.exit(log.read_text(encoding="utf-8"))
        time.sleep(0.1)
    return printed[1], printed[2]


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
