"""Webhooks that were accepted, and what each one started.

As in the first version, every statement accepts that its work is already done.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create what is missing of the seventh version."""
    op.create_table(
        "webhook",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("source", _ascii(20), nullable=False),
        sa.Column("webhook_id", _ascii(64), nullable=False),
        sa.Column("municipality", _ascii(80), nullable=False),
        sa.Column("sha256", mysql.CHAR(64, charset="ascii", collation="ascii_bin"), nullable=False),
        sa.Column("body", sa.Text, nullable=True),
        sa.Column("received_at", _moment(), nullable=False),
        sa.Column("state", _ascii(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", _moment(), nullable=False),
        sa.Column("decided_at", _moment(), nullable=True),
        sa.Column("flow_run_id", _ascii(36), nullable=True),
        sa.Column("problem", sa.Text, nullable=True),
        sa.UniqueConstraint("source", "webhook_id", name="uq_webhook_source_webhook_id"),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_unicode_520_ci",
    )
    op.create_index("ix_webhook_state_next_attempt_at", "webhook", ["state", "next_attempt_at"], if_not_exists=True)


def _ascii(length: int) -> mysql.VARCHAR:
    return mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")


def _moment() -> mysql.DATETIME:
    return mysql.DATETIME(fsp=6)
