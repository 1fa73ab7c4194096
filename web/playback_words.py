"""What the page of a recording says of its moments, its results and what a verification found."""

from collections.abc import Mapping
from typing import Any

from engine import EngineError, Release
from handlers.recordings import Finding, Verdict
from web.i18n import gettext
from web.shown import choice_of

ROLES: Mapping[str, str] = {"customer": "客户", "agent": "见证人员", "events": "事件"}
#: How a call ended.
OUTCOMES: Mapping[str, tuple[str, str, str]] = {
    "passed": ("通过", "ok", "done"),
    "sent_back": ("打回", "warn", "return"),
    "refused": ("不通过", "danger", "refused"),
    "no_show": ("未接通", "warn", "phone"),
    "customer_left": ("客户中断", "warn", "leave"),
    "agent_left": ("坐席中断", "warn", "leave"),
    "": ("通话未结束", "wait", "clock"),
}
PICTURES: Mapping[str, str] = {"face": "正脸", "card": "手持身份证"}
_DECISIONS: Mapping[str, str] = {"approve": "通过", "return": "打回", "reject": "不通过"}
INTACT = "录像、照片、见证结果均与录制和封存时一致，没有任何改动。"
CHANGED = "发现以下问题，请勿据此作出决定，并告知合规："
#: Sentences of what a verification found; gaps are whose and which.
FINDINGS: Mapping[str, str] = {
    "not_finished": "录像尚在整理，请稍后再验证",
    "no_media": "本次通话没有录像",
    "report_changed": "录像的时间轴与整理时不一致",
    "segment_missing": "%(who)s录像第%(n)s段的文件不存在",
    "segment_changed": "%(who)s录像第%(n)s段与录制时不一致",
    "segment_unsealed": "%(who)s录像第%(n)s段没有封存",
    "segment_unknown": "%(who)s录像第%(n)s段不在整理时的清单中",
    "seal_wrong": "%(who)s录像第%(n)s段的封存签名无效",
    "events_changed": "通话事件记录第%(n)s段与录制时不一致",
    "hash_changed": "录像摘要与操作记录中的不一致",
    "playback_changed": "%(who)s回放文件与整理时不一致",
    "snapshot_changed": "见证照片与拍摄时不一致",
    "snapshot_missing": "见证照片不存在或已被替换",
    "still_changed": "时间轴上的画面与整理时不一致",
    "journal_changed": "本次申请的操作记录被改动",
    "decision_missing": "操作记录中没有本次通话的见证结果",
}
_SHAPES: Mapping[str, str] = {
    "joined": "person",
    "left": "leave",
    "ticked": "check",
    "snapshot": "camera",
    "gap": "warn",
    "recovered": "info",
    "decision": "flag",
}
#: Which of the script's items says that the card is shown.
_CARD = ("card_in_hand", "card_period", "card_original")


def words_of(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict in the reader's language."""
    size = round(verdict.size / 1e6, 1)
    return {
        "intact": verdict.intact,
        "words": gettext(INTACT if verdict.intact else CHANGED),
        "findings": [finding(one) for one in verdict.findings],
        "detail": gettext("已逐字节核对%(n)s段，共%(size)s MB；录像摘要", n=verdict.segments, size=size),
        "hash": verdict.hash,
    }


def finding(one: Finding) -> str:
    """Return what was found."""
    who = gettext(ROLES[one.role]) if one.role else ""
    return gettext(FINDINGS[one.code], who=who, n=one.number + 1)


def marker(release: Release, event: Mapping[str, Any]) -> tuple[str, str]:
    """Return what happened at a moment, in the reader's language, and its drawing."""
    kind = str(event.get("kind", ""))
    who = gettext(ROLES[event["role"]]) if event.get("role") in ROLES else ""
    shape = _SHAPES.get(kind, "info")
    if kind == "joined":
        return gettext("%(who)s进入通话", who=who), shape
    if kind == "left":
        return gettext("%(who)s离开通话", who=who), shape
    if kind == "ticked":
        item = str(event.get("item", ""))
        return _item(release, str(event.get("list", "")), item), "card" if item in _CARD else shape
    if kind == "snapshot":
        what = PICTURES.get(str(event.get("of", "")))
        return gettext("拍摄照片：%(what)s", what=gettext(what) if what else ""), shape
    if kind == "decision":
        what = _DECISIONS.get(str(event.get("decision", "")))
        return gettext("见证结果：%(what)s", what=gettext(what) if what else ""), shape
    if kind == "gap":
        seconds = max(1, round((event.get("until", 0) - event.get("ms", 0)) / 1000))
        return gettext("%(who)s音视频中断%(n)s秒", who=who, n=seconds), shape
    if kind == "recovered":
        return gettext("录制进程中断，%(who)s录像已保全至此", who=who), shape
    return kind, shape


def _item(release: Release, listed: str, item: str) -> str:
    """Return an item of the agent's script as the form says it."""
    try:
        form = release.form("witness")
    except EngineError:
        return item
    for component in form.walk():
        if component.key == listed:
            for value in component.values:
                if value.value == item:
                    return choice_of(value)
    return item
