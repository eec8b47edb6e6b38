"""All rows, in the order of the table."""

from __future__ import annotations

from benchmarks.row import Row
from benchmarks.rows.connects import CONNECTS
from benchmarks.rows.crowd import CROWD
from benchmarks.rows.fanout import FANOUT
from benchmarks.rows.growing import GROWING
from benchmarks.rows.latency import LATENCY
from benchmarks.rows.memory import MEMORY
from benchmarks.rows.nodes import NODES
from benchmarks.rows.pings import PING_ROW
from benchmarks.rows.requests import HEARTBEAT_ROW, STATUS_ROW
from benchmarks.rows.starting import STARTING
from benchmarks.rows.steady import STEADY

ROWS: dict[str, Row] = {
    row.name: row
    for row in (
        FANOUT,
        LATENCY,
        CONNECTS,
        CROWD,
        MEMORY,
        HEARTBEAT_ROW,
        STATUS_ROW,
        PING_ROW,
        STEADY,
        STARTING,
        GROWING,
        NODES,
    )
}
