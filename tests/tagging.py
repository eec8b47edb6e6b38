"""Tagging: gives users of a running server tags, as backends and operators do."""

from __future__ import annotations

from tests.running import RunningServer


async def tag(server: RunningServer, user_id: int, *tags: str) -> None:
    """Give a user other tags."""
    users, registry = server.stores.users, server.core.registry
    await server.core.settlement.write(
        user_id, lambda: users.save_profile(user_id, {"tags": list(tags)}, rev=registry.get(user_id).rev)
    )
    await server.caught_up()
