"""Certificates: the embedded authority, customers' certificates, status answers, timestamps (1.11, R-180..).

Certificates        of customers: enrol (nonce), issue, usable, of_owner, get, lock, revoke
Unlocking           our half of the password check on a customer's device, tries counted; unlocking_proof
judge_password      whether a password is one of those that the customer's own data forbid, seen by nobody
Authority           who certifies and answers status requests; embedded: EmbeddedAuthority, which also has
                    crl, publish_crls, certificate (what /pki/… serves), chain, above, units (the seal's key)
Timestamps          who dates digests (RFC 3161); embedded: EmbeddedTimestamps; timestamp_request
Company             who runs the authority: name, address of its lists, policy arc
ceremony            set_up, set_up_demo, rotate, renew (hourly), publish_root_crl, revoke_unit, drill
standing            is_set_up, is_demonstration, state_of, troubles (what somebody must do)
Upkeep              for the worker: keep, every minute
external            a licensed authority and timestamp services over HTTP
Module              a hardware module (PKCS#11) for the keys of the units
Publisher           what /pki/… asks of the embedded authority, also where another one certifies
forget_enrolments   deletes nonces that are over; Upkeep does it
CertificateFault …  what can go wrong, see ``protocol``

The customer's key is made in the browser and never comes here. Certificates, lists, answers and timestamps
are dated by real time; business time is asked only for the nonce of a passed video.

Tables owned here: ca_unit, ca_crl, enrolment, certificate, oprf_key.
"""

from handlers.certificates import ceremony, standing
from handlers.certificates.authority import EmbeddedAuthority
from handlers.certificates.ceremony import Root
from handlers.certificates.customers import Certificates, forget_enrolments
from handlers.certificates.forbidden import Judging
from handlers.certificates.forbidden import judge as judge_password
from handlers.certificates.oprf import PointRefused
from handlers.certificates.pkcs11 import Module
from handlers.certificates.profiles import Company
from handlers.certificates.protocol import (
    Authority,
    AuthorityDown,
    CeremonyRefused,
    Certificate,
    CertificateFault,
    ClockDoubted,
    KeyKnown,
    Made,
    NoAuthority,
    NonceRefused,
    Publisher,
    Reason,
    Refused,
    RequestRefused,
    RevocationList,
    State,
    Subject,
    Timestamps,
    UnknownCertificate,
    UnlockRefused,
)
from handlers.certificates.realtime import RealTime
from handlers.certificates.status import fresh_from_until
from handlers.certificates.timestamps import EmbeddedTimestamps
from handlers.certificates.timestamps import ask as timestamp_request
from handlers.certificates.unlocking import Evaluated, Unlocking
from handlers.certificates.unlocking import proof as unlocking_proof
from handlers.certificates.upkeep import Upkeep

__all__ = [
    "Authority",
    "AuthorityDown",
    "CeremonyRefused",
    "Certificate",
    "CertificateFault",
    "Certificates",
    "ClockDoubted",
    "Company",
    "EmbeddedAuthority",
    "EmbeddedTimestamps",
    "Evaluated",
    "Judging",
    "KeyKnown",
    "Made",
    "Module",
    "NoAuthority",
    "NonceRefused",
    "PointRefused",
    "Publisher",
    "RealTime",
    "Reason",
    "Refused",
    "RequestRefused",
    "RevocationList",
    "Root",
    "State",
    "Subject",
    "Timestamps",
    "UnknownCertificate",
    "UnlockRefused",
    "Unlocking",
    "Upkeep",
    "ceremony",
    "forget_enrolments",
    "fresh_from_until",
    "judge_password",
    "standing",
    "timestamp_request",
    "unlocking_proof",
]
