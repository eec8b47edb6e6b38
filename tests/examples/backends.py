"""Backends: the examples of an app's backend, installed as their readers do it, and run as programs."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.ports import free_port
from tests.clients import Answer, Api
from tests.examples.others import run
from tests.program import ROOT, ServerProgram
from tests.secrets_seen import SecretsSeen

START_SECONDS = 30.0
STOP_SECONDS = 10.0

KEYS = {
    "fastapi": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "express": ("-algorithm", "ed25519"),
}
"""What `openssl genpkey` is told for each example."""


def installed(kind: str, folder: Path) -> Path:
    """Copy an example into a folder and install what it needs, which takes a while."""
    shutil.copytree(ROOT / "examples" / kind, folder, dirs_exist_ok=True)
    if kind == "fastapi":
        run(folder, sys.executable, "-m", "venv", ".venv")
        run(folder, ".venv/bin/pip", "install", "-q", "-r", "requirements.txt")
    else:
        run(folder, "npm", "install", "--no-audit", "--no-fund")
    return folder


@dataclass
class Backend:
    """One example that runs, with a key of its own."""

    kind: str
    folder: Path
    seen: SecretsSeen
    port: int = field(default_factory=free_port)
    staff: str = field(default_factory=lambda: secrets.token_urlsafe())
    webhook_secret: str = field(default_factory=lambda: f"whsec_{b64encode(secrets.token_bytes(32)).decode()}")
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def key_file(self) -> Path:
        return self.folder / "key.pem"

    def settings(self) -> dict[str, Any]:
        """Return what the server's settings must be for this backend."""
        return {
            "foreign_token_keys": f"{self.url}/.well-known/jwks.json",
            "foreign_token_issuer": self.url,
            "foreign_token_audience": "rollcall",
            "foreign_token_retry_seconds": 0.2,
            "provision_users": True,
            "password_login_open": False,
            "registration_open": False,
            "webhook_url": f"{self.url}/rollcall-webhooks",
            "webhook_secret": self.webhook_secret,
            "webhook_retry_longest_seconds": 1.0,
        }

    async def start(self, server: ServerProgram, http: Any) -> Api:
        """Make a signing key and a service key, start the backend, and wait until it answers."""
        run(self.folder, "openssl", "genpkey", *KEYS[self.kind], "-out", str(self.key_file))
        said = await server.command("key", "add", f"backend-{self.port}", "--scope", "admin")
        (service_key,) = (word for word in said.split() if word.startswith("rk_"))
        self.seen.note(service_key)
        self.seen.note(self.webhook_secret)
        self.service_key = service_key
        self._launch(
            {
                "OWN_URL": self.url,
                "KEY_FILE": str(self.key_file),
                "PRESENCE_URL": f"http://127.0.0.1:{server.port}",
                "SERVICE_KEY": service_key,
                "STAFF_PASSWORD": self.staff,
                "WEBHOOK_SECRET": self.webhook_secret,
            }
        )
        api = Api(f"http://127.0.0.1:{self.port}", http, self.seen)
        async with asyncio.timeout(START_SECONDS):
            while not await self._answers(api):
                assert self.process is not None
                assert self.process.poll() is None, (self.folder / "log").read_text()
                await asyncio.sleep(0.1)
        return api

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(STOP_SECONDS)

    def _launch(self, given: Mapping[str, str]) -> None:
        commands = {
            "fastapi": [".venv/bin/uvicorn", "backend:app", "--port", str(self.port)],
            "express": ["node", "backend.mjs"],
        }
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                commands[self.kind],
                cwd=self.folder,
                env={**os.environ, "PORT": str(self.port), **given},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def _answers(self, api: Api) -> bool:
        try:
            answer: Answer = await api.get("/.well-known/jwks.json")
        except OSError:
            return False
        return answer.status == 200
