"""Media nodes: which processes carry calls, how busy they are, and which one a new call goes to.

A node announces itself and says every second that it lives; time is the database's own, so that clocks of
several machines need not agree. Two live nodes are drawn and the less busy one is taken: nearly as even as
looking at all, and no two callers crowd the same one.

Tables owned here: media_node.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.orm import Session

from engine.store import Database
from handlers.video.sfu import SfuDown
from handlers.video.tables import NodeRow

#: A node that was silent longer than this takes no new calls, in seconds.
SILENT_SECONDS = 3.0


@dataclass(frozen=True)
class Node:
    """A process that carries calls."""

    id: UUID
    #: embedded or janus
    adapter: str
    #: Where the web process reaches it.
    url: str
    #: Whether it has said so in the last seconds.
    live: bool
    #: Whether it only finishes the calls it has.
    draining: bool
    calls: int
    capacity: int
    #: Share of one core it uses, from 0.
    load: float


class Nodes:
    """The media nodes of one installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- what a node says of itself -------------------------------------------------------------------

    def register(self, url: str, capacity: int, adapter: str = "embedded") -> UUID:
        """Announce a node that has just started; each start is a node of its own.

        :param capacity: most calls at a time.
        """
        node_id = uuid4()
        now = func.clock_timestamp()
        row = {"id": node_id, "adapter": adapter, "url": url, "capacity": capacity, "calls": 0, "load": 0.0}
        with self._database.transaction() as session:
            session.execute(insert(NodeRow).values(**row, heartbeat_at=now, started_at=now, draining=False))
        return node_id

    def heartbeat(self, id: UUID, calls: int, load: float, *, draining: bool = False) -> None:
        """Say that a node lives and how busy it is."""
        said = {"calls": calls, "load": load, "draining": draining, "heartbeat_at": func.clock_timestamp()}
        with self._database.transaction() as session:
            session.execute(update(NodeRow).where(NodeRow.id == id).values(**said))

    def leave(self, id: UUID) -> None:
        """Say that a node has ended; what it recorded still names it."""
        silent = func.clock_timestamp() - timedelta(seconds=2 * SILENT_SECONDS)
        gone = {"calls": 0, "load": 0.0, "draining": True, "heartbeat_at": silent}
        with self._database.transaction() as session:
            session.execute(update(NodeRow).where(NodeRow.id == id).values(**gone))

    # -- who carries what -----------------------------------------------------------------------------

    def choose(self, session: Session, but: Collection[UUID] = ()) -> Node:
        """Return the node a new call goes to.

        :param but: nodes that have just failed.
        :raises SfuDown: no node lives that has room.
        """
        free = (NodeRow.calls < NodeRow.capacity) & ~NodeRow.draining & NodeRow.id.not_in(list(but))
        drawn = select(NodeRow).where(_live(), free).order_by(func.random()).limit(2)
        rows = session.scalars(drawn).all()
        if not rows:
            raise SfuDown("no media node has room for a call")
        return _node(min(rows, key=lambda row: (row.calls / row.capacity, row.load)), live=True)

    def get(self, session: Session, id: UUID) -> Node | None:
        """Return a node, whether it lives or not."""
        found = session.execute(select(NodeRow, _live()).where(NodeRow.id == id)).one_or_none()
        return None if found is None else _node(found[0], live=found[1])

    def live(self, session: Session) -> list[Node]:
        """Return the nodes that live, in the order of their ids."""
        rows = session.scalars(select(NodeRow).where(_live()).order_by(NodeRow.id))
        return [_node(row, live=True) for row in rows]


def _live() -> ColumnElement[bool]:
    return NodeRow.heartbeat_at > func.clock_timestamp() - timedelta(seconds=SILENT_SECONDS)


def _node(row: NodeRow, *, live: bool) -> Node:
    return Node(row.id, row.adapter, row.url, live, row.draining, row.calls, row.capacity, row.load)
