"""Events: timers that can be read, messages and errors that exist."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from engine.diagrams.lint import grammar
from engine.diagrams.lint.model import Diagram, Node, called
from engine.diagrams.lint.release import Release
from engine.diagrams.spiff import duration

#: Longest time a diagram may wait for.
LONGEST = timedelta(days=3660)

_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
_MESSAGE = re.compile(r"[a-z][a-z0-9_]{0,39}")


def check(diagram: Diagram, release: Release) -> None:
    """Judge every event of a diagram."""
    for node in diagram.nodes():
        if node.kind in ("intermediateCatchEvent", "boundaryEvent"):
            _event(diagram, node, release)


def check_duration(diagram: Diagram, element: str, where: tuple[str, str], text: str) -> None:
    """Refuse a duration that is not ISO 8601, or not between one second and ten years."""
    try:
        length = duration(text)
    except (ValueError, OverflowError):
        length = timedelta(0)
    if not timedelta(0) < length <= LONGEST:
        diagram.report(
            element,
            "time.duration",
            f"{where[0]}的时长“{text[:40]}”写法有误；例如 PT30M 是 30 分钟，PT4H 是 4 小时，P30D 是 30 天",
            f"{where[1]} has the duration {text[:40]!r}; write PT30M, PT4H or P30D",
        )


def _event(diagram: Diagram, node: Node, release: Release) -> None:
    kinds = [k for k in ("timer", "message", "error") if node.definition(k) is not None]
    if len(kinds) != 1:
        diagram.about(
            node,
            "event.kind",
            "要有且只有一种触发方式：定时、消息或错误；请在扳手菜单里选择",
            "needs exactly one trigger: timer, message or error",
        )
        return
    if node.element.get("cancelActivity", "true") not in ("true", "false"):
        diagram.about(node, "event.cancel", "的“中断”设置有误；请重新选择", "has a broken cancelActivity")
    match node.event:
        case "timer":
            _timer(diagram, node)
        case "message":
            _message(diagram, node)
        case "error":
            _error(diagram, node, release)
    host = node.scope.nodes.get(node.attached_to)
    if host is not None and host.kind == "serviceTask" and node.event != "error":
        info = release.operators.get(_operator(host))
        if info is not None and not info.job:
            diagram.about(
                node,
                "event.never",
                "贴在立即完成的服务任务上，永远不会触发；请删去",
                "is on a task that is done at once, so it never happens; remove it",
                "warning",
            )


def _timer(diagram: Diagram, node: Node) -> None:
    definition = node.definition("timer")
    given = [] if definition is None else [child for child in definition if isinstance(child.tag, str)]
    label = called(node.kind, node.name or node.id)
    if len(given) != 1:
        diagram.about(node, "time.missing", "没有填写时间；请填写时长或日期", "has no time; fill it in")
    elif given[0].tag == f"{{{grammar.BPMN}}}timeDuration":
        check_duration(diagram, node.id, label, (given[0].text or "").strip())
    else:
        text = (given[0].text or "").strip()
        try:
            datetime.fromisoformat(text)
        except ValueError:
            diagram.report(
                node.id,
                "time.date",
                f"{label[0]}的日期“{text[:40]}”写法有误；请写成 2026-12-01T09:00:00+08:00",
                f"{label[1]} has the date {text[:40]!r}; write 2026-12-01T09:00:00+08:00",
            )


def _message(diagram: Diagram, node: Node) -> None:
    definition = node.definition("message")
    reference = definition.get("messageRef", "") if definition is not None else ""
    name = diagram.messages.get(reference)
    if name is None:
        diagram.about(
            node,
            "message.missing",
            "没有选择消息；请在属性面板选择或新建",
            "refers to no message; choose one",
        )
    elif not _MESSAGE.fullmatch(name):
        diagram.about(
            node,
            "message.name",
            f"的消息名“{name}”要用小写英文字母、数字和下划线，例如 withdraw",
            f"waits for the message {name!r}; name it in small letters, such as withdraw",
        )


def _error(diagram: Diagram, node: Node, release: Release) -> None:
    if not node.interrupting:
        diagram.about(
            node,
            "error.beside",
            "必须设为中断；请在扳手菜单里选择",
            "must interrupt; choose that in the menu",
        )
    definition = node.definition("error")
    reference = definition.get("errorRef", "") if definition is not None else ""
    code = diagram.errors.get(reference)
    if code is None or not _CODE.fullmatch(code):
        diagram.about(
            node,
            "error.missing",
            "没有选择错误，或错误没有代码；请在属性面板选择，代码例如 COUNTER",
            "refers to no error with a code such as COUNTER; choose one",
        )
        return
    host = node.scope.nodes.get(node.attached_to)
    possible = sorted(_codes(host, release)) if host is not None else []
    if code not in possible:
        diagram.about(
            node,
            "error.code",
            f"的错误代码“{code}”在这里不会出现；可能出现的：{'、'.join(possible) or '无'}",
            f"catches {code!r}, which cannot happen here; possible are {', '.join(possible) or 'none'}",
        )


def _codes(host: Node, release: Release) -> Iterator[str]:
    """Yield the error codes of the operators at ``host`` and inside of it."""
    waiting, seen = [host], set()
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.kind == "serviceTask" and (info := release.operators.get(_operator(node))) is not None:
            yield from info.errors
        if node.inner is not None:
            waiting.extend(node.inner.nodes.values())
        if node.kind == "callActivity" and node.element.get("calledElement", "") in release.diagrams:
            waiting.extend(release.diagrams[node.element.get("calledElement", "")].nodes())


def _operator(node: Node) -> str:
    found = node.extension("serviceTaskOperator")
    return found.get("id", "") if found is not None else ""
