"""The counter's contract as OpenAPI 3.1, made from the messages themselves.

``python -m handlers.counter.contract > handlers/counter/openapi.json`` writes it; a test wants the file
to be what this module says.
"""

import sys
from typing import Any

from handlers.counter import wire
from handlers.counter.http import PATHS
from handlers.published import Operation, document, written

_ABOUT = """
What the customer-profile product asks of a futures company's counter (柜台). Every message is a POST with a
JSON body, so that no ID number, customer number or phone stands in an address. Answers are 200 with
application/json, unpacked, at most 15 MiB, without further members; anything else counts as no answer, and
the message is sent again with the same key.
"""
_UPDATE_NOTE = """
Idempotent by Idempotency-Key: the same key with the same body gets the same answer, whatever happened in
between; the same key with another body gets return_code 2. return_code follows 监控中心返回码: 0 成功,
1 该客户已经有流程在处理中 (asked again later), 2 客户资料检查失败, 3 实名制检查失败, 4 其他错误; 9 means that
a value of `expected` is no longer stored: nothing was written, and `conflict` names it. A value that is not
in `changes` stays. An id_end_date of 20991231 is 长期.
"""


def openapi() -> dict[str, Any]:
    """Return the contract."""
    return document(
        "Kaihu counter interface",
        _ABOUT,
        (
            Operation(PATHS["find"], "Find a customer", wire.FindRequest, wire.FindAnswer),
            Operation(PATHS["profile"], "Read a record", wire.ProfileRequest, wire.ProfileAnswer),
            Operation(PATHS["phone"], "Ask whose a number is", wire.PhoneRequest, wire.PhoneAnswer),
            Operation(
                PATHS["update"],
                "Change a record",
                wire.UpdateRequest,
                wire.UpdateAnswer,
                keyed=True,
                note=_UPDATE_NOTE,
            ),
            Operation(PATHS["photo"], "Read a picture on file", wire.PhotoRequest, wire.PhotoAnswer),
            Operation(
                PATHS["store_photo"],
                "Put a picture on file",
                wire.StorePhotoRequest,
                wire.StorePhotoAnswer,
                keyed=True,
                note="The last picture of a role stands.",
            ),
        ),
    )


if __name__ == "__main__":
    sys.stdout.write(written(openapi()))
