"""SEI's file repository: `<RepositorioArquivos>/<YYYY>/<MM>/<DD>/<id_anexo>` (`sei.md` 3)."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pymysql.cursors import DictCursor

from blocks.file_repository import measure
from domain.archive import attachment_path
from domain.errors import InvalidInputError, RetryableError
from domain.quota import fits_quota, format_size
from domain.text import fits
from lab.sei_standin.database import fetch_one, insert, next_id, read_parameter
from lab.sei_standin.environments import ImplantaSettings
from lab.sei_standin.protocols import Author

_MAX_NAME_LENGTH = 255  # anexo.nome
_DIRECTORY_MODE = 0o755


class Door(StrEnum):
    """By which way files come; each column of `arquivo_extensao` says which extensions it takes."""

    PAGES = "sin_interface"
    SERVICE = "sin_servico"


@dataclass
class FileWriter:
    """Writes files during one transaction, and knows them in case it fails."""

    root: Path
    quota: ImplantaSettings
    door: Door
    written: list[Path] = field(default_factory=list)

    def write(self, id_anexo: int, content: bytes, included_at: datetime) -> None:
        """Put a file in place as a whole, on disk before the database says that it exists.

        Raises:
            InvalidInputError: the environment's quota has no room for it.
            RetryableError: the disk refused it.
        """
        self._require_room(len(content))
        path = self.root / attachment_path(id_anexo, included_at)
        partial = path.with_suffix(".parcial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
            self.written += [partial, path]
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as e:
            raise RetryableError(
                f"O repositório de arquivos recusou a gravação ({e.strerror})",
                str(self.root),
                "Libere espaço ou acerte as permissões.",
            ) from e

    def _require_room(self, size: int) -> None:
        """Two uploads at once may pass together and overstep by one file, as a soft limit of a disk may."""
        if self.quota.quota_bytes is None or self.quota.quota_files is None:
            return
        usage = measure(self.root)
        if not fits_quota(usage, size, self.quota.quota_bytes, self.quota.quota_files):
            raise InvalidInputError(
                f"O repositório de arquivos está cheio: {format_size(usage.bytes)} de "
                f"{format_size(self.quota.quota_bytes)} e {usage.files} de {self.quota.quota_files} arquivos em uso",
                f"arquivo de {format_size(size)}",
                "Peça à administração do SEI que amplie o plano ou exclua arquivos sem uso.",
            )


@contextmanager
def repository(root: Path, quota: ImplantaSettings, door: Door) -> Iterator[FileWriter]:
    """Files written in this block stay only if it ends well; keep the database's transaction inside it."""
    writer = FileWriter(root, quota, door)
    try:
        yield writer
    except BaseException:
        for path in writer.written:
            path.unlink(missing_ok=True)
        raise


def store_file(
    sei: DictCursor,
    writer: FileWriter,
    author: Author,
    *,
    name: str,
    content: bytes,
    now: datetime,
    id_protocolo: int | None = None,
) -> int:
    """Keep a file and its `anexo` row; returns the row's id. Without a protocol it is an upload not used yet.

    Raises:
        InvalidInputError: the file is empty, or SEI does not take its extension.
    """
    if not content:
        raise InvalidInputError("Arquivo vazio", "conteúdo do arquivo", "Envie um arquivo com ao menos um byte.")
    fits(name, _MAX_NAME_LENGTH, "nome do arquivo", "arquivo")
    _require_extension(sei, name, writer.door)
    id_anexo = next_id(sei, "anexo")
    insert(
        sei,
        "anexo",
        [
            {
                "id_anexo": id_anexo,
                "nome": name,
                "id_protocolo": id_protocolo,
                "sin_ativo": "S",
                "id_unidade": author.id_unidade,
                "id_usuario": author.id_usuario,
                "tamanho": len(content),
                "dth_inclusao": now,
                "hash": md5(content),
            }
        ],
    )
    writer.write(id_anexo, content, now)
    return id_anexo


def md5(content: bytes) -> str:
    """SEI's own checksum of a file: MD5 in hexadecimal."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _require_extension(sei: DictCursor, name: str, door: Door) -> None:
    if read_parameter(sei, "SEI_HABILITAR_VALIDACAO_EXTENSAO_ARQUIVOS") != "1":
        return
    extension = Path(name).suffix.removeprefix(".").lower()
    row = fetch_one(
        sei,
        f"SELECT 1 FROM arquivo_extensao WHERE extensao = %s AND sin_ativo = 'S' AND {door} = 'S'",  # noqa: S608  # ours
        (extension,),
    )
    if row is None:
        raise InvalidInputError(
            f"A extensão {extension!r} não é permitida", "nome do arquivo", "Envie um formato permitido, como pdf."
        )
