"""What the worker does for the embedded authority by itself: responders, lists, nonces that are over.

``keep`` is called every minute by every worker and looks in the database whether anything is due, so that
a worker that was down or a second one changes nothing. Whatever goes wrong is told in the log and tried
again a minute later; it never stops the worker, whose other work has nothing to do with it.
"""

import time
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine import clock
from engine.store import Database
from handlers.certificates import ceremony, standing
from handlers.certificates.authority import EmbeddedAuthority
from handlers.certificates.customers import forget_enrolments
from handlers.certificates.protocol import CertificateFault
from handlers.certificates.tables import CrlRow, UnitRow

log = structlog.get_logger("certificates")

#: How old the newest list of an issuing unit grows; each is good for a day, so that a night may fail.
EVERY = timedelta(hours=1)
#: Seconds between two tellings of the same troubles by one process.
_TOLD_EVERY = 3600.0


class Upkeep:
    """Looks after the embedded authority."""

    def __init__(self, database: Database, authority: EmbeddedAuthority) -> None:
        self._database = database
        self._authority = authority
        self._told = -_TOLD_EVERY

    def keep(self) -> None:
        """Do what is due; safe to call at any time and by several workers at once."""
        try:
            self._keep()
        except CertificateFault as fault:
            log.error("the certification authority is not looked after", why=str(fault))
        except Exception:
            log.exception("looking after the certification authority broke")

    def _keep(self) -> None:
        with self._database.reading() as session:
            there = standing.is_set_up(session)
            due = there and self._is_due(session, self._authority.now())
        if due:
            with self._database.transaction() as session:
                done = ceremony.renew(session, self._authority)
            forget_enrolments(self._database, clock.now())
            log.info("responders and lists of the certification authority are renewed", done=done)
        if time.monotonic() - self._told >= _TOLD_EVERY:
            self._tell_troubles()

    @staticmethod
    def _is_due(session: Session, now: datetime) -> bool:
        """Tell whether a working issuing unit has no list of the last hour, or no responder."""
        newest = select(func.max(CrlRow.this_update)).where(CrlRow.issuer_id == UnitRow.id).scalar_subquery()
        lists = session.scalars(
            select(newest).where(UnitRow.role == "issuing", UnitRow.state.in_(("active", "answering")))
        )
        return any(made is None or made <= now - EVERY for made in lists) or _lacks_responder(session)

    def _tell_troubles(self) -> None:
        with self._database.reading() as session:
            for trouble in standing.troubles(session, self._authority):
                log.warning("the certification authority needs somebody", what=trouble)
        self._told = time.monotonic()


def _lacks_responder(session: Session) -> bool:
    responders = select(UnitRow.issuer_id).where(UnitRow.role == "ocsp", UnitRow.state == "active")
    lacking = select(UnitRow.id).where(
        UnitRow.role == "issuing",
        UnitRow.state.in_(("active", "answering")),
        UnitRow.id.not_in(responders),
    )
    return session.scalar(lacking.limit(1)) is not None
