"""The desk of witnesses as tests of the look draw it: K01, K02 and the supervisor's view of the queue."""

# ruff: noqa: E501 -- a sentence stays on one line, as it is read

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from forms import Problem, load
from forms.reasons import REASONS
from tests import pages
from web.witness_words import POLICE

STATES = {"ready": "就绪", "paused": "暂停", "offline": "离线"}
AGENT = SimpleNamespace(kind="staff", id="zhouyi", roles=frozenset({"agent"}))
ME = SimpleNamespace(id="a1", name="周毅", licence="F0301234")
SUPERVISOR = SimpleNamespace(kind="staff", id="qianzhu", roles=frozenset({"supervisor"}))


def ticket(state: str) -> dict[str, Any]:
    """Return the customer an agent has."""
    return {
        "id": "7f0c", "epoch": 3, "state": state, "name": "张*", "business": "联系电话修改", "number": "1700020000000042",
        "branch": "杭州营业部", "why": "打回后重新排队", "flags": ["虚拟运营商号码"], "left": 21.0, "seconds": 30,
        "call_url": "/desk/video/tickets/7f0c", "accept_url": "/desk/video/tickets/7f0c/accept",
        "decline_url": "/desk/video/tickets/7f0c/decline",
    }  # fmt: skip


def waiting(minutes: int, why: str, state: str = "waiting", **more: Any) -> dict[str, Any]:
    """Return a line of the list."""
    return {
        "name": "李*", "business": "身份证有效期修改", "number": "1600020000000043", "branch": "杭州营业部", "state": state,
        "doing": {"waiting": "等待中", "offered": "振铃中", "in_call": "通话中"}[state], "why": why, "urgent": "中断" in why,
        "flags": ("ID_OCR_DIFF",) if minutes > 5 else (), "waited": f"{minutes} 分钟", "since": pages.NOW - timedelta(minutes=minutes),
        "here": True, "who": "", "mine": False, "preferred": False, **more,
    }  # fmt: skip


def desk(state: str = "ready", of: dict[str, Any] | None = None, wrap_up: int = 0) -> dict[str, Any]:
    """Return the context of K01."""
    return {
        "actor": AGENT, "actor_name": "周毅", "me": ME, "states": STATES, "monitor_url": "/desk/queue",
        "desk": {"state": state, "since": 754, "wrap_up": wrap_up, "ticket": of},
        "urls": {name: f"/desk/video/{name}" for name in ("choose", "beat", "claim_next", "waiting", "page")},
        "today": [{"words": "通过", "count": 12}, {"words": "打回", "count": 3}],
        "rows": [
            waiting(2, "通话中断，优先接回"), waiting(14, "打回后重新排队", preferred=True), waiting(11, "首次排队"),
            waiting(6, "离开后返回", here=False), waiting(9, "首次排队", "in_call", who="吴倩"), waiting(3, "首次排队", "offered", mine=True),
        ],
    }  # fmt: skip


def leg(**more: Any) -> dict[str, Any]:
    """Return how one side of a call is doing."""
    return {"state": "connected", "idle": 0.1, "width": 640, "height": 480, "fps": 25.0, "kbps": 912.0, "loss": 0.004, "recorded_ms": 20000, **more}  # fmt: skip


def call(
    answers: dict[str, Any] | None = None,
    *problems: Problem,
    missing: tuple[str, ...] = (),
    police: str = "match",
    **more: Any,
) -> dict[str, Any]:
    """Return the context of K02."""
    view = pages.view(load("witness"), answers)
    view.case = SimpleNamespace(flags=("ID_OCR_DIFF",))
    names = ("page", "alive", "tick", "snapshot", "verify", "decide", "end", "join", "relays")
    photos: list[Any] = list(cast(Any, pages.REVIEW_PAGE["photos"]))
    printed = [
        {"label": "姓名", "read": "张伟", "known": "张伟", "differs": False, "doubt": False},
        {"label": "公民身份号码", "read": "11010519850612373?", "known": "110105198506123737", "differs": True, "doubt": True},
    ]  # fmt: skip
    return {
        "actor": AGENT, "actor_name": "周毅", "me": ME, "view": view, "problems": problems, "reasons": REASONS, "epoch": 3, "seat": "s", "seconds": 94,
        "comparison": pages.REVIEW_PAGE["comparison"], "photos": [{**photos[0], "printed": printed}, *photos[1:]],
        "returned": SimpleNamespace(reasons=[{"code": "V03", "text": "环境嘈杂、光线不足或有他人在场"}], note="请到安静处"),
        "head": {"title": "身份证有效期修改", "number": "1600020000000042", "name": "张伟", "id_number": "110105198506123737", "mobile": "13800138001",
                 "branch": "杭州营业部", "why": "打回后重新排队"},
        "police": POLICE, "device": {"told": ["Chrome（手机）", "1280×720", "912 kbps", "丢包0.4%", "延迟38毫秒"], "weak": True},
        "history": [{"at": pages.NOW, "who": "客户", "what": "提交：联系电话", "note": ""}, {"at": pages.NOW, "who": "周毅", "what": "进展：视频见证", "note": "视频见证中"}],
        "earlier": [{"at": pages.NOW - timedelta(minutes=40), "seconds": 125, "agent": "吴倩", "outcome": "客户中断"}],
        "call": {"epoch": 3, "missing": list(missing), "police": police, "legs": {"customer": leg(), "agent": leg(loss=0.08)},
                 "pictures": {"face": {"id": "s1", "still": "/static/examples/card-good.svg", "frame": "/static/examples/card-glare.svg"}}},
        "urls": {name: f"/desk/video/tickets/7f0c/{name}" for name in names} | {"desk": "/desk/video"}, **more,
    }  # fmt: skip


def line(name: str, **more: Any) -> dict[str, Any]:
    """Return a queue as the supervisor sees it."""
    agents = [
        {"name": "周毅", "words": "通话中", "tone": "ok", "icon": "video", "since": "4 分钟"},
        {"name": "吴倩", "words": "就绪", "tone": "todo", "icon": "done", "since": "11 分钟"},
        {"name": "郑浩", "words": "暂停", "tone": "warn", "icon": "clock", "since": "25 分钟"},
    ]
    return {
        "name": name, "waiting": 3, "talking": 1, "on_duty": 2, "longest": "14:05", "mean": "6:10", "tone": "warn", "calls": 41,
        "handle": "4:00", "outcomes": [{"words": "通过", "count": 33}, {"words": "打回", "count": 6}, {"words": "客户中断", "count": 2}],
        "agents": agents, **more,
    }  # fmt: skip


def monitor(*problems: Problem, **asked: str) -> dict[str, Any]:
    """Return the context of the supervisor's page."""
    rows = [
        {"agents": 9, "wait": "4 分钟", "share": "41%", "busy": "89%", "enough": False},
        {"agents": 10, "wait": "1 分钟", "share": "82%", "busy": "80%", "enough": True},
    ]
    empty = line(
        "上海营业部",
        waiting=2,
        talking=0,
        on_duty=0,
        agents=[],
        outcomes=[],
        calls=0,
        tone="danger",
        handle="—",
    )
    return {
        "actor": SUPERVISOR, "actor_name": "钱竹", "lines": [line("杭州营业部"), empty], "rows_url": "/desk/queue/rows", "page_url": "/desk/queue",
        "staffing": {"asked": {"per_hour": "120", "handle": "240", "within": "60", "share": "80", **asked}, "problems": list(problems),
                     "rows": [] if problems else rows, "least": 10},
    }  # fmt: skip


def every() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the name of a page, its template and its context."""
    yield "witness_desk", "witness_desk.html", desk(of=ticket("offered"))
    yield "witness_desk_rest", "witness_desk.html", desk(wrap_up=24)
    yield (
        "witness_desk_empty",
        "witness_desk.html",
        desk("paused") | {"rows": [], "me": SimpleNamespace(id="a1", name="周毅", licence="")},
    )
    yield "witness_desk_call", "witness_desk.html", desk(of=ticket("in_call"))
    yield "witness_rows", "witness_rows.html", desk()
    left = ("“询问与告知”还差3项", "“核对项目”还差6项", "请先拍摄手持身份证照片，再给出通过结果")
    yield "witness_call", "witness_call.html", call({"asked": ["identity"]}, missing=left)
    yield "witness_call_return", "witness_call.html", call(
        {"decision": "return", "reasons": ["D01"]}, Problem("reasons", "请至少选择一个打回原因"))  # fmt: skip
    differs = Problem(
        "decision", "公安核验结果为不一致：请再次核对客户的姓名和身份证号", "warning", "POLICE_DIFF"
    )
    yield "witness_call_differs", "witness_call.html", call(
        {"decision": "approve", "note": "", "internal_note": "证件与本人一致，姓名系曾用名"}, differs, police="mismatch", device=None, earlier=[])  # fmt: skip
    yield (
        "witness_call_failed",
        "witness_call.html",
        call(police="failed", missing=left, history=[], earlier=[]),
    )
    yield "queue_monitor", "queue_monitor.html", monitor()
    yield (
        "queue_monitor_wrong",
        "queue_monitor.html",
        monitor(Problem("share", "请输入1到99的整数"), share="x"),
    )
    yield "queue_monitor_rows", "queue_monitor_rows.html", monitor()
