"""The openssl program as an auditor's second opinion: it shares no line with what it judges."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


class OpensslRefused(AssertionError):
    """The openssl program said no."""


def openssl(*arguments: object) -> str:
    """Run the program; return all that it said, or raise OpensslRefused with it."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise OpensslRefused(done.stdout)
    return done.stdout


def pem(path: Path, certificates: Iterable[bytes]) -> Path:
    """Write DER certificates into one PEM file."""
    loaded = (x509.load_der_x509_certificate(der) for der in certificates)
    path.write_bytes(b"".join(certificate.public_bytes(Encoding.PEM) for certificate in loaded))
    return path


def pem_lists(path: Path, lists: Iterable[bytes]) -> Path:
    """Write DER revocation lists into one PEM file."""
    path.write_bytes(b"".join(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM) for der in lists))
    return path


def written(path: Path, content: bytes) -> Path:
    """Write a file and return it."""
    path.write_bytes(content)
    return path
