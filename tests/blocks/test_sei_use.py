"""What was done in a SEI, counted from the database of every version that the project brings."""

from datetime import date, datetime, timedelta
from pathlib import Path

from blocks.sei_use import SeiUse
from domain.campaign.promotion import RealUse
from domain.monthly_report import MonthOfUse
from domain.practice import PracticeStep
from domain.text import collation_key
from domain.use_count import UseCount
from lab.sei_standin.database import fetch_one
from lab.sei_standin.documents import NewDocument, create_document
from lab.sei_standin.environments import ImplantaSettings
from lab.sei_standin.processes import NewProcess, create_process
from lab.sei_standin.protocols import Author, Protocol, add_history
from lab.sei_standin.repository import Door, FileWriter
from lab.sei_standin.sign_in import SignedIn
from lab.sei_standin.signatures import list_roles, sign_document
from tests.blocks.instance import Databases, working

TESTE, UNIT = 100000001, 110000002  # the reference's own user and unit
SEI = 1  # its integrated system
NUMBER_DIGITS = 7
PERSON = SignedIn(TESTE, "teste", "Usuário de Teste", 0, "ABC", ())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


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
    with working(databases.server, databases.name) as sei:
        return create_process(sei, Author(user, UNIT), new, at(when))


def write_document(databases: Databases, process: Protocol, when: str, home: Path, *, user: int = TESTE) -> Protocol:
    serie = databases.one(
        "sei", "SELECT MIN(id_serie) FROM serie WHERE sin_ativo = 'S' AND sta_aplicabilidade IN ('I', 'T')"
    )
    new = NewDocument(kind="G", process=str(process.id_protocolo), id_serie=int(serie), html="<p>Texto</p>", numero="1")
    with working(databases.server, databases.name) as sei:
        writer = FileWriter(home, ImplantaSettings(), Door.PAGES)
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


def test_all_that_there_is_is_counted_without_who_came_with_sei_and_without_what_was_cancelled(
    databases: Databases, tmp_path: Path
) -> None:
    use = SeiUse(databases.server, databases.name)
    assert use.count_all() == UseCount(users=0, processes=0, documents=0), "a pristine SEI has nobody of its own"
    process = start_process(databases, "2026-06-01 10:00")
    write_document(databases, process, "2026-06-02 10:00", tmp_path)
    cancelled = write_document(databases, process, "2026-06-02 11:00", tmp_path)
    databases.rows("sei", "UPDATE protocolo SET sta_estado = '2' WHERE id_protocolo = %s", (cancelled.id_protocolo,))
    databases.rows("sei", "UPDATE usuario SET sigla = 'Implanta' WHERE id_usuario = %s", (TESTE,))
    assert use.count_all() == UseCount(users=0, processes=1, documents=1), "nor the technical account"
    databases.rows("sei", "UPDATE usuario SET sigla = 'maria.souza' WHERE id_usuario = %s", (TESTE,))
    assert use.count_all().users == 1
    databases.rows("sei", "UPDATE usuario SET sin_ativo = 'N' WHERE id_usuario = %s", (TESTE,))
    assert use.count_all().users == 0


def practised(databases: Databases, *steps: PracticeStep) -> set[tuple[PracticeStep, str]]:
    """The newest day of each step that `teste` did."""
    found = list(SeiUse(databases.server, databases.name).list_practice(steps or tuple(PracticeStep)))
    assert {one.login for one in found} <= {collation_key("teste")}
    newest = {step: max(one.on for one in found if one.step is step) for step in {one.step for one in found}}
    return {(step, str(day)) for step, day in newest.items()}


def test_who_started_a_process_and_signed_a_document_practised_on_those_days(
    databases: Databases, tmp_path: Path
) -> None:
    assert practised(databases) == set()
    process = start_process(databases, "2026-06-01 10:00", dated="2020-01-01")
    document = write_document(databases, process, "2026-06-02 10:00", tmp_path)
    assert practised(databases) == {
        (PracticeStep.SIGNED_IN, "2026-06-02"),
        (PracticeStep.STARTED_PROCESS, "2026-06-01"),
    }, "a draft is no signature"
    with working(databases.server, databases.name) as sei:
        written = fetch_one(
            sei,
            "SELECT p.*, d.id_procedimento FROM protocolo p JOIN documento d ON d.id_documento = p.id_protocolo"
            " WHERE d.id_documento = %s",
            (document.id_protocolo,),
        )
        assert written
        role = str(list_roles(sei, UNIT)[0]["id_assinante"])
        sign_document(sei, Author(TESTE, UNIT), PERSON, written, role, at("2026-06-03 23:59"))
    assert practised(databases) == {
        (PracticeStep.SIGNED_IN, "2026-06-03"),
        (PracticeStep.STARTED_PROCESS, "2026-06-01"),
        (PracticeStep.SIGNED_DOCUMENT, "2026-06-03"),
    }
    databases.rows("sei", "UPDATE assinatura SET sin_ativo = 'N'")
    assert practised(databases, PracticeStep.SIGNED_DOCUMENT) == set(), "a signature that was taken back"


def test_a_sign_in_is_known_by_the_login_the_audit_or_what_it_was_for(databases: Databases) -> None:
    def signed_in() -> set[tuple[PracticeStep, str]]:
        return practised(databases, PracticeStep.SIGNED_IN)

    system = databases.one("sip", "SELECT MIN(id_sistema) FROM sistema WHERE sigla = 'SEI'")
    for number, (state, day) in enumerate((("C", "2026-06-09"), ("V", "2026-06-01"), ("R", "2026-05-01"))):
        databases.unchecked(
            "sip",
            "INSERT INTO login (id_login, id_sistema, id_usuario, dth_login, hash_interno, hash_usuario, hash_agente,"
            " sta_login, user_agent) VALUES (%s, %s, %s, %s, 'x', 'x', 'x', %s, 'x')",
            (str(number), system, TESTE, f"{day} 08:00", state),
        )
    assert signed_in() == {(PracticeStep.SIGNED_IN, "2026-06-01")}, "C never got into SEI"
    databases.rows("sip", "DELETE FROM login")  # as SIP does at night
    assert signed_in() == set()
    databases.unchecked(
        "sei",
        "INSERT INTO infra_auditoria (id_infra_auditoria, recurso, dth_acesso, id_usuario)"
        " VALUES (1, 'procedimento_listar', '2026-06-02 08:00', %s)",
        (TESTE,),
    )
    assert signed_in() == {(PracticeStep.SIGNED_IN, "2026-06-02")}
    start_process(databases, "2026-06-05 10:00")
    assert signed_in() == {(PracticeStep.SIGNED_IN, "2026-06-05")}


def test_a_system_practises_nothing(databases: Databases) -> None:
    start_process(databases, "2026-06-05 10:00", user=SEI)
    assert practised(databases) == set()


PROCESS_SENT = 32  # of `tarefa`
HOUR = timedelta(hours=1)


def test_use_since_a_moment_counts_people_signatures_and_sendings(databases: Databases, tmp_path: Path) -> None:
    use = SeiUse(databases.server, databases.name)
    now = str(databases.one("sei", "SELECT NOW()"))
    long_ago = start_process(databases, "2026-06-01 10:00")
    assert use.count_since(HOUR) == RealUse()
    document = write_document(databases, long_ago, now, tmp_path)
    assert use.count_since(HOUR) == RealUse(sign_ins=1), "a draft is no signature"
    with working(databases.server, databases.name) as sei:
        written = fetch_one(
            sei,
            "SELECT p.*, d.id_procedimento FROM protocolo p JOIN documento d ON d.id_documento = p.id_protocolo"
            " WHERE d.id_documento = %s",
            (document.id_protocolo,),
        )
        assert written
        role = str(list_roles(sei, UNIT)[0]["id_assinante"])
        sign_document(sei, Author(TESTE, UNIT), PERSON, written, role, at(now))
        for _ in range(2):  # to two units at once
            add_history(sei, Author(TESTE, UNIT), long_ago.id_protocolo, PROCESS_SENT, {}, at(now))
    assert use.count_since(HOUR) == RealUse(sign_ins=1, documents_signed=1, processes_sent=1)
    assert use.count_since(timedelta(days=3650)).sign_ins == 2, "one person on two days"
    start_process(databases, now, user=SEI)
    assert use.count_since(HOUR).sign_ins == 1, "a system is nobody"


def test_only_kinds_of_errors_that_were_not_there_before_are_new(databases: Databases) -> None:
    def log(number: int, hours: int, text: str, kind: str = "E") -> None:
        databases.rows(
            "sei",
            "INSERT INTO infra_log (id_infra_log, dth_log, texto_log, sta_tipo)"
            " VALUES (%s, NOW() - INTERVAL %s HOUR, %s, %s)",
            (number, hours, text, kind),
        )

    use = SeiUse(databases.server, databases.name)
    log(1, 5, "Duplicate entry '17' for key 'PRIMARY'")
    log(2, 1, "Duplicate entry '99' for key 'PRIMARY'")
    log(3, 1, "Table 'aviso' is full", "A")
    since, before = timedelta(hours=3), timedelta(days=30)
    assert use.new_kinds_of_errors(since, before) == ()
    log(4, 2, "Unknown column 'din_valor' in 'field list'")
    assert use.new_kinds_of_errors(since, before) == ("unknown column * in *",)
    assert use.new_kinds_of_errors(since, timedelta(hours=1)) == (
        "duplicate entry * for key *",
        "unknown column * in *",
    )
