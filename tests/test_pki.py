"""/pki/…: what other people's software fetches to verify a certificate, from a product that really runs."""

import base64
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from handlers.certificates import Root, ceremony
from handlers.certificates.status import MOST_BYTES
from ops.wiring import wire
from tests.ca_people import Person
from tests.openssl import openssl, pem
from tests.product import settings_for
from tests.served import serving
from web.app import create_app

ASKED = {"Content-Type": "application/ocsp-request"}


class Verifier:
    """Software of somebody else, which has the root and one certificate."""

    def __init__(self, web, folder):
        room: Any = SimpleNamespace(
            database=web.engine.database, certificates=web.certificates, business=datetime.now(UTC)
        )
        self.web, self.folder, self.browser = web, folder, create_app(web).test_client()
        self.owner = Person(room)
        self.certificate = self.owner.has_certificate()
        with web.engine.database.reading() as session:
            issuing, root = web.authority.chain(session)
        self.issuer = x509.load_der_x509_certificate(issuing)
        certificate = x509.load_der_x509_certificate(self.certificate.der)
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        #: Such as issuing-1: what signed it, by the address of its list.
        self.unit = points[0].full_name[0].value.rpartition("/")[2].removesuffix(".crl")
        self.root = pem(folder / "root.pem", [root])
        self.issuing = pem(folder / "issuing.pem", [issuing])

    def request(self, nonce=None, serial=None):
        """Return a status request, about another serial number of the same issuer if one is given."""
        leaf = x509.load_der_x509_certificate(self.certificate.der)
        builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, self.issuer, SHA256())
        if serial is not None:
            named = builder.build()
            builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
                named.issuer_name_hash, named.issuer_key_hash, serial, SHA256()
            )
        if nonce:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        return builder.build().public_bytes(Encoding.DER)

    def gets(self, request, safe=""):
        """Ask by GET; the answer may be kept."""
        return self.browser.get("/pki/ocsp/" + quote(base64.b64encode(request).decode(), safe=safe))

    def posts(self, request, **headers):
        """Ask by POST."""
        return self.browser.post("/pki/ocsp", data=request, headers={**ASKED, **headers})

    def revokes(self):
        with self.web.engine.database.transaction() as session:
            self.web.certificates.revoke(session, self.certificate.serial, "key_compromise")
            self.web.authority.publish_crls(session)


@pytest.fixture(scope="module")
def office(migrated_server, tmp_path_factory):
    """Lend a product with its authority; nobody here needs diagrams."""
    data = tmp_path_factory.mktemp("office")
    with migrated_server.database() as url:
        web: Any = wire(settings_for(url, data)).web
        ceremony.set_up_demo(web.engine.database, web.authority, data / "ca")
        yield web
        web.engine.database.dispose()


@pytest.fixture
def verifier(office, tmp_path):
    return Verifier(office, tmp_path)


def status_of(answer):
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/ocsp-response"
    read = ocsp.load_der_ocsp_response(answer.data)
    ok = read.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
    return read.certificate_status.name if ok else read.response_status.name


def test_the_openssl_program_asks_a_running_product_for_the_status(verifier):
    path = pem(verifier.folder / "customer.pem", [verifier.certificate.der])
    with serving(verifier.web) as address:

        def asks():
            return openssl(
                "ocsp", "-issuer", verifier.issuing, "-cert", path, "-url", f"{address}/pki/ocsp",
                "-CAfile", verifier.root, "-verify_other", verifier.issuing,
            )  # fmt: skip

        said = asks()
        assert "Response verify OK" in said
        assert "customer.pem: good" in said
        verifier.revokes()
        assert "customer.pem: revoked" in asks()


def test_the_openssl_program_verifies_with_what_it_fetches_from_a_running_product(verifier):
    unit = verifier.unit
    path = pem(verifier.folder / "customer.pem", [verifier.certificate.der])
    with serving(verifier.web) as address:
        fetched = {}
        for name in ("root-1.crl", f"{unit}.crl", "root-1.cer", f"{unit}.cer"):
            with urllib.request.urlopen(f"{address}/pki/{name}", timeout=10) as answer:  # noqa: S310
                fetched[name] = verifier.folder / name
                fetched[name].write_bytes(answer.read())
    for name, kind in (("root-1.crl", "crl"), (f"{unit}.crl", "crl"), (f"{unit}.cer", "x509")):
        openssl(kind, "-inform", "DER", "-in", fetched[name], "-out", verifier.folder / f"{name}.pem")
    lists = verifier.folder / "lists.pem"
    lists.write_bytes(b"".join((verifier.folder / f"{n}.crl.pem").read_bytes() for n in ("root-1", unit)))
    assert "OK" in openssl(
        "verify", "-x509_strict", "-crl_check_all", "-CAfile", verifier.root,
        "-untrusted", verifier.folder / f"{unit}.cer.pem", "-CRLfile", lists, path,
    )  # fmt: skip


def test_every_address_in_a_certificate_answers(verifier):
    certificate = x509.load_der_x509_certificate(verifier.certificate.der)
    at = certificate.extensions
    ways = [
        w.access_location.value for w in at.get_extension_for_class(x509.AuthorityInformationAccess).value
    ]
    for point in at.get_extension_for_class(x509.CRLDistributionPoints).value:
        ways += [name.value for name in point.full_name]
    assert len(ways) == 3
    for way in ways:
        assert way.startswith("http://")
        path = "/" + way.split("/", 3)[3]
        answer = verifier.posts(verifier.request()) if path == "/pki/ocsp" else verifier.browser.get(path)
        assert answer.status_code == 200, path


def test_a_status_asked_by_get_may_be_kept_until_it_is_over(verifier):
    answer = verifier.gets(verifier.request())
    assert status_of(answer) == "GOOD"
    read: Any = ocsp.load_der_ocsp_response(answer.data)
    kept = answer.cache_control
    assert kept.public
    assert kept.no_transform
    assert kept.must_revalidate
    left = (read.next_update_utc - datetime.now(UTC)).total_seconds()
    assert left - 1 <= kept.max_age <= left + 2
    assert answer.last_modified == read.this_update_utc
    assert abs(parsedate_to_datetime(answer.headers["Expires"]) - read.next_update_utc) < timedelta(seconds=2)
    assert answer.headers["ETag"]


def test_an_answer_to_one_asker_is_kept_by_nobody(verifier):
    for answer in (
        verifier.gets(verifier.request(nonce=b"n" * 16)),
        verifier.posts(verifier.request()),
        verifier.gets(b"noise"),
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Expires" not in answer.headers


def test_base64_with_two_slashes_in_a_row_is_read_as_it_stands(verifier):
    # Some clients escape slashes and plus signs, some do not.
    nonce = next(
        n.to_bytes(3, "big") * 8
        for n in range(2**18)
        if b"//" in base64.b64encode(verifier.request(nonce=n.to_bytes(3, "big") * 8))
    )
    request = verifier.request(nonce=nonce)
    for safe in ("", "/", "/+="):
        assert status_of(verifier.gets(request, safe)) == "GOOD"


@pytest.mark.parametrize("asked", ["x", "%%%", "bm9pc2U=", "一", "A" * 5000])
def test_an_address_that_is_no_request_is_malformed(verifier, asked):
    assert status_of(verifier.browser.get(f"/pki/ocsp/{asked}")) == "MALFORMED_REQUEST"


def test_an_address_beyond_measure_is_refused(verifier):
    assert verifier.browser.get("/pki/ocsp/" + "A" * 9000).status_code == 414


def test_an_unknown_serial_and_noise_get_the_answers_of_the_standard(verifier):
    assert status_of(verifier.posts(verifier.request(serial=12345))) == "UNKNOWN"
    assert status_of(verifier.posts(b"noise")) == "MALFORMED_REQUEST"
    assert status_of(verifier.posts(b"")) == "MALFORMED_REQUEST"


def test_more_than_a_request_is_not_read(verifier):
    assert verifier.posts(b"0" * (MOST_BYTES + 1)).status_code == 413


def test_something_else_than_a_request_is_refused(verifier):
    assert verifier.browser.post("/pki/ocsp", data={"a": "b"}).status_code == 415


def test_nobody_gets_a_cookie_and_no_cookie_is_looked_at(verifier):
    paths = ("/pki/issuing-1.crl", "/pki/issuing-1.cer", "/pki/nobody-1.crl")
    answers = [verifier.browser.get(path, headers={"Cookie": "kaihu=nonsense"}) for path in paths]
    answers += [verifier.posts(verifier.request(), Cookie="kaihu=nonsense"), verifier.gets(b"noise")]
    assert not any("Set-Cookie" in answer.headers for answer in answers)


def test_a_list_is_der_and_may_be_kept_for_an_hour(verifier):
    answer = verifier.browser.get("/pki/issuing-1.crl")
    assert answer.mimetype == "application/pkix-crl"
    read: Any = x509.load_der_x509_crl(answer.data)
    assert answer.last_modified == read.last_update_utc
    assert answer.cache_control.public
    assert 0 < answer.cache_control.max_age <= 3600
    assert parsedate_to_datetime(answer.headers["Expires"]) <= read.next_update_utc


def test_who_has_a_list_already_is_not_sent_it_again(verifier):
    address = f"/pki/{verifier.unit}.crl"
    first = verifier.browser.get(address)
    again = verifier.browser.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    verifier.revokes()
    later = verifier.browser.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert later.status_code == 200
    listed = x509.load_der_x509_crl(later.data)
    assert listed.get_revoked_certificate_by_serial_number(int(verifier.certificate.serial, 16))


def test_every_units_certificate_is_given(verifier):
    for name in ("root-1", "issuing-1", "ocsp-1", "tsa-1", "seal-1"):
        answer = verifier.browser.get(f"/pki/{name}.cer")
        assert answer.mimetype == "application/pkix-cert"
        assert x509.load_der_x509_certificate(answer.data)
        assert answer.cache_control.max_age == 24 * 3600


@pytest.mark.parametrize(
    "path",
    ["nobody-1.crl", "issuing-9.crl", "seal-1.crl", "issuing-1.key", "..%2Froot-1.cer", ".crl", "tsa", ""],
)
def test_what_is_not_published_is_not_found(verifier, path):
    assert verifier.browser.get(f"/pki/{path}").status_code == 404


def test_who_asks_too_often_is_told_to_wait_and_others_are_answered(verifier):
    few = verifier.web.settings.model_copy(update={"pki_per_minute": 3})
    verifier.browser = create_app(replace(verifier.web, settings=few)).test_client()
    answers = [verifier.browser.get("/pki/root-1.cer") for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "60"
    other = verifier.browser.get("/pki/root-1.cer", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert other.status_code == 200


def test_an_old_unit_goes_on_answering_after_a_rotation(verifier):
    web, folder = verifier.web, verifier.web.settings.data / "ca"
    with web.engine.database.transaction() as session:
        sealed = Root(folder, (ceremony.demo_passphrase(folder),))
        ceremony.rotate(session, web.authority, "issuing", sealed)
    assert status_of(verifier.posts(verifier.request())) == "GOOD"
    for name in ("issuing-1.crl", "issuing-1.cer", "issuing-2.crl", "issuing-2.cer"):
        assert verifier.browser.get(f"/pki/{name}").status_code == 200


def test_a_body_in_chunks_is_read_too(verifier):
    request = verifier.request()
    with serving(verifier.web) as address:
        asked = urllib.request.Request(  # noqa: S310
            f"{address}/pki/ocsp", data=iter([request[:40], request[40:]]), headers=ASKED, method="POST"
        )
        with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
            read = ocsp.load_der_ocsp_response(answer.read())
    assert read.certificate_status == ocsp.OCSPCertStatus.GOOD
