"""Other people's programs on an archived file: what each says, or an AssertionError with its words.

What Debian's pdfsig can tell: whether each signature fits its bytes. Without a certificate database of NSS it
judges no chain, and it knows no document timestamps.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from asn1crypto import x509
from cryptography.x509 import ocsp

from handlers.verifier import content, signed
from handlers.verifier.structure import File
from tests.openssl import openssl, pem, pem_lists, written


@dataclass(frozen=True)
class Believed:
    """What the programs are given besides the file, as DER."""

    root: bytes
    issuing: bytes
    #: Revocation lists of the issuing unit.
    lists: Sequence[bytes]


def qpdf(pdf: bytes, folder: Path) -> None:
    """Let qpdf look at the structure."""
    path = written(folder / "a.pdf", pdf)
    done = subprocess.run(["qpdf", "--check", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def pdfsig(pdf: bytes, folder: Path, name: str) -> None:
    """Let poppler look whether both signatures fit their bytes, and whom it names."""
    path = written(folder / "a.pdf", pdf)
    done = subprocess.run(["pdfsig", "-nocert", path], capture_output=True, text=True)
    assert done.stdout.count("Signature is Valid.") == 2, done.stdout
    assert name in done.stdout


def openssl_cms(pdf: bytes, folder: Path, believed: Believed) -> None:
    """Let openssl verify customer and company, by CAdES."""
    root, issuing = _pems(folder, believed)
    for one, covered in _parts(pdf)[0][:2]:
        told = openssl(
            "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-CAfile", root,
            "-in", written(folder / "made", one.contents), "-certfile", issuing,
            "-content", written(folder / "covered", covered), "-out", folder / "out",
        )  # fmt: skip
        assert "Verification successful" in told


def openssl_ts(pdf: bytes, folder: Path, believed: Believed) -> None:
    """Let openssl verify every timestamp."""
    root, _ = _pems(folder, believed)
    for one, covered in _parts(pdf)[0]:
        if one.kind == "timestamp":
            token, dated = one.contents, covered
        else:
            read = signed.read(one.contents)
            token, dated = read.timestamp, read.signature
        told = openssl(
            "ts", "-verify", "-token_in", "-in", written(folder / "token", token), "-CAfile", root,
            "-digest", sha256(dated).hexdigest(),
        )  # fmt: skip
        assert "Verification: OK" in told


def openssl_verify(pdf: bytes, folder: Path, believed: Believed) -> None:
    """Let openssl look for every certificate on the lists."""
    root, issuing = _pems(folder, believed)
    holes, evidence = _parts(pdf)
    crls = pem_lists(folder / "crls.pem", [*evidence.crls, *believed.lists])
    for one, _ in holes:
        token = one.kind == "timestamp"
        leaf = (signed.read_token(one.contents).signed if token else signed.read(one.contents)).certificate
        told = openssl(
            "verify", "-x509_strict", "-crl_check_all", "-policy_check", "-CAfile", root,
            "-untrusted", issuing, "-CRLfile", crls, pem(folder / "leaf.pem", [leaf]),
        )  # fmt: skip
        assert ": OK" in told


def openssl_ocsp(pdf: bytes, folder: Path, believed: Believed) -> None:
    """Let openssl verify the status answers that the file keeps."""
    root, issuing = _pems(folder, believed)
    evidence = _parts(pdf)[1]
    answers = evidence.ocsps
    serials = {ocsp.load_der_ocsp_response(one).serial_number for one in answers}
    assert len(serials) == 2
    known = {x509.Certificate.load(one).serial_number: one for one in evidence.certificates}
    for one in answers:
        certificate = known[ocsp.load_der_ocsp_response(one).serial_number]
        told = openssl(
            "ocsp", "-no_nonce", "-respin", written(folder / "answer", one), "-CAfile", root,
            "-verify_other", issuing, "-issuer", issuing, "-cert", pem(folder / "c.pem", [certificate]),
        )  # fmt: skip
        assert "Response verify OK" in told
        assert ": good" in told


def _parts(pdf: bytes):
    """Return the signatures with what they cover, as our own reader sees them, and the evidence."""
    held = content.read(File(pdf))
    return [(one, pdf[: one.start] + pdf[one.end : one.stop]) for one in held.holes], held.evidence


def _pems(folder: Path, believed: Believed) -> tuple[Path, Path]:
    return pem(folder / "root.pem", [believed.root]), pem(folder / "issuing.pem", [believed.issuing])
