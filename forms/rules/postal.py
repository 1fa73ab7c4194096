"""The postal code (domain.md 3.7)."""

import re
from collections.abc import Iterable, Mapping

from forms import dictionaries, text
from forms.context import Asked
from forms.rules.registry import Found, rule

EMPTY = "邮政编码不能为空！"
WRONG = "请输入正确的邮政编码！"
OTHER_PROVINCE = "邮政编码与省份可能不符，请核对"


def valid(code: str) -> bool:
    """Tell whether ``code`` is six digits, not all zero."""
    return re.fullmatch(r"\d{6}", code, re.ASCII) is not None and code != "000000"


def fits(code: str, province: str) -> bool:
    """Tell whether a postal code can belong to a province; an unknown province fits every code."""
    prefixes = next(
        (codes for name, codes in dictionaries.POSTAL_PREFIXES.items() if province.startswith(name)), None
    )
    return prefixes is None or code[:2] in prefixes


@rule("postcode", tidy=text.number)
def judge_postcode(asked: Asked) -> Iterable[Found]:
    """Accept a postal code; doubt one that belongs to another province."""
    code = str(asked.value)
    if not valid(code):
        yield asked.error(WRONG, "postcode")
        return
    address = asked.scope.get("address")
    province = str((address.get("province") if isinstance(address, Mapping) else "") or "")
    if province and not fits(code, province):
        yield asked.warning(OTHER_PROVINCE, "POST_PROV")
