"""Nginx: Debian's nginx in front of several servers, with the configuration of docs/operating.md."""

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

START_SECONDS = 10.0

_CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_rlimit_nofile 16384;

events {{
    worker_connections 8192;
}}

http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;

    map $http_upgrade $connection_upgrade {{
        default upgrade;
        ""      "";
    }}

    upstream rollcall {{
        least_conn;
{servers}
        keepalive 32;
        keepalive_timeout 5s;
    }}

    server {{
        listen 127.0.0.1:{port} backlog=4096;

        location / {{
            proxy_pass http://rollcall;
            proxy_http_version 1.1;
            proxy_next_upstream error timeout http_503 non_idempotent;
            proxy_next_upstream_tries 3;
            proxy_connect_timeout 2s;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout 120s;
            proxy_buffering off;
        }}
    }}
}}
"""


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
    servers = "\n".join(f"        server 127.0.0.1:{each} max_fails=0;" for each in ports)
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, servers=servers, port=port), encoding="utf-8")
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)]
    quiet = subprocess.DEVNULL
    return Nginx(port, subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet), folder)


async def _accepts(port: int) -> bool:
    try:
        connection = await Connection.open(port)
    except OSError:
        return False
    connection.close()
    return True
