"""The reference databases from which an environment of a release starts.

A reference is a pair of SQL dumps, `sei` and `sip`, that belong together. What is true of it is read from inside the
dumps; the name of a directory is only a claim to be judged.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_serializer

from domain.model import Frozen

if TYPE_CHECKING:
    from domain.upgrade.release import Release

Database = Literal["sei", "sip"]
Compression = Literal["none", "zstd", "gzip"]
Version = Annotated[str, Field(pattern=r"^\d+(\.\d+){1,3}$")]
ReleaseCode = Annotated[str, Field(pattern=r"^([a-z][a-z0-9]*(-[a-z0-9]+)*-)?\d+(\.\d+){1,3}$")]
"""What can be installed, as the catalog calls it: a number of SEI's, or a module with its own: `pen-3.7.0`."""
MinorLine = Annotated[str, Field(pattern=r"^\d+\.\d+$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

# The catalogue rows that a release brings and that no flow ever removes: an environment may add rows and switch some
# off, so it must always hold at least these keys.
REFERENCE_TABLES: Mapping[Database, tuple[str, ...]] = {
    "sei": (
        "arquivo_extensao",
        "assunto",
        "assunto_proxy",
        "cargo",
        "cidade",
        "email_sistema",
        "grupo_serie",
        "hipotese_legal",
        "infra_agendamento_tarefa",
        "modelo",
        "pais",
        "secao_modelo",
        "serie",
        "tabela_assuntos",
        "tarefa",
        "tipo_conferencia",
        "tipo_contato",
        "tipo_procedimento",
        "uf",
    ),
    "sip": (
        "infra_agendamento_tarefa",
        "item_menu",
        "menu",
        "perfil",
        "recurso",
        "rel_perfil_item_menu",
        "rel_perfil_recurso",
        "sistema",
        "tipo_permissao",
    ),
}


# Tables of SIP whose ids other reference rows hold, and which an environment gives to rows of its own as well: what an
# upgrade brings may have another id there than in the reference, and is known by its system and name.
NAMED_TABLES: Mapping[Database, tuple[str, ...]] = {"sei": (), "sip": ("perfil", "recurso")}


def version_key(version: str) -> tuple[int, ...]:
    """Order versions by number: 4.10.0 comes after 4.9.0."""
    return tuple(int(part) for part in version.split("."))


def minor_line(version: str) -> str:
    """The line that decides the structure: 4.1.1 belongs to line 4.1 (patches bring no DDL, `sei.md` 1.5)."""
    major, minor, *_ = version.split(".")
    return f"{int(major)}.{int(minor)}"


class DumpFile(Frozen):
    """One SQL dump and what was read from inside it."""

    database: Database
    path: Path
    compression: Compression
    sha256: Sha256 = Field(description="Of the decompressed SQL, so that compressing a dump does not change it.")
    size_bytes: int = Field(ge=0, description="Of the decompressed SQL.")
    sei_version: Version | None = Field(description="Parameter SEI_VERSAO; the SIP of 3.x has none.")
    sip_version: Version | None = Field(description="Parameter SIP_VERSAO; only SIP has it.")


class Reference(Frozen):
    """The two dumps of one release."""

    version: Version
    kind: Literal["official", "reduced"]
    sei: DumpFile
    sip: DumpFile

    @property
    def digest(self) -> str:
        """One sha256 over both dumps: equal content gives equal digest, wherever and however it is stored."""
        return hashlib.sha256(f"sei {self.sei.sha256}\nsip {self.sip.sha256}\n".encode()).hexdigest()

    @property
    def dumps(self) -> tuple[DumpFile, DumpFile]:
        """Both dumps, SIP first: the order in which SEI's own installation works."""
        return self.sip, self.sei


def judge_reference(reference: Reference, release: "Release | None") -> list[str]:
    """Why the two dumps are not this version's pair, one reason an item; empty when they are.

    Compared by minor line: the official 4.1.0 dumps say SEI 4.1.1, and 4.1.0 in the copy that SIP keeps (`sei.md` 2.3).
    """
    sei, sip = reference.sei, reference.sip
    line = minor_line(reference.version)
    problems = []
    if sei.sip_version or not sei.sei_version:
        problems.append(f"{sei.path.name} não é um banco do SEI (parâmetros de versão do SIP ou ausentes)")
    elif minor_line(sei.sei_version) != line:
        problems.append(f"{sei.path.name} é do SEI {sei.sei_version}, não da linha {line}")
    if not sip.sip_version:
        problems.append(f"{sip.path.name} não é um banco do SIP (sem o parâmetro SIP_VERSAO)")
        return problems
    if sip.sei_version and minor_line(sip.sei_version) != line:
        problems.append(f"{sip.path.name} tem os recursos do SEI {sip.sei_version}, não da linha {line}")
    if release and minor_line(sip.sip_version) != release.sip_line:
        problems.append(f"{sip.path.name} é do SIP {sip.sip_version}, não da linha {release.sip_line}")
    return problems


class ReferenceRows(Frozen):
    """The primary keys of the catalogue tables of one database."""

    keys: dict[str, frozenset[str]] = Field(description="Table to its primary keys, each as text.")
    ids: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="Of each table of `NAMED_TABLES`: a row's name to its id."
    )

    @field_serializer("keys", when_used="json")
    def _in_order(self, keys: dict[str, frozenset[str]]) -> dict[str, list[str]]:
        # A set has no order of its own: written as it comes, two registries of one reference would differ.
        return {table: sorted(found) for table, found in sorted(keys.items())}

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        return {table: len(keys) for table, keys in self.keys.items()}


def missing_rows(expected: ReferenceRows, found: ReferenceRows) -> list[str]:
    """Which reference rows are gone, one table an item, in Portuguese; empty when every row is still there."""
    return [
        _missing_in_table(table, keys, found.keys.get(table, frozenset()))
        for table, keys in sorted(expected.keys.items())
        if keys - found.keys.get(table, frozenset())
    ]


def _missing_in_table(table: str, expected: frozenset[str], found: frozenset[str]) -> str:
    shown = 5
    missing = sorted(expected - found, key=lambda key: ([int(part) for part in re.findall(r"\d+", key)], key))
    examples = ", ".join(missing[:shown]) + (", …" if len(missing) > shown else "")
    verb = "faltam" if len(missing) > 1 else "falta"
    return f"tabela {table}: {verb} {len(missing)} de {len(expected)} linhas de referência (chaves {examples})"
