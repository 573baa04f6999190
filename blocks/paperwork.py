"""Counting what people have made in a SEI database, and giving back the numbers of what is no more."""

from datetime import timedelta

from blocks.infra_rows import first_number
from blocks.mariadb import MariaDBServer, identifier
from domain.change import Change
from domain.paperwork import Paperwork

_TABLES = {
    "processos": "procedimento",
    "documentos": "documento",
    "anexos": "anexo",
    "assinaturas": "assinatura",
    "andamentos": "atividade",
}
# The yearly counters of process numbers, as `seq_2026_org_sei_1` (`sei.md` 2.2).
_YEARLY_COUNTER = r"^seq_[0-9]{4}_(org|uni)_(sei|sip)_"


def count_paperwork(server: MariaDBServer, database: str) -> Paperwork:
    """Count in one snapshot."""
    with server.transaction(database) as cursor:
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        counts = {}
        for field, table in _TABLES.items():
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
    """Let the first process get the first number of the year, while there is no process at all.

    Only for an application that is closed to its users: a process that is being started has its number already.
    """
    with server.transaction(database) as cursor:
        cursor.execute(
            "DELETE FROM infra_sequencia WHERE nome_tabela REGEXP %s AND NOT EXISTS (SELECT 1 FROM procedimento)",
            (_YEARLY_COUNTER,),
        )
        return Change(removed=cursor.rowcount)
