"""The catalog's files: what the repository ships, and what an operator may get wrong in them."""

import shutil
from pathlib import Path

import pytest

from blocks.catalog import Catalog
from blocks.catalog_file import CATALOG_DIR
from blocks.reference import find_references
from domain.errors import InvalidInputError
from domain.municipality import UF_BY_IBGE_PREFIX
from domain.upgrade.complexity import Complexity


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """A copy of the shipped catalog, to damage."""
    shutil.copytree(CATALOG_DIR, tmp_path / "catalog")
    return Catalog(tmp_path / "catalog")


def rewrite(catalog: Catalog, name: str, old: str, new: str) -> None:
    path = catalog.directory / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_every_shipped_file_is_valid_and_says_what_was_agreed() -> None:
    catalog = Catalog()
    assert [line.users for line in catalog.plans().ranges] == [150, 300, 750, 1500]
    assert catalog.sla().agreed_business_days == 15
    assert catalog.gates().training.min_percent_trained == 80
    assert "aprovacao_prefeitura" in {item.code for item in catalog.gates().go_live.items}
    assert [catalog.campaigns().soak[kind].state_business_days for kind in Complexity] == [2, 5, 10]
    assert {"3168705", "3155009"} <= set(catalog.holidays().by_municipality)


def test_the_ibge_table_has_every_municipality_of_every_state_and_needs_no_network() -> None:
    table = Catalog().ibge_table()
    assert set(table.codes_by_uf) == set(UF_BY_IBGE_PREFIX.values())
    codes = [code for codes in table.codes_by_uf.values() for code in codes.values()]
    assert len(codes) == len(set(codes)) == 5570
    assert all(table.find(code) for code in table.other_names)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("usuarios: 300", "usuarios: muitos", "linha 5, faixas › 2º item › usuarios: deve ser um número inteiro"),
        ("usuarios: 300", "usuarios: 0", "usuarios: deve ser maior que 0"),
        ("usuarios: 300, ", "", "linha 5, faixas › 2º item › usuarios: falta este campo"),
        ("usuarios: 300", "usuário: 300", "faixas › 2º item › usuário: campo desconhecido"),
        ("faixa: 2", "faixa: 1", "a faixa 1 não cresce em relação à faixa 1"),
        ("faixas:", "faixas: []\nfaixas:", "A chave 'faixas' aparece duas vezes .*plans.yaml, linha 4"),
        ("faixas:", "faixas: [", "não é YAML válido .*plans.yaml, linha"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_field(catalog: Catalog, old: str, new: str, message: str) -> None:
    rewrite(catalog, "plans.yaml", old, new)
    with pytest.raises(InvalidInputError, match=message) as refusal:
        catalog.plans()
    assert "plans.yaml" in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("perfil_padrao: Básico", "perfil_padrao: ''", "perfil_padrao: não pode ficar vazio"),
        ("  perfil: [", "  cargo: [x]\n  perfil: [", "cargo: deve ser 'nome'"),
        ("  cpf: [nº cpf", "  cpf: [LOTAÇÃO", "'lotação' está em cpf e em unidade"),
        ("ignoradas: [órgão", "ignoradas: [Setor", "'Setor' está em unidade e em ignoradas"),
        ("  cpf: [nº cpf", "  cpf: ['2'", "'2', em cpf, não tem letras"),
        ('"no"', "no", "deve ser um texto: escreva entre aspas"),
    ],
)
def test_a_mistake_in_the_synonyms_of_the_users_sheet_is_told(
    catalog: Catalog, old: str, new: str, message: str
) -> None:
    rewrite(catalog, "users_sheet.yaml", old, new)
    with pytest.raises(InvalidInputError, match=message):
        catalog.users_sheet()


def test_a_synonym_that_an_operator_adds_is_known_from_then_on(catalog: Catalog) -> None:
    assert catalog.users_sheet().column_of("Repartição") is None
    rewrite(catalog, "users_sheet.yaml", "unidade: [lotação", "unidade: [repartição, lotação")
    assert catalog.users_sheet().column_of("REPARTICAO:") == "unidade"


def test_what_an_operator_changes_counts_from_the_next_question_on(catalog: Catalog) -> None:
    def users() -> list[int]:
        return [one.users for one in catalog.plans().ranges]

    first = users()
    assert users() == first
    rewrite(catalog, "plans.yaml", "usuarios: 300", "usuarios: 301")
    changed = users()
    assert [new - old for old, new in zip(first, changed, strict=True) if new != old] == [1]
    fresh = catalog.directory / "plans.yaml.new"
    fresh.write_text((catalog.directory / "plans.yaml").read_text(encoding="utf-8").replace("301", "300"))
    fresh.replace(catalog.directory / "plans.yaml")
    assert users() == first


def test_every_mistake_of_a_file_is_told_at_once(catalog: Catalog) -> None:
    rewrite(catalog, "plans.yaml", "usuarios: 300", "usuarios: x")
    rewrite(catalog, "plans.yaml", "usuarios: 750", "usuarios: y")
    with pytest.raises(InvalidInputError, match=r"2 problemas.*linha 5.*linha 6"):
        catalog.plans()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'Timóteo, dia: "29/04"',
            "Timóteo, data: 2027-02-30",
            "linha .*feriados › 1º item › data: deve ser uma data aaaa-mm-dd",
        ),
        ('Timóteo, dia: "29/04"', 'Timóteo, dia: "31/04"', "'31/04' não é um dia do ano"),
        ('"3168705"', '"316870"', "não tem o formato esperado"),
        ("  MG: []", "  XX: []", "UF desconhecida: XX"),
        ("municipais:", "municipal:", "municipais: falta este campo"),
    ],
)
def test_a_holiday_that_does_not_exist_is_refused(catalog: Catalog, old: str, new: str, message: str) -> None:
    rewrite(catalog, "holidays.yaml", old, new)
    with pytest.raises(InvalidInputError, match=message):
        catalog.holidays()


def test_an_ibge_code_without_quotes_is_read_all_the_same(catalog: Catalog) -> None:
    rewrite(catalog, "holidays.yaml", '"3168705"', "3168705")
    assert "3168705" in catalog.holidays().by_municipality


def test_a_file_that_is_empty_missing_or_not_utf8_is_told(catalog: Catalog) -> None:
    path = catalog.directory / "sla.yaml"
    path.write_text("", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="deve ser um grupo de campos"):
        catalog.sla()
    path.write_bytes("prazo_dias_úteis: 1".encode("latin-1"))
    with pytest.raises(InvalidInputError, match="não está em UTF-8"):
        catalog.sla()
    path.unlink()
    with pytest.raises(InvalidInputError, match="Não consegui ler"):
        catalog.sla()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("atividades: [capacitacao]", "atividades: [treino]", "Equipes falam de atividades que não existem: treino"),
        ("atividades: [capacitacao]", "atividades: [parametrizacao]", "'parametrizacao' aparece duas vezes"),
        ("codigo: instrutores", "codigo: nuvem", "'nuvem' aparece duas vezes"),
        ("vagas: 2", "vagas: 0", "vagas: deve ser no mínimo 1"),
    ],
)
def test_a_mistake_in_the_teams_is_told(catalog: Catalog, old: str, new: str, message: str) -> None:
    rewrite(catalog, "capacity.yaml", old, new)
    with pytest.raises(InvalidInputError, match=message):
        catalog.teams()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  media: {", "  medio: {", "espera"),
        (
            "  alta: {estado_dias_uteis: 10, onda_dias_uteis: 3, pessoa_decide: true}\n",
            "",
            "falta a espera da complexidade alta",
        ),
        ("dias: [segunda,", "dias: [segunda-feira,", "noites › dias"),
        ("percentual: 2,", "percentual: 200,", "falhas › percentual: deve ser no máximo 100"),
    ],
)
def test_a_mistake_in_the_campaigns_is_told(catalog: Catalog, old: str, new: str, message: str) -> None:
    rewrite(catalog, "campaigns.yaml", old, new)
    with pytest.raises(InvalidInputError, match=message):
        catalog.campaigns()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("minimo: 6, provavel: 12", "minimo: 12, provavel: 6", "a estimativa precisa crescer: 12, 6, 20"),
        ("historico_minimo: 8", "historico_minimo: 0", "historico_minimo: deve ser maior que 0"),
    ],
)
def test_a_mistake_in_the_estimates_is_told(catalog: Catalog, old: str, new: str, message: str) -> None:
    rewrite(catalog, "timetable.yaml", old, new)
    with pytest.raises(InvalidInputError, match=message):
        catalog.timetable()


def test_a_mistake_in_the_freezes_is_told_with_its_line(catalog: Catalog) -> None:
    rewrite(catalog, "freezes.yaml", 'ano, de: "15/12"', 'ano, de: "15/13"')
    with pytest.raises(InvalidInputError, match=r"linha 8, nacionais › 1º item: .* vai de dd/mm a dd/mm"):
        catalog.freezes()


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "releases.yaml",
            "minutos: 2",
            "minutos: 0",
            r"linha \d+, versoes › 2º item › .*minutos: deve ser maior que 0",
        ),
        ("releases.yaml", "padrao: 4.1.0", "padrao: 9.9.9", "a versão padrão 9.9.9 não está na lista .*releases.yaml"),
        ("releases.yaml", "sip: 3.0.0", "", "a versão 4.0.0 precisa de sei, sip e recursos"),
        ("releases.yaml", "codigo: 4.0.0", "codigo: 4.0.7", "4.0.7 não tem notas em releases/4.0.7.md"),
        ("modules.yaml", "ate: 3.7.0}, sei", "ate: 3.6.0}, sei", "modulos › 1º item › .*: 3.7.0 vem depois de 3.6.0"),
        ("modules.yaml", "codigo: wssei", "codigo: pen", "o módulo pen aparece duas vezes .*modules.yaml"),
    ],
)
def test_a_mistake_in_releases_or_modules_is_told(
    catalog: Catalog, file: str, old: str, new: str, message: str
) -> None:
    rewrite(catalog, file, old, new)
    with pytest.raises(InvalidInputError, match=message):
        catalog.releases()


def test_a_release_of_a_module_that_nobody_knows_is_refused(catalog: Catalog) -> None:
    with (catalog.directory / "releases.yaml").open("a", encoding="utf-8") as file:
        file.write(
            "  - {codigo: x-1.0.0, tipo: modulo, complexidade: baixa, modulo: x, versao_modulo: 1.0.0, atualizacoes:"
            " [{de: ['4.1'], passos: [{tipo: reindexacao, nucleos: [protocolos], minutos: 1, reversivel: true}]}]}\n"
        )
    with pytest.raises(InvalidInputError, match=r"x-1\.0\.0 é do módulo x, que não está em modules\.yaml \| x-1\.0\.0"):
        catalog.releases()


def test_the_digests_of_a_release_are_those_of_the_references() -> None:
    releases = Catalog().releases()
    known = {reference.version: reference.digest for reference in find_references(None)}
    upgrade = next(iter(releases.releases[1].upgrades))
    assert known["4.0.0"] in upgrade.reference_before
    assert known["4.1.0"] in upgrade.reference_after
    assert "SEI 4.1" in Catalog().release_notes(releases.releases[1])
