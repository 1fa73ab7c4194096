"""A case's data as they stood when a call ended: what the agent saw and decided about.

Later pages and corrections change a case; the journal has each answer as it was given.
"""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from engine import Engine
from engine.store import JournalEntry
from handlers.recordings.kept import Kept


def data_then(session: Session, engine: Engine, found: Kept) -> dict[str, Any]:
    """Return the data a case began with and every answer up to the call's decision, or its end."""
    case_id: UUID = found.call.case_id
    data: dict[str, Any] = {}
    for entry in engine.journal.of_case(session, case_id, found.case_key):
        if found.call.closed_at is not None and entry.at is not None and entry.at > found.call.closed_at:
            break
        sealed = entry.sealed or {}
        if entry.kind == "case.started":
            data.update(sealed.get("data") or {})
        elif "variable" in sealed and "answers" in sealed:
            data[str(sealed["variable"])] = sealed["answers"]
        if _is_decision(entry, found):
            break
    return data


def _is_decision(entry: JournalEntry, found: Kept) -> bool:
    answers = (entry.sealed or {}).get("answers")
    return isinstance(answers, dict) and answers.get("call") == str(found.call.id)
