"""SEI's SOAP contract, for what we serve: names, order and types of the WSDL in spbgovbr/SEI-Broker (SEI 3.0)."""

from collections.abc import Mapping

from lab.sei_standin.contract import Contract, Fields, Operation, operations, strings

_CALLER = strings("SiglaSistema", "IdentificacaoServico")
_CALLER_IN_UNIT = {**_CALLER, "IdUnidade": "string"}
_PERSON = strings("Sigla", "Nome")

_STRUCTURES: Mapping[str, Fields] = {
    "Remetente": _PERSON,
    "Interessado": _PERSON,
    "Destinatario": _PERSON,
    "Assunto": strings("CodigoEstruturado", "Descricao"),
    "Unidade": strings("IdUnidade", "Sigla", "Descricao"),
    "Usuario": strings("IdUsuario", "Sigla", "Nome"),
    "TipoProcedimento": strings("IdTipoProcedimento", "Nome"),
    "Serie": strings("IdSerie", "Nome", "Aplicabilidade"),
    "Campo": strings("Nome", "Valor"),
    "Observacao": {"Descricao": "string", "Unidade": "Unidade"},
    "Andamento": {
        **strings("IdAndamento", "IdTarefa", "IdTarefaModulo", "Descricao", "DataHora"),
        "Unidade": "Unidade",
        "Usuario": "Usuario",
    },
    "UnidadeProcedimentoAberto": {"Unidade": "Unidade", "UsuarioAtribuicao": "Usuario"},
    "Procedimento": {
        **strings("IdTipoProcedimento", "NumeroProtocolo", "DataAutuacao", "Especificacao"),
        "Assuntos": "Assunto[]",
        "Interessados": "Interessado[]",
        **strings("Observacao", "NivelAcesso", "IdHipoteseLegal"),
    },
    "Documento": {
        **strings("Tipo", "IdProcedimento", "ProtocoloProcedimento", "IdSerie", "Numero", "Data", "Descricao"),
        "IdTipoConferencia": "string",
        "Remetente": "Remetente",
        "Interessados": "Interessado[]",
        "Destinatarios": "Destinatario[]",
        **strings("Observacao", "NomeArquivo", "NivelAcesso", "IdHipoteseLegal", "Conteudo", "IdArquivo"),
        "Campos": "Campo[]",
        "SinBloqueado": "string",
    },
    "RetornoInclusaoDocumento": strings("IdDocumento", "DocumentoFormatado", "LinkAcesso"),
    "RetornoGeracaoProcedimento": {
        **strings("IdProcedimento", "ProcedimentoFormatado", "LinkAcesso"),
        "RetornoInclusaoDocumentos": "RetornoInclusaoDocumento[]",
    },
    "RetornoConsultaProcedimento": {
        **strings("IdProcedimento", "ProcedimentoFormatado", "Especificacao", "DataAutuacao", "LinkAcesso"),
        "TipoProcedimento": "TipoProcedimento",
        "AndamentoGeracao": "Andamento",
        "AndamentoConclusao": "Andamento",
        "UltimoAndamento": "Andamento",
        "UnidadesProcedimentoAberto": "UnidadeProcedimentoAberto[]",
        "Assuntos": "Assunto[]",
        "Interessados": "Interessado[]",
        "Observacoes": "Observacao[]",
    },
    "RetornoConsultaDocumento": {
        **strings("IdProcedimento", "ProcedimentoFormatado", "IdDocumento", "DocumentoFormatado", "LinkAcesso"),
        "Serie": "Serie",
        **strings("Numero", "Data"),
        "UnidadeElaboradora": "Unidade",
        "AndamentoGeracao": "Andamento",
    },
}

SEI = Contract(
    name="SeiService",
    namespace="Sei",
    port_type="SeiPortType",
    binding="SeiBinding",
    port="SeiPortService",
    soap_action="SeiAction",
    path="/sei/ws/SeiWS.php",
    structures=_STRUCTURES,
    operations=operations(
        Operation(
            "gerarProcedimento",
            {
                **_CALLER_IN_UNIT,
                "Procedimento": "Procedimento",
                "Documentos": "Documento[]",
                "ProcedimentosRelacionados": "string[]",
                "UnidadesEnvio": "string[]",
                **strings(
                    "SinManterAbertoUnidade",
                    "SinEnviarEmailNotificacao",
                    "DataRetornoProgramado",
                    "DiasRetornoProgramado",
                    "SinDiasUteisRetornoProgramado",
                    "IdMarcador",
                    "TextoMarcador",
                ),
            },
            "parametros",
            "RetornoGeracaoProcedimento",
        ),
        Operation(
            "incluirDocumento",
            {**_CALLER_IN_UNIT, "Documento": "Documento"},
            "parametros",
            "RetornoInclusaoDocumento",
        ),
        Operation("listarUnidades", {**_CALLER, **strings("IdTipoProcedimento", "IdSerie")}, "parametros", "Unidade[]"),
        Operation(
            "listarTiposProcedimento",
            {**_CALLER_IN_UNIT, "IdSerie": "string"},
            "parametros",
            "TipoProcedimento[]",
        ),
        Operation("listarSeries", {**_CALLER_IN_UNIT, "IdTipoProcedimento": "string"}, "parametros", "Serie[]"),
        Operation(
            "consultarProcedimento",
            {
                **_CALLER_IN_UNIT,
                **strings(
                    "ProtocoloProcedimento",
                    "SinRetornarAssuntos",
                    "SinRetornarInteressados",
                    "SinRetornarObservacoes",
                    "SinRetornarAndamentoGeracao",
                    "SinRetornarAndamentoConclusao",
                    "SinRetornarUltimoAndamento",
                    "SinRetornarUnidadesProcedimentoAberto",
                    "SinRetornarProcedimentosRelacionados",
                    "SinRetornarProcedimentosAnexados",
                ),
            },
            "parametros",
            "RetornoConsultaProcedimento",
        ),
        Operation(
            "consultarDocumento",
            {
                **_CALLER_IN_UNIT,
                **strings(
                    "ProtocoloDocumento",
                    "SinRetornarAndamentoGeracao",
                    "SinRetornarAssinaturas",
                    "SinRetornarPublicacao",
                    "SinRetornarCampos",
                ),
            },
            "parametros",
            "RetornoConsultaDocumento",
        ),
        Operation(
            "adicionarArquivo",
            {**_CALLER_IN_UNIT, **strings("Nome", "Tamanho", "Hash", "Conteudo")},
            "parametros",
            "string",
        ),
    ),
)
