"""Whatever the request, the response is one that /openapi.json describes, and never a server error."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients import Backend, Person
from tests.program import ROOT, MakeProgram, ServerProgram

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=300)]

EXAMPLES = 25
"""Generated requests for each operation, in addition to those at the limits of every field."""

SEED = 20

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
]
"""Success of valid data is not checked: a busy_until can lie in the past, a call needs two users."""


BATCH = "/server/users/batch"


async def test_every_answer_to_a_user_is_described(program: MakeProgram, tmp_path: Path) -> None:
    server = program()
    await server.start()
    ada = await server.register("ada")
    await examine(server, ada, tmp_path, "--exclude-path", "/auth/logout")


async def test_every_answer_to_who_logs_out_is_described(program: MakeProgram, tmp_path: Path) -> None:
    server = program()
    await server.start()
    ada = await server.register("ada")
    await examine(server, ada, tmp_path, "--include-path", "/auth/logout")


async def test_every_answer_to_a_backend_is_described(program: MakeProgram, tmp_path: Path) -> None:
    server = program(key_request_burst=100_000)
    await server.start()
    await server.register("ada")
    key = await server.add_key("admin")
    await examine(server, key, tmp_path, "--include-path-regex", "^/server", "--exclude-path", BATCH)
    # A malformed user is refused by itself, while the answer to the batch is a success.
    await examine(server, key, tmp_path, "--include-path", BATCH, "--exclude-checks", "negative_data_rejection")


async def examine(server: ServerProgram, person: Person | Backend, folder: Path, *options: str) -> None:
    """Run schemathesis against the server as a person, and expect no failure."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "--no-color", "run", f"http://127.0.0.1:{server.port}/openapi.json",
        "--header", f"Authorization: Bearer {person.token}",
        "--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing",
        "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--generation-deterministic", *options,
    ]  # fmt: skip
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=folder, capture_output=True, text=True, timeout=280, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.docs.error_code_schemas"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Test cases:" in done.stdout
