"""The documentation of the command line is correct: the README's tour runs as printed, generated pages are current."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from docs.picture import PICTURE, picture
from docs.tables import PAGE, settings_page
from tests.operation.conftest import ROOT, Terminal, wait_until

_STEP = re.compile(r"<!-- tour -->\n```sh\n(.*?)```\n(?:```text\n(.*?)```\n)?", re.DOTALL)
_JOB = re.compile(r"\[\d+\]")
_LINK = re.compile(r"\]\(([^)#:]+?)(?:#[^)]*)?\)")

_VARIES = [
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "<time>"),
    (re.compile(r"^\d\d:\d\d:\d\d"), "<time>"),
    (re.compile(r'"(call_id|request_id)":"[0-9a-f]+"'), r'"\1":"…"'),
    (re.compile(r'"duration_seconds":\d+|after \d+ s'), "<seconds>"),
]


def masked(text: str) -> Counter[str]:
    """Count the lines. Mask the parts that differ in each run, and skip what the shell says about its jobs."""
    lines = [line for line in text.splitlines() if line and not _JOB.match(line)]
    for pattern, instead in _VARIES:
        lines = [pattern.sub(instead, line) for line in lines]
    return Counter(lines)


@pytest.mark.slow
def test_the_tour_prints_what_the_readme_says(terminal: Terminal, tmp_path: Path) -> None:
    steps = _STEP.findall((ROOT / "README.md").read_text())
    assert len(steps) > 5
    terminal.serve()
    output = tmp_path / "tour.txt"
    path = f"{Path(sys.executable).parent}:{terminal.environment['PATH']}"
    printed: Counter[str] = Counter()
    with (
        output.open("wb") as file,
        subprocess.Popen(
            ["bash"],
            cwd=ROOT,
            env={**terminal.environment, "PATH": path},
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
        ) as shell,
    ):
        assert shell.stdin is not None
        shell.stdin.write("set -m\n")  # job control, as in a terminal: `kill %1` ends the whole job
        for number, (commands, expected) in enumerate([*steps, *steps]):  # a tour can be taken again
            if number == len(steps):
                shell.stdin.write("wait\njobs\n")  # a terminal forgets ended jobs at its next prompt
                wait_until(lambda: 'reason="disconnected"' in _metrics(terminal))
            shell.stdin.write(commands.replace("localhost:8000", f"localhost:{terminal.port}"))
            shell.stdin.write(f"echo step {number} is done\n")
            shell.stdin.flush()
            printed += masked(f"step {number} is done\n{expected}")
            _wait_for(output, printed)
            if "--channel presence" in commands:
                wait_until(lambda: "2" in _sockets(terminal))
        shell.stdin.close()
    assert masked(output.read_text()) == printed


def _wait_for(output: Path, printed: Counter[str]) -> None:
    wait_until(lambda: masked(output.read_text()) >= printed, output.read_text)


def _metrics(terminal: Terminal) -> str:
    return str(terminal.ask("GET", "/metrics")[1])


def _sockets(terminal: Terminal) -> set[str]:
    text = _metrics(terminal)
    counts = [float(line.split()[-1]) for line in text.splitlines() if line.startswith("rollcall_sockets{")]
    return {str(int(sum(counts)))}


def test_the_page_of_settings_is_what_the_settings_say() -> None:
    assert PAGE.read_text() == settings_page()


def test_the_picture_is_what_the_screen_shows() -> None:
    assert PICTURE.read_text() == picture()
    assert "url(http" not in PICTURE.read_text()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs"])
def test_links_between_documents_lead_somewhere(page: str) -> None:
    pages = sorted((ROOT / page).rglob("*.md")) if page == "docs" else [ROOT / page]
    missing = [
        f"{each.name}: {link}" for each in pages for link in _LINK.findall(each.read_text())
        if not (each.parent / link).exists()
    ]  # fmt: skip
    assert missing == []
