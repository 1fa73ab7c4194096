"""Telling an authority elsewhere which of its certificates ended: at least once, soon, and in any case.

A certificate ends in the step's transaction, in our table, and counts as ended here from then on. The worker
looks every minute for what was not told yet, so that neither a crash nor an authority that is down loses a
revocation; one that was told twice does no harm there (the contract says so).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, cast

import structlog
from sqlalchemy import select, update

from engine.store import Database
from handlers.certificates.protocol import AuthorityDown, Reason
from handlers.certificates.realtime import RealTime
from handlers.certificates.tables import CertificateRow

log = structlog.get_logger("certificates")

#: Certificates told of in one round.
AT_ONCE = 100


class Revokes(Protocol):
    """An authority that must be told."""

    def end(self, serial: str, reason: Reason, at: datetime) -> None:
        """Tell of one certificate, or raise AuthorityDown."""


class Reports:
    """Tells an authority what ended."""

    def __init__(
        self, database: Database, authority: Revokes, now: Callable[[], datetime] | None = None
    ) -> None:
        self._database = database
        self._authority = authority
        self._now = now or RealTime()

    def report(self) -> int:
        """Tell of everything that was not told yet; return how many were told."""
        ended = (
            select(CertificateRow.serial, CertificateRow.reason, CertificateRow.ended_at)
            .where(
                CertificateRow.issuer_id.is_(None),
                CertificateRow.reported_at.is_(None),
                CertificateRow.state.in_(("locked", "revoked")),
            )
            .order_by(CertificateRow.ended_at)
            .limit(AT_ONCE)
        )
        with self._database.reading() as session:
            found = list(session.execute(ended))
        told = 0
        for serial, reason, at in found:
            try:
                self._authority.end(serial, cast(Reason, reason), cast(datetime, at))
            except AuthorityDown as down:
                log.error("an ended certificate is not told to its authority", serial=serial, why=str(down))
                continue
            self._note(serial, reason)
            told += 1
        return told

    def _note(self, serial: str, reason: str | None) -> None:
        # Only for what was told: a lock that became a revocation in between is told again.
        with self._database.transaction() as session:
            session.execute(
                update(CertificateRow)
                .where(CertificateRow.serial == serial, CertificateRow.reason == reason)
                .values(reported_at=self._now())
            )
