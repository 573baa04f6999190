"""What can be wrong with a backup, named by its cause, and the levels up to which a backup was proved."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from domain.errors import IntegrityError
from domain.model import Frozen


class Level(StrEnum):
    """How far a backup was proved; each level stands on those before it."""

    STORED = "L0"
    INTACT = "L1"
    LOADS = "L2"
    EQUAL = "L3"
    OPENS = "L4"
    UPGRADES = "L5"

    @property
    def label(self) -> str:
        """What it says, for a reader."""
        return _LEVELS[self]


_LEVELS = {
    Level.STORED: "existe, é recente e tem o tamanho esperado",
    Level.INTACT: "cada objeto é, byte a byte, o que foi gravado",
    Level.LOADS: "os bancos carregam em um servidor vazio",
    Level.EQUAL: "linhas, chaves, sequências e arquivos são os da origem",
    Level.OPENS: "a aplicação abre a cópia: entrada, documento e anexo",
    Level.UPGRADES: "a atualização para a próxima versão roda sobre a cópia",
}


class Cause(StrEnum):
    """Why a backup is no backup."""

    OBJECT_MISSING = "objeto ausente"
    OBJECT_CUT = "objeto truncado"
    OBJECT_CHANGED = "objeto alterado"
    OBJECT_UNLOCKED = "objeto sem trava"
    WRONG_KEY = "chave errada"
    MANIFEST_MISSING = "manifesto ausente"
    MANIFEST_CHANGED = "manifesto alterado"
    OTHER_ENVIRONMENT = "cópia de outro ambiente"
    STALE = "cópia velha apresentada como nova"
    CLOCK = "relógio errado"
    SIZE = "tamanho fora do esperado"
    REFUSED_STATEMENT = "comando recusado na carga"
    TABLE_MISSING = "tabela ausente"
    TABLE_EXTRA = "tabela a mais"
    DEFINITION = "definição de tabela alterada"
    STRUCTURE = "índice, chave ou regra alterada"
    OTHER_OBJECTS = "visão, gatilho ou rotina alterada"
    ROWS = "linhas a menos ou a mais"
    CONTENT = "conteúdo de tabela alterado"
    WITNESS = "cópia diferente da origem"
    FOREIGN_KEY = "chave estrangeira quebrada"
    SEQUENCE = "sequência atrasada"
    MEANING = "dados sem sentido"
    GROWTH = "crescimento fora do esperado"
    INDEX = "índice de arquivos danificado"
    FILE_MISSING = "arquivo de anexo ausente"
    FILE_EMPTY = "arquivo de anexo vazio"
    FILE_SIZE = "arquivo de anexo com outro tamanho"
    FILE_CHANGED = "arquivo de anexo alterado"
    FILE_SWAPPED = "arquivo de anexo trocado por outro"
    DIRECTORY = "diretório incompleto"
    SETTINGS = "configuração ilegível"
    APPLICATION = "a aplicação não abre a cópia"
    UPGRADE = "a atualização falha sobre a cópia"
    CERTIFICATE = "certificado falso"


OF_THE_SOURCE = frozenset(
    {Cause.FILE_MISSING, Cause.FILE_EMPTY, Cause.FILE_SIZE, Cause.FILE_CHANGED, Cause.FILE_SWAPPED}
)
"""What a person may accept: where everything was copied as it was found, it is the source that is so."""


class Finding(Frozen):
    """One thing that is wrong: `subject` names the table, object or file, never a person."""

    level: Level
    cause: Cause
    subject: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.subject}: {self.cause}" + (f" ({self.detail})" if self.detail else "")


class FoundError(IntegrityError):
    """A finding after which the rest of the backup cannot be looked at."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(
            f"A cópia não serve: {finding.cause}",
            finding.subject,
            "A cópia suspeita foi guardada para exame; a última boa continua guardada.",
        )
        self.finding = finding

    def __reduce__(self) -> tuple[type["FoundError"], tuple[Finding]]:
        return type(self), (self.finding,)


@contextmanager
def damage_as(cause: Cause, subject: str, level: Level = Level.EQUAL) -> Iterator[None]:
    """What does not read as what it should be, although every byte is as it was stored: told as a FoundError."""
    try:
        yield
    except FoundError:
        raise
    except IntegrityError as e:
        raise FoundError(Finding(level=level, cause=cause, subject=subject, detail=e.what)) from e


class LevelResult(Frozen):
    """One level of one backup; `evidence` says what was looked at."""

    level: Level
    passed: bool
    evidence: tuple[str, ...] = ()


def highest(results: tuple[LevelResult, ...]) -> Level | None:
    """The last level that was passed with all before it; None when not even the first was."""
    passed: Level | None = None
    for result in sorted(results, key=lambda result: result.level):
        if not result.passed:
            break
        passed = result.level
    return passed
