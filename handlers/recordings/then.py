"""A case's data as they stood when a call ended: what the agent saw and decided about.

Later pages and corrections change a case; the journal has each answer as it was given.
"""

from typing import Any

from sqlalchemy.orm import Session

from engine import Engine
from handlers.recordings.kept import Kept


def data_then(session: Session, engine: Engine, found: Kept) -> dict[str, Any]:
    """Return the data a case began with and every answer that was given until the call ended."""
    until = found.call.closed_at
    data: dict[str, Any] = {}
    for entry in engine.journal.of_case(session, found.call.case_id, found.case_key):
        if until is not None and entry.at is not None and entry.at > until:
            break
        sealed = entry.sealed or {}
        if entry.kind == "case.started":
            data.update(sealed.get("data") or {})
        elif "variable" in sealed and "answers" in sealed:
            data[str(sealed["variable"])] = sealed["answers"]
    return data
