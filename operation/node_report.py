"""Node report: what this server tells the others, for their operators."""

from __future__ import annotations

from handlers.docs.openapi import API_VERSION
from models.instances import NodeReport
from realtime.cluster.node import Node
from realtime.core import Core


def node_report(core: Core, node: Node) -> NodeReport:
    """How this server is now."""
    sockets = core.hub.count_by_channel()
    return NodeReport(
        node=node.name,
        version=API_VERSION,
        feed=sockets["feed"],
        presence=sockets["presence"],
        service_keys=sockets["service_keys"],
        operators=len(core.operator_sessions),
        lag_entries=node.lag.entries,
        lag_seconds=round(node.cut_off_seconds or node.lag.seconds, 3),
        is_draining=core.admission.closing,
    )
