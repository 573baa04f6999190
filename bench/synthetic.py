"""A synthetic municipality: rows and files of two years of SEI, into an environment's databases and file repository.

The same seed on databases with the same rows gives the same rows and files. The databases are those of SEI 4.1, as a
reference or a creation leaves them; ids come from their counters, so whatever is there already stays. Left out are the
editor's sections (`secao_documento`), which hold each text once more.
"""

import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.municipality.files import has_pen, make_pen_table, write_attachments, write_pen_attachments
from bench.municipality.ground import list_authors, read_ground
from bench.municipality.history import write_history
from bench.municipality.load import loading
from bench.municipality.people import write_people
from bench.municipality.protocols import Span, plan_protocols, write_protocols, write_texts
from blocks.mariadb import MariaDBServer

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

_SPAN = timedelta(days=730)
_OPENS, _CLOSES = time(8), time(18)
_FILED = 3  # at most one document in so many came as a file


@dataclass(frozen=True)
class Size:
    """How much of everything; the default is the average prefeitura of the programme.

    `html_bytes` is a mean over all documents, those that came as files among them, which have no text. `attachments`
    have a file each; rows that lost theirs come on top, and those of the module PEN.
    """

    processes: int = 3_000
    documents: int = 11_700
    html_bytes: int = 15_400
    attachments: int = 4_000
    attachment_bytes: int = 60_000
    users: int = 350
    activities: int = 26_400

    def part(self, share: float) -> "Size":
        """So much of it, at least one of each; texts and files stay as long as they are."""
        return Size(
            processes=math.ceil(self.processes * share),
            documents=math.ceil(self.documents * share),
            html_bytes=self.html_bytes,
            attachments=math.ceil(self.attachments * share),
            attachment_bytes=self.attachment_bytes,
            users=math.ceil(self.users * share),
            activities=math.ceil(self.activities * share),
        )


def fill(
    server: MariaDBServer,
    sip: str,
    sei: str,
    repository: Path,
    *,
    size: Size,
    seed: int,
    today: date,
    pen: bool = False,
) -> None:
    """Write a municipality of that size, its work spread over the two years up to `today`.

    With `pen`, the module PEN 4.1 is there too, with attachments in a table and a folder of its own.
    """
    if pen:
        with loading(server, sei) as cursor:
            make_pen_table(cursor)
    first = datetime.combine(today, _OPENS) - _SPAN
    _write(server, (sip, sei), repository, size, np.random.default_rng(seed), Span(first, _evening(today)))


def grow(server: MariaDBServer, sip: str, sei: str, repository: Path, *, share: float, seed: int, today: date) -> Size:
    """Add one day's work, so much of what is there; how much that was. Nothing else but counters is changed."""
    with loading(server, sei) as cursor:
        size = _measure(cursor).part(share)
    span = Span(datetime.combine(today, _OPENS), _evening(today))
    _write(server, (sip, sei), repository, size, np.random.default_rng(seed), span)
    return size


def _evening(day: date) -> datetime:
    return datetime.combine(day, _CLOSES)


def _measure(cursor: "Cursor") -> Size:
    cursor.execute(
        "SELECT (SELECT COUNT(*) FROM procedimento), COUNT(*), COALESCE(SUM(LENGTH(conteudo)) / COUNT(*), 0),"
        " (SELECT COUNT(*) FROM anexo WHERE sin_ativo = 'S'),"
        " (SELECT COALESCE(AVG(tamanho), 0) FROM anexo WHERE sin_ativo = 'S'),"
        " (SELECT COUNT(*) FROM usuario WHERE sta_tipo = '0'), (SELECT COUNT(*) FROM atividade)"
        " FROM documento LEFT JOIN documento_conteudo USING (id_documento)"
    )
    (counts,) = cursor.fetchall()
    return Size(*map(int, counts))


def _write(
    server: MariaDBServer,
    schemas: tuple[str, str],
    repository: Path,
    size: Size,
    generator: np.random.Generator,
    span: Span,
) -> None:
    filed = min(size.attachments, size.documents // _FILED)
    kinds = (size.processes, size.documents - filed, filed)
    files = (size.attachments, size.attachment_bytes)
    with loading(server, schemas[0]) as sip, loading(server, schemas[1]) as sei:
        ground = read_ground(sip, sei)
        write_people(sip, sei, ground, generator, size.users, span.first, span.last)
        protocols = plan_protocols(sei, ground, generator, list_authors(sei), span, kinds)
        write_protocols(sei, ground, generator, protocols)
        write_texts(sei, generator, protocols, size.html_bytes)
        write_history(sei, ground, generator, protocols, size.activities)
        write_attachments(sei, ground, generator, protocols, repository, files)
        if has_pen(sei):
            write_pen_attachments(sei, generator, protocols, repository, files)
