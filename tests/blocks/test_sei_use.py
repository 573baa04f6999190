"""What was done in a SEI, counted from the database of every version that the project brings."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from pymysql.cursors import DictCursor

from blocks.sei_use import SeiUse
from domain.monthly_report import MonthOfUse
from lab.sei_standin.database import DatabaseSettings, transaction
from lab.sei_standin.documents import NewDocument, create_document
from lab.sei_standin.environments import ImplantaSettings
from lab.sei_standin.processes import NewProcess, create_process
from lab.sei_standin.protocols import Author, Protocol
from lab.sei_standin.repository import FileWriter
from tests.blocks.instance import Databases

TESTE, UNIT = 100000001, 110000002  # the reference's own user and unit
SEI = 1  # its integrated system
NUMBER_DIGITS = 7


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@contextmanager
def working(databases: Databases) -> Iterator[DictCursor]:
    """The database as the application writes into it."""
    server = databases.server
    settings = DatabaseSettings.model_validate(
        {
            "Servidor": server.host,
            "Porta": server.port,
            "Banco": databases.name.database_sei,
            "Usuario": server.user,
            "Senha": server.password,
        }
    )
    with transaction(settings) as sei:
        yield sei


def start_process(databases: Databases, when: str, *, user: int = TESTE, dated: str | None = None) -> Protocol:
    kind = databases.one(
        "sei",
        "SELECT MIN(t.id_tipo_procedimento) FROM tipo_procedimento t JOIN nivel_acesso_permitido n"
        " USING (id_tipo_procedimento) JOIN rel_tipo_procedimento_assunto r USING (id_tipo_procedimento)"
        " WHERE n.sta_nivel_acesso = '0' AND t.sin_ativo = 'S'",
    )
    new = NewProcess(
        id_tipo_procedimento=int(kind),
        especificacao="Férias",
        nivel_acesso="0",
        autuado_em=at(dated) if dated else None,
    )
    with working(databases) as sei:
        return create_process(sei, Author(user, UNIT), new, at(when))


def write_document(databases: Databases, process: Protocol, when: str, home: Path, *, user: int = TESTE) -> Protocol:
    serie = databases.one(
        "sei", "SELECT MIN(id_serie) FROM serie WHERE sin_ativo = 'S' AND sta_aplicabilidade IN ('I', 'T')"
    )
    new = NewDocument(kind="G", process=str(process.id_protocolo), id_serie=int(serie), html="<p>Texto</p>", numero="1")
    with working(databases) as sei:
        writer = FileWriter(home, ImplantaSettings())
        return create_document(sei, writer, Author(user, UNIT), new, at(when), NUMBER_DIGITS)


def test_a_month_is_counted_from_its_first_moment_until_its_last(databases: Databases, tmp_path: Path) -> None:
    use = SeiUse(databases.server, databases.name)
    june = (date(2026, 6, 1), date(2026, 7, 1))
    assert use.count_month(*june) == MonthOfUse(users=0, processes=0, documents=0)
    start_process(databases, "2026-05-31 23:59:59")
    first = start_process(databases, "2026-06-01 00:00:00")
    start_process(databases, "2026-06-30 23:59:59", dated="2020-01-01")
    start_process(databases, "2026-07-01 00:00:00", dated="2026-06-15")
    assert use.count_month(*june) == MonthOfUse(users=1, processes=2, documents=0), "by when it came in"
    write_document(databases, first, "2026-06-02 10:00", tmp_path)
    cancelled = write_document(databases, first, "2026-06-02 11:00", tmp_path)
    databases.rows("sei", "UPDATE protocolo SET sta_estado = '2' WHERE id_protocolo = %s", (cancelled.id_protocolo,))
    assert use.count_month(*june) == MonthOfUse(users=1, processes=2, documents=1)


def test_what_a_system_does_is_nobodys_use(databases: Databases) -> None:
    start_process(databases, "2026-06-10 10:00", user=SEI)
    month = SeiUse(databases.server, databases.name).count_month(date(2026, 6, 1), date(2026, 7, 1))
    assert month == MonthOfUse(users=0, processes=1, documents=0)
