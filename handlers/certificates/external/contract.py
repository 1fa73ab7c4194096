"""The authority's contract as OpenAPI 3.1, made from the messages themselves.

``python -m handlers.certificates.external.contract > handlers/certificates/external/openapi.json`` writes
it; a test wants the file to be what this module says.
"""

import sys
from typing import Any

from handlers.certificates.external import wire
from handlers.certificates.external.http import PATHS
from handlers.published import Operation, document, written

_ABOUT = """
What the customer-profile product asks of a licensed certification authority (its RA). Answers are 200 with
application/json, unpacked, at most 64 KiB, without further members; anything else counts as no answer, and
the message is sent again with the same key. Status (OCSP) and revocation lists are fetched without a token
from the addresses in the certificates.
"""
_CERTIFY_NOTE = """
Idempotent by Idempotency-Key: the same key with the same body gets the same certificate. The certificate is
for the key of the request; its CN is `name` and its serialNumber `pseudonym`; the ID number is not in it. It
is signed with SHA-256 or better by an authority of the chain that was agreed, is good now, is no authority
itself, has keyUsage nonRepudiation or digitalSignature, and names its OCSP responder and its list. Another
certificate of the same person is not ended by this; that is asked for by itself.
"""
_REVOKE_NOTE = """
Sent at least once for every certificate that ended, until the answer says that it is done: revoked by the
customer, superseded by another, or locked after wrong passwords (certificate_hold, which is never lifted).
The reason may change from certificate_hold to another one.
"""


def openapi() -> dict[str, Any]:
    """Return the contract."""
    return document(
        "Kaihu certification authority interface",
        _ABOUT,
        (
            Operation(
                PATHS["certify"],
                "Certify a key",
                wire.CertifyRequest,
                wire.CertifyAnswer,
                keyed=True,
                note=_CERTIFY_NOTE,
            ),
            Operation(
                PATHS["revoke"],
                "End a certificate",
                wire.RevokeRequest,
                wire.RevokeAnswer,
                keyed=True,
                note=_REVOKE_NOTE,
            ),
        ),
    )


if __name__ == "__main__":
    sys.stdout.write(written(openapi()))
