"""The plan of a call as it travels to a node, sealed by ``tickets``."""

from uuid import UUID

import orjson

from handlers.media.tickets import TicketRefused
from handlers.video.sfu import CallPlan


def write_plan(plan: CallPlan) -> bytes:
    """Return a plan as bytes."""
    return orjson.dumps(
        {
            "call_id": str(plan.call_id),
            "node_epoch": plan.node_epoch,
            "key": plan.key.hex(),
            "recorded": plan.recorded,
            "ice_servers": [dict(server) for server in plan.ice_servers],
        }
    )


def read_plan(data: bytes, call_id: UUID) -> CallPlan:
    """Read what :func:`write_plan` wrote.

    :raises TicketRefused: it is of another call.
    """
    said = orjson.loads(data)
    if said["call_id"] != str(call_id):
        raise TicketRefused("the plan is of another call")
    key, servers = bytes.fromhex(said["key"]), tuple(said["ice_servers"])
    return CallPlan(call_id, said["node_epoch"], key, said["recorded"], servers)
