"""排队监控 (R-221): the queues of a supervisor's branches as they stand, and how many agents a load needs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for

from engine import clock
from forms import Problem
from handlers.video.agents import Agent, Presence
from handlers.video.monitor import LineReport, Monitor
from handlers.video.staffing import MOST_AGENTS, agents_needed, staffing
from web import comparison, current, witness_words
from web.i18n import gettext
from web.rendering import span

queue_monitor = Blueprint("queue_monitor", __name__, url_prefix="/desk/queue")

#: Seconds of waiting from which a queue is shown as slow, and as too slow.
SLOW, TOO_SLOW = 300, 900
LOOKS: Mapping[Presence, tuple[str, str, str]] = {
    "busy": ("通话中", "ok", "video"),
    "ready": ("就绪", "todo", "done"),
    "paused": ("暂停", "warn", "clock"),
    "offline": ("离线", "quiet", "minus"),
}
WHOLE = "请输入%(least)s到%(most)s的整数"
#: More rows of the panel on either side of what is needed.
AROUND = 3


@dataclass(frozen=True)
class Asked:
    """One number of the staffing panel."""

    usual: int
    least: int
    most: int


#: Customers an hour, seconds of a call, seconds and share of a promise; what a page without numbers shows.
PANEL: Mapping[str, Asked] = {
    "per_hour": Asked(20, 1, 10_000),
    "handle": Asked(240, 10, 7200),
    "within": Asked(60, 1, 3600),
    "share": Asked(80, 1, 99),
}


@queue_monitor.get("")
def page() -> str:
    """Show every queue of the branches, and the staffing panel."""
    found = _lines()
    return render_template(
        "queue_monitor.html",
        lines=[_line(one) for one in found],
        rows_url=url_for("queue_monitor.rows"),
        page_url=url_for("queue_monitor.page"),
        staffing=_staffing(found),
    )


@queue_monitor.get("/rows")
def rows() -> str:
    """The queues alone, for a page that follows them."""
    return render_template("queue_monitor_rows.html", lines=[_line(one) for one in _lines()])


def _lines() -> tuple[LineReport, ...]:
    return Monitor(current.engine()).lines(current.person().branches)


def _line(one: LineReport) -> dict[str, Any]:
    waiting, longest = one.queued, one.longest
    on_duty = sum(agent.state in ("busy", "ready") for agent in one.agents)
    slow = "danger" if longest >= TOO_SLOW or (waiting and not on_duty) else "warn" if longest >= SLOW else ""
    return {
        "name": one.line.replace("+", " + "),
        "waiting": waiting,
        "away": sum(customer.away for customer in one.customers),
        "talking": sum(customer.state == "in_call" for customer in one.customers),
        "on_duty": on_duty,
        "longest": _clock(longest) if waiting else "—",
        "mean": _clock(one.mean_wait),
        "handle": _clock(one.mean_handle),
        "calls": sum(one.today.values()),
        "outcomes": [
            {"words": words, "count": one.today[code]}  # type: ignore[index]
            for code, words in witness_words.OUTCOMES.items()
            if one.today.get(code)  # type: ignore[call-overload]
        ],
        "agents": [_agent(agent) for agent in one.agents],
        "tone": slow,
    }


def _clock(seconds: float | None) -> str:
    """Return a short time in minutes and seconds, as 4:05."""
    return "—" if seconds is None else f"{round(seconds) // 60}:{round(seconds) % 60:02}"


def _agent(agent: Agent) -> dict[str, Any]:
    words, tone, icon = LOOKS[agent.state]
    return {
        "name": comparison.who_of(f"staff:{agent.staff_id}"),
        "words": words,
        "tone": tone,
        "icon": icon,
        "since": span((clock.now() - agent.since).total_seconds()),
    }


def _staffing(lines: tuple[LineReport, ...]) -> dict[str, Any]:
    """Work out the panel: of what was typed, or of the last hour of all these queues together."""
    now = {
        "per_hour": sum(one.entered_hour for one in lines) or PANEL["per_hour"].usual,
        "handle": round(sum(one.handle for one in lines) / len(lines)) if lines else PANEL["handle"].usual,
    }
    asked, problems = {}, []
    numbers: dict[str, int] = {}
    for name, rule in PANEL.items():
        typed = request.args.get(name)
        usual = min(max(now.get(name, rule.usual), rule.least), rule.most)
        asked[name] = typed[:6] if typed is not None else str(usual)
        number = int(typed) if typed and typed.isascii() and typed.isdecimal() and len(typed) < 7 else None
        if typed is None:
            number = usual
        if number is None or not rule.least <= number <= rule.most:
            problems.append(Problem(name, gettext(WHOLE, least=rule.least, most=rule.most)))
        else:
            numbers[name] = number
    told: dict[str, Any] = {"asked": asked, "problems": problems, "rows": [], "least": 0}
    if not problems:
        told |= _worked_out(numbers)
    return told


def _worked_out(of: Mapping[str, int]) -> dict[str, Any]:
    share = of["share"] / 100
    needed = agents_needed(of["per_hour"], of["handle"], share, of["within"])
    found = []
    for agents in range(max(1, needed - AROUND), min(MOST_AGENTS, needed + AROUND) + 1):
        one = staffing(of["per_hour"], of["handle"], agents, of["within"])
        found.append(
            {
                "agents": agents,
                "wait": "∞" if math.isinf(one.mean_wait) else f"{one.mean_wait:.0f} s",
                "share": f"{one.in_time:.0%}",
                "busy": f"{min(one.load, 1):.0%}",
                "enough": one.in_time >= share,
            }
        )
    enough = any(row["enough"] for row in found)
    return {"rows": found, "least": needed if enough else 0}
