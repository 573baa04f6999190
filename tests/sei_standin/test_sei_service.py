"""SEI's web service, called with zeep."""

import base64
import hashlib
import re
from typing import Any

import pytest
from zeep.exceptions import Fault

from domain.access_key import AccessKey
from tests.sei_standin.instance import CHILD_UNIT, OTHER_CHILD, ROOT_UNIT, Instance, service_key
from tests.sei_standin.soap_client import SoapClient, caller

START, INCLUDE, CONSULT_PROCESS, CONSULT_DOCUMENT, ADD_FILE = 0, 1, 2, 3, 22
EVERYTHING = [(code, None, None, None) for code in (START, INCLUDE, CONSULT_PROCESS, CONSULT_DOCUMENT, ADD_FILE)]
PDF = b"%PDF-1.4\n% conte\xfado de teste\n"


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def a_type(instance: Instance) -> str:
    rows = instance.rows(
        "sei",
        "SELECT t.id_tipo_procedimento AS id FROM tipo_procedimento t JOIN rel_tipo_procedimento_assunto r"
        " USING (id_tipo_procedimento) JOIN nivel_acesso_permitido n USING (id_tipo_procedimento)"
        " WHERE n.sta_nivel_acesso = '0' ORDER BY 1 LIMIT 1",
    )
    return str(rows[0]["id"])


def a_serie(instance: Instance, *reach: str) -> str:
    rows = instance.rows(
        "sei",
        "SELECT id_serie AS id FROM serie WHERE sta_aplicabilidade IN %s AND sin_ativo = 'S' AND sta_numeracao = 'S'"
        " ORDER BY 1 LIMIT 1",
        (reach,),
    )
    if not rows:
        instance.execute("sei", "UPDATE serie SET sta_numeracao = 'S' WHERE sta_aplicabilidade IN %s", (reach,))
        return a_serie(instance, *reach)
    return str(rows[0]["id"])


@pytest.fixture
def sei(instance: Instance) -> SoapClient:
    instance.add_service(*EVERYTHING)
    return SoapClient(instance, "sei")


def start(client: SoapClient, instance: Instance, **changes: object) -> Any:  # noqa: ANN401  # an answer of zeep
    fields: dict[str, object] = {
        "IdTipoProcedimento": a_type(instance),
        "Especificacao": "Aquisição de café",
        "NivelAcesso": "0",
        **changes,
    }
    return client.call(
        "gerarProcedimento", **caller(), IdUnidade=str(CHILD_UNIT), Procedimento=client.make("Procedimento", **fields)
    )


def include(client: SoapClient, **fields: object) -> Any:  # noqa: ANN401  # an answer of zeep
    return client.call(
        "incluirDocumento", **caller(), IdUnidade=str(CHILD_UNIT), Documento=client.make("Documento", **fields)
    )


def test_the_wsdl_names_the_public_address(instance: Instance, sei: SoapClient) -> None:
    assert sei.address_in_wsdl() == f"{instance.url}/sei/ws/SeiWS.php"


def test_lists_need_no_grant(any_version: Instance) -> None:
    any_version.add_service()
    client = SoapClient(any_version, "sei")
    units = client.call("listarUnidades", **caller())
    assert {unit.Sigla for unit in units} == {"TESTE", "TESTE_1_1", "TESTE_1_2"}
    types = client.call("listarTiposProcedimento", **caller())
    series = client.call("listarSeries", **caller(), IdUnidade=str(ROOT_UNIT))
    assert len(types) == any_version.row("sei", "SELECT COUNT(*) AS n FROM tipo_procedimento")["n"]
    assert len(series) == any_version.row("sei", "SELECT COUNT(*) AS n FROM serie WHERE sin_ativo = 'S'")["n"]
    assert any("ç" in kind.Nome or "ã" in kind.Nome for kind in types)
    calls = any_version.rows("sei", "SELECT operacao FROM monitoramento_servico ORDER BY id_monitoramento_servico")
    assert [call["operacao"] for call in calls] == ["listarUnidades", "listarTiposProcedimento", "listarSeries"]


def test_a_process_with_its_documents_is_started_in_one_call(any_version: Instance) -> None:
    instance = any_version
    instance.add_service(*EVERYTHING)
    client = SoapClient(instance, "sei")
    generated = client.make(
        "Documento",
        Tipo="G",
        IdSerie=a_serie(instance, "I", "T"),
        Conteudo=base64_of("<p>Solicito café</p>".encode("cp1252")),
    )
    answer = client.call(
        "gerarProcedimento",
        **caller(),
        IdUnidade=str(CHILD_UNIT),
        Procedimento=client.make(
            "Procedimento",
            IdTipoProcedimento=a_type(instance),
            Especificacao="Aquisição",
            NivelAcesso="0",
            Interessados=client.array("Interessado", [client.make("Interessado", Sigla="jsilva", Nome="João")]),
        ),
        Documentos=client.array("Documento", [generated]),
    )
    assert re.fullmatch(r"99991\.000001/\d{4}-\d\d", answer.ProcedimentoFormatado)
    assert answer.LinkAcesso.startswith(instance.url)
    (document,) = answer.RetornoInclusaoDocumentos
    content = instance.row(
        "sei", "SELECT conteudo FROM documento_conteudo WHERE id_documento = %s", (document.IdDocumento,)
    )
    assert content["conteudo"] == "<p>Solicito café</p>"
    process = client.call(
        "consultarProcedimento",
        **caller(),
        IdUnidade=str(ROOT_UNIT),
        ProtocoloProcedimento=answer.ProcedimentoFormatado,
        SinRetornarAssuntos="S",
        SinRetornarInteressados="S",
        SinRetornarAndamentoGeracao="S",
        SinRetornarUltimoAndamento="S",
        SinRetornarUnidadesProcedimentoAberto="S",
    )
    assert process.Especificacao == "Aquisição"
    assert process.AndamentoGeracao.IdTarefa == "1"
    assert document.DocumentoFormatado in process.UltimoAndamento.Descricao
    assert [item.Unidade.Sigla for item in process.UnidadesProcedimentoAberto] == ["TESTE_1_1"]
    assert process.Assuntos
    assert [person.Nome for person in process.Interessados] == ["João"]
    assert f"id_procedimento={answer.IdProcedimento}&id_documento={document.IdDocumento}" in document.LinkAcesso
    consulted = client.call(
        "consultarDocumento",
        **caller(),
        IdUnidade=str(CHILD_UNIT),
        ProtocoloDocumento=document.DocumentoFormatado,
        SinRetornarAndamentoGeracao="S",
    )
    assert consulted.ProcedimentoFormatado == answer.ProcedimentoFormatado
    assert consulted.AndamentoGeracao.IdTarefa == "2"


def test_a_registered_document_keeps_its_file_with_size_and_hash(instance: Instance, sei: SoapClient) -> None:
    process = start(sei, instance)
    serie = a_serie(instance, "E", "T")
    answer = include(
        sei,
        Tipo="R",
        ProtocoloProcedimento=process.ProcedimentoFormatado,
        IdSerie=serie,
        Data="20/11/2026",
        NomeArquivo="nota fiscal.pdf",
        Conteudo=base64_of(PDF),
    )
    anexo = instance.row("sei", "SELECT * FROM anexo")
    path = instance.repository / f"{anexo['dth_inclusao']:%Y/%m/%d}" / str(anexo["id_anexo"])
    assert path.read_bytes() == PDF
    assert (anexo["tamanho"], anexo["hash"]) == (len(PDF), hashlib.md5(PDF).hexdigest())
    assert (str(anexo["id_protocolo"]), anexo["nome"]) == (answer.IdDocumento, "nota fiscal.pdf")
    row = instance.row("sei", "SELECT sta_protocolo, dta_geracao FROM protocolo WHERE sta_protocolo = 'R'")
    assert f"{row['dta_geracao']:%d/%m/%Y}" == "20/11/2026"


def test_a_file_sent_before_is_used_once(instance: Instance, sei: SoapClient) -> None:
    process = start(sei, instance)
    id_file = sei.call(
        "adicionarArquivo",
        **caller(),
        IdUnidade=str(CHILD_UNIT),
        Nome="anexo.pdf",
        Tamanho=str(len(PDF)),
        Hash=hashlib.md5(PDF).hexdigest(),
        Conteudo=base64_of(PDF),
    )
    fields = {
        "Tipo": "R",
        "IdProcedimento": process.IdProcedimento,
        "IdSerie": a_serie(instance, "E", "T"),
        "Data": "20/11/2026",
        "IdArquivo": id_file,
    }
    document = include(sei, **fields)
    assert str(instance.row("sei", "SELECT id_protocolo FROM anexo")["id_protocolo"]) == document.IdDocumento
    with pytest.raises(Fault, match="já foi usado"):
        include(sei, **fields)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Tamanho": "3"}, "Tamanho informado 3"),
        ({"Hash": "0" * 32}, "hash informado não é o do conteúdo"),
        ({"Nome": "virus.exe"}, "extensão 'exe'"),
        ({"Conteudo": "não é base64"}, "não é base64"),
        ({"Conteudo": "", "Tamanho": "0", "Hash": hashlib.md5(b"").hexdigest()}, "Arquivo vazio"),
    ],
)
def test_a_file_that_is_not_right_is_refused(
    instance: Instance, sei: SoapClient, change: dict[str, str], said: str
) -> None:
    fields = {
        "Nome": "anexo.pdf",
        "Tamanho": str(len(PDF)),
        "Hash": hashlib.md5(PDF).hexdigest(),
        "Conteudo": base64_of(PDF),
        **change,
    }
    with pytest.raises(Fault, match=said):
        sei.call("adicionarArquivo", **caller(), IdUnidade=str(CHILD_UNIT), **fields)
    assert instance.rows("sei", "SELECT 1 FROM anexo") == []
    assert not [path for path in instance.repository.rglob("*") if path.is_file()]


def test_a_refused_document_leaves_no_file_behind(instance: Instance, sei: SoapClient) -> None:
    registered = sei.make(
        "Documento",
        Tipo="R",
        IdSerie=a_serie(instance, "E", "T"),
        Data="20/11/2026",
        NomeArquivo="nota.pdf",
        Conteudo=base64_of(PDF),
    )
    wrong = sei.make("Documento", Tipo="X", IdSerie="1")
    with pytest.raises(Fault, match="Tipo de documento 'X' inválido"):
        sei.call(
            "gerarProcedimento",
            **caller(),
            IdUnidade=str(CHILD_UNIT),
            Procedimento=sei.make("Procedimento", IdTipoProcedimento=a_type(instance), NivelAcesso="0"),
            Documentos=sei.array("Documento", [registered, wrong]),
        )
    assert instance.rows("sei", "SELECT 1 FROM protocolo") == []
    assert not [path for path in instance.repository.rglob("*") if path.is_file()]


def test_a_document_goes_only_into_a_process_that_is_open_in_the_unit(instance: Instance, sei: SoapClient) -> None:
    process = start(sei, instance)
    document = sei.make(
        "Documento", Tipo="G", IdProcedimento=process.IdProcedimento, IdSerie=a_serie(instance, "I", "T")
    )
    with pytest.raises(Fault, match="não está aberto na unidade"):
        sei.call("incluirDocumento", **caller(), IdUnidade=str(OTHER_CHILD), Documento=document)


def test_documents_of_a_numbered_type_count_within_their_unit_and_year(instance: Instance, sei: SoapClient) -> None:
    serie = a_serie(instance, "I", "T")
    instance.execute("sei", "UPDATE serie SET sta_numeracao = '3' WHERE id_serie = %s", (serie,))
    process = start(sei, instance)
    for _ in range(2):
        include(sei, Tipo="G", IdProcedimento=process.IdProcedimento, IdSerie=serie)
    numbers = [row["numero"] for row in instance.rows("sei", "SELECT numero FROM documento ORDER BY id_documento")]
    assert [number.partition("/")[0] for number in numbers] == ["1", "2"]


def test_too_many_documents_at_once_are_refused(instance: Instance, sei: SoapClient) -> None:
    documents = [sei.make("Documento", Tipo="G", IdSerie=a_serie(instance, "I", "T")) for _ in range(6)]
    with pytest.raises(Fault, match="no máximo 5"):
        sei.call(
            "gerarProcedimento",
            **caller(),
            IdUnidade=str(CHILD_UNIT),
            Procedimento=sei.make("Procedimento", IdTipoProcedimento=a_type(instance), NivelAcesso="0"),
            Documentos=sei.array("Documento", documents),
        )


def test_a_subject_is_taken_by_its_code(instance: Instance, sei: SoapClient) -> None:
    code = instance.rows(
        "sei",
        "SELECT a.codigo_estruturado AS codigo FROM assunto a JOIN assunto_proxy USING (id_assunto)"
        " JOIN tabela_assuntos t USING (id_tabela_assuntos) WHERE a.sin_ativo = 'S' AND t.sin_atual = 'S' LIMIT 1",
    )[0]["codigo"]
    start(sei, instance, Assuntos=sei.array("Assunto", [sei.make("Assunto", CodigoEstruturado=code)]))
    assert len(instance.rows("sei", "SELECT 1 FROM rel_protocolo_assunto")) == 1
    with pytest.raises(Fault, match=r"Assunto 0\.0\.0 não existe"):
        start(sei, instance, Assuntos=sei.array("Assunto", [sei.make("Assunto", CodigoEstruturado="0.0.0")]))


# -- who may call


@pytest.mark.parametrize(
    "wrong",
    [
        {"SiglaSistema": "OUTRO"},
        {"IdentificacaoServico": AccessKey.generate(7).text.get_secret_value()},
        {"IdentificacaoServico": AccessKey.generate(8).text.get_secret_value()},
        {"IdentificacaoServico": "desconhecido"},
        {"IdentificacaoServico": "servico"},
    ],
)
def test_a_stranger_is_refused(sei: SoapClient, wrong: dict[str, str]) -> None:
    with pytest.raises(Fault) as refused:
        sei.call("listarUnidades", **{**caller(), **wrong})
    assert refused.value.code.endswith("Client")
    assert service_key()[0].text.get_secret_value() not in refused.value.message


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE servico SET sin_ativo = 'N'",
        "UPDATE servico SET sin_chave_acesso = 'N'",
        "UPDATE usuario SET sin_ativo = 'N' WHERE sigla = 'SISTEMA'",
        "UPDATE usuario SET sta_tipo = '0' WHERE sigla = 'SISTEMA'",
    ],
)
def test_an_account_that_was_switched_off_is_refused(instance: Instance, sei: SoapClient, change: str) -> None:
    instance.execute("sei", change)
    with pytest.raises(Fault):
        sei.call("listarUnidades", **caller())


@pytest.mark.parametrize(
    ("addresses", "allowed"),
    [("10.0.0.1; 127.0.0.1", True), ("127.*", True), ("*", True), ("10.0.0.1", False), ("", False)],
)
def test_an_account_by_address_is_open_to_those_addresses(
    instance: Instance, sei: SoapClient, addresses: str, allowed: bool
) -> None:
    instance.execute("sei", "UPDATE servico SET sin_servidor = 'S', servidor = %s", (addresses,))
    call = {**caller(), "IdentificacaoServico": "servico"}
    if allowed:
        assert len(sei.call("listarUnidades", **call)) == 3
    else:
        with pytest.raises(Fault, match=r"Acesso negado ao endereço 127\.0\.0\.1"):
            sei.call("listarUnidades", **call)


@pytest.mark.parametrize(
    ("grant", "allowed"),
    [
        ((START, None, None, None), True),
        ((START, None, None, CHILD_UNIT), True),
        ((START, None, None, OTHER_CHILD), False),
        ((START, -1, None, None), False),
        ((INCLUDE, None, None, None), False),
    ],
)
def test_a_grant_is_limited_to_its_operation_unit_and_type(
    instance: Instance, grant: tuple[Any, ...], allowed: bool
) -> None:
    instance.add_service(grant)
    client = SoapClient(instance, "sei")
    if allowed:
        assert start(client, instance).IdProcedimento
    else:
        with pytest.raises(Fault, match="não tem a operação gerarProcedimento"):
            start(client, instance)


def test_a_grant_may_be_limited_to_a_document_type(instance: Instance) -> None:
    serie = a_serie(instance, "I", "T")
    instance.add_service((START, None, None, None), (INCLUDE, None, int(serie), None))
    client = SoapClient(instance, "sei")
    process = start(client, instance)
    assert include(client, Tipo="G", IdProcedimento=process.IdProcedimento, IdSerie=serie).IdDocumento
    with pytest.raises(Fault, match="não tem a operação incluirDocumento"):
        include(client, Tipo="G", IdProcedimento=process.IdProcedimento, IdSerie="1")


def test_a_fault_goes_out_with_status_500_in_latin1(instance: Instance, sei: SoapClient) -> None:
    with instance.client() as client:
        answer = client.post("/sei/ws/SeiWS.php", content=b"<nada/>")
    assert answer.status_code == 500
    assert "ISO-8859-1" in answer.headers["content-type"]
    assert "A mensagem não tem corpo" in answer.content.decode("latin1")


def test_entities_of_a_call_are_not_followed(instance: Instance, sei: SoapClient) -> None:
    body = (
        '<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
        '<E:Envelope xmlns:E="http://schemas.xmlsoap.org/soap/envelope/"><E:Body>'
        '<listarUnidades xmlns="Sei"><SiglaSistema xmlns="">&x;</SiglaSistema></listarUnidades></E:Body></E:Envelope>'
    )
    with instance.client() as client:
        answer = client.post("/sei/ws/SeiWS.php", content=body.encode())
    assert "Sistema '' não encontrado" in answer.content.decode("latin1")
