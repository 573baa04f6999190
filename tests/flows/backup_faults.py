"""The catalogue of what can be wrong with a backup: how each fault is injected, and what has to be found."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from struct import Struct

from pydantic import SecretBytes

from blocks.sealed_stream import generate_key
from blocks.signing_key import BackupSigningKey
from domain.backup.files import FileIndex, IndexedFile
from domain.backup.findings import Cause
from domain.backup.manifest import BackupReference, folder_of
from tasks import clock, doors
from tasks.backup_storage import BackupVault
from tasks.backup_verify import verify_backup
from tests.flows.backup_ground import DAY, PEN_FILE, Ground, Kind
from tests.waiting import wait_until

_LENGTH = Struct(">I")
_HEADER_BYTES = 16


@dataclass(frozen=True)
class Fault:
    """One fault; `also` are causes that it has to bring with it or may."""

    name: str
    cause: Cause
    subject: str
    inject: Callable[[Ground], BackupReference]
    also: frozenset[Cause] = frozenset()


def flipped(place: float) -> Callable[[bytes], bytes]:
    """One bit another, at that share of the length."""

    def run(stored: bytes) -> bytes:
        at = int(place * (len(stored) - 1))
        return stored[:at] + bytes([stored[at] ^ 1]) + stored[at + 1 :]

    return run


def records(stored: bytes) -> tuple[bytes, list[bytes]]:
    """The opening of a sealed stream, and its records with their lengths."""
    found, at = [], _HEADER_BYTES
    while at < len(stored):
        (length,) = _LENGTH.unpack(stored[at : at + _LENGTH.size])
        found.append(stored[at : at + _LENGTH.size + length])
        at += _LENGTH.size + length
    return stored[:_HEADER_BYTES], found


def without_a_record(stored: bytes) -> bytes:
    head, found = records(stored)
    assert len(found) > 2
    return head + b"".join(found[:1] + found[2:])


def with_records_swapped(stored: bytes) -> bytes:
    head, found = records(stored)
    return head + b"".join([found[1], found[0], *found[2:]])


def stored(kind: Kind, change: Callable[[bytes], bytes]) -> Callable[[Ground], BackupReference]:
    return lambda ground: ground.in_store(kind, change)


def edited(old: bytes, new: bytes) -> Callable[[Ground], BackupReference]:
    return lambda ground: ground.edited(old, new)


def missing(kind: Kind) -> Callable[[Ground], BackupReference]:
    """A version that was deleted before anybody locked it."""

    def run(ground: Ground) -> BackupReference:
        part = ground.part(kind)
        version = ground.storage.write(part.key, [b"x"])
        ground.storage._client.delete_object(Bucket=ground.instance.name.backup_bucket, Key=part.key, VersionId=version)
        return ground.with_part(kind, part.model_copy(update={"version_id": version}))

    return run


def unlocked(ground: Ground) -> BackupReference:
    part = ground.vault.put(ground.part(Kind.DATABASES).key, [ground.text])
    return ground.signed(databases=part)


def lock_ended(ground: Ground) -> BackupReference:
    part = ground.vault.put(ground.part(Kind.SETTINGS).key, [ground.content(Kind.SETTINGS)])
    until = clock.now() + timedelta(seconds=1)
    ground.storage.retain(part.key, part.version_id, until)
    wait_until(lambda: clock.now() > until, "the lock ended")
    return ground.signed(settings=part)


def sealed_by(kind: Kind, *, key: bool) -> Callable[[Ground], BackupReference]:
    """The same content, under another key or for another environment."""

    def run(ground: Ground) -> BackupReference:
        vault = BackupVault(ground.instance)
        if key:
            vault._key = SecretBytes(generate_key())
        else:
            vault._slug = "outra-producao"
        return ground.with_part(kind, ground.put(kind, ground.content(kind), vault))

    return run


def other_table(ground: Ground, name: bytes) -> bytes:
    """The part of the dump that holds one table of SEI."""
    start = ground.text.index(b"DROP TABLE IF EXISTS `" + name + b"`;")
    end = ground.text.index(b"UNLOCK TABLES;\n", start) + len(b"UNLOCK TABLES;\n")
    return ground.text[start:end]


def table_lost(name: bytes) -> Callable[[Ground], BackupReference]:
    return lambda ground: ground.edited(other_table(ground, name), b"")


def schema_lost(ground: Ground) -> BackupReference:
    """Everything of SIP is gone; SEI is whole."""
    start = ground.text.index(b"CREATE DATABASE")
    end = ground.text.index(b"CREATE DATABASE", start + 1)
    text = ground.text[:start] + ground.text[end:]
    sip = b"USE `" + ground.instance.name.database_sip.encode() + b"`;\n"
    return ground.in_copy(Kind.DATABASES, text.replace(sip, b""))


def cut_within(ground: Ground) -> BackupReference:
    at = ground.text.index(b"(2,'Una\xed'")
    return ground.in_copy(Kind.DATABASES, ground.text[:at])


def cut_between(ground: Ground) -> BackupReference:
    return ground.in_copy(Kind.DATABASES, ground.text[: ground.text.index(b"DROP TABLE IF EXISTS `md_teste_valor`;")])


def changed_between(first: bytes, last: bytes, new: bytes) -> Callable[[Ground], BackupReference]:
    """What stands between two marks replaced, with the marks."""

    def run(ground: Ground) -> BackupReference:
        start = ground.text.index(first)
        end = ground.text.index(last, start) + len(last)
        return ground.edited(ground.text[start:end], new)

    return run


def orphaned_in_the_source(ground: Ground) -> BackupReference:
    """A row whose parent was missing already when the snapshot was taken: nobody's copy differs."""
    facts = ground.manifest.resting["sei"]
    tables = {name: table for name, table in facts.tables.items() if name != "md_teste_filho"}
    resting = {**ground.manifest.resting, "sei": facts.model_copy(update={"tables": tables})}
    reference = ground.edited_before_the_snapshot(b"(20,3)", b"(20,4)")
    return ground.signed(**{**_of(ground, reference), "resting": resting})


def _of(ground: Ground, reference: BackupReference) -> dict[str, object]:
    """The parts of another manifest of the ground."""
    text = b"".join(ground.storage.read(reference.key, reference.version_id))
    manifest = type(ground.manifest).model_validate_json(text)
    return {"databases": manifest.databases, "dump": manifest.dump}


def content_unknown(files: dict[str, IndexedFile]) -> None:
    files[f"{DAY}/9003"] = files[f"{DAY}/9003"]._replace(sha256="0" * 64)


def file_becomes(name: str, content: bytes) -> Callable[[Ground], BackupReference]:
    """The file has another content, packed and indexed as if it had always been so."""

    def run(ground: Ground) -> BackupReference:
        sha256 = hashlib.sha256(content).hexdigest()
        pack = ground.put(Kind.PACK, repacked(ground.content(Kind.PACK), {sha256: content}))
        files = dict(ground.index.files)
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        files[name] = files[name]._replace(size_bytes=len(content), sha256=sha256, md5=md5)
        index = FileIndex({1: pack}, files)
        return ground.in_copy(Kind.INDEX, b"".join(index.lines()), packs=(pack,), files=index.facts)

    return run


def repacked(pack: bytes, added: dict[str, bytes], left_out: int | None = None) -> bytes:
    """A pack with more contents, and perhaps without its n-th."""
    target = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(pack)) as source, tarfile.open(fileobj=target, mode="w") as tar:
        for number, member in enumerate(source):
            if number != left_out:
                tar.addfile(member, source.extractfile(member))
        for name, content in added.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return target.getvalue()


def files_swapped(files: dict[str, IndexedFile]) -> None:
    one, other = f"{DAY}/9001", f"{DAY}/9002"
    files[one], files[other] = files[other], files[one]


def pack_unknown(ground: Ground) -> BackupReference:
    text = ground.content(Kind.INDEX)
    lines = text.splitlines(keepends=True)
    values = json.loads(lines[1])
    values[-1] = 99
    lines[1] = json.dumps(values).encode() + b"\n"
    return ground.in_copy(Kind.INDEX, b"".join(lines))


def manifest_edited(ground: Ground) -> BackupReference:
    """One number another, under the true signature of the text as it was."""
    text = ground.manifest.model_dump_json(indent=1).encode()
    signature = doors.signing_key().sign(text)
    rows = f'"rows": {ground.manifest.dump.schemas[ground.sei].tables["md_teste_pai"].rows}'.encode()
    assert rows in text
    return ground.signed_text(text.replace(rows, b'"rows": 2', 1), signature)


def manifest_unsigned(ground: Ground) -> BackupReference:
    folder = folder_of(ground.manifest.taken_at) + "-sem"
    key = f"{folder}/manifesto.json"
    version = ground.storage.write(key, [ground.manifest.model_dump_json().encode()])
    return ground.reference.model_copy(update={"key": key, "version_id": version})


def manifest_missing(ground: Ground) -> BackupReference:
    key = ground.reference.key
    version = ground.storage.write(key, [b"x"])
    ground.storage._client.delete_object(Bucket=ground.instance.name.backup_bucket, Key=key, VersionId=version)
    return ground.reference.model_copy(update={"version_id": version})


def manifest_signed_by_a_stranger(ground: Ground) -> BackupReference:
    text = ground.manifest.model_copy(update={"release_version": "9.9.9"}).model_dump_json().encode()
    return ground.signed_text(text, BackupSigningKey.generate().sign(text))


def manifest_of(text: Callable[[bytes], bytes]) -> Callable[[Ground], BackupReference]:
    """A text that the programme's own key signed."""

    def run(ground: Ground) -> BackupReference:
        written = text(ground.manifest.model_dump_json(indent=1).encode())
        return ground.signed_text(written, doors.signing_key().sign(written))

    return run


def manifest_of_another_night(ground: Ground) -> BackupReference:
    """The manifest of the night before, in this night's folder."""
    earlier = ground.manifest.model_copy(update={"taken_at": ground.manifest.taken_at - timedelta(days=1)})
    text = earlier.model_dump_json().encode()
    return ground.signed_text(text, doors.signing_key().sign(text))


def remembered_as_newer(ground: Ground) -> BackupReference:
    return ground.reference.model_copy(update={"taken_at": ground.reference.taken_at + timedelta(days=1)})


def remembered_otherwise(ground: Ground) -> BackupReference:
    return ground.reference.model_copy(update={"sha256": "0" * 64})


def taken_in_the_future(ground: Ground) -> BackupReference:
    later = timedelta(hours=3)
    moments = {"taken_at": ground.manifest.taken_at + later, "finished_at": ground.manifest.finished_at + later}
    return ground.signed(**moments)


def fewer_entries(ground: Ground) -> BackupReference:
    ldif = ground.content(Kind.DIRECTORY)
    return ground.in_copy(Kind.DIRECTORY, ldif[: ldif.rindex(b"dn:")])


WITNESS = frozenset({Cause.WITNESS})
STRUCTURE = frozenset({Cause.STRUCTURE})
OF_USE = frozenset({Cause.MEANING, Cause.APPLICATION})
BOTH = WITNESS | STRUCTURE
PAI, FILHO, VALOR = "_sei.md_teste_pai", "_sei.md_teste_filho", "_sei.md_teste_valor"
NEXT_ID = b"KEY `i_teste` (`nome`)\n) ENGINE=InnoDB AUTO_INCREMENT=8"
ENDING = {
    Kind.DATABASES: "bancos.sql.zst.enc",
    Kind.INDEX: "arquivos.jsonl.zst.enc",
    Kind.PACK: ".tar.zst.enc",
    Kind.DIRECTORY: "ldap.ldif.zst.enc",
    Kind.SETTINGS: "ambiente.json.zst.enc",
}

OBJECTS = (
    *(
        Fault(f"{kind} truncado", Cause.OBJECT_CUT, ENDING[kind], stored(kind, lambda whole: whole[: len(whole) // 2]))
        for kind in Kind
    ),
    *(
        Fault(f"{kind} com um bit trocado", Cause.OBJECT_CHANGED, ENDING[kind], stored(kind, flipped(0.5)))
        for kind in Kind
    ),
    *(Fault(f"{kind} ausente", Cause.OBJECT_MISSING, ENDING[kind], missing(kind)) for kind in Kind),
    Fault("bancos vazio", Cause.OBJECT_CUT, ENDING[Kind.DATABASES], stored(Kind.DATABASES, lambda _: b"")),
    Fault("último byte perdido", Cause.OBJECT_CUT, ENDING[Kind.PACK], stored(Kind.PACK, lambda whole: whole[:-1])),
    Fault("bytes a mais", Cause.OBJECT_CHANGED, ENDING[Kind.DATABASES], stored(Kind.DATABASES, lambda w: w + b"x")),
    Fault("primeiro byte trocado", Cause.OBJECT_CHANGED, ENDING[Kind.DATABASES], stored(Kind.DATABASES, flipped(0))),
    Fault("último byte trocado", Cause.OBJECT_CHANGED, ENDING[Kind.DATABASES], stored(Kind.DATABASES, flipped(1))),
    Fault("só zeros", Cause.OBJECT_CHANGED, ENDING[Kind.SETTINGS], stored(Kind.SETTINGS, lambda w: bytes(len(w)))),
    Fault("pedaço ausente no meio", Cause.OBJECT_CUT, ENDING[Kind.PACK], stored(Kind.PACK, without_a_record)),
    Fault("pedaços trocados", Cause.OBJECT_CHANGED, ENDING[Kind.PACK], stored(Kind.PACK, with_records_swapped)),
    Fault("sem trava", Cause.OBJECT_UNLOCKED, ENDING[Kind.DATABASES], unlocked),
    Fault("trava vencida", Cause.OBJECT_UNLOCKED, ENDING[Kind.SETTINGS], lock_ended),
    Fault("bancos com outra chave", Cause.WRONG_KEY, ENDING[Kind.DATABASES], sealed_by(Kind.DATABASES, key=True)),
    Fault("pacote com outra chave", Cause.WRONG_KEY, ENDING[Kind.PACK], sealed_by(Kind.PACK, key=True)),
    Fault("diretório com outra chave", Cause.WRONG_KEY, ENDING[Kind.DIRECTORY], sealed_by(Kind.DIRECTORY, key=True)),
    Fault("bancos de outro ambiente", Cause.WRONG_KEY, ENDING[Kind.DATABASES], sealed_by(Kind.DATABASES, key=False)),
)

ROWS = (
    Fault("linha apagada", Cause.ROWS, PAI, edited(b"(2,'Una\xed','B'),\n", b""), WITNESS),
    Fault("linha alterada", Cause.CONTENT, PAI, edited(b"(2,'Una\xed','B')", b"(2,'Unai','B')"), WITNESS),
    Fault(
        "linha a mais",
        Cause.ROWS,
        PAI,
        edited(b"(2,'Una\xed','B'),", b"(2,'Una\xed','B'),\n(9,'x','D'),"),
        WITNESS | {Cause.SEQUENCE},
    ),
    Fault("linha repetida perdida", Cause.ROWS, VALOR, edited(b"('a','bc','\\0\xff\\n'),\n('a'", b"('a'"), WITNESS),
    Fault(
        "linha sem chave repetida", Cause.ROWS, VALOR, edited(b"('n','z','')", b"('n','z',''),\n('n','z','')"), WITNESS
    ),
    Fault("NULL vira vazio", Cause.CONTENT, VALOR, edited(b"(NULL,'',NULL)", b"('','',NULL)"), WITNESS),
    Fault("NULL vira texto", Cause.CONTENT, VALOR, edited(b"(NULL,'',NULL)", b"('NULL','',NULL)"), WITNESS),
    Fault("vazio vira NULL", Cause.CONTENT, VALOR, edited(b"(NULL,'',NULL)", b"(NULL,NULL,NULL)"), WITNESS),
    Fault("separador deslocado", Cause.CONTENT, VALOR, edited(b"'),\n('a','bc','", b"'),\n('ab','c','"), WITNESS),
    Fault(
        "byte de blob trocado",
        Cause.CONTENT,
        VALOR,
        edited(b"('a','bc','\\0\xff\\n'),\n('a'", b"('a','bc','\\0\xfe\\n'),\n('a'"),
        WITNESS,
    ),
    Fault("acento em outro alfabeto", Cause.CONTENT, PAI, edited(b"Tim\xf3teo','C'", b"Tim\xc3\xb3teo','C'"), WITNESS),
    Fault("espaço no fim perdido", Cause.CONTENT, PAI, edited(b"'Una\xed','B'", b"'Una\xed ','B'"), WITNESS),
    Fault(
        "tabela esvaziada",
        Cause.ROWS,
        FILHO,
        edited(b"INSERT INTO `md_teste_filho` VALUES\n(10,1),\n(20,3),\n(30,NULL);\n", b""),
        WITNESS,
    ),
    Fault(
        "linha em outra tabela",
        Cause.ROWS,
        FILHO,
        changed_between(b"(30,NULL);\n", b"\n", b"(31,NULL),\n(30,NULL);\n"),
        WITNESS,
    ),
    Fault("tabela ausente", Cause.TABLE_MISSING, VALOR, table_lost(b"md_teste_valor"), STRUCTURE),
    Fault(
        "tabela com gatilho ausente",
        Cause.REFUSED_STATEMENT,
        ENDING[Kind.DATABASES],
        table_lost(b"md_teste_pai"),
    ),
    Fault(
        "tabela referida ausente",
        Cause.TABLE_MISSING,
        "_sip.unidade",
        table_lost(b"unidade"),
        STRUCTURE | {Cause.FOREIGN_KEY} | OF_USE,
    ),
    Fault(
        "tabela a mais",
        Cause.TABLE_EXTRA,
        "_sei.intrusa",
        edited(
            b"DROP TABLE IF EXISTS `md_teste_valor`;",
            b"CREATE TABLE intrusa (a int);\nDROP TABLE IF EXISTS `md_teste_valor`;",
        ),
        STRUCTURE,
    ),
    Fault("banco inteiro ausente", Cause.TABLE_MISSING, "_sip", schema_lost),
    Fault(
        "linha perdida já no despejo",
        Cause.WITNESS,
        PAI,
        lambda ground: ground.edited_before_the_snapshot(b"(2,'Una\xed','B'),\n", b""),
    ),
    Fault(
        "linha alterada já no despejo",
        Cause.WITNESS,
        PAI,
        lambda ground: ground.edited_before_the_snapshot(b"'Una\xed','B'", b"'Unai','B'"),
    ),
    Fault(
        "chave estrangeira quebrada na cópia",
        Cause.FOREIGN_KEY,
        FILHO,
        edited(b"(20,3)", b"(20,4)"),
        WITNESS | {Cause.CONTENT},
    ),
    Fault("sequência atrasada", Cause.SEQUENCE, PAI, edited(NEXT_ID, NEXT_ID.replace(b"=8", b"=5"))),
    Fault("sequência adiantada", Cause.SEQUENCE, PAI, edited(NEXT_ID, NEXT_ID.replace(b"=8", b"=80"))),
    Fault("sequência perdida", Cause.SEQUENCE, PAI, edited(NEXT_ID, NEXT_ID.replace(b" AUTO_INCREMENT=8", b""))),
)

DEFINITIONS = (
    Fault("índice perdido", Cause.DEFINITION, PAI, edited(b",\n  KEY `i_teste` (`nome`)", b""), STRUCTURE),
    Fault(
        "índice único perdido", Cause.DEFINITION, PAI, edited(b"UNIQUE KEY `ak_teste`", b"KEY `ak_teste`"), STRUCTURE
    ),
    Fault(
        "índice com outra coluna",
        Cause.DEFINITION,
        PAI,
        edited(b"KEY `i_teste` (`nome`)", b"KEY `i_teste` (`nome`,`sigla`)"),
        STRUCTURE,
    ),
    Fault(
        "chave primária perdida",
        Cause.DEFINITION,
        FILHO,
        edited(b"PRIMARY KEY (`id`),\n  KEY `fk_teste`", b"KEY `fk_teste`"),
        STRUCTURE,
    ),
    Fault(
        "chave estrangeira perdida",
        Cause.DEFINITION,
        FILHO,
        edited(b",\n  CONSTRAINT `fk_teste` FOREIGN KEY (`id_pai`) REFERENCES `md_teste_pai` (`id`)", b""),
        STRUCTURE,
    ),
    Fault(
        "chave estrangeira com outra regra",
        Cause.DEFINITION,
        FILHO,
        edited(b"REFERENCES `md_teste_pai` (`id`)", b"REFERENCES `md_teste_pai` (`id`) ON DELETE CASCADE"),
        STRUCTURE,
    ),
    Fault(
        "alfabeto da tabela trocado",
        Cause.DEFINITION,
        VALOR,
        changed_between(
            b"`c` longblob DEFAULT NULL\n) ENGINE=InnoDB DEFAULT CHARSET=latin1",
            b"swedish_ci",
            b"`c` longblob DEFAULT NULL\n) ENGINE=InnoDB DEFAULT CHARSET=cp850",
        ),
        STRUCTURE,
    ),
    Fault(
        "alfabeto da coluna trocado",
        Cause.DEFINITION,
        PAI,
        edited(
            b"`sigla` varchar(10) DEFAULT NULL,\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `ak_teste`",
            b"`sigla` varchar(10) CHARACTER SET ascii DEFAULT NULL,\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `ak_teste`",
        ),
        STRUCTURE | WITNESS,
    ),
    Fault(
        "ordem alfabética trocada",
        Cause.DEFINITION,
        PAI,
        edited(
            b"`nome` varchar(40) NOT NULL DEFAULT 'novo'",
            b"`nome` varchar(40) COLLATE latin1_bin NOT NULL DEFAULT 'novo'",
        ),
        STRUCTURE | WITNESS,
    ),
    Fault(
        "coluna mais estreita",
        Cause.DEFINITION,
        PAI,
        edited(b"`nome` varchar(40) NOT NULL DEFAULT 'novo'", b"`nome` varchar(30) NOT NULL DEFAULT 'novo'"),
        STRUCTURE | WITNESS,
    ),
    Fault("valor padrão trocado", Cause.DEFINITION, PAI, edited(b"DEFAULT 'novo'", b"DEFAULT 'outro'"), STRUCTURE),
    Fault(
        "coluna que passa a aceitar nulo",
        Cause.DEFINITION,
        PAI,
        edited(b"NOT NULL DEFAULT 'novo'", b"DEFAULT 'novo'"),
        STRUCTURE | WITNESS,
    ),
    Fault(
        "motor da tabela trocado",
        Cause.DEFINITION,
        VALOR,
        edited(b"`c` longblob DEFAULT NULL\n) ENGINE=InnoDB", b"`c` longblob DEFAULT NULL\n) ENGINE=Aria"),
        STRUCTURE | WITNESS,
    ),
    Fault("visão alterada", Cause.OTHER_OBJECTS, "_sei", edited(b"`sigla` <> 'Z'", b"`sigla` <> 'Y'"), STRUCTURE),
    Fault(
        "visão ausente",
        Cause.OTHER_OBJECTS,
        "_sei",
        changed_between(b"/*!50001 CREATE ALGORITHM=UNDEFINED */\n", b"`sigla` <> 'Z' */;\n", b""),
        STRUCTURE,
    ),
    Fault("gatilho alterado", Cause.OTHER_OBJECTS, "_sei", edited(b"TRIM(NEW.nome)", b"UPPER(NEW.nome)"), STRUCTURE),
    Fault(
        "gatilho ausente",
        Cause.OTHER_OBJECTS,
        "_sei",
        changed_between(b"DELIMITER ;;\n/*!50003 CREATE*/ ", b"DELIMITER ;\n", b""),
        STRUCTURE,
    ),
    Fault("rotina alterada", Cause.OTHER_OBJECTS, "_sei", edited(b"SELECT 41", b"SELECT 42"), STRUCTURE),
    Fault(
        "rotina ausente",
        Cause.OTHER_OBJECTS,
        "_sei",
        changed_between(b"DELIMITER ;;\nCREATE DEFINER", b"DELIMITER ;\n", b""),
        STRUCTURE,
    ),
    Fault(
        "alfabeto do banco trocado",
        Cause.OTHER_OBJECTS,
        "_sei",
        changed_between(
            b"_sei` /*!40100 DEFAULT CHARACTER SET latin1", b"*/", b"_sei` /*!40100 DEFAULT CHARACTER SET utf8mb4 */"
        ),
        STRUCTURE,
    ),
    Fault(
        "índice perdido já no despejo",
        Cause.STRUCTURE,
        "_sei",
        lambda ground: ground.edited_before_the_snapshot(b",\n  KEY `i_teste` (`nome`)", b""),
    ),
    Fault(
        "comando estranho no despejo",
        Cause.REFUSED_STATEMENT,
        ENDING[Kind.DATABASES],
        edited(b"INSERT INTO `md_teste_pai` VALUES\n", b"INSERT INTO `md_teste_pai` VALORES\n"),
    ),
    Fault(
        "chave repetida no despejo",
        Cause.REFUSED_STATEMENT,
        ENDING[Kind.DATABASES],
        edited(b"(2,'Una\xed','B')", b"(1,'Una\xed','B')"),
    ),
    Fault("despejo cortado numa linha", Cause.REFUSED_STATEMENT, ENDING[Kind.DATABASES], cut_within),
    Fault(
        "despejo cortado entre tabelas",
        Cause.TABLE_MISSING,
        VALOR,
        cut_between,
        STRUCTURE | {Cause.OTHER_OBJECTS, Cause.FOREIGN_KEY} | OF_USE,
    ),
)

FILES = (
    Fault(
        "anexo ausente",
        Cause.FILE_MISSING,
        f"{DAY}/9001",
        lambda ground: ground.with_files(lambda files: files.pop(f"{DAY}/9001") and None),
    ),
    Fault(
        "anexo do Tramita ausente",
        Cause.FILE_MISSING,
        f"mod-pen/{DAY}/{PEN_FILE[0]}",
        lambda ground: ground.with_files(lambda files: files.pop(f"mod-pen/{DAY}/{PEN_FILE[0]}") and None),
    ),
    Fault("anexo vazio", Cause.FILE_EMPTY, f"{DAY}/9002", file_becomes(f"{DAY}/9002", b"")),
    Fault("anexo alterado", Cause.FILE_CHANGED, f"{DAY}/9003", file_becomes(f"{DAY}/9003", b"planta alta!")),
    Fault("anexo mais curto", Cause.FILE_SIZE, f"{DAY}/9003", file_becomes(f"{DAY}/9003", b"planta")),
    Fault(
        "anexo do Tramita alterado",
        Cause.FILE_CHANGED,
        f"mod-pen/{DAY}/{PEN_FILE[0]}",
        file_becomes(f"mod-pen/{DAY}/{PEN_FILE[0]}", PEN_FILE[1][::-1]),
    ),
    Fault(
        "anexos trocados entre si", Cause.FILE_SWAPPED, f"{DAY}/9001", lambda ground: ground.with_files(files_swapped)
    ),
    Fault(
        "conteúdo que o pacote não tem",
        Cause.INDEX,
        f"{DAY}/9003",
        lambda ground: ground.with_files(content_unknown),
    ),
    Fault(
        "pacote sem um conteúdo",
        Cause.INDEX,
        DAY,
        lambda ground: ground.in_copy(Kind.PACK, repacked(ground.content(Kind.PACK), {}, 0)),
    ),
    Fault("índice ilegível", Cause.INDEX, ENDING[Kind.INDEX], lambda ground: ground.in_copy(Kind.INDEX, b"{}\nnada\n")),
    Fault("índice de pacote desconhecido", Cause.INDEX, ENDING[Kind.INDEX], pack_unknown),
    Fault(
        "manifesto que conta outros arquivos",
        Cause.INDEX,
        ENDING[Kind.INDEX],
        lambda ground: ground.signed(files=ground.manifest.files.model_copy(update={"files": 1})),
    ),
    Fault("manifesto sem um pacote", Cause.INDEX, ENDING[Kind.INDEX], lambda ground: ground.signed(packs=())),
    Fault(
        "pacote cortado antes de cifrado",
        Cause.OBJECT_CHANGED,
        ENDING[Kind.PACK],
        lambda ground: ground.in_copy(Kind.PACK, ground.content(Kind.PACK)[:700]),
    ),
    Fault(
        "conteúdo que não é o do seu nome",
        Cause.OBJECT_CHANGED,
        ENDING[Kind.PACK],
        lambda ground: ground.in_copy(Kind.PACK, repacked(ground.content(Kind.PACK), {"0" * 64: b"x"})),
    ),
    Fault("diretório incompleto", Cause.DIRECTORY, ENDING[Kind.DIRECTORY], fewer_entries),
    Fault(
        "diretório ilegível",
        Cause.DIRECTORY,
        ENDING[Kind.DIRECTORY],
        lambda ground: ground.in_copy(Kind.DIRECTORY, b"\xff\xfe"),
    ),
    Fault(
        "configuração ilegível",
        Cause.SETTINGS,
        ENDING[Kind.SETTINGS],
        lambda ground: ground.in_copy(Kind.SETTINGS, b"{"),
    ),
)

MANIFEST = "manifesto.json"
MANIFESTS = (
    Fault("manifesto editado", Cause.MANIFEST_CHANGED, MANIFEST, manifest_edited),
    Fault("manifesto sem assinatura", Cause.MANIFEST_CHANGED, MANIFEST, manifest_unsigned),
    Fault("manifesto ausente", Cause.MANIFEST_MISSING, MANIFEST, manifest_missing),
    Fault("manifesto assinado por outra chave", Cause.MANIFEST_CHANGED, MANIFEST, manifest_signed_by_a_stranger),
    Fault(
        "manifesto de formato desconhecido",
        Cause.MANIFEST_CHANGED,
        MANIFEST,
        manifest_of(lambda text: text.replace(b'"format": 1', b'"format": 7')),
    ),
    Fault("manifesto que não é JSON", Cause.MANIFEST_CHANGED, MANIFEST, manifest_of(lambda _: b"nada")),
    Fault(
        "manifesto de outro ambiente",
        Cause.OTHER_ENVIRONMENT,
        MANIFEST,
        lambda ground: ground.signed(environment="outra-producao"),
    ),
    Fault("manifesto de outra noite", Cause.STALE, MANIFEST, manifest_of_another_night),
    Fault("cópia velha lembrada como nova", Cause.STALE, MANIFEST, remembered_as_newer),
    Fault("manifesto que o registro não conhece", Cause.MANIFEST_CHANGED, MANIFEST, remembered_otherwise),
    Fault("cópia do futuro", Cause.CLOCK, "manifesto", taken_in_the_future, frozenset({Cause.STALE})),
    Fault(
        "objetos mais velhos que a cópia",
        Cause.STALE,
        ENDING[Kind.DATABASES],
        taken_in_the_future,
        frozenset({Cause.CLOCK}),
    ),
    Fault(
        "acabada antes de começar",
        Cause.CLOCK,
        "manifesto",
        lambda ground: ground.signed(finished_at=ground.manifest.taken_at - timedelta(hours=1)),
    ),
    Fault(
        "relógio do banco adiantado",
        Cause.CLOCK,
        "MariaDB",
        lambda ground: ground.signed(clock_skew_seconds={"MariaDB": 3600.0}),
    ),
)

CATALOGUE = (*OBJECTS, *ROWS, *DEFINITIONS, *FILES, *MANIFESTS)


def problems_of(fault: Fault, ground: Ground) -> list[str]:
    """What the examination of a faulty backup did not tell as it has to; nothing when it did."""
    certificate = verify_backup(ground.instance, fault.inject(ground))
    told = [(finding.cause, finding.subject) for finding in certificate.findings]
    named = [subject for cause, subject in told if cause is fault.cause and fault.subject in subject]
    others = [str(finding) for finding in certificate.findings if finding.cause not in {fault.cause, *fault.also}]
    wrong = [] if named else [f"não achou {fault.cause} em {fault.subject}: {[str(f) for f in certificate.findings]}"]
    return [*wrong, *(f"achou também {other}" for other in others), *(["provada"] if certificate.proved else [])]
