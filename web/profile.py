"""The profile page's contents (P04): what the counter holds, masked, and what needs doing about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.parameters import Parameters
from forms import dictionaries, masks
from forms.divisions import written
from forms.rules import validity

Mask = Callable[[Any], str]

LONG_TERM = "长期"
#: The change each section offers.
TYPES = {"identity": "change_id_validity", "phone": "change_phone", "other": "change_other_info"}
TITLES = {"identity": "身份信息", "phone": "联系电话", "other": "其他信息"}
HINTS = {
    "identity": "(修改身份证有效期)",
    "phone": "(修改联系电话)",
    "other": "(修改联系地址、邮编、学历等信息)",
}


@dataclass(frozen=True)
class Fact:
    """One line of a section.

    :param mask: hides the value until somebody asks to see it (3.12); None for what needs no hiding.
    """

    field: str
    label: str
    value: str
    mask: Mask | None = None

    def row(self, revealed: str) -> dict[str, Any]:
        """Return the line as the page shows it."""
        masked = self.mask is not None and bool(self.value) and self.field != revealed
        return {
            "field": self.field,
            "label": self.label,
            "value": self.mask(self.value) if masked and self.mask is not None else self.value,
            "masked": masked,
        }


#: Labels of the declarations, in the order of 6.3.
DECLARATIONS = {
    "tax_type": "税收居民身份",
    "platform_type": "政要人物关系",
    "term_investment": "投资期限",
    "proceeds_type": "期望收益",
    "con_relation": "实际控制关系",
    "beneficiary": "交易实际受益人",
    "investment_variety": "想投资的品种",
    "bad_record": "不良诚信记录",
}


def facts(data: Mapping[str, Any], settings: Parameters) -> dict[str, list[Fact]]:
    """Return the lines of the three sections (R-076)."""
    address = data.get("address") or {}
    whole = written(address)
    identity = [
        Fact("name", "姓名", _text(data, "name"), masks.name),
        Fact("id_number", "身份证号", _text(data, "id_number"), masks.id_number),
    ]
    if settings.id_address:
        identity.append(Fact("id_address", "身份证地址", _text(data, "id_address"), masks.address))
    identity.append(Fact("validity", "身份证有效期", _validity(data)))
    other = [
        Fact("address", "联系地址", whole, lambda _: masks.address(address)),
        Fact("postcode", "邮政编码", _text(data, "postcode")),
        Fact("email", "电子邮箱", _text(data, "email"), masks.email),
        Fact("education", "学历", label_of("education", data.get("education"), settings)),
        Fact("occupation", "职业", label_of("occupation", data.get("occupation"), settings)),
    ]
    for own in settings.extension_fields:
        value = str((data.get("extras") or {}).get(own.key) or "")
        listed = {c.value: c.label for c in own.values}
        other.append(Fact(f"extras.{own.key}", own.label, listed.get(value, value)))
    other += [
        Fact(name, label, label_of(name, data.get(name), settings)) for name, label in DECLARATIONS.items()
    ]
    return {
        "identity": identity,
        "phone": [
            Fact("contact_phone", "联系电话", _text(data, "contact_phone"), masks.phone),
            Fact("mobile", "联系手机", _text(data, "mobile"), masks.phone),
        ],
        "other": other,
    }


def label_of(name: str, value: Any, settings: Parameters) -> str:
    """Return the words for a code, or several; the company's list goes before the shipped one."""
    entries: Sequence[Any] = settings.dictionaries.get(name) or dictionaries.LISTS.get(name, ())
    known = {entry.code: entry.label for entry in entries}
    codes = value if isinstance(value, list | tuple) else [value] if value else []
    return "、".join(known.get(str(code), str(code)) for code in codes)


def expiry(data: Mapping[str, Any], today: date, settings: Parameters) -> validity.Expiry | None:
    """Return the notice about the end of the card (R-080, G-12, G-13)."""
    until = data.get("valid_until")
    end = date.fromisoformat(until) if until else None
    first = max(settings.expiry_notice_days, default=90)
    return validity.expiry(end, today, from_days=first, restricted_after=settings.id_restricted_days)


def checkup(data: Mapping[str, Any], today: date, settings: Parameters) -> list[dict[str, str]]:
    """Return what is missing or out of date (R-081, G-14), each with the section that mends it."""
    found = []

    def add(section: str, text: str) -> None:
        found.append({"section": section, "text": text})

    ends = expiry(data, today, settings)
    if ends is not None:
        add("identity", "身份证已过期" if ends.days < 0 else "身份证即将到期")
    elif not data.get("valid_from"):
        add("identity", "身份证有效期未登记")
    address = data.get("address") or {}
    if not all(address.get(part) for part in ("province", "city", "detail")):
        add("other", "联系地址不完整")
    if not data.get("postcode"):
        add("other", "邮政编码未填写")
    if not data.get("education"):
        add("other", "学历未填写")
    occupation = str(data.get("occupation") or "")
    entries = settings.dictionaries.get("occupation") or dictionaries.LISTS["occupation"]
    known = {entry.code: entry for entry in entries}
    if not occupation:
        add("other", "职业未填写")
    elif occupation not in known or not known[occupation].selectable or not known[occupation].active:
        add("other", "职业代码已停用，请选择其他职业")
    missing = [label for name, label in DECLARATIONS.items() if name != "bad_record" and not data.get(name)]
    if missing:
        add("other", "尚未声明：" + "、".join(missing))
    if not data.get("contact_phone"):
        add("phone", "联系电话未填写")
    return found


def _text(data: Mapping[str, Any], name: str) -> str:
    return str(data.get(name) or "")


def _validity(data: Mapping[str, Any]) -> str:
    start, end = data.get("valid_from"), data.get("valid_until")
    return f"{start} 至 {end or LONG_TERM}" if start else ""
