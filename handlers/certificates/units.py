"""The authority's units as this process sees them: certificates, and keys opened with the key ring.

What never changes of a unit (certificate, key) is opened once per process; what may (its state) is
read every time, so that a rotation or revocation counts at once in every process.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha1, sha256, sha384, sha512
from uuid import UUID, uuid4

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.store import Keyring
from handlers.certificates.der import Reader
from handlers.certificates.pkcs11 import MARK, Module, ModuleKey
from handlers.certificates.profiles import Issuer, Role
from handlers.certificates.protocol import NoAuthority
from handlers.certificates.tables import UnitRow


@dataclass(frozen=True)
class Unit:
    """One unit's certificate and key."""

    id: UUID
    role: Role
    generation: int
    issuer_id: UUID
    certificate: x509.Certificate
    #: None for the root, and for a key in a module that is not here.
    key: ec.EllipticCurvePrivateKey | None

    @property
    def name(self) -> str:
        """How it is called in addresses, such as ``issuing-1``."""
        return f"{self.role}-{self.generation}"

    @cached_property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @cached_property
    def hashes(self) -> dict[str, tuple[bytes, bytes]]:
        """Name hash and key hash by which status requests name an issuer, by algorithm (RFC 6960)."""
        name = self.certificate.subject.public_bytes()
        info = self.certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        outer = Reader(info).inside()
        outer.inside()
        key = outer.take(0x03)[1:]
        # SHA-1 names an issuer here, as most requests do, and protects nothing.
        old = (sha1(name, usedforsecurity=False).digest(), sha1(key, usedforsecurity=False).digest())
        new = {h().name: (h(name).digest(), h(key).digest()) for h in (sha256, sha384, sha512)}
        return {"sha1": old, **new}

    def issuer(self) -> Issuer:
        """Return it as a signer of certificates, or raise NoAuthority for the root."""
        return Issuer(self.certificate, self.signing_key(), self.name)

    def signing_key(self) -> ec.EllipticCurvePrivateKey:
        """Return its key, or raise NoAuthority when it is not here."""
        if self.key is None:
            raise NoAuthority(
                f"the key of {self.name} is not here: offline, or in a module that no setting names"
            )
        return self.key


class Units:
    """Reads and writes units.

    :param module: where new keys are made; without one they are sealed in the database.
    """

    def __init__(self, keyring: Keyring, module: Module | None = None) -> None:
        self._keyring = keyring
        self._module = module
        self._opened: dict[UUID, Unit] = {}

    def all(self, session: Session, *states: str) -> list[tuple[Unit, str]]:
        """Return every unit with its state, or those in ``states``, oldest first."""
        query = select(UnitRow.id, UnitRow.state).order_by(UnitRow.made_at, UnitRow.generation)
        if states:
            query = query.where(UnitRow.state.in_(states))
        return [(self._unit(session, unit_id), state) for unit_id, state in session.execute(query)]

    def active(self, session: Session, role: Role, issuer: Unit | None = None) -> Unit:
        """Return the unit that works in this role now, or raise NoAuthority.

        :param issuer: above it, where several stand side by side: each issuing unit has a responder.
        """
        query = select(UnitRow.id).where(UnitRow.role == role, UnitRow.state == "active")
        if issuer is not None:
            query = query.where(UnitRow.issuer_id == issuer.id)
        found = session.scalar(query.order_by(UnitRow.generation.desc()).limit(1))
        if found is None:
            raise NoAuthority
        return self._unit(session, found)

    def named(self, session: Session, name: str) -> Unit:
        """Return a unit by its name, such as ``issuing-1``, or raise NoAuthority."""
        role, _, generation = name.partition("-")
        if not (generation.isascii() and generation.isdigit() and len(generation) < 6):
            raise NoAuthority(f"no unit is called {name!r}")
        found = session.scalar(
            select(UnitRow.id).where(UnitRow.role == role, UnitRow.generation == int(generation))
        )
        if found is None:
            raise NoAuthority(f"no unit is called {name!r}")
        return self._unit(session, found)

    def of(self, session: Session, unit_id: UUID) -> Unit:
        """Return the unit with this id."""
        return self._unit(session, unit_id)

    def next_generation(self, session: Session, role: Role) -> int:
        """Return the number that the next unit of a role gets."""
        last = session.scalar(
            select(UnitRow.generation)
            .where(UnitRow.role == role)
            .order_by(UnitRow.generation.desc())
            .limit(1)
        )
        return (last or 0) + 1

    def add(
        self,
        session: Session,
        role: Role,
        generation: int,
        certificate: x509.Certificate,
        now: datetime,
        *,
        issuer: Unit | None = None,
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> Unit:
        """Write a new unit down as active."""
        unit_id = uuid4()
        sealed = None
        if key is not None:
            sealed = self._keyring.seal(_kept(key), f"ca_unit.key:{unit_id}")
        row = UnitRow(
            id=unit_id,
            role=role,
            generation=generation,
            issuer_id=issuer.id if issuer else unit_id,
            state="active",
            serial=serial_text(certificate.serial_number),
            certificate=certificate.public_bytes(serialization.Encoding.DER),
            key=sealed,
            made_at=now,
            not_after=certificate.not_valid_after_utc,
        )
        session.add(row)
        session.flush()
        return self._open(row)

    def _unit(self, session: Session, unit_id: UUID) -> Unit:
        return self._opened.get(unit_id) or self._remember(session.get_one(UnitRow, unit_id))

    def _remember(self, row: UnitRow) -> Unit:
        self._opened[row.id] = unit = self._open(row)
        return unit

    def _open(self, row: UnitRow) -> Unit:
        key = None
        if row.key is not None:
            key = self._open_key(self._keyring.open(row.key, f"ca_unit.key:{row.id}"))
        certificate = x509.load_der_x509_certificate(row.certificate)
        role: Role = row.role  # type: ignore[assignment]  # the column holds roles only
        return Unit(row.id, role, row.generation, row.issuer_id, certificate, key)

    def new_key(self) -> ec.EllipticCurvePrivateKey:
        """Make the key of a new unit, in the module if there is one."""
        return ec.generate_private_key(ec.SECP256R1()) if self._module is None else self._module.make()

    def _open_key(self, kept: bytes) -> ec.EllipticCurvePrivateKey | None:
        """Return a key; None when it lies in a module that this process was not told of."""
        if kept.startswith(MARK):
            return None if self._module is None else self._module.known(kept)
        opened = serialization.load_der_private_key(kept, None)
        assert isinstance(opened, ec.EllipticCurvePrivateKey)  # noqa: S101 - no other kind is ever sealed
        return opened


def _kept(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return what is kept of a key: itself, or where it lies."""
    if isinstance(key, ModuleKey):
        return key.reference
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),  # the key ring seals it
    )


def serial_text(number: int) -> str:
    """Return a serial number as tables and pages write it: 40 hexadecimal digits."""
    return f"{number:040x}"
