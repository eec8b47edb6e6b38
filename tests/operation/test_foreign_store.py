"""A store with another program's data: the server reports it in one line and does not start."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from models.database import open_database
from settings import Settings
from tests.operation.conftest import Terminal

pytestmark = pytest.mark.slow  # each case starts the program


async def write(data_dir: Path, documents: list[dict[str, Any]], collection: str = "users") -> None:
    database = await open_database(Settings(data_dir=data_dir, jwt_secret="s" * 32))
    await database.collection(collection).insert_many(documents)
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


@pytest.mark.parametrize("collection", ["calls", "call_claims", "notices", "samples", "audit", "events", "logins"])
def test_documents_of_another_program_in_other_collections_do_not_keep_the_server_from_starting(
    terminal: Terminal, collection: str
) -> None:
    ids = [1, 2**62, "x"]
    fields = {"status": "ongoing", "outcome": "waiting", "kind": "other", "at": 5}
    asyncio.run(write(terminal.folder / "data", [{"_id": each, **fields} for each in ids], collection))
    server = terminal.serve()
    assert terminal.ask("GET", "/readyz")[0] == 200
    terminal.import_users("ada")
    assert "Traceback" not in "".join(line for line in server.text().splitlines() if '"skipped a row' not in line)
