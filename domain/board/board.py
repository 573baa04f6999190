"""The whole board at one moment, and choosing lines of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from domain.board.campaign import CampaignBoard
from domain.board.columns import Column
from domain.board.environments import EnvironmentLine
from domain.board.line import BoardLine, CellState
from domain.calendar import local_day
from domain.environment import Purpose
from domain.lifecycle import Stage
from domain.party import Party
from domain.retirement import Standing
from domain.text import searchable

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Figures:
    """The six figures that the programme publishes, and how far the counted ones reach."""

    live: int
    environments: int
    classes: int
    users: int
    processes: int
    documents: int
    counted: int
    """Productions whose use is counted."""
    counted_on: date | None
    """The oldest of these counts."""
    joined: int

    @property
    def six(self) -> tuple[tuple[str, int], ...]:
        """Each with its name."""
        return (
            ("Prefeituras em produção", self.live),
            ("Ambientes em serviço", self.environments),
            ("Turmas concluídas", self.classes),
            ("Usuários", self.users),
            ("Processos", self.processes),
            ("Documentos", self.documents),
        )


@dataclass(frozen=True, eq=False)
class Board:
    """Everything that the pages show, judged at `taken_at`; two readings are two boards."""

    taken_at: datetime
    figures: Figures
    lines: tuple[BoardLine, ...]
    environments: tuple[EnvironmentLine, ...]
    teams: Mapping[str, str]
    """Code to title."""
    campaigns: tuple[CampaignBoard, ...] = ()
    """The newest campaigns of upgrades, the last one first."""

    def line(self, slug: str) -> BoardLine | None:
        """The line of a prefeitura."""
        return next((line for line in self.lines if line.place.slug == slug), None)

    def environments_of(self, ibge: str) -> tuple[EnvironmentLine, ...]:
        """The environments of a prefeitura."""
        return tuple(one for one in self.environments if one.facts.ibge == ibge)

    @property
    def in_progress(self) -> tuple[BoardLine, ...]:
        """Who joined and is not live."""
        return tuple(line for line in self.lines if line.joined_on and not line.live_on)

    def count_by_stage(self) -> tuple[tuple[str, str, int], ...]:
        """How many are where: the address word, the name, the number; all of the programme's stages, in order."""
        groups = [stage_key(line) for line in self.lines]
        return tuple((key, label, groups.count(key)) for key, label in STAGES)

    def count_by_party(self) -> tuple[tuple[Party, int], ...]:
        """How many in progress wait for whom."""
        waiting = [line.party for line in self.in_progress]
        return tuple((party, waiting.count(party)) for party in Party)


LIVE, OUTSIDE = "live", "outside"
STAGES: tuple[tuple[str, str], ...] = (
    *((stage.value, stage.label) for stage in Stage if stage not in {Stage.ADHESION, Stage.OPERATION}),
    (LIVE, "Em produção"),
    (OUTSIDE, "Não aderiu"),
)


def stage_key(line: BoardLine) -> str:
    """Where a prefeitura is, as addresses say it."""
    if line.joined_on is None:
        return OUTSIDE
    return LIVE if line.live_on else line.stage.value


def figures_of(lines: Iterable[BoardLine], environments: Sequence[EnvironmentLine], classes: int) -> Figures:
    """The six figures: use is that of the productions of live prefeituras, for in training people only practise."""
    known = tuple(lines)
    live = {line.place.ibge for line in known if line.live_on}
    serving = [one for one in environments if one.delivered_on and one.standing is Standing.ACTIVE]
    productions = [one.facts for one in serving if one.facts.purpose is Purpose.PRODUCAO and one.facts.ibge in live]
    counted = [facts for facts in productions if facts.use is not None]
    uses = [facts.use for facts in counted if facts.use is not None]
    return Figures(
        live=len(live),
        environments=len(serving),
        classes=classes,
        users=sum(use.users for use in uses),
        processes=sum(use.processes for use in uses),
        documents=sum(use.documents for use in uses),
        counted=len(counted),
        counted_on=min((local_day(facts.counted_at) for facts in counted if facts.counted_at), default=None),
        joined=sum(line.joined_on is not None for line in known),
    )


class Order(StrEnum):
    """By what the matrix may be sorted."""

    NOME = "nome"
    ETAPA = "etapa"
    ATRASO = "atraso"
    ADESAO = "adesao"
    POPULACAO = "populacao"

    @property
    def label(self) -> str:
        """For people."""
        return {
            "nome": "Nome",
            "etapa": "Etapa",
            "atraso": "Maior atraso",
            "adesao": "Adesão mais recente",
            "populacao": "População",
        }[self.value]


@dataclass(frozen=True)
class Choice:
    """Which lines, and in which order; empty words choose all."""

    text: str = ""
    stage: str = ""
    late: bool = False
    party: str = ""
    team: str = ""
    order: Order = Order.NOME
    page: int = 1
    all_at_once: bool = False

    def of(self, lines: Iterable[BoardLine]) -> list[BoardLine]:
        """The chosen lines of all pages, in order."""
        wanted = searchable(self.text)
        chosen = [line for line in lines if self._chooses(line, wanted)]
        return sorted(chosen, key=_ORDERS[self.order])

    def _chooses(self, line: BoardLine, wanted: str) -> bool:
        return (
            (not wanted or wanted in searchable(line.place.name) or line.place.ibge.startswith(wanted))
            and (not self.stage or stage_key(line) == self.stage)
            and (not self.late or line.late)
            and (not self.party or line.party == self.party)
            and (not self.team or line.team == self.team)
        )

    @property
    def words(self) -> dict[str, str]:
        """What an address says of it; what is as usual is left out."""
        said = {
            "q": self.text.strip(),
            "etapa": self.stage,
            "atrasadas": "sim" if self.late else "",
            "espera": self.party,
            "equipe": self.team,
            "ordem": "" if self.order is Order.NOME else self.order.value,
            "pagina": "" if self.page == 1 else str(self.page),
            "todas": "sim" if self.all_at_once else "",
        }
        return {name: word for name, word in said.items() if word}

    def but(self, **changes: Any) -> "Choice":  # noqa: ANN401  # the fields' own types
        """The same with other words; another choice begins at its first page."""
        return replace(self, **{"page": 1, **changes})


def _name(line: BoardLine) -> str:
    return searchable(line.place.name)


_RANK = {key: number for number, (key, _) in enumerate(STAGES)}
_ORDERS: dict[Order, Callable[[BoardLine], tuple[object, ...]]] = {
    Order.NOME: lambda line: (_name(line), line.place.uf),
    Order.ETAPA: lambda line: (_RANK.get(stage_key(line), 0), _name(line)),
    Order.ATRASO: lambda line: (-line.late_days, _name(line)),
    Order.ADESAO: lambda line: (-(line.joined_on or date.min).toordinal(), _name(line)),
    Order.POPULACAO: lambda line: (-line.place.population, _name(line)),
}


def late_columns(line: BoardLine) -> tuple[Column, ...]:
    """The columns of a prefeitura whose planned end has passed."""
    return tuple(cell.column for cell in line.cells if cell.late and cell.state is not CellState.DONE)
