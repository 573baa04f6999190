"""The fleet: municipalities, contracts, environments, references, trainings, decisions and events.

MariaDB commits each DDL statement by itself, so a killed migration leaves a part of these tables: every statement
here accepts that its work is already done. There is no downgrade: what the registry remembers is never dropped.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

_APPEND_ONLY = ("decision", "event")


def upgrade() -> None:
    """Create what is missing of the first version."""
    _create_table(
        "municipality",
        sa.Column("ibge", _code(7), primary_key=True),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("uf", _code(2), nullable=False),
        sa.Column("slug", _ascii(80), nullable=False),
        sa.Column("population", sa.Integer, nullable=False),
        sa.UniqueConstraint("slug", name="uq_municipality_slug"),
    )
    _create_table(
        "contact",
        sa.Column("id", sa.BigInteger, primary_key=True),
        _ibge("contact"),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("role", sa.String(80), nullable=False),
    )
    _create_table(
        "contract",
        sa.Column("id", sa.BigInteger, primary_key=True),
        _ibge("contract"),
        sa.Column("faixa", sa.Integer, nullable=True),
        sa.Column("users", sa.Integer, nullable=False),
        sa.Column("concurrent_users", sa.Integer, nullable=False),
        sa.Column("negotiated", sa.Boolean, nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
    )
    _create_table(
        "reference",
        sa.Column("digest", _ascii(64), primary_key=True),
        sa.Column("version", _ascii(20), nullable=False),
        sa.Column("kind", _ascii(20), nullable=False),
        sa.Column("sei_fingerprint", sa.JSON, nullable=False),
        sa.Column("sip_fingerprint", sa.JSON, nullable=False),
        sa.Column("reference_rows", sa.JSON, nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
    )
    _create_table(
        "environment",
        sa.Column("slug", _ascii(100), primary_key=True),
        _ibge("environment"),
        sa.Column("purpose", _ascii(20), nullable=False),
        sa.Column("release_version", _ascii(20), nullable=False),
        sa.Column("reference_digest", _ascii(64), nullable=True),
        sa.Column("hostname", _ascii(253), nullable=False),
        sa.Column("database_server", _ascii(100), nullable=False),
        sa.Column("database_sei", _ascii(64), nullable=False),
        sa.Column("database_sip", _ascii(64), nullable=False),
        sa.Column("directory_ou", _ascii(253), nullable=False),
        sa.Column("bucket", _ascii(63), nullable=False),
        sa.Column("orgao_sigla", sa.String(30), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
    )
    _create_table(
        "training_record",
        sa.Column("id", sa.BigInteger, primary_key=True),
        _ibge("training_record"),
        sa.Column("object_key", sa.String(500), nullable=False),
        sa.Column("sha256", _code(64), nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("recorded_at", _moment(), nullable=False),
    )
    _create_table(
        "decision",
        sa.Column("id", sa.BigInteger, primary_key=True),
        _ibge("decision"),
        sa.Column("gate", _ascii(60), nullable=False),
        sa.Column("decision", _ascii(10), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_at", _moment(), nullable=False),
        sa.Column("flow_run_id", _ascii(36), nullable=True),
    )
    _create_table(
        "event",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("occurred_at", _moment(), nullable=False),
        sa.Column("kind", _ascii(60), nullable=False),
        _ibge("event"),
        sa.Column("environment", _ascii(100), nullable=True),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("flow_run_id", _ascii(36), nullable=True),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Column("key", _ascii(200), nullable=True),
        sa.UniqueConstraint("key", name="uq_event_key"),
    )
    for table, *columns in (
        ("contact", "ibge"),
        ("contract", "ibge"),
        ("environment", "ibge"),
        ("training_record", "ibge"),
        ("decision", "ibge", "gate"),
        ("event", "ibge", "kind"),
    ):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns, if_not_exists=True)
    for table in _APPEND_ONLY:
        _refuse_changes(table)


def _refuse_changes(table: str) -> None:
    """Make a table grow only; the triggers also stop REPLACE and ON DUPLICATE KEY UPDATE."""
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON `{table}` FOR EACH ROW "
            f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'A tabela {table} só cresce: {verb} recusado.'"
        )


def _create_table(name: str, *items: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        *items,
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_unicode_520_ci",
    )


def _ibge(table: str) -> sa.Column[str]:
    return sa.Column("ibge", _code(7), sa.ForeignKey("municipality.ibge", name=f"fk_{table}_ibge"), nullable=False)


def _ascii(length: int) -> mysql.VARCHAR:
    return mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")


def _code(length: int) -> mysql.CHAR:
    return mysql.CHAR(length, charset="ascii", collation="ascii_bin")


def _moment() -> mysql.DATETIME:
    return mysql.DATETIME(fsp=6)
