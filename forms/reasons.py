"""Why an application is sent back or refused, and where the customer goes on (domain.md 3.9).

The list a fresh installation starts with; the company replaces it through the parameter
``send_back_reasons``. Codes are stable and kept on the case; the words may be softened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Step = Literal["upload", "data", "sign", "video"]
#: Steps in the order in which a customer meets them; a send-back goes to the earliest (A-20).
STEPS: tuple[Step, ...] = ("upload", "data", "sign", "video")


Kind = Literal["retry", "final", "either"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an application is sent back or refused (3.9)."""

    code: str
    text: str
    """What the customer reads."""
    step: Step | None
    """Where the customer goes on; None when refused, or when the person deciding chooses."""
    opens: tuple[str, ...]
    """What is to be done again: picture slots, or questions."""
    used_by: frozenset[str]
    """``video`` and ``review``."""
    kind: Kind
    """``retry`` may send back, ``final`` may refuse, ``either`` may do both."""
    names_side: bool = False
    """The person deciding names the side of the ID card."""
    alert: bool = False
    """Compliance is told."""


BOTH_SIDES = ("front", "back")
VIDEO = frozenset({"video"})
REVIEW = frozenset({"review"})
VIDEO_REVIEW = VIDEO | REVIEW

#: What ``Reason.opens`` may name.
OPENS = (
    *BOTH_SIDES,
    "signature",
    "validity",
    "phone",
    "address",
    "postcode",
    "education",
    "occupation",
    "declarations",
    "follow_ups",
)

REASONS = (
    Reason("P01", "证件照不清晰", "upload", BOTH_SIDES, VIDEO_REVIEW, "retry"),
    Reason("P02", "签名照不清晰", "upload", ("signature",), VIDEO_REVIEW, "retry"),
    Reason("P03", "证件照缺边角或切边过度", "upload", BOTH_SIDES, VIDEO_REVIEW, "retry", names_side=True),
    Reason("P04", "证件照反光、遮挡", "upload", BOTH_SIDES, VIDEO_REVIEW, "retry", names_side=True),
    Reason("P05", "正反面传错或重复", "upload", BOTH_SIDES, VIDEO_REVIEW, "retry"),
    Reason("P06", "签名与姓名不一致或缺笔画", "upload", ("signature",), VIDEO_REVIEW, "retry"),
    Reason("P07", "证件非本人或信息不符", "upload", BOTH_SIDES, VIDEO_REVIEW, "retry"),
    Reason("P08", "证件已过有效期", "upload", (*BOTH_SIDES, "validity"), VIDEO_REVIEW, "retry"),
    Reason("P09", "非第二代居民身份证", "upload", BOTH_SIDES, REVIEW, "retry"),
    Reason("D01", "有效期与证件不一致", "data", ("validity",), VIDEO_REVIEW, "retry"),
    Reason("D02", "联系电话有误或无法接通", "data", ("phone",), VIDEO_REVIEW, "retry"),
    Reason("D03", "联系电话非本人使用", "data", ("phone",), VIDEO_REVIEW, "retry"),
    Reason("D04", "联系地址不完整（需到门牌号）", "data", ("address",), VIDEO_REVIEW, "retry"),
    Reason("D05", "邮政编码与地址不符", "data", ("postcode",), REVIEW, "retry"),
    Reason("D06", "学历或职业不准确", "data", ("education", "occupation"), VIDEO_REVIEW, "retry"),
    Reason("D07", "声明信息不完整或前后矛盾", "data", ("declarations",), VIDEO_REVIEW, "retry"),
    Reason("D08", "需补充声明附加信息", "data", ("follow_ups",), REVIEW, "retry"),
    Reason("V01", "视频画面或声音不清晰", "video", (), VIDEO, "retry"),
    Reason("V02", "未持证件原件", "video", (), VIDEO, "retry"),
    Reason("V03", "环境嘈杂、光线不足或有他人在场", "video", (), VIDEO, "retry"),
    Reason("V04", "视频资料不完整，需重新见证", "video", (), REVIEW, "retry"),
    Reason("S01", "签署文件异常，需重新签署", "sign", (), REVIEW, "retry"),
    Reason("X01", "人证不一致", None, (), VIDEO_REVIEW, "final", alert=True),
    Reason("X02", "非本人办理或受他人诱导", None, (), VIDEO_REVIEW, "final", alert=True),
    Reason("X03", "客户放弃办理", None, (), VIDEO, "final"),
    Reason("X04", "不符合网上办理条件，请临柜办理", None, (), VIDEO_REVIEW, "final"),
    Reason("D99", "其他（需填写说明）", None, (), VIDEO_REVIEW, "either"),
    Reason("X99", "其他（需填写说明）", None, (), VIDEO_REVIEW, "either"),
)


def reasons(given: Sequence[Any] = (), used_by: str = "") -> tuple[Reason, ...]:
    """Return the send-back reasons, the company's or ours, that ``used_by`` may give."""
    found = tuple(one if isinstance(one, Reason) else _reason(one) for one in given) or REASONS
    return tuple(one for one in found if not used_by or used_by in one.used_by)


def _reason(given: Any) -> Reason:
    """Read one of the company's own reasons: a mapping, or a record with these attributes."""

    def part(name: str, default: Any = None) -> Any:
        found = given.get(name) if isinstance(given, Mapping) else getattr(given, name, None)
        return default if found is None else found

    return Reason(
        code=str(part("code")),
        text=str(part("text")),
        step=part("step"),
        opens=tuple(part("opens", ())),
        used_by=frozenset(part("used_by", ("video", "review"))),
        kind=part("kind", "retry"),
        names_side=bool(part("names_side")),
        alert=bool(part("alert")),
    )
