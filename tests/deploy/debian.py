"""Debian: a folder with a new Debian in it, made by debootstrap, in place of the image that the Containerfile names."""

from __future__ import annotations

import subprocess
from pathlib import Path

MIRROR = "http://deb.debian.org"

SOURCES = f"""\
deb {MIRROR}/debian {{suite}} main
deb {MIRROR}/debian {{suite}}-updates main
deb {MIRROR}/debian-security {{suite}}-security main
"""
"""The sources of Debian's images."""


def make_debian(suite: str, folder: Path) -> None:
    """Install the packages that Debian's slim image has."""
    run("debootstrap", "--variant=minbase", suite, str(folder), f"{MIRROR}/debian")
    (folder / "etc" / "apt" / "sources.list").write_text(SOURCES.format(suite=suite))


def run(*argv: str, given: str = "") -> str:
    """Run a command, expect success, and return its output."""
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout
