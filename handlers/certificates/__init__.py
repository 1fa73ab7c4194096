"""Certificates: the embedded authority, customers' certificates, status answers, timestamps (1.11, R-180..).

Certificates        of customers: enrol (nonce), issue, usable, of_owner, get, lock, revoke
Authority           who certifies and answers status requests; embedded: EmbeddedAuthority, which also has
                    crl, publish_crls, certificate (what /pki/… serves), chain, above, units (the seal's key)
Timestamps          who dates digests (RFC 3161); embedded: EmbeddedTimestamps; timestamp_request
Company             who runs the authority: name, address of its lists, policy arc
ceremony            set_up, set_up_demo, rotate, renew (hourly), publish_root_crl, revoke_unit, drill,
                    state_of
forget_enrolments   for the nightly clearing
CertificateFault …  what can go wrong, see ``protocol``

The customer's key is made in the browser and never comes here. Certificates, lists, answers and timestamps
are dated by real time; business time is asked only for the nonce of a passed video.

Tables owned here: ca_unit, ca_crl, enrolment, certificate.
"""

from handlers.certificates import ceremony
from handlers.certificates.authority import EmbeddedAuthority
from handlers.certificates.ceremony import Root
from handlers.certificates.customers import Certificates, forget_enrolments
from handlers.certificates.profiles import Company
from handlers.certificates.protocol import (
    Authority,
    CeremonyRefused,
    Certificate,
    CertificateFault,
    ClockDoubted,
    KeyKnown,
    Made,
    NoAuthority,
    NonceRefused,
    Reason,
    Refused,
    RequestRefused,
    State,
    Subject,
    Timestamps,
    UnknownCertificate,
)
from handlers.certificates.realtime import RealTime
from handlers.certificates.timestamps import EmbeddedTimestamps
from handlers.certificates.timestamps import ask as timestamp_request

__all__ = [
    "Authority",
    "CeremonyRefused",
    "Certificate",
    "CertificateFault",
    "Certificates",
    "ClockDoubted",
    "Company",
    "EmbeddedAuthority",
    "EmbeddedTimestamps",
    "KeyKnown",
    "Made",
    "NoAuthority",
    "NonceRefused",
    "RealTime",
    "Reason",
    "Refused",
    "RequestRefused",
    "Root",
    "State",
    "Subject",
    "Timestamps",
    "UnknownCertificate",
    "ceremony",
    "forget_enrolments",
    "timestamp_request",
]
