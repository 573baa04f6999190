"""What one entry of each kind may say, in the catalog's own words: the columns of SEI without `sin_` and `sta_`.

Lengths are those of SEI 4.1 (`sei.md` 2.5); an instance of another version is asked for its own when a plan is made.
"""

import base64
import binascii
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, NonNegativeInt, model_validator

from domain.catalog_entry import CatalogEntry
from domain.errors import InvalidInputError
from domain.process_number import NumberMask
from domain.text import cp1252_problem


def _line_of_text(value: str) -> str:
    if problem := cp1252_problem(value):
        msg = f"não pode ser gravado: {problem}"
        raise ValueError(msg)
    return value


def _lines_of_text(value: str) -> str:
    if problem := cp1252_problem(value.translate({ord("\n"): None, ord("\r"): None, ord("\t"): None})):
        msg = f"não pode ser gravado: {problem}"
        raise ValueError(msg)
    return value


def _base64(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        msg = "não é base64: use a imagem codificada, sem espaços nem quebras"
        raise ValueError(msg) from None
    return value


def _mask(value: str) -> str:
    try:
        NumberMask(value)
    except InvalidInputError as error:
        raise ValueError(error.what) from error
    return value


Line20 = Annotated[str, Field(min_length=1, max_length=20), AfterValidator(_line_of_text)]
Line50 = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(_line_of_text)]
Line100 = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_line_of_text)]
Line200 = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_line_of_text)]
Line250 = Annotated[str, Field(min_length=1, max_length=250), AfterValidator(_line_of_text)]
Text250 = Annotated[str, Field(min_length=1, max_length=250), AfterValidator(_lines_of_text)]
Text300 = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_lines_of_text)]
Text500 = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_lines_of_text)]
LongText = Annotated[str, AfterValidator(_lines_of_text)]
Base64 = Annotated[str, AfterValidator(_base64)]
Codigo = Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[0-9A-Za-z][0-9A-Za-z.\-/]*$")]

EVERYWHERE = "*"
"""In `unidades`: every unit that the instance has."""


class Posse(StrEnum):
    """Who decides about an entry once it was applied."""

    PROGRAMA = "programa"
    """Locked: what somebody changes in the instance is put back."""
    PREFEITURA = "prefeitura"
    """A first proposal: what the prefeitura changes afterwards stays as it is."""


class Nivel(StrEnum):
    """Access levels by the names that SEI's screens use."""

    PUBLICO = "publico"
    RESTRITO = "restrito"
    SIGILOSO = "sigiloso"


class Numeracao(StrEnum):
    """How documents of a type are numbered."""

    SEQUENCIAL_UNIDADE = "sequencial_unidade"
    SEQUENCIAL_ORGAO = "sequencial_orgao"
    ANUAL_UNIDADE = "anual_unidade"
    ANUAL_ORGAO = "anual_orgao"
    INFORMADA = "informada"
    SEM = "sem"


class Aplicabilidade(StrEnum):
    """Where documents of a type come from: SEI's editor, a file, or both."""

    INTERNO = "interno"
    EXTERNO = "externo"
    AMBOS = "ambos"


class Destinacao(StrEnum):
    """What happens to a process when its retention is over."""

    ELIMINACAO = "eliminacao"
    GUARDA_PERMANENTE = "guarda_permanente"


class Genero(StrEnum):
    """The gender in which a position addresses somebody."""

    MASCULINO = "masculino"
    FEMININO = "feminino"


class TipoTarja(StrEnum):
    """Which stamp a text is (`sta_tarja_assinatura`)."""

    ASSINATURA_CERTIFICADO = "assinatura_certificado"
    ASSINATURA_SENHA = "assinatura_senha"
    AUTENTICACAO_CERTIFICADO = "autenticacao_certificado"
    AUTENTICACAO_SENHA = "autenticacao_senha"
    VALIDACAO = "validacao"


class Corretor(StrEnum):
    """Which spell checker the editor uses."""

    NAVEGADOR = "navegador"
    NENHUM = "nenhum"


class Entry(CatalogEntry):
    """One entry of the model."""


class Orgao(Entry):
    """What the órgão's own row says beyond its identity; the mask is that of process numbers (NUP, NIPE)."""

    mascara_processo: Annotated[Line250, AfterValidator(_mask)] | None = None
    codigo: Annotated[str, Field(pattern=r"^\d{1,10}$")] | None = None
    timbre: Base64 | None = None
    corretor_ortografico: Corretor = Corretor.NAVEGADOR
    envio_processo: bool = True
    publicacao: bool = True
    consulta_processual: bool = False


class Tratamento(Entry):
    """A form of address: Ao Senhor."""

    expressao: Line100
    ativo: bool = True


class Vocativo(Entry):
    """How a letter begins: Senhor Secretário."""

    expressao: Line100
    ativo: bool = True


class Titulo(Entry):
    """A title before a name: Doutora, Dra."""

    expressao: Line100
    abreviatura: Line20 | None = None
    ativo: bool = True


class Cargo(Entry):
    """A position to which letters are addressed."""

    expressao: Line100
    genero: Genero | None = None
    tratamento: Line100 | None = None
    vocativo: Line100 | None = None
    titulo: Line100 | None = None
    ativo: bool = True


class Assinante(Entry):
    """A role under which people sign, and the units whose people may choose it."""

    cargo_funcao: Line200
    unidades: tuple[str, ...] = (EVERYWHERE,)


class HipoteseLegal(Entry):
    """A legal ground to restrict access."""

    nome: Line50
    base_legal: Line50 | None = None
    descricao: Text500 | None = None
    nivel: Nivel = Nivel.RESTRITO
    ativo: bool = True

    @model_validator(mode="after")
    def _public_needs_no_ground(self) -> Self:
        if self.nivel is Nivel.PUBLICO:
            msg = "o nível publico não tem hipótese legal"
            raise ValueError(msg)
        return self


class Assunto(Entry):
    """A subject of the classification plan; retention in years. A structural one groups others, classifies nothing."""

    codigo: Codigo
    descricao: Text250 | None = None
    observacao: Text500 | None = None
    estrutural: bool = False
    prazo_corrente: NonNegativeInt | None = None
    prazo_intermediario: NonNegativeInt | None = None
    destinacao: Destinacao | None = None
    ativo: bool = True

    @model_validator(mode="after")
    def _retention_belongs_to_what_classifies(self) -> Self:
        said = [self.prazo_corrente, self.prazo_intermediario, self.destinacao]
        if self.estrutural and any(value is not None for value in said):
            msg = "assunto estrutural só agrupa: não tem prazos nem destinação"
            raise ValueError(msg)
        if not self.estrutural and self.descricao is not None and self.destinacao is None:
            msg = "falta destinacao (ou estrutural: true)"
            raise ValueError(msg)
        return self


class GrupoSerie(Entry):
    """A group of document types."""

    nome: Line50
    descricao: Text250 | None = None
    ativo: bool = True


class Estilo(Entry):
    """A style of the editor: CSS properties as SEI writes them."""

    nome: Line50
    formatacao: LongText | None = None


class Secao(Entry):
    """A section of a document template, in its order; styles are those that its writer may use.

    In a file it stands inside its template, which gives it `modelo`.
    """

    modelo: Line50
    nome: Line50
    ordem: NonNegativeInt = 0
    conteudo: LongText | None = None
    somente_leitura: bool = False
    assinatura: bool = False
    principal: bool = False
    dinamica: bool = False
    cabecalho: bool = False
    rodape: bool = False
    html: bool = False
    ativo: bool = True
    estilos: tuple[str, ...] = ()
    estilo_padrao: str | None = None

    @model_validator(mode="after")
    def _default_style_is_one_of_them(self) -> Self:
        if self.estilo_padrao is not None and self.estilo_padrao not in self.estilos:
            msg = f"estilo_padrao {self.estilo_padrao!r} não está em estilos"
            raise ValueError(msg)
        return self


class Modelo(Entry):
    """A document template."""

    nome: Line50
    ativo: bool = True


class Serie(Entry):
    """A document type."""

    nome: Line100
    descricao: Text250 | None = None
    grupo: Line50 | None = None
    aplicabilidade: Aplicabilidade | None = None
    numeracao: Numeracao = Numeracao.SEM
    modelo: Line50 | None = None
    interessado: bool = False
    destinatario: bool = False
    assinatura_publicacao: bool = True
    interno: bool = False
    usuario_externo: bool = False
    valor_monetario: bool = False
    restrito_a: tuple[str, ...] = ()
    ativo: bool = True

    @model_validator(mode="after")
    def _what_the_editor_writes_has_a_template(self) -> Self:
        generated = self.aplicabilidade in {Aplicabilidade.INTERNO, Aplicabilidade.AMBOS}
        if self.ativo and generated and self.modelo is None:
            msg = f"{self.nome!r} é escrito no editor e precisa de modelo"
            raise ValueError(msg)
        return self


class TipoProcedimento(Entry):
    """A process type: suggested level and ground, levels that it allows, suggested subjects in their order."""

    nome: Line100
    descricao: Text250 | None = None
    nivel_acesso: Nivel | None = None
    niveis_permitidos: tuple[Nivel, ...] = (Nivel.PUBLICO, Nivel.RESTRITO)
    hipotese_legal: Line50 | None = None
    assuntos: tuple[Codigo, ...] = ()
    interno: bool = False
    ouvidoria: bool = False
    individual: bool = False
    restrito_a: tuple[str, ...] = ()
    ativo: bool = True

    @model_validator(mode="after")
    def _restriction_has_a_ground(self) -> Self:
        if self.nivel_acesso is Nivel.PUBLICO and self.hipotese_legal is not None:
            msg = f"{self.nome!r}: hipotese_legal acompanha o nível restrito ou sigiloso, e só eles"
            raise ValueError(msg)
        if self.nivel_acesso is not None and self.nivel_acesso not in self.niveis_permitidos:
            msg = f"{self.nome!r}: o nível {self.nivel_acesso} não está em niveis_permitidos"
            raise ValueError(msg)
        return self


class Tarja(Entry):
    """The stamp under a signed document, with SEI's own @variables@; the logo is a PNG in base64."""

    tipo: TipoTarja
    texto: LongText | None = None
    logo: Base64 | None = None
    ativo: bool = True


class TipoConferencia(Entry):
    """What a scanned document was checked against."""

    descricao: Line250
    ativo: bool = True


class Extensao(Entry):
    """A file extension that SEI accepts; the size is in MB, none meaning the general limit."""

    extensao: Annotated[str, Field(pattern=r"^[a-z0-9]{1,10}$")]
    descricao: Text250 | None = None
    tamanho_maximo: NonNegativeInt | None = None
    interface: bool = True
    servico: bool = True
    ativo: bool = True


class EmailSistema(Entry):
    """An e-mail that SEI sends by itself. Which ones exist is SEI's; what they say is the programme's."""

    descricao: Line250
    de: Line250 | None = None
    para: Line250 | None = None
    assunto: Line250 | None = None
    conteudo: LongText | None = None
    ativo: bool = True


class TextoPadrao(Entry):
    """A standard text of one unit, or of every unit (`*`)."""

    nome: Line50
    unidade: str = EVERYWHERE
    descricao: Text300 | None = None
    conteudo: LongText | None = None


class Perfil(Entry):
    """A permission profile of SEI in SIP: its rights, and the menu items that it shows (`Grupos > E-mail`).

    `a_partir_de` starts from the rights and menus of another profile; `com` and `sem` add and take rights.
    """

    nome: Line100
    descricao: LongText | None = None
    coordenado: bool = False
    dois_fatores: bool = False
    ativo: bool = True
    recursos: tuple[str, ...] = ()
    menus: tuple[str, ...] = ()
    a_partir_de: Line100 | None = None
    com: tuple[str, ...] = ()
    sem: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _says_its_rights_in_one_way(self) -> Self:
        if self.a_partir_de is not None and (self.recursos or self.menus):
            msg = f"{self.nome!r}: use a_partir_de com com/sem, ou recursos e menus, não os dois"
            raise ValueError(msg)
        if self.a_partir_de is None and (self.com or self.sem):
            msg = f"{self.nome!r}: com e sem só existem junto de a_partir_de"
            raise ValueError(msg)
        return self
