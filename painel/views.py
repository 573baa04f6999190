"""The pages, and the files that are the same tables."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from math import ceil
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from domain.board.access import Role
from domain.board.board import PAGE_SIZE, STAGES, Choice, Order
from domain.board.campaign import UnitState
from domain.board.clock import Split
from domain.board.columns import Column
from domain.board.tables import Table, campaign_table, clocks_table, environments_table, matrix_table, results_table
from domain.environment import Purpose
from domain.errors import ImplantaError
from domain.party import Party
from domain.retirement import Standing
from domain.text import searchable
from painel.drawing import bars_of, draw_map, split_bars
from painel.exports import XLSX, Exports
from painel.gate import PREFIX, Gate
from painel.pages import STYLE, render, render_in_pieces
from painel.sessions import Session
from painel.store import BoardStore, Snapshot

_LONGEST_WORD = 80
_LONGEST_PAGE = 4
_MOST_SHOWN = 12
_PDF = "application/pdf"


class Views:
    """What the routes answer."""

    def __init__(
        self,
        store: BoardStore,
        gate: Gate,
        exports: Exports,
        prefect_url: str,
        places: Path | None = None,
        *,
        prefect_for: Role = Role.OPERACAO,
    ) -> None:
        """Take the board, who may see it, who writes files of it, where one goes on to Prefect, and the map's file.

        `prefect_for` is the least role that is told of Prefect.
        """
        self._prefect_for = prefect_for
        self._places = places
        self._store = store
        self._gate = gate
        self._exports = exports
        self._prefect_url = prefect_url

    def results(self, request: Request) -> Response:
        """The programme at a glance."""
        session, snapshot = self._open(request)
        board = snapshot.board
        running = board.in_progress
        late = sorted((line for line in running if line.late), key=lambda line: -line.late_days)
        troubled = [one for one in board.environments if one.problems]
        return self._page(
            "resultados.html.j2",
            session,
            snapshot,
            "resultados",
            etapas=bars_of(board.count_by_stage()),
            quantas=board.count_by_stage(),
            esperas=board.count_by_party(),
            em_andamento=len(running),
            atrasadas=late[:_MOST_SHOWN],
            total_atrasadas=len(late),
            com_problema=troubled[:_MOST_SHOWN],
            total_com_problema=len(troubled),
            tempo=split_bars(_sum(line.split for line in running)),
            tempo_total=_sum(line.split for line in running),
        )

    def matrix(self, request: Request) -> Response:
        """Prefeitura by column."""
        session, snapshot = self._open(request)
        choice = read_choice(request)
        chosen = choice.of(snapshot.board.lines)
        return self._page(
            "prefeituras.html.j2",
            session,
            snapshot,
            "prefeituras",
            in_pieces=choice.all_at_once,
            escolha=choice,
            **_paged(chosen, choice),
            colunas=tuple(Column),
            etapas=STAGES,
            partes_lista=tuple(Party),
            equipes=snapshot.board.teams,
            ordens=tuple(Order),
        )

    def clocks(self, request: Request) -> Response:
        """The agreed delivery, and whose the time was."""
        session, snapshot = self._open(request)
        choice = read_choice(request)
        lines = [line for line in snapshot.board.lines if line.clock is not None]
        if not request.query_params.get("situacao"):
            lines = [line for line in lines if line.live_on is None]
        ordered = sorted(choice.of(lines), key=lambda line: (-line.split.total, line.place.name))
        paged = _paged(ordered, choice)
        return self._page(
            "prazos.html.j2",
            session,
            snapshot,
            "prazos",
            in_pieces=choice.all_at_once,
            escolha=choice,
            situacao="todas" if request.query_params.get("situacao") else "",
            **{**paged, "linhas": [(line, split_bars(line.split)) for line in paged["linhas"]]},
            total=_sum(line.split for line in ordered),
            tempo=split_bars(_sum(line.split for line in ordered)),
            partes_lista=tuple(Party),
        )

    def environments(self, request: Request) -> Response:
        """Backups, certificates, versions."""
        session, snapshot = self._open(request)
        text, only = _word(request, "q"), _word(request, "so")
        wanted = Choice(text=text)
        names = {line.place.ibge for line in wanted.of(snapshot.board.lines)}
        there = [
            one
            for one in snapshot.board.environments
            if one.facts.ibge in names and one.standing is not Standing.DESTROYED
        ]
        chosen = {
            "problemas": [one for one in there if one.problems],
            "atras": [one for one in there if one.versions_behind],
            "producao": [one for one in there if one.facts.purpose is Purpose.PRODUCAO],
        }.get(only, there)
        ordered = sorted(chosen, key=lambda one: (not one.problems, one.name, one.facts.slug))
        choice = read_choice(request)
        return self._page(
            "ambientes.html.j2",
            session,
            snapshot,
            "ambientes",
            in_pieces=choice.all_at_once,
            **_paged(ordered, choice),
            quantos_com_problema=sum(bool(one.problems) for one in there),
            versoes=_versions(one.facts.version for one in there),
            q=text,
            so=only,
            escolha=Choice(text=text, page=choice.page, all_at_once=choice.all_at_once),
        )

    def campaign(self, request: Request) -> Response:
        """The last campaign of upgrades, or an earlier one by its name."""
        session, snapshot = self._open(request)
        campaigns, name = snapshot.board.campaigns, _word(request, "nome")
        chosen = next((one for one in campaigns if one.name == name), None) if name else next(iter(campaigns), None)
        if name and chosen is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        choice, only = read_choice(request), _word(request, "so")
        wanted = searchable(choice.text)
        units = [
            unit
            for unit in (chosen.units if chosen else ())
            if wanted in searchable(f"{unit.name} {unit.environment}") and only in {"", unit.state.value}
        ]
        return self._page(
            "campanha.html.j2",
            session,
            snapshot,
            "campanha",
            in_pieces=choice.all_at_once,
            **_paged(units, choice),
            campanha=chosen,
            campanhas=campaigns,
            situacoes=tuple(UnitState),
            q=choice.text,
            so=only,
            escolha=Choice(text=choice.text, page=choice.page, all_at_once=choice.all_at_once),
        )

    def map(self, request: Request) -> Response:
        """The state's map."""
        session, snapshot = self._open(request)
        uf = _word(request, "uf").upper()
        drawn = draw_map(snapshot.board, uf, self._places) if self._places else None
        return self._page("mapa.html.j2", session, snapshot, "mapa", in_pieces=True, mapa=drawn)

    def prefeitura(self, request: Request, slug: str) -> Response:
        """One prefeitura: its columns, its clock, its environments, and what happened."""
        session, snapshot = self._open(request)
        line = snapshot.board.line(slug)
        if line is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        try:
            timeline, told = self._store.timeline(line.place.ibge), True
        except ImplantaError:
            timeline, told = (), False
        return self._page(
            "prefeitura.html.j2",
            session,
            snapshot,
            "prefeituras",
            linha=line,
            equipe=snapshot.board.teams.get(line.team, ""),
            ambientes=snapshot.board.environments_of(line.place.ibge),
            tempo=split_bars(line.split),
            partes_lista=tuple(Party),
            historia=timeline,
            historia_lida=told,
        )

    def file(self, request: Request, kind: str) -> Response:
        """The tables as a spreadsheet or PDF; with the words of the matrix, of the chosen prefeituras only."""
        _, snapshot = self._open(request)
        board, choice = snapshot.board, read_choice(request)
        chosen = choice.of(board.lines)
        names = {line.place.ibge for line in chosen}
        tables: tuple[Table, ...] = (
            results_table(board.figures),
            matrix_table(chosen),
            clocks_table(chosen),
            environments_table(one for one in board.environments if one.facts.ibge in names),
            campaign_table(board.campaigns),
        )
        title = f"painel-{board.taken_at:%Y-%m-%d}"
        body = self._exports.xlsx(board, tables) if kind == "xlsx" else self._exports.pdf(board, tables)
        return Response(
            body,
            media_type=XLSX if kind == "xlsx" else _PDF,
            headers={"Content-Disposition": f'attachment; filename="{title}.{kind}"'},
        )

    def _open(self, request: Request) -> tuple[Session, Snapshot]:
        return self._gate.require(request), self._store.current()

    def _page(  # what each page shows is its own
        self,
        template: str,
        session: Session,
        snapshot: Snapshot,
        here: str,
        *,
        in_pieces: bool = False,
        **values: Any,  # noqa: ANN401
    ) -> Response:
        return (render_in_pieces if in_pieces else render)(
            template,
            papel=session.role.label,
            aqui=here,
            lido_em=snapshot.board.taken_at,
            sem_resposta_desde=snapshot.silent_since,
            numeros=snapshot.board.figures,
            prefect_url=self._prefect_url if session.role.may(self._prefect_for) else "",
            **values,
        )


def read_choice(request: Request) -> Choice:
    """The words of an address as a choice; what is no word of ours chooses nothing."""
    stage, party, team = (_word(request, name) for name in ("etapa", "espera", "equipe"))
    order, page = _word(request, "ordem"), _word(request, "pagina")
    return Choice(
        text=_word(request, "q"),
        stage=stage if stage in dict(STAGES) else "",
        late=bool(_word(request, "atrasadas")),
        party=party if party in {one.value for one in Party} else "",
        team=team,
        order=Order(order) if order in {one.value for one in Order} else Order.NOME,
        page=max(1, int(page)) if page.isascii() and page.isdecimal() and len(page) <= _LONGEST_PAGE else 1,
        all_at_once=bool(_word(request, "todas")),
    )


def _word(request: Request, name: str) -> str:
    return request.query_params.get(name, "")[:_LONGEST_WORD]


def _paged(lines: Sequence[object], choice: Choice) -> dict[str, Any]:
    """The lines of the chosen page, or all of them, under the names by which every list's template knows them."""
    pages = max(1, ceil(len(lines) / PAGE_SIZE))
    page = min(choice.page, pages)
    shown = lines if choice.all_at_once else lines[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return {
        "linhas": shown,
        "quantas": len(lines),
        "pagina": page,
        "paginas": 1 if choice.all_at_once else pages,
    }


def _sum(splits: Iterable[Split]) -> Split:
    total = Split()
    for split in splits:
        total += split
    return total


def _versions(found: Iterable[str]) -> tuple[tuple[str, int], ...]:
    count: dict[str, int] = {}
    for version in found:
        count[version] = count.get(version, 0) + 1
    return tuple(sorted(count.items(), reverse=True))


def board_router(views: Views) -> APIRouter:
    """The routes of the pages; plain functions, so that each is answered in a thread."""
    router = APIRouter(prefix=PREFIX)
    router.add_api_route("", views.results)
    router.add_api_route("/prefeituras", views.matrix)
    router.add_api_route("/prazos", views.clocks)
    router.add_api_route("/ambientes", views.environments)
    router.add_api_route("/campanha", views.campaign)
    router.add_api_route("/mapa", views.map)
    router.add_api_route("/prefeituras/{slug}", views.prefeitura)

    @router.get("/")
    def slash() -> Response:
        return RedirectResponse(PREFIX, HTTPStatus.SEE_OTHER)

    @router.get("/painel.xlsx")
    def xlsx(request: Request) -> Response:
        return views.file(request, "xlsx")

    @router.get("/painel.pdf")
    def pdf(request: Request) -> Response:
        return views.file(request, "pdf")

    @router.get("/estilo.css")
    async def style() -> Response:
        return PlainTextResponse(STYLE, media_type="text/css")

    return router
