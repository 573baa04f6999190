"""What has been created in a SEI, and its yearly process counters (`sei.md` 2.2)."""

from blocks.infra_rows import first_number
from blocks.mariadb import MariaDBServer, identifier
from domain.change import Change
from domain.paperwork import Paperwork

# `seq_<year>_uni_sei_<code>` and the like; no other counter of `infra_sequencia` is called so.
_YEARLY = "nome_tabela REGEXP '^seq_[0-9]{4}_(uni|org)_(sei|sip)_'"


def paperwork(server: MariaDBServer, database: str) -> Paperwork:
    """How many processes, documents, files, signatures and history entries a SEI database holds."""
    with server.transaction(database) as cursor:
        counts = {}
        for table in Paperwork.model_fields:
            cursor.execute(f"SELECT COUNT(*) FROM {identifier(table)}")
            counts[table] = first_number(cursor)
    return Paperwork(**counts)


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
