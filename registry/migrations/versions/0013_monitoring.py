"""How each probe of the monitoring stands, and what each environment used on each day.

As in the first version, every statement accepts that its work is already done.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0013"
down_revision = "0012"


def _ascii(length: int) -> sa.String:
    return mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")


def upgrade() -> None:
    """Create what is missing of the thirteenth version."""
    engine = {
        "mysql_engine": "InnoDB",
        "mysql_charset": "utf8mb4",
        "mysql_collate": "utf8mb4_unicode_520_ci",
    }
    op.create_table(
        "monitoring_state",
        sa.Column("subject", _ascii(100), primary_key=True),
        sa.Column("probe", _ascii(20), primary_key=True),
        sa.Column("verdict", _ascii(10), nullable=False),
        sa.Column("since", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("seen_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("streak", sa.Integer, nullable=False),
        sa.Column("recent", sa.Integer, nullable=False),
        sa.Column("value", mysql.DOUBLE, nullable=True),
        sa.Column("detail", sa.String(200), nullable=False),
        sa.Column("incident", _ascii(150), nullable=True),
        sa.Column("flapping", sa.Boolean, nullable=False),
        if_not_exists=True,
        **engine,
    )
    op.create_table(
        "daily_use",
        sa.Column("environment", _ascii(100), primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("sweeps", sa.Integer, nullable=False),
        sa.Column("concurrent_users", sa.Integer, nullable=True),
        sa.Column("users", sa.Integer, nullable=True),
        sa.Column("storage_bytes", sa.BigInteger, nullable=True),
        if_not_exists=True,
        **engine,
    )
