"""What goes into the API and what comes out: models, from which the OpenAPI document is made.

Nothing else may be in a request, and nothing personal is in an answer but where its line says so.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel

from engine import Case, InboxRow

#: A process, form or flag by its name.
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")]
#: A 营业部, as the company writes it.
BranchName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f,]{1,40}$")]


def _listed(given: object) -> object:
    """Take ``a,b`` of an address line as a list."""
    return given.split(",") if isinstance(given, str) else given


class Part(BaseModel):
    """Frozen, and nothing else may be in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ErrorAt(Part):
    """One thing to correct or confirm."""

    pointer: str = Field(
        description="JSON pointer into the body (RFC 6901); empty for the whole of it, or a parameter"
    )
    field: str = Field(description="the question's or parameter's name")
    message: str = Field(description="what to do; of a form's question in Chinese")
    code: str = Field(description="stable name; a warning is confirmed by it")
    level: Literal["error", "warning", "notice"] = Field(
        description="an error is to be corrected, a warning corrected or confirmed under confirm"
    )


class Problem(Part):
    """A refusal (RFC 9457)."""

    type: str = Field(description="urn:kaihu:problem: and a stable name", json_schema_extra={"format": "uri"})
    title: str
    status: int
    detail: str
    detail_zh: str = Field(description="the same in Chinese")
    request_id: str = Field(description="to name when asking us about it")
    errors: tuple[ErrorAt, ...] = ()


class StartHeaders(BaseModel):
    """What comes beside the body of a start."""

    idempotency_key: str = Field(
        pattern=r"^[!-~]{8,100}$",
        description="a fresh random name for this start; the same again answers the same and starts nothing",
    )


class StartIn(Part):
    """Whom to start what for."""

    type: Name = Field(description="a modification type, such as change_phone")
    id_number: str = Field(pattern=r"^[0-9]{17}[0-9Xx]$", description="of the resident ID card; personal")
    account_type: Literal["futures", "asset_management"]


class CaseOut(Part):
    """Where a case has got to; nothing personal."""

    id: UUID
    type: str
    category: str
    number: str | None = Field(description="受理单号, once submitted")
    state: str = Field(description="application state, such as draft, submitted, in_review, in_effect")
    branch: str
    flags: tuple[str, ...] = Field(description="marks for reviewers; empty unless the token's role reviews")
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    link: str = Field(description="where the customer, signed in, goes on")


class JournalQuery(Part):
    """Which entries."""

    after: int = Field(default=0, ge=0, le=1_000_000_000, description="entries after this one")
    limit: int = Field(default=100, ge=1, le=500)
    sealed: bool = Field(
        default=False, description="with answers and results, which are personal; compliance only"
    )


class EntryOut(Part):
    """One thing that happened."""

    seq: int
    at: datetime
    kind: str
    actor: str = Field(description="customer:…, staff:… or system:…")
    task: UUID | None
    facts: dict[str, Any] = Field(description="nothing personal")
    sealed: dict[str, Any] | None = Field(
        description="answers and results; null unless asked for and allowed"
    )


class JournalOut(Part):
    """A stretch of a case's journal, oldest first."""

    entries: tuple[EntryOut, ...]
    next_after: int | None = Field(description="ask again with after; null at the end")


class TasksQuery(Part):
    """What to look for; empty means everything the token may see."""

    type: Annotated[tuple[Name, ...], BeforeValidator(_listed)] = Field(
        default=(), max_length=20, description="modification types, with commas between"
    )
    branch: Annotated[tuple[BranchName, ...], BeforeValidator(_listed)] = Field(
        default=(), max_length=20, description="营业部, with commas between"
    )
    flag: Annotated[tuple[Name, ...], BeforeValidator(_listed)] = Field(
        default=(), max_length=20, description="flags, with commas between; one of them suffices"
    )
    whose: Literal["all", "mine", "free"] = "all"
    older_than: int = Field(default=0, ge=0, le=1_000_000, description="waiting longer than this, in minutes")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str = Field(
        default="", max_length=200, pattern=r"^[A-Za-z0-9_-]*$", description="next of the page before"
    )


class TaskRow(Part):
    """One line of the inbox."""

    id: UUID
    case: UUID
    type: str
    number: str | None
    name: str = Field(description="of the customer, masked")
    branch: str
    lane: str
    element: str
    form: str
    state: str
    flags: tuple[str, ...]
    opened_at: datetime
    due_at: datetime | None
    claimed_by: str | None = Field(description="staff:… of whoever works on it")
    claimed_at: datetime | None

    @classmethod
    def of(cls, row: InboxRow) -> "TaskRow":
        """Show a line."""
        return cls(
            id=row.task_id,
            case=row.case_id,
            type=row.type,
            number=row.number,
            name=row.name,
            branch=row.branch,
            lane=row.lane,
            element=row.element,
            form=row.form,
            state=row.state,
            flags=tuple(row.flags),
            opened_at=row.opened_at,
            due_at=row.due_at,
            claimed_by=row.claimed_by,
            claimed_at=row.claimed_at,
        )


class TasksOut(Part):
    """A page of the inbox, most urgent first."""

    tasks: tuple[TaskRow, ...]
    next: str | None = Field(description="cursor of the next page; null on the last")


class Compared(Part):
    """One value before and after, in words; personal."""

    label: str
    old: str
    new: str
    changed: bool


class TaskOut(Part):
    """One task; whoever reads it is written down."""

    id: UUID
    case: CaseOut
    element: str
    lane: str
    title: str
    form_schema: dict[str, Any] = Field(description="JSON Schema 2020-12 of what complete takes")
    answers: dict[str, Any] = Field(description="to begin with; personal")
    comparison: tuple[Compared, ...] = Field(
        description="the customer's answers beside what they change; personal"
    )
    revision: int = Field(description="to name at complete, so that a change from elsewhere is noticed")
    claimed_by: str | None
    due_at: datetime | None


class CompleteQuery(Part):
    """From which reading of the task."""

    revision: int | None = Field(
        default=None, ge=0, le=1_000_000_000, description="revision of the task as read"
    )


class AnswersIn(RootModel[dict[str, Any]]):
    """Answers as the task's form_schema says, with the codes of confirmed warnings under ``confirm``."""


def case_out(case: Case, *, address: str, reviews: bool) -> CaseOut:
    """Show a case.

    :param reviews: the token's role may know what marks a reviewer is shown.
    """
    facts = case.facts
    return CaseOut(
        id=facts.id,
        type=facts.type,
        category=facts.category,
        number=facts.number,
        state=facts.state,
        branch=facts.branch,
        flags=tuple(facts.flags) if reviews else (),
        opened_at=facts.opened_at,
        changed_at=case.changed_at,
        closed_at=case.closed_at,
        link=f"{address}/me/cases/{facts.id}",
    )
