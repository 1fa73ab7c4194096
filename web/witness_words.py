"""The words of the video witness for staff: outcomes of calls, what a flag means."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from web import wording
from web.i18n import gettext

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


#: No figure of a device check is larger.
LARGEST = 10**6
#: What the police data service said, or why it said nothing (R-169): words, tone, sign.
POLICE: Mapping[str, tuple[str, str, str]] = {
    "match": ("一致", "ok", "done"),
    "mismatch": ("不一致", "danger", "refused"),
    "unknown": ("库中无此号", "warn", "warn"),
    "waiting": ("正在核验…", "quiet", "clock"),
    "failed": ("暂时无法核验", "warn", "warn"),
    "off": ("未接入", "quiet", "minus"),
}


def police(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the police data service had said when the agent decided; None before any decision."""
    decided = data.get("video") or {}
    if "police" not in decided:
        return None
    found = decided["police"] or {"result": "off"}
    # An answer that had not come by then was as good as none.
    said = "failed" if found["result"] == "waiting" else found["result"]
    words, tone, sign = POLICE.get(said, POLICE["failed"])
    at = datetime.fromisoformat(found["at"]) if found.get("at") else None
    return {"words": words, "tone": tone, "sign": sign, "at": at, "reference": found.get("reference") or ""}


#: Of ``web/static/js/video/browser_kind.js``.
BROWSERS: Mapping[str, str] = {
    "chrome": "Chrome",
    "chrome-phone": "Chrome（手机）",
    "edge": "Edge",
    "firefox": "Firefox",
    "safari": "Safari",
    "safari-phone": "Safari（手机）",
    "wechat": "微信",
}


def device(report: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a customer's device check in words; None when there was none.

    The browser told it, so every figure may be missing or nonsense.
    """
    if not report:
        return None
    told = []
    if browser := BROWSERS.get(str(report.get("browser"))):
        told.append(gettext(browser))
    width, height, fps = (_figure(report, name) for name in ("width", "height", "frameRate"))
    if width and height:
        told.append(f"{width:.0f}×{height:.0f}")
    if fps:
        told.append(gettext("每秒%(n)s帧", n=f"{fps:.0f}"))
    if (kbps := _figure(report, "kbps")) is not None:
        told.append(f"{kbps:.0f} kbps")
    if (loss := _figure(report, "loss")) is not None:
        told.append(gettext("丢包%(share)s", share=f"{100 * loss:.1f}%"))
    if (rtt := _figure(report, "rtt")) is not None:
        told.append(gettext("延迟%(ms)s毫秒", ms=f"{rtt:.0f}"))
    return {"told": told, "weak": report.get("verdict") == "weak"}


def _figure(report: Mapping[str, Any], name: str) -> float | None:
    value = report.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < LARGEST:
        return None
    return float(value)


def flag(code: str) -> str:
    """Return what a mark on a case means."""
    return wording.flag(code)
