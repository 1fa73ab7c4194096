"""What signing speaks of: papers, tickets, signatures, and what can go wrong.

Records show nothing personal when they are printed, so that a log may hold them.

SigningFault
├── Refused               a customer's signatures are not taken; has words and a code
│   ├── TicketUnknown     no such right to sign, or somebody else's
│   ├── TicketExpired     it was given too long ago
│   ├── TicketEnded       the customer began anew, here or in another window
│   ├── TicketUsed        it was used, for other signatures
│   ├── CertificateEnded  the certificate was revoked, locked, has expired, or is not valid yet
│   ├── PapersChanged     what was to be signed is no longer what the case needs
│   ├── PapersMissing     not exactly one signature for each paper
│   ├── SignatureWrong    a signature is malformed, or is not by this key over this paper
│   ├── StampRefused      the token of the timestamp source is not about this signature, or not to be trusted
│   └── TimeDoubted       this machine cannot tell the time
├── StampsDown            the timestamp source gives nothing now: to be tried again
├── NotArchived           a paper could not be brought into its lasting form: to be tried again
└── NotSigned             there is no such signature, or nothing to show for a case yet
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from engine.store import CaseKey

#: B: signed; T: dated by a timestamp source; LTA: sealed by the company, with all that proves it for years.
Level = Literal["B", "T", "LTA"]


class SigningFault(Exception):
    """What was asked was not done."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text or (self.__doc__ or "").strip())


class StampsDown(SigningFault):
    """The timestamp source gives no token now."""


class NotArchived(SigningFault):
    """A paper could not be brought into its lasting form."""


class NotSigned(SigningFault):
    """Nothing was signed here."""


class Refused(SigningFault):
    """Signatures that are not taken.

    :param code: which rule it was, for logs and tests.
    """

    #: What the customer reads.
    message = ""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TicketUnknown(Refused):
    """No such right to sign: never given, or to another customer, case or browser session."""

    message = "签署申请无效，请重新输入证书密码"


class TicketExpired(Refused):
    """The right to sign was given too long ago."""

    message = "签署已超时，请重新输入证书密码"


class TicketEnded(Refused):
    """A later right to sign took this one's place."""

    message = "您已重新发起签署，请在最新打开的页面完成签署"


class TicketUsed(Refused):
    """The right to sign was used before, for other signatures."""

    message = "协议已签署，请勿重复提交"


class CertificateEnded(Refused):
    """The certificate is not usable now."""

    message = "数字证书已锁定、吊销或过期，请重新申请数字证书"


class PapersChanged(Refused):
    """What was to be signed is no longer what the case needs (R-158)."""

    message = "协议内容已更新，请重新阅读并签署"


class PapersMissing(Refused):
    """Not exactly one signature came for each paper: all are signed, or none."""

    message = "请一次签署全部协议"


class SignatureWrong(Refused):
    """A signature is malformed, or is not by this certificate's key over this paper."""

    message = "签名验证未通过，请重新输入证书密码"


class StampRefused(Refused):
    """A timestamp token is not about this signature, or not to be trusted."""

    message = "时间戳服务异常，请稍后重新签署"


class TimeDoubted(Refused):
    """This machine cannot tell the time, so nothing is signed."""

    message = "系统时间异常，请稍后重新签署"


class Paper(Protocol):
    """One agreement as a PDF for one case, with an empty hole for the signature."""

    @property
    def id(self) -> UUID: ...
    @property
    def case_id(self) -> UUID: ...
    @property
    def code(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def document_sha256(self) -> str:
        """SHA-256 of the version's text, hex."""

    @property
    def content(self) -> str:
        """SHA-256 of what the case agrees to, hex."""

    @property
    def start(self) -> int:
        """Where the hole begins: at its ``<``."""

    @property
    def end(self) -> int:
        """Where the file goes on after the hole's ``>``."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of everything but the hole."""


class Papers(Protocol):
    """Where papers come from."""

    def of(self, session: Session, case_id: UUID, content: str) -> Mapping[str, Paper]:
        """Return the papers of a case that are written for ``content``, by code."""

    def pdf(self, session: Session, case_key: CaseKey, paper: Any) -> bytes:
        """Return a paper, the very one that ``of`` gave, with its hole empty."""


@dataclass(frozen=True)
class Ticket:
    """The right to sign the papers of one case once.

    :param token: told to the browser once; stored only as a hash.
    :param expires_at: in business time.
    """

    token: str = field(repr=False)
    case_id: UUID
    serial: str
    codes: Sequence[str]
    expires_at: datetime


@dataclass(frozen=True)
class Stamp:
    """A token as it came, not yet judged.

    :param nonce: what was asked with, which the token must say again.
    """

    token: bytes = field(repr=False)
    nonce: int


@dataclass(frozen=True)
class Signature:
    """One paper of a case, signed.

    :param signed_at: when it was taken in, in business time.
    :param stamped_at: what the timestamp says, in real time; None while there is none.
    :param sha256: of the file as it stands now, hex.
    """

    id: UUID
    case_id: UUID
    code: str
    title: str
    version: str
    document_sha256: str
    paper_id: UUID
    content: str
    serial: str
    level: Level
    signed_at: datetime
    stamped_at: datetime | None
    archived_at: datetime | None
    file_id: UUID
    sha256: str
    size: int
