"""Clients generated from /openapi.json compile, and a real server accepts what they send.

Only `make test-packages` runs these tests.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.examples.others import generated_kotlin, kotlin_program, npm_project, run, run_kotlin
from tests.program import MakeProgram, ServerProgram

pytestmark = [pytest.mark.packages, pytest.mark.slow, pytest.mark.gen_test(timeout=600)]

TYPESCRIPT = """
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const api = createClient<paths>({ baseUrl: process.argv[2]! });

async function registered(username: string) {
  const { data, error } = await api.POST("/auth/register", { body: { username, password: "a long enough one" } });
  if (error) throw new Error(error.error.code);
  return { id: data.user_id, headers: { Authorization: `Bearer ${data.access_token}` } };
}

const [ada, bob] = [await registered("ada"), await registered("bob")];
await api.POST("/users/me/heartbeat", { headers: bob.headers });
const status = await api.PUT("/users/me/status", { headers: ada.headers, body: { is_busy: true, busy_until: null } });
const busyUntil: string | null | undefined = status.data?.busy_until;
await api.PUT("/users/me/status", { headers: ada.headers, body: { is_busy: false } });
const { data } = await api.POST("/calls/start", {
  headers: ada.headers,
  body: { callee_id: bob.id, call_type: "audio" },
});
const call: components["schemas"]["CallRecord"] = data!;
const ended = await api.POST("/calls/end", { headers: ada.headers, body: { call_id: call.call_id } });
console.log("called", call.callee_id, busyUntil, ended.data?.end_reason);
"""

PYTHON = """
import sys
from datetime import UTC, datetime
from typing import TypeVar

from rollcall_api import AuthenticatedClient, Client
from rollcall_api.api.accounts import post_auth_register
from rollcall_api.api.calls import post_calls_end, post_calls_start
from rollcall_api.api.users import patch_users_me, post_users_me_heartbeat, put_users_me_status
from rollcall_api.models import (
    CallEnd, CallRecord, CallStart, CallStartCallType, OwnProfile, ProfileChange, Registration, Status, StatusChange,
    TokenPair,
)

T = TypeVar("T")
url = sys.argv[1]


def accepted(kind: type[T], answer: object) -> T:
    assert isinstance(answer, kind), answer
    return answer


def registered(name: str) -> tuple[int, AuthenticatedClient]:
    body = Registration(name, "a long enough one")
    pair = accepted(TokenPair, post_auth_register.sync(client=Client(url), body=body))
    return pair.user_id, AuthenticatedClient(url, pair.access_token)


def changed(client: AuthenticatedClient, change: StatusChange) -> Status:
    return accepted(Status, put_users_me_status.sync(client=client, body=change))


(_, ada), (bob_id, bob) = registered("ada"), registered("bob")
accepted(Status, post_users_me_heartbeat.sync(client=bob))
until = datetime(2199, 1, 1, tzinfo=UTC)
assert changed(ada, StatusChange(busy_until=until)).busy_until == until
assert changed(ada, StatusChange(is_busy=True, busy_until=None)).busy_until is None
assert not changed(ada, StatusChange(is_busy=False)).is_busy
accepted(OwnProfile, patch_users_me.sync(client=ada, body=ProfileChange(profile_image_url=None)))
start = CallStart(bob_id, CallStartCallType.AUDIO)
call = accepted(CallRecord, post_calls_start.sync(client=ada, body=start))
assert call.ended_at is None
ended = accepted(CallRecord, post_calls_end.sync(client=ada, body=CallEnd(call.call_id)))
print("called", call.callee_id, ended.end_reason)
"""


async def described(server: ServerProgram, folder: Path) -> str:
    """Start the server, save its description, and return its URL."""
    await server.start()
    answer = await server.api.get("/openapi.json")
    (folder / "openapi.json").write_text(json.dumps(answer.body))
    return f"http://127.0.0.1:{server.port}"


async def test_a_client_of_openapi_typescript_compiles_and_calls(program: MakeProgram, tmp_path: Path) -> None:
    url = await described(program(), tmp_path)
    assert "called 2 null completed" in await asyncio.to_thread(use_typescript, tmp_path, url)


def use_typescript(folder: Path, url: str) -> str:
    npm_project(
        folder, **{"openapi-typescript": "7.13.0", "openapi-fetch": "0.17.0", "typescript": "^5", "@types/node": "^22"}
    )
    run(folder, "npm", "pkg", "set", "type=module")
    run(folder, "npx", "openapi-typescript", "openapi.json", "-o", "api.d.ts")
    (folder / "call.ts").write_text(TYPESCRIPT)
    run(folder, "npx", "tsc", "--strict", "--target", "es2022", "--module", "nodenext", "--types", "node", "call.ts")
    return run(folder, "node", "call.js", url)


async def test_a_client_of_openapi_python_client_type_checks_and_calls(program: MakeProgram, tmp_path: Path) -> None:
    url = await described(program(), tmp_path)
    assert "called 2 completed" in await asyncio.to_thread(use_python, tmp_path, url)


def use_python(folder: Path, url: str) -> str:
    run(folder, sys.executable, "-m", "venv", "venv")
    own = str(folder / "venv" / "bin")
    run(folder, f"{own}/pip", "install", "-q", "openapi-python-client==0.29.1", "mypy==2.4.1")
    run(
        folder, f"{own}/openapi-python-client", "generate", "--path", "openapi.json", "--meta", "none",
        "--output-path", "rollcall_api",
    )  # fmt: skip
    (folder / "call.py").write_text(PYTHON)
    run(folder, f"{own}/mypy", "call.py")
    return run(folder, f"{own}/python", "call.py", url)


async def test_a_client_of_openapi_generator_for_kotlin_compiles_and_calls(
    program: MakeProgram, tmp_path: Path
) -> None:
    url = await described(program(), tmp_path)
    assert "called 1" in await asyncio.to_thread(use_kotlin, tmp_path, url)


def use_kotlin(folder: Path, url: str) -> str:
    generated_kotlin(folder, folder / "openapi.json")
    kotlin_program(folder, "Generated.kt")
    return run_kotlin(folder, "GeneratedKt", url)
