"""The kinds of entry, in the order in which they must be applied: whatever refers to another comes after it."""

from dataclasses import dataclass
from enum import StrEnum

from domain.document_model import entries
from domain.document_model.entries import Entry


class Retirement(StrEnum):
    """What becomes of an entry that was applied and is no longer in the catalog."""

    SWITCHED_OFF = "desativar"
    """`sin_ativo` becomes N: what refers to it stays whole."""
    REMOVED = "excluir"
    """Its row goes: nothing can refer to it."""
    KEPT = "manter"
    """It stays: SEI itself, or documents already written, may need it."""


@dataclass(frozen=True)
class Kind:
    """One kind of entry.

    `needs` are the fields without which none is created (`a|b`: one of the two): an entry that lacks one is a patch of
    what is there, and so is every entry of a kind that only SEI creates. `references` maps a field to the kind whose
    key it names.
    """

    name: str
    label: str
    entry: type[Entry]
    key: tuple[str, ...]
    needs: tuple[str, ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    retirement: Retirement = Retirement.SWITCHED_OFF
    creatable: bool = True
    single: bool = False
    derived: tuple[str, ...] = ()
    """Fields that only say how others are worked out."""

    def __str__(self) -> str:
        return self.label


ORGAO = Kind("orgao", "órgão", entries.Orgao, (), retirement=Retirement.KEPT, creatable=False, single=True)
TRATAMENTOS = Kind("tratamentos", "tratamento", entries.Tratamento, ("expressao",))
VOCATIVOS = Kind("vocativos", "vocativo", entries.Vocativo, ("expressao",))
TITULOS = Kind("titulos", "título", entries.Titulo, ("expressao",))
CARGOS = Kind(
    "cargos",
    "cargo",
    entries.Cargo,
    ("expressao", "genero"),
    references=(("tratamento", "tratamentos"), ("vocativo", "vocativos"), ("titulo", "titulos")),
)
ASSINANTES = Kind("assinantes", "assinante", entries.Assinante, ("cargo_funcao",), retirement=Retirement.REMOVED)
HIPOTESES = Kind("hipoteses_legais", "hipótese legal", entries.HipoteseLegal, ("nome",), needs=("base_legal",))
ASSUNTOS = Kind("assuntos", "assunto", entries.Assunto, ("codigo",), needs=("descricao",))
ESTILOS = Kind("estilos", "estilo", entries.Estilo, ("nome",), needs=("formatacao",), retirement=Retirement.KEPT)
MODELOS = Kind("modelos", "modelo de documento", entries.Modelo, ("nome",))
SECOES = Kind(
    "secoes",
    "seção de modelo",
    entries.Secao,
    ("modelo", "nome"),
    needs=("ordem",),
    references=(("modelo", "modelos"), ("estilos", "estilos"), ("estilo_padrao", "estilos")),
)
GRUPOS = Kind("grupos_serie", "grupo de tipos de documento", entries.GrupoSerie, ("nome",), needs=("descricao",))
SERIES = Kind(
    "series",
    "tipo de documento",
    entries.Serie,
    ("nome",),
    needs=("aplicabilidade",),
    references=(("grupo", "grupos_serie"), ("modelo", "modelos")),
)
TIPOS = Kind(
    "tipos_procedimento",
    "tipo de processo",
    entries.TipoProcedimento,
    ("nome",),
    needs=("nivel_acesso", "assuntos"),
    references=(("hipotese_legal", "hipoteses_legais"), ("assuntos", "assuntos")),
)
TARJAS = Kind("tarjas", "tarja", entries.Tarja, ("tipo",), needs=("texto",), retirement=Retirement.KEPT)
CONFERENCIAS = Kind("tipos_conferencia", "tipo de conferência", entries.TipoConferencia, ("descricao",))
EXTENSOES = Kind("extensoes", "extensão de arquivo", entries.Extensao, ("extensao",))
EMAILS = Kind(
    "emails_sistema",
    "e-mail do sistema",
    entries.EmailSistema,
    ("descricao",),
    retirement=Retirement.KEPT,
    creatable=False,
)
TEXTOS = Kind(
    "textos_padrao",
    "texto padrão",
    entries.TextoPadrao,
    ("unidade", "nome"),
    needs=("conteudo",),
    retirement=Retirement.REMOVED,
)
PERFIS = Kind(
    "perfis",
    "perfil",
    entries.Perfil,
    ("nome",),
    needs=("recursos|a_partir_de",),
    derived=("a_partir_de", "com", "sem"),
)

ORDERED_FIELDS = frozenset({"assuntos"})
"""The lists whose order matters: the first subject of a process type is the one that SEI suggests first."""

KINDS: tuple[Kind, ...] = (
    ORGAO,
    TRATAMENTOS,
    VOCATIVOS,
    TITULOS,
    CARGOS,
    ASSINANTES,
    HIPOTESES,
    ASSUNTOS,
    ESTILOS,
    MODELOS,
    SECOES,
    GRUPOS,
    SERIES,
    TIPOS,
    TARJAS,
    CONFERENCIAS,
    EXTENSOES,
    EMAILS,
    TEXTOS,
    PERFIS,
)
BY_NAME = {kind.name: kind for kind in KINDS}
FILES: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind is not SECOES)
"""The kinds that have a file of their own; sections are written inside their template."""
