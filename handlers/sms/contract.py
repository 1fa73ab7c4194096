"""The SMS gateway's contract as OpenAPI 3.1, made from the messages themselves.

``python -m handlers.sms.contract > handlers/sms/openapi.json`` writes it; a test wants the file to be
what this module says.
"""

import sys
from typing import Any

from handlers.published import Operation, document, written
from handlers.sms import wire
from handlers.sms.http import PATH

_ABOUT = """
What the customer-profile product asks of an SMS gateway. Answers are 200 with application/json, unpacked, at
most 64 KiB, without further members; anything else counts as no answer, and the message is sent again with
the same key.
"""
_NOTE = """
Idempotent by Idempotency-Key: a message is carried once for a key, and the same key gets the same answer.
`accepted: false` is final; `reason` is shown and names neither number nor text.
"""


def openapi() -> dict[str, Any]:
    """Return the contract."""
    carry = Operation(PATH, "Carry a message", wire.SendRequest, wire.SendAnswer, keyed=True, note=_NOTE)
    return document("Kaihu SMS interface", _ABOUT, (carry,))


if __name__ == "__main__":
    sys.stdout.write(written(openapi()))
