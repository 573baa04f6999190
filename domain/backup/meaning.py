"""What the rows of SEI and SIP must mean, as data, and whose fault it is when they do not.

Each rule is a number that a query counts in the restored databases (`blocks/backup_meaning.py`) and one standard
expectation about it. The rules hold in the reference databases and are such as SEI itself keeps (`sei.md` 2 and 3):

- A document's or a process's own date may be as old as the paper is: only dates that SEI's clock wrote are judged.
- A process may carry the number of whoever sent it, or one that somebody typed: no mask is asked of it.
- A day of tolerance is of clocks. Two hours between beginning and end are of summer time, which ended in 2019.

A copy is judged by what it holds, and a copy may be faithful to a source that is broken: real data are. What a rule
reads decides. When every table of it was proved equal to the source, row by row, then the source has the same fault:
it is an alert about the environment, for which somebody has to mend it there, and the backup stays proved, since a
refusal would leave the environment without any backup for as long as nobody mends it. When one of the tables differs,
the fault is the copy's, and told by its own cause beside the difference. Vital rules are findings in either case: with
such a fault SEI does not start, so the copy is of no use whoever is to blame.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.backup.findings import Cause, Finding, Level
from domain.reference import Database

EXPECTATION = "expect_column_sum_to_be_between"
"""Of the standard expectations the one that says enough of a count, in a third of the others' time."""
_NONE: Mapping[str, object] = {"max_value": 0}
_SOME: Mapping[str, object] = {"min_value": 1}


@dataclass(frozen=True)
class Rule:
    """One expectation about a count; `says` completes what is true of the subject. `table` is the subject's if empty.

    Without `vital` a copy that breaks it can still be used.
    """

    name: str
    says: str
    arguments: Mapping[str, object] = field(default_factory=lambda: _NONE)
    table: str = ""
    vital: bool = False


@dataclass(frozen=True)
class Subject:
    """The rules that one query counts, and the tables that it reads, as `sei.protocolo`, its own first.

    An optional subject is of a module: it is judged where its table is.
    """

    name: str
    tables: tuple[str, ...]
    rules: tuple[Rule, ...]
    optional: bool = False

    def table(self, rule: Rule) -> str:
        """The table that a rule is about, as `sei.protocolo`."""
        return rule.table or self.tables[0]

    def reads(self, rule: Rule) -> tuple[str, ...]:
        """The tables whose rows decide a rule."""
        return (rule.table,) if rule.table else self.tables

    def column(self, rule: Rule) -> str:
        """The one name of a rule among all."""
        return f"{self.name}.{rule.name}"


def _tables(database: Database, *names: str) -> tuple[str, ...]:
    return tuple(f"{database}.{name}" for name in names)


def _filled(database: Database, vital: AbstractSet[str], *names: str) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            name,
            "não está vazia",
            _SOME,
            table=f"{database}.{name}",
            vital=name in vital,
        )
        for name in names
    )


CATALOGUES: tuple[Subject, ...] = (
    Subject(
        "cadastros_sei",
        ("sei.infra_parametro",),
        _filled(
            "sei",
            {"infra_parametro", "orgao", "unidade", "usuario", "contato", "tarefa", "serie", "tipo_procedimento"},
            *("infra_parametro", "orgao", "unidade", "usuario", "contato", "tarefa", "serie", "tipo_procedimento"),
            *(
                "assunto",
                "assunto_proxy",
                "tabela_assuntos",
                "hipotese_legal",
                "tipo_contato",
                "nivel_acesso_permitido",
            ),
            *("tarja_assinatura", "modelo", "secao_modelo", "estilo", "conjunto_estilos", "arquivo_extensao"),
            *("tipo_conferencia", "uf", "pais", "cidade", "infra_agendamento_tarefa"),
        ),
    ),
    Subject(
        "cadastros_sip",
        ("sip.infra_parametro",),
        _filled(
            "sip",
            {"infra_parametro", "sistema", "orgao", "unidade", "usuario", "perfil", "recurso", "hierarquia"},
            *("infra_parametro", "sistema", "orgao", "unidade", "usuario", "perfil", "recurso", "hierarquia"),
            *("rel_perfil_recurso", "rel_hierarquia_unidade", "permissao", "tipo_permissao", "menu", "item_menu"),
            *("rel_perfil_item_menu", "infra_sequencia", "infra_agendamento_tarefa"),
        ),
    ),
)
"""Tables without which nobody can work; a query counts each by itself."""

SUBJECTS: tuple[Subject, ...] = (
    Subject(
        "orgao",
        _tables("sei", "orgao", "contato") + _tables("sip", "orgao"),
        (
            Rule("sem_contato", "todo órgão tem contato"),
            Rule("sem_sip", "todo órgão ativo existe no SIP com a mesma sigla"),
        ),
    ),
    Subject(
        "unidade",
        _tables("sei", "unidade", "orgao", "contato", "unidade_historico") + _tables("sip", "unidade"),
        (
            Rule("sem_orgao", "toda unidade tem órgão"),
            Rule("sem_contato", "toda unidade tem contato"),
            Rule("sem_sigla", "toda unidade tem sigla"),
            Rule("sem_historico", "toda unidade ativa tem um histórico aberto, e só um"),
            Rule("sem_sip", "toda unidade ativa existe no SIP"),
        ),
    ),
    Subject(
        "usuario",
        _tables("sei", "usuario", "orgao", "contato") + _tables("sip", "usuario"),
        (
            Rule("sem_orgao", "todo usuário tem órgão"),
            Rule("sem_contato", "todo usuário tem contato"),
            Rule("sem_sigla", "todo usuário tem sigla"),
            Rule("sigla_repetida", "a sigla de um usuário interno ativo é única no seu órgão"),
            Rule("sem_sip", "todo usuário interno ativo existe no SIP"),
        ),
    ),
    Subject(
        "protocolo",
        _tables("sei", "protocolo", "unidade", "orgao", "usuario", "procedimento", "documento"),
        (
            Rule("sem_unidade", "todo protocolo tem unidade geradora"),
            Rule("sem_orgao", "a unidade geradora de todo protocolo tem órgão"),
            Rule("sem_gerador", "todo protocolo tem usuário gerador"),
            Rule("tipo", "todo protocolo é processo, documento gerado ou documento recebido"),
            Rule("sem_procedimento", "todo protocolo de processo tem seu processo"),
            Rule("sem_documento", "todo protocolo de documento tem seu documento"),
            Rule("numero_repetido", "nenhum número de protocolo se repete"),
            Rule("numero_sem_forma", "o número de processo tem algarismos, e o de documento só algarismos"),
            Rule("numero_pesquisa", "o número de pesquisa é o número sem pontuação"),
            Rule("numero_invertido", "o número invertido é o de pesquisa de trás para a frente"),
            Rule("futuro", "nenhum protocolo foi incluído depois da cópia"),
        ),
    ),
    Subject(
        "procedimento",
        _tables("sei", "procedimento", "protocolo", "tipo_procedimento"),
        (
            Rule("sem_protocolo", "todo processo tem seu protocolo, do tipo processo"),
            Rule("sem_tipo", "todo processo tem tipo"),
        ),
    ),
    Subject(
        "documento",
        _tables("sei", "documento", "protocolo", "procedimento", "serie", "unidade", "documento_conteudo"),
        (
            Rule("sem_protocolo", "todo documento tem seu protocolo, do tipo documento"),
            Rule("sem_procedimento", "todo documento está em um processo"),
            Rule("sem_serie", "todo documento tem tipo"),
            Rule("sem_unidade", "todo documento tem unidade responsável"),
            Rule("sem_conteudo", "todo documento do editor, não cancelado nem eliminado, tem conteúdo"),
        ),
    ),
    Subject(
        "documento_conteudo",
        _tables("sei", "documento_conteudo", "documento"),
        (Rule("sem_documento", "todo conteúdo é de um documento"),),
    ),
    Subject(
        "assinatura",
        _tables("sei", "assinatura", "documento", "usuario", "unidade", "tarja_assinatura"),
        (
            Rule("sem_documento", "toda assinatura é de um documento"),
            Rule("sem_usuario", "toda assinatura é de um usuário"),
            Rule("sem_unidade", "toda assinatura é de uma unidade"),
            Rule("sem_tarja", "toda assinatura tem tarja"),
            Rule("forma", "toda assinatura é por senha ou por certificado"),
        ),
    ),
    Subject(
        "atividade",
        _tables("sei", "atividade", "protocolo", "unidade", "tarefa", "usuario"),
        (
            Rule("sem_protocolo", "todo andamento é de um protocolo"),
            Rule("sem_unidade", "todo andamento é de uma unidade"),
            Rule("sem_tarefa", "todo andamento é de uma tarefa que existe"),
            Rule("sem_usuario", "todo andamento tem usuário de origem"),
            Rule("conclui_antes", "nenhum andamento termina antes de começar"),
            Rule("futuro", "nenhum andamento começa depois da cópia"),
            Rule("antigo", "nenhum andamento começa antes de 1990"),
        ),
    ),
    Subject(
        "anexo",
        _tables("sei", "anexo", "protocolo", "unidade", "usuario"),
        (
            Rule("vazio", "todo anexo ativo tem tamanho"),
            Rule("sem_hash", "todo anexo ativo tem MD5 de 32 algarismos hexadecimais"),
            Rule("sem_protocolo", "o protocolo de um anexo existe"),
            Rule("sem_unidade", "todo anexo é de uma unidade"),
            Rule("sem_usuario", "todo anexo é de um usuário"),
            Rule("futuro", "nenhum anexo foi incluído depois da cópia"),
            Rule("antigo", "nenhum anexo foi incluído antes de 1990"),
        ),
    ),
    Subject(
        "anexo_pen",
        _tables("sei", "md_pen_anexo_documento"),
        (
            Rule("vazio", "todo anexo ativo do PEN tem tamanho"),
            Rule("sem_hash", "todo anexo ativo do PEN tem MD5 de 32 algarismos hexadecimais"),
            Rule("futuro", "nenhum anexo do PEN foi incluído depois da cópia"),
        ),
        optional=True,
    ),
    Subject(
        "participante",
        _tables("sei", "participante", "protocolo", "contato"),
        (
            Rule("sem_protocolo", "todo interessado é de um protocolo"),
            Rule("sem_contato", "todo interessado é um contato"),
        ),
    ),
    Subject(
        "permissao",
        _tables("sip", "permissao", "usuario", "unidade", "perfil", "sistema", "tipo_permissao"),
        (
            Rule("sem_usuario", "toda permissão é de um usuário"),
            Rule("sem_unidade", "toda permissão é em uma unidade"),
            Rule("sem_perfil", "toda permissão é de um perfil do seu sistema"),
            Rule("sem_sistema", "toda permissão é em um sistema"),
            Rule("sem_tipo", "toda permissão tem tipo"),
        ),
    ),
    Subject(
        "usuario_sip",
        _tables("sip", "usuario", "orgao"),
        (
            Rule("sem_orgao", "todo usuário do SIP tem órgão"),
            Rule("sem_sigla", "todo usuário do SIP tem sigla"),
            Rule("sigla_repetida", "a sigla de um usuário ativo do SIP é única no seu órgão"),
        ),
    ),
    Subject(
        "hierarquia",
        _tables("sip", "rel_hierarquia_unidade", "unidade", "hierarquia", "orgao"),
        (
            Rule("sem_unidade", "tudo na hierarquia é uma unidade"),
            Rule("sem_hierarquia", "toda posição é de uma hierarquia"),
            Rule("sem_acima", "a unidade acima está na mesma hierarquia"),
            Rule("sem_orgao", "toda unidade do SIP tem órgão"),
        ),
    ),
    Subject(
        "sistema",
        _tables("sip", "sistema"),
        tuple(
            Rule(
                name.lower(),
                f"o sistema {name} está cadastrado no SIP",
                _SOME,
                vital=True,
            )
            for name in ("SEI", "SIP")
        ),
    ),
)
"""What a query each counts, in `blocks/backup_meaning.py`, under the rules' names."""

VERSIONS = Subject(
    "versoes",
    _tables("sei", "infra_parametro") + _tables("sip", "infra_parametro"),
    (
        Rule("ausente", "as versões do SEI e do SIP estão nos parâmetros", vital=True),
        Rule("diferente", "as versões são as que o manifesto diz", vital=True),
    ),
)
_REQUIRED_VERSIONS = ("sei SEI_VERSAO", "sip SIP_VERSAO")


def count_versions(told: Mapping[str, str], found: Mapping[str, str]) -> dict[str, int]:
    """What the rules about versions count: `told` by the manifest, `found` in the copy, both as `sei SEI_VERSAO`."""
    return {
        "ausente": sum(not found.get(name, "").strip() for name in _REQUIRED_VERSIONS),
        "diferente": sum(told.get(name) != found.get(name) for name in told.keys() | found.keys()),
    }


class Violation(NamedTuple):
    """Something wrong in what was restored, and the tables, as `schema.table`, that decided so."""

    cause: Cause
    subject: str
    detail: str
    tables: tuple[str, ...]
    vital: bool = False


class Attributed(NamedTuple):
    """What is the backup's fault, and what is true of its source as well."""

    findings: tuple[Finding, ...]
    alerts: tuple[Finding, ...]


def attribute(violations: Iterable[Violation], unequal: AbstractSet[str]) -> Attributed:
    """Tell the copy's faults from the source's; `unequal` names the tables not proved to be the source's."""
    findings: list[Finding] = []
    alerts: list[Finding] = []
    for violation in violations:
        told = Finding(level=Level.EQUAL, cause=violation.cause, subject=violation.subject, detail=violation.detail)
        ours = violation.vital or not unequal.isdisjoint(violation.tables)
        (findings if ours else alerts).append(told)
    return Attributed(tuple(findings), tuple(alerts))
