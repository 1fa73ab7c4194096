"""The words of the video witness for staff: outcomes of calls, what a flag means."""

from collections.abc import Mapping

from web import wording

#: How a call ended (R-171).
OUTCOMES: Mapping[str, str] = {
    "passed": "通过",
    "sent_back": "打回",
    "refused": "不通过",
    "no_show": "未接通",
    "customer_left": "客户中断",
    "agent_left": "坐席中断",
    "node_lost": "线路中断",
}


def flag(code: str) -> str:
    """Return what a mark on a case means."""
    return wording.flag(code)
