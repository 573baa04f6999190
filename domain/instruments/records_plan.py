"""The records plan: the classification plan that SEI applies, with how long each subject is kept and what follows."""

import re
from collections.abc import Mapping

from pydantic import NonNegativeInt, PositiveInt

from domain.document_model.entries import Destinacao
from domain.document_model.kinds import ASSUNTOS
from domain.document_model.model import Model
from domain.model import Frozen


class Subject(Frozen):
    """One subject; a structural one only groups those below it and has no retention. Years."""

    code: str
    text: str
    level: PositiveInt
    structural: bool
    current_years: NonNegativeInt | None = None
    intermediate_years: NonNegativeInt | None = None
    destination: Destinacao | None = None
    note: str = ""


class RecordsPlan(Frozen):
    """The subjects in the order of their codes, each one right after what groups it."""

    subjects: tuple[Subject, ...]

    def count(self, destination: Destinacao) -> int:
        """How many subjects end this way."""
        return sum(subject.destination is destination for subject in self.subjects)


def records_plan(model: Model) -> RecordsPlan:
    """The active subjects of a document model; level 1 is the class, and each deeper one a step below.

    A patch of a subject that comes with SEI itself has no text of its own and is left out: what it says is SEI's.
    """
    items = [item for item in model[ASSUNTOS.name].values() if item.complete and item.fields.get("ativo", True)]
    codes = {str(item.fields["codigo"]) for item in items}
    subjects = [_subject(item.fields, codes) for item in items]
    return RecordsPlan(subjects=tuple(sorted(subjects, key=lambda subject: subject.code)))


def _subject(fields: Mapping[str, object], codes: set[str]) -> Subject:
    code = str(fields["codigo"])
    destination = fields.get("destinacao")
    return Subject(
        code=code,
        text=str(fields["descricao"]),
        level=1 + len(_above(code, codes)),
        structural=bool(fields.get("estrutural")),
        current_years=_years(fields.get("prazo_corrente")),
        intermediate_years=_years(fields.get("prazo_intermediario")),
        destination=Destinacao(str(destination)) if destination else None,
        note=str(fields.get("observacao") or ""),
    )


def _above(code: str, codes: set[str]) -> list[str]:
    """The codes that group this one: 111.12 stands below 111.1, 111, 110 and 100, those of them that there are."""
    number, *deeper = code.split(".")
    above = {".".join([number, *deeper[:length]]) for length in range(len(deeper))}
    if re.fullmatch(r"\d{3}", number):
        above |= {f"{number[:2]}0", f"{number[0]}00"}
    if deeper:
        above |= {f"{number}.{deeper[0][:length]}" for length in range(1, len(deeper[0]))}
    return sorted((above - {code}) & codes)


def _years(value: object) -> int | None:
    return value if isinstance(value, int) else None
