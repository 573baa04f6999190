"""The training gate: whether enough of a prefeitura's people were trained to give it a production environment."""

from datetime import date, timedelta
from typing import Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from domain.catalog_entry import CatalogEntry
from domain.model import Frozen


class TrainingRule(CatalogEntry):
    """What the gate demands. Percentages are of users (or administrators) of the whole prefeitura."""

    min_percent_trained: int = Field(alias="minimo_percentual_capacitados", ge=0, le=100)
    min_percent_administrators: int = Field(alias="minimo_percentual_administradores", ge=0, le=100)
    min_trained_by_unit: NonNegativeInt = Field(alias="minimo_capacitados_por_unidade")
    valid_for_days: PositiveInt = Field(alias="validade_dias")

    def is_valid(self, finished_on: date, today: date) -> bool:
        """Whether what was finished on a day counts today: not before it, and so many days after it."""
        return today - timedelta(days=self.valid_for_days) <= finished_on <= today


class TrainingClass(Frozen):
    """How many people of one unit completed a class on a day; administrators are counted among the trained."""

    finished_on: date
    trained: NonNegativeInt
    trained_administrators: NonNegativeInt = 0

    @model_validator(mode="after")
    def _counts_hold(self) -> Self:
        if self.trained_administrators > self.trained:
            msg = "administradores capacitados são mais que os capacitados"
            raise ValueError(msg)
        return self


class Headcount(Frozen):
    """So many people and the classes that they completed, each person counted once. No personal data."""

    users: NonNegativeInt
    administrators: NonNegativeInt = 0
    classes: tuple[TrainingClass, ...] = ()

    @model_validator(mode="after")
    def _counts_hold(self) -> Self:
        trained = sum(done.trained for done in self.classes)
        administrators = sum(done.trained_administrators for done in self.classes)
        if self.administrators > self.users or trained > self.users or administrators > self.administrators:
            msg = "há mais capacitados ou administradores que usuários"
            raise ValueError(msg)
        return self


class UnitTraining(Headcount):
    """The users of one unit."""

    unidade: str


class TrainingFacts(Frozen):
    """What is known of a prefeitura's training, as the registry keeps it."""

    prefeitura: Headcount
    """Everybody; less than the sum of the units where somebody works in two."""
    unidades: tuple[UnitTraining, ...]
    desconhecidos: NonNegativeInt = 0
    """How many people finished something whom the prefeitura's spreadsheet of users does not know."""


class UnitLine(Frozen):
    """The verdict's line of one unit: what still counts today."""

    unidade: str
    users: NonNegativeInt
    trained: NonNegativeInt
    administrators: NonNegativeInt
    trained_administrators: NonNegativeInt
    enough: bool
    """Whether the unit itself has its minimum of trained people; a unit without users needs none."""


class GateVerdict(Frozen):
    """Whether the gate is open, why not (Portuguese), the totals and the table by unit."""

    open: bool
    reasons: tuple[str, ...]
    prefeitura: UnitLine
    units: tuple[UnitLine, ...]


def judge_training(facts: TrainingFacts, rule: TrainingRule, today: date) -> GateVerdict:
    """Decide the training gate. A class counts until `valid_for_days` after it finished, and never before."""
    lines = tuple(_line(unit.unidade, unit, rule, today) for unit in facts.unidades)
    whole = _line("", facts.prefeitura, rule, today)
    reasons: list[str] = []
    if not whole.users:
        reasons.append("Nenhum usuário foi cadastrado ainda")
    if not _reaches(whole.trained, whole.users, rule.min_percent_trained):
        reasons.append(
            f"{whole.trained} de {whole.users} usuários capacitados ({percent(whole.trained, whole.users)}); "
            f"o mínimo é {rule.min_percent_trained}%"
        )
    if not _reaches(whole.trained_administrators, whole.administrators, rule.min_percent_administrators):
        reasons.append(
            f"{whole.trained_administrators} de {whole.administrators} administradores capacitados "
            f"({percent(whole.trained_administrators, whole.administrators)}); "
            f"o mínimo é {rule.min_percent_administrators}%"
        )
    short = [line.unidade for line in lines if not line.enough]
    if short:
        people = "1 capacitado" if rule.min_trained_by_unit == 1 else f"{rule.min_trained_by_unit} capacitados"
        reasons.append(f"Unidades com menos de {people}: {', '.join(short)}")
    return GateVerdict(open=not reasons, reasons=tuple(reasons), prefeitura=whole, units=lines)


def _line(unidade: str, people: Headcount, rule: TrainingRule, today: date) -> UnitLine:
    valid = [done for done in people.classes if rule.is_valid(done.finished_on, today)]
    trained = sum(done.trained for done in valid)
    return UnitLine(
        unidade=unidade,
        users=people.users,
        trained=trained,
        administrators=people.administrators,
        trained_administrators=sum(done.trained_administrators for done in valid),
        # A unit of two people cannot train three: all of them is enough.
        enough=trained >= min(rule.min_trained_by_unit, people.users),
    )


def _reaches(part: int, whole: int, percent: int) -> bool:
    return part * 100 >= percent * whole  # in integers: 80% of 7 people is 6, not 5.6 rounded down


def percent(part: int, whole: int) -> str:
    """A share for people to read."""
    # Cut, not rounded: 79.9% must not read as the 80% that it misses.
    return f"{part * 100 // whole if whole else 0}%"
