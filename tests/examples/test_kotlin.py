"""The Kotlin client of docs/swift-and-kotlin.md, compiled and used with a real server. Only in `make test-packages`."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.examples.others import kotlin_program, run_kotlin
from tests.program import ROOT, MakeProgram

pytestmark = [pytest.mark.packages, pytest.mark.slow, pytest.mark.gen_test(timeout=600)]

PAGE = ROOT / "docs" / "swift-and-kotlin.md"


async def test_the_documented_client_follows_the_users(program: MakeProgram, tmp_path: Path) -> None:
    server = program()
    ada, bob = await server.populate(2)
    await server.start()
    (client,) = re.findall(r"^```kotlin\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "Rollcall.kt").write_text(client)

    def use() -> str:
        kotlin_program(tmp_path, "Watch.kt")
        return run_kotlin(tmp_path, "WatchKt", f"http://127.0.0.1:{server.port}", ada.token, str(ada.user_id))

    assert "watched" in await asyncio.to_thread(use)
    assert (await bob.get("/users/me/status")).body["is_online"] is False
