"""Proxies: nginx and Caddy as the documentation sets them up, on free ports of this machine."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from chaos.ports import free_port
from tests.certificate import Certificate

ROOT = Path(__file__).resolve().parents[2]

START_SECONDS = 10.0
STOP_SECONDS = 10.0

NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 4000; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    include {folder}/site.conf;
}}
"""
"""What a distribution's nginx.conf sets, with all files in one folder."""

CADDY = "{{\n    admin off\n    auto_https off\n    storage file_system {folder}/storage\n}}\n"


def documented(page: str, language: str) -> str:
    """Return the one configuration in a language on a page of the documentation."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / "docs" / page).read_text(), re.DOTALL | re.MULTILINE)
    return str(found)


def changed(text: str, *changes: tuple[str, str]) -> str:
    """Return the text with each change made. Every one must have something to change."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def with_upstreams(text: str, ports: Sequence[int]) -> str:
    """Return the text with the ports of the running servers in place of 8001, 8002 and 8003."""
    return changed(text, *((f"127.0.0.1:{8001 + place}", f"127.0.0.1:{port}") for place, port in enumerate(ports)))


def nginx_site(page: str, folder: Path, certificate: Certificate) -> str:
    """Return nginx's configuration from a page, with files of this machine."""
    return changed(
        documented(page, "nginx"),
        ("/etc/ssl/calls.example.org.pem", str(certificate.certificate)),
        ("/etc/ssl/calls.example.org.key", str(certificate.key)),
        ("/var/log/nginx/rollcall.log", f"{folder}/access.log"),
        ("listen 443 ssl", f"listen {free_port()} ssl"),
    )


def check_nginx(folder: Path, site: str) -> str:
    """Return what nginx says about a site's configuration."""
    (folder / "site.conf").write_text(site)
    user = "user root;" if os.geteuid() == 0 else ""  # the folder is the user's own
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user))
    return _said(["nginx", "-t", "-c", f"{folder}/nginx.conf"])


def check_caddy(folder: Path, site: str) -> str:
    """Return what Caddy says about a configuration."""
    (folder / "Caddyfile").write_text(CADDY.format(folder=folder) + site)
    return _said(["caddy", "validate", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile"])


def _said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout + done.stderr


class RunningProxy:
    """A proxy without TLS, in front of servers on these ports."""

    def __init__(self, kind: str, folder: Path, ports: Sequence[int]) -> None:
        self.port = free_port()
        self._folder = folder
        prepare: dict[str, Callable[[Sequence[int]], list[str]]] = {"nginx": self._nginx, "caddy": self._caddy}
        self._command = prepare[kind](ports)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the proxy and wait until it accepts connections."""
        with (self._folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self._home()},
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._accepts():
            assert time.monotonic() < deadline, (self._folder / "output").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """End the proxy."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(STOP_SECONDS)

    def _accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _home(self) -> dict[str, str]:
        return {"HOME": str(self._folder), "XDG_CONFIG_HOME": str(self._folder), "XDG_DATA_HOME": str(self._folder)}

    def _nginx(self, ports: Sequence[int]) -> list[str]:
        site = with_upstreams(documented("cluster.md", "nginx"), ports)
        site = changed(site, ("listen 443 ssl", f"listen 127.0.0.1:{self.port}"), ("/var/log/nginx", str(self._folder)))
        said = check_nginx(self._folder, re.sub(r"^ *ssl_certificate.*\n", "", site, flags=re.MULTILINE))
        assert "test is successful" in said, said
        return ["nginx", "-c", f"{self._folder}/nginx.conf"]

    def _caddy(self, ports: Sequence[int]) -> list[str]:
        site = with_upstreams(documented("cluster.md", "caddyfile"), ports)
        said = check_caddy(self._folder, changed(site, ("calls.example.org {", f"http://127.0.0.1:{self.port} {{")))
        assert "Valid configuration" in said, said
        return ["caddy", "run", "--adapter", "caddyfile", "--config", f"{self._folder}/Caddyfile"]
