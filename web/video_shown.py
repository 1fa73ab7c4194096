"""What the page 视频见证 shows now: consent, device check, queue, call, or what came of it (P12 to P14).

Always asked of the server, so that reload, Back and a second tab show the same. ``state`` is cheap: it opens
no diagram, because every waiting page asks for it whenever something moved.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from flask import url_for
from werkzeug.exceptions import NotFound

from engine import Case, TaskGone, TaskView, clock
from forms import Component
from handlers import hours
from handlers.video.errors import NoTicket
from handlers.video.tickets import Ticket
from handlers.video.witnessing import CONSENT
from web import current
from web.i18n import language
from web.queue_live import figures

#: Where the desk keeps which window the call belongs to.
SEAT = "video_seat"
#: For how long a page tells how the last ticket ended.
REMEMBERED = timedelta(hours=12)
#: How a ticket ended without a result.
LOST = frozenset({"left", "abandoned", "no_show"})

Panel = Literal["consent", "check", "queue", "call", "passed", "moved"]


@dataclass(frozen=True)
class State:
    """Where the customer stands."""

    panel: Panel
    #: Changes whenever the panel has to be drawn anew.
    mark: str
    case: Case
    #: The newest ticket of the case, also one that is over.
    ticket: Ticket | None = None
    #: The window that the call belongs to, as it named itself.
    seat: str = ""
    #: Where to go on, for a case that has left this page.
    onward: str = ""

    @property
    def epoch(self) -> int:
        """Of the open ticket."""
        return self.ticket.epoch if self.ticket is not None else 0


def state(task_id: UUID) -> State:
    """Return where the customer stands who asks; another's page raises UnknownCase."""
    web = current.web()
    case = web.engine.cases.of_task(task_id, current.person())
    with web.engine.database.reading() as session:
        ticket = web.queue.of_case(session, case.id)
    if case.next_task != task_id:
        return _gone(case, ticket)
    try:
        _, _, laid = web.engine.desk.look(task_id)
    except TaskGone:
        return _gone(case, ticket)
    consent, seat = laid.held.get(CONSENT), str(laid.held.get(SEAT) or "")
    panel: Panel = "check" if consent else "consent"
    if ticket is not None and ticket.open and ticket.task_id == task_id:
        panel = "call" if ticket.state == "in_call" else "queue"
        return State(panel, mark_of(ticket), case, ticket, seat)
    return State(panel, f"{panel}.{ticket.id if ticket else ''}", case, ticket, seat)


def mark_of(ticket: Ticket) -> str:
    """Return what changes whenever an open ticket has to be drawn anew."""
    return f"{ticket.state}.{ticket.epoch}.{ticket.id}"


def _gone(case: Case, ticket: Ticket | None) -> State:
    """Say where a case that has left the page leads; a pass is told before that (R-167)."""
    passed = ticket is not None and ticket.state == "passed" and case.next_task is not None
    if case.next_task is not None:
        onward = url_for("tasks.show", task_id=case.next_task)
    else:
        onward = url_for("customer.case", case_id=case.id)
    panel: Panel = "passed" if passed else "moved"
    return State(panel, f"{panel}.{onward}", case, ticket, onward=onward)


def told(state: State) -> dict[str, Any]:
    """Return what the page's script is told."""
    answer: dict[str, Any] = {
        "panel": state.panel,
        "mark": state.mark,
        "seat": state.seat,
        "onward": state.onward,
        "epoch": state.epoch,
        "result": state.ticket.state if state.ticket is not None and not state.ticket.open else "",
    }
    if state.panel == "queue":
        answer["place"] = place(state.ticket)
    if state.panel == "call":
        web = current.web()
        with web.engine.database.reading() as session:
            wanted = web.witnessing.wanted(session, state.case.id)
        answer["ice"] = [dict(one) for one in web.calls.ice_servers()]
        answer["wanted"] = [{"id": str(one.id), "kind": one.kind} for one in wanted]
    return answer


def place(ticket: Ticket | None) -> dict[str, int | None] | None:
    """Return where a customer stands, as pages show it; None for somebody who waits no more."""
    if ticket is None:
        return None
    try:
        return figures(current.web().queue.place(ticket))
    except NoTicket:
        return None


@dataclass(frozen=True)
class Shown:
    """What the templates draw."""

    state: State
    #: Of everything that the scripts ask.
    url: str
    task_url: str
    handover_url: str
    #: The words of the separate consent, and their version.
    words: str
    version: str
    #: Whether somebody is witnessed now, and when the next time.
    open: bool
    opens_at: datetime | None
    place: Mapping[str, int | None] | None
    agent: str
    licence: str
    #: How the last try ended, if that is not long ago: ``left``, ``abandoned``, ``no_show``.
    ended: str
    branch: str
    number: str


def of_page(view: TaskView) -> Shown | None:
    """Return what a page with a video question shows; None for every other page."""
    component = question(view)
    if component is None:
        return None
    return shown(state(view.task_id), view.task_id, component)


def holds_a_place(view: TaskView) -> bool:
    """Tell whether the customer queues or speaks on this page."""
    return question(view) is not None and state(view.task_id).panel in {"queue", "call"}


def shown(now: State, task_id: UUID, component: Component | None) -> Shown:
    """Return everything that is drawn of a state."""
    ticket, at, facts = now.ticket, clock.now(), now.case.facts
    agent, licence = _agent(ticket)
    is_open, opens_at = _opening(facts.type, facts.branch, at)
    over = ticket is not None and ticket.ended_at is not None and at - ticket.ended_at < REMEMBERED
    return Shown(
        state=now,
        url=url_for("video.look", task_id=task_id),
        task_url=url_for("tasks.show", task_id=task_id),
        handover_url=url_for("handover.offer", task_id=task_id),
        words=words(component) if component else "",
        version=version(component) if component else "",
        open=is_open,
        opens_at=opens_at,
        place=place(ticket) if now.panel == "queue" else None,
        agent=agent,
        licence=licence,
        ended=ticket.state if ticket is not None and over and ticket.state in LOST else "",
        branch=facts.branch,
        number=facts.number or "",
    )


def question(view: TaskView) -> Component | None:
    """Return the page's video question, if it has one."""
    return next((one for one in view.form.walk() if one.type == "video"), None)


def the_question(view: TaskView) -> Component:
    """Return the page's video question, or 404."""
    if (found := question(view)) is None:
        raise NotFound
    return found


def words(component: Component) -> str:
    """Return what is consented to, in the reader's language."""
    given = component.properties
    return str((given.get("consent_en") if language() == "en" else None) or given.get("consent") or "")


def version(component: Component) -> str:
    """Return the version of these words; another one is asked for anew."""
    return str(component.properties.get("version") or digest(component)[:8])


def digest(component: Component) -> str:
    """Return the SHA-256 of what is consented to, hex; the words that count are Chinese."""
    return sha256(str(component.properties.get("consent") or "").encode()).hexdigest()


def _agent(ticket: Ticket | None) -> tuple[str, str]:
    """Return name and 执业资格证号 of whoever has this customer (R-168)."""
    member = current.web().staff.get(str(ticket.agent)) if ticket is not None and ticket.agent else None
    return (member.name, member.licence) if member is not None else ("", "")


def _opening(type: str, branch: str, at: datetime) -> tuple[bool, datetime | None]:
    """Tell whether somebody is witnessed now, and when next (R-174)."""
    web = current.web()
    process = web.engine.releases.current().processes.get(type)
    known = {"business": process.business_type if process else "*", "branch": branch, "step": "video"}
    parameters = web.engine.parameters()
    try:
        return hours.is_open(parameters, at, **known), hours.next_opening(parameters, at, **known)
    except hours.NeverOpen:
        return False, None
