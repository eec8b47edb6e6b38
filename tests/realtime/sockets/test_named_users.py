"""Named users: a socket watches by an external id whoever has it, from the first moment on."""

from __future__ import annotations

from tests.realtime.client import Client
from tests.realtime.world import World


def create(world: World, external_id: str, username: str) -> int:
    """Create a user with an external id."""
    return world.run(world.core.membership.create_external(external_id, username, None)).profile.user_id


def subscribe(
    world: World, client: Client, *names: int | str, subscription: str = "presence", **fields: object
) -> None:
    """Narrow a subscription."""
    world.send(client, "subscribe", subscription=subscription, user_ids=list(names), **fields)


def told_of(world: World, client: Client) -> list[int]:
    """Return the ids of those of whom the client was sent updates since the last call."""
    world.arrive()
    return [each["user_id"] for each in client.news()]


def sessions_kept(world: World) -> int:
    """Return for how many external ids the server keeps sessions."""
    return len(world.core.hub.on_end.__self__)  # type: ignore[attr-defined]


def test_a_user_who_is_there_is_watched(world: World) -> None:
    user_id, client = create(world, "one", "one"), world.connect(3, "presence")
    subscribe(world, client, "external:one", snapshot=True)
    assert [each["user_id"] for each in client.messages("snapshot")[-1]["users"]] == [user_id]
    world.put(1, is_busy=True)
    world.put(user_id, is_busy=True)
    assert told_of(world, client) == [user_id]


def test_a_user_who_is_not_there_yet_is_watched_from_the_first_moment_on(world: World) -> None:
    client, other = world.connect(3, "presence"), world.connect(3, "presence")
    subscribe(world, client, 1, "external:one")
    subscribe(world, other, "external:two")
    user_id = create(world, "one", "one")
    world.put(user_id, is_busy=True)
    world.put(1, is_busy=True)
    assert told_of(world, client) == [user_id, user_id, 1]
    assert told_of(world, other) == []


def test_somebody_else_who_gets_the_same_external_id_is_watched_too(world: World) -> None:
    client = world.connect(3, "presence")
    subscribe(world, client, "external:one")
    first = create(world, "one", "one")
    world.run(world.core.membership.delete(first))
    second = create(world, "one", "one")
    assert told_of(world, client) == [first, second]
    world.arrive()
    assert [each["user_id"] for each in client.messages("user_removed")] == [first]


def test_an_external_id_may_be_encoded_as_in_a_url(world: World) -> None:
    client = world.connect(3, "presence")
    subscribe(world, client, "external:a%2Cb")
    assert told_of(world, client) == []
    assert told_of(world, client) == []
    user_id = create(world, "a,b", "one")
    assert told_of(world, client) == [user_id]


def test_both_subscriptions_may_name_the_same_user(world: World) -> None:
    client = world.connect(3, "presence")
    subscribe(world, client, "external:one")
    subscribe(world, client, "external:one", 2, subscription="feed", tags=["a"])
    user_id = create(world, "one", "one")
    assert told_of(world, client) == [user_id]
    world.send(client, "unsubscribe", subscription="presence")
    world.run(world.core.membership.update(user_id, {"tags": ("a",)}))
    assert told_of(world, client) == [user_id]


def test_nothing_is_kept_of_sessions_that_watch_others_or_have_ended(world: World) -> None:
    clients = [world.connect(3, "presence") for _ in range(4)]
    for client in clients:
        subscribe(world, client, "external:one", "external:two")
    assert sessions_kept(world) == 2
    subscribe(world, clients[0], "external:three")
    world.send(clients[1], "subscribe", subscription="presence")
    world.send(clients[2], "unsubscribe", subscription="presence")
    assert sessions_kept(world) == 3
    for client in (clients[0], clients[3]):
        world.leave(client)
    assert sessions_kept(world) == 0
