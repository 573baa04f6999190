"""What of a restored SEI is read back through its pages: a document that was written in it, and an attachment."""

from typing import TYPE_CHECKING, NamedTuple

from blocks.mariadb import MariaDBServer
from domain.archive import Attachment, attachment_path

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# protocolo.sta_nivel_acesso_global: public, restricted. What is secret (2) is opened by nobody, here as everywhere.
_LEVELS = ("0", "1")
_AT_EACH_END = 200
# A document that is not cancelled (protocolo.sta_estado 2), in the process where it is now.
_WHERE = """
    FROM documento d
    JOIN protocolo p ON p.id_protocolo = d.id_documento AND p.sta_protocolo = %(kind)s AND p.sta_estado <> '2'
    JOIN protocolo q ON q.id_protocolo = d.id_procedimento AND q.sta_nivel_acesso_global = %(level)s
"""
_ATTACHMENTS = f"""
    SELECT a.id_anexo, a.dth_inclusao, a.tamanho, a.hash, d.id_documento, p.protocolo_formatado, q.id_protocolo,
        q.protocolo_formatado
    {_WHERE}
    JOIN anexo a ON a.id_protocolo = d.id_documento AND a.sin_ativo = 'S'
    WHERE NOT EXISTS (
        SELECT 1 FROM anexo b WHERE b.id_protocolo = a.id_protocolo AND b.id_anexo <> a.id_anexo AND b.sin_ativo = 'S'
    )
"""
# One that has a text, or must have one: SEI signs no blank document.
_DOCUMENT = f"""
    SELECT d.id_documento, p.protocolo_formatado, q.id_protocolo, q.protocolo_formatado,
        CAST(COALESCE(c.conteudo_assinatura, c.conteudo, '') AS BINARY)
    {_WHERE}
    LEFT JOIN documento_conteudo c ON c.id_documento = d.id_documento
    WHERE d.sta_documento = 'I' AND (
        COALESCE(c.conteudo_assinatura, c.conteudo, '') <> ''
        OR EXISTS (SELECT 1 FROM assinatura s WHERE s.id_documento = d.id_documento AND s.sin_ativo = 'S')
    )
"""


class Place(NamedTuple):
    """A document and its process: by their ids, which tell nothing, and by the numbers under which pages show them."""

    document_id: int
    document: str
    process_id: int
    process: str


class WrittenDocument(NamedTuple):
    """A document that was written in SEI, with the text that its readers see; personal data may be in it."""

    place: Place
    html: str


class AttachedFile(NamedTuple):
    """A document that came as a file, and what its row of `anexo` says of that."""

    place: Place
    attachment_id: int
    file: Attachment


class CopySample:
    """Looks for what to read back in the SEI schema of a copy; what is public comes first."""

    def __init__(self, server: MariaDBServer, schema: str) -> None:
        self._server = server
        self._schema = schema

    def attached_files(self) -> list[AttachedFile]:
        """The oldest and the newest of those to choose from; the only file of its document each."""
        with self._server.transaction(self._schema) as cursor:
            for level in _LEVELS:
                found: list[AttachedFile] = []
                for order in ("ASC", "DESC"):
                    cursor.execute(
                        f"{_ATTACHMENTS} ORDER BY a.id_anexo {order} LIMIT {_AT_EACH_END}",
                        {"kind": "R", "level": level},
                    )
                    for id_anexo, included_at, size, md5, *place in cursor.fetchall():
                        path = attachment_path(int(id_anexo), included_at)
                        file = Attachment(path=path, size_bytes=size, md5=md5, active=True)
                        found.append(AttachedFile(Place(*place), int(id_anexo), file))
                if found:
                    return found
        return []

    def written_document(self, process_id: int | None) -> WrittenDocument | None:
        """The newest in a process if it has one, else the newest of all."""
        with self._server.transaction(self._schema) as cursor:
            found = self._newest(cursor, "AND d.id_procedimento = %(process)s", process_id) if process_id else None
            return found or self._newest(cursor)

    def _newest(self, cursor: "Cursor", condition: str = "", process_id: int | None = None) -> WrittenDocument | None:
        for level in _LEVELS:
            cursor.execute(
                f"{_DOCUMENT} {condition} ORDER BY d.id_documento DESC LIMIT 1",
                {"kind": "G", "level": level, "process": process_id},
            )
            if row := cursor.fetchone():
                *place, content = row
                # A few of 256 bytes are no character of cp1252, and MariaDB keeps them all the same.
                return WrittenDocument(Place(*place), content.decode("cp1252", "replace"))
        return None

    def open_to_all(self, process_id: int) -> None:
        """Let whoever is signed in read a process. On a copy only: nobody else reaches it, and it is thrown away."""
        with self._server.transaction(self._schema) as cursor:
            cursor.execute(
                "UPDATE protocolo SET sta_nivel_acesso_global = '0' WHERE sta_nivel_acesso_global = '1'"
                " AND (id_protocolo = %(process)s"
                " OR id_protocolo IN (SELECT id_documento FROM documento WHERE id_procedimento = %(process)s))",
                {"process": process_id},
            )
