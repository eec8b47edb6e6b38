"""Catalog: every scenario, in the order it runs: those of one server, and those of several."""

from __future__ import annotations

from chaos.check import BOTH, EMBEDDED, MONGODB
from chaos.scenario import Scenario, Section
from chaos.scenarios import (
    accounts,
    bad_requests,
    churn,
    clocks,
    cluster_latency,
    cluster_losses,
    cluster_redis,
    cluster_restart,
    cluster_sessions,
    cluster_writes,
    connections,
    floods,
    http_requests,
    killed_writers,
    many_changes,
    operators,
    outages,
    restarts,
    values,
)

_FAULTS: Section = "Faults and floods"
_CLIENT: Section = "One client"
_ENDING: Section = "Ending"
_SEVERAL: Section = "Several servers"

SCENARIOS: tuple[Scenario, ...] = (
    Scenario("vanished-peers", _FAULTS, connections.vanished_peers, EMBEDDED, 8),
    Scenario("stalled-store", _FAULTS, outages.stalled_store, BOTH, 10),
    Scenario("handshakes", _FAULTS, connections.interrupted_handshakes, EMBEDDED, 4),
    Scenario("mongodb-refused", _FAULTS, outages.mongodb_refused, MONGODB, 14),
    Scenario("mongodb-black-hole", _FAULTS, outages.mongodb_black_hole, MONGODB, 14),
    Scenario("mongodb-reset", _FAULTS, outages.mongodb_reset, MONGODB, 14),
    Scenario("lost-replies", _FAULTS, outages.lost_replies, BOTH, 5),
    Scenario("wall-clock", _FAULTS, clocks.wall_clock, EMBEDDED, 15),
    Scenario("stopped-server", _FAULTS, clocks.stopped_server, EMBEDDED, 10),
    Scenario("slow-readers", _FAULTS, many_changes.slow_readers, EMBEDDED, 45),
    Scenario("message-flood", _FAULTS, floods.flood_of_messages, EMBEDDED, 6),
    Scenario("ping-flood", _FAULTS, floods.flood_of_pings, EMBEDDED, 6),
    Scenario("fragment-flood", _FAULTS, floods.flood_of_fragments, EMBEDDED, 6),
    Scenario("fragment-trickle", _FAULTS, floods.trickle_of_fragments, EMBEDDED, 6),
    Scenario("huge-requests", _FAULTS, bad_requests.huge_requests, EMBEDDED, 5),
    Scenario("slow-loris", _FAULTS, connections.slow_loris, EMBEDDED, 13),
    Scenario("open-files", _FAULTS, connections.open_files, EMBEDDED, 5),
    Scenario("bad-tokens", _FAULTS, bad_requests.bad_tokens, EMBEDDED, 8),
    Scenario("arrivals", _FAULTS, connections.arrivals, EMBEDDED, 15),
    Scenario("toggles", _FAULTS, many_changes.toggles, EMBEDDED, 10),
    Scenario("churn", _CLIENT, churn.churn, EMBEDDED, 80, 330),
    Scenario("registrations", _CLIENT, accounts.registrations, BOTH, 12),
    Scenario("sign-ins", _CLIENT, accounts.sign_ins, BOTH, 12),
    Scenario("long-history", _CLIENT, http_requests.long_history, BOTH, 18),
    Scenario("odd-urls", _CLIENT, http_requests.odd_urls, EMBEDDED, 12),
    Scenario("own-words", _CLIENT, http_requests.own_words, EMBEDDED, 10),
    Scenario("odd-frames", _CLIENT, floods.odd_frames, EMBEDDED, 12),
    Scenario("one-network", _CLIENT, accounts.one_network, BOTH, 8),
    Scenario("lock-out", _CLIENT, accounts.lock_out, BOTH, 7),
    Scenario("late-arithmetic", _CLIENT, values.late_arithmetic, BOTH, 10),
    Scenario("odd-names", _CLIENT, values.odd_names, EMBEDDED, 5),
    Scenario("viewer-tabs", _CLIENT, operators.tabs_and_refusals, EMBEDDED, 10),
    Scenario("unread-log", _CLIENT, http_requests.unread_log, EMBEDDED, 12),
    Scenario("sigterm", _ENDING, restarts.sigterm, BOTH, 9),
    Scenario("sigkill-sockets", _ENDING, restarts.sigkill_under_sockets, BOTH, 80),
    Scenario("sigkill-writers", _ENDING, killed_writers.sigkill_under_writers, BOTH, 75),
)

CLUSTER_SCENARIOS: tuple[Scenario, ...] = (
    Scenario("cluster-calls", _SEVERAL, cluster_writes.calls, MONGODB, 60),
    Scenario("cluster-toggles", _SEVERAL, cluster_writes.toggles, MONGODB, 25),
    Scenario("cluster-kill", _SEVERAL, cluster_losses.kill, MONGODB, 60),
    Scenario("cluster-cut-off", _SEVERAL, cluster_losses.cut_off, MONGODB, 130),
    Scenario("cluster-pause", _SEVERAL, cluster_losses.pause, MONGODB, 60),
    Scenario("cluster-redis-aof", _SEVERAL, cluster_redis.aof, MONGODB, 65),
    Scenario("cluster-redis-empty", _SEVERAL, cluster_redis.empty, MONGODB, 65),
    Scenario("cluster-redis-failover", _SEVERAL, cluster_redis.failover, MONGODB, 65),
    Scenario("cluster-rolling-restart", _SEVERAL, cluster_restart.rolling_restart, MONGODB, 180),
    Scenario("cluster-revocation", _SEVERAL, cluster_sessions.revocation, MONGODB, 30),
    Scenario("cluster-resume", _SEVERAL, cluster_sessions.resume, MONGODB, 25),
    Scenario("cluster-latency", _SEVERAL, cluster_latency.latency, MONGODB, 45),
)
