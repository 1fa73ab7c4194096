"""What an agreement's text may say about a case: every variable by name, with its meaning and a sample.

``known(code)`` is what a document may name; ``of_case`` fills it in for a case, ``sample`` for a preview.
All values are texts, but for lists, whose entries are texts by name again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.company import Company
from forms import dictionaries, masks
from handlers.agreements.documents import DUTIES, PRIVACY, TAX

Values = dict[str, Any]


@dataclass(frozen=True)
class Variable:
    """One thing a text may name.

    :param name: with dots; ``[]`` stands behind the name of a list.
    :param meaning: for the person who writes the text; ``english`` likewise.
    """

    name: str
    meaning: str
    english: str
    sample: str


_COMPANY = (
    Variable("company.name", "公司名称", "name of the company", "某某期货"),
    Variable("company.hotline", "客服热线", "hotline", "400-888-0000"),
    Variable("date", "日期", "date", "2026年03月18日"),
)
_CUSTOMER = (
    Variable("customer.name", "客户姓名", "customer's name", "张三丰"),
    Variable("customer.id_number", "证件号码（部分隐藏）", "ID number, masked", "330106********0101"),
    Variable("account_type", "账户类型", "account type", "期货账户"),
    Variable("business", "业务名称", "business", "修改联系电话"),
)
_CASE = (Variable("case.number", "受理单号", "acceptance number", "1700020000000001"),)


def _address(name: str, meaning: str, english: str, *samples: str) -> list[Variable]:
    parts = (
        ("country", "国家(地区)", "country or region"),
        ("province", "省", "province or state"),
        ("city", "市", "city"),
        ("detail", "详细地址", "address"),
    )
    return [
        Variable(f"other.tax.{name}.{key}", f"{meaning}：{zh}", f"{english}: {en}", sample)
        for (key, zh, en), sample in zip(parts, samples, strict=True)
    ]


_ABROAD = "既是中国税收居民又是其他国家（地区）税收居民"
_TAX = (
    Variable("other.tax_type", "税收居民身份", "tax residence", _ABROAD),
    Variable("other.tax.surname", "姓（英文或拼音）", "surname in English or Pinyin", "ZHANG"),
    Variable("other.tax.given_name", "名（英文或拼音）", "given name in English or Pinyin", "SANFENG"),
    Variable("other.tax.birth_date", "出生日期", "date of birth", "1986-01-01"),
    *_address(
        "address_cn", "现居地址（中文）", "current address in Chinese", "新加坡", "", "新加坡", "滨海大道1号"
    ),
    *_address(
        "address_en",
        "现居地址（英文或拼音）",
        "current address in English",
        "Singapore",
        "",
        "Singapore",
        "1 Marina Boulevard",
    ),
    *_address(
        "birth_cn", "出生地（中文）", "place of birth in Chinese", "中国", "浙江省", "杭州市", "上城区"
    ),
    *_address(
        "birth_en",
        "出生地（英文或拼音）",
        "place of birth in English",
        "China",
        "Zhejiang",
        "Hangzhou",
        "Shangcheng",
    ),
    Variable("other.tax.residences[].country", "税收居民国(地区)", "country of tax residence", "新加坡"),
    Variable("other.tax.residences[].tin", "纳税人识别号", "taxpayer number", "S1234567D"),
    Variable("other.tax.residences[].no_tin_reason", "没有纳税人识别号的原因", "why there is none", ""),
    Variable("other.tax.residences[].explanation", "解释具体原因", "the reason in words", ""),
)


def variables(code: str) -> tuple[Variable, ...]:
    """Return what the text of a document may name."""
    if code == PRIVACY:
        return _COMPANY  # read by everybody, before there is any case
    if code == DUTIES:
        return (*_COMPANY, *_CUSTOMER)  # read before the application has a number
    return (*_COMPANY, *_CUSTOMER, *_CASE, *(_TAX if code == TAX else ()))


def known(code: str) -> Mapping[str, Any]:
    """Return the shape of those: a text is ``str``, a list a Python list of one mapping."""
    return _tree({one.name: str for one in variables(code)})


def sample(code: str) -> Values:
    """Return a person who does not exist, to preview a text with."""
    return _tree({one.name: one.sample for one in variables(code)})


def _tree(flat: Mapping[str, Any]) -> Values:
    made: Values = {}
    for name, value in flat.items():
        *way, last = name.split(".")
        at = made
        for step in way:
            at = at.setdefault(step[:-2], [{}])[0] if step.endswith("[]") else at.setdefault(step, {})
        at[last] = value
    return made


def day(on: date) -> str:
    """Return a day as agreements write it."""
    return f"{on:%Y年%m月%d日}"


def of_company(company: Company, on: date) -> Values:
    """Return what holds for everybody."""
    return {"company": {"name": company.name, "hotline": company.hotline}, "date": day(on)}


def of_case(
    code: str, data: Mapping[str, Any], *, number: str | None, business: str, company: Company, on: date
) -> Values:
    """Return what a document may say about one case.

    :param business: what the change is called, such as 修改联系电话.
    """
    profile = data.get("profile") or {}
    kind = str(profile.get("account_type") or data.get("account_type") or "")
    values = {
        **of_company(company, on),
        "customer": {
            "name": str(profile.get("name") or ""),
            "id_number": masks.id_number(str(profile.get("id_number") or "")),
        },
        "account_type": dictionaries.label("account_type", kind),
        "business": business,
        "case": {"number": number or ""},
    }
    if code == TAX:
        values["other"] = _tax(data.get("other") or {})
    return values


def _tax(other: Mapping[str, Any]) -> Values:
    tax = other.get("tax") or {}
    return {
        "tax_type": dictionaries.label("tax_type", str(other.get("tax_type") or "")),
        "tax": {
            **_texts(tax, ("surname", "given_name", "birth_date")),
            **{name: _place(tax.get(name) or {}) for name in ("address_cn", "address_en")},
            **{name: _place(tax.get(name) or {}) for name in ("birth_cn", "birth_en")},
            "residences": _residences(tax.get("residences") or ()),
        },
    }


def _place(place: Mapping[str, Any]) -> Values:
    found = _texts(place, ("country", "province", "city", "detail"))
    return {**found, "country": dictionaries.label("country", found["country"])}


_NO_TIN = {
    "not_issued": "居民国(地区)不发放纳税人识别号",
    "not_obtained": "账户持有人未能取得纳税人识别号",
}


def _residences(given: Sequence[Any]) -> list[Values]:
    rows = []
    for one in given:
        row = _texts(one, ("country", "tin", "no_tin_reason", "explanation"))
        row["country"] = dictionaries.label("country", row["country"])
        row["no_tin_reason"] = _NO_TIN.get(row["no_tin_reason"], row["no_tin_reason"])
        rows.append(row)
    return rows


def _texts(given: Mapping[str, Any], names: Sequence[str]) -> Values:
    return {name: str(given.get(name) or "") for name in names}
