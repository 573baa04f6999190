"""Where the municipalities are: the seats' coordinates, for the map, from a file that the operator names."""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from domain.errors import InvalidInputError


class MunicipalityPlace(NamedTuple):
    """One municipality's seat, in degrees."""

    ibge: str
    name: str
    latitude: float
    longitude: float


@cache
def read_places(file: Path) -> tuple[MunicipalityPlace, ...]:
    """Every municipality of a CSV in UTF-8 with the columns `ibge`, `name`, `lat` and `lon`, by code.

    Raises:
        InvalidInputError: the file is missing or wrong.
    """
    try:
        with file.open(encoding="utf-8", newline="") as rows:
            found = [
                MunicipalityPlace(row["ibge"], row["name"], float(row["lat"]), float(row["lon"]))
                for row in csv.DictReader(rows)
            ]
    except (OSError, KeyError, TypeError, ValueError):
        raise InvalidInputError(
            "Não consegui ler as coordenadas dos municípios",
            str(file),
            "O arquivo de `municipality_places` é um CSV com as colunas ibge, name, lat e lon, em graus.",
        ) from None
    return tuple(sorted(found))


def places_of(file: Path, uf_prefix: str) -> tuple[MunicipalityPlace, ...]:
    """The municipalities of a state, by the first two digits of their codes."""
    return tuple(place for place in read_places(file) if place.ibge.startswith(uf_prefix))
