"""Signing: what certificates, dates and signatures cost beside the raw primitives they are made of.

Ratios are CPU of one thread against raw P-256 of the same run, in turn, medians of several rounds: issuing
(read the request, check its proof, build and sign the certificate) against one verification and one
signature; a timestamp and a status answer against one signature. The database is left out there and stands
in figures of its own (``…_stored_ms``). Four agreements are signed and made lasting in a whole office; the
browser's figures come from Chromium on a product that runs (``signing_pages``).
"""

import gc
import gzip
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from engine.store import Database, Keyring
from handlers import verifier
from handlers.certificates import (
    EmbeddedAuthority,
    Root,
    Subject,
    ceremony,
    profiles,
    requests,
    status,
    timestamp_request,
)
from handlers.signing.archive import Archive
from tests.bench import signing_pages
from tests.ca_people import COMPANY, PASSPHRASES, Clock, Person, Room, request
from tests.databases import lent_server
from tests.signing_people import Office
from web import logs

BUDGET = {
    "password_to_signed_ms_p95": ("<=", 600),
    "install_ms_p95": ("<=", 1000),
    "sign_bt_cpu_ms": ("<=", 20),
    "blta_cpu_ms": ("<=", 150),
    "issue_ratio": ("<=", 5),
    "tsa_ratio": ("<=", 5),
    "ocsp_ratio": ("<=", 8),
    "client_kb_gzip": ("<=", 20),
}
#: Rounds of a ratio, and calls in each.
ROUNDS, CALLS = 21, 60
#: Customers who sign in an office.
SIGNERS = 15
NONCE = "ab" * 32
STATIC = Path(__file__).resolve().parent.parent.parent / "web" / "static"


@contextmanager
def standing() -> Iterator[Room]:
    """Lend an authority on a database of its own."""
    with ExitStack() as started:
        server = started.enter_context(lent_server())
        server.make_template()
        database = Database(started.enter_context(server.database()))
        started.callback(database.dispose)
        folder = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="kaihu-bench-")))
        keyring, root = Keyring.generate(), Root(folder, PASSPHRASES)
        with database.transaction() as session:
            ceremony.set_up(session, EmbeddedAuthority(keyring, COMPANY), root)
        yield Room(database, keyring, root, Clock())


def _cpu(act: Callable[[], object], calls: int = CALLS) -> float:
    """Return the CPU seconds of one call."""
    began = time.thread_time()
    for _ in range(calls):
        act()
    return (time.thread_time() - began) / calls


def _ratio(act: Callable[[], object], *raw: Callable[[], object]) -> float:
    for one in (act, *raw):
        one()
    return statistics.median(_cpu(act) / sum(_cpu(one) for one in raw) for _ in range(ROUNDS))


def _median_ms(act: Callable[[], float], times: int = SIGNERS) -> float:
    act()
    return statistics.median(act() for _ in range(times)) * 1000


def _ratios(room: Room) -> Iterator[tuple[str, float]]:
    """Yield what is measured against raw signatures."""
    key, algorithm = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(SHA256())
    public, message = key.public_key(), b"m" * 300
    signature = key.sign(message, algorithm)

    def sign() -> object:
        return key.sign(message, algorithm)

    def verify() -> None:
        public.verify(signature, message, algorithm)

    with room.database.reading() as session:
        issuing = room.authority.units.active(session, "issuing")
        responder = room.authority.units.active(session, "ocsp", issuing)
    csr, person, now = request(key, NONCE), Subject("张小伟", "0" * 32), room.clock()
    issuer = issuing.issuer()

    def issue() -> bytes:
        made = profiles.customer(COMPANY, issuer, requests.read(csr).key, person, now)
        return made.public_bytes(Encoding.DER)

    yield "issue_ratio", _ratio(issue, sign, verify)
    query = timestamp_request(b"d" * 32, 2**63)
    yield "tsa_ratio", _ratio(lambda: room.timestamps.answer(query), sign)
    leaf = x509.load_der_x509_certificate(issue())
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuing.certificate, SHA256())
    asked = builder.build().public_bytes(Encoding.DER)

    def answer() -> bytes:
        return status.sign(*status.read(asked), responder, (ocsp.OCSPCertStatus.GOOD, None, None), now)

    yield "ocsp_ratio", _ratio(answer, sign)
    yield "raw_sign_ms", statistics.median(_cpu(sign) for _ in range(ROUNDS)) * 1000
    yield "raw_verify_ms", statistics.median(_cpu(verify) for _ in range(ROUNDS)) * 1000
    yield "ocsp_stored_ms", statistics.median(_cpu(lambda: room.answers(asked), 20) for _ in range(5)) * 1000
    yield "issue_stored_ms", _median_ms(lambda: _installs(room.person()))


def _installs(person: Person) -> float:
    csr = person.asks(person.passes_the_video())
    began = time.thread_time()
    person.installs(csr)
    return time.thread_time() - began


def _papers(room: Room, folder: Path) -> Iterator[tuple[str, float]]:
    """Yield what four agreements cost the server: signed and dated, then sealed and made lasting."""
    office = Office(room, folder)
    signers = [office.signer() for _ in range(SIGNERS + 1)]
    bt: list[float] = []
    lasting: list[float] = []
    checking: list[float] = []
    verify, write = verifier.verify, Archive._archive

    def timed(into: list[float], function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            began = time.process_time()
            told = function(*given)
            into[-1] += time.process_time() - began
            return told

        return run

    for signer in signers:
        ticket, signatures = signer.asks(), signer.signatures()
        gc.collect()
        began = time.process_time()
        signer.sends(ticket, signatures)
        bt.append(time.process_time() - began)
    yield "sign_bt_cpu_ms", statistics.median(bt[1:]) * 1000
    archive = getattr(office.signing, "archive", None)
    if archive is None:
        return
    from handlers.signing.operators import want

    for signer in signers:
        with office.engine.database.transaction() as session:
            want(session, signer.case_id, signer.content, signer.business)
        gc.collect()
        checking.append(0.0)
        lasting.append(0.0)
        with (
            patch.object(verifier, "verify", timed(checking, verify)),
            patch.object(Archive, "_archive", timed(lasting, write)),
        ):
            assert archive(str(signer.case_id)) == "archived"
    writing = [both - one for both, one in zip(lasting, checking, strict=True)]
    yield "blta_cpu_ms", statistics.median(writing[1:]) * 1000
    # The job verifies what it made by two programs before it stores it; that is the greater part.
    yield "verify_archived_cpu_ms", statistics.median(checking[1:]) * 1000


def client_kb() -> float:
    """Return what the browser loads for certificates and signatures, packed, in kilobytes."""
    own = sorted((STATIC / "js" / "certificate").glob("*.js"))
    together = b"".join(path.read_bytes() for path in [STATIC / "dist" / "curve.js", *own])
    return len(gzip.compress(together, 9)) / 1024


def measure(say: Callable[[str], None]) -> dict[str, float]:
    """Measure everything; some minutes, most of them in the browser."""
    logs.configure("error")
    figures: dict[str, float] = {}
    with standing() as room, tempfile.TemporaryDirectory(prefix="kaihu-bench-") as folder:
        say("against raw signatures")
        figures.update(_ratios(room))
        say("four agreements in an office")
        figures.update(_papers(room, Path(folder)))
    figures["client_kb_gzip"] = client_kb()
    say("install and sign in Chromium")
    figures.update(signing_pages.measure(say))
    return figures
