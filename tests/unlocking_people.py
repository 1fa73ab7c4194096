"""The browser's half of the password check, in Python: somebody at an own or a stolen device."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from handlers.certificates import Certificate, Evaluated, Unlocking, oprf, unlocking_proof
from tests.ca_people import Person


@dataclass
class Guess:
    """One password, hidden as a browser hides it (RFC 9497 §3.3.1)."""

    password: bytes
    blind: int = field(default_factory=lambda: int.from_bytes(oprf.new_scalar(), "big"))

    @property
    def blinded(self) -> bytes:
        """The point that is sent."""
        return oprf.evaluate(self.blind.to_bytes(32, "big"), oprf.hash_to_point(self.password))

    def finished(self, point: bytes) -> bytes:
        """Take the hiding off the answer; return the function's value."""
        return oprf.finish(
            self.password, oprf.evaluate(pow(self.blind, -1, oprf.N).to_bytes(32, "big"), point)
        )


@dataclass
class Device:
    """A browser in which a certificate is installed."""

    person: Person
    unlocking: Unlocking
    certificate: Certificate
    #: The value under which the key is wrapped.
    value: bytes = b""

    @property
    def serial(self) -> str:
        """Which certificate."""
        return self.certificate.serial

    def asks(self, way: str, owner: str | None = None, **more: Any) -> Any:
        """Do one thing, in a transaction of its own."""
        with self.person.room.database.transaction() as session:
            act = getattr(self.unlocking, way)
            return act(session, self.serial, owner=owner or self.person.owner, **more)

    def wraps(self, password: bytes = b"right") -> Evaluated:
        """Wrap the fresh key."""
        guess = Guess(password)
        answer: Evaluated = self.asks("wrap", blinded=guess.blinded)
        assert answer.point is not None
        self.value = guess.finished(answer.point)
        return answer

    def signed(self, answer: Evaluated) -> bytes:
        """Sign the challenge of an answer."""
        return self.person.key.sign(unlocking_proof(self.serial, answer.challenge), ec.ECDSA(SHA256()))

    def confirms(self, answer: Evaluated) -> None:
        """Prove that the key is held."""
        self.asks("confirm", signature=self.signed(answer), now=self.person.room.business)

    def tries(self, password: bytes) -> tuple[bool, Evaluated]:
        """Try a password; tell whether it opens the key."""
        guess = Guess(password)
        answer: Evaluated = self.asks("evaluate", blinded=guess.blinded)
        right = answer.point is not None and guess.finished(answer.point) == self.value
        return right, answer

    def proves(self, answer: Evaluated) -> None:
        """Prove that the key was unlocked."""
        self.asks("prove", signature=self.signed(answer))

    def thinks_of(self) -> bytes:
        """Return a point that was never sent."""
        return Guess(secrets.token_bytes(6)).blinded


def device_of(person: Person, *, installed: bool = True) -> Device:
    """Let a person install a certificate; ``installed`` as far as the browser's proof."""
    room = person.room
    unlocking = Unlocking(room.keyring, room.certificates)
    certificate = person.has_certificate()
    with room.database.transaction() as session:
        unlocking.prepare(session, certificate.serial)
    device = Device(person, unlocking, certificate)
    if installed:
        device.confirms(device.wraps())
    return device
