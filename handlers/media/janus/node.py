"""A media node whose calls Janus carries: the node as it is, and a Janus beside it.

While Janus is away the node does not say that it lives, so that its calls go to other nodes.
"""

from collections.abc import Callable, Collection
from uuid import UUID

from sqlalchemy import update

from engine.store import Database
from handlers.media.janus.engine import Engine
from handlers.media.janus.leftovers import Leftovers
from handlers.media.ledger import Ledger
from handlers.media.node import Node
from handlers.media.recording import Tape
from handlers.video.tables import SegmentRow


class JanusNode(Node):
    """The calls of one process, carried by one Janus.

    :param beat: as for :class:`Node`.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        beat: Callable[[int, float, bool], None],
        janus: Engine,
        leftovers: Leftovers,
    ) -> None:
        super().__init__(ledger, beat, janus.connect)
        self._database, self._janus, self._leftovers = database, janus, leftovers
        self._says = self._beat
        self._beat = self._lives
        janus.died = self._janus_died

    async def begin(self) -> None:
        """Find Janus, record what an earlier node has left there, and begin."""
        await self._janus.start()
        await self._write(self._leftovers.recover, self._janus.spool)
        self.start()

    async def stop(self, patience: float) -> None:
        """End; see :meth:`Node.stop`."""
        await super().stop(patience)
        await self._janus.stop()

    def _lives(self, calls: int, load: float, draining: bool) -> None:
        if self._janus.alive:
            self._says(calls, load, draining)

    def _janus_died(self, calls: Collection[UUID]) -> None:
        """Note that what is sealed now ended with Janus: up to 4 KB of each stream never reached a file."""
        ended = [call for call in self._calls.values() if call.plan.call_id in calls]
        tapes = [file.slot.id for call in ended for file in call.files() if isinstance(file, Tape)]
        if tapes:
            self._later(self._write(recovered, self._database, tapes))


def recovered(database: Database, segments: Collection[UUID]) -> None:
    """Note of segments that their recording ended before its time."""
    with database.transaction() as session:
        session.execute(update(SegmentRow).where(SegmentRow.id.in_(segments)).values(recovered=True))
