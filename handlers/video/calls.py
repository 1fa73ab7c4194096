"""Calls: pages speak to the node that carries their call, whichever that is, and to another if it died.

Calls(engine, nodes, sfu_of, ice)
  .join        answers a page's offer; finds, or replaces, the node
  .hang_up, .still, .mark, .legs, .close      at the node that carries the call
  .echo, .echo_leg                            the short call of the device check, which is recorded nowhere
  .ice_servers                                what browsers need for relaying

A call is pinned to a node by its row. When the node is gone the row names another one and ``node_epoch``
grows; both sides come back by themselves with their next offer, and recording goes on as a further segment.

Who may say what is decided by the pages; this module knows no Flask, no queue and no aiortc.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import Engine
from engine.store.tables import CaseRow
from handlers.video.nodes import Node, Nodes
from handlers.video.sfu import CallPlan, Leg, NoSuchCall, Sfu, SfuDown, SfuRefused, Still
from handlers.video.tables import CallRow, Role

log = structlog.get_logger("video.calls")

#: The finalizer's job, which every closed call gets.
FINISH = "recordings.finish"
#: Nodes that are tried for one offer.
_TRIES = 3
#: Calls of the device check have ids derived from the page's, under this name space.
_ECHO = UUID("1c51f31f-2b0f-4b0c-8ff0-5a5c1a4f8a3e")

IceServers = tuple[Mapping[str, Any], ...]


def place(call_id: UUID) -> str:
    """Return the place for which a call's key is sealed under its case's."""
    return f"video.key:{call_id}"


@dataclass(frozen=True)
class _Pinned:
    node: Node
    plan: CallPlan


class Calls:
    """What pages may do with calls.

    :param sfu_of: speaks to one node.
    :param ice: servers for relaying as browsers take them, with credentials of this moment.
    """

    def __init__(
        self, engine: Engine, nodes: Nodes, sfu_of: Callable[[Node], Sfu], ice: Callable[[], IceServers]
    ) -> None:
        self._engine = engine
        self._nodes = nodes
        self._sfu_of = sfu_of
        self._ice = ice

    def join(self, call_id: UUID, role: Role, offer: str) -> str:
        """Return the answer to a page's SDP offer; an earlier connection of the same side ends.

        :raises NoSuchCall: there is no such call, or it is over.
        :raises BadOffer: with nothing changed.
        :raises SfuDown: no node carries it at this moment; ask again in a second.
        """
        gone: set[UUID] = set()
        for _ in range(_TRIES):
            pinned = self._pin(call_id, gone)
            sfu = self._sfu_of(pinned.node)
            try:
                # Opening costs nothing where the call is open, and heals a node that was started anew.
                sfu.open(pinned.plan)
                return sfu.answer(call_id, role, offer)
            except SfuDown:
                log.warning("media node does not answer", call=str(call_id), node=str(pinned.node.id))
                gone.add(pinned.node.id)
            except NoSuchCall:
                # It moved between our look and our question, or its node was started anew: look again.
                continue
        raise SfuDown("no media node carries the call")

    def hang_up(self, call_id: UUID, role: Role) -> None:
        """End one side's connection; none there is as good."""
        self._sfu(call_id).hang_up(call_id, role)

    def still(self, call_id: UUID, role: Role) -> Still:
        """Return a picture of a side, not older than the question.

        :raises NotYet: none came within the time.
        """
        return self._sfu(call_id).still(call_id, role)

    def mark(self, call_id: UUID, event: Mapping[str, Any]) -> None:
        """Write plain JSON into the call's log of events, with the node's time."""
        self._sfu(call_id).mark(call_id, event)

    def legs(self, call_id: UUID) -> Mapping[Role, Leg]:
        """Tell how both sides are doing; a side that never came is not there."""
        return self._sfu(call_id).legs(call_id)

    def close(self, call_id: UUID) -> None:
        """End a call at its node and have its recordings finished; doing it twice changes nothing.

        A node that is gone is no obstacle: the finalizer seals what it left.
        """
        try:
            self._sfu(call_id).close(call_id)
        except SfuRefused as gone:
            log.info("call closed without its node", call=str(call_id), why=type(gone).__name__)
        with self._engine.database.transaction() as session:
            self._engine.queue.defer(session, FINISH, lock=str(call_id), call_id=str(call_id))

    # -- the device check -----------------------------------------------------------------------------

    def echo(self, session_key: UUID, offer: str) -> str:
        """Answer an offer with a call that sends everything back; it ends by itself after some seconds.

        :param session_key: names the check; a new offer of the same replaces the earlier one.
        :raises BadOffer: as :meth:`join`.
        :raises SfuDown: no node lives.
        """
        call_id = _echo_id(session_key)
        sfu = self._sfu_of(self._echo_node(call_id))
        sfu.open(CallPlan(call_id, 0, b"", recorded=False, ice_servers=self._ice()))
        return sfu.answer(call_id, "customer", offer)

    def echo_leg(self, session_key: UUID) -> Leg | None:
        """Tell how the check is doing (loss, kbps); None when it is over or never began."""
        call_id = _echo_id(session_key)
        try:
            return self._sfu_of(self._echo_node(call_id)).legs(call_id).get("customer")
        except SfuRefused:
            return None

    def ice_servers(self) -> IceServers:
        """Return what a browser needs for relaying; credentials in it are valid for some minutes."""
        return self._ice()

    # -- which node -----------------------------------------------------------------------------------

    def _echo_node(self, call_id: UUID) -> Node:
        """Return the same node for the same check as long as the same nodes live."""
        with self._engine.database.reading() as session:
            nodes = [node for node in self._nodes.live(session) if not node.draining]
        if not nodes:
            raise SfuDown("no media node lives")
        return max(nodes, key=lambda node: uuid5(call_id, str(node.id)).bytes)

    def _sfu(self, call_id: UUID) -> Sfu:
        with self._engine.database.reading() as session:
            node_id = session.scalar(select(CallRow.node_id).where(CallRow.id == call_id))
            node = None if node_id is None else self._nodes.get(session, node_id)
        if node is None:
            raise NoSuchCall("no node carries the call")
        return self._sfu_of(node)

    def _pin(self, call_id: UUID, gone: set[UUID]) -> _Pinned:
        """Return the call's node; another one than before if that is among ``gone`` or silent."""
        with self._engine.database.transaction() as session:
            row = session.get(CallRow, call_id, with_for_update=True)
            if row is None or row.closed_at is not None:
                raise NoSuchCall("the call is over")
            node = None if row.node_id is None else self._nodes.get(session, row.node_id)
            if node is None or node.id in gone or not node.live:
                node = self._moved(session, row, node, gone)
            case = session.get_one(CaseRow, row.case_id)
            key = self._engine.keyring.case_key(str(case.id), case.key).open(row.key, place(call_id))
            plan = CallPlan(call_id, row.node_epoch, key, ice_servers=self._ice())
        return _Pinned(node, plan)

    def _moved(self, session: Session, row: CallRow, before: Node | None, gone: set[UUID]) -> Node:
        try:
            node = self._nodes.choose(session, gone)
        except SfuDown:
            # All are silent: perhaps only the database was away. The node itself knows best.
            if before is None or before.id in gone:
                raise
            return before
        if before is None or node.id != before.id:
            row.node_id, row.node_epoch = node.id, row.node_epoch + 1
            log.info("call goes to a node", call=str(row.id), node=str(node.id), epoch=row.node_epoch)
        return node


def _echo_id(session_key: UUID) -> UUID:
    return uuid5(_ECHO, str(session_key))
