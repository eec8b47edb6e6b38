"""Installs the servers that Rollcall is compared with, each with its usual client, into one folder.

Run it with `make bench-peers` or `python -m benchmarks.peers.install`. It needs npm, Go and apt. Nothing is installed
into the system, except an empty folder that nginx with nchan insists on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks.failure import BenchmarkError

_HERE = Path(__file__).parent
WS_VERSION = "8.23.0"

NGINX_FOLDER = Path("/var/lib/nginx")
"""nchan has a location of its own, for which nginx makes the temporary folders that are compiled in."""


def peers_folder() -> Path:
    """Return where the servers are installed: in the user's cache, outside the sources."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rollcall-benchmarks"


def _node(folder: Path) -> None:
    _run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"ws@{WS_VERSION}"], folder)


def _go(folder: Path) -> None:
    _run(["go", "build", "-o", str(folder / "centrifuge"), "."], _HERE / "centrifuge")


def _nchan(folder: Path) -> None:
    """Unpack Debian's packages instead of installing them, so that no service is set up."""
    for old in folder.glob("*.deb"):
        old.unlink()
    _run(["apt-get", "download", "nginx", "libnginx-mod-nchan"], folder)
    for package in folder.glob("*.deb"):
        _run(["dpkg", "-x", str(package), str(folder / "root")], folder)
    if not NGINX_FOLDER.exists():
        _run([*([] if os.geteuid() == 0 else ["sudo"]), "mkdir", str(NGINX_FOLDER)], folder)


PEERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "node": ("npm", _node),
    "go": ("go", _go),
    "nchan": ("apt-get", _nchan),
}
"""What can be installed: the program that it needs, and how. A server that uses Tornado needs nothing more."""


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, check=False)
    if done.returncode != 0:
        raise BenchmarkError(f"`{' '.join(command)}` exited with code {done.returncode}")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(PEERS)))
@click.option("--folder", type=click.Path(path_type=Path), default=peers_folder, help="Where to install them.")
def main(names: tuple[str, ...], folder: Path) -> None:
    """Install the servers NAMES, or all of them."""
    failed = False
    for name in names or PEERS:
        program, install = PEERS[name]
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        try:
            if shutil.which(program) is None:
                raise BenchmarkError(f"{program} is not on the path")
            install(place)
        except BenchmarkError as error:
            click.echo(f"{name} was not installed: {error}", err=True)
            failed = True
        else:
            click.echo(f"{name} is installed in {place}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
