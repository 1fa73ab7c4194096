"""Facts that the finalizer notes and the verification finds again, or does not."""

from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from engine import Engine
from engine.store import SealBroken
from handlers.recordings.kept import Kept
from handlers.video.tables import SnapshotRow

#: The journal's word for a finished recording; its facts have the call and the hash of all of it.
RECORDED = "video.recorded"
#: What lies behind a seal, when nothing does.
NOTHING = {"size": 0, "sha256": ""}


def behind(path: Path, size: int) -> dict[str, Any]:
    """Return how many bytes lie behind ``size`` in a file, and their hash: what no seal covers."""
    digest, count = sha256(), 0
    try:
        with path.open("rb") as file:
            file.seek(size)
            while piece := file.read(1 << 20):
                digest.update(piece)
                count += len(piece)
    except OSError:
        return {"size": -1, "sha256": ""}
    return {"size": count, "sha256": digest.hexdigest() if count else ""}


def snapshot(session: Session, engine: Engine, found: Kept, row: SnapshotRow) -> dict[str, Any]:
    """Return what there is to say of a snapshot: whose pictures, and their hashes."""
    return {
        "id": str(row.id),
        "kind": row.kind,
        "discarded": row.discarded,
        "still": picture(session, engine, found, row.still),
        "frame": picture(session, engine, found, row.frame),
    }


def picture(session: Session, engine: Engine, found: Kept, file_id: UUID | None) -> dict[str, str] | None:
    """Return a file's id and the hash of its plain bytes; no hash when it is not what was stored."""
    if file_id is None:
        return None
    try:
        stored = engine.files.get(session, found.case_key, file_id)
    except SealBroken:
        stored = None
    return {"file": str(file_id), "sha256": stored[0].sha256 if stored else ""}
