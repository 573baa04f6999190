"""Processes and their documents: when which was begun, by whom, and the rows and texts of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import numpy as np

from bench.municipality.ground import Author, Ground, Numbers, choose
from bench.municipality.load import Row, load_rows
from bench.municipality.words import ODD_TEXTS, Generator, html_document, lengths, sentence
from domain.text import search_text

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

PROCESS, GENERATED, REGISTERED = "P", "G", "R"  # protocolo.sta_protocolo
# One in so many is such.
_IS_SIGNED, _IS_RESTRICTED, _IS_DONE, _HAS_VALUE, _HAS_INTERESTED = 8, 10, 20, 50, 2
_WITHIN = timedelta(days=60)  # of its process's beginning
_DESCRIPTION_WORDS = 8
_LONG_TEXT_WORDS = 20_000
_NUMBER_DIGITS = 7
_NORMAL_DOCUMENT = "1"  # rel_protocolo_protocolo.sta_associacao
_INTERESTED = "I"  # participante.sta_participacao


@dataclass(frozen=True)
class Span:
    """The time that the work covers."""

    first: datetime
    last: datetime


class Protocol(NamedTuple):
    """A process or a document; both ids of a process are one."""

    id_protocolo: int
    id_procedimento: int
    kind: str
    number: str
    author: Author
    id_unidade: int
    id_hipotese_legal: int | None
    at: datetime
    signed: bool


def plan_protocols(
    sei: "Cursor", ground: Ground, generator: Generator, authors: Sequence[Author], span: Span, kinds: Sequence[int]
) -> list[Protocol]:
    """Processes in the order of their dates, each followed by its documents; `kinds` is how many of P, G and R."""
    processes, generated, registered = kinds
    numbers = Numbers(sei)
    starts = np.sort(generator.integers(0, _seconds(span.first, span.last), processes)).tolist()
    # Where in the row of all documents those of each process begin, and where the last one's end.
    holders = np.sort(generator.integers(0, processes, generated + registered))
    bounds = np.searchsorted(holders, range(processes + 1)).tolist()
    kind_of = generator.permutation([GENERATED] * generated + [REGISTERED] * registered).tolist()
    document_numbers = iter(ground.ids(sei, "documento", generated + registered))
    ids = iter(ground.ids(sei, "protocolo", processes + generated + registered))
    writers = iter(choose(generator, authors, processes + generated + registered))
    units = choose(generator, ground.unidades, processes)
    hipoteses = choose(generator, ground.hipoteses, processes)
    protocols: list[Protocol] = []
    for place, seconds in enumerate(starts):
        id_procedimento, at = next(ids), span.first + timedelta(seconds=seconds)
        process = Protocol(
            id_protocolo=id_procedimento,
            id_procedimento=id_procedimento,
            kind=PROCESS,
            number=numbers.next(units[place], at.year),
            author=next(writers),
            id_unidade=units[place],
            id_hipotese_legal=None if (place + 1) % _IS_RESTRICTED else hipoteses[place],
            at=at,
            signed=False,
        )
        protocols.append(process)
        for document in range(bounds[place], bounds[place + 1]):
            later = int(generator.integers(0, _seconds(at, min(at + _WITHIN, span.last))))
            protocols.append(
                process._replace(
                    id_protocolo=next(ids),
                    kind=kind_of[document],
                    number=str(next(document_numbers)).zfill(_NUMBER_DIGITS),
                    author=next(writers),
                    at=at + timedelta(seconds=later),
                    signed=kind_of[document] == GENERATED and document % _IS_SIGNED == 0,
                )
            )
    numbers.save()
    return protocols


def _seconds(first: datetime, last: datetime) -> int:
    return max(int((last - first).total_seconds()), 1)


def write_protocols(sei: "Cursor", ground: Ground, generator: Generator, protocols: Sequence[Protocol]) -> None:
    """The rows of processes and documents, their subjects, interested people and notes."""
    processes = [protocol for protocol in protocols if protocol.kind == PROCESS]
    documents = [protocol for protocol in protocols if protocol.kind != PROCESS]
    odd = iter(ODD_TEXTS)
    load_rows(
        sei,
        "protocolo",
        (_protocol(protocol, next(odd, sentence(generator, _DESCRIPTION_WORDS))) for protocol in protocols),
    )
    load_rows(
        sei,
        "procedimento",
        (
            {
                "id_procedimento": process.id_protocolo,
                "id_tipo_procedimento": kind,
                "sta_ouvidoria": "N",
                "sin_ciencia": "N",
                "dta_conclusao": None if number % _IS_DONE else _day(process.at),
            }
            for number, (process, kind) in enumerate(
                zip(processes, choose(generator, ground.tipos_procedimento, len(processes)), strict=True), start=1
            )
        ),
    )
    load_rows(sei, "documento", _documents(ground, generator, documents))
    load_rows(
        sei,
        "rel_protocolo_assunto",
        (
            {
                "id_protocolo": process.id_protocolo,
                "id_unidade": process.id_unidade,
                "sequencia": 0,
                "id_assunto_proxy": id_assunto,
                "id_protocolo_procedimento": process.id_protocolo,
            }
            for process, id_assunto in zip(processes, choose(generator, ground.assuntos, len(processes)), strict=True)
        ),
    )
    load_rows(
        sei,
        "rel_protocolo_protocolo",
        (
            {
                "id_rel_protocolo_protocolo": id_link,
                "id_protocolo_1": document.id_procedimento,
                "id_protocolo_2": document.id_protocolo,
                "id_usuario": document.author.id_usuario,
                "id_unidade": document.id_unidade,
                "sta_associacao": _NORMAL_DOCUMENT,
                "dth_associacao": document.at,
                "sequencia": place,
                "sin_ciencia": "N",
            }
            for place, (id_link, document) in enumerate(
                zip(ground.ids(sei, "rel_protocolo_protocolo", len(documents)), documents, strict=True)
            )
        ),
    )
    interested = processes[::_HAS_INTERESTED]
    load_rows(
        sei,
        "participante",
        (
            {
                "id_participante": id_participante,
                "id_protocolo": process.id_protocolo,
                "id_contato": process.author.id_contato,
                "id_unidade": process.id_unidade,
                "sta_participacao": _INTERESTED,
                "sequencia": 0,
            }
            for id_participante, process in zip(
                ground.ids(sei, "participante", len(interested)), interested, strict=True
            )
        ),
    )
    _write_notes(sei, ground, generator, processes)


def _protocol(protocol: Protocol, description: str | None) -> Row:
    digits = "".join(filter(str.isalnum, protocol.number))
    level = "0" if protocol.id_hipotese_legal is None else "1"
    return {
        "id_protocolo": protocol.id_protocolo,
        "id_unidade_geradora": protocol.id_unidade,
        "id_usuario_gerador": protocol.author.id_usuario,
        "protocolo_formatado": protocol.number,
        "sta_protocolo": protocol.kind,
        "id_protocolo_agrupador": protocol.id_procedimento,
        "dta_geracao": _day(protocol.at),
        "sta_estado": "0",
        "descricao": description,
        "sta_nivel_acesso_local": level,
        "sta_nivel_acesso_global": level,
        "protocolo_formatado_pesquisa": digits,
        "id_hipotese_legal": protocol.id_hipotese_legal,
        "protocolo_formatado_pesq_inv": digits[::-1],
        "dta_inclusao": _day(protocol.at),
        "sin_eliminado": "N",
    }


def _documents(ground: Ground, generator: Generator, documents: Sequence[Protocol]) -> Iterator[Row]:
    for number, document in enumerate(documents):
        written = document.kind == GENERATED
        yield {
            "id_documento": document.id_protocolo,
            "numero": str(number) if written else None,
            "id_unidade_responsavel": document.id_unidade,
            "id_serie": choose(generator, ground.series[document.kind], 1)[0],
            "id_procedimento": document.id_procedimento,
            "sin_bloqueado": "S" if document.signed else "N",
            "id_conjunto_estilos": ground.id_conjunto_estilos if written else None,
            "id_tipo_conferencia": None if written else choose(generator, ground.tipos_conferencia, 1)[0],
            "sta_documento": "I" if written else "X",
            "nome_arvore": None if number % _HAS_VALUE else "Nota d'água",
            "sin_arquivamento": "N",
            "sin_versoes": "S" if written else "N",
            "din_valor": None if number % _HAS_VALUE else Decimal(int(generator.integers(1, 10**12))) / 100,
            "sta_editor": "1" if written else "0",
        }


def _write_notes(sei: "Cursor", ground: Ground, generator: Generator, processes: Sequence[Protocol]) -> None:
    """A few notes of units, the first of them long."""
    noted = processes[::_IS_RESTRICTED]
    texts = [sentence(generator, _DESCRIPTION_WORDS if place else _LONG_TEXT_WORDS) for place in range(len(noted))]
    load_rows(
        sei,
        "observacao",
        (
            {
                "id_observacao": id_observacao,
                "id_protocolo": process.id_protocolo,
                "id_unidade": process.id_unidade,
                "descricao": text,
                "idx_observacao": search_text(text),
            }
            for id_observacao, process, text in zip(
                ground.ids(sei, "observacao", len(noted)), noted, texts, strict=True
            )
        ),
    )


def write_texts(sei: "Cursor", generator: Generator, protocols: Sequence[Protocol], mean_bytes: int) -> None:
    """What was written in SEI; what is signed is there a second time, as it was signed."""
    documents = [protocol for protocol in protocols if protocol.kind != PROCESS]
    written = sum(document.kind == GENERATED for document in documents)
    sizes = iter(lengths(generator, written, mean_bytes * len(documents)))

    def rows() -> Iterator[Row]:
        for document in documents:
            text = html_document(generator, document.number, next(sizes)) if document.kind == GENERATED else None
            yield {
                "id_documento": document.id_protocolo,
                "conteudo": text,
                "conteudo_assinatura": text if document.signed else None,
                "crc_assinatura": f"{crc32(text):08X}" if document.signed and text is not None else None,
            }

    load_rows(sei, "documento_conteudo", rows())


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0)
