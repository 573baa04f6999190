"""Training classes, and messages that are no longer worth sending.

As in the first version, every statement accepts that its work is already done.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0004"


def upgrade() -> None:
    """Create what is missing of the sixth version."""
    op.add_column("message", sa.Column("expires_at", _moment(), nullable=True), if_not_exists=True)
    op.add_column("message", sa.Column("dropped_at", _moment(), nullable=True), if_not_exists=True)
    op.add_column("message", sa.Column("dropped_because", _ascii(20), nullable=True), if_not_exists=True)
    op.create_table(
        "training_class",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("ibge", _code(7), sa.ForeignKey("municipality.ibge", name="fk_training_class_ibge"), nullable=False),
        sa.Column("course", _ascii(60), nullable=False),
        sa.Column("code", _ascii(20), nullable=False),
        sa.Column("starts_at", _moment(), nullable=False),
        sa.Column("ends_at", _moment(), nullable=False),
        sa.Column("place", sa.String(200), nullable=False),
        sa.Column("seats", sa.Integer, nullable=False),
        sa.Column("correction", sa.Integer, nullable=False),
        sa.Column("told_at", _moment(), nullable=False),
        sa.Column("cancelled_at", _moment(), nullable=True),
        sa.UniqueConstraint("ibge", "course", "code", name="uq_training_class_ibge_course_code"),
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
