"""What each certificate says: the profile that openssl, NSS, pyHanko and the ETSI lints all take.

Found by trial: a signer's certificate with documentSigning alone is "unsuitable" to openssl's cms and
unknown to NSS, so emailProtection stands beside it; a policy under a UUID arc trips linters.
All dates are of the real clock, because verifiers compare them with timestamps.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from handlers.certificates.protocol import Subject

Role = Literal["root", "issuing", "ocsp", "tsa", "seal"]

#: RFC 9336.
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")

#: How long each certificate is good for.
LASTS: dict[str, timedelta] = {
    "root": timedelta(days=20 * 365),
    "issuing": timedelta(days=10 * 365),
    "tsa": timedelta(days=8 * 365),
    "seal": timedelta(days=3 * 365),
    "ocsp": timedelta(days=30),
    "customer": timedelta(days=365),
}
#: A verifier's clock may be a little behind.
BACK = timedelta(minutes=2)
#: RFC 5280, ub-common-name: characters, not bytes.
LONGEST_NAME = 64

#: Stands in the name of every unit of a demonstration, and so in every certificate below it.
_DEMONSTRATION = "Demonstration only, proves nothing"

_TITLES: dict[Role, str] = {
    "root": "Root CA",
    "issuing": "Customer CA",
    "ocsp": "OCSP Responder",
    "tsa": "Timestamp Unit",
    "seal": "Company Seal",
}


@dataclass(frozen=True)
class Company:
    """Who runs the authority and where its lists are fetched."""

    #: As on the business licence, at most 64 characters.
    name: str
    #: http://… without a slash at the end; certificates keep it as long as they live. Not https: who
    #: checks a certificate for TLS would need the list to fetch the list (RFC 5280 §8, EN 319 412-2 §4.3.11).
    address: str
    #: Where the policies stand; the default is the arc for documentation (RFC 5612).
    arc: str = "1.3.6.1.4.1.32473"
    #: Its certificates say that they are a demonstration's and prove nothing.
    demonstration: bool = False
    #: 统一社会信用代码, for the company's seal (EN 319 412-3 §4.2.1); empty: not told.
    registration: str = ""

    @property
    def customer_policy(self) -> str:
        """Policy of customers' certificates."""
        return f"{self.arc}.1.1"

    @property
    def seal_policy(self) -> str:
        """Policy of the company's seal."""
        return f"{self.arc}.1.2"

    @property
    def timestamp_policy(self) -> str:
        """Policy of the timestamp unit, its certificate and its tokens."""
        return f"{self.arc}.1.3"

    def at(self, name: str) -> str:
        """Return where ``issuing-1.crl``, ``root-1.cer`` or ``ocsp`` is fetched."""
        return f"{self.address}/pki/{name}"


@dataclass(frozen=True)
class Issuer:
    """A unit that signs certificates."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    #: Such as ``issuing-1``: how its own certificate and its list are called.
    name: str


def root(
    company: Company, key: ec.EllipticCurvePrivateKey, generation: int, now: datetime
) -> x509.Certificate:
    """Return a root's certificate, signed by itself."""
    name = _unit_name(company, "root", generation)
    builder = _builder(name, name, key.public_key(), now, now + LASTS["root"])
    return _authority(builder, key.public_key(), pathlen=None).sign(key, SHA384())


def issuing(
    company: Company, issuer: Issuer, key: ec.EllipticCurvePublicKey, generation: int, now: datetime
) -> x509.Certificate:
    """Return the certificate of a unit that certifies customers, and no further authority."""
    builder = _below(company, issuer, _unit_name(company, "issuing", generation), key, now, "issuing")
    policies = (company.customer_policy, company.seal_policy)
    return _authority(_policies(builder, *policies), key, pathlen=0).sign(issuer.key, SHA384())


def ocsp(
    company: Company, issuer: Issuer, key: ec.EllipticCurvePublicKey, generation: int, now: datetime
) -> x509.Certificate:
    """Return the certificate of a responder that answers for ``issuer``; its own status is not asked."""
    name = _unit_name(company, "ocsp", generation)
    last = min(now + LASTS["ocsp"], issuer.certificate.not_valid_after_utc)
    builder = _builder(name, issuer.certificate.subject, key, now, last)
    builder = _leaf(builder, issuer, key, _usage(digital_signature=True))
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
    return builder.add_extension(x509.OCSPNoCheck(), critical=False).sign(issuer.key, SHA256())


def tsa(
    company: Company, issuer: Issuer, key: ec.EllipticCurvePublicKey, generation: int, now: datetime
) -> x509.Certificate:
    """Return a timestamp unit's certificate: dates and nothing else (RFC 3161 §2.3)."""
    builder = _below(company, issuer, _unit_name(company, "tsa", generation), key, now, "tsa")
    builder = _policies(builder, company.timestamp_policy)
    builder = _leaf(builder, None, key, _usage(digital_signature=True))
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    return builder.add_extension(purposes, critical=True).sign(issuer.key, SHA384())


def seal(
    company: Company, issuer: Issuer, key: ec.EllipticCurvePublicKey, generation: int, now: datetime
) -> x509.Certificate:
    """Return the certificate of the company's seal."""
    name = _unit_name(company, "seal", generation)
    if company.registration:
        told = x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, f"NTRCN-{company.registration}")
        name = x509.Name([*name, told])
    builder = _below(company, issuer, name, key, now, "seal")
    return _signer(_policies(builder, company.seal_policy), key).sign(issuer.key, SHA256())


def customer(
    company: Company, issuer: Issuer, key: ec.EllipticCurvePublicKey, subject: Subject, now: datetime
) -> x509.Certificate:
    """Return a customer's certificate: the name, and a pseudonym in place of the ID number.

    :raises ValueError: the name is empty or too long for a certificate.
    """
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            _common_name(subject.name),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, subject.pseudonym),
            x509.NameAttribute(NameOID.PSEUDONYM, subject.pseudonym),
        ]
    )
    builder = _below(company, issuer, name, key, now, "customer")
    return _signer(_policies(builder, company.customer_policy), key).sign(issuer.key, SHA256())


def _common_name(name: str) -> x509.NameAttribute[str]:
    if not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"a name in a certificate has 1 to {LONGEST_NAME} characters")
    # The library counts bytes where RFC 5280 counts characters, and so refuses a Uyghur name of 22
    # Chinese characters; told not to, it warns, once a process.
    return x509.NameAttribute(NameOID.COMMON_NAME, name, _validate=False)


def is_demonstration(certificate: bytes) -> bool:
    """Tell whether a unit's certificate was made by a demonstration."""
    subject = x509.load_der_x509_certificate(certificate).subject
    units = subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return any(unit.value == _DEMONSTRATION for unit in units)


def _unit_name(company: Company, role: Role, generation: int) -> x509.Name:
    demonstration = x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, _DEMONSTRATION)
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, company.name),
            *([demonstration] if company.demonstration else []),
            _common_name(f"{company.name} {_TITLES[role]} G{generation}"),
        ]
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    begin = (now - BACK).replace(microsecond=0)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=begin.replace(tzinfo=None),
        not_valid_after=not_after.replace(microsecond=0, tzinfo=None),
    )


def _below(
    company: Company,
    issuer: Issuer,
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    lasts: str,
) -> x509.CertificateBuilder:
    """Return what every certificate below another has, whose status is published."""
    above = issuer.certificate
    last = min(now + LASTS[lasts], above.not_valid_after_utc)
    ways = [(AuthorityInformationAccessOID.CA_ISSUERS, company.at(f"{issuer.name}.cer"))]
    if above.issuer != above.subject:  # the root is offline: it has a list, but no responder
        ways.insert(0, (AuthorityInformationAccessOID.OCSP, company.at("ocsp")))
    access = [x509.AccessDescription(way, x509.UniformResourceIdentifier(url)) for way, url in ways]
    crl = [x509.UniformResourceIdentifier(company.at(f"{issuer.name}.crl"))]
    point = x509.DistributionPoint(full_name=crl, relative_name=None, reasons=None, crl_issuer=None)
    return (
        _builder(subject, above.subject, key, now, last)
        .add_extension(_key_of(issuer), critical=False)
        .add_extension(x509.AuthorityInformationAccess(access), critical=False)
        .add_extension(x509.CRLDistributionPoints([point]), critical=False)
    )


def _key_of(issuer: Issuer) -> x509.AuthorityKeyIdentifier:
    known = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known)


def _authority(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePublicKey, *, pathlen: int | None
) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=pathlen), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _leaf(
    builder: x509.CertificateBuilder,
    issuer: Issuer | None,
    key: ec.EllipticCurvePublicKey,
    usage: x509.KeyUsage,
) -> x509.CertificateBuilder:
    if issuer is not None:
        builder = builder.add_extension(_key_of(issuer), critical=False)
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _signer(builder: x509.CertificateBuilder, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    purposes = x509.ExtendedKeyUsage([DOCUMENT_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION])
    leaf = _leaf(builder, None, key, _usage(content_commitment=True))
    return leaf.add_extension(purposes, critical=False)


def _policies(builder: x509.CertificateBuilder, *policies: str) -> x509.CertificateBuilder:
    told = [x509.PolicyInformation(x509.ObjectIdentifier(policy), None) for policy in policies]
    return builder.add_extension(x509.CertificatePolicies(told), critical=False)


def _usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,  # nonRepudiation is its older name
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
