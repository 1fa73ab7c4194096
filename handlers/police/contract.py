"""The police data service's contract as OpenAPI 3.1, made from the messages themselves.

``python -m handlers.police.contract > handlers/police/openapi.json`` writes it; a test wants the file to be
what this module says.
"""

import sys
from typing import Any

from handlers.police import wire
from handlers.police.http import PATH
from handlers.published import Operation, document, written

_ABOUT = """
What the customer-profile product asks of the police data service (公安核验), or of what stands between it and
the provider a company chose. The message is a POST with a JSON body, so that neither name nor ID number
stands in an address; they must not be logged. Answers are 200 with application/json, unpacked, at most 64
KiB, without further members; anything else counts as no answer, and the message is sent again with the same
key.
"""
_NOTE = """
Idempotent by Idempotency-Key: a question is put to the provider, and charged, once for a key, and the same
key gets the same answer. `match`: the name stands under the number; `mismatch`: another name does;
`unknown`: the number is not in the register; `refused`: the question is not taken, however often it is
asked. `reference` finds the question again at the provider; it is needed with the first three, with the
time of the answer, and repeats neither name nor number.
"""


def openapi() -> dict[str, Any]:
    """Return the contract."""
    verify = Operation(
        PATH, "Verify name and number", wire.VerifyRequest, wire.VerifyAnswer, keyed=True, note=_NOTE
    )
    return document("Kaihu police data interface", _ABOUT, (verify,))


if __name__ == "__main__":
    sys.stdout.write(written(openapi()))
