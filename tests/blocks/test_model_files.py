"""The files of the document model: what is shipped holds together, what is broken is refused with its line."""

import shutil
from pathlib import Path

import pytest

from blocks.model_export import write_layer
from blocks.model_files import MODEL_DIR, check_layers, client_of, load_model, read_layer
from domain.document_model.entries import Aplicabilidade
from domain.document_model.kinds import BY_NAME
from domain.document_model.model import layer_names
from domain.errors import InvalidInputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(MODEL_DIR, tmp_path / "modelo")
    return tmp_path / "modelo"


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_the_base_is_a_whole_model_for_a_prefeitura() -> None:
    model = load_model(layer_names(client="prefeitura", uf="MG", faixa=3, slug="timoteo"))
    types = [item for item in model["tipos_procedimento"].values() if item.complete and item.fields["ativo"]]
    documents = [item for item in model["series"].values() if item.complete and item.fields["ativo"]]
    assert len(types) >= 60
    assert len(documents) >= 80
    assert len(model["assuntos"]) >= 200
    assert all(item.fields["assuntos"] for item in types), "SEI starts no process of a type without a subject"
    written = [item for item in documents if item.fields["aplicabilidade"] != Aplicabilidade.EXTERNO]
    assert all(item.fields["modelo"] for item in written)
    laws = " ".join(str(item.fields.get("base_legal")) for item in model["hipoteses_legais"].values())
    assert "12.527/2011" in laws
    assert "13.709/2018" in laws


def test_every_layer_that_is_shipped_is_valid_on_the_base() -> None:
    counts = check_layers()
    assert {"base + cliente/camara", "base + uf/mg"} <= counts.keys()
    assert min(counts.values()) > 900


def test_a_municipality_may_remove_what_its_state_declares(folder: Path) -> None:
    write(folder, "base/titulos.yaml", "- expressao: Doutor\n")
    write(folder, "uf/mg/titulos.yaml", "- expressao: Inconfidente\n")
    write(folder, "uf/sp/titulos.yaml", "- expressao: Bandeirante\n")
    write(folder, "municipio/timoteo/titulos.yaml", "- expressao: Bandeirante\n  remover: true\n")
    assert "base + municipio/timoteo" in check_layers(folder)
    write(folder, "municipio/timoteo/titulos.yaml", "- expressao: Barão\n  remover: true\n")
    with pytest.raises(InvalidInputError, match=r"nada a remover"):
        check_layers(folder)


def test_a_camara_has_no_health_nor_education() -> None:
    both = [load_model(layer_names(client=kind, uf="MG", faixa=1, slug="unai")) for kind in ("prefeitura", "camara")]
    names = [{item.label for item in model["tipos_procedimento"].values()} for model in both]
    assert any(name.startswith("Saúde") for name in names[0])
    assert not any(name.startswith("Saúde") for name in names[1])
    assert any("Projeto de Lei" in item.label for item in both[1]["series"].values())


def test_a_client_is_a_prefeitura_unless_the_file_says_otherwise(folder: Path) -> None:
    write(folder, "clientes.yaml", "camara-de-unai: camara\n")
    assert client_of("camara-de-unai", folder) == "camara"
    assert client_of("unai", folder) == "prefeitura"
    write(folder, "clientes.yaml", "# comentário\nunai: condominio\n")
    with pytest.raises(InvalidInputError, match=r"deve ser 'prefeitura' ou 'camara'.*linha 2"):
        client_of("unai", folder)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- nome: [\n", "O arquivo não é YAML válido"),
        ("- nome: A\n  nome: B\n", r"A chave 'nome' aparece duas vezes.*linha 2"),
        ("nome: A\n", r"deve ser uma lista de itens.*tipos_procedimento\.yaml, linha 1"),
        ("- só texto\n", r"deve ser um grupo de campos.*linha 1"),
        (
            "- nome: A\n  nivel_acesso: publico\n  assuntos: [991]\n",
            r"linha 3, assuntos: .* deve ser um texto: escreva entre aspas",
        ),
        ("# um\n\n- nome: A\n  cor: azul\n", r"linha 4, cor: tipo de processo 'A': campo desconhecido"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(folder: Path, text: str, problem: str) -> None:
    write(folder, "municipio/timoteo/tipos_procedimento.yaml", text)
    with pytest.raises(InvalidInputError, match=problem):
        load_model(["base", "municipio/timoteo"], folder)


def test_a_file_that_is_not_utf8_is_told(folder: Path) -> None:
    (folder / "base" / "cargos.yaml").write_bytes("- expressao: Órgão\n".encode("cp1252"))
    with pytest.raises(InvalidInputError, match="O arquivo não está em UTF-8"):
        load_model(["base"], folder)


def test_a_file_of_no_kind_is_told(folder: Path) -> None:
    write(folder, "base/tipos_de_processo.yaml", "[]\n")
    with pytest.raises(InvalidInputError, match=r"tipos_de_processo\.yaml não é arquivo do modelo.*tipos_procedimento"):
        read_layer(folder, "base")


def test_of_very_many_problems_the_first_are_told_and_the_rest_are_counted(folder: Path) -> None:
    write(folder, "uf/pr/cargos.yaml", "".join(f"- expressao: Cargo {n}\n  cor: azul\n" for n in range(30)))
    with pytest.raises(InvalidInputError, match=r"30 problemas no modelo de documentos: .* e mais 10"):
        load_model(["base", "uf/pr"], folder)


def test_a_layer_that_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    entries: dict[str, list[dict[str, object]]] = {
        "assuntos": [
            {
                "codigo": "010.01",
                "descricao": "Uma\nduas",
                "observacao": "fim \r\n\tde linha",
                "destinacao": "eliminacao",
            }
        ],
        "modelos": [{"nome": "Lei: nº 1", "secoes": [{"nome": "Corpo", "ordem": 1, "conteudo": "<p>\n  x</p>\n"}]}],
        "titulos": [],
        "orgao": [{"codigo": "042"}],
    }
    written = write_layer(tmp_path / "base", entries, "teste")
    assert {path.stem for path in written} == {"assuntos", "modelos", "orgao"}
    model = load_model(["base"], tmp_path)
    (subject,), (section,), (orgao,) = (model[kind].values() for kind in ("assuntos", "secoes", "orgao"))
    assert {name: subject.fields[name] for name in entries["assuntos"][0]} == entries["assuntos"][0]
    assert section.fields["conteudo"] == "<p>\n  x</p>\n"
    assert orgao.fields["codigo"] == "042"
    with pytest.raises(InvalidInputError, match="A pasta já tem arquivos do modelo"):
        write_layer(tmp_path / "base", entries, "teste")
    assert set(BY_NAME) >= set(entries)
