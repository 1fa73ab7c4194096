"""Signing: a customer signs a case's papers in the browser, with a key that never comes here.

Signing(engine, certificates, authority, timestamps, papers)
  .ticket      the right to sign the papers of one case once, within ten minutes
  .tokens      timestamps for the signatures that came, fetched before the transaction
  .accept      takes in one signature for each paper, all or none (PAdES B-T; B-B while no source dates)
  .of, .file   what was signed for a case, and the PDF as it stands now
  .archive     the worker's: dates late, seals, archives (PAdES B-LTA), makes evidence and kit; .sweep
  .evidence    the page that tells people who signed what and when; .kit: everything, to be checked offline
attributes     what the key signs: the same bytes as the browser's
signing.seal   operator: what the review accepted is sealed and archived by JOB
Refused …      what can go wrong, with the customer's words; see ``protocol``

The order: the customer signs, the review accepts, the company's seal, everything that proves it, and a
timestamp over the whole.

Tables owned here: signing_ticket, signature.
"""

from handlers.signing.cms import attributes
from handlers.signing.protocol import (
    CertificateEnded,
    Level,
    NotArchived,
    NotSigned,
    Paper,
    Papers,
    PapersChanged,
    PapersMissing,
    Refused,
    Signature,
    SignatureWrong,
    SigningFault,
    Stamp,
    StampRefused,
    StampsDown,
    Ticket,
    TicketEnded,
    TicketExpired,
    TicketUnknown,
    TicketUsed,
    TimeDoubted,
)
from handlers.signing.signing import JOB, Signing
from handlers.signing.stamps import Rules

__all__ = [
    "JOB",
    "CertificateEnded",
    "Level",
    "NotArchived",
    "NotSigned",
    "Paper",
    "Papers",
    "PapersChanged",
    "PapersMissing",
    "Refused",
    "Rules",
    "Signature",
    "SignatureWrong",
    "Signing",
    "SigningFault",
    "Stamp",
    "StampRefused",
    "StampsDown",
    "Ticket",
    "TicketEnded",
    "TicketExpired",
    "TicketUnknown",
    "TicketUsed",
    "TimeDoubted",
    "attributes",
]
