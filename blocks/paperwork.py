"""Counting what people have made in a SEI database, and giving back the numbers of what is no more."""

from datetime import timedelta

from blocks.infra_rows import first_number
from blocks.mariadb import MariaDBServer, identifier
from domain.change import Change
from domain.paperwork import TABLES, Paperwork

# The yearly counters of process numbers, `seq_<year>_uni_sei_<code>` and the like (`sei.md` 2.2); no other counter of
# `infra_sequencia` is called so.
_YEARLY = "nome_tabela REGEXP '^seq_[0-9]{4}_(uni|org)_(sei|sip)_'"


def count_paperwork(server: MariaDBServer, database: str) -> Paperwork:
    """Count in one snapshot."""
    with server.transaction(database) as cursor:
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        counts = {}
        for field, table in TABLES.items():
            cursor.execute(f"SELECT COUNT(*) FROM {identifier(table)}")
            counts[field] = first_number(cursor)
        return Paperwork(**counts)


def count_log_errors(server: MariaDBServer, database: str, window: timedelta) -> int:
    """How many errors SEI logged in this time up to now, by the database server's clock (`infra_log`, `sei.md` 2.6)."""
    with server.transaction(database) as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM infra_log WHERE sta_tipo = 'E' AND dth_log > NOW() - INTERVAL %s SECOND",
            (int(window.total_seconds()),),
        )
        return first_number(cursor)


def give_back_numbers(server: MariaDBServer, database: str) -> Change:
    """Let the first process of a SEI without any have number 1, whatever tests have used up; else change nothing."""
    with server.transaction(database) as cursor:
        cursor.execute(f"SELECT nome_tabela FROM infra_sequencia WHERE {_YEARLY} FOR UPDATE")
        counters = [str(name) for (name,) in cursor.fetchall()]
        # Whoever starts a process takes a number first, and so waits for this transaction or is seen here.
        cursor.execute("SELECT 1 FROM procedimento LIMIT 1 FOR UPDATE")
        if cursor.fetchone() is not None or not counters:
            return Change(unchanged=len(counters))
        cursor.execute(f"DELETE FROM infra_sequencia WHERE {_YEARLY}")
    return Change(removed=len(counters), details=tuple(f"contador {name} zerado" for name in counters))
