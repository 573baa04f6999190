"""The board's tables, once for all who show them: pages, artifacts of Prefect, spreadsheets and PDF."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from domain.board.board import Board, Figures
from domain.board.campaign import CampaignBoard
from domain.board.columns import Column
from domain.board.environments import EnvironmentLine
from domain.board.line import BoardLine, Cell, CellState
from domain.calendar import local_moment
from domain.party import Party
from domain.report import table_cell

Value = str | int | date | None


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name, its headings, and rows of values that each writer shows in its own way."""

    key: str
    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    def markdown(self) -> list[str]:
        """As an artifact shows it."""
        lines = [f"## {self.title}", "", f"| {' | '.join(self.headings)} |", "|---" * len(self.headings) + "|"]
        lines += [f"| {' | '.join(table_cell(shown(value)) for value in row)} |" for row in self.rows]
        return lines


def shown(value: Value) -> str:
    """A value as people read it: 12.345, 31/12/2026, and a dash for what there is not."""
    if value is None or value == "":
        return "–"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    return number(value) if isinstance(value, int) else value


def number(value: int) -> str:
    """`116.851`."""
    return f"{value:,}".replace(",", ".")


def results_table(figures: Figures) -> Table:
    """The six figures."""
    return Table("resultados", "Resultados do programa", ("Resultado", "Número"), figures.six)


def cell_told(cell: Cell) -> str:
    """A cell of the matrix in few signs: `12/03/2026`, `desde 12/03/2026`, `Prefeitura, desde 12/03/2026 (+8)`."""
    day = f"{cell.day:%d/%m/%Y}" if cell.day else ""
    if cell.state is CellState.DONE:
        return day
    late = f" (+{cell.late_days})" if cell.late else ""
    if cell.state is CellState.WAITING and cell.party is not None:
        return f"{cell.party.label}, desde {day}{late}"
    if cell.state is CellState.TODO:
        return f"prevista {day}{late}" if day else ""
    return f"desde {day}{late}"


def matrix_table(lines: Iterable[BoardLine]) -> Table:
    """Prefeitura by column, with dates, and whom each waits for and why."""
    headings = (
        *("Prefeitura", "UF", "IBGE", "Etapa", "Adesão"),
        *(column.heading for column in Column),
        *("Espera por", "Desde", "Motivo", "Atraso (dias úteis)"),
    )
    rows = tuple(
        (
            *(line.place.name, line.place.uf, line.place.ibge, line.stage_label, line.joined_on),
            *(cell_told(cell) for cell in line.cells),
            line.party.label if line.party else "",
            line.waiting_since,
            " ".join(line.reasons),
            line.late_days,
        )
        for line in lines
    )
    return Table("prefeituras", "Prefeituras e etapas", headings, rows)


def clocks_table(lines: Iterable[BoardLine]) -> Table:
    """The agreed delivery, and whose the days of the whole journey were."""
    headings = (
        *("Prefeitura", "Início", "Vencimento", "Entrega", "Situação", "Prazo", "Estado", "Prefeitura", "Terceiros"),
        *("Jornada: Estado", "Jornada: Prefeitura", "Jornada: Terceiros", "Espera por", "Motivo"),
    )
    rows = tuple(
        (
            *(line.place.name, line.clock.started_on, line.clock.due_on, line.clock.finished_on),
            *(line.clock.state.label, line.clock.agreed),
            *(line.clock.split.of(party) for party in Party),
            *(line.split.of(party) for party in Party),
            line.party.label if line.party else "",
            " ".join(line.reasons),
        )
        for line in lines
        if line.clock is not None
    )
    return Table("prazos", "Prazos e de quem foi o tempo (dias úteis)", headings, rows)


def environments_table(environments: Iterable[EnvironmentLine]) -> Table:
    """Backups, certificates and versions."""
    headings = (
        *("Ambiente", "Prefeitura", "Situação", "Entregue", "Versão", "Atraso da versão", "Última cópia provada"),
        *("Nível", "Idade (h)", "Certificado até", "Dias", "Usuários", "Processos", "Documentos", "A resolver"),
    )
    rows = tuple(
        (
            *(one.facts.slug, one.name, one.standing.label, one.delivered_on, one.facts.version, one.version_told),
            local_moment(one.facts.backup.taken_at) if one.facts.backup else None,
            one.facts.backup.level.value if one.facts.backup and one.facts.backup.level else None,
            *(one.backup_hours, one.facts.certificate_ends, one.certificate_days),
            *(_use(one)),
            "; ".join(one.problems),
        )
        for one in environments
    )
    return Table("ambientes", "Ambientes: cópias, certificados e versões", headings, rows)


def _use(one: EnvironmentLine) -> tuple[Value, Value, Value]:
    use = one.facts.use
    return (use.users, use.processes, use.documents) if use else (None, None, None)


def campaign_table(campaigns: Sequence[CampaignBoard]) -> Table:
    """The last campaign, environment by environment; without one a table of no rows."""
    headings = ("Campanha", "Ambiente", "Prefeitura", "Situação", "Onda", "Noite", "Minutos", "Motivo")
    rows = tuple(
        (
            *(campaign.name, unit.environment, unit.name, unit.state.label, unit.wave),
            *(local_moment(unit.begins_at) if unit.begins_at else None, unit.minutes, unit.reason),
        )
        for campaign in campaigns[:1]
        for unit in campaign.units
    )
    return Table("campanha", "Campanha de atualização", headings, rows)


def tables_of(board: Board) -> tuple[Table, ...]:
    """Every table of the board, in the order of its pages."""
    return (
        results_table(board.figures),
        matrix_table(board.lines),
        clocks_table(board.lines),
        environments_table(board.environments),
        campaign_table(board.campaigns),
    )


def board_markdown(board: Board, tables: Sequence[Table] | None = None) -> list[str]:
    """The board as one artifact."""
    lines = [f"# Painel em {local_moment(board.taken_at)}", ""]
    for table in tables_of(board) if tables is None else tables:
        lines += [*table.markdown(), ""]
    return lines
