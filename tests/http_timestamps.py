"""A timestamp service at the other end of a real line: the openssl program behind an HTTP server."""

import subprocess
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from handlers.certificates import Company, lists, profiles
from handlers.certificates.profiles import Issuer
from tests.http_counter import Line, Start

POLICY = "1.3.6.1.4.1.32473.7"
_CONFIG = """
[tsa]
default_tsa = it
[it]
dir = {folder}
serial = $dir/serial
signer_cert = $dir/tsa.pem
signer_key = $dir/tsa.key
signer_digest = {digest}
default_policy = {policy}
other_policies = 1.2.3.4
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = {bound}
"""


class TimestampService(Line):
    """A service with a root of its own; ``swap`` changes the question before it is answered.

    :param key: of the unit, any kind.
    """

    def __init__(self, key: Any = None, digest: str = "sha256", bound: str = "sha256") -> None:
        super().__init__(lambda *_: b"", {})
        self._folder = tempfile.TemporaryDirectory(prefix="kaihu-tsa-")
        self.folder = Path(self._folder.name)
        company, now = Company("示例时间戳服务", "http://127.0.0.1:1"), datetime.now(UTC)
        self.root_key = ec.generate_private_key(ec.SECP384R1())
        self.root = profiles.root(company, self.root_key, 1, now)
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        (self.folder / "tsa.key").write_bytes(
            self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        (self.folder / "serial").write_text("01\n")
        self.config = self.folder / "config"
        self.config.write_text(_CONFIG.format(folder=self.folder, digest=digest, policy=POLICY, bound=bound))
        #: Where it stands.
        self.address = ""
        self.swap = lambda request: request
        self.asked = 0
        self._one_at_a_time = Lock()

    def at(self, address: str) -> None:
        """Stand at an address, where its unit's certificate says that the root's list is."""
        self.address = address
        company = Company("示例时间戳服务", address)
        issuer = Issuer(self.root, self.root_key, "root-1")
        self.unit = profiles.tsa(company, issuer, self.key.public_key(), 1, datetime.now(UTC))
        (self.folder / "tsa.pem").write_bytes(self.unit.public_bytes(Encoding.PEM))

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/pki/root-1.crl":
            now = datetime.now(UTC)
            start("200 OK", [("Content-Type", "application/pkix-crl")])
            return [lists.sign(self.root, self.root_key, [], 1, now, now + timedelta(days=1))]
        request = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self.asked += 1
        if self.misbehave:
            return getattr(self, f"_{self.misbehave}")(environ, start)
        if environ["CONTENT_TYPE"] != "application/timestamp-query":
            start("415 Unsupported Media Type", [])
            return []
        start("200 OK", [("Content-Type", "application/timestamp-reply")])
        return [self.reply(self.swap(request))]

    def reply(self, request: bytes) -> bytes:
        """Return what the openssl program answers."""
        with self._one_at_a_time:
            query, answer = self.folder / "query", self.folder / "answer"
            query.write_bytes(request)
            subprocess.run(
                ["openssl", "ts", "-reply", "-config", self.config, "-queryfile", query, "-out", answer],
                check=True, capture_output=True,
            )  # fmt: skip
            return answer.read_bytes()

    def close(self) -> None:
        """Throw its folder away."""
        self._folder.cleanup()

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """What is agreed on."""
        return (self.root,)
