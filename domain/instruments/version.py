"""Versions of the instruments of a prefeitura: when a new one is made, and how one is known to be whole."""

import re
from collections.abc import Container, Iterable, Mapping
from enum import StrEnum

from pydantic import AwareDatetime, Field, NonNegativeInt, PositiveInt

from domain.instruments.instrument import Instrument
from domain.model import Frozen
from domain.municipality import Slug
from domain.reference import Sha256

MANIFEST = "manifesto.json"


class StoredFile(Frozen):
    """One file of a version."""

    name: str
    sha256: Sha256
    size_bytes: NonNegativeInt


class Manifest(Frozen):
    """What a version was made of. It is stored last: a version without one is what an interrupted run left."""

    instrument: str
    version: PositiveInt
    template_version: PositiveInt
    template_sha256: Sha256
    data_sha256: dict[str, Sha256]
    generated_at: AwareDatetime
    pages: PositiveInt
    files: tuple[StoredFile, ...]


class Inputs(Frozen):
    """What a document is made of, by digests: equal inputs make the same document."""

    template_sha256: Sha256
    data_sha256: dict[str, Sha256]


class Standing(StrEnum):
    """How the newest version of an instrument stands to what it would be made of now."""

    MISSING = "nunca gerado"
    CURRENT = "em dia"
    DAMAGED = "faltam arquivos da versão guardada"
    TEMPLATE_CHANGED = "o modelo mudou"
    DATA_CHANGED = "os dados mudaram"


class Status(Frozen):
    """One instrument of a prefeitura: its newest version, and whether a new one is due."""

    instrument: str
    title: str
    standing: Standing
    changed: tuple[str, ...] = Field(default=(), description="The parts of the data that changed.")
    version: NonNegativeInt = 0
    pages: NonNegativeInt = 0
    generated_at: AwareDatetime | None = None
    files: tuple[str, ...] = Field(default=(), description="Their keys in the prefeitura's bucket of instruments.")
    created: bool = Field(default=False, description="Whether this run made the version.")
    unsigned: tuple[str, ...] = Field(default=(), description="Offices that no contact of the municipality has.")

    @property
    def told(self) -> str:
        """The standing as operators read it, with the parts that changed and the signatures that have no name."""
        standing = "gerado agora" if self.created else str(self.standing)
        told = f"{standing}: {', '.join(self.changed)}" if self.changed else standing
        return f"{told}; sem nome de quem assina: {', '.join(self.unsigned)}" if self.unsigned else told


class InstrumentsReport(Frozen):
    """The instruments of one prefeitura."""

    municipality: Slug
    bucket: str
    instruments: tuple[Status, ...]


def newest_version(keys: Iterable[str], instrument: str) -> int:
    """The newest version of an instrument that has a manifest among the keys of a bucket; 0 when there is none."""
    pattern = re.compile(rf"{re.escape(instrument)}/v([1-9][0-9]*)/{re.escape(MANIFEST)}")
    return max((int(found[1]) for key in keys if (found := pattern.fullmatch(key))), default=0)


def status_of(instrument: Instrument, found: Manifest | None, inputs: Inputs, keys: Container[str]) -> Status:
    """Whether a new version is due, given the newest manifest and the keys that the bucket has."""
    status = Status(instrument=instrument.slug, title=instrument.title, standing=Standing.MISSING)
    if found is None:
        return status
    files = tuple(folder_of(instrument.slug, found.version) + file.name for file in found.files)
    changed = _changed(found.data_sha256, inputs.data_sha256)
    if not all(key in keys for key in files):
        standing = Standing.DAMAGED
    elif changed:
        standing = Standing.DATA_CHANGED
    else:
        same = found.template_sha256 == inputs.template_sha256
        standing = Standing.CURRENT if same else Standing.TEMPLATE_CHANGED
    return status.model_copy(
        update={
            "standing": standing,
            "changed": changed if standing is Standing.DATA_CHANGED else (),
            "version": found.version,
            "pages": found.pages,
            "generated_at": found.generated_at,
            "files": files,
        }
    )


def folder_of(instrument: str, version: int) -> str:
    """`decreto/v3/`: where the files of a version lie in the prefeitura's bucket of instruments."""
    return f"{instrument}/v{version}/"


def file_stem(instrument: Instrument, municipality: Slug, version: int) -> str:
    """`decreto-timoteo-v3`, so that a file tells what it is wherever it is copied to."""
    return f"{instrument.slug}-{municipality}-v{version}"


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)))
