"""What this product asks of the police data service: does this name belong to this ID number? (R-169)

PoliceFault
├── PoliceDown       no answer, or none that can be read: nothing is known, ask again with the same key
└── PoliceRefused    the question is not answered, however often it is asked
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, get_args

#: 一致, 不一致, 库中无此号
Said = Literal["match", "mismatch", "unknown"]
SAID: tuple[Said, ...] = get_args(Said)


class PoliceFault(Exception):
    """The question was not answered."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text or (self.__doc__ or "").strip())


class PoliceDown(PoliceFault):
    """公安核验服务暂时无法连接，请稍后再试"""


class PoliceRefused(PoliceFault):
    """公安核验服务不受理该查询"""


@dataclass(frozen=True)
class Verified:
    """The service's word; it holds neither name nor number."""

    said: Said
    #: By which the service finds the question again.
    reference: str
    at: datetime


class PoliceData(Protocol):
    """Knows which name belongs to which ID number."""

    def verify(self, key: str, name: str, id_number: str) -> Verified:
        """Say whether ``name`` stands under ``id_number``; asked (and charged) once for a ``key``.

        :raises PoliceDown: nothing is known; ask again with the same key.
        :raises PoliceRefused: the question is not taken.
        """
