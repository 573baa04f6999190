"""Bars and the map as SVG: only attributes, for the page allows no styles of elements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians
from pathlib import Path

from blocks.municipality_places import places_of
from domain.board.board import LIVE, OUTSIDE, STAGES, Board, stage_key
from domain.board.clock import Split
from domain.board.line import BoardLine
from domain.municipality import UF_BY_IBGE_PREFIX
from domain.party import Party

BAR_WIDTH = 1000.0
MAP_WIDTH = 1000.0
_MARGIN = 16.0
_STRANGER = "stranger"
"""A municipality that is not in the registry at all."""
_UNDER = {_STRANGER: 0, OUTSIDE: 1, LIVE: 2}


@dataclass(frozen=True)
class Bar:
    """One part of a bar: where it begins, how wide it is, and what it says."""

    key: str
    label: str
    value: int
    x: float
    width: float


def bars_of(parts: Iterable[tuple[str, str, int]]) -> tuple[Bar, ...]:
    """Parts side by side, together as wide as the drawing; what is nothing is left out."""
    known = [(key, label, value) for key, label, value in parts if value]
    total = sum(value for *_, value in known)
    made: list[Bar] = []
    x = 0.0
    for key, label, value in known:
        width = BAR_WIDTH * value / total
        made.append(Bar(key, label, value, round(x, 2), round(width, 2)))
        x += width
    return tuple(made)


def split_bars(split: Split) -> tuple[Bar, ...]:
    """Whose the days were."""
    return bars_of((party.value, party.label, split.of(party)) for party in Party)


@dataclass(frozen=True)
class Dot:
    """One municipality on the map."""

    x: float
    y: float
    key: str
    late: bool
    title: str
    slug: str
    """Empty for one that is not in the registry."""


@dataclass(frozen=True)
class Map:
    """A state: its municipalities where their seats are."""

    uf: str
    width: float
    height: float
    radius: float
    dots: tuple[Dot, ...]
    legend: tuple[tuple[str, str, int], ...]
    ufs: tuple[str, ...]
    """All the states of which somebody is in the registry."""


@lru_cache(maxsize=4)  # a board is the same until the next reading
def draw_map(board: Board, uf: str, file: Path) -> Map | None:
    """The map of a state; of the one that most of the registry's municipalities are in, if it is none of theirs.

    None where the file of places has nobody of that state.

    Raises:
        InvalidInputError: the file of places is missing or wrong.
    """
    count: dict[str, int] = {}
    for line in board.lines:
        count[line.place.uf] = count.get(line.place.uf, 0) + 1
    ufs = tuple(sorted(count))
    shown = uf if uf in count else max(ufs, key=lambda one: count[one], default="MG")
    prefix = next(code for code, name in UF_BY_IBGE_PREFIX.items() if name == shown)
    lines = {line.place.ibge: line for line in board.lines}
    places = places_of(file, prefix)
    if not places:
        return None
    middle = radians(sum(place.latitude for place in places) / len(places))
    across = [place.longitude * cos(middle) for place in places]
    down = [-place.latitude for place in places]
    scale = (MAP_WIDTH - 2 * _MARGIN) / (max(max(across) - min(across), max(down) - min(down)) or 1)
    radius = round(max(3.2, min(11.0, 0.22 * MAP_WIDTH / len(places) ** 0.5)), 1)
    dots = tuple(
        _dot(lines.get(place.ibge), place.name, *_at(x, y, across, down, scale))
        for place, x, y in zip(places, across, down, strict=True)
    )
    return Map(
        uf=shown,
        width=round((max(across) - min(across)) * scale + 2 * _MARGIN, 1),
        height=round((max(down) - min(down)) * scale + 2 * _MARGIN, 1),
        radius=radius,
        # Who is on the way is drawn over the others, where they touch.
        dots=tuple(sorted(dots, key=lambda dot: _UNDER.get(dot.key, len(_UNDER)))),
        legend=_legend(dots),
        ufs=ufs,
    )


def _at(x: float, y: float, across: Sequence[float], down: Sequence[float], scale: float) -> tuple[float, float]:
    return round((x - min(across)) * scale + _MARGIN, 1), round((y - min(down)) * scale + _MARGIN, 1)


def _dot(line: BoardLine | None, name: str, x: float, y: float) -> Dot:
    if line is None:
        return Dot(x, y, _STRANGER, late=False, title=f"{name}: fora do programa", slug="")
    late = f", atraso de {line.late_days} dias úteis" if line.late_days else ""
    key = stage_key(line)
    return Dot(x, y, key, late=line.late, title=f"{line.place.name}: {line.stage_label}{late}", slug=line.place.slug)


def _legend(dots: Iterable[Dot]) -> tuple[tuple[str, str, int], ...]:
    found: dict[str, int] = {}
    for dot in dots:
        found[dot.key] = found.get(dot.key, 0) + 1
    labels: Mapping[str, str] = {**dict(STAGES), _STRANGER: "Fora do programa"}
    order = [LIVE, *(key for key, _ in STAGES if key not in {LIVE, OUTSIDE}), OUTSIDE, _STRANGER]
    return tuple((key, labels[key], found[key]) for key in order if key in found)
