"""Nginx: Debian's nginx in front of several servers, with the configuration of docs/cluster.md."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from chaos.check import CannotRun
from chaos.ports import free_port
from chaos.program import until
from chaos.rest import Connection
from tests.cluster.proxies import changed, documented, with_upstreams

START_SECONDS = 10.0

_MAIN = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{site}
}}
"""
"""What a distribution's nginx.conf sets, with room for the clients, in one process."""


class Nginx:
    """A running nginx."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.port = port
        self._process = process
        self._folder = folder

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait()

    def errors(self) -> Counter[str]:
        """What its error log says, without the requests, and how often."""
        text = (self._folder / "error.log").read_text(encoding="utf-8", errors="replace")
        return Counter(re.sub(r"^.*?#\d+: (\*\d+ )?", "", line).partition(",")[0] for line in text.splitlines())


@asynccontextmanager
async def running_nginx(folder: Path, ports: Sequence[int]) -> AsyncIterator[Nginx]:
    """An nginx in front of servers at these ports. Raises CannotRun."""
    nginx = await asyncio.to_thread(_start, folder, ports)
    try:
        if await until(lambda: _accepts(nginx.port), seconds=START_SECONDS) == float("inf"):
            raise CannotRun(f"nginx did not start: {', '.join(nginx.errors())}")
        yield nginx
    finally:
        await asyncio.to_thread(nginx.stop)


def _start(folder: Path, ports: Sequence[int]) -> Nginx:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise CannotRun("nginx is not installed; Debian's package is nginx-light")
    folder.mkdir()
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(_MAIN.format(folder=folder, site=_site(folder, port, ports)), encoding="utf-8")
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)]
    quiet = subprocess.DEVNULL
    return Nginx(port, subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet), folder)


def _site(folder: Path, port: int, ports: Sequence[int]) -> str:
    """The documented configuration, without TLS and with files of this machine."""
    site = with_upstreams(documented("cluster.md", "nginx"), ports)
    site = changed(site, ("listen 443 ssl", f"listen 127.0.0.1:{port}"), ("/var/log/nginx", str(folder)))
    return re.sub(r"^ *ssl_certificate.*\n", "", site, flags=re.MULTILINE)


async def _accepts(port: int) -> bool:
    try:
        connection = await Connection.open(port)
    except OSError:
        return False
    connection.close()
    return True
