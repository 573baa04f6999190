"""Until when a waiver of a gate counts.

As in the first version, every statement accepts that its work is already done.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create what is missing of the third version."""
    op.add_column("decision", sa.Column("valid_until", sa.Date, nullable=True), if_not_exists=True)
