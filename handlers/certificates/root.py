"""The root's key: a file sealed under the custodians' passphrases, all of them needed, kept offline.

Argon2id makes guessing dear, AES-256-GCM binds the key to its certificate and to the settings of the
sealing, so that nobody can weaken them unnoticed. The file is needed in ceremonies only.
"""

import base64
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from threading import BoundedSemaphore

from argon2.low_level import Type, hash_secret_raw
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from handlers.certificates.protocol import CeremonyRefused

#: Argon2id: memory in KiB, passes, lanes; about a third of a second.
MEMORY, PASSES, LANES = 64 * 1024, 3, 4
#: Shortest passphrase of a custodian, in characters.
SHORTEST = 12
#: More memory than this no file may ask for, in KiB.
_MOST_MEMORY = 1024 * 1024

_ONE_AT_A_TIME = BoundedSemaphore(1)


def file_of(folder: Path, certificate: x509.Certificate) -> Path:
    """Return where the sealed key of a root lies; the name tells which root by its fingerprint."""
    return folder / f"root-{certificate.fingerprint(SHA256()).hex()[:16]}.json"


def write(
    folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, passphrases: Sequence[str]
) -> Path:
    """Seal a root's key into a new file that its user alone may read; return the file."""
    if not passphrases or any(len(passphrase) < SHORTEST for passphrase in passphrases):
        raise CeremonyRefused(f"every custodian's passphrase needs at least {SHORTEST} characters")
    head = {
        "format": 1,
        "kdf": "argon2id",
        "memory_kib": MEMORY,
        "passes": PASSES,
        "lanes": LANES,
        "custodians": len(passphrases),
        "salt": secrets.token_hex(16),
        "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
    }
    plain = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(_derive(head, passphrases)).encrypt(nonce, plain, _bound(head))
    text = json.dumps({**head, "sealed": base64.b64encode(nonce + sealed).decode()}, indent=1)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = file_of(folder, certificate)
    with open(path, "x", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, 0o600)) as out:
        out.write(text + "\n")
        out.flush()
        os.fsync(out.fileno())
    return path


def custodians(path: Path) -> int:
    """Return how many passphrases a root's file needs, or raise CeremonyRefused."""
    try:
        return int(json.loads(path.read_text("utf-8"))["custodians"])
    except (OSError, ValueError, KeyError, TypeError) as broken:
        raise CeremonyRefused(f"{path} is not a sealed root key") from broken


def read(path: Path, passphrases: Sequence[str]) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Open a root's file; return its certificate and key, or raise CeremonyRefused."""
    try:
        head = json.loads(path.read_text("utf-8"))
        sealed = base64.b64decode(head.pop("sealed"), validate=True)
        certificate = x509.load_pem_x509_certificate(head["certificate"].encode())
        needed = int(head["custodians"])
        _check(head, sealed)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as broken:
        raise CeremonyRefused(f"{path} is not a sealed root key") from broken
    if needed != len(passphrases):
        raise CeremonyRefused(f"the root needs the passphrases of {needed} custodians")
    try:
        plain = AESGCM(_derive(head, passphrases)).decrypt(sealed[:12], sealed[12:], _bound(head))
    except InvalidTag as wrong:
        raise CeremonyRefused("a passphrase is wrong, or the file was changed") from wrong
    key = serialization.load_der_private_key(plain, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise CeremonyRefused("the key in the file is not the certificate's")
    return certificate, key


def _check(head: dict[str, object], sealed: bytes) -> None:
    memory, passes, lanes = (head[name] for name in ("memory_kib", "passes", "lanes"))
    if head["format"] != 1 or head["kdf"] != "argon2id":
        raise ValueError("another format")
    for number, least, most in ((memory, MEMORY, _MOST_MEMORY), (passes, PASSES, 100), (lanes, 1, 64)):
        if not isinstance(number, int) or not least <= number <= most:
            raise ValueError("a sealing that is too weak, or too dear to open")
    if len(bytes.fromhex(str(head["salt"]))) < 16 or len(sealed) < 12 + 16:
        raise ValueError("cut short")


def _derive(head: dict[str, object], passphrases: Sequence[str]) -> bytes:
    # Each with its length before it: two custodians cannot shift characters between them.
    parts = [passphrase.encode() for passphrase in passphrases]
    secret = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    with _ONE_AT_A_TIME:
        return hash_secret_raw(
            secret,
            bytes.fromhex(str(head["salt"])),
            time_cost=int(str(head["passes"])),
            memory_cost=int(str(head["memory_kib"])),
            parallelism=int(str(head["lanes"])),
            hash_len=32,
            type=Type.ID,
        )


def _bound(head: dict[str, object]) -> bytes:
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
