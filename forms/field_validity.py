"""The validity of the ID card: 自 – 至, or 长期 (R-111–R-115, domain.md 3.4).

Posted and stored ``{"from": "YYYY-MM-DD", "until": "YYYY-MM-DD" | None, "long_term": bool}``. The holder's
birth date, the stored validity and what OCR read come from the case's data.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from forms.context import Asked, Context
from forms.errors import Flag
from forms.fields import Found, Kind, NotAnAnswer, Typed, read_day, ticked
from forms.rules import id_number, validity
from forms.schema import Component


class ValidityRange(Kind):
    """From, until, or without end."""

    name = "validity-range"
    parts = frozenset({"from", "until", "long_term"})

    def read(self, asked: Asked) -> Any:
        posted = asked.value or {}
        if not isinstance(posted, Mapping):
            raise NotAnAnswer(validity.NO_START)
        long_term = ticked(posted.get("long_term"))
        return {
            "from": read_day(posted.get("from"), "身份证开始日期"),
            # 长期 clears 至, whatever a page without scripts still sent (R-114, G-25).
            "until": None if long_term else read_day(posted.get("until"), "身份证结束日期"),
            "long_term": long_term,
        }

    def judge(self, asked: Asked) -> Iterable[Found]:
        answer, context = asked.value, asked.context
        profile = context.profile
        said = validity.judge(
            _validity(answer),
            context.today,
            born=id_number.birth_date(str(profile.get("id_number") or "")),
            stored=validity.of(profile),
            read=read_by_machine(context.data),
            notice_days=int(context.setting("id_notice_days")),
        )
        for one in said:
            if one.level == "error":
                yield asked.error(one.message, one.code, one.at)
            elif one.level == "warning":
                yield asked.warning(one.message, one.code, one.at)
            elif one.level == "notice":
                yield asked.notice(one.message, one.code, one.at)
            else:
                yield Flag(one.code)

    def prefill(self, component: Component, context: Context, scope: Mapping[str, Any]) -> Any:
        shown = read_by_machine(context.data) or validity.of(context.profile)
        if shown is None:
            return {"from": None, "until": None, "long_term": False}
        return {
            "from": shown.start.isoformat() if shown.start else None,
            "until": shown.end.isoformat() if shown.end else None,
            "long_term": shown.long_term,
        }

    def html(self, component: Component, name: str, typed: Typed) -> Any:
        return {
            "from": typed.get(f"{name}.from"),
            "until": typed.get(f"{name}.until"),
            "long_term": ticked(typed.get(f"{name}.long_term")),
        }

    def schema(self, component: Component) -> dict[str, Any]:
        day = {"type": "string", "format": "date"}
        return {
            "type": "object",
            "properties": {
                "from": day,
                "until": {"anyOf": [day, {"type": "null"}]},
                "long_term": {"type": "boolean", "default": False},
            },
            "required": ["from"],
        }


def read_by_machine(data: Mapping[str, Any]) -> validity.Validity | None:
    """Return the validity that OCR read from the emblem side, where it could (R-113, R-115)."""
    back = (data.get("photos") or {}).get("back") if isinstance(data.get("photos"), Mapping) else None
    found = back.get("ocr") if isinstance(back, Mapping) else None
    if not isinstance(found, Mapping) or not found.get("valid_from"):
        return None
    ends = found.get("valid_until")
    end = date.fromisoformat(ends) if ends else None
    return validity.Validity(date.fromisoformat(found["valid_from"]), end, bool(found.get("long_term")))


def read_answer(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what OCR read as an answer to this question; None where it could not."""
    read = read_by_machine(data)
    if read is None:
        return None
    return {
        "from": read.start.isoformat() if read.start else None,
        "until": read.end.isoformat() if read.end else None,
        "long_term": read.long_term,
    }


def _validity(answer: Mapping[str, Any]) -> validity.Validity:
    start, end = (date.fromisoformat(answer[name]) if answer[name] else None for name in ("from", "until"))
    return validity.Validity(start, end, answer["long_term"])
