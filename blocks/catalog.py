"""The only door to `catalog/` and to the tables that come inside packages. Reads and validates; never writes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from domain.calendar import HolidayCatalog
from domain.catalog_entry import CatalogEntry
from domain.document_model import DocumentModel, HipoteseLegal, TipoProcedimento
from domain.errors import IntegrityError, InvalidInputError
from domain.go_live import GoLiveRule
from domain.municipality import IbgeTable
from domain.plan import PlanTable
from domain.sla import SlaRule
from domain.training import TrainingRule

CATALOG_DIR = Path(__file__).resolve().parent.parent / "catalog"
MUNICIPALITIES_OF_BRAZIL = 5_570

T = TypeVar("T")

# pydantic speaks English; the people who edit these files do not.
_PROBLEMS = {
    "missing": "falta este campo",
    "extra_forbidden": "campo desconhecido",
    "int_type": "deve ser um número inteiro",
    "int_parsing": "deve ser um número inteiro",
    "int_from_float": "deve ser um número inteiro",
    "string_type": "deve ser um texto: escreva entre aspas",
    "bool_type": "deve ser true ou false",
    "bool_parsing": "deve ser true ou false",
    "tuple_type": "deve ser uma lista",
    "dict_type": "deve ser um grupo de campos",
    "model_type": "deve ser um grupo de campos",
    "too_short": "não pode ficar vazio",
    "string_too_short": "não pode ficar vazio",
    "string_too_long": "passa de {max_length} caracteres",
    "greater_than": "deve ser maior que {gt}",
    "greater_than_equal": "deve ser no mínimo {ge}",
    "less_than_equal": "deve ser no máximo {le}",
    "enum": "deve ser {expected}",
    "value_error": "{error}",
    "date_from_datetime_parsing": "deve ser uma data aaaa-mm-dd",
    "date_parsing": "deve ser uma data aaaa-mm-dd",
    "string_pattern_mismatch": "não tem o formato esperado",
}


class _Loader(yaml.SafeLoader):
    """YAML that leaves dates as text: pydantic reads them, and reports a day that does not exist with its line."""


def _as_text(_: _Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_text)


class Gates(CatalogEntry):
    """The rules of the gates, as `gates.yaml` holds them."""

    training: TrainingRule = Field(alias="capacitacao")
    go_live: GoLiveRule = Field(alias="entrada_em_producao")


@dataclass(frozen=True)
class Catalog:
    """The catalog's files, each as the domain's own type.

    Every method reads its file again and raises InvalidInputError naming file, line and field of each problem.
    """

    directory: Path = CATALOG_DIR

    def plans(self) -> PlanTable:
        """The price table (`plans.yaml`)."""
        return _load(self.directory / "plans.yaml", PlanTable)

    def sla(self) -> SlaRule:
        """The agreed time to deliver an environment (`sla.yaml`)."""
        return _load(self.directory / "sla.yaml", SlaRule)

    def gates(self) -> Gates:
        """The rules of the gates (`gates.yaml`)."""
        return _load(self.directory / "gates.yaml", Gates)

    def holidays(self) -> HolidayCatalog:
        """State and municipal holidays (`holidays.yaml`)."""
        return _load(self.directory / "holidays.yaml", HolidayCatalog)

    def document_model(self) -> DocumentModel:
        """Legal grounds and process types (`document_model/`)."""
        folder = self.directory / "document_model"
        grounds = _load(folder / "hipoteses_legais.yaml", tuple[HipoteseLegal, ...])
        types = _load(folder / "tipos_procedimento.yaml", tuple[TipoProcedimento, ...])
        try:
            return DocumentModel(hipoteses_legais=grounds, tipos_procedimento=types)
        except ValidationError as error:
            raise InvalidInputError(
                "O modelo de documentos não fecha: " + " | ".join(map(_problem, error.errors())),
                _shown(folder),
                "Corrija os arquivos do modelo.",
            ) from error

    def ibge_table(self) -> IbgeTable:
        """Every municipality's code, from brutils, with the other names of `municipality_names.yaml`."""
        other = _load(self.directory / "municipality_names.yaml", dict[str, tuple[str, ...]])
        return IbgeTable(codes_by_uf=_packaged_ibge_codes(), other_names=other)


@cache
def _packaged_ibge_codes() -> dict[str, dict[str, str]]:
    source = files("brutils") / "data" / "cities_code.json"
    codes = TypeAdapter(dict[str, dict[str, str]]).validate_python(json.loads(source.read_text(encoding="utf-8")))
    found = sum(map(len, codes.values()))
    if found != MUNICIPALITIES_OF_BRAZIL:
        raise IntegrityError(
            f"A tabela do IBGE tem {found} municípios, e não {MUNICIPALITIES_OF_BRAZIL}",
            "pacote brutils",
            "Reinstale as dependências com ./implanta.",
        )
    return codes


def _load(path: Path, shape: type[T]) -> T:
    root = _parse(path)
    try:
        return TypeAdapter(shape).validate_python(_Loader("").construct_document(root) if root else None)
    except ValidationError as error:
        problems = [f"linha {_line(root, e['loc'])}, {_field(e['loc'])}: {_problem(e)}" for e in error.errors()]
        raise InvalidInputError(
            f"{len(problems)} problema{'s' if len(problems) > 1 else ''} no catálogo: {' | '.join(problems)}",
            _shown(path),
            "Corrija o arquivo.",
        ) from error


def _parse(path: Path) -> yaml.Node | None:
    try:
        root: yaml.Node | None = yaml.compose(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise InvalidInputError(
            f"Não consegui ler o catálogo: {error.strerror}", _shown(path), "Restaure o arquivo do repositório."
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInputError("O arquivo não está em UTF-8", _shown(path), "Salve-o em UTF-8.") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidInputError(
            "O arquivo não é YAML válido", f"{_shown(path)}, linha {line}", "Veja a indentação e as aspas nessa linha."
        ) from error
    for line, key in _repeated_keys(root):
        # YAML would silently keep the last one.
        raise InvalidInputError(f"A chave {key!r} aparece duas vezes", f"{_shown(path)}, linha {line}", "Deixe uma só.")
    return root


def _repeated_keys(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.start_mark.line + 1, key.value
            seen.add(key.value)
            yield from _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item)


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The line of the deepest part of the location that the file has."""
    line = 1
    for step in location:
        found: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    line, found = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = node.value[step]
            line = found.start_mark.line + 1
        if found is None:
            break
        node = found
    return line


def _field(location: tuple[int | str, ...]) -> str:
    names = [f"{step + 1}º item" if isinstance(step, int) else step for step in location if step != "[key]"]
    return " › ".join(names) or "arquivo"


def _problem(error: ErrorDetails) -> str:
    template = _PROBLEMS.get(error["type"], "valor não aceito")
    return template.format_map({key: str(value) for key, value in error.get("ctx", {}).items()})


def _shown(path: Path) -> str:
    """The path as an operator knows it, from the root of the project when it is there."""
    root = CATALOG_DIR.parent
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
