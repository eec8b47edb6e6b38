"""Assembly: builds one server's part in the cluster."""

from __future__ import annotations

from functools import partial

from models.shared_log import SharedLog
from models.users import Users
from realtime.calls.call_store import CallStore
from realtime.calls.reconciliation import Reconciliation
from realtime.calls.switchboard import Switchboard
from realtime.clock import Environment
from realtime.cluster.adoption import Adoption
from realtime.cluster.comparison import Comparison
from realtime.cluster.node import Node
from realtime.cluster.reader import Reader
from realtime.cluster.saved_changes import SavedChanges
from realtime.cluster.session_sharing import SessionSharing
from realtime.cluster.succession import Succession
from realtime.parts import Memory, PresenceParts, SocketsParts
from realtime.protocol import CloseCode
from realtime.sockets.shared_tickets import SharedTickets
from settings import Settings


def build_node(
    settings: Settings,
    environment: Environment,
    memory: Memory,
    users: Users,
    presence: PresenceParts,
    sockets: SocketsParts,
    call_store: CallStore,
    switchboard: Switchboard,
) -> Node | None:
    """Build the server's part in a cluster, unless it is alone."""
    if presence.cluster is None:
        return None
    shared, members, log = presence.cluster.shared, presence.cluster.members, presence.cluster.log
    engine, timers = presence.engine, memory.timers
    _share_authentication(settings, presence, sockets, shared)
    sockets.admission.told_ahead = presence.cluster.told_ahead
    reader = Reader(presence.cluster.position, memory.registry, memory.changes, presence.follower, sockets.fan_out)
    succession = Succession(settings, environment.clock, shared, members, engine, log)
    sharing = SessionSharing(settings, environment, timers, shared, log, sockets.hub, sockets.shared_sessions)
    sockets.hub.on_change = sharing.note
    sockets.shared_sessions.on_surplus = sockets.hub.close_surplus
    reader.on_gone = sockets.shared_sessions.gone
    adoption = Adoption(environment, shared, memory.incarnation, members, reader, log, engine, sharing)
    adoption.on_lost_epoch = partial(sockets.hub.close_all, CloseCode.RESTART, "the log was lost")
    reconciliation = Reconciliation(call_store, engine, switchboard)
    saved_changes = SavedChanges(users, memory.registry, presence.settlement, log, presence.cluster.position)
    comparison = Comparison(environment, timers, members, reconciliation, saved_changes)
    return Node(environment, timers, shared, reader, log, adoption, succession, comparison)


def _share_authentication(
    settings: Settings, presence: PresenceParts, sockets: SocketsParts, shared: SharedLog
) -> None:
    """Accept tickets of other servers, and close sockets of users whom the log has refused."""
    authenticator = sockets.authenticator
    authenticator.shared_tickets = SharedTickets(settings, shared)
    presence.follower.record_listeners.append(authenticator.record_changed)
