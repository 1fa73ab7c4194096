"""Where the embedded authority stands: its units, its lists, and what people must do about them in time."""

from datetime import datetime, timedelta

from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handlers.certificates import lists, profiles
from handlers.certificates.authority import EmbeddedAuthority
from handlers.certificates.profiles import Role
from handlers.certificates.protocol import NoAuthority
from handlers.certificates.tables import CertificateRow, UnitRow
from handlers.certificates.units import Unit

#: How long before a unit's end people are told to rotate it; an issuing unit must outlast what it issues.
_ROTATE_BEFORE: dict[Role, timedelta] = {
    "root": profiles.LASTS["issuing"],
    "issuing": profiles.LASTS["customer"] + timedelta(days=90),
    "tsa": timedelta(days=365),
    "seal": timedelta(days=90),
}
#: The root's list is made by people, who need some weeks to come together; the others' by the worker.
_PEOPLE_NEED = timedelta(days=30)


def is_set_up(session: Session) -> bool:
    """Tell whether an authority stands here."""
    return session.scalar(select(UnitRow.id).where(UnitRow.role == "root").limit(1)) is not None


def is_demonstration(session: Session) -> bool:
    """Tell whether any unit here was made by a demonstration, whose passphrase lies beside its root."""
    found = session.scalars(select(UnitRow.certificate).where(UnitRow.role == "root"))
    return any(profiles.is_demonstration(certificate) for certificate in found)


def state_of(session: Session, authority: EmbeddedAuthority) -> list[str]:
    """Return what stands, until when, and how many certificates there are; or raise NoAuthority."""
    if not is_set_up(session):
        raise NoAuthority
    now = authority.now()
    counted = session.execute(
        select(CertificateRow.state, func.count())
        .group_by(CertificateRow.state)
        .order_by(CertificateRow.state)
    )
    told = []
    for unit, state in authority.units.all(session):
        due = state == "active" and _must_be_rotated(unit, now)
        told.append(line(unit, state) + ("  ROTATE" if due else ""))
    for unit in _with_lists(session, authority):
        row = lists.newest(session, unit)
        late = "  OVER" if row.next_update < now else ""
        told.append(f"{unit.name}.crl  number {row.number}, until {row.next_update:%Y-%m-%d %H:%M} UTC{late}")
    return [*told, *(f"customers' certificates {state}: {count}" for state, count in counted)]


def troubles(session: Session, authority: EmbeddedAuthority) -> list[str]:
    """Return what somebody must do, each with the command for it; empty when all is well."""
    if not is_set_up(session):
        return ["no certification authority is set up: kaihu ca init"]
    now, told, active = authority.now(), [], set()
    for unit, _ in authority.units.all(session, "active"):
        active.add(unit.role)
        if _must_be_rotated(unit, now):
            ends = f"{unit.certificate.not_valid_after_utc:%Y-%m-%d}"
            what = "see docs/certificates.md" if unit.role == "root" else f"kaihu ca rotate {unit.role}"
            told.append(f"{unit.name} ends on {ends}: {what}")
    for role in ("issuing", "ocsp", "tsa", "seal"):
        if role not in active:
            told.append(f"there is no {role} unit: kaihu ca rotate {role}")
    for unit in _with_lists(session, authority):
        row, people = lists.newest(session, unit), unit.role == "root"
        if row.next_update < now + (_PEOPLE_NEED if people else timedelta(0)):
            is_over = "is over" if row.next_update < now else "ends soon"
            until = f"{row.next_update:%Y-%m-%d %H:%M} UTC"
            told.append(f"{unit.name}.crl {is_over} ({until}): kaihu ca crl{' --root' if people else ''}")
    return told


def line(unit: Unit, state: str) -> str:
    """Return one line about a unit, with the fingerprint that people compare."""
    print_ = unit.certificate.fingerprint(SHA256()).hex(":").upper()
    return (
        f"{unit.name:<10} {state:<9} until {unit.certificate.not_valid_after_utc:%Y-%m-%d}  SHA-256 {print_}"
    )


def _must_be_rotated(unit: Unit, now: datetime) -> bool:
    left = unit.certificate.not_valid_after_utc - now
    return left < _ROTATE_BEFORE.get(unit.role, timedelta(0))


def _with_lists(session: Session, authority: EmbeddedAuthority) -> list[Unit]:
    units = authority.units.all(session, "active", "answering")
    return [unit for unit, _ in units if unit.role in ("root", "issuing")]
