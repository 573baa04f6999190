"""Where SEI keeps each kind of the document model (`sei.md` 2.5): tables, columns and the codes in them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from domain.document_model import kinds
from domain.document_model.entries import (
    Aplicabilidade,
    Corretor,
    Destinacao,
    Genero,
    Nivel,
    Numeracao,
    TipoTarja,
)
from domain.document_model.kinds import Kind

FLAG: Mapping[str, bool] = {"S": True, "N": False}

_NIVEIS = {"0": Nivel.PUBLICO.value, "1": Nivel.RESTRITO.value, "2": Nivel.SIGILOSO.value}
_UNIT = "unidades"
"""As a reference: the units of the instance, which are no kind of the model."""


@dataclass(frozen=True)
class Column:
    """A field in its column: as it is, by a table of codes, or as the id of an entry of another kind."""

    field: str
    name: str
    codes: Mapping[str, str] | Mapping[str, bool] | None = None
    reference: str | None = None


def _flag(name: str) -> Column:
    return Column(name, f"sin_{name}", FLAG)


@dataclass(frozen=True)
class ChildTable:
    """A field that is a list, in a table of its own: one row a value, pointing at its owner.

    `position` numbers the values; `marked` is a second field, the one value whose row has `sin_padrao` S.
    """

    field: str
    table: str
    value: Column
    position: str | None = None
    counted: bool = False
    constants: Mapping[str, int] = dataclasses.field(default_factory=dict)
    marked: str | None = None


@dataclass(frozen=True)
class Table:
    """The table of a kind. `where` is more SQL that its rows obey, `constants` what new rows get besides the fields.

    Names of rows that obey `reserved` instead are taken: the table refuses a second one.
    """

    kind: Kind
    name: str
    id: str
    columns: tuple[Column, ...]
    children: tuple[ChildTable, ...] = ()
    where: str = "1 = 1"
    reserved: str = "1 = 0"
    constants: Mapping[str, int | str] = dataclasses.field(default_factory=dict)


_ATIVO = _flag("ativo")

ORGAO = Table(
    kinds.ORGAO,
    "orgao",
    "id_orgao",
    (
        Column("mascara_processo", "numeracao"),
        Column("codigo", "codigo_sei"),
        Column("timbre", "timbre"),
        Column(
            "corretor_ortografico",
            "sta_corretor_ortografico",
            {"B": Corretor.NAVEGADOR.value, "N": Corretor.NENHUM.value},
        ),
        _flag("envio_processo"),
        _flag("publicacao"),
        _flag("consulta_processual"),
    ),
    where="id_orgao = 0",
)
ASSUNTOS = Table(
    kinds.ASSUNTOS,
    "assunto",
    "id_assunto",
    (
        Column("codigo", "codigo_estruturado"),
        Column("descricao", "descricao"),
        Column("observacao", "observacao"),
        _flag("estrutural"),
        Column("prazo_corrente", "prazo_corrente"),
        Column("prazo_intermediario", "prazo_intermediario"),
        Column(
            "destinacao",
            "sta_destinacao",
            {"E": Destinacao.ELIMINACAO.value, "G": Destinacao.GUARDA_PERMANENTE.value},
        ),
        _ATIVO,
    ),
    where="id_tabela_assuntos IN (SELECT id_tabela_assuntos FROM tabela_assuntos WHERE sin_atual = 'S')",
)
SECOES = Table(
    kinds.SECOES,
    "secao_modelo",
    "id_secao_modelo",
    (
        Column("modelo", "id_modelo", reference=kinds.MODELOS.name),
        Column("nome", "nome"),
        Column("ordem", "ordem"),
        Column("conteudo", "conteudo"),
        _flag("somente_leitura"),
        _flag("assinatura"),
        _flag("principal"),
        _flag("dinamica"),
        _flag("cabecalho"),
        _flag("rodape"),
        _flag("html"),
        _ATIVO,
    ),
    (
        ChildTable(
            "estilos",
            "rel_secao_modelo_estilo",
            Column("estilos", "id_estilo", reference=kinds.ESTILOS.name),
            marked="estilo_padrao",
        ),
    ),
)
TABLES: tuple[Table, ...] = (
    ORGAO,
    Table(kinds.TRATAMENTOS, "tratamento", "id_tratamento", (Column("expressao", "expressao"), _ATIVO)),
    Table(kinds.VOCATIVOS, "vocativo", "id_vocativo", (Column("expressao", "expressao"), _ATIVO)),
    Table(
        kinds.TITULOS,
        "titulo",
        "id_titulo",
        (Column("expressao", "expressao"), Column("abreviatura", "abreviatura"), _ATIVO),
    ),
    Table(
        kinds.CARGOS,
        "cargo",
        "id_cargo",
        (
            Column("expressao", "expressao"),
            Column("genero", "sta_genero", {"M": Genero.MASCULINO.value, "F": Genero.FEMININO.value}),
            Column("tratamento", "id_tratamento", reference=kinds.TRATAMENTOS.name),
            Column("vocativo", "id_vocativo", reference=kinds.VOCATIVOS.name),
            Column("titulo", "id_titulo", reference=kinds.TITULOS.name),
            _ATIVO,
        ),
    ),
    Table(
        kinds.ASSINANTES,
        "assinante",
        "id_assinante",
        (Column("cargo_funcao", "cargo_funcao"),),
        (ChildTable("unidades", "rel_assinante_unidade", Column("unidades", "id_unidade", reference=_UNIT)),),
        constants={"id_orgao": 0},
    ),
    Table(
        kinds.HIPOTESES,
        "hipotese_legal",
        "id_hipotese_legal",
        (
            Column("nome", "nome"),
            Column("base_legal", "base_legal"),
            Column("descricao", "descricao"),
            Column("nivel", "sta_nivel_acesso", _NIVEIS),
            _ATIVO,
        ),
    ),
    ASSUNTOS,
    Table(kinds.ESTILOS, "estilo", "id_estilo", (Column("nome", "nome"), Column("formatacao", "formatacao"))),
    Table(kinds.MODELOS, "modelo", "id_modelo", (Column("nome", "nome"), _ATIVO)),
    SECOES,
    Table(
        kinds.GRUPOS,
        "grupo_serie",
        "id_grupo_serie",
        (Column("nome", "nome"), Column("descricao", "descricao"), _ATIVO),
    ),
    Table(
        kinds.SERIES,
        "serie",
        "id_serie",
        (
            Column("nome", "nome"),
            Column("descricao", "descricao"),
            Column("grupo", "id_grupo_serie", reference=kinds.GRUPOS.name),
            Column(
                "aplicabilidade",
                "sta_aplicabilidade",
                {
                    "I": Aplicabilidade.INTERNO.value,
                    "E": Aplicabilidade.EXTERNO.value,
                    "T": Aplicabilidade.AMBOS.value,
                },
            ),
            Column(
                "numeracao",
                "sta_numeracao",
                {
                    "1": Numeracao.SEQUENCIAL_UNIDADE.value,
                    "2": Numeracao.SEQUENCIAL_ORGAO.value,
                    "3": Numeracao.ANUAL_UNIDADE.value,
                    "4": Numeracao.ANUAL_ORGAO.value,
                    "I": Numeracao.INFORMADA.value,
                    "S": Numeracao.SEM.value,
                },
            ),
            Column("modelo", "id_modelo", reference=kinds.MODELOS.name),
            _flag("interessado"),
            _flag("destinatario"),
            _flag("assinatura_publicacao"),
            _flag("interno"),
            _flag("usuario_externo"),
            _flag("valor_monetario"),
            _ATIVO,
        ),
        (
            ChildTable(
                "restrito_a",
                "serie_restricao",
                Column("restrito_a", "id_unidade", reference=_UNIT),
                counted=True,
                constants={"id_orgao": 0},
            ),
        ),
        # A form (F) is made of fields that only SEI's own screens build; no template of ours can stand for one.
        where="sta_aplicabilidade <> 'F'",
        reserved="sta_aplicabilidade = 'F'",
    ),
    Table(
        kinds.TIPOS,
        "tipo_procedimento",
        "id_tipo_procedimento",
        (
            Column("nome", "nome"),
            Column("descricao", "descricao"),
            Column("nivel_acesso", "sta_nivel_acesso_sugestao", _NIVEIS),
            Column("hipotese_legal", "id_hipotese_legal_sugestao", reference=kinds.HIPOTESES.name),
            _flag("interno"),
            _flag("ouvidoria"),
            _flag("individual"),
            _ATIVO,
        ),
        (
            ChildTable(
                "niveis_permitidos",
                "nivel_acesso_permitido",
                Column("niveis_permitidos", "sta_nivel_acesso", _NIVEIS),
                counted=True,
            ),
            ChildTable(
                "assuntos",
                "rel_tipo_procedimento_assunto",
                Column("assuntos", "id_assunto_proxy", reference="assunto_proxy"),
                position="sequencia",
            ),
            ChildTable(
                "restrito_a",
                "tipo_proced_restricao",
                Column("restrito_a", "id_unidade", reference=_UNIT),
                counted=True,
                constants={"id_orgao": 0},
            ),
        ),
    ),
    Table(
        kinds.TARJAS,
        "tarja_assinatura",
        "id_tarja_assinatura",
        (
            Column(
                "tipo",
                "sta_tarja_assinatura",
                {
                    "C": TipoTarja.ASSINATURA_CERTIFICADO.value,
                    "S": TipoTarja.ASSINATURA_SENHA.value,
                    "A": TipoTarja.AUTENTICACAO_CERTIFICADO.value,
                    "H": TipoTarja.AUTENTICACAO_SENHA.value,
                    "V": TipoTarja.VALIDACAO.value,
                },
            ),
            Column("texto", "texto"),
            Column("logo", "logo"),
            _ATIVO,
        ),
    ),
    Table(
        kinds.CONFERENCIAS,
        "tipo_conferencia",
        "id_tipo_conferencia",
        (Column("descricao", "descricao"), _ATIVO),
    ),
    Table(
        kinds.EXTENSOES,
        "arquivo_extensao",
        "id_arquivo_extensao",
        (
            Column("extensao", "extensao"),
            Column("descricao", "descricao"),
            Column("tamanho_maximo", "tamanho_maximo"),
            _flag("interface"),
            _flag("servico"),
            _ATIVO,
        ),
    ),
    Table(
        kinds.EMAILS,
        "email_sistema",
        "id_email_sistema",
        (
            Column("descricao", "descricao"),
            Column("de", "de"),
            Column("para", "para"),
            Column("assunto", "assunto"),
            Column("conteudo", "conteudo"),
            _ATIVO,
        ),
        where="id_email_sistema_modulo IS NULL",  # a module writes and rewrites its own
    ),
    Table(
        kinds.TEXTOS,
        "texto_padrao_interno",
        "id_texto_padrao_interno",
        (
            Column("unidade", "id_unidade", reference=_UNIT),
            Column("nome", "nome"),
            Column("descricao", "descricao"),
            Column("conteudo", "conteudo"),
        ),
    ),
)
BY_KIND = {table.kind.name: table for table in TABLES}
UNITS = _UNIT
PROXY = "assunto_proxy"
