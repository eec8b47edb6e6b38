"""A store with another program's data: the server reports it in one line and does not start."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from models.database import open_database
from settings import Settings
from tests.operation.conftest import Terminal


async def write(data_dir: Path, documents: list[dict[str, Any]]) -> None:
    database = await open_database(Settings(data_dir=data_dir, jwt_secret="s" * 32))
    await database.collection("users").insert_many(documents)
    await database.close()


@pytest.mark.parametrize(
    ("documents", "told"),
    [
        ([{"_id": 1, "username_key": "ada", "email": "ada@example.org"}], "the document 1 in the collection users"),
        ([{"_id": "ada", "email": "ada@example.org"}], "the document 'ada' in the collection users"),
        ([{"_id": 1, "username_key": "ada"}, {"_id": 2, "username_key": "ada"}], "the index username_key_1"),
    ],
)
def test_documents_of_another_program_are_named_in_one_line(
    terminal: Terminal, documents: list[dict[str, Any]], told: str
) -> None:
    asyncio.run(write(terminal.folder / "data", documents))
    server = terminal.run()
    assert server.returncode == 1
    (line,) = server.stderr.splitlines()
    assert told in line
    assert "ada@example.org" not in line
