"""One paper, and what a case says of those it needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from handlers.agreements.tables import PaperRow


@dataclass(frozen=True)
class Paper:
    """One agreement as PDF for one case, with a hole for the customer's signature.

    :param document_sha256: of the agreement's template, hex; ``content``: of what is agreed to, hex.
    :param start: where the hole's ``<`` stands; ``end``: just behind its ``>``.
    :param digest: SHA-256 over ``pdf[:start] + pdf[end:]``, which is what the customer signs.
    """

    id: UUID
    case_id: UUID
    code: str
    title: str
    version: str
    document_sha256: str
    content: str
    file_id: UUID
    size: int
    start: int
    end: int
    digest: bytes
    made_at: datetime


class Known(Protocol):
    """What tells one paper from another."""

    @property
    def id(self) -> UUID: ...
    @property
    def code(self) -> str: ...


def listed_in(data: Mapping[str, Any]) -> tuple[str, list[dict[str, str]]]:
    """Return what a case has to sign: the hash of its content, and the documents."""
    told = data.get("agreements") or {}
    listed = told.get("documents") or ()
    due = [
        {n: str(one.get(n) or "") for n in ("code", "version", "sha256")}
        for one in listed
        if one.get("needed")
    ]
    return str(told.get("content") or ""), due


def paper_of(row: PaperRow) -> Paper:
    """Return what a row tells."""
    return Paper(
        id=row.id,
        case_id=row.case_id,
        code=row.code,
        title=row.title,
        version=row.version,
        document_sha256=row.document_sha256,
        content=row.content,
        file_id=row.file_id,
        size=row.size,
        start=row.hole_start,
        end=row.hole_end,
        digest=row.digest,
        made_at=row.made_at,
    )
