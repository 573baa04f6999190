"""Messages to municipalities: the queue, and who was sent what, by digest.

As in the first version, every statement accepts that its work is already done.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create what is missing of the fourth version."""
    _create_table(
        "message",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("key", _ascii(200), nullable=False),
        sa.Column("ibge", _code(7), sa.ForeignKey("municipality.ibge", name="fk_message_ibge"), nullable=False),
        sa.Column("event", _ascii(60), nullable=False),
        sa.Column("variables", sa.JSON, nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", _moment(), nullable=False),
        sa.Column("sent_at", _moment(), nullable=True),
        sa.Column("refused", sa.Integer, nullable=False),
        sa.UniqueConstraint("key", name="uq_message_key"),
    )
    op.create_index("ix_message_ibge", "message", ["ibge"], if_not_exists=True)
    op.create_index("ix_message_sent_at_next_attempt_at", "message", ["sent_at", "next_attempt_at"], if_not_exists=True)
    _create_table(
        "message_delivery",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column(
            "message_id",
            sa.BigInteger,
            sa.ForeignKey("message.id", name="fk_message_delivery_message_id"),
            nullable=False,
        ),
        sa.Column("recipient", _code(64), nullable=False),
        sa.Column("role", sa.String(80), nullable=False),
        sa.Column("outcome", _ascii(10), nullable=False),
        sa.Column("delivered_at", _moment(), nullable=False),
        sa.UniqueConstraint("message_id", "recipient", name="uq_message_delivery_message_id_recipient"),
    )


def _create_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        *parts,
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_unicode_520_ci",
    )


def _ascii(length: int) -> mysql.VARCHAR:
    return mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")


def _code(length: int) -> mysql.CHAR:
    return mysql.CHAR(length, charset="ascii", collation="ascii_bin")


def _moment() -> mysql.DATETIME:
    return mysql.DATETIME(fsp=6)
