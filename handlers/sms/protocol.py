"""What this product asks of a telephone company: carry one short message to a mobile number (R-011).

SmsFault
├── SmsDown       no answer, or none that can be read: ask again with the same key
└── SmsRefused    the message will not be carried, however often it is sent
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, get_args

Purpose = Literal["login", "phone_change", "notice"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


class SmsFault(Exception):
    """The message was not taken over."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text or (self.__doc__ or "").strip())


class SmsDown(SmsFault):
    """短信服务暂时无法连接，请稍后再试"""


class SmsRefused(SmsFault):
    """该号码无法接收短信，请联系期货公司"""


@dataclass(frozen=True)
class SmsReceipt:
    """The gateway's word that it has taken the message over."""

    message_id: str
    accepted_at: datetime


class SmsGateway(Protocol):
    """Carries short messages."""

    def send(self, key: str, number: str, text: str, purpose: Purpose) -> SmsReceipt:
        """Send ``text`` to a mobile number of 11 digits; once for a ``key``, however often asked.

        :raises SmsDown: nothing is known; send again with the same key.
        :raises SmsRefused: the number or the text is not accepted.
        """
