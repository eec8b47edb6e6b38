"""Revocation in a cluster: what is refused on one server is refused on all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from models.tokens import Identity
from realtime.presence.log import Revocation
from realtime.protocol import CloseCode
from tests.realtime.client import Client
from tests.realtime.cluster.conftest import online
from tests.realtime.cluster.world import ClusterWorld

Revoke = Callable[[ClusterWorld], None]


def connect(cluster: ClusterWorld, node: int, login_id: str) -> tuple[Client, Identity]:
    """Connect user 1 to a server with a token of a login."""
    identity = cluster.nodes[node].identity(1, login_id=login_id)
    client = cluster.nodes[node].connect(1, "presence", identity=identity)
    cluster.advance(1)
    return client, identity


def refused_by(cluster: ClusterWorld, identity: Identity) -> list[bool]:
    """Return whether each server refuses the identity's tokens."""
    return [node.core.authenticator.is_revoked(identity) for node in cluster.nodes]


def log_out(cluster: ClusterWorld) -> None:
    """POST /auth/logout on the first server, as the login `phone`."""
    cluster.nodes[0].core.authenticator.revoke_login("phone", 900)


def sign_out_everywhere(cluster: ClusterWorld) -> None:
    """Revoke all tokens of user 1 on the first server."""
    cluster.nodes[0].begin(cluster.nodes[0].core.revocations.revoke(1))


def disable(cluster: ClusterWorld) -> None:
    """Disable user 1 on the first server."""
    cluster.nodes[0].core.presence.disable(1)


def change_password(cluster: ClusterWorld, kept_login: str = "laptop") -> None:
    """PUT /users/me/password on the first server, as a login of user 1."""
    node = cluster.nodes[0]
    write = partial(node.user_passwords.replace, 1, "new", kept_login=kept_login)
    node.begin(node.core.revocations.change_password(1, write))


@pytest.mark.parametrize("revoke", [log_out, sign_out_everywhere, disable, change_password])
def test_sockets_on_other_servers_are_closed_and_tokens_refused(cluster: ClusterWorld, revoke: Revoke) -> None:
    client, identity = connect(cluster, 1, "phone")
    revoke(cluster)
    cluster.advance(1)
    assert client.session.close_code == CloseCode.REVOKED
    assert refused_by(cluster, identity) == [True, True, True]


def test_another_login_stays(cluster: ClusterWorld) -> None:
    client, identity = connect(cluster, 1, "laptop")
    log_out(cluster)
    cluster.advance(1)
    assert client.is_open
    assert refused_by(cluster, identity) == [False, False, False]


def test_a_disabled_user_is_offline_everywhere(cluster: ClusterWorld) -> None:
    connect(cluster, 1, "phone")
    disable(cluster)
    cluster.advance(1)
    assert online(cluster, 1) == [False, False, False]


@pytest.mark.parametrize("revoke", [log_out, sign_out_everywhere, disable, change_password])
def test_it_does_not_wait_for_the_log_on_the_server_that_was_asked(cluster: ClusterWorld, revoke: Revoke) -> None:
    client, identity = connect(cluster, 0, "phone")
    cluster.engine.stop()
    cluster.settle()
    revoke(cluster)
    cluster.advance(0.75)
    assert client.session.close_code == CloseCode.REVOKED
    assert refused_by(cluster, identity)[0]
    cluster.advance(3)
    cluster.engine.start()
    cluster.advance(2)
    assert refused_by(cluster, identity) == [True, True, True]


def test_signing_out_everywhere_is_done_although_the_log_is_closed(cluster: ClusterWorld) -> None:
    cluster.engine.stop()
    cluster.settle()
    task = cluster.nodes[0].begin(cluster.nodes[0].core.revocations.revoke(1))
    cluster.advance(3)
    assert task.result() is None
    assert cluster.logins.revoked == [1]


def test_the_others_are_told_at_once_of_a_sign_out_everywhere_although_the_log_is_closed(cluster: ClusterWorld) -> None:
    told: list[Revocation] = []
    cluster.nodes[0].core.authenticator.tell_others = told.append
    cluster.engine.stop()
    cluster.settle()
    sign_out_everywhere(cluster)
    cluster.settle()
    assert told == [Revocation(user_id=1, token_version=1)]


def test_sockets_on_a_server_that_learns_of_it_from_the_store_are_closed_in_time(cluster: ClusterWorld) -> None:
    client, _ = connect(cluster, 1, "phone")
    cluster.engine.stop()
    cluster.settle()
    cluster.nodes[1].core.presence.refuse(1, 1)
    cluster.advance(0.25)
    assert client.session.close_code == CloseCode.REVOKED


@pytest.mark.parametrize("node", [0, 1])
def test_the_login_that_changed_the_password_goes_on_everywhere(cluster: ClusterWorld, node: int) -> None:
    client, identity = connect(cluster, node, "laptop")
    change_password(cluster)
    cluster.advance(1)
    assert client.is_open
    assert refused_by(cluster, identity) == [False, False, False]


def test_the_next_revocation_ends_the_login_that_was_kept(cluster: ClusterWorld) -> None:
    client, identity = connect(cluster, 1, "laptop")
    change_password(cluster)
    cluster.advance(1)
    sign_out_everywhere(cluster)
    cluster.advance(1)
    assert client.session.close_code == CloseCode.REVOKED
    assert refused_by(cluster, identity) == [True, True, True]


def test_the_next_change_of_the_password_keeps_another_login(cluster: ClusterWorld) -> None:
    (_, laptop), (_, phone) = connect(cluster, 1, "laptop"), connect(cluster, 2, "phone")
    change_password(cluster)
    change_password(cluster, "phone")
    cluster.advance(1)
    assert refused_by(cluster, laptop) == [True, True, True]
    assert refused_by(cluster, phone) == [False, False, False]


def test_the_others_are_told_of_the_login_that_goes_on_although_the_log_is_closed(cluster: ClusterWorld) -> None:
    told: list[Revocation] = []
    cluster.nodes[0].core.authenticator.tell_others = told.append
    client, identity = connect(cluster, 1, "laptop")
    _, phone = connect(cluster, 1, "phone")
    cluster.engine.stop()
    cluster.settle()
    change_password(cluster)
    cluster.settle()
    (revoked,) = told
    assert revoked == Revocation(user_id=1, token_version=1, kept_login="laptop")
    cluster.nodes[1].core.presence.refuse(1, revoked.token_version, revoked.kept_login)
    cluster.advance(0.25)
    assert client.is_open
    assert (refused_by(cluster, identity)[1], refused_by(cluster, phone)[1]) == (False, True)
