"""A backup's last proof of every night: the application opens the restored copy, and gives back what was put in."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.dump_restorer import restore
from blocks.http_client import client_for
from blocks.rehearsal import rehearsing
from blocks.runtime import LabRuntime, ServiceAddress
from blocks.scratch_server import ScratchServer, scratch_server
from blocks.sei_browser import SeiBrowser
from blocks.settings import PROJECT_ROOT, load_settings
from blocks.streams import as_file
from domain.backup.certificate import BackupCertificate
from domain.backup.findings import Cause, Level
from domain.backup.manifest import BackupManifest
from domain.environment import Purpose
from domain.person import TECHNICAL_LOGIN
from domain.reference import Database
from flows.create_environment import create_environment
from lab.ports import choose
from tasks import doors
from tasks.backup_cycle import back_up
from tasks.backup_opens import Opening, open_copy
from tasks.backup_storage import BackupVault, fetch_manifest
from tasks.backup_verify import verify_backup
from tasks.instance import Instance, load_instance
from tests.flows.conftest import Join

TEXT = "Requer Iracema Quaresma, CPF 529.982.247-25, o que é de direito.\n\nÀ consideração superior – 2ª via."
FILE = b"%PDF-1.7 laudo de Iracema Quaresma " * 400
PRIVATE = ("Quaresma", "529.982.247-25", "laudo.pdf", "Pedido particular")
_EXAMINE = """
import sys
from cli.prefect import connect
connect()
from domain.backup.manifest import BackupReference
from tasks.backup_verify import verify_backup
from tasks.instance import load_instance
verify_backup(load_instance(sys.argv[1]), BackupReference.model_validate_json(sys.argv[2]))
"""


FIRST = "Não há cópia provada anterior com que comparar o crescimento"


@pytest.fixture(scope="module")
def scratch_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where this module's copies are restored."""
    directory = tmp_path_factory.mktemp("rascunhos")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPLANTA_SCRATCH_DIR", str(directory))
        yield directory


@pytest.fixture(scope="module")
def instance(join: Join, scratch_dir: Path) -> Instance:
    """An environment in which nobody has worked yet."""
    municipality = join("3104007", "Araxá")
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    return load_instance(f"{municipality.slug}-treinamento")


@pytest.fixture(scope="module")
def empty(instance: Instance) -> BackupCertificate:
    """The certificate of its first backup."""
    return back_up(instance)


@pytest.fixture(scope="module")
def worked(instance: Instance, empty: BackupCertificate) -> BackupCertificate:
    """The certificate of its backup after somebody wrote and signed a document and attached a file."""
    password = doors.environment_secrets(instance.name.slug).probe_password
    assert password
    with SeiBrowser(doors.runtime().address(instance.name)) as browser:
        browser.require_sign_in(TECHNICAL_LOGIN, password)
        process = browser.start_process("Pedido particular")
        document = browser.include_document(process, ("Despacho",), "Pedido particular", TEXT)
        browser.sign(process, document, password)
        day = f"{datetime.now(UTC):%d/%m/%Y}"
        browser.attach_file(process, ("Anexo", "Comprovante", "Despacho"), day, ("laudo.pdf", FILE))
    return back_up(instance)


@pytest.fixture(scope="module")
def manifest(instance: Instance, worked: BackupCertificate) -> BackupManifest:
    return fetch_manifest(instance, worked.backup)


@pytest.fixture(scope="module")
def copy(instance: Instance, manifest: BackupManifest) -> Iterator[ScratchServer]:
    """That backup restored, to be broken."""
    with scratch_server(load_settings().scratch_dir) as scratch:
        part = manifest.databases
        restore(as_file(BackupVault(instance).read(part)), scratch.server, part.key)
        yield scratch


def runtime() -> LabRuntime:
    found = doors.runtime()
    assert isinstance(found, LabRuntime)
    return found


def copies_open() -> list[Path]:
    return list(runtime().apps_dir.glob("copia-*"))


def execute(copy: ScratchServer, schema: str, statement: str) -> None:
    with copy.server.transaction(schema) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        assert cursor.execute(statement), statement


@contextmanager
def damaged(copy: ScratchServer, schema: str, table: str, damage: str) -> Iterator[None]:
    """The copy with a table damaged, and whole again at the end."""
    execute(copy, schema, f"CREATE TABLE guardada AS SELECT * FROM {table}")
    execute(copy, schema, damage)
    try:
        yield
    finally:
        with copy.server.transaction(schema) as cursor:
            cursor.execute("SET foreign_key_checks = 0")
            cursor.execute(f"DELETE FROM {table}")
            cursor.execute(f"INSERT INTO {table} SELECT * FROM guardada")
            cursor.execute("DROP TABLE guardada")


def opened(instance: Instance, manifest: BackupManifest, copy: ScratchServer) -> Opening:
    opening = open_copy(instance, manifest, copy, BackupVault(instance))
    assert not copies_open()
    return opening


def told(opening: Opening) -> list[tuple[Level, Cause, str]]:
    return [(finding.level, finding.cause, finding.subject.partition(" ")[0]) for finding in opening.findings]


def test_a_new_environment_is_opened_and_has_nothing_to_read(empty: BackupCertificate) -> None:
    assert (empty.proved, empty.level, empty.notes) == (True, Level.OPENS, (FIRST,)), empty.findings
    (result,) = [result for result in empty.levels if result.level is Level.OPENS]
    assert len(result.evidence) == 3
    assert "a conta técnica entrou" in result.evidence[0]
    assert all("ainda não tem" in evidence for evidence in result.evidence[1:])


def test_a_document_and_its_attachment_are_read_back(
    instance: Instance, worked: BackupCertificate, scratch_dir: Path
) -> None:
    assert (worked.proved, worked.level, worked.notes) == (True, Level.OPENS, ()), worked.findings
    (result,) = [result for result in worked.levels if result.level is Level.OPENS]
    assert len(result.evidence) == 3
    assert "caracteres do banco" in result.evidence[1]
    assert f"{len(FILE)} bytes baixados, com o MD5 do banco" in result.evidence[2]
    assert not [word for word in PRIVATE if word in worked.model_dump_json()]
    assert not copies_open()
    assert not list(scratch_dir.glob("rascunho-*"))
    assert worked.seconds["aplicação"] < 1.5
    assert doors.runtime().health(instance.name).serving


def test_a_copy_without_a_public_process_is_read_all_the_same(
    instance: Instance, manifest: BackupManifest, copy: ScratchServer
) -> None:
    sei = manifest.schemas["sei"]
    execute(copy, sei, "UPDATE protocolo SET sta_nivel_acesso_global = '1'")
    execute(copy, sei, "UPDATE atividade SET id_unidade = 1")  # through none of the technical account's units
    opening = opened(instance, manifest, copy)
    assert (len(opening.evidence), opening.findings, opening.notes) == (3, (), ())


@pytest.mark.parametrize(
    ("kind", "table", "damage", "expected"),
    [
        ("sip", "usuario", "DELETE FROM usuario WHERE sigla = 'implanta'", "entrada"),
        ("sip", "usuario", "UPDATE usuario SET sin_bloqueado = 'S' WHERE sigla = 'implanta'", "entrada"),
        ("sip", "sistema", "UPDATE sistema SET sin_ativo = 'N' WHERE sigla = 'SEI'", "entrada"),
        ("sei", "usuario", "DELETE FROM usuario WHERE sigla = 'implanta'", "entrada"),
        ("sei", "documento_conteudo", "DELETE FROM documento_conteudo", "documento"),
        ("sei", "documento_conteudo", "UPDATE documento_conteudo SET conteudo_assinatura = ''", "documento"),
        ("sei", "procedimento", "DELETE FROM procedimento", "documento"),
        ("sei", "anexo", "UPDATE anexo SET tamanho = tamanho + 1", "anexo"),
        ("sei", "anexo", "UPDATE anexo SET hash = REVERSE(hash)", "anexo"),
    ],
)
def test_what_the_application_cannot_give_back_is_found(
    instance: Instance,
    manifest: BackupManifest,
    copy: ScratchServer,
    kind: Database,
    table: str,
    damage: str,
    expected: str,
) -> None:
    with damaged(copy, manifest.schemas[kind], table, damage):
        opening = opened(instance, manifest, copy)
    assert (Level.OPENS, Cause.APPLICATION, expected) in told(opening)
    assert not [word for word in PRIVATE if word in str(opening)]
    assert opened(instance, manifest, copy).findings == (), "mended, it opens"


def test_a_process_that_lost_its_documents_shows_neither(
    instance: Instance, manifest: BackupManifest, copy: ScratchServer
) -> None:
    with damaged(copy, manifest.schemas["sei"], "rel_protocolo_protocolo", "DELETE FROM rel_protocolo_protocolo"):
        opening = opened(instance, manifest, copy)
    assert told(opening) == [
        (Level.OPENS, Cause.APPLICATION, "documento"),
        (Level.OPENS, Cause.APPLICATION, "anexo"),
    ]


def test_an_attachment_that_no_pack_holds_is_named(
    instance: Instance, manifest: BackupManifest, copy: ScratchServer
) -> None:
    later = "UPDATE anexo SET dth_inclusao = dth_inclusao + INTERVAL 1 DAY"
    with damaged(copy, manifest.schemas["sei"], "anexo", later):
        opening = opened(instance, manifest, copy)
    assert [finding.cause for finding in opening.findings] == [Cause.FILE_MISSING]
    assert not opening.evidence


def test_a_password_that_the_directory_does_not_take_is_no_fault_of_the_copy(
    instance: Instance, manifest: BackupManifest, copy: ScratchServer
) -> None:
    password = doors.environment_secrets(instance.name.slug).probe_password
    assert password
    directory = doors.directory()
    directory.ensure_technical_account(instance.name, TECHNICAL_LOGIN, SecretStr("outra-senha-de-prova-31"))
    try:
        opening = opened(instance, manifest, copy)
    finally:
        directory.ensure_technical_account(instance.name, TECHNICAL_LOGIN, password)
    assert (opening.evidence, opening.findings) == ((), ())
    assert "o diretório de hoje não aceita a senha" in opening.notes[0]


def test_a_host_that_cannot_open_a_copy_leaves_the_level_unexamined(
    instance: Instance, manifest: BackupManifest, copy: ScratchServer
) -> None:
    with rehearsing():  # in which no host opens anything
        opening = opened(instance, manifest, copy)
    assert opening == Opening(notes=("Nível L4 não examinado: este servidor de aplicação ainda não abre cópias.",))


def test_an_application_that_is_down_does_not_cost_the_proof_of_a_backup(
    instance: Instance, manifest: BackupManifest, copy: ScratchServer
) -> None:
    serving = runtime()
    serving.model_copy(update=choose(["port"], avoid=())).save(doors.MAIN, overwrite=True)
    doors.forget_blocks()
    try:
        opening = opened(instance, manifest, copy)
    finally:
        serving.save(doors.MAIN, overwrite=True)
        doors.forget_blocks()
    assert opening == Opening(notes=("Nível L4 não examinado: O SEI não respondeu (ConnectError).",))


def test_a_backup_of_an_unexamined_level_is_proved_up_to_the_one_before(
    instance: Instance, worked: BackupCertificate
) -> None:
    secrets = doors.environment_secrets(instance.name.slug)
    secrets.model_copy(update={"probe_password": None}).save(instance.name.slug, overwrite=True)
    doors.forget_blocks()
    try:
        certificate = verify_backup(instance, worked.backup)
    finally:
        secrets.save(instance.name.slug, overwrite=True)
        doors.forget_blocks()
    assert (certificate.proved, certificate.level) == (True, Level.EQUAL)
    assert Level.OPENS not in {result.level for result in certificate.levels}
    assert certificate.notes[0] == "Nível L4 não examinado: a senha da conta técnica ainda não foi gerada."


def test_nothing_is_left_of_an_examination_that_was_killed(
    instance: Instance, worked: BackupCertificate, copy: ScratchServer, scratch_dir: Path
) -> None:
    started = subprocess.Popen(
        [sys.executable, "-c", _EXAMINE, instance.name.slug, worked.backup.model_dump_json()], cwd=PROJECT_ROOT
    )
    try:
        while not (home := next(iter(copies_open()), None)) or not (home / "configuracao.json").exists():
            assert started.poll() is None, "it ended before it opened the copy"
            time.sleep(0.002)
        assert (home / "sem-agendador").exists()
    finally:
        started.kill()
        started.wait()
    assert copies_open() == [home]
    assert len(list(scratch_dir.glob("rascunho-*"))) == 2
    again = verify_backup(instance, worked.backup)
    assert (again.proved, again.level) == (True, Level.OPENS), again.findings
    assert not copies_open()
    assert list(scratch_dir.glob("rascunho-*")) == [copy.home], "what is used stays"
    address = ServiceAddress(connect_to=f"http://127.0.0.1:{runtime().port}", host=f"{home.name}.localhost")
    with client_for(address) as client:
        assert client.get("/sip/login.php").status_code == 404
