"""Searches: test cases that the server's search and the page's script (tests/admin_client) share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_TABLE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "admin_client" / "searches.json").read_text(encoding="utf-8")
)

NAMES: dict[int, str] = {int(user_id): name for user_id, name in _TABLE["names"].items()}
"""By user id."""

SEARCHES: list[tuple[str, list[int]]] = [(case["q"], case["found"]) for case in _TABLE["cases"]]
"""(search text, ids of the users whom it finds, the best first)"""

BY_NAME: list[int] = _TABLE["by_name"]
"""The ids of all users in the order of their names."""

EMPTY: list[str] = _TABLE["empty"]
"""Search texts that find everybody."""
