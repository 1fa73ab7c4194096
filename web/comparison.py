"""Old and new side by side (R-203), and what happened to a case in words.

Both come from the release the case runs on: whatever page an analyst draws is compared without code.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import forms
from engine import CaseFacts, clock
from engine.releases import Release
from engine.store import CaseKey
from forms import Component, Form
from forms.schema import DISPLAY
from web import current, wording
from web.shown import label_of, shown

#: Kinds that are shown elsewhere on the page.
NOT_COMPARED = frozenset(
    {"idcard-photo", "signature-photo", "agreement", "agreements", "decision", "video", "certificate"}
)


@dataclass(frozen=True)
class Row:
    """One value before and after."""

    label: str
    old: str
    new: str
    changed: bool
    #: what the counter has by now, where that is no longer ``old`` (R-208)
    now: str = ""


def rows(release: Release, facts: CaseFacts, data: Mapping[str, Any]) -> list[Row]:
    """Return every answer of the case's data pages beside the value it changes; changed ones first."""
    found: list[Row] = []
    for page in release.pages(facts.type):
        answers = data.get(page.variable)
        if not page.form or not isinstance(answers, Mapping) or page.step not in ("data", ""):
            continue
        form = _tailored(release.form(page.form), data, answers)
        if any(c.type in NOT_COMPARED for c in form.walk()):
            continue
        found += _compared(form.components, answers, data)
    return sorted(found, key=lambda row: not row.changed)


def with_counter(found: list[Row], now: list[Row]) -> list[Row]:
    """Return rows with what the counter has by now, where that differs from what the customer saw.

    :param now: the same answers compared with the counter's values of this moment.
    """
    olds = {row.label: row.old for row in now}
    return [
        replace(row, now=olds[row.label]) if olds.get(row.label, row.old) != row.old else row for row in found
    ]


def _tailored(form: Form, data: Mapping[str, Any], answers: Mapping[str, Any]) -> Form:
    now = clock.now()
    settings = current.parameters().view
    context = forms.Context(today=clock.shanghai(now).date(), now=now, data=data, settings=settings)
    return forms.for_company(form, context, answers)


def _compared(
    components: tuple[Component, ...], answers: Mapping[str, Any], data: Mapping[str, Any], above: str = ""
) -> Iterator[Row]:
    for one in components:
        if one.type in DISPLAY or one.readonly:
            continue
        if one.components:
            label = " · ".join(part for part in (above, label_of(one)) if part)
            below = answers.get(one.key) if one.key else answers
            for number, part in enumerate(below if isinstance(below, list) else [below], 1):
                named = f"{label} {number}" if isinstance(below, list) else label
                if isinstance(part, Mapping):
                    yield from _compared(one.components, part, data, named if one.key else above)
            continue
        spread = one.type == "phone-with-code" or one.flag("spread")
        new = _parts(one, answers) if spread else answers.get(one.key)
        old = _old(one, answers, data)
        if (new in (None, "", [], {})) and (old in (None, "", [], {})):
            continue
        label = " · ".join(part for part in (above, label_of(one)) if part)
        written = shown(one, new)
        before = shown(one, old)
        yield Row(label, before, written, before != written)


def _parts(component: Component, answers: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parts of an answer that stand among the page's answers."""
    if component.type == "validity-range":
        return {name: answers.get(name) for name in ("from", "until", "long_term")}
    own = answers.get(component.key)
    return own if isinstance(own, Mapping) else {"number": answers.get("number")}


def _old(component: Component, answers: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    if component.old is not None:
        return component.old.evaluate({**data, **answers})
    if component.type == "validity-range":
        profile = data.get("profile") or {}
        until = profile.get("valid_until")
        return {"from": profile.get("valid_from"), "until": until, "long_term": until is None}
    return None


#: The journal's words for what happened.
WHAT = {
    "case.started": "发起申请",
    "task.completed": "提交",
    "task.decided": "坐席给出结果",
    "case.stands": "进展",
    "task.back": "返回上一步",
    "task.claimed": "领取",
    "task.released": "释放",
    "message.withdraw": "客户撤回",
    "message.abandon": "客户放弃",
    "message.expire": "逾期失效",
    "job.done": "系统处理完成",
    "job.failed": "系统处理失败",
    "job.incident": "系统处理失败，待人工处理",
    "timer.fired": "到期处理",
    "signing.signed": "用数字证书签署协议",
    "signing.dated": "加盖时间戳",
    "signing.archived": "公司盖章并归档协议",
    "signing.evidence": "生成证据文件",
    "photo.seen": "查看照片",
    "video.consented": "同意视频见证的个人信息处理",
    "video.seen": "查看视频见证",
    "video.recorded": "视频见证录像整理完成",
    "video.verified": "验证视频见证录像",
    "paper.seen": "查看已签署的协议",
    "kit.seen": "下载证据包",
    "task.seen": "查看任务",
    "journal.read": "查看办理记录",
    "profile.revealed": "查看完整信息",
}
#: The page 签署协议 was left to get a witness or a certificate first: nothing is signed yet.
NOT_SIGNED_YET, READ = frozenset({"await_video", "returned_video", "await_cert"}), "阅读协议，尚未签署"
#: The counter has the new values.
IN_EFFECT = "资料已更新"
#: What only staff are told of.
FOR_STAFF = frozenset(
    {
        "task.claimed",
        "task.released",
        "photo.seen",
        "video.seen",
        "video.recorded",
        "video.verified",
        "paper.seen",
        "kit.seen",
        "task.seen",
        "journal.read",
        "job.done",
        "job.failed",
        "job.incident",
    }
)


def history(release: Release, facts: CaseFacts, key: CaseKey, *, staff: bool) -> list[dict[str, Any]]:
    """Return what happened to a case, oldest first; the customer is not told who did it."""
    engine = current.engine()
    pages = {page.element: page for page in release.pages(facts.type)}
    with engine.database.reading() as session:
        entries = engine.journal.of_case(session, facts.id, key)
    told: list[dict[str, Any]] = []
    before = ""
    for entry in entries:
        state = str(entry.facts.get("state", ""))
        done = entry.kind == "job.done" and state == "in_effect" != before
        before = state or before
        if not staff and entry.kind in FOR_STAFF and not done:
            continue
        page = pages.get(str(entry.facts.get("element", "")))
        title = page.title if page else ""
        what = WHAT.get(entry.kind, entry.kind)
        if entry.kind == "task.completed" and page and page.step == "sign" and state in NOT_SIGNED_YET:
            what = READ
        if done:
            what = IN_EFFECT
        words = f"{what}：{title}" if title else what
        note = str(wording.state(state).words) if state and entry.kind != "task.back" else ""
        who = who_of(entry.actor) if staff else ""
        last = told[-1] if told else None
        if last is not None and (last["what"], last["who"], last["note"]) == (words, who, note):
            # Somebody who looks at seven pictures is told of once.
            last["times"] += 1
            continue
        told.append({"at": entry.at, "what": words, "who": who, "note": note, "times": 1})
    return told


def who_of(label: str | None) -> str:
    """Return a person's label as staff read it."""
    kind, _, name = (label or "").partition(":")
    if kind == "customer":
        return "客户"
    if kind == "staff":
        member = current.web().staff.get(name)
        return member.name if member is not None else name
    return "系统"
