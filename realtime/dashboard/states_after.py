"""States after a repair: which state users will be in, in words, such as “Ann becomes available”."""

from __future__ import annotations

from models.direction import in_sentence
from realtime.presence.registry import Registry


def states_after(registry: Registry, user_ids: list[int], call_id: str | None, *, busy_set: bool = True) -> str:
    """The states without this call, or, unless `busy_set`, without the busy status that the users set."""
    groups: dict[str, list[str]] = {}
    for user_id in user_ids:
        name = in_sentence(registry.name(user_id))
        groups.setdefault(_becomes(registry, user_id, call_id, busy_set), []).append(name)
    parts: list[str] = []
    for words, names in groups.items():
        verb, _, state = words.partition(" ")
        parts.append(f"{' and '.join(names)} {verb}{'s' * (len(names) == 1)} {state}")
    return ", ".join(parts)


def _becomes(registry: Registry, user_id: int, call_id: str | None, busy_set: bool) -> str:
    entry = registry.find(user_id)
    if entry is None or not entry.status.is_online:
        return "stay offline"
    if entry.claims.call_id not in (None, call_id):
        return "stay busy: on a call"
    if busy_set and entry.claims.set_busy:
        return "stay busy: set busy"
    return "stay available" if entry.status.is_available else "become available"
