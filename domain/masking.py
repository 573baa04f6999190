"""Neutralising a copy of an environment: whatever could tell who somebody is goes, and the copy still works.

The rule is a list of what may stay. A text column that nobody judged, of a module or of a later version, is emptied
or replaced: forgetting a column costs a text in a training copy, never a person's data.

Pseudonyms come from a key (HMAC-SHA-256) and the original value, so that one person keeps one name in every table and
joins still match. The key lives as long as the copying process: afterwards nobody can tell who was who.
"""

import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

from pydantic import SecretBytes

from domain.model import Frozen
from domain.person import CPF_DIGITS
from domain.reference import REFERENCE_TABLES, Database
from domain.text import collation_key

PLACEHOLDER = "Texto removido nesta cópia."
PLACEHOLDER_FILE = b"Arquivo removido nesta copia.\n"
PLACEHOLDER_FILE_NAME = "arquivo-removido.txt"
MAIL_DOMAIN = "copia.invalid"
"""Under a top-level domain that never exists (RFC 2606): nothing sent there arrives anywhere."""

_GIVEN_NAMES = (
    "Alba Aldo Aline Alma Amaro Ana Ariel Bela Beto Bia Breno Caio Carla Célia Ciro Clara Dalva Davi Dina"
    " Dora Edna Elisa Elmo Enzo Eva Fábio Flora Gil Gina Hugo Ida Igor Inês Íris Ivo Jade Joel Júlia Kátia"
    " Laís Lara Léo Lia Lina Lola Luan Luís Maia Mara Mauro Mel Mia Nara Neusa Nilo Noel Olga Otto Paulo"
    " Pilar Raul Rita Rosa Rui"
)
_GIVEN = _GIVEN_NAMES.split()
_FAMILY_NAMES = (
    "Água Areia Arroio Aurora Baía Bosque Brisa Campo Canoa Cedro Céu Chuva Colina Coral Duna Estrela"
    " Farol Figueira Flor Fonte Geada Gruta Horizonte Ilha Jardim Lago Lagoa Lua Luz Mangue Mar Mata Monte"
    " Neve Nuvem Oceano Onda Orvalho Palma Pedra Pinho Planalto Ponte Praia Relva Riacho Rio Rocha Sereno"
    " Serra Sol Terra Trigo Vale Vento"
)
_FAMILY = _FAMILY_NAMES.split()


class Treatment(StrEnum):
    """What becomes of a text or number that may tell who somebody is."""

    KEEP = "keep"
    NAME = "name"
    LOGIN = "login"
    EMAIL = "email"
    CPF = "cpf"
    TEXT = "text"
    CLEAR = "clear"


class TextColumn(Frozen):
    """A column that can hold a text, or a number that stands for a person."""

    table: str
    column: str
    max_length: int
    nullable: bool
    is_text: bool = True
    is_key: bool = False
    """Part of a primary or foreign key: an identifier, which other rows refer to."""
    is_unique: bool = False
    """Part of another unique index: two rows must not become equal."""


# Who did what, when and from where; sessions, access codes and devices; links to other installations. Nothing that a
# copy needs, and all of it personal or secret.
_EMPTIED: Mapping[Database, frozenset[str]] = {
    "sei": frozenset(
        {
            "acao_federacao",
            "acesso_externo",
            "acesso_federacao",
            "andamento_instalacao",
            "atributo_instalacao",
            "auditoria_protocolo",
            "campo_pesquisa",
            "codigo_acesso",
            "email_grupo_email",
            "email_utilizado",
            "estatisticas",
            "feed",
            "infra_auditoria",
            "infra_captcha",
            "infra_captcha_tentativa",
            "infra_dado_usuario",
            "infra_erro_php",
            "infra_log",
            "infra_navegador",
            "instalacao_federacao",
            "lembrete",
            "lixeira",
            "monitoramento_servico",
            "notificacao",
            "orgao_federacao",
            "parametro_acao_federacao",
            "pesquisa",
            "protocolo_federacao",
            "publicacao_legado",
            "rel_acesso_ext_protocolo",
            "rel_acesso_ext_serie",
            "rel_grupo_fed_orgao_fed",
            "rel_notificacao_documento",
            "rel_orgao_pesquisa",
            "replicacao_federacao",
            "sinalizacao_federacao",
            "solicitacao_ouvidoria",
            "unidade_federacao",
            "usuario_federacao",
            "usuario_login",
        }
    ),
    "sip": frozenset(
        {
            "assinatura_sso",
            "codigo_acesso",
            "codigo_bloqueio",
            "dispositivo_acesso",
            "infra_auditoria",
            "infra_captcha",
            "infra_captcha_tentativa",
            "infra_erro_php",
            "infra_log",
            "infra_navegador_verificacao",
            "login",
            "login_sso",
            "usuario_historico",
            "usuario_login",
        }
    ),
}
# What the vendor's reference brings or an administrator configures: no person's data in any of their texts.
_KEPT_TABLES: Mapping[Database, frozenset[str]] = {
    "sei": frozenset(
        {
            *REFERENCE_TABLES["sei"],
            "atributo",
            "categoria",
            "conjunto_estilos",
            "conjunto_estilos_item",
            "controle_interno",
            "dominio",
            "estilo",
            "feriado",
            "imagem_formato",
            "infra_parametro",
            "infra_regra_auditoria",
            "infra_regra_auditoria_recurso",
            "infra_sequencia",
            "secao_imprensa_nacional",
            "servico",
            "tarefa_instalacao",
            "tarefa_plano_trabalho",
            "tarja_assinatura",
            "tipo_formulario",
            "tipo_localizador",
            "tipo_prioridade",
            "tipo_suporte",
            "titulo",
            "tratamento",
            "veiculo_imprensa_nacional",
            "vocativo",
        }
    ),
    "sip": frozenset(
        {
            *REFERENCE_TABLES["sip"],
            "email_sistema",
            "grupo_perfil",
            "hierarquia",
            "infra_parametro",
            "infra_regra_auditoria",
            "infra_regra_auditoria_recurso",
            "infra_sequencia",
            "regra_auditoria",
            "servidor_autenticacao",
        }
    ),
}
# Single columns that may stay: names of offices and offices' papers, and codes that SEI's own programs wrote.
_KEPT_COLUMNS: Mapping[Database, frozenset[tuple[str, str]]] = {
    "sei": frozenset(
        {
            ("anexo", "hash"),  # written anew with the file that takes the place of the original
            ("anexo", "nome"),
            ("assinante", "cargo_funcao"),
            ("cargo_funcao", "nome"),
            ("cpad", "descricao"),
            ("cpad", "sigla"),
            ("cpad_versao", "descricao"),
            ("cpad_versao", "sigla"),
            ("marcador", "sta_icone"),
            ("atributo_andamento", "nome"),
            ("atributo_andam_plano_trab", "chave"),
            ("contato", "idx_contato"),  # written anew from the masked name
            ("orgao", "codigo_sei"),
            ("orgao", "descricao"),
            ("orgao", "idx_orgao"),
            ("orgao", "numeracao"),
            ("orgao", "sigla"),
            ("orgao", "timbre"),
            ("orgao_historico", "descricao"),
            ("orgao_historico", "sigla"),
            ("protocolo", "codigo_barras"),
            ("protocolo", "protocolo_formatado"),
            ("protocolo", "protocolo_formatado_pesq_inv"),
            ("protocolo", "protocolo_formatado_pesquisa"),
            ("unidade", "codigo_sei"),
            ("unidade", "descricao"),
            ("unidade", "id_origem"),
            ("unidade", "idx_unidade"),
            ("unidade", "sigla"),
            ("unidade_historico", "descricao"),
            ("unidade_historico", "sigla"),
            ("usuario", "idx_usuario"),  # written anew from the masked name
        }
    ),
    "sip": frozenset(
        {
            ("orgao", "descricao"),
            ("orgao", "sigla"),
            ("unidade", "descricao"),
            ("unidade", "id_origem"),
            ("unidade", "sigla"),
        }
    ),
}
# Configuration all the same, so it is looked at before the kept tables are.
_CLEARED_COLUMNS: Mapping[Database, frozenset[tuple[str, str]]] = {
    "sei": frozenset(
        {
            ("infra_agendamento_tarefa", "email_erro"),
            ("orgao", "servidor_corretor_ortografico"),
            ("servico", "chave_acesso"),
            ("servico", "crc"),
            ("servico", "servidor"),
        }
    ),
    "sip": frozenset({("infra_agendamento_tarefa", "email_erro"), ("servidor_autenticacao", "senha_pesquisa")}),
}
_TREATED_COLUMNS: Mapping[tuple[str, str], Treatment] = {
    ("contato", "nome"): Treatment.NAME,
    ("contato", "nome_registro_civil"): Treatment.NAME,
    ("contato", "sigla"): Treatment.LOGIN,
    ("usuario", "nome"): Treatment.NAME,
    ("usuario", "nome_registro_civil"): Treatment.NAME,
    ("usuario", "sigla"): Treatment.LOGIN,
    ("usuario", "id_origem"): Treatment.LOGIN,
    ("assinatura", "nome"): Treatment.NAME,
}
# The attributes of a process's history that name offices and papers; every other one may name a person.
KEPT_ATTRIBUTES = frozenset(
    {
        "DATA_AUTUACAO",
        "DOCUMENTO",
        "DOCUMENTOS",
        "GRAU_SIGILO",
        "HIPOTESE_LEGAL",
        "NIVEL_ACESSO",
        "PROCESSO",
        "TIPO_CONFERENCIA",
        "UNIDADE",
        "UNIDADES",
    }
)
_TEXTS_OF_DOCUMENTS = frozenset(
    {("documento_conteudo", "conteudo"), ("secao_documento", "conteudo"), ("versao_secao_documento", "conteudo")}
)
NUMBERS_OF_PERSONS = frozenset({"cpf", "rg", "cnpj", "dta_nascimento"})
"""Columns that are no texts and tell who somebody is all the same."""
_CODE_LENGTH = 2
_MODULE_TABLE = re.compile(r"md_[a-z0-9_]+")


def is_emptied(database: Database, table: str) -> bool:
    """Whether a table's rows all go: traces of people, and every table of a module (Tramita's among them)."""
    return table in _EMPTIED[database] or _MODULE_TABLE.fullmatch(table) is not None


def is_text_of_document(column: TextColumn) -> bool:
    """Whether the column holds the text of a document, which may stay on request if the document is public."""
    return (column.table, column.column) in _TEXTS_OF_DOCUMENTS


def treatment_of(database: Database, column: TextColumn) -> Treatment:
    """What becomes of one column of a table that keeps its rows."""
    place = (column.table, column.column)
    if place in _CLEARED_COLUMNS[database]:
        return Treatment.CLEAR
    if place in _TREATED_COLUMNS:
        return _TREATED_COLUMNS[place]
    if not column.is_text:
        return _treatment_of_number(column)
    return Treatment.KEEP if _may_stay(database, column) else _treatment_of_text(column)


def _may_stay(database: Database, column: TextColumn) -> bool:
    if column.table in _KEPT_TABLES[database] or (column.table, column.column) in _KEPT_COLUMNS[database]:
        return True
    # One or two characters are a code (`sta_tipo`, `sin_ativo`), never a person; a key is what rows are tied by.
    return column.max_length <= _CODE_LENGTH or column.is_key or column.table.startswith("seq_")


def _treatment_of_text(column: TextColumn) -> Treatment:
    if "email" in column.column:
        return Treatment.EMAIL
    if column.is_unique:
        return Treatment.LOGIN
    return Treatment.CLEAR if column.nullable else Treatment.TEXT


def _treatment_of_number(column: TextColumn) -> Treatment:
    if column.column == "cpf":
        return Treatment.CPF
    return Treatment.CLEAR if column.column in NUMBERS_OF_PERSONS else Treatment.KEEP


class Pseudonyms:
    """One copy's invented people. The same key and original always give the same pseudonym."""

    def __init__(self, key: SecretBytes) -> None:
        self._key = key

    def name(self, original: str) -> str:
        """A name made of two words that no other rule depends on, and a number that keeps people apart."""
        number = self._number("nome", collation_key(" ".join(original.split())))
        given = _GIVEN[number % len(_GIVEN)]
        family = _FAMILY[number // len(_GIVEN) % len(_FAMILY)]
        return f"{given} {family} {number // (len(_GIVEN) * len(_FAMILY)) % 10**6:06d}"

    def login(self, original: str) -> str:
        """A login of letters and digits only, short enough for every column that holds one."""
        number = self._number("login", collation_key(original))
        return f"p{number % 36**9:09x}"[:10]

    def email(self, original: str) -> str:
        """An address that nothing sent to can ever reach."""
        return f"{self.login(original)}@{MAIL_DOMAIN}"

    def cpfs(self, originals: Collection[int]) -> dict[int, int]:
        """For each CPF another with correct check digits, different for each and none of them an original."""
        taken = set(originals)
        found: dict[int, int] = {}
        for original in sorted(taken):
            attempt = 0
            while (candidate := self._cpf(original, attempt)) in taken:
                attempt += 1
            taken.add(candidate)
            found[original] = candidate
        return found

    def _cpf(self, original: int, attempt: int) -> int:
        base = f"{self._number('cpf', f'{original:011d}/{attempt}') % 10 ** (CPF_DIGITS - 2):09d}"
        return int(base + check_digits(base))

    def _number(self, kind: str, original: str) -> int:
        digest = hmac.new(self._key.get_secret_value(), f"{kind}\n{original}".encode(), hashlib.sha256).digest()
        return int.from_bytes(digest, "big")


def check_digits(base: str) -> str:
    """The two check digits of a CPF's first nine (Receita Federal's modulo 11)."""
    digits = [int(character) for character in base]
    for _ in range(2):
        weights = range(len(digits) + 1, 1, -1)
        rest = sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) * 10 % 11
        digits.append(rest % 10)
    return "".join(map(str, digits[-2:]))


class Leftover(Frozen):
    """A column of a neutralised copy in which an original value was found; the value itself is not told."""

    place: str
    rows: int


def shown_leftovers(leftovers: Iterable[Leftover]) -> str:
    """Where personal data were left, for an error."""
    return "; ".join(f"{leftover.place} ({leftover.rows} linhas)" for leftover in leftovers)
