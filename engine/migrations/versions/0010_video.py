"""Video witness: tickets of the queue, agents at work, media nodes, calls, recorded segments, snapshots.

What an old row becomes: nothing there yet.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "media_node",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("adapter", sa.String(length=8), nullable=False),
        sa.Column("url", sa.String(length=200), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("load", sa.Float(), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("draining", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_node")),
    )
    op.create_table(
        "video_agent",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('ready', 'paused', 'offline')", name=op.f("ck_video_agent_state_known")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_video_agent_staff_id_staff")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_video_agent")),
    )
    op.create_table(
        "video_ticket",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("company", sa.String(length=4), nullable=False),
        sa.Column("branch", sa.String(length=40), nullable=False),
        sa.Column("line", sa.String(length=80), nullable=False),
        sa.Column("business", sa.String(length=2), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=12), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("ranked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("agent", sa.Uuid(), nullable=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("preferred", sa.Uuid(), nullable=True),
        sa.Column("preferred_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("no_shows", sa.SmallInteger(), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(agent is not null) = (state in ('offered', 'in_call'))",
            name=op.f("ck_video_ticket_agent_whole"),
        ),
        sa.CheckConstraint(
            "state in ('waiting', 'offered', 'in_call', 'passed', 'sent_back', 'refused', 'left', "
            "'abandoned', 'no_show')",
            name=op.f("ck_video_ticket_state_known"),
        ),
        sa.ForeignKeyConstraint(["agent"], ["staff.id"], name=op.f("fk_video_ticket_agent_staff")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_video_ticket_case_id_case")),
        sa.ForeignKeyConstraint(["preferred"], ["staff.id"], name=op.f("fk_video_ticket_preferred_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_ticket")),
    )
    op.create_index("ix_video_ticket_ended", "video_ticket", ["line", "ended_at"], unique=False)
    op.create_index(
        "ix_video_ticket_line",
        "video_ticket",
        ["line", "priority", "ranked_at", "seq"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "uq_video_ticket_agent",
        "video_ticket",
        ["agent"],
        unique=True,
        postgresql_where=sa.text("agent is not null"),
    )
    op.create_index(
        "uq_video_ticket_open",
        "video_ticket",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "video_call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("agent", sa.Uuid(), nullable=False),
        sa.Column("node_id", sa.Uuid(), nullable=True),
        sa.Column("node_epoch", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("customer_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agent_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["agent"], ["staff.id"], name=op.f("fk_video_call_agent_staff")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_video_call_case_id_case")),
        sa.ForeignKeyConstraint(
            ["node_id"], ["media_node.id"], name=op.f("fk_video_call_node_id_media_node")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["video_ticket.id"], name=op.f("fk_video_call_ticket_id_video_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_call")),
        sa.UniqueConstraint("ticket_id", "epoch", name=op.f("uq_video_call_ticket_id_epoch")),
    )
    op.create_index(op.f("ix_video_call_case_id"), "video_call", ["case_id"], unique=False)
    op.create_table(
        "video_segment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_ms", sa.Integer(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recovered", sa.Boolean(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "role in ('customer', 'agent', 'events')", name=op.f("ck_video_segment_role_known")
        ),
        sa.ForeignKeyConstraint(
            ["call_id"], ["video_call.id"], name=op.f("fk_video_segment_call_id_video_call")
        ),
        sa.ForeignKeyConstraint(
            ["node_id"], ["media_node.id"], name=op.f("fk_video_segment_node_id_media_node")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_segment")),
        sa.UniqueConstraint("call_id", "role", "number", name=op.f("uq_video_segment_call_id_role_number")),
    )
    op.create_table(
        "video_snapshot",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("still", sa.Uuid(), nullable=True),
        sa.Column("still_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("frame", sa.Uuid(), nullable=True),
        sa.Column("frame_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("discarded", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind in ('face', 'card')", name=op.f("ck_video_snapshot_kind_known")),
        sa.ForeignKeyConstraint(
            ["call_id"], ["video_call.id"], name=op.f("fk_video_snapshot_call_id_video_call")
        ),
        sa.ForeignKeyConstraint(["frame"], ["file.id"], name=op.f("fk_video_snapshot_frame_file")),
        sa.ForeignKeyConstraint(["still"], ["file.id"], name=op.f("fk_video_snapshot_still_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_snapshot")),
    )
    op.create_index(op.f("ix_video_snapshot_call_id"), "video_snapshot", ["call_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_video_snapshot_call_id"), table_name="video_snapshot")
    op.drop_table("video_snapshot")
    op.drop_table("video_segment")
    op.drop_index(op.f("ix_video_call_case_id"), table_name="video_call")
    op.drop_table("video_call")
    op.drop_index(
        "uq_video_ticket_open", table_name="video_ticket", postgresql_where=sa.text("ended_at is null")
    )
    op.drop_index(
        "uq_video_ticket_agent", table_name="video_ticket", postgresql_where=sa.text("agent is not null")
    )
    op.drop_index(
        "ix_video_ticket_line", table_name="video_ticket", postgresql_where=sa.text("state = 'waiting'")
    )
    op.drop_index("ix_video_ticket_ended", table_name="video_ticket")
    op.drop_table("video_ticket")
    op.drop_table("video_agent")
    op.drop_table("media_node")
