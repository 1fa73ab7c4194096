"""What a node writes into the database: which calls it has, how far their segments go, and who was seen.

A segment's row is there before its first record. Its head follows about once a second, after the file itself
has reached the disk: what the row says is certain to be in the file. A row that says more than its file, or
another thing, proves that the file was changed.

All of it blocks and runs in threads of the node's own; nothing of a call waits for it but its beginning.
"""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import orjson
from sqlalchemy import bindparam, func, insert, select, update

from engine.store import Database
from handlers.media.recording import Slot, new_segment_id, open_writer, slot_path
from handlers.media.segments import Mark, Sealer, Writer, statement
from handlers.video.sfu import CallPlan, NoSuchCall
from handlers.video.tables import CallRow, SegmentRow, TicketRow

#: The channel live pages listen to.
_CHANNEL = "kaihu"


@dataclass(frozen=True)
class Facts:
    """Whom to tell about a call."""

    case: str
    owner: str
    branch: str
    task: str
    agent: str
    ticket: str


@dataclass(frozen=True)
class Progress:
    """How far a segment goes, on the disk."""

    segment_id: UUID
    mark: Mark
    media_ms: int


@dataclass(frozen=True)
class Seen:
    """When media of both sides last came; real time."""

    call_id: UUID
    node_epoch: int
    customer: datetime | None
    agent: datetime | None


class Syncing(Protocol):
    """A file that is being written."""

    def sync(self) -> Mark:
        """Bring it to the disk; return the mark that is safe now."""
        ...


class Ledger:
    """One node's part of the database.

    :param folder: of the recordings.
    """

    def __init__(self, database: Database, node_id: UUID, folder: Path, sealer: Sealer) -> None:
        self._database = database
        self._node = node_id
        self._folder = folder
        self._sealer = sealer

    def adopt(self, plan: CallPlan) -> Facts:
        """Take a call over.

        :raises NoSuchCall: it is over, or has moved on to another node.
        """
        mine = (
            (CallRow.id == plan.call_id)
            & (CallRow.node_epoch == plan.node_epoch)
            & CallRow.closed_at.is_(None)
        )
        facts = (
            select(TicketRow, CallRow.agent)
            .join(CallRow, CallRow.ticket_id == TicketRow.id)
            .where(CallRow.id == plan.call_id)
        )
        with self._database.transaction() as session:
            taken = session.execute(
                update(CallRow).where(mine).values(node_id=self._node).returning(CallRow.id)
            )
            if taken.one_or_none() is None:
                raise NoSuchCall("the call is over, or another node has it")
            ticket, agent = session.execute(facts).one()
            return Facts(
                str(ticket.case_id),
                ticket.owner,
                ticket.branch,
                str(ticket.task_id),
                str(agent),
                str(ticket.id),
            )

    def begin(self, plan: CallPlan, role: str) -> tuple[Slot, Writer]:
        """Begin the next segment of a side, or of the events: its file and its row."""
        segment_id = new_segment_id()
        of_role = (SegmentRow.call_id == plan.call_id) & (SegmentRow.role == role)
        with self._database.transaction() as session:
            # Two beginnings of one call wait for each other here, so that numbers are never drawn twice.
            session.execute(select(CallRow.id).where(CallRow.id == plan.call_id).with_for_update())
            number = (
                session.scalar(select(func.coalesce(func.max(SegmentRow.number) + 1, 0)).where(of_role)) or 0
            )
            slot = Slot(
                segment_id, plan.call_id, role, number, slot_path(plan.call_id, role, number, segment_id)
            )
            writer = open_writer(self._folder, slot, plan.key)
            try:
                session.execute(insert(SegmentRow).values(**self._row(slot, writer.mark)))
                session.flush()
            except BaseException:
                writer.close()
                raise
        return slot, writer

    def note(self, progress: Sequence[Progress], seen: Sequence[Seen]) -> set[UUID]:
        """Write how far segments go and who was seen; return the calls that are ours no more."""
        heads = (
            update(SegmentRow)
            .where(SegmentRow.id == bindparam("segment"), SegmentRow.sealed_at.is_(None))
            .values(
                head=bindparam("to_head"),
                records=bindparam("to_records"),
                size=bindparam("to_size"),
                media_ms=bindparam("to_ms"),
            )
        )
        with self._database.transaction() as session:
            connection = session.connection()
            if progress:
                connection.execute(heads, [_head(one) for one in progress])
            return {one.call_id for one in seen if not self._see(connection, one)}

    def _see(self, connection: Any, one: Seen) -> bool:
        times = {
            name: when
            for name, when in (("customer_seen_at", one.customer), ("agent_seen_at", one.agent))
            if when is not None
        }
        ours = (
            (CallRow.id == one.call_id)
            & (CallRow.node_epoch == one.node_epoch)
            & (CallRow.node_id == self._node)
        )
        if not times:
            return connection.execute(select(CallRow.id).where(ours)).one_or_none() is not None
        return bool(connection.execute(update(CallRow).where(ours).values(**times)).rowcount)

    def seal(self, slot: Slot, mark: Mark, media_ms: int) -> None:
        """Seal a segment that is closed; one the finalizer has sealed meanwhile stays as it is."""
        sealed_at = datetime.now(UTC)
        said = statement(
            slot.id,
            slot.call_id,
            slot.role,
            slot.number,
            mark.records,
            mark.size,
            media_ms,
            mark.head,
            sealed_at,
        )
        values = {
            "head": mark.head,
            "records": mark.records,
            "size": mark.size,
            "media_ms": media_ms,
            "sealed_at": sealed_at,
            "signature": self._sealer.sign(said),
        }
        open_one = (SegmentRow.id == slot.id) & SegmentRow.sealed_at.is_(None)
        with self._database.transaction() as session:
            session.execute(update(SegmentRow).where(open_one).values(**values))

    def tell(self, told: Iterable[Facts]) -> None:
        """Wake the pages of both sides."""
        with self._database.transaction() as session:
            for facts in told:
                page = {name: getattr(facts, name) for name in ("case", "owner", "branch", "task")}
                for payload in (page, {"agent": facts.agent, "ticket": facts.ticket}):
                    session.execute(select(func.pg_notify(_CHANNEL, orjson.dumps(payload).decode())))

    def _row(self, slot: Slot, mark: Mark) -> dict[str, Any]:
        return {
            "id": slot.id,
            "call_id": slot.call_id,
            "role": slot.role,
            "number": slot.number,
            "node_id": self._node,
            "path": slot.path,
            "opened_at": datetime.now(UTC),
            "head": mark.head,
            "records": mark.records,
            "size": mark.size,
            "media_ms": 0,
            "sealed_at": None,
            "recovered": False,
            "signature": None,
        }


def _head(one: Progress) -> dict[str, Any]:
    return {
        "segment": one.segment_id,
        "to_head": one.mark.head,
        "to_records": one.mark.records,
        "to_size": one.mark.size,
        "to_ms": one.media_ms,
    }


def on_disk(files: Iterable[tuple[Syncing, Slot, int]]) -> list[Progress]:
    """Bring files to the disk, and say how far each of them goes there.

    :param files: each with its slot, and its milliseconds when this was asked.
    """
    progress = []
    for file, slot, media_ms in files:
        # One that was closed meanwhile is sealed next, by the same thread.
        with contextlib.suppress(OSError):
            progress.append(Progress(slot.id, file.sync(), media_ms))
    return progress
