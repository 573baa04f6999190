"""The history of processes, and the signatures that it tells of."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from bench.municipality.ground import Author, Ground, choose
from bench.municipality.load import Row, load_rows
from bench.municipality.protocols import GENERATED, PROCESS, REGISTERED, Protocol
from bench.municipality.words import Generator

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

_TASKS = {PROCESS: 1, GENERATED: 2, REGISTERED: 13}  # rows of `tarefa` in every reference
_SIGNED = 5
_BY_PASSWORD = "S"
# One in so many is such.
_IS_ASSIGNED, _HAS_TERM = 9, 60


class _Entry(NamedTuple):
    about: Protocol
    id_tarefa: int
    author: Author


def write_history(
    sei: "Cursor", ground: Ground, generator: Generator, protocols: Sequence[Protocol], count: int
) -> None:
    """So many entries: one for each process, document and signature, and at random what is still missing."""
    entries = [_Entry(protocol, _TASKS[protocol.kind], protocol.author) for protocol in protocols]
    entries += [_Entry(protocol, _SIGNED, protocol.author) for protocol in protocols if protocol.signed]
    missing = max(count - len(entries), 0)
    others = [id_tarefa for id_tarefa in ground.tarefas if id_tarefa not in {*_TASKS.values(), _SIGNED}]
    authors = [protocol.author for protocol in protocols]
    entries += map(
        _Entry,
        choose(generator, protocols, missing),
        choose(generator, others, missing),
        choose(generator, authors, missing),
    )
    entries.sort(key=lambda entry: entry.about.at)  # stable: what began a process stays before what followed
    ids = ground.ids(sei, "atividade", len(entries))
    load_rows(sei, "atividade", _activities(entries, ids))
    about_documents = [
        (id_atividade, entry) for id_atividade, entry in zip(ids, entries, strict=True) if entry.about.kind != PROCESS
    ]
    load_rows(
        sei,
        "atributo_andamento",
        (
            {
                "id_atributo_andamento": id_atributo,
                "id_atividade": id_atividade,
                "nome": "DOCUMENTO",
                "valor": entry.about.number,
                "id_origem": str(entry.about.id_protocolo),
            }
            for id_atributo, (id_atividade, entry) in zip(
                ground.ids(sei, "atributo_andamento", len(about_documents)), about_documents, strict=True
            )
        ),
    )
    signatures = [(id_atividade, entry) for id_atividade, entry in about_documents if entry.id_tarefa == _SIGNED]
    load_rows(sei, "assinatura", _signatures(sei, ground, generator, signatures))


def _activities(entries: Sequence[_Entry], ids: Sequence[int]) -> Iterator[Row]:
    last = {entry.about.id_procedimento: place for place, entry in enumerate(entries)}
    for place, ((protocol, id_tarefa, author), id_atividade) in enumerate(zip(entries, ids, strict=True)):
        is_open = last[protocol.id_procedimento] == place
        yield {
            "id_atividade": id_atividade,
            "id_protocolo": protocol.id_procedimento,
            "id_unidade": protocol.id_unidade,
            "dth_abertura": protocol.at,
            "dth_conclusao": None if is_open else protocol.at,
            "id_tarefa": id_tarefa,
            "id_unidade_origem": protocol.id_unidade,
            "id_usuario_conclusao": None if is_open else author.id_usuario,
            "sin_inicial": "S" if id_tarefa == _TASKS[PROCESS] else "N",
            "id_usuario_atribuicao": None if place % _IS_ASSIGNED else author.id_usuario,
            "dta_prazo": None if place % _HAS_TERM else protocol.at.replace(hour=0, minute=0, second=0),
            "tipo_visualizacao": 0,
            "id_usuario_origem": author.id_usuario,
        }


def _signatures(
    sei: "Cursor", ground: Ground, generator: Generator, signatures: Sequence[tuple[int, _Entry]]
) -> Iterator[Row]:
    ids = ground.ids(sei, "assinatura", len(signatures))
    roles = choose(generator, ground.cargos, len(signatures))
    for id_assinatura, role, (id_atividade, entry) in zip(ids, roles, signatures, strict=True):
        yield {
            "id_assinatura": id_assinatura,
            "id_documento": entry.about.id_protocolo,
            "id_usuario": entry.author.id_usuario,
            "id_unidade": entry.about.id_unidade,
            "nome": entry.author.nome,
            "tratamento": role,
            "id_atividade": id_atividade,
            "sta_forma_autenticacao": _BY_PASSWORD,
            "sin_ativo": "S",
            "id_tarja_assinatura": ground.id_tarja,
        }
