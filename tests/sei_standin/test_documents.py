"""Documents at the pages: written, registered, signed, found, read and excluded."""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.ports import choose
from lab.sei_standin.replication import replicate_all_users
from tests.sei_standin.conftest import make_worker
from tests.sei_standin.desk import PDF, a_serie, a_type, action, log_in, move, number_on, send, start_process
from tests.sei_standin.instance import CHILD_UNIT, OTHER_CHILD, Instance, Person, at

TEXT = "Encaminho para ciência.\r\n\r\nSegundo <b>parágrafo</b>."


class Desk:
    """A person at work on one new process."""

    def __init__(self, instance: Instance, client: httpx.Client, **process: str) -> None:
        self.instance = instance
        self.client = client
        page = start_process(client, selTipoProcedimento=a_type(instance), **process)
        self.number = number_on(page)
        self.process = str(instance.row("sei", "SELECT MAX(id_procedimento) AS id FROM procedimento")["id"])

    def write(self, **fields: str) -> httpx.Response:
        address = action("documento_gerar", id_procedimento=self.process)
        return send(
            self.client,
            address,
            {
                "selSerie": a_serie(self.instance, "IT"),
                "txtDescricao": "Despacho de férias",
                "txaTexto": TEXT,
                "selNivelAcesso": "0",
                **fields,
            },
        )

    def receive(self, name: str = "requerimento.pdf", content: bytes = PDF, **fields: str) -> httpx.Response:
        address = action("documento_receber", id_procedimento=self.process)
        return send(
            self.client,
            address,
            {
                "selSerie": a_serie(self.instance, "ET"),
                "txtDataElaboracao": "23/11/2026",
                "selNivelAcesso": "0",
                **fields,
            },
            (name, content),
        )

    def last(self) -> str:
        return str(self.instance.row("sei", "SELECT MAX(id_documento) AS id FROM documento")["id"])

    def sign(self, person: Person, **fields: str) -> httpx.Response:
        address = action("documento_assinar", id_documento=self.last())
        role = re.search(r'<option value="(\d+)">', self.client.get(address).text.partition("selCargoFuncao")[2])
        assert role
        return send(self.client, address, {"pwdSenha": person.password, "selCargoFuncao": role[1], **fields})

    def read(self) -> httpx.Response:
        return self.client.get(action("documento_visualizar", id_documento=self.last()))

    def exclude(self) -> httpx.Response:
        return send(self.client, action("documento_excluir", id_documento=self.last()))

    def exclude_process(self) -> httpx.Response:
        return send(self.client, action("procedimento_excluir", id_procedimento=self.process))

    def page(self) -> str:
        return self.client.get(action("procedimento_trabalhar", id_procedimento=self.process)).text


@pytest.fixture
def desk(instance: Instance, person: Person) -> Iterator[Desk]:
    with log_in(instance, person) as client:
        yield Desk(instance, client)


def count(instance: Instance, table: str) -> int:
    return int(instance.row("sei", f"SELECT COUNT(*) AS n FROM {table}")["n"])


def paperwork(instance: Instance) -> dict[str, Any]:
    """What a process and its documents consist of."""
    tables = (
        *("anexo", "assinatura", "atividade", "atributo_andamento", "documento", "documento_conteudo", "numeracao"),
        *("observacao", "participante", "procedimento", "protocolo", "rel_protocolo_assunto"),
        "rel_protocolo_protocolo",
    )
    return {table: found for table in tables if (found := count(instance, table))}


def files(instance: Instance) -> list[Path]:
    return [path for path in instance.repository.rglob("*") if path.is_file()]


def a_colleague(instance: Instance, unit: int = CHILD_UNIT, profile: int | None = None) -> Person:
    made = instance.add_person("joao.silva", number=2)
    if profile is None:
        instance.grant(made, unit)
    else:
        instance.grant(made, unit, profile=profile)
    replicate_all_users(instance.load(), at("2026-11-23 08:00"))
    return made


def test_a_document_is_written_signed_read_and_excluded(any_version: Instance) -> None:
    instance = any_version
    person = make_worker(instance)
    with log_in(instance, person) as client:
        desk = Desk(instance, client)
        page = desk.write()
        assert "Assinar" in page.text
        assert re.search(r'<tr aria-current="true">', page.text)
        assert "&lt;b&gt;parágrafo&lt;/b&gt;" in desk.read().text
        page = desk.sign(person)
        assert page.status_code == 200
        assert "documento_assinar" not in page.text, "one signs once"
        content = instance.row("sei", "SELECT * FROM documento_conteudo")
        assert (
            content["conteudo_assinatura"]
            == content["conteudo"]
            == ("<p>Encaminho para ciência.</p>\n<p>Segundo &lt;b&gt;parágrafo&lt;/b&gt;.</p>")
        )
        assert content["crc_assinatura"] == f"{zlib.crc32(content['conteudo'].encode('cp1252')):08X}"
        signature = instance.row(
            "sei",
            "SELECT s.*, t.sta_tarja_assinatura, a.id_tarefa, a.id_protocolo FROM assinatura s JOIN tarja_assinatura t"
            " USING (id_tarja_assinatura) JOIN atividade a USING (id_atividade)",
        )
        assert {name: signature[name] for name in ("id_usuario", "id_unidade", "nome", "sta_tarja_assinatura")} == {
            "id_usuario": person.id_usuario,
            "id_unidade": CHILD_UNIT,
            "nome": person.nome,
            "sta_tarja_assinatura": "S",
        }
        assert (signature["id_tarefa"], str(signature["id_protocolo"])) == (5, desk.process)
        assert person.nome in desk.read().text
        assert "ocumento" in desk.exclude().text
        assert "Nenhum documento." in desk.page()
        history = [row["id_tarefa"] for row in instance.rows("sei", "SELECT id_tarefa FROM atividade ORDER BY 1")]
        assert history == [1, 2, 5, 33]
        assert "Controle de Processos" in desk.exclude_process().text
    assert paperwork(instance) == {}


def test_a_file_is_registered_downloaded_and_excluded(any_version: Instance) -> None:
    instance = any_version
    with log_in(instance, make_worker(instance)) as client:
        desk = Desk(instance, client)
        assert desk.receive("relatório 2026.pdf").status_code == 200
        [file] = files(instance)
        assert file.read_bytes() == PDF
        assert "relatório 2026.pdf" in desk.read().text
        download = client.get(action("documento_download_anexo", id_documento=desk.last()))
        assert download.content == PDF
        assert download.headers["content-disposition"] == "attachment; filename*=UTF-8''relat%C3%B3rio%202026.pdf"
        desk.exclude()
        assert files(instance) == []
        assert client.get(action("documento_download_anexo", id_documento=desk.last())).status_code == 404
        desk.exclude_process()
    assert paperwork(instance) == {}


@pytest.mark.parametrize(
    ("fields", "notice"),
    [
        ({"selSerie": ""}, "Escolha o tipo do documento"),
        ({"selSerie": "999999"}, "não serve a documentos G"),
        ({"txaTexto": "não cabe: 😀"}, "não existe no conjunto do SEI"),
        ({"txtDescricao": "x" * 251}, "descrição"),
        ({"selNivelAcesso": "2"}, "não permite o nível"),
        ({"selHipoteseLegal": "x"}, "Hipótese legal inválida"),
    ],
)
def test_a_document_that_is_refused_leaves_nothing(desk: Desk, fields: dict[str, str], notice: str) -> None:
    before = paperwork(desk.instance)
    answer = desk.write(**fields)
    assert answer.status_code == 400
    assert notice in answer.text
    assert 'name="txaTexto"' in answer.text, "the form is shown again"
    assert paperwork(desk.instance) == before


@pytest.mark.parametrize(
    ("name", "content", "fields", "notice"),
    [
        ("virus.exe", PDF, {}, "não é permitida"),
        ("vazio.pdf", b"", {}, "Arquivo vazio"),
        ("", b"", {}, "Escolha o arquivo"),
        ("a.pdf", PDF, {"txtDataElaboracao": "31/02/2026"}, "Escreva a data"),
    ],
)
def test_a_file_that_is_refused_leaves_nothing(
    desk: Desk, name: str, content: bytes, fields: dict[str, str], notice: str
) -> None:
    before = paperwork(desk.instance)
    answer = desk.receive(name, content, **fields)
    assert (answer.status_code, notice in answer.text) == (400, True)
    assert (paperwork(desk.instance), files(desk.instance)) == (before, [])


def test_pages_and_services_take_their_own_extensions(desk: Desk) -> None:
    desk.instance.execute("sei", "UPDATE arquivo_extensao SET sin_interface = 'N' WHERE extensao = 'pdf'")
    assert "não é permitida" in desk.receive().text


def test_a_full_repository_refuses_the_file_alone(desk: Desk) -> None:
    desk.instance.configure(Implanta={"QuotaBytes": 1, "QuotaArquivos": 100})
    assert "O repositório de arquivos está cheio" in desk.receive().text
    assert desk.write().status_code == 200


def test_a_wrong_password_signs_nothing(desk: Desk, person: Person) -> None:
    desk.write()
    answer = desk.sign(person, pwdSenha="outra")
    assert (answer.status_code, "Senha inválida" in answer.text) == (403, True)
    assert count(desk.instance, "assinatura") == 0


def test_a_person_blocked_meanwhile_signs_nothing(desk: Desk, person: Person) -> None:
    desk.write()
    desk.instance.execute("sip", "UPDATE usuario SET sin_bloqueado = 'S'")
    assert desk.sign(person).status_code == 403


def test_without_the_directory_nobody_signs(desk: Desk, person: Person) -> None:
    desk.write()
    desk.instance.execute("sip", "UPDATE servidor_autenticacao SET porta = %s", (choose(["x"], avoid=())["x"],))
    answer = desk.sign(person)
    assert (answer.status_code, "O servidor de autenticação não respondeu" in answer.text) == (503, True)


@pytest.mark.parametrize(
    ("arrange", "notice"),
    [
        (lambda desk, person: desk.receive(), "é externo"),
        (lambda desk, person: (desk.write(), desk.sign(person)), "Você já assinou"),
        (lambda desk, person: desk.write(txaTexto="  "), "está em branco"),
    ],
)
def test_what_cannot_be_signed_is_said_so(desk: Desk, person: Person, arrange: Any, notice: str) -> None:  # noqa: ANN401
    arrange(desk, person)
    before = count(desk.instance, "assinatura")
    answer = desk.sign(person)
    assert (answer.status_code, notice in answer.text) == (400, True)
    assert count(desk.instance, "assinatura") == before


def test_a_role_of_another_unit_does_not_sign(desk: Desk, person: Person) -> None:
    desk.write()
    assert "Escolha um dos cargos" in desk.sign(person, selCargoFuncao="999999").text


def test_a_document_that_a_colleague_signed_stays(instance: Instance, desk: Desk) -> None:
    desk.write()
    colleague = a_colleague(instance)
    with log_in(instance, colleague) as other:
        theirs = Desk.__new__(Desk)
        theirs.instance, theirs.client = instance, other
        assert theirs.sign(colleague).status_code == 200
    answer = desk.exclude()
    assert (answer.status_code, "tem assinatura de outra pessoa" in answer.text) == (400, True)
    assert "exclua-os primeiro" in desk.exclude_process().text


def test_another_unit_reads_a_public_process_and_changes_nothing(instance: Instance, person: Person) -> None:
    instance.grant(person, OTHER_CHILD)
    with log_in(instance, person) as client:
        desk = Desk(instance, client)
        desk.write()
        move(client, OTHER_CHILD)
        assert desk.read().status_code == 200
        assert not re.search("documento_(gerar|receber|assinar|excluir)", desk.page())
        assert "é de outra unidade" in desk.exclude().text
        assert "é de outra unidade" in desk.exclude_process().text
        assert "é de outra unidade" in desk.sign(person).text
        assert "não está aberto na unidade" in desk.write().text


def test_a_process_that_was_elsewhere_is_not_excluded(desk: Desk) -> None:
    desk.instance.execute(
        "sei",
        "INSERT INTO atividade (id_atividade, id_protocolo, id_unidade, dth_abertura, id_tarefa, id_unidade_origem,"
        " sin_inicial, tipo_visualizacao, id_usuario_origem) SELECT 900000, id_protocolo, %s, dth_abertura, 32,"
        " id_unidade, 'N', 0, id_usuario_origem FROM atividade",
        (OTHER_CHILD,),
    )
    assert "já tramitou" in desk.exclude_process().text


def test_without_the_recurso_nothing_is_offered_or_taken(instance: Instance) -> None:
    """Perfil "Colaborador (Básico sem Assinatura)" writes and does not sign."""
    colaborador = a_colleague(instance, profile=100000947)
    instance.execute("sip", "DELETE FROM permissao WHERE id_usuario <> %s", (colaborador.id_usuario,))
    make_worker(instance)
    with log_in(instance, colaborador) as client:
        desk = Desk(instance, client)
        assert "documento_assinar" not in desk.write().text
        answer = client.get(action("documento_assinar", id_documento=desk.last()))
        assert (answer.status_code, "Acesso negado" in answer.text) == (403, True)


def test_search_finds_by_number_and_by_words_what_the_unit_may_read(instance: Instance, person: Person) -> None:
    instance.grant(person, OTHER_CHILD)
    basis = instance.rows("sei", "SELECT id_hipotese_legal AS id FROM hipotese_legal WHERE sta_nivel_acesso = '1'")
    with log_in(instance, person) as client:
        desk = Desk(instance, client, txtEspecificacao="Compra de 100% do papel")
        desk.write(txtDescricao="Nota de papel reciclado")
        closed = start_process(
            client,
            selTipoProcedimento=a_type(instance, "1"),
            selNivelAcesso="1",
            selHipoteseLegal=str(basis[0]["id"]),
            txtEspecificacao="Papel sigiloso",
        )

        def found(asked: str) -> set[str]:
            page = send(client, action("protocolo_pesquisar"), {"q": asked})
            assert page.status_code == 200
            return set(re.findall(r"<td><a [^>]+>([^<]+)</a></td>", page.text))

        document = str(
            instance.row("sei", "SELECT protocolo_formatado AS n FROM protocolo WHERE sta_protocolo = 'G'")["n"]
        )
        assert found(desk.number) == found(re.sub(r"\D", "", desk.number)) == {desk.number}
        assert found(document) == {document}
        assert found("papel") == {desk.number, document, number_on(closed)}
        assert found("reciclado papel") == {document}
        assert found("100%") == {desk.number}
        assert found("100_") == found("") == found("inexistente") == set()
        move(client, OTHER_CHILD)
        assert found("papel") == {desk.number, document}
        assert found(number_on(closed)) == set()


def test_what_people_write_runs_nowhere(desk: Desk) -> None:
    desk.write(txaTexto="<script>alert(1)</script>", txtDescricao="<script>alert(2)</script>")
    answer = desk.read()
    assert "<script>" not in answer.text
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_a_document_that_does_not_exist_is_not_found(desk: Desk) -> None:
    for name in ("documento_visualizar", "documento_download_anexo", "documento_assinar"):
        for reference in ("1", "x", "", desk.process):
            assert desk.client.get(action(name, id_documento=reference)).status_code == 404
    assert send(desk.client, action("documento_excluir", id_documento="1")).status_code == 404
    assert desk.client.get(action("documento_gerar", id_procedimento="999")).status_code == 404
