"""The suites of the document model on every reference: what was applied passes, what is broken afterwards is named."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from blocks.expectations import judge_suites
from blocks.mariadb import MariaDBServer
from blocks.model_files import load_model
from blocks.sei_model import SeiModel
from blocks.suite_rows import read_suite_rows
from domain.document_model.kinds import KINDS
from domain.document_model.model import layer_names, name_key
from domain.document_model.suites import SUITES, Expected, expected_entries
from domain.document_model.verdict import ModelVerdict
from domain.environment import EnvironmentName, Purpose
from domain.errors import IntegrityError
from lab.state import LabState
from tasks.clock import now
from tests.sei_standin.conftest import REFERENCES
from tests.sei_standin.instance import Instance, server_of

BASE = load_model(layer_names(client="prefeitura", uf="MG", faixa=3, slug="timoteo"))

Seeded = tuple[MariaDBServer, EnvironmentName]

SEI, SIP = "sei", "sip"
# Each round is carried out at once; what would hide another stands in another round.
ROUNDS: tuple[tuple[tuple[str, str, str], ...], ...] = (
    (
        (SEI, "UPDATE orgao SET codigo_sei = ''", "não cumpre: tem código"),
        (SEI, "UPDATE orgao SET sigla = 'OUTRA'", "tem a mesma sigla no SEI e no SIP"),
        (
            SEI,
            "UPDATE unidade SET sigla = 'X' WHERE sigla = 'TESTE_1_1'",
            "existe no SEI como no SIP, com a mesma sigla",
        ),
        (SEI, "UPDATE unidade SET descricao = 'X' WHERE sigla = 'TESTE_1_2'", "tem a mesma descrição no SEI e no SIP"),
        (SEI, "UPDATE unidade SET codigo_sei = '' WHERE sigla = 'TESTE_1_2'", "tem código para numerar processos"),
        (
            SEI,
            "DELETE FROM contato WHERE id_contato IN (SELECT id_contato FROM unidade)",
            "'TESTE_1_2' não cumpre: tem contato",
        ),
        (SEI, "UPDATE unidade_historico SET dta_fim = '2020-01-01'", "tem um histórico aberto, e só um"),
        (SEI, "UPDATE tratamento SET sin_ativo = 'N'", "cita tratamento, vocativo e título que estão em uso"),
        (SEI, "DELETE FROM rel_assinante_unidade", "é oferecido em alguma unidade ativa"),
        (SEI, "UPDATE hipotese_legal SET base_legal = ''", "tem base legal"),
        (SEI, "UPDATE hipotese_legal SET sta_nivel_acesso = '0'", "é de nível restrito ou sigiloso"),
        (SEI, "UPDATE assunto SET descricao = ''", "tem descrição"),
        (SEI, "UPDATE assunto SET prazo_corrente = NULL", "tem prazo na fase corrente"),
        (SEI, "UPDATE assunto SET sta_destinacao = NULL", "tem destinação final"),
        (SEI, "UPDATE assunto SET idx_assunto = NULL", "é achado na pesquisa"),
        (SEI, "UPDATE estilo SET formatacao = ''", "tem formatação"),
        (SEI, "DELETE FROM rel_secao_mod_cj_estilos_item", "tem no conjunto em vigor os estilos que permite"),
        (SEI, "UPDATE rel_secao_modelo_estilo SET sin_padrao = 'S'", "tem no máximo um estilo padrão"),
        (SEI, "UPDATE grupo_serie SET sin_ativo = 'N'", "está em um grupo em uso"),
        (SEI, "UPDATE serie SET sta_aplicabilidade = 'Z'", "tem aplicabilidade conhecida"),
        (SEI, "UPDATE serie SET sta_numeracao = 'Z'", "tem numeração conhecida"),
        (SEI, "DELETE FROM nivel_acesso_permitido WHERE sta_nivel_acesso = '1'", "sugere um nível que permite"),
        (SEI, "UPDATE tarja_assinatura SET texto = ''", "tem texto"),
        (SEI, "UPDATE email_sistema SET de = ''", "tem remetente"),
        (SEI, "UPDATE email_sistema SET para = ''", "tem destinatário"),
        (SEI, "UPDATE email_sistema SET assunto = ''", "não cumpre: tem assunto"),
        (SEI, "UPDATE texto_padrao_interno SET conteudo = ''", "tem conteúdo"),
        (
            SEI,
            "INSERT INTO tipo_conferencia VALUES (990, 'Cópia simples', 'S')",
            "'Cópia Simples' não cumpre: não se repete",
        ),
        (SEI, "INSERT INTO tipo_conferencia VALUES (99999, 'Longe', 'S')", "está adiante do maior número usado"),
        (SIP, "UPDATE unidade SET sin_ativo = 'N' WHERE sigla = 'TESTE'", "está abaixo de uma unidade ativa"),
        (SIP, "DELETE FROM rel_perfil_recurso", "tem algum recurso"),
        (SIP, "DELETE FROM perfil WHERE nome = 'Básico'", "só mostra menus cujo recurso concede"),
    ),
    (
        (SEI, "UPDATE orgao SET sin_ativo = 'N'", "órgão '0 em vez de um' não cumpre: há exatamente um"),
        (SEI, "UPDATE unidade SET sin_ativo = 'N' WHERE sigla = 'TESTE_1_1'", "'TESTE_1_1' não cumpre: existe no SEI"),
        (SEI, "UPDATE hipotese_legal SET sin_ativo = 'N'", "cita hipótese legal em uso, do nível que sugere"),
        (SEI, "DELETE FROM assunto_proxy", "pode ser usado em processos"),
        (SEI, "DELETE FROM conjunto_estilos_item", "tem todos os estilos"),
        (SEI, "DELETE FROM secao_modelo", "tem seção em uso"),
        (SEI, "DELETE FROM rel_tipo_procedimento_assunto", "tem assunto sugerido que pode ser usado"),
        (SEI, "DELETE FROM nivel_acesso_permitido", "permite algum nível de acesso"),
        (SEI, "UPDATE tipo_conferencia SET sin_ativo = 'N'", "Sistema ou Sítio Oficial' não cumpre: está na"),
    ),
    (
        (SEI, "UPDATE orgao SET numeracao = NULL", "tem máscara de numeração de processos"),
        (SEI, "UPDATE assunto SET sin_ativo = 'N'", "só sugere assuntos em uso, da tabela em vigor"),
        (SEI, "UPDATE tabela_assuntos SET sin_atual = 'N'", "'0 em vez de um' não cumpre: há exatamente uma"),
        (SEI, "UPDATE modelo SET sin_ativo = 'N'", "se é escrito no editor, tem modelo em uso"),
    ),
)


@contextmanager
def seed(reference: str, prefix: str, lab_state: LabState, port: int, apps_dir: Path) -> Iterator[Seeded]:
    """An environment of its own of a reference, with the model applied."""
    name = EnvironmentName(municipality=f"{prefix}{reference.replace('.', '')}", purpose=Purpose.TREINAMENTO)
    instance = Instance(lab_state, REFERENCES[reference], name.slug)
    instance.reset(port, apps_dir)
    server = server_of(lab_state)
    SeiModel(server, name).apply(BASE, {}, {})
    yield server, name


@pytest.fixture(params=sorted(REFERENCES))
def seeded(request: pytest.FixtureRequest, lab_state: LabState, port: int, apps_dir: Path) -> Iterator[Seeded]:
    with seed(request.param, "regras", lab_state, port, apps_dir) as made:
        yield made


@pytest.fixture(scope="module")
def usual(lab_state: LabState, port: int, apps_dir: Path) -> Iterator[Seeded]:
    with seed("4.1.0-reduzida", "quebras", lab_state, port, apps_dir) as made:
        yield made


OURS = {name_key(sigla): Expected(sigla, must_exist=False) for sigla in ("TESTE", "TESTE_1_1", "TESTE_1_2")}


class _TakenBackError(Exception):
    """Ends a transaction so that nothing of it stays."""


def judge(seeded: Seeded, *broken_by: tuple[str, str]) -> ModelVerdict:
    """The verdict with these statements carried out in SEI or SIP; afterwards nothing of them is left."""
    server, name = seeded
    verdict: ModelVerdict | None = None
    with (
        suppress(_TakenBackError),
        server.transaction(name.database_sei) as sei,
        server.transaction(name.database_sip) as sip,
    ):
        cursors = {SEI: sei, SIP: sip}
        for database, statement in broken_by:
            cursors[database].execute("SET foreign_key_checks = 0")
            assert cursors[database].execute(statement), statement
        suites = judge_suites(read_suite_rows(sei, sip), expected_entries(BASE) | {"unidades": OURS})
        verdict = ModelVerdict(environment=name.slug, digest="0" * 64, judged_at=now(), suites=suites)
        raise _TakenBackError
    assert verdict is not None
    return verdict


def test_what_was_applied_passes_every_suite(seeded: Seeded) -> None:
    verdict = judge(seeded)
    assert verdict.problems == ()
    assert {suite.name for suite in verdict.suites} >= {kind.name for kind in KINDS}
    # The reduced references name the release's profiles without their rights.
    assert all(told.startswith("perfil") for told in verdict.remarks)
    assert bool(verdict.remarks) == ("reduzida" in verdict.environment)


@pytest.mark.parametrize("breakages", ROUNDS, ids=["fields", "rows", "whole tables"])
def test_what_is_broken_afterwards_is_named(usual: Seeded, breakages: tuple[tuple[str, str, str], ...]) -> None:
    verdict = judge(usual, *((database, statement) for database, statement, _ in breakages))
    told = " | ".join((*verdict.problems, *verdict.remarks))
    assert [expected for _, _, expected in breakages if expected not in told] == []
    with pytest.raises(IntegrityError, match="não passou na validação"):
        verdict.raise_if_wrong()
    assert judge(usual).passed


def test_every_rule_is_broken_by_some_round() -> None:
    """A rule that nothing here breaks might as well not be judged."""
    told = " | ".join(told for breakages in ROUNDS for _, _, told in breakages)
    assert {rule.says for suite in SUITES for rule in suite.rules if rule.says not in told} == set()


def test_what_is_the_prefeituras_own_is_remarked_and_no_problem(usual: Seeded) -> None:
    own = "INSERT INTO tipo_conferencia VALUES (-2, 'Carimbo da casa', 'S'), (-1, 'CARIMBO DA CASA', 'S')"
    verdict = judge(usual, (SEI, own))
    assert verdict.passed
    assert "tipo de conferência 'Carimbo da casa' não cumpre: não se repete" in verdict.remarks
