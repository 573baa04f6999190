"""Upgrade campaigns: everything that happened in each, in order. Rows are only added.

As in the first version, every statement accepts that its work is already done.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0009"
down_revision = "0007"


def upgrade() -> None:
    """Create what is missing of the ninth version."""
    op.create_table(
        "campaign_event",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("campaign", _ascii(80), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", _ascii(60), nullable=False),
        sa.Column("occurred_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("flow_run_id", _ascii(36), nullable=True),
        sa.Column("details", sa.JSON, nullable=False),
        sa.UniqueConstraint("campaign", "number", name="uq_campaign_event_campaign_number"),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_unicode_520_ci",
    )
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER IF NOT EXISTS campaign_event_no_{verb.lower()} BEFORE {verb} ON `campaign_event`"
            f" FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT ="
            f" 'A tabela campaign_event só cresce: {verb} recusado.'"
        )
    # What is newest of one kind is asked for the whole fleet at once.
    op.create_index("ix_event_kind_environment", "event", ["kind", "environment"], if_not_exists=True)


def _ascii(length: int) -> mysql.VARCHAR:
    return mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")
