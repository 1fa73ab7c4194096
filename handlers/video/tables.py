"""Tables of the video witness: tickets of the queue, agents, calls, media nodes, segments, snapshots."""

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base
from engine.store.tables import Moment

#: Where a ticket stands; those of ``OPEN`` keep a place, the others are over.
State = Literal[
    "waiting", "offered", "in_call", "passed", "sent_back", "refused", "left", "abandoned", "no_show"
]
STATES: tuple[State, ...] = get_args(State)
OPEN: tuple[State, ...] = ("waiting", "offered", "in_call")
#: Why a customer waits, as agents see it.
Why = Literal["first", "sent_back", "interrupted", "resumed"]
Role = Literal["customer", "agent"]
ROLES: tuple[Role, ...] = get_args(Role)


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} in ({', '.join(repr(v) for v in values)})"


class TicketRow(Base):
    """One customer's place in a queue, from 「开始视频通话」 to a result."""

    __tablename__ = "video_ticket"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    task_id: Mapped[UUID] = mapped_column(doc="the page 视频见证 of the case")
    owner: Mapped[str] = mapped_column(String(80), doc="the customer, as the case names them")
    company: Mapped[str] = mapped_column(String(4))
    branch: Mapped[str] = mapped_column(String(40))
    line: Mapped[str] = mapped_column(String(80), doc="the queue: the branch, or the pool it shares (A-18)")
    business: Mapped[str] = mapped_column(String(2), doc="business type code (R-213)")
    state: Mapped[str] = mapped_column(String(10))
    why: Mapped[str] = mapped_column(String(12))
    priority: Mapped[int] = mapped_column(SmallInteger, doc="0 interrupted, 1 usual, 2 did not answer twice")
    ranked_at: Mapped[datetime] = mapped_column(Moment, doc="orders within a priority: entered, less credits")
    seq: Mapped[int] = mapped_column(BigInteger, Identity(), doc="breaks ties")
    entered_at: Mapped[datetime] = mapped_column(Moment)
    beat_at: Mapped[datetime] = mapped_column(Moment, doc="last sign of life of the customer's page")
    epoch: Mapped[int] = mapped_column(
        Integer, doc="grows whenever the ticket changes hands; fences commands"
    )
    agent: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"), doc="offered to, or in call with")
    offered_at: Mapped[datetime | None] = mapped_column(Moment)
    accepted_at: Mapped[datetime | None] = mapped_column(Moment)
    until: Mapped[datetime | None] = mapped_column(Moment, doc="when an offer or the call's lease runs out")
    preferred: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"), doc="the agent who knows the case")
    preferred_until: Mapped[datetime | None] = mapped_column(Moment)
    no_shows: Mapped[int] = mapped_column(SmallInteger)
    report: Mapped[bytes | None] = mapped_column(LargeBinary, doc="sealed JSON: the device check's findings")
    ended_at: Mapped[datetime | None] = mapped_column(Moment)

    __table_args__ = (
        CheckConstraint(_one_of("state", STATES), name="state_known"),
        CheckConstraint("(agent is not null) = (state in ('offered', 'in_call'))", name="agent_whole"),
        # One open ticket a case, and one customer an agent, whoever races whom.
        Index("uq_video_ticket_open", "case_id", unique=True, postgresql_where=text("ended_at is null")),
        Index("uq_video_ticket_agent", "agent", unique=True, postgresql_where=text("agent is not null")),
        Index(
            "ix_video_ticket_line",
            "line",
            "priority",
            "ranked_at",
            "seq",
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("ix_video_ticket_ended", "line", "ended_at"),
    )


class AgentRow(Base):
    """An agent at work: whether calls may be offered, and the last sign of life of the page."""

    __tablename__ = "video_agent"

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(8), doc="ready, paused, offline; busy follows from the ticket")
    since: Mapped[datetime] = mapped_column(Moment)
    beat_at: Mapped[datetime] = mapped_column(Moment)

    __table_args__ = (CheckConstraint(_one_of("state", ("ready", "paused", "offline")), name="state_known"),)


class NodeRow(Base):
    """A media node: a process that carries calls."""

    __tablename__ = "media_node"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    adapter: Mapped[str] = mapped_column(String(8), doc="embedded or janus")
    url: Mapped[str] = mapped_column(String(200), doc="where the web process reaches it")
    capacity: Mapped[int] = mapped_column(Integer, doc="most calls at a time")
    calls: Mapped[int] = mapped_column(Integer, doc="calls it carries")
    load: Mapped[float] = mapped_column(Float, doc="share of one core it uses, 0 to 1")
    heartbeat_at: Mapped[datetime] = mapped_column(Moment, doc="real time")
    started_at: Mapped[datetime] = mapped_column(Moment, doc="real time")
    draining: Mapped[bool] = mapped_column(Boolean, doc="takes no new calls")


class CallRow(Base):
    """One call: begins when an agent accepts, ends with a result or an interruption."""

    __tablename__ = "video_call"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("video_ticket.id"))
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    epoch: Mapped[int] = mapped_column(Integer, doc="of the ticket")
    agent: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    node_id: Mapped[UUID | None] = mapped_column(ForeignKey("media_node.id"), doc="where it is carried")
    node_epoch: Mapped[int] = mapped_column(Integer, doc="grows when it moves to another node")
    key: Mapped[bytes] = mapped_column(LargeBinary, doc="key of its recordings, sealed under the case's")
    opened_at: Mapped[datetime] = mapped_column(Moment, doc="business time")
    closed_at: Mapped[datetime | None] = mapped_column(Moment, doc="business time")
    outcome: Mapped[str | None] = mapped_column(
        String(16), doc="passed, sent_back, refused, no_show, customer_left, agent_left"
    )
    customer_seen_at: Mapped[datetime | None] = mapped_column(Moment, doc="real time of the last media")
    agent_seen_at: Mapped[datetime | None] = mapped_column(Moment, doc="real time of the last media")
    finished_at: Mapped[datetime | None] = mapped_column(Moment, doc="when the finalizer was done; real time")
    report: Mapped[bytes | None] = mapped_column(
        LargeBinary, doc="sealed JSON of the finalizer: the timeline"
    )

    __table_args__ = (UniqueConstraint("ticket_id", "epoch"),)


class SegmentRow(Base):
    """One recorded file of a call: append-only, encrypted, its records chained by hashes."""

    __tablename__ = "video_segment"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("video_call.id"))
    role: Mapped[str] = mapped_column(String(8), doc="customer, agent, or events")
    number: Mapped[int] = mapped_column(SmallInteger, doc="counts from 0; a new one after each interruption")
    node_id: Mapped[UUID] = mapped_column(ForeignKey("media_node.id"))
    path: Mapped[str] = mapped_column(String(200), doc="below the folder of recordings")
    opened_at: Mapped[datetime] = mapped_column(Moment, doc="real time")
    head: Mapped[bytes] = mapped_column(LargeBinary, doc="SHA-256 of the chain up to ``records``")
    records: Mapped[int] = mapped_column(Integer, doc="whole records under ``head``")
    size: Mapped[int] = mapped_column(BigInteger, doc="bytes of the file up to ``head``")
    media_ms: Mapped[int] = mapped_column(Integer, doc="milliseconds of media under ``head``")
    sealed_at: Mapped[datetime | None] = mapped_column(Moment, doc="real time")
    recovered: Mapped[bool] = mapped_column(Boolean, doc="sealed after its writer had died")
    signature: Mapped[bytes | None] = mapped_column(LargeBinary, doc="Ed25519 over the seal's statement")

    __table_args__ = (
        UniqueConstraint("call_id", "role", "number"),
        CheckConstraint(_one_of("role", (*ROLES, "events")), name="role_known"),
    )


class SnapshotRow(Base):
    """A picture taken in a call: the customer's own camera, and the key frame the server had (R-170)."""

    __tablename__ = "video_snapshot"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("video_call.id"), index=True)
    kind: Mapped[str] = mapped_column(String(4), doc="face or card")
    asked_at: Mapped[datetime] = mapped_column(Moment, doc="business time of the agent's click")
    still: Mapped[UUID | None] = mapped_column(
        ForeignKey("file.id"), doc="JPEG of the customer's camera, in its full size"
    )
    still_at: Mapped[datetime | None] = mapped_column(Moment)
    frame: Mapped[UUID | None] = mapped_column(ForeignKey("file.id"), doc="JPEG of the server's key frame")
    frame_at: Mapped[datetime | None] = mapped_column(Moment)
    discarded: Mapped[bool] = mapped_column(Boolean, doc="taken again; kept, but counts no more")

    __table_args__ = (CheckConstraint(_one_of("kind", ("face", "card")), name="kind_known"),)
