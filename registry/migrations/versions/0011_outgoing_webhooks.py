"""Webhooks to other systems: their endpoints, the events that nobody told them yet, and the messages.

What is news is written by the database itself, in the transaction of the event: numbers of events become visible out of
their order, so a mark up to which all was read would pass over those that are committed late.

As in the first version, every statement accepts that its work is already done.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0011"
down_revision = "0009"


def upgrade() -> None:
    """Create what is missing of the eleventh version."""
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("name", _ascii(40), nullable=False),
        sa.Column("url", _ascii(500), nullable=False),
        sa.Column("types", sa.JSON, nullable=False),
        sa.Column("after_event", sa.BigInteger, nullable=False),
        sa.Column("state", _ascii(10), nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("refused_since", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("told_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.UniqueConstraint("name", name="uq_webhook_endpoint_name"),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_unicode_520_ci",
    )
    op.create_table(
        "webhook_message",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("endpoint_id", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.BigInteger, nullable=False),
        sa.Column("ibge", mysql.CHAR(7, charset="ascii", collation="ascii_bin"), nullable=False),
        sa.Column("type", _ascii(60), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("state", _ascii(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("try_until", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("decided_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("problem", sa.String(200), nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoint.id"], name="fk_webhook_message_endpoint_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("endpoint_id", "event_id", "type", name="uq_webhook_message_endpoint_id_event_id_type"),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_unicode_520_ci",
    )
    op.create_index(
        "ix_webhook_message_state_next_attempt_at", "webhook_message", ["state", "next_attempt_at"], if_not_exists=True
    )
    op.create_index("ix_webhook_message_created_at", "webhook_message", ["created_at"], if_not_exists=True)
    op.create_table(
        "event_news",
        sa.Column("event_id", sa.BigInteger, primary_key=True, autoincrement=False),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_unicode_520_ci",
    )
    op.execute(
        "CREATE TRIGGER IF NOT EXISTS event_is_news AFTER INSERT ON `event`"
        " FOR EACH ROW INSERT INTO `event_news` (`event_id`) VALUES (NEW.id)"
    )


def _ascii(length: int) -> mysql.VARCHAR:
    return mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")
