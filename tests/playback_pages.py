"""The page of a recording, and what the review page says of one, as tests of the look draw them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tests.pages import NOW, REVIEW_PAGE, REVIEWER

CARD = "/static/examples/card-good.svg"
WITNESSED: dict[str, Any] = {
    "call": "c1", "agent": "王强", "licence": "F3001234", "words": "通过", "tone": "ok", "sign": "done",
    "at": NOW, "seconds": 214, "ready": True, "damaged": False, "url": "/desk/cases/c/video?call=c1",
    "snapshots": [{"label": "正脸", "url": CARD}, {"label": "手持身份证", "url": CARD}],
}  # fmt: skip
BROKEN = {**WITNESSED, "call": "c0", "words": "客户中断", "tone": "warn", "sign": "leave", "snapshots": []}


def moment(
    at: float, kind: str, words: str, sign: str, until: float | None = None, still: str = ""
) -> dict[str, Any]:
    """Return a moment of the time line."""
    return {
        "at": at, "until": until or at, "kind": kind, "words": words, "sign": sign, "still": still,
        "clock": NOW + timedelta(seconds=at),
    }  # fmt: skip


PAGE: dict[str, Any] = {
    "actor": REVIEWER,
    "head": {"title": "身份证有效期修改", "number": "1600020000000042", "name": "张伟",
             "branch": "杭州营业部"},
    "here": WITNESSED, "calls": [WITNESSED, BROKEN],
    "sides": [{"role": "customer", "label": "客户", "url": "/c.webm", "video": True},
              {"role": "agent", "label": "见证人员", "url": "/a.webm", "video": False}],
    "seconds": 214.2,
    "markers": [moment(0.0, "joined", "客户进入通话", "person"),
                moment(12.4, "ticked", "请您手持身份证原件，正对镜头。", "card", still=CARD),
                moment(20.0, "gap", "客户音视频中断7秒", "warn", 27.1),
                moment(61.5, "snapshot", "拍摄照片：正脸", "camera", still=CARD),
                moment(200.0, "decision", "见证结果：通过", "flag")],
    "comparison": REVIEW_PAGE["comparison"],
    "photos": [{"label": "身份证正面", "url": CARD, "original_url": CARD, "flags": [], "printed": []}],
    "verdict": None, "verify_url": "/desk/cases/c/video/c1/verify", "back_url": "/desk",
}  # fmt: skip
INTACT = {"intact": True, "words": "录像、照片、见证结果均与录制和封存时一致，没有任何改动。", "findings": [],
          "detail": "已逐字节核对3段，共41.2 MB；录像摘要", "hash": "9f" * 32}  # fmt: skip
CHANGED = {**INTACT, "intact": False, "words": "发现以下问题，请勿据此作出决定，并告知合规：",
           "findings": ["客户录像第1段与录制时不一致", "录像摘要与操作记录中的不一致"]}  # fmt: skip


def every() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the name of a page, its template and its context."""
    yield "playback", "playback.html", PAGE
    yield "playback_intact", "playback.html", {**PAGE, "verdict": INTACT}
    yield "playback_changed", "playback.html", {**PAGE, "verdict": CHANGED}
    nothing = {**WITNESSED, "ready": False, "snapshots": []}
    bare: dict[str, Any] = {"sides": [], "markers": [], "comparison": [], "photos": []}
    yield "playback_waiting", "playback.html", {**PAGE, **bare, "here": nothing, "calls": [nothing]}
    yield "playback_damaged", "playback.html", {**PAGE, **bare, "here": {**nothing, "damaged": True}}
    yield "playback_empty", "playback.html", {**PAGE, **bare, "here": {**WITNESSED, "snapshots": []}}
    yield (
        "review_witnessed",
        "review.html",
        {**REVIEW_PAGE, "witnessed": [WITNESSED, {**BROKEN, "ready": False}]},
    )
