"""A small product for the engine's tests: somebody wishes for a parcel.

    fill_in [ papers (called) → wish ] → check [ look → look again? ] → deliver (job) → stamp → end

The customer may abandon it and later withdraw it, a reviewer may send it back, and the delivery may fail.
"""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from engine import CheckQuery, JobCall, OperatorError, RetryLater, Step, Verdict, check, operator
from engine.store.tables import EffectRow
from tests.diagram_writer import Drawing

RETRIES = 3


def _form(name: str, *components: dict[str, Any]) -> tuple[str, bytes]:
    page = {"id": name, "title": name, "components": list(components), "properties": {}}
    return f"{name}.form", json.dumps(page).encode()


def _text(key: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "type": "textfield", "label": key, **more}


def forms() -> dict[str, bytes]:
    """Return the pages."""
    return dict(
        [
            _form("papers", _text("paper", validate={"required": True})),
            _form(
                "wish",
                _text("wish", validate={"required": True}),
                _text("reason", conditional={"hide": "wish != 'other'"}),
                _text("fixed", readonly=True),
                _text("voucher", properties={"check": "voucher.unused"}),
            ),
            _form("look", _text("decision", validate={"required": True}), _text("note")),
            _form("fix", _text("remark")),
        ]
    )


def errand() -> list[Drawing]:
    """Draw the errand and the part it calls."""
    drawing = Drawing("errand", "代办", {"businessType": "90", "category": "errand"})
    drawing.start()
    drawing.exclusive("again")
    drawing.subprocess("fill_in", _fill(), lane="customer")
    for name, state in (("abandon", "abandoned"), ("expire", "expired")):
        drawing.on("fill_in", f"{name}_wish", f"message:{name}")
        drawing.end(f"end_{state}", state=state)
        drawing.flow(f"{name}_wish", f"end_{state}")
    drawing.subprocess("check", _check(), lane="reviewer")
    drawing.on("check", "withdraw_wish", "message:withdraw", properties={"when": "state == 'submitted'"})
    drawing.end("end_withdrawn", state="withdrawn")
    drawing.flow("withdraw_wish", "end_withdrawn")
    drawing.exclusive("conclude", default="refuse")
    drawing.end("end_rejected", state="rejected")
    drawing.exclusive("once_more")
    drawing.service(
        "deliver", "parcel.deliver", parameters={"wish": "wish.wish"}, properties={"state": "'approved'"}
    )
    drawing.on("deliver", "refused", "error:COUNTER")
    drawing.user("fix", form="fix", lane="operator", state="'update_failed'")
    drawing.service("stamp", "parcel.stamp")
    drawing.end("end_in_effect", state="in_effect")
    drawing.chain("begin", "again", "fill_in", "check", "conclude")
    drawing.flow("conclude", "once_more", "look.decision == 'approve' or look_again.decision == 'approve'")
    drawing.flow("conclude", "again", "look.decision == 'return' or look_again.decision == 'return'")
    drawing.flow("conclude", "end_rejected", key="refuse")
    drawing.chain("once_more", "deliver", "stamp", "end_in_effect")
    drawing.chain("refused", "fix", "once_more")

    gather = Drawing("gather", "材料")
    gather.start("gather_begin")
    gather.user("papers", form="papers", back="true", state="'started'")
    gather.end("gathered")
    gather.chain("gather_begin", "papers", "gathered")
    return [drawing, gather]


def _fill() -> Drawing:
    fill = Drawing("fill_in")
    fill.start("fill_begin")
    fill.exclusive("from_where", default="from_the_papers")
    fill.call("gather_call", "gather")
    fill.exclusive("gathered_or_not")
    fill.user(
        "wish", form="wish", lane=None, back="true", idle="P30D", idleMessage="expire",
        state="'returned' if look else 'draft'",
    )  # fmt: skip
    fill.end("filled")
    fill.flow("fill_begin", "from_where")
    fill.flow("from_where", "gather_call", key="from_the_papers")
    fill.flow("from_where", "gathered_or_not", "look.note == 'only the wish'")
    fill.chain("gather_call", "gathered_or_not", "wish", "filled")
    return fill


def _check() -> Drawing:
    check = Drawing("check")
    check.start("check_begin")
    check.user("look", lane=None, form="look", state="'submitted'", claimedState="in_review", due="PT4H")
    check.exclusive("enough", default="one_is_enough")
    check.user("look_again", lane=None, form="look", state="'submitted'", notBy="look")
    check.exclusive("looked")
    check.end("checked")
    check.chain("check_begin", "look", "enough")
    check.flow("enough", "look_again", "look.decision == 'second'")
    check.flow("enough", "looked", key="one_is_enough")
    check.chain("look_again", "looked", "checked")
    return check


def release() -> dict[str, bytes]:
    """Return the files of the product."""
    return {f"{d.id}.bpmn": d.xml() for d in errand()} | forms()


class Delivery:
    """The world outside: where parcels arrive, each once, however often it is told."""

    def __init__(self) -> None:
        #: What happens at a delivery; replace it to let something go wrong.
        self.happens: Callable[[JobCall], None] = lambda call: None
        self.calls: list[str] = []
        self.arrived: dict[str, str] = {}

    @operator("parcel.deliver", job=True, lock="owner", errors=("COUNTER",), attempts=RETRIES, backoff=1)
    def deliver(self, call: JobCall, *, wish: str) -> dict[str, Any]:
        """Deliver a parcel; safe to be called twice, because each key arrives once."""
        self.calls.append(call.key)
        self.happens(call)
        self.arrived.setdefault(call.key, wish)
        return {"arrived": self.arrived[call.key]}

    @operator("parcel.stamp")
    def stamp(self, step: Step) -> dict[str, Any]:
        """Stamp it."""
        return {"by": step.actor.label}

    @check("voucher.unused")
    def unused(self, query: CheckQuery) -> Verdict:
        """A voucher counts once, also when two people use it in the same moment."""
        voucher = query.answers.get("voucher")
        if not voucher:
            return Verdict(True)

        def consume(session: Any) -> Verdict:
            row = {"key": f"voucher:{voucher}", "kind": "voucher", "at": query.now, "case_id": query.case.id}
            once = insert(EffectRow).values(row).on_conflict_do_nothing().returning(EffectRow.key)
            return Verdict(True) if session.scalar(once) else Verdict(False, "voucher", "已使用", "used")

        return Verdict(True, consume=consume)


def refuses(call: JobCall) -> None:
    """Say no, as a counter does."""
    raise OperatorError("COUNTER", "account frozen")


def is_away(call: JobCall) -> None:
    """Be out of reach."""
    raise RetryLater("no answer", seconds=1)


def breaks(call: JobCall) -> None:
    """Fail as only a mistake of ours can."""
    raise ZeroDivisionError("a mistake")
