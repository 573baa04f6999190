"""What was last applied of the document model to each environment.

As in the first version, every statement accepts that its work is already done.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create what is missing of the second version."""
    op.create_table(
        "model_memory",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("environment", mysql.VARCHAR(100, charset="ascii", collation="ascii_bin"), nullable=False),
        sa.Column("digest", mysql.CHAR(64, charset="ascii", collation="ascii_bin"), nullable=False),
        sa.Column("content", mysql.LONGBLOB, nullable=False),
        sa.Column("remembered_at", mysql.DATETIME(fsp=6), nullable=False),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_unicode_520_ci",
    )
    op.create_index("ix_model_memory_environment", "model_memory", ["environment"], if_not_exists=True)
