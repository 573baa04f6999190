"""Releases that the state's own SEI, operated elsewhere, was told to have. Rows are only added.

As in the first version, every statement accepts that its work is already done.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create what is missing of the twelfth version."""
    op.create_table(
        "state_release",
        sa.Column("code", mysql.VARCHAR(40, charset="ascii", collation="ascii_bin"), primary_key=True),
        sa.Column("ready_on", sa.Date, nullable=False),
        sa.Column("told_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("flow_run_id", mysql.VARCHAR(36, charset="ascii", collation="ascii_bin"), nullable=True),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_unicode_520_ci",
    )
