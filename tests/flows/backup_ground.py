"""One small environment with a backup of everything that a backup may hold, and the ways to damage that backup.

What is damaged is real: bytes that changed in the store are written as another version of their object, which the
manifest, signed again, names with the measures of the original; a restoration that differs from the snapshot is a text
that was altered and sealed anew.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import pytest

from blocks.archive_storage import ArchiveStorage
from blocks.catalog import Catalog
from blocks.dump_statements import DigestedDump
from blocks.table_facts import read_database
from domain.archive import ArchivePart
from domain.backup.certificate import BackupCertificate
from domain.backup.files import FileIndex, IndexedFile
from domain.backup.manifest import BackupManifest, BackupReference
from domain.environment import Purpose
from domain.municipality import municipality_from
from domain.plan import choose_plan
from flows.create_environment import create_environment
from tasks import clock, doors
from tasks.adhesion import adhere
from tasks.backup_cycle import back_up
from tasks.backup_storage import BackupVault, backup_storage, fetch_manifest
from tasks.instance import Instance, load_instance
from tests.flows.planted import INCLUDED_AT
from tests.waiting import wait_until

DAY = f"{INCLUDED_AT:%Y/%m/%d}"
LONG = hashlib.shake_256(b"anexo longo").digest(3 << 20)  # nothing packs it: its pack has several records
FILES = {
    9001: b"ata da primeira reuniao, com pauta e lista de presentes",
    9002: b"ata da segunda reuniao, com pauta e lista de ausentes.",
    9003: b"planta baixa",
    9004: LONG,
}
PEN_FILE = (77, b"componente digital tramitado")
DEFINITIONS = (
    "CREATE TABLE IF NOT EXISTS md_teste_pai (id int NOT NULL AUTO_INCREMENT, nome varchar(40) NOT NULL"
    " DEFAULT 'novo', sigla varchar(10) DEFAULT NULL, PRIMARY KEY (id), UNIQUE KEY ak_teste (sigla),"
    " KEY i_teste (nome)) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci",
    "CREATE TABLE IF NOT EXISTS md_teste_filho (id int NOT NULL, id_pai int DEFAULT NULL, PRIMARY KEY (id),"
    " KEY fk_teste (id_pai), CONSTRAINT fk_teste FOREIGN KEY (id_pai) REFERENCES md_teste_pai (id))"
    " ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci",
    "CREATE TABLE IF NOT EXISTS md_teste_valor (a varchar(40) DEFAULT NULL, b varchar(40) DEFAULT NULL, c longblob)"
    " ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci",
    "CREATE TABLE IF NOT EXISTS md_pen_anexo_documento LIKE anexo",
    "CREATE OR REPLACE VIEW md_teste_vista AS SELECT id, nome FROM md_teste_pai WHERE sigla <> 'Z'",
    "CREATE OR REPLACE TRIGGER md_teste_gatilho BEFORE UPDATE ON md_teste_pai FOR EACH ROW"
    " SET NEW.nome = TRIM(NEW.nome)",
    "CREATE OR REPLACE PROCEDURE md_teste_rotina() SELECT 41",
    "INSERT INTO md_teste_pai VALUES (1, 'Conceição', 'A'), (2, 'Unaí', 'B'), (3, 'Timóteo', 'C')",
    "ALTER TABLE md_teste_pai AUTO_INCREMENT = 8",
    "INSERT INTO md_teste_filho VALUES (10, 1), (20, 3), (30, NULL)",
    "INSERT INTO md_teste_valor VALUES ('a', 'bc', x'00ff0a'), ('a', 'bc', x'00ff0a'), (NULL, '', NULL),"
    " ('n', 'z', '')",
)


class Kind(StrEnum):
    """The objects of a backup beside its manifest."""

    DATABASES = "bancos"
    INDEX = "índice"
    PACK = "pacote"
    DIRECTORY = "diretório"
    SETTINGS = "configuração"


@dataclass(frozen=True)
class Ground:
    """A proved backup that every fault starts from."""

    instance: Instance
    certificate: BackupCertificate
    manifest: BackupManifest

    @property
    def reference(self) -> BackupReference:
        return self.certificate.backup

    @property
    def vault(self) -> BackupVault:
        return BackupVault(self.instance)

    @property
    def storage(self) -> ArchiveStorage:
        return backup_storage(self.instance)

    @property
    def sei(self) -> str:
        return self.instance.name.database_sei

    @cached_property
    def text(self) -> bytes:
        """What was dumped."""
        return self.content(Kind.DATABASES)

    @cached_property
    def index(self) -> FileIndex:
        return FileIndex.parse(self.content(Kind.INDEX).splitlines(keepends=True), "teste")

    def part(self, kind: Kind) -> ArchivePart:
        return {
            Kind.DATABASES: self.manifest.databases,
            Kind.INDEX: self.manifest.index,
            Kind.PACK: self.manifest.packs[0],
            Kind.DIRECTORY: self.manifest.directory,
            Kind.SETTINGS: self.manifest.settings,
        }[kind]

    def content(self, kind: Kind) -> bytes:
        return b"".join(self.vault.read(self.part(kind)))

    def stored(self, kind: Kind) -> bytes:
        """What lies in the bucket, packed and encrypted."""
        part = self.part(kind)
        return b"".join(self.storage.read(part.key, part.version_id))

    def locked(self, key: str, version_id: str) -> None:
        self.storage.retain(key, version_id, clock.now() + timedelta(hours=1))

    def with_part(self, kind: Kind, part: ArchivePart, **changes: object) -> BackupReference:
        """The backup with another object in the place of one."""
        if kind is Kind.PACK:
            index = self.put(Kind.INDEX, b"".join(FileIndex({1: part}, self.index.files).lines()))
            return self.signed(packs=(part,), index=index, **changes)
        field = {Kind.DATABASES: "databases", Kind.INDEX: "index", Kind.DIRECTORY: "directory"}.get(kind, "settings")
        return self.signed(**{field: part}, **changes)

    def put(self, kind: Kind, content: bytes, vault: BackupVault | None = None) -> ArchivePart:
        part = (vault or self.vault).put(self.part(kind).key, [content])
        self.locked(part.key, part.version_id)
        return part

    def in_store(self, kind: Kind, change: Callable[[bytes], bytes]) -> BackupReference:
        """Bytes that changed where they lie."""
        part = self.part(kind)
        version = self.storage.write(part.key, [change(self.stored(kind))])
        self.locked(part.key, version)
        return self.with_part(kind, part.model_copy(update={"version_id": version}))

    def in_copy(self, kind: Kind, content: bytes, **changes: object) -> BackupReference:
        """A content other than the source's, whole and sealed."""
        return self.with_part(kind, self.put(kind, content), **changes)

    def edited(self, old: bytes, new: bytes) -> BackupReference:
        """The dump with one thing replaced, so that the restored databases differ from the snapshot."""
        return self.in_copy(Kind.DATABASES, self.replaced(old, new))

    def edited_before_the_snapshot(self, old: bytes, new: bytes) -> BackupReference:
        """The same, where the snapshot itself held it: the dump's own digests agree, the server's count does not."""
        text = self.replaced(old, new)
        dump = DigestedDump(text.splitlines(keepends=True))
        for _ in dump:
            pass
        return self.in_copy(Kind.DATABASES, text, dump=dump.facts)

    def replaced(self, old: bytes, new: bytes) -> bytes:
        assert self.text.count(old) == 1, f"{old!r}: {self.text.count(old)}"
        return self.text.replace(old, new)

    def with_files(self, change: Callable[[dict[str, IndexedFile]], None]) -> BackupReference:
        """The same packs under an index that says something else."""
        files = dict(self.index.files)
        change(files)
        index = FileIndex(self.index.packs, files)
        return self.in_copy(Kind.INDEX, b"".join(index.lines()), files=index.facts)

    def signed(self, **changes: object) -> BackupReference:
        """The manifest with other facts, signed by the programme."""
        return self.vault.put_manifest(self.manifest.model_copy(update=changes))

    def signed_text(self, text: bytes, signature: bytes, folder: str | None = None) -> BackupReference:
        """A text in the manifest's place, with a signature of whoever wrote it."""
        key = self.reference.key if folder is None else f"{folder}/manifesto.json"
        self.storage.write(key + ".assinatura", [signature])
        version = self.storage.write(key, [text])
        sha256 = hashlib.sha256(text).hexdigest()
        return self.reference.model_copy(update={"key": key, "version_id": version, "sha256": sha256})


def furnish(instance: Instance) -> None:
    """Rows, rules and files of every kind that a backup has to carry."""
    with instance.server.transaction(instance.name.database_sei) as cursor:
        for definition in DEFINITIONS:
            cursor.execute(definition)
        cursor.execute("SELECT MIN(id_unidade), MIN(id_usuario) FROM unidade, usuario")
        ((unit, user),) = cursor.fetchall()
        for table, number, content in (
            *(("anexo", number, content) for number, content in FILES.items()),
            ("md_pen_anexo_documento", *PEN_FILE),
        ):
            cursor.execute(
                f"INSERT INTO {table} (id_anexo, nome, sin_ativo, id_unidade, id_usuario, tamanho, dth_inclusao, hash)"
                " VALUES (%s, 'a.pdf', 'S', %s, %s, %s, %s, MD5(%s))",
                (number, unit, user, len(content), INCLUDED_AT, content),
            )
    root = Path(doors.runtime().repository_path(instance.name))
    for name, content in (
        *((f"{DAY}/{number}", content) for number, content in FILES.items()),
        (f"mod-pen/{DAY}/{PEN_FILE[0]}", PEN_FILE[1]),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def make_instance(ibge: str, name: str) -> Instance:
    """A prefeitura with a training environment of the reduced reference, furnished."""
    catalog = Catalog()
    municipality = municipality_from(ibge, name, 8_000, catalog.ibge_table())
    adhere(doors.registry(), municipality, choose_plan(8_000, catalog.plans()))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("IMPLANTA_REFERENCE_DIR", raising=False)
        create_environment(municipality.slug, Purpose.TREINAMENTO)
    instance = load_instance(f"{municipality.slug}-{Purpose.TREINAMENTO}")
    furnish(instance)
    return instance


def is_at_rest(instance: Instance) -> bool:
    """Whether what was written is old enough to be told from what is written during a backup: times are seconds."""
    reading = read_database(instance.server, instance.name.database_sei)
    return max(reading.written_at.values()) < reading.read_at - 2


def lay(instance: Instance) -> Ground:
    """Take the backup that the faults start from."""
    wait_until(lambda: is_at_rest(instance), "the server's times tell that nobody has just written")
    certificate = back_up(instance)
    assert certificate.proved, [str(finding) for finding in certificate.findings]
    return Ground(instance, certificate, fetch_manifest(instance, certificate.backup))
