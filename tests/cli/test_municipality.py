"""`./implanta municipality`: who joins, with which plan, and every way of getting it wrong."""

import json
from pathlib import Path

import pytest

from blocks.object_storage import ObjectStorage
from blocks.settings import PROJECT_ROOT
from registry import Registry
from tests.cli.conftest import CommandLine

OLHOS_DAGUA = ("3145455", "Olhos-d'Água", "--population", "6032")
CONTACT = "Ana Lúcia Lima;ana.lima@olhosdagua.mg.gov.br;ponto focal"
COUNTS = ("created", "updated", "removed")
CHANGE_KEYS = {*COUNTS, "unchanged", "details"}
PLAN_KEYS = {"faixa", "users", "concurrent_users", "negotiated"}
SUMMARY_KEYS = {"slug", "ibge", "name", "uf", "population", "plan", "users", "stage"}
SLA_KEYS = {"state", "elapsed_business_days", "agreed_business_days", "due_date"}


def added(cli: CommandLine, *arguments: str) -> str:
    result = cli.run("municipality", "add", *arguments, "--json").json_result
    assert set(result) == {"slug", "plan", "change"}
    assert set(result["plan"]) == PLAN_KEYS
    assert set(result["change"]) == CHANGE_KEYS
    return str(result["slug"])


@pytest.mark.parametrize(
    ("ibge", "name", "slug"),
    [
        ("3145455", "Olhos-d'Água", "olhos-dagua"),
        ("3145455", "Olhos-d’Água", "olhos-dagua"),
        ("3162500", "São João del-Rei", "sao-joao-del-rei"),
        ("2201903", "Bom Jesus", "bom-jesus-pi"),
        ("2401701", "Bom Jesus", "bom-jesus-rn"),
    ],
)
def test_names_that_need_escaping_and_namesakes_get_a_slug_of_their_own(
    cli: CommandLine, ibge: str, name: str, slug: str
) -> None:
    assert added(cli, ibge, name, "--population", "20000") == slug
    shown = cli.run("municipality", "show", slug, "--json").json_result
    assert (shown["ibge"], shown["name"]) == (ibge, name)
    assert cli.run("municipality", "show", ibge, "--json").json_result["slug"] == slug


def test_joining_twice_changes_nothing(cli: CommandLine) -> None:
    added(cli, *OLHOS_DAGUA, "--contact", CONTACT)
    again = cli.run("municipality", "add", *OLHOS_DAGUA, "--contact", CONTACT, "--json").json_result
    assert {key: again["change"][key] for key in COUNTS} == dict.fromkeys(COUNTS, 0)


def test_joining_is_told_in_one_line(cli: CommandLine) -> None:
    outcome = cli.run("municipality", "add", *OLHOS_DAGUA)
    assert outcome.stdout.startswith("Olhos-d'Água/MG (olhos-dagua): faixa 1, 150 usuários")
    assert outcome.stderr == ""


@pytest.mark.parametrize(
    ("ibge", "name", "message"),
    [
        ("3199999", "Olhos-d'Água", "O código IBGE 3199999 não é de nenhum município de MG"),
        ("9912345", "Olhos-d'Água", "não começa com o código de uma UF"),
        ("31454", "Olhos-d'Água", "'31454' não tem 7 dígitos"),
        ("314545x", "Olhos-d'Água", "'314545x' não tem 7 dígitos"),
        ("3145455", "São João del-Rei", "O código de São João del-Rei/MG é 3162500."),
        ("3145455", "Bom Jesus", "é de Olhos"),
        ("3145455", "[red]Olhos[/red]", "não de '[red]Olhos[/red]'"),
        ("3145455", "[1] Olhos", "não de '[1] Olhos'"),
    ],
)
def test_a_code_or_name_that_is_wrong_is_refused_with_the_right_one(
    cli: CommandLine, ibge: str, name: str, message: str
) -> None:
    assert message in cli.refuse("municipality", "add", ibge, name, "--population", "6032")


@pytest.mark.parametrize("population", ["0", "-1"])
def test_a_population_of_nobody_is_refused(cli: CommandLine, population: str) -> None:
    line = cli.refuse("municipality", "add", *OLHOS_DAGUA[:2], f"--population={population}")
    assert f"População {population}" in line


def test_above_the_table_the_refusal_says_how_and_the_negotiated_plan_is_taken(cli: CommandLine) -> None:
    uberlandia = ("3170206", "Uberlândia", "--population", "713224")
    line = cli.refuse("municipality", "add", *uberlandia)
    assert "acima de 500.000 o plano é negociado" in line
    assert "./implanta municipality add" in line
    assert "--users e --concurrent" in line
    assert cli.refuse("municipality", "show", "uberlandia")
    result = cli.run("municipality", "add", *uberlandia, "--users", "4000", "--concurrent", "250", "--json").json_result
    assert result["plan"] == {"faixa": None, "users": 4000, "concurrent_users": 250, "negotiated": True}
    assert "plano é negociado" in cli.refuse("municipality", "plan", "uberlandia")
    renewed = cli.run("municipality", "plan", "uberlandia", "--users", "5000", "--concurrent", "300", "--json")
    assert renewed.json_result["plan"]["users"] == 5000


@pytest.mark.parametrize(
    "options",
    [("--users", "400"), ("--concurrent", "30"), ("--users", "30", "--concurrent", "400")],
    ids=["no concurrent", "no users", "more concurrent than users"],
)
def test_half_a_negotiated_plan_is_refused(cli: CommandLine, options: tuple[str, ...]) -> None:
    assert "Plano negociado incompleto" in cli.refuse("municipality", "add", *OLHOS_DAGUA, *options)


def test_a_negotiated_plan_below_the_table_is_refused(cli: CommandLine, olhos_dagua: str) -> None:
    line = cli.refuse("municipality", "plan", olhos_dagua, "--users", "100", "--concurrent", "5")
    assert "oferece menos que a faixa 1" in line


def test_the_plan_of_the_table_comes_back(cli: CommandLine, olhos_dagua: str) -> None:
    cli.run("municipality", "plan", olhos_dagua, "--users", "200", "--concurrent", "20")
    result = cli.run("municipality", "plan", olhos_dagua, "--json").json_result
    assert set(result) == {"slug", "plan", "change"}
    assert result["plan"] == {"faixa": 1, "users": 150, "concurrent_users": 10, "negotiated": False}
    assert result["change"]["created"] == 1
    assert cli.run("municipality", "plan", olhos_dagua, "--json").json_result["change"]["created"] == 0


@pytest.mark.parametrize(
    "contact",
    [
        "Fulana Sigilosa",
        "Fulana Sigilosa;fulana@exemplo.org",
        "Fulana Sigilosa;sem-arroba;ponto focal",
        ";fulana@exemplo.org;ponto focal",
        "Fulana Sigilosa;fulana@exemplo.org;ponto focal;mais",
    ],
)
def test_a_contact_in_the_wrong_format_is_told_by_its_place_and_not_shown(
    cli: CommandLine, olhos_dagua: str, contact: str
) -> None:
    for command in (
        ("municipality", "contact", olhos_dagua, CONTACT, contact),
        ("municipality", "add", *OLHOS_DAGUA, "--contact", CONTACT, "--contact", contact),
    ):
        line = cli.refuse(*command)
        assert "O 2º contato não está no formato" in line
        assert "'Nome;e-mail;papel'" in line
        assert "ulana" not in line


def test_the_list_of_contacts_is_the_whole_truth(cli: CommandLine, olhos_dagua: str, registry: Registry) -> None:
    other = "José;jose@olhosdagua.mg.gov.br;gestor"
    cli.run("municipality", "contact", olhos_dagua, CONTACT, other)
    result = cli.run("municipality", "contact", olhos_dagua, other, "--json").json_result
    assert set(result) == {"slug", "change"}
    assert result["change"]["removed"] == 1
    assert [contact.name for contact in registry.find_municipality(olhos_dagua).contacts] == ["José"]


@pytest.mark.parametrize("ref", ["nao-existe", "9999999", "timóteo", "' OR 1=1 --", "[bold]"])
def test_a_municipality_that_is_not_registered_is_told_by_every_command(cli: CommandLine, ref: str) -> None:
    for command in (
        ("municipality", "show", ref),
        ("municipality", "plan", ref),
        ("municipality", "contact", ref, CONTACT),
        ("municipality", "send", ref, "examples/timoteo/usuarios.csv"),
        ("approve", ref, "--name", "Ana Lima", "--reason", "Ofício 12/2026"),
    ):
        line = cli.refuse(*command)
        assert "não está registrado" in line, command
        assert ref in line, command
        assert "./implanta municipality add" in line, command


def test_the_programme_is_listed_with_stable_keys(cli: CommandLine, olhos_dagua: str) -> None:
    rows = cli.run("municipality", "list", "--json").json_result
    assert all(set(row) == SUMMARY_KEYS for row in rows)
    (row,) = [row for row in rows if row["slug"] == olhos_dagua]
    assert (row["ibge"], row["uf"], row["plan"], row["users"]) == ("3145455", "MG", "faixa 1", 150)
    table = cli.run("municipality", "list")
    assert olhos_dagua in table.stdout
    assert table.stderr == ""


def test_a_municipality_is_shown_with_its_stage_clock_and_history(cli: CommandLine, olhos_dagua: str) -> None:
    shown = cli.run("municipality", "show", olhos_dagua, "--json").json_result
    assert set(shown) == {*SUMMARY_KEYS, "sla", "events"}
    assert set(shown["sla"]) >= SLA_KEYS
    assert all(set(event) == {"when", "what", "where", "details"} for event in shown["events"])
    assert ("stage.finished", {"stage": "adhesion"}) in [(event["what"], event["details"]) for event in shown["events"]]
    text = cli.run("municipality", "show", olhos_dagua).stdout
    assert text.startswith("Olhos-d'Água/MG, IBGE 3145455, 6032 habitantes, faixa 1\n")
    assert "0 de 15 dias úteis" in " ".join(text.split())


def test_a_history_with_brackets_in_it_is_shown_as_it_is(
    cli: CommandLine, olhos_dagua: str, registry: Registry
) -> None:
    ibge = registry.find_municipality(olhos_dagua).ibge
    registry.record_event("[red]fato[/red]", ibge=ibge, actor="teste", details={"nota": "[/12]"})
    text = cli.run("municipality", "show", olhos_dagua).stdout
    assert "[red]fato[/red]" in text
    assert "[/12]" in text


def test_spreadsheets_go_to_the_prefeituras_bucket_and_again_change_nothing(
    cli: CommandLine, olhos_dagua: str, storage: ObjectStorage
) -> None:
    files = [PROJECT_ROOT / "examples" / "timoteo" / name for name in ("unidades.csv", "usuarios.csv")]
    send = ("municipality", "send", olhos_dagua, *map(str, files), "--json")
    first = cli.run(*send).json_result
    assert {name: change["created"] for name, change in first.items()} == {"unidades.csv": 1, "usuarios.csv": 1}
    assert all(set(change) == CHANGE_KEYS for change in first.values())
    assert storage.find_object("olhos-dagua-entrada", "unidades.csv") == files[0].read_bytes()
    again = cli.run(*send).json_result
    assert {name: change["unchanged"] for name, change in again.items()} == {"unidades.csv": 1, "usuarios.csv": 1}
    text = cli.run(*send[:-1]).stdout
    assert text == "unidades.csv: 0 mudanças\nusuarios.csv: 0 mudanças\n"


def test_a_spreadsheet_of_another_name_is_refused_and_none_is_sent(
    cli: CommandLine, olhos_dagua: str, storage: ObjectStorage, tmp_path: Path
) -> None:
    files = [tmp_path / name for name in ("unidades.csv", "Pessoas (2).csv")]
    files[0].write_bytes((PROJECT_ROOT / "examples" / "timoteo" / "unidades.csv").read_bytes())
    files[1].write_text("x", encoding="utf-8")
    line = cli.refuse("municipality", "send", olhos_dagua, *map(str, files))
    assert "Planilha desconhecida: Pessoas (2).csv" in line
    assert "unidades.csv, unidades.xlsx, usuarios.csv, usuarios.xlsx, capacitacao.csv, capacitacao.xlsx" in line
    assert not storage.has_object("olhos-dagua-entrada", "unidades.csv")


def test_a_spreadsheet_that_is_not_there_is_refused(cli: CommandLine, olhos_dagua: str, tmp_path: Path) -> None:
    path = str(tmp_path / "usuarios.csv")
    assert f"Arquivo não encontrado: {path}" in cli.refuse("municipality", "send", olhos_dagua, path)


def test_json_is_the_only_thing_on_standard_output(cli: CommandLine, olhos_dagua: str) -> None:
    outcome = cli.run("municipality", "show", olhos_dagua, "--json")
    assert json.loads(outcome.stdout)
    assert "Olhos-d'Água" in outcome.stdout, "Portuguese stays readable"
    assert outcome.stderr == ""
