"""Routes of cases: start one for a customer, see where it has got to, read what happened to it."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint

from engine import UnknownProcess, clock
from handlers import roles
from web import current
from web.api import access, starts
from web.api.models import (
    CaseOut,
    EntryOut,
    ErrorAt,
    JournalOut,
    JournalQuery,
    StartHeaders,
    StartIn,
    case_out,
)
from web.api.once import KeyReused, Once
from web.api.openapi import Response, refuses
from web.api.problems import Refused

cases = APIBlueprint("cases", __name__, tag="cases")
_ALREADY: dict[int | str, Response] = {
    200: {
        "description": "the open one of this customer and category (R-211), or the one this key started",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/CaseOut"}}},
    }
}


@cases.post("/cases")
@cases.input(StartIn, arg_name="asked")
@cases.input(StartHeaders, location="headers", arg_name="headers")
@cases.output(CaseOut, status_code=201, description="started")
@cases.doc(
    operation_id="startCase",
    responses=_ALREADY
    | refuses(
        "unknown-customer",
        "customer-refused",
        "conflict",
        "too-large",
        "unsupported-media-type",
        "invalid",
        "key-reused",
        "counter-down",
    ),
)
def start(asked: StartIn, headers: StartHeaders) -> tuple[CaseOut, int]:
    """Start a case for a customer.

    The customer goes on at `link`, after signing in. One application of a category and account is open at
    a time (R-211): a second start answers 200 with the open one, and so does the same Idempotency-Key.
    """
    engine, actor, now = current.engine(), access.actor(), clock.now()
    once = Once(engine)
    slot = once.slot(actor.id, headers.idempotency_key, asked.model_dump_json().encode())
    try:
        before = once.reserve(slot, now)
    except KeyReused:
        raise Refused("key-reused") from None
    if before is not None:
        return _shown(before.case_id), 200
    try:
        started = starts.start(asked, actor, now)
    except UnknownProcess:
        raise Refused("invalid", [_no_such_type(asked)]) from None
    status = 201 if started.fresh else 200
    once.done(slot, started.case.id, status)
    return _shown(started.case.id), status


@cases.get("/cases/<uuid:case_id>")
@cases.output(CaseOut)
@cases.doc(operation_id="showCase", responses=refuses("not-found"))
def show(case_id: UUID) -> CaseOut:
    """Show where a case has got to."""
    return _shown(case_id)


@cases.get("/cases/<uuid:case_id>/journal")
@cases.input(JournalQuery, location="query", arg_name="asked")
@cases.output(JournalOut)
@cases.doc(operation_id="readJournal", responses=refuses("not-found", "invalid"))
def journal(case_id: UUID, asked: JournalQuery) -> JournalOut:
    """Read what happened to a case; the reading itself is written down first.

    `sealed=true` adds answers and results, for people who may export cases; a machine never sees them.
    """
    engine, actor = current.engine(), access.actor()
    if asked.sealed and not roles.may(actor, "case.export"):
        raise Refused("forbidden")
    engine.cases.note(case_id, actor, "journal.read", {"sealed": asked.sealed, "after": asked.after})
    facts, key, _ = engine.cases.data(case_id, actor)
    with engine.database.reading() as session:
        found = [e for e in engine.journal.of_case(session, facts.id, key) if e.seq > asked.after]
    entries = [
        EntryOut(
            seq=e.seq,
            at=e.at or facts.opened_at,
            kind=e.kind,
            actor=e.actor,
            task=e.task_id,
            facts=dict(e.facts),
            sealed=dict(e.sealed) if asked.sealed and e.sealed is not None else None,
        )
        for e in found[: asked.limit]
    ]
    more = entries[-1].seq if len(found) > asked.limit else None
    return JournalOut(entries=tuple(entries), next_after=more)


def _shown(case_id: UUID) -> CaseOut:
    actor = access.actor()
    case = current.engine().cases.of(case_id, actor)
    return case_out(case, address=current.web().settings.address, reviews=roles.may(actor, "case.see"))


def _no_such_type(asked: StartIn) -> ErrorAt:
    types: list[Any] = current.engine().releases.current().types
    return ErrorAt(
        pointer="/type",
        field="type",
        message=f"没有这种业务 (no such type; there are {', '.join(types)})",
        code="unknown_type",
        level="error",
    )
