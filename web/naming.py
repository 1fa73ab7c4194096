"""How a business is called on pages (R-032, R-034), and why a case came back (R-205)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from flask import g

import forms
from engine import Release, UnknownProcess
from forms.reasons import REASONS
from web import current

#: The step bar of the three changes, and the two steps a certificate brings in (R-034).
STEPS = {
    "upload": "上传照片",
    "data": "资料填写",
    "video": "视频见证",
    "certificate": "数字证书",
    "sign": "签署协议",
}
USUAL = ("upload", "data", "sign")
LAST = "提交"
CHANGE = "修改"


def business(type: str) -> str:
    """Return what a type is called in a menu, such as 修改联系电话."""
    running = release()
    process = running.processes.get(type) if running is not None else None
    return process.name if process is not None else type


def release() -> Release | None:
    """Return the release new cases start on, asked for once a request; None before anything is published."""
    if "release" not in g:
        try:
            g.release = current.engine().releases.current()
        except UnknownProcess:
            g.release = None
    return cast("Release | None", g.release)


def subject(type: str) -> str:
    """Return what a type is called as a noun, such as 联系电话修改."""
    name = business(type)
    return name.removeprefix(CHANGE) + CHANGE if name.startswith(CHANGE) else name


def title_line(type: str, number: str | None) -> str:
    """Return the line above every step of a case (R-032)."""
    return f"业务办理/{subject(type)}" + (f" [受理单号: {number}]" if number else "")


def steps(here: str, data: Mapping[str, Any] | None = None) -> list[dict[str, str]]:
    """Return the step bar with the state of each step.

    :param data: the case's, which tell whether 视频见证 and 数字证书 come before 签署协议 (R-034).
    """
    keys = [key for key in STEPS if key in USUAL or key == here or key in _inserted(data or {})]
    at = keys.index(here) if here in keys else len(keys)
    bar = [
        {"key": key, "label": STEPS[key], "state": "done" if i < at else "current" if i == at else "todo"}
        for i, key in enumerate(keys)
    ]
    return [*bar, {"key": "submit", "label": LAST, "state": "current" if at == len(keys) else "todo"}]


def _inserted(data: Mapping[str, Any]) -> frozenset[str]:
    """Which of the two further steps this case has, once it is known; they then stay in the bar."""
    consents = data.get("consents") or {}
    if consents.get("how") != "apply" and not data.get("certificate"):
        return frozenset({"video"} if data.get("video") else ())
    # A browser that named a certificate needs the witness alone, unless it got a new one.
    alone = consents.get("device") and not data.get("certificate")
    return frozenset({"video"} if alone else {"video", "certificate"})


@dataclass(frozen=True)
class Returned:
    """Why a person sent a case back or refused it."""

    reasons: list[dict[str, str]]
    note: str
    #: An agent did so in a video call, and not a reviewer.
    by_agent: bool = False


def returned(data: Mapping[str, Any], *, refused: bool = False) -> Returned:
    """Return the reasons of the last decision, in the words of the customer; nothing internal.

    :param refused: of a refusal, too.
    """
    last = forms.last_return(data)
    if last is None and refused:
        decisions = [d for d in map(data.get, ("review", "review2", "video")) if isinstance(d, Mapping)]
        last = next((d for d in decisions if d.get("decision") == "reject"), None)
    if last is None:
        return Returned([], "")
    known = {r.code: r.text for r in reasons()}
    listed = [{"code": str(c), "text": known.get(str(c), str(c))} for c in last.get("reasons") or ()]
    return Returned(listed, str(last.get("note") or ""), last is data.get("video"))


def reasons() -> list[Any]:
    """Return the reasons in force: the company's, else those of domain 3.9."""
    return list(current.parameters().send_back_reasons or REASONS)
