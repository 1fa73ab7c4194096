"""Choices that need a second look: an option that excludes the others, occupations (R-138, R-142, 3.10)."""

from collections.abc import Iterable

from forms.context import Asked
from forms.errors import Flag
from forms.rules.registry import Found, rule

EXCLUSIVE = "“无”不能与其他选项同时选择"
OTHER_OCCUPATION = "请选择其他职业"
FUTURES_STAFF = "上述人员依法不得参与期货交易"


@rule("exclusive")
def judge_exclusive(asked: Asked) -> Iterable[Found]:
    """Refuse the option named in property ``exclusive`` together with others (A-23, G-39)."""
    alone = str(asked.component.properties.get("exclusive") or "")
    if alone in asked.value and len(asked.value) > 1:
        label = next((one.label for one in asked.component.values if one.value == alone), alone)
        yield asked.error(EXCLUSIVE.replace("无", label), "exclusive")


@rule("current_code")
def judge_current_code(asked: Asked) -> Iterable[Found]:
    """Refuse an option that is only kept for display (R-142, G-38)."""
    outdated = {one.value for one in asked.component.values if not one.selectable}
    if asked.value in outdated:
        message = str(asked.component.properties.get("outdated") or OTHER_OCCUPATION)
        yield asked.error(message, "outdated")


@rule("occupation_risk")
def judge_occupation_risk(asked: Asked) -> Iterable[Found]:
    """Mark occupations that the reviewer looks at more closely."""
    if asked.value in asked.context.setting("occupation_risk"):
        yield Flag("OCC_RISK")


@rule("not_futures_staff")
def judge_not_futures_staff(asked: Asked) -> Iterable[Found]:
    """Refuse people whom 期货和衍生品法 Art. 53 forbids to trade; compliance is told by the code."""
    if asked.value == "yes":
        yield asked.error(FUTURES_STAFF, "FUTURES_STAFF")
