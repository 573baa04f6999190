"""The last gate item by item, the opening, and the way back out of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from typer.testing import CliRunner

from blocks.catalog import Catalog
from blocks.dns import ManualZone, Rfc2136Zone
from blocks.http_client import client_for
from blocks.nginx_edge import NginxEdge
from blocks.settings import PROJECT_ROOT
from blocks.table_facts import read_database_facts
from cli.__main__ import app
from cli.demo_people import Prefeitura, send_attendance
from domain.archive import TableFacts
from domain.backup.certificate import BackupCertificate
from domain.backup.history import BackupEvent
from domain.calendar import local_day
from domain.certificate import served_certificate
from domain.change import Change
from domain.errors import GateClosedError, InvalidInputError
from domain.freeze import FreezeRule, FreezeWindow
from domain.go_live import ChecklistLine, ItemResult
from domain.lifecycle import Stage, current_stage
from domain.municipality import Contact, Municipality
from domain.person import TECHNICAL_LOGIN
from domain.plan import Plan
from flows import go_live as opening_flow
from flows import undo_go_live as closing_flow
from flows.go_live import go_live
from flows.implantation import implantation
from flows.open_productions import open_productions
from flows.undo_go_live import undo_go_live
from registry import Registry
from tasks import acts, clock, doors
from tasks.certificate import JSON_KEY
from tasks.edge import ensure_edge_maintenance, environment_certificate
from tasks.gates import due_to_open
from tasks.go_live import run_checklist
from tasks.go_live_checks import LOOKS
from tasks.instance import Instance, load_instance
from tasks.live import KEPT_OPEN, LIVE, is_closing, is_open, is_public
from tasks.training import ensure_training_record
from tasks.waivers import answer_gate, item_gate
from tests.cli.examples import example_of
from tests.flows.conftest import EXAMPLES, Join
from tests.waiting import wait_until

WORKER_SECONDS = 180

Break = Callable[[Instance], AbstractContextManager[None]]

# What the scheduler, a session and a listing leave in the databases, whether or not anybody goes live.
VOLATILE = {"infra_agendamento_tarefa", "monitoramento_servico", "infra_log", "infra_auditoria", "login", "acesso"}


def attendance_of(municipality: Municipality, *, share: float = 1) -> None:
    send_attendance(
        Prefeitura(
            ibge=municipality.ibge, name=municipality.name, slug=municipality.slug, population=1, example="rio-doce"
        ),
        local_day(datetime.now(tz=UTC)),
        share=share,
    )


@pytest.fixture(scope="module")
def before(join: Join) -> Instance:
    """The production of a municipality that waits for its last gate, and for nothing but the approval."""
    municipality = join("3103702", "Araponga", EXAMPLES / "unidades.csv", EXAMPLES / "usuarios.csv")
    attendance_of(municipality)
    journey = implantation(municipality.slug)
    assert len(journey.waiting_for) == 1
    assert journey.waiting_for[0].startswith("Ponto focal da prefeitura aprovou a entrada: falta a aprovação")
    return load_instance(f"{municipality.slug}-producao")


@contextmanager
def changed(instance: Instance, *, database: str, broken: str, mended: str) -> Iterator[None]:
    """Something wrong in one of the databases, and right again afterwards."""
    schema = {"sei": instance.name.database_sei, "sip": instance.name.database_sip}[database]
    with instance.server.transaction(schema) as cursor:
        cursor.execute(broken)
    try:
        yield
    finally:
        with instance.server.transaction(schema) as cursor:
            cursor.execute(mended)


def rows(database: str, broken: str, mended: str) -> Break:
    return partial(changed, database=database, broken=broken, mended=mended)


@contextmanager
def no_certificate_of_delivery(instance: Instance) -> Iterator[None]:
    storage = doors.object_storage()
    body = storage.find_object(instance.name.bucket, JSON_KEY)
    assert body
    storage.client.delete_object(Bucket=instance.name.bucket, Key=JSON_KEY)
    try:
        yield
    finally:
        storage.ensure_object(instance.name.bucket, JSON_KEY, body)


@contextmanager
def too_few_trained(instance: Instance) -> Iterator[None]:
    attendance_of(instance.municipality, share=0.62)
    ensure_training_record.fn(instance.municipality.slug)
    try:
        yield
    finally:
        attendance_of(instance.municipality)
        ensure_training_record.fn(instance.municipality.slug)


@contextmanager
def at_another_time(instance: Instance, *, later: timedelta) -> Iterator[None]:
    assert instance
    moment = clock.now() + later
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: moment)
        patch.setattr("tasks.certificates.now", lambda: moment)
        yield


@contextmanager
def near_the_end_of_the_certificate(instance: Instance) -> Iterator[None]:
    until = served_certificate(environment_certificate(instance.name.slug).chain_pem).not_after
    with at_another_time(instance, later=until - clock.now() - timedelta(days=20, hours=1)):
        yield


@contextmanager
def silent_scheduler(instance: Instance) -> Iterator[None]:
    """No sign since long ago, in an environment that is older than the time between two signs."""
    old = rows(
        "sei",
        "UPDATE infra_agendamento_tarefa SET dth_ultima_execucao = NOW() - INTERVAL 40 MINUTE",
        "UPDATE infra_agendamento_tarefa SET dth_ultima_execucao = NOW()",
    )
    with old(instance), at_another_time(instance, later=timedelta(minutes=30)):
        yield


@contextmanager
def no_firewall(instance: Instance) -> Iterator[None]:
    """The public name leads to the application itself, without the edge in between."""
    bare = doors.runtime().address(instance.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NginxEdge, "address", lambda *_: bare)
        yield


@contextmanager
def small_plan(instance: Instance) -> Iterator[None]:
    registry, ibge = doors.registry(), instance.municipality.ibge
    contract = registry.contract(ibge)
    assert contract
    registry.ensure_contract(ibge, Plan(faixa=None, users=50, concurrent_users=5, negotiated=True))
    try:
        yield
    finally:
        registry.ensure_contract(ibge, contract.plan)


@contextmanager
def no_acts(instance: Instance) -> Iterator[None]:
    """As if only the contract had been registered."""
    known = acts.find_acts(instance.municipality.ibge)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "tasks.go_live_checks.find_acts", lambda _: {act: known[act] for act in known if act == "contrato"}
        )
        yield


@contextmanager
def no_focal_point(instance: Instance) -> Iterator[None]:
    municipality = instance.municipality
    other = Contact(name="Pessoa de Teste", email="ti@teste.example.com", role="responsável de TI")
    doors.registry().ensure_municipality(municipality.model_copy(update={"contacts": (other,)}))
    try:
        yield
    finally:
        doors.registry().ensure_municipality(municipality)


@contextmanager
def frozen_today(instance: Instance) -> Iterator[None]:
    assert instance
    today = clock.today()
    window = FreezeWindow(first=today.isoformat(), last=today.isoformat(), reason="Dia de teste")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Catalog, "freezes", lambda _: FreezeRule(national=(window,), by_municipality={}))
        yield


@contextmanager
def announced_for_later(instance: Instance) -> Iterator[None]:
    day = clock.today() + timedelta(days=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.go_live_checks.list_announced_days", lambda _: [day])
        yield


@contextmanager
def lost_attachment(instance: Instance) -> Iterator[None]:
    """A row that says there is a file, and no file: what is copied now does not prove itself."""
    lost = rows(
        "sei",
        "INSERT INTO anexo (id_anexo, nome, sin_ativo, id_unidade, id_usuario, tamanho, dth_inclusao, hash)"
        " SELECT 990001, 'sumiu.pdf', 'S', MIN(id_unidade), MIN(id_usuario), 10, '2026-01-05', REPEAT('0', 32)"
        " FROM unidade, usuario",
        "DELETE FROM anexo WHERE id_anexo = 990001",
    )
    with lost(instance), at_another_time(instance, later=timedelta(hours=25)):
        yield


@contextmanager
def zone_of_a_person(instance: Instance) -> Iterator[None]:
    """The same zone, but kept by a person, who has not pointed the name at the edge."""
    kept = doors.dns_zone()
    assert isinstance(kept, Rfc2136Zone)
    by_hand = ManualZone(zone=kept.zone, resolvers=(kept.server,), port=kept.port)
    name = doors.edge().server_name(instance.name)
    kept.remove_record(name)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(doors, "dns_zone", lambda: by_hand)
            yield
    finally:
        kept.ensure_record(name, doors.edge().public_addresses)


ITEMS: dict[str, tuple[Break, str]] = {
    "producao_certificada": (no_certificate_of_delivery, "sem certificado de entrega"),
    "estrutura_conferida": (
        rows("sei", "ALTER TABLE serie ADD COLUMN de_outro INT", "ALTER TABLE serie DROP COLUMN de_outro"),
        "tabela serie: coluna de_outro: sobra",
    ),
    "chaves_trocadas": (
        rows(
            "sip",
            "UPDATE sistema SET chave_acesso = REVERSE(chave_acesso)",
            "UPDATE sistema SET chave_acesso = REVERSE(chave_acesso)",
        ),
        "as chaves em uso não são as do ambiente",
    ),
    "autenticacao_ligada": (
        rows("sip", "UPDATE orgao SET sin_autenticar = 'N'", "UPDATE orgao SET sin_autenticar = 'S'"),
        "órgão sem autenticação",
    ),
    "usuario_teste_bloqueado": (
        rows(
            "sip",
            "UPDATE usuario SET sin_bloqueado = 'N' WHERE sigla = 'teste'",
            "UPDATE usuario SET sin_bloqueado = 'S' WHERE sigla = 'teste'",
        ),
        "usuário teste sem bloqueio",
    ),
    "unidades_conferidas": (
        rows(
            "sip",
            "UPDATE unidade SET descricao = CONCAT(descricao, ' X') ORDER BY id_unidade DESC LIMIT 1",
            "UPDATE unidade SET descricao = TRIM(TRAILING ' X' FROM descricao) ORDER BY id_unidade DESC LIMIT 1",
        ),
        "1 unidade(s) diferem da planilha",
    ),
    "usuarios_conferidos": (
        rows(
            "sip",
            "UPDATE usuario SET sin_ativo = 'N' WHERE id_origem = '1014'",
            "UPDATE usuario SET sin_ativo = 'S' WHERE id_origem = '1014'",
        ),
        "sem replicação",
    ),
    "modelo_sem_desvio": (
        rows(
            "sei",
            "UPDATE serie SET nome = CONCAT(nome, ' X') WHERE nome = 'Parecer Técnico'",
            "UPDATE serie SET nome = 'Parecer Técnico' WHERE nome = 'Parecer Técnico X'",
        ),
        "do modelo",
    ),
    "capacitacao": (too_few_trained, "38 de 60 usuários capacitados (63%); o mínimo é 80%"),
    "agendador_ativo": (silent_scheduler, "o último sinal de vida do agendador foi há 40 minutos"),
    "certificado_valido": (near_the_end_of_the_certificate, ": 20 dias, e são precisos 30"),
    "nome_publico": (zone_of_a_person, "Peça a quem cuida da zona"),
    "waf_atuante": (no_firewall, "ataque: injeção de SQL"),
    "capacidade": (small_plan, "São 60 usuários e o plano (plano negociado) permite 50"),
    "atos_registrados": (no_acts, "falta registrar: decreto"),
    "contatos_presentes": (no_focal_point, "falta contato: ponto focal"),
    "fora_de_congelamento": (frozen_today, "Dia de teste"),
    "data_anunciada": (announced_for_later, "anunciada para "),
    "copia_provada": (lost_attachment, "A cópia não foi provada: "),
    "teste_de_uso": (
        rows(
            "sip",
            f"UPDATE usuario SET sin_ativo = 'N' WHERE sigla = '{TECHNICAL_LOGIN}'",
            f"UPDATE usuario SET sin_ativo = 'S' WHERE sigla = '{TECHNICAL_LOGIN}'",
        ),
        "entrar",
    ),
}


def test_every_item_of_the_catalog_is_looked_at_and_broken_here() -> None:
    codes = [item.code for item in Catalog().gates().go_live.items]
    assert sorted(codes) == sorted(LOOKS)
    assert sorted(codes) == sorted([*ITEMS, "aprovacao_prefeitura"]), "the approval is missing in every one of them"


def test_everything_holds_but_the_approval(before: Instance) -> None:
    verdict = run_checklist(before)
    failed = [line.code for line in verdict.lines if line.result is not ItemResult.PASSED]
    assert failed == ["aprovacao_prefeitura"]
    assert all(line.evidence for line in verdict.lines)
    (copied,) = doors.registry().events(before.municipality.ibge, kinds=[BackupEvent.VERIFIED])
    certificate = BackupCertificate.model_validate(copied.details["certificate"])
    assert certificate.rows > 10_000, "and it is not copied again on the same day"


# Those that move the clock, or keep another item from being looked at, each in a round of its own.
ALONE = ("agendador_ativo", "certificado_valido", "capacidade", "copia_provada")


@pytest.mark.parametrize("codes", [*((code,) for code in ALONE), tuple(code for code in ITEMS if code not in ALONE)])
def test_an_item_that_fails_is_seen_and_keeps_the_prefeitura_out(before: Instance, codes: tuple[str, ...]) -> None:
    with ExitStack() as broken:
        for code in codes:
            broken.enter_context(ITEMS[code][0](before))
        report = go_live(before.municipality.slug)
    titles = {item.code: item.title for item in Catalog().gates().go_live.items}
    for code in codes:
        (told,) = [text for text in report.waiting_for if text.startswith(f"{titles[code]}: ")]
        assert ITEMS[code][1] in told
    assert not is_open(before)
    assert doors.runtime().health(before.name).maintenance
    assert len(go_live(before.municipality.slug).waiting_for) == 1, "mended, it waits for the approval only"


def test_a_waived_item_is_told_with_its_reason_and_only_where_the_catalog_allows_it(before: Instance) -> None:
    def contacts() -> ChecklistLine:
        verdict = run_checklist(load_instance(before.name.slug))
        return next(line for line in verdict.lines if line.code == "contatos_presentes")

    outcome = CliRunner().invoke(
        app,
        [
            *("approve", before.municipality.slug, "--item", "contatos_presentes", "--name", "Pessoa de Teste"),
            *("--reason", "Nomeação sai amanhã", "--until", f"{clock.today() + timedelta(days=10)}"),
        ],
    )
    assert outcome.exit_code == 0, outcome.stderr
    with no_focal_point(before):
        line = contacts()
        assert line.result is ItemResult.WAIVED
        assert line.evidence.startswith("falta contato: ponto focal (./implanta municipality contact) (dispensado até")
        assert line.evidence.endswith("Nomeação sai amanhã)")
        with at_another_time(before, later=timedelta(days=11)):
            assert contacts().result is ItemResult.FAILED, "it ran out"
    assert contacts().result is ItemResult.PASSED, "a waiver hides nothing that holds"
    with pytest.raises(InvalidInputError, match="itens que se dispensam: modelo_sem_desvio, certificado_valido"):
        answer_gate(
            before.municipality,
            item_gate("copia_provada"),
            "dispensar",
            name="Pessoa de Teste",
            reason="Sem tempo",
            until=clock.today(),
        )


def test_the_command_shows_the_whole_list_and_says_no(before: Instance) -> None:
    outcome = CliRunner().invoke(app, [*example_of("go-live check", {"timoteo": before.municipality.slug}), "--json"])
    assert outcome.exit_code == GateClosedError.exit_code
    told = json.loads(outcome.stdout)
    assert [line["code"] for line in told["lines"]] == [item.code for item in Catalog().gates().go_live.items]
    assert not told["ready"]


# ---- the opening and the way back ------------------------------------------------------------------------------------


def state_of(instance: Instance) -> dict[str, object]:
    """Everything that an opening touches, by checksums."""
    tables: dict[str, TableFacts] = {}
    for schema in (instance.name.database_sei, instance.name.database_sip):
        facts = read_database_facts(instance.server, schema)
        tables |= {f"{schema}.{name}": facts for name, facts in facts.tables.items()}
    kept = {name: facts for name, facts in tables.items() if name.partition(".")[2] not in VOLATILE}
    zone = doors.dns_zone()
    assert zone
    site = next(site for site in doors.edge().list_sites() if site.slug == instance.name.slug)
    return {
        "tables": {name: facts for name, facts in kept.items() if not name.partition(".")[2].startswith("seq_")},
        "site": site,
        "health": doors.runtime().health(instance.name),
        "dns": zone.lookup(doors.edge().server_name(instance.name)),
    }


def approve(instance: Instance) -> None:
    answer_gate(instance.municipality, "go-live", "aprovar", name="Pessoa de Teste", reason="Tudo conferido")


def kill_in(flow: str, step: int, *arguments: str) -> None:
    """Run a flow in a process of its own, which dies right after its n-th step, as by kill -9."""
    program = f"""
import os, signal
from flows import {flow} as module
name, step = module.PROCEDURE[{step}]
def dying(environment):
    step(environment)
    os.kill(os.getpid(), signal.SIGKILL)
module.PROCEDURE = (*module.PROCEDURE[:{step}], (name, dying))
module.{flow}({", ".join(map(repr, arguments))})
"""
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=PROJECT_ROOT, env=dict(os.environ), check=False, timeout=120)
    assert run.returncode == -signal.SIGKILL


def test_what_is_opened_closes_again_as_if_nobody_had_opened_it(before: Instance, registry: Registry) -> None:
    municipality = before.municipality
    untouched = state_of(before)
    approve(before)
    assert go_live(municipality.slug).waiting_for == ()
    assert is_open(before)
    assert doors.runtime().health(before.name).serving
    assert go_live(municipality.slug).change.total == 0
    assert state_of(before) != untouched
    outcome = CliRunner().invoke(app, example_of("go-live undo", {"timoteo": municipality.slug}))
    assert outcome.exit_code == 0, outcome.stderr
    assert not is_open(before)
    assert state_of(before) == untouched
    assert current_stage(set(registry.stages_done(municipality.ibge)[municipality.ibge])) is Stage.GO_LIVE
    with pytest.raises(InvalidInputError, match="A produção não está aberta"):
        undo_go_live(municipality.slug, "ponto focal", "outra vez")


def test_what_was_closed_again_asks_for_a_new_approval_and_opens_again(before: Instance, registry: Registry) -> None:
    municipality = before.municipality
    waiting = go_live(municipality.slug).waiting_for
    assert len(waiting) == 1, waiting
    assert "falta a aprovação" in waiting[0]
    assert municipality.slug not in due_to_open()
    approve(before)
    with announced_for_later(before):
        assert municipality.slug not in due_to_open()
    assert municipality.slug in open_productions()
    wait_until(
        lambda: Stage.GO_LIVE in registry.stages_done(municipality.ibge)[municipality.ibge],
        "the worker opens it",
        seconds=WORKER_SECONDS,
    )
    assert len(registry.events(municipality.ibge, kinds=[LIVE])) == 2
    keys = [message.key for message in registry.messages(municipality.ibge) if "entrada" in message.event]
    assert keys == [
        f"entrada_em_producao:{municipality.ibge}:producao",
        f"entrada_desfeita:{municipality.ibge}:producao",
        f"entrada_em_producao:{municipality.ibge}:producao:2",
    ]


def test_work_that_came_through_while_it_was_being_closed_keeps_it_open(
    before: Instance, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody saves a process after the question, before the edge is closed."""
    municipality = before.municipality
    real = ensure_edge_maintenance.fn

    with ExitStack() as meanwhile:

        def slow(environment: str, *, active: bool) -> Change:
            if active:
                meanwhile.enter_context(instance_process(before))
            return real(environment, active=active)

        monkeypatch.setattr(ensure_edge_maintenance, "fn", slow)
        with pytest.raises(GateClosedError, match=r"1 processo\(s\) a mais"):
            undo_go_live(municipality.slug, "ponto focal", "adiado", wait_seconds=60)
    assert is_open(before)
    assert is_public(before)
    assert doors.runtime().health(before.name).serving
    with client_for(doors.edge().address(before.name)) as visitor:
        assert visitor.get("/sip/login.php", params={"sigla_sistema": "SEI"}).status_code == 200
    assert [event.kind for event in registry.events(municipality.ibge, kinds=[KEPT_OPEN])] == [KEPT_OPEN]
    assert go_live(municipality.slug).change.total == 0


def test_once_somebody_worked_in_it_the_way_back_is_closed_and_says_where_to_read(before: Instance) -> None:
    with instance_process(before), pytest.raises(GateClosedError) as refused:
        undo_go_live(before.municipality.slug, "ponto focal", "arrependimento", wait_seconds=60)
    assert "A produção já foi usada: 1 processo(s) a mais" in str(refused.value)
    assert "Depois do primeiro processo" in str(refused.value)
    assert doors.runtime().health(before.name).serving


@pytest.mark.slow
def test_killed_after_each_step_and_run_again_it_opens_and_closes_as_if_nobody_had_disturbed_it(
    before: Instance, registry: Registry
) -> None:
    municipality = before.municipality
    if is_open(before):
        undo_go_live(municipality.slug, "ponto focal", "para começar do começo", wait_seconds=60)
    untouched, opened = state_of(before), len(registry.events(municipality.ibge, kinds=[LIVE]))
    approve(before)
    for step in range(len(opening_flow.PROCEDURE)):
        kill_in("go_live", step, municipality.slug)
        recorded = len(registry.events(municipality.ibge, kinds=[LIVE])) - opened
        assert recorded == (step >= len(opening_flow.PROCEDURE) - 2), "before anybody is let in"
        assert is_public(before) == (step == len(opening_flow.PROCEDURE) - 1)
    assert go_live(municipality.slug).change.total == 0
    assert is_open(before)
    assert doors.runtime().health(before.name).serving
    for step in range(len(closing_flow.PROCEDURE) - 1):
        kill_in("undo_go_live", step, municipality.slug, "ponto focal", "adiado")
        assert is_closing(before)
    (waiting,) = implantation(municipality.slug).waiting_for
    assert "falta a aprovação" in waiting, "what somebody began to close does not open again by itself"
    undo_go_live(municipality.slug, "ponto focal", "adiado")
    assert not is_open(before)
    assert state_of(before) == untouched


@contextmanager
def instance_process(instance: Instance) -> Iterator[None]:
    made = rows(
        "sei",
        "INSERT INTO procedimento (id_procedimento, id_tipo_procedimento, sta_ouvidoria, sin_ciencia)"
        " SELECT 990002, MIN(id_tipo_procedimento), 'N', 'N' FROM tipo_procedimento",
        "DELETE FROM procedimento WHERE id_procedimento = 990002",
    )
    # Its protocol is of no interest here.
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("SET GLOBAL foreign_key_checks = 0")
    try:
        with made(instance):
            yield
    finally:
        with instance.server.transaction(instance.name.database_sei) as cursor:
            cursor.execute("SET GLOBAL foreign_key_checks = 1")
