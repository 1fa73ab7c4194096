"""Sealing what a dead writer left: everything that is whole, and no byte of the file is touched.

The database has the last head that was safe on the disk, at most a second old. The chain must pass through
it; what lies behind it was written in that last second and is kept as well. What was torn by a power cut
stays where it lies, outside the seal, and the report names its hash.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from sqlalchemy import update

from engine import Engine
from handlers.media.segments import Mark, Reader, Sealer, SegmentBroken, statement
from handlers.recordings.kept import Kept, mark
from handlers.recordings.measuring import measure
from handlers.video.tables import SegmentRow

log = structlog.get_logger("recordings")


@dataclass(frozen=True)
class Recovered:
    """What was found behind the last head that the database knew.

    :param torn: bytes behind the last whole record.
    """

    records: int
    size: int
    media_ms: int
    torn: int


def recover(engine: Engine, folder: Path, sealer: Sealer, kept: Kept, row: SegmentRow) -> Recovered | None:
    """Seal one segment whose writer is dead; None when it is not what the database knew of it.

    Safe to run twice and at once: one seal is laid down, by whoever comes first.
    """
    path = folder / row.path
    left = whole(path, kept, row)
    if left is None:
        log.error("a segment is not what was noted of it", call=str(row.call_id), segment=str(row.id))
        return None
    ms = row.media_ms
    if row.role != "events":
        found = measure(path, kept.key, row.id)
        ms = max(ms, round(found.end))
    now = datetime.now(UTC)
    said = statement(row.id, row.call_id, row.role, row.number, left.records, left.size, ms, left.head, now)
    sealed = {
        "records": left.records,
        "size": left.size,
        "head": left.head,
        "media_ms": ms,
        "sealed_at": now,
        "recovered": True,
        "signature": sealer.sign(said),
    }
    with engine.database.transaction() as session:
        unsealed = (SegmentRow.id == row.id, SegmentRow.sealed_at.is_(None))
        session.execute(update(SegmentRow).where(*unsealed).values(**sealed))
    behind = Recovered(
        left.records - row.records, left.size - row.size, ms - row.media_ms, path.stat().st_size - left.size
    )
    log.warning("a segment was sealed after its writer had died", segment=str(row.id), records=behind.records)
    return behind


def whole(path: Path, kept: Kept, row: SegmentRow) -> Mark | None:
    """Return how far a segment is whole; None when its chain does not pass through what was noted."""
    reader = Reader(path, kept.key, row.id)
    passed = reader.mark == mark(row)
    try:
        for _ in reader:
            passed = passed or reader.mark == mark(row)
    except SegmentBroken:
        pass  # a disk that lost its power leaves such records at the end
    except OSError:
        return None
    return reader.mark if passed else None
