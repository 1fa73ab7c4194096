"""Sentences made from a case's facts: states, how to address a person, the submission (1.12, 1.13)."""

from forms.dictionaries import BUSINESSES, STATES
from forms.rules import id_number

#: What a submitted change is called in R-200, by business type.
CHANGES = {"16": "身份证有效期修改", "17": "联系电话修改", "18": "其他信息修改"}


def state(name: str, *, staff: bool = False) -> str:
    """Return what an application state is called, to the customer or to staff."""
    customer, other = STATES.get(name, ("处理中", ""))
    return other if staff and other else customer


def title(number: str | None) -> str:
    """Return 先生 or 女士 from an ID number; both where it does not tell."""
    return id_number.title(number or "")


def change(business: str) -> str:
    """Return what a change is called in titles and sentences: 身份证有效期修改 …"""
    return CHANGES.get(business) or BUSINESSES.get(business, "")


def page_title(business: str, number: str | None = None) -> str:
    """Return the title line of a page (R-032); the number stands there as soon as it exists."""
    shown = f" [受理单号: {number}]" if number else ""
    return f"业务办理/{change(business)}{shown}"


def submitted(name: str, number: str | None, business: str) -> str:
    """Return the sentence of the submission page (R-200).

    :param number: the ID number, for 先生 or 女士.
    """
    return (
        f"尊敬的{name}{title(number)}，您的{change(business)}已成功提交，正在等待复核；"
        "您可在我的基本资料中查看结果。"
    )
