"""Ceremonies: what is done to the authority itself, by people, each in one transaction of the caller's.

The root's key is opened here and nowhere else. Every ceremony returns its transcript: lines for the
people who held it, with fingerprints they can compare, and nothing secret.
"""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from engine.store import Database
from handlers.certificates import lists, profiles, root, standing
from handlers.certificates.authority import EmbeddedAuthority
from handlers.certificates.profiles import Issuer, Role
from handlers.certificates.protocol import CeremonyRefused, NoAuthority, Reason
from handlers.certificates.standing import line
from handlers.certificates.tables import CertificateRow, UnitRow
from handlers.certificates.units import Unit

#: Any number will do, as long as nobody else locks by it.
_ONE_CEREMONY = 20260319
#: When less of a responder's time is left than this share, it is renewed.
_RENEW_BELOW = 1 / 3


@dataclass(frozen=True)
class Root:
    """Where the sealed root lies, and what opens it."""

    folder: Path
    passphrases: Sequence[str] = field(repr=False)


def set_up(session: Session, authority: EmbeddedAuthority, sealed: Root) -> list[str]:
    """Make the whole hierarchy and the first lists; the root's key remains only in its sealed file.

    :raises CeremonyRefused: an authority stands here already, or a passphrase is too short.
    """
    _alone(session)
    if standing.is_set_up(session):
        raise CeremonyRefused("an authority stands here already")
    now, company, units = authority.now(), authority.company, authority.units
    key = ec.generate_private_key(ec.SECP384R1())
    top = units.add(session, "root", 1, profiles.root(company, key, 1, now), now)
    _new(session, authority, "issuing", top, key)
    _new(session, authority, "tsa", top, key)
    issuing = units.active(session, "issuing")
    for role in ("ocsp", "seal"):
        _new(session, authority, role, issuing, issuing.signing_key())
    lists.publish(session, top, key, now, lists.ROOTS_LAST)
    authority.publish_crls(session)
    # The file comes last: a ceremony that fails leaves none, and one without its rows opens nothing.
    path = root.write(sealed.folder, top.certificate, key, sealed.passphrases)
    return [f"root key sealed in {path}: keep this file offline", *_transcript(session, authority)]


def set_up_demo(database: Database, authority: EmbeddedAuthority, folder: Path) -> None:
    """Make the hierarchy of a demonstration, once; the passphrase lies beside the sealed root.

    Two processes at once end with the same authority.

    :param folder: of the demonstration's secrets; ``root-passphrase`` is made there.
    """
    with database.transaction() as session:
        _alone(session)
        if not standing.is_set_up(session):
            set_up(session, authority, Root(folder, (demo_passphrase(folder),)))


def demo_passphrase(folder: Path) -> str:
    """Return the passphrase of a demonstration's root; made when there is none."""
    path = folder / "root-passphrase"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = folder / f".root-passphrase.{secrets.token_hex(4)}"
        with open(part, "x", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, 0o600)) as out:
            out.write(secrets.token_urlsafe(32) + "\n")
        try:
            os.link(part, path)
        except FileExistsError:
            pass  # another process was first; its passphrase is the one
        finally:
            part.unlink()
    return path.read_text("utf-8").strip()


def rotate(
    session: Session, authority: EmbeddedAuthority, role: Role, sealed: Root | None = None
) -> list[str]:
    """Put a new unit in the place of the present one.

    ocsp and seal are signed by the issuing unit; issuing and tsa need the root. An issuing unit that was
    replaced goes on answering for what it issued: it keeps its own list and responder. A replaced
    timestamp unit or seal simply signs no more; what it signed stays good.

    :raises CeremonyRefused: the root cannot be rotated, or is needed and not given.
    """
    _alone(session)
    if role == "root":
        raise CeremonyRefused("a new root is a new authority: set one up beside this one")
    if role in ("issuing", "tsa"):
        if sealed is None:
            raise CeremonyRefused(f"rotating {role} needs the root")
        top, key = _open_root(session, authority, sealed)
    else:
        top = authority.units.active(session, "issuing")
        key = top.signing_key()
    _retire(session, role, top, "answering" if role == "issuing" else "ended", authority.now())
    made = _new(session, authority, role, top, key)
    if role == "issuing":
        _new(session, authority, "ocsp", made, made.signing_key())
        authority.publish_crls(session)
    return [line(made, "active")]


def renew(session: Session, authority: EmbeddedAuthority) -> list[str]:
    """Renew responders that soon end and publish new lists; needs nobody, so a job may do it each hour.

    An issuing unit whose certificates are all over stops answering.
    """
    _alone(session)
    now, units, told = authority.now(), authority.units, []
    for issuer, state in units.all(session, "active", "answering"):
        if issuer.role != "issuing":
            continue
        if state == "answering" and not _has_living(session, issuer, now):
            _retire(session, "ocsp", issuer, "ended", now)
            session.execute(
                update(UnitRow).where(UnitRow.id == issuer.id).values(state="ended", ended_at=now)
            )
            told.append(f"{issuer.name} has nothing left to answer for")
            continue
        if _responder_is_due(session, authority, issuer, now):
            _retire(session, "ocsp", issuer, "ended", now)
            told.append(line(_new(session, authority, "ocsp", issuer, issuer.signing_key()), "active"))
    published = authority.publish_crls(session)
    return [*told, *(f"{name}.crl published" for name in published)]


def publish_root_crl(session: Session, authority: EmbeddedAuthority, sealed: Root) -> list[str]:
    """Make the root's next list, which is good for 180 days."""
    _alone(session)
    top, key = _open_root(session, authority, sealed)
    lists.publish(session, top, key, authority.now(), lists.ROOTS_LAST)
    return [f"{top.name}.crl published, until {lists.newest(session, top).next_update:%Y-%m-%d}"]


def revoke_unit(
    session: Session, authority: EmbeddedAuthority, name: str, reason: Reason, sealed: Root | None = None
) -> list[str]:
    """Revoke a unit whose key is lost or known; whoever is above it says so at once.

    :param sealed: needed for issuing and tsa, whose list the root signs.
    """
    _alone(session)
    unit = authority.units.named(session, name)
    if unit.role == "root":
        raise CeremonyRefused("nobody stands above the root to revoke it")
    above = authority.units.of(session, unit.issuer_id)
    opened = None
    if above.role == "root":
        if sealed is None:
            raise CeremonyRefused(f"revoking {name} needs the root")
        opened = _open_root(session, authority, sealed)
    now = authority.now()
    session.execute(
        update(UnitRow).where(UnitRow.id == unit.id).values(state="revoked", ended_at=now, reason=reason)
    )
    if opened is None:
        lists.publish(session, above, above.signing_key(), now, lists.CUSTOMERS_LAST)
    else:
        lists.publish(session, *opened, now, lists.ROOTS_LAST)
    return [f"{name} is revoked: {reason}"]


def drill(session: Session, authority: EmbeddedAuthority, sealed: Root) -> list[str]:
    """Prove that the sealed root opens and fits, that every unit's key opens and fits, that all verifies.

    Changes nothing; to be held from time to time with the custodians, on the copy kept offline.

    :raises CeremonyRefused: something does not fit; the message says what.
    """
    top, key = _open_root(session, authority, sealed)
    _proves(top.name, key, top.certificate)
    told = [f"{top.name}: the sealed key opens and signs"]
    now = authority.now()
    for unit, state in authority.units.all(session):
        above = authority.units.of(session, unit.issuer_id)
        try:
            unit.certificate.verify_directly_issued_by(above.certificate)
        except (InvalidSignature, ValueError, TypeError) as wrong:
            raise CeremonyRefused(f"{unit.name} was not signed by {above.name}") from wrong
        if unit.role != "root":
            _proves(unit.name, unit.signing_key(), unit.certificate)
            told.append(f"{unit.name}: signed by {above.name}, the key opens and signs")
        if unit.role in ("root", "issuing") and state in ("active", "answering"):
            published = x509.load_der_x509_crl(lists.newest(session, unit).der)
            public = unit.certificate.public_key()
            if not isinstance(public, ec.EllipticCurvePublicKey) or not published.is_signature_valid(public):
                raise CeremonyRefused(f"{unit.name}.crl is not signed by {unit.name}")
            until = published.next_update_utc
            late = " and is over" if until is None or until < now else ""
            told.append(f"{unit.name}.crl: verifies, until {until:%Y-%m-%d %H:%M} UTC{late}")
    return told


def custodians(session: Session, authority: EmbeddedAuthority, folder: Path) -> int:
    """Return how many passphrases open the root whose sealed key lies in ``folder``."""
    return root.custodians(root.file_of(folder, authority.units.active(session, "root").certificate))


def _alone(session: Session) -> None:
    """Hold one ceremony at a time; the lock ends with the transaction."""
    session.execute(select(func.pg_advisory_xact_lock(_ONE_CEREMONY)))


def _open_root(
    session: Session, authority: EmbeddedAuthority, sealed: Root
) -> tuple[Unit, ec.EllipticCurvePrivateKey]:
    top = authority.units.active(session, "root")
    certificate, key = root.read(root.file_of(sealed.folder, top.certificate), sealed.passphrases)
    if certificate != top.certificate:
        raise CeremonyRefused("this is another root's file")
    return top, key


def _new(
    session: Session, authority: EmbeddedAuthority, role: Role, above: Unit, key: ec.EllipticCurvePrivateKey
) -> Unit:
    make = {
        "issuing": profiles.issuing,
        "ocsp": profiles.ocsp,
        "tsa": profiles.tsa,
        "seal": profiles.seal,
    }[role]
    now, fresh = authority.now(), authority.units.new_key()
    generation = authority.units.next_generation(session, role)
    issuer = Issuer(above.certificate, key, above.name)
    certificate = make(authority.company, issuer, fresh.public_key(), generation, now)
    return authority.units.add(session, role, generation, certificate, now, issuer=above, key=fresh)


def _retire(session: Session, role: Role, above: Unit, state: str, now: datetime) -> None:
    active = (UnitRow.role == role, UnitRow.state == "active")
    # A seal made under an issuing unit that was rotated since is replaced as well.
    where = active if role == "seal" else (*active, UnitRow.issuer_id == above.id)
    session.execute(update(UnitRow).where(*where).values(state=state, ended_at=now))


def _has_living(session: Session, issuer: Unit, now: datetime) -> bool:
    customers = select(CertificateRow.serial).where(
        CertificateRow.issuer_id == issuer.id, CertificateRow.not_after > now
    )
    seals = select(UnitRow.serial).where(
        UnitRow.issuer_id == issuer.id, UnitRow.role == "seal", UnitRow.not_after > now
    )
    return any(session.scalar(query.limit(1)) is not None for query in (customers, seals))


def _responder_is_due(session: Session, authority: EmbeddedAuthority, issuer: Unit, now: datetime) -> bool:
    try:
        return _left(authority.units.active(session, "ocsp", issuer), now) < _RENEW_BELOW
    except NoAuthority:  # it was revoked
        return True


def _left(unit: Unit, now: datetime) -> float:
    begin, end = unit.certificate.not_valid_before_utc, unit.certificate.not_valid_after_utc
    return (end - now) / (end - begin)


def _proves(name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    """Sign a challenge and check it with the certificate, or raise CeremonyRefused."""
    challenge, public = secrets.token_bytes(32), certificate.public_key()
    algorithm = ec.ECDSA(SHA384() if isinstance(key.curve, ec.SECP384R1) else SHA256())
    try:
        assert isinstance(public, ec.EllipticCurvePublicKey)  # noqa: S101 - we make no other kind
        public.verify(key.sign(challenge, algorithm), challenge, algorithm)
    except InvalidSignature as wrong:
        raise CeremonyRefused(f"the key of {name} is not its certificate's") from wrong


def _transcript(session: Session, authority: EmbeddedAuthority) -> list[str]:
    return [line(unit, state) for unit, state in authority.units.all(session)]
