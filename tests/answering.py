"""How tests answer a page: a context on 2026-03-18 10:00 in Shanghai, and customers of domain.md 3.16."""

from datetime import UTC, date, datetime
from typing import Any

import forms

TODAY = date(2026, 3, 18)
NOW = datetime(2026, 3, 18, 2, 0, tzinfo=UTC)

C01: dict[str, Any] = {
    "name": "张伟",
    "id_number": "110105198506123737",
    "valid_from": "2012-03-05",
    "valid_until": "2032-03-05",
    "contact_phone": "13800138001",
    "mobile": "13800138001",
    "address": {"province": "浙江省", "city": "杭州市", "district": "西湖区", "detail": "文三路478号"},
    "postcode": "310012",
    "email": "zhang@example.com",
    "education": "3",
    "occupation": "17",
    "tax_type": "A",
    "platform_type": "D",
    "term_investment": "B",
    "proceeds_type": "A",
    "con_relation": "A",
    "beneficiary": "A",
    "investment_variety": ["A"],
    "bad_record": ["I"],
    "extras": {},
}
C02 = C01 | {"name": "李娜", "id_number": "310104199902282284", "valid_from": "2015-03-10",
             "valid_until": "2025-03-10"}  # fmt: skip
C09 = C01 | {"name": "刘洋", "id_number": "320281197503150517", "postcode": "", "occupation": "03",
             "contact_phone": "0510-86512345", "mobile": "13500135009"}  # fmt: skip


def context(profile: dict[str, Any] = C01, **more: Any) -> forms.Context:
    """What is known beside the answers; ``data`` joins the profile."""
    data = {"profile": profile, **more.pop("data", {})}
    # The counter has what the customer saw, unless a test is about that.
    more.setdefault("verdicts", {"counter.unchanged": {"ok": True}})
    return forms.Context(today=TODAY, now=NOW, data=data, **more)


def said(name: str, posted: dict[str, Any], known: forms.Context) -> list[str]:
    """The messages of a refused page; none for an accepted one."""
    try:
        forms.judge(forms.load(name), posted, known)
    except forms.AnswersRejected as rejected:
        return [one.message for one in rejected.problems]
    return []


def accepted(name: str, posted: dict[str, Any], known: forms.Context) -> forms.Accepted:
    """The answers of an accepted page."""
    return forms.judge(forms.load(name), posted, known)
