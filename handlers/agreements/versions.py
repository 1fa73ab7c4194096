"""Versions of agreements that the company makes: proposed by one person, approved by another (R-220).

Nothing is overwritten: a text once proposed stays as it was. What is in force on a day is the approved
version with the latest day of effect; where there is none, the text the product comes with. Each change of
state is written into the journal of whoever made it.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text
from sqlalchemy.orm import Session, defer

from engine import Actor, FourEyes, clock
from engine.parameters import Parameters
from engine.store import Journal, JournalEntry
from handlers.agreements import glyphs, templates
from handlers.agreements.documents import (
    Document,
    UnknownDocument,
    document,
    extra_codes,
    fingerprint,
    shipped,
    wanted,
)
from handlers.agreements.standing import State, standing, state
from handlers.agreements.tables import VersionRow

#: Number of the lock under which versions get their names.
_NAMING = 0x6B616732


class ProposalGone(Exception):
    """A proposal was approved or withdrawn already, or never was."""


@dataclass(frozen=True)
class Version:
    """One version as staff see it.

    :param id: None for the text the product comes with.
    :param effective_from: business day; None for the shipped text, which always was.
    """

    id: UUID | None
    document: Document
    state: State
    types: frozenset[str] = frozenset()
    account_types: frozenset[str] = frozenset()
    effective_from: date | None = None
    made_by: str = ""
    made_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    previewed: bool = False


@dataclass(frozen=True)
class Proposal:
    """A text somebody wants to be the next version.

    :param effective_from: business day from which it stands; it must not be past when it is approved.
    :param types: process ids it holds for; empty for every business. ``account_types`` likewise.
    """

    code: str
    title: str
    html: str
    effective_from: date
    types: frozenset[str] = frozenset()
    account_types: frozenset[str] = frozenset()


class Agreements:
    """Which text stands, and since when.

    :param journal: where it is written down who made and approved what.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    # -- what stands --------------------------------------------------------------------------------

    def in_force(
        self, session: Session, code: str, on: date, *, type: str = "", account_type: str = ""
    ) -> Document:
        """Return the document in force on a business day.

        :param type: for which business; without it, only versions for every business count. ``account_type``
            likewise.
        :raises UnknownDocument: neither the company nor the product has it.
        """
        return self._in_force(session, [code], on, type, account_type)[0]

    def documents(
        self,
        session: Session,
        parameters: Parameters,
        type: str,
        account_type: str,
        on: date,
        data: Mapping[str, Any] | None = None,
    ) -> list[Document]:
        """Return the company's agreements for a business, in order (R-150, R-151, A-14).

        :param data: of a case, for what its answers call for besides (G-40).
        """
        codes = [*wanted(parameters, type, account_type), *extra_codes(data or {})]
        return self._in_force(session, codes, on, type, account_type)

    def exact(self, session: Session, code: str, version: str, sha256: str) -> Document:
        """Return a document in the very version that was listed, read or agreed to.

        :raises UnknownDocument: it is not kept: a text that an earlier release of the product came with.
        """
        row = session.scalar(
            select(VersionRow)
            .options(defer(VersionRow.preview))
            .where(
                VersionRow.code == code,
                VersionRow.sha256 == sha256,
                VersionRow.version == version,
                VersionRow.approved_at.is_not(None),
            )
        )
        found = document(code) if row is None else _document(row)
        if (found.version, found.sha256) != (version, sha256):
            raise UnknownDocument(code)
        return found

    def outdated(
        self,
        session: Session,
        listed: Collection[Mapping[str, Any]],
        on: date,
        *,
        type: str,
        account_type: str,
    ) -> list[Document]:
        """Return what stands now in place of listed documents that no longer do (R-158)."""
        now = self._in_force(session, [str(one["code"]) for one in listed], on, type, account_type)
        return [
            new
            for old, new in zip(listed, now, strict=True)
            if (old.get("version"), old.get("sha256")) != (new.version, new.sha256)
        ]

    @staticmethod
    def _in_force(
        session: Session, codes: Sequence[str], on: date, type: str, account_type: str
    ) -> list[Document]:
        """Return the documents in force by one query, in the order of ``codes``."""
        if not codes:
            return []
        rows = session.scalars(
            select(VersionRow)
            .options(defer(VersionRow.html), defer(VersionRow.preview))
            .where(VersionRow.code.in_(codes), VersionRow.approved_at.is_not(None))
        ).all()
        found = {
            code: standing([row for row in rows if row.code == code], on, type, account_type)
            for code in codes
        }
        return [document(code) if (row := found[code]) is None else _document(row) for code in codes]

    # -- what staff do ------------------------------------------------------------------------------

    def propose(self, session: Session, proposal: Proposal, actor: Actor) -> Version:
        """Take down a text as the next version; nobody reads it until another person approves.

        :raises templates.TemplateRefused: the text is not fit to be an agreement; it says why.
        """
        title = proposal.title.strip()
        html = proposal.html.replace("\r\n", "\n").strip() + "\n"
        must_be_fit(proposal.code, title, html, proposal.effective_from)
        session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _NAMING})
        row = VersionRow(
            id=uuid4(),
            code=proposal.code,
            version=self._next(session, proposal.code, proposal.effective_from),
            title=title,
            html=html,
            sha256=fingerprint(html),
            types=sorted(proposal.types),
            account_types=sorted(proposal.account_types),
            effective_from=proposal.effective_from,
            made_by=actor.label,
            made_at=clock.now(),
        )
        session.add(row)
        session.flush()
        self._note(session, "agreement.proposed", row, actor)
        return _version(row, "proposed")

    def approve(self, session: Session, version_id: UUID, actor: Actor) -> Version:
        """Let a proposal stand from its day on.

        :raises FourEyes: who made it cannot approve it.
        :raises ProposalGone: it was approved or withdrawn already.
        :raises templates.TemplateRefused: its day is past; propose it again for another.
        """
        row = self._open(session, version_id)
        if row.made_by == actor.label:
            raise FourEyes
        _must_be_ahead(row.effective_from)
        row.approved_by, row.approved_at = actor.label, clock.now()
        session.flush()
        self._note(session, "agreement.approved", row, actor)
        return _version(row, "in_force" if row.effective_from <= clock.today() else "coming")

    def withdraw(self, session: Session, version_id: UUID, actor: Actor) -> None:
        """Take back a proposal that nobody has approved.

        :raises ProposalGone: it was approved or withdrawn already.
        """
        row = self._open(session, version_id)
        row.withdrawn_by, row.withdrawn_at = actor.label, clock.now()
        session.flush()
        self._note(session, "agreement.withdrawn", row, actor)

    def history(self, session: Session, code: str, on: date) -> list[Version]:
        """Return every version of a document, newest first, the shipped text last."""
        rows = list(
            session.scalars(
                select(VersionRow)
                .options(defer(VersionRow.preview))
                .where(VersionRow.code == code)
                .order_by(VersionRow.made_at.desc())
            )
        )
        previewed = set(
            session.scalars(
                select(VersionRow.id).where(VersionRow.code == code, VersionRow.preview.is_not(None))
            )
        )
        found = [_version(row, state(row, rows, on), row.id in previewed) for row in rows]
        try:
            own = document(code)
        except UnknownDocument:
            return found
        everybody = any(v.state == "in_force" and not v.types and not v.account_types for v in found)
        return [*found, Version(None, own, "replaced" if everybody else "in_force")]

    def preview(self, session: Session, version_id: UUID) -> bytes | None:
        """Return a version as PDF with sample data; None until the job has written it."""
        return session.scalar(select(VersionRow.preview).where(VersionRow.id == version_id))

    def codes(self, session: Session, parameters: Parameters) -> list[str]:
        """Return the code of every document: the company's list in its order, then the others."""
        made = session.scalars(select(VersionRow.code).distinct())
        listed = [need.code for need in parameters.agreements]
        return list(dict.fromkeys([*listed, *shipped(), *sorted(made)]))

    def _open(self, session: Session, version_id: UUID) -> VersionRow:
        row = session.scalar(
            select(VersionRow)
            .options(defer(VersionRow.preview))
            .where(VersionRow.id == version_id)
            .with_for_update()
        )
        if row is None or row.approved_at is not None or row.withdrawn_at is not None:
            raise ProposalGone
        return row

    @staticmethod
    def _next(session: Session, code: str, day: date) -> str:
        """Return a name that no version of the document has: its day, and a number where that is taken."""
        taken = set(session.scalars(select(VersionRow.version).where(VersionRow.code == code)))
        if code in shipped():
            taken.add(document(code).version)
        name, number = f"{day:%Y-%m-%d}", 2
        while name in taken:
            name, number = f"{day:%Y-%m-%d}.{number}", number + 1
        return name

    def _note(self, session: Session, kind: str, row: VersionRow, actor: Actor) -> None:
        facts = {"code": row.code, "version": row.version, "sha256": row.sha256}
        facts["effective_from"] = row.effective_from.isoformat()
        self._journal.write_outside(session, actor.label, JournalEntry(kind, actor.label, facts), clock.now())


def must_be_fit(code: str, title: str, html: str, effective_from: date) -> None:
    """Raise TemplateRefused unless a text may be proposed."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", code):
        raise templates.TemplateRefused(
            "协议代码只能使用小写字母、数字和下划线，以字母开头",
            "A code is lower-case letters, digits and _ only",
        )
    if not 0 < len(title) <= 60:
        raise templates.TemplateRefused(
            "请填写协议名称，最多60个字", "Please give a title of at most 60 characters"
        )
    _must_be_ahead(effective_from)
    templates.check(code, html)
    lacking = glyphs.missing(title + templates.words(html))
    if lacking is not None:
        shown = f"“{lacking}”（U+{ord(lacking):04X}）"
        raise templates.TemplateRefused(
            f"协议字体中没有{shown}，请换用其他写法",
            f"The agreements' font has no {shown}; please write it otherwise",
        )


def _must_be_ahead(day: date) -> None:
    if day < clock.today():
        raise templates.TemplateRefused("生效日期不能早于今天", "The day of effect must not be past")


def _document(row: VersionRow) -> Document:
    return Document(row.code, row.title, row.version, row.sha256, row.html)


def _version(row: VersionRow, state: State, previewed: bool = False) -> Version:
    return Version(
        id=row.id,
        document=_document(row),
        state=state,
        types=frozenset(row.types),
        account_types=frozenset(row.account_types),
        effective_from=row.effective_from,
        made_by=row.made_by,
        made_at=row.made_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        withdrawn_by=row.withdrawn_by,
        withdrawn_at=row.withdrawn_at,
        previewed=previewed,
    )
