"""Certificates that no authority should make."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from handlers.certificates import Subject, profiles
from tests.ca_people import COMPANY

NAME = Subject("张小伟", "0123456789abcdef0123456789abcdef")


def encoded(certificate: x509.Certificate) -> bytes:
    """Return a certificate as DER."""
    return certificate.public_bytes(Encoding.DER)


def self_issued(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a certificate that its own key signed."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "张小伟")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, now, now + timedelta(days=9))
    builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    usage = profiles._usage(content_commitment=True, key_cert_sign=True)
    purposes = x509.ExtendedKeyUsage([profiles.DOCUMENT_SIGNING])
    return encoded(builder.add_extension(usage, True).add_extension(purposes, False).sign(key, SHA256()))


def edited(
    key: Any,
    issuer: profiles.Issuer,
    *,
    purposes: Sequence[x509.ObjectIdentifier] = (profiles.DOCUMENT_SIGNING,),
    commitment: bool = True,
    policy: str = COMPANY.customer_policy,
    critical: bool = False,
    authority: bool = False,
    organisation: bool = False,
) -> bytes:
    """Return a certificate that the issuing unit should never make."""
    names = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
        x509.NameAttribute(NameOID.COMMON_NAME, "张小伟"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "某公司")
        if organisation
        else x509.NameAttribute(NameOID.PSEUDONYM, NAME.pseudonym),
    ]
    now = datetime.now(UTC) - timedelta(minutes=2)
    builder = x509.CertificateBuilder(
        issuer.certificate.subject, x509.Name(names), key.public_key(), x509.random_serial_number(),
        now, now + timedelta(days=300),
    )  # fmt: skip
    builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
    usage = profiles._usage(content_commitment=commitment, digital_signature=not commitment)
    if authority:
        usage = profiles._usage(content_commitment=True, key_cert_sign=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    named = [x509.PolicyInformation(x509.ObjectIdentifier(policy), None)]
    builder = builder.add_extension(x509.CertificatePolicies(named), critical=False)
    builder = builder.add_extension(profiles._key_of(issuer), critical=False)
    if critical:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.5"), b"\x05\x00")
        builder = builder.add_extension(unknown, critical=True)
    return encoded(builder.sign(issuer.key, SHA256()))
