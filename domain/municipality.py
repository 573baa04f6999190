"""A prefeitura's municipality: its IBGE code, official name, slug and contacts."""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Self

from pydantic import ConfigDict, Field, PositiveInt, StringConstraints, model_validator
from slugify import slugify

from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.text import cp1252_problem, is_email, unaccent

IbgeCode = Annotated[str, StringConstraints(pattern=r"^[1-5][0-9]{6}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]

UF_BY_IBGE_PREFIX = {
    "11": "RO", "12": "AC", "13": "AM", "14": "RR", "15": "PA", "16": "AP", "17": "TO",
    "21": "MA", "22": "PI", "23": "CE", "24": "RN", "25": "PB", "26": "PE", "27": "AL", "28": "SE", "29": "BA",
    "31": "MG", "32": "ES", "33": "RJ", "35": "SP",
    "41": "PR", "42": "SC", "43": "RS",
    "50": "MS", "51": "MT", "52": "GO", "53": "DF",
}  # fmt: skip

_APOSTROPHES = "'’‘´`ʼ"
_NO_APOSTROPHES = str.maketrans("", "", _APOSTROPHES)


class Contact(Frozen):
    """A person of the prefeitura to write to. Neither `repr` nor validation errors show who it is."""

    model_config = ConfigDict(hide_input_in_errors=True)

    name: str = Field(min_length=1, repr=False)
    email: str = Field(repr=False)
    role: str

    @model_validator(mode="after")
    def _email_has_the_shape_of_one(self) -> Self:
        if not is_email(self.email):
            msg = "o e-mail do contato não é válido"
            raise ValueError(msg)
        return self


class Municipality(Frozen):
    """A municipality whose code, name and slug agree. Build it with `municipality_from`."""

    ibge: IbgeCode
    name: str = Field(min_length=1, max_length=100)
    uf: str
    slug: Slug
    population: PositiveInt
    contacts: tuple[Contact, ...] = ()

    @model_validator(mode="after")
    def _code_belongs_to_the_state(self) -> Self:
        if UF_BY_IBGE_PREFIX.get(self.ibge[:2]) != self.uf:
            msg = f"o código IBGE {self.ibge} não é da UF {self.uf}"
            raise ValueError(msg)
        return self


class IbgeMunicipality(Frozen):
    """One row of the IBGE table: the plain name is lower case, without accents."""

    ibge: str
    uf: str
    plain_name: str


class IbgeTable(Frozen):
    """The municipalities that exist, by UF: plain name → code, and other names some of them go by (by code)."""

    codes_by_uf: dict[str, dict[str, str]]
    other_names: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    def find(self, ibge: str) -> IbgeMunicipality | None:
        """The municipality of this code, or None."""
        return self._by_code.get(ibge)

    def find_by_name(self, name: str, uf: str) -> IbgeMunicipality | None:
        """The municipality of this name in this state, however accents, case, hyphens and apostrophes are typed."""
        key = _name_key(name)
        same_state = (row for row in self._by_code.values() if row.uf == uf)
        return next((row for row in same_state if key in self.name_keys(row)), None)

    def name_keys(self, row: IbgeMunicipality) -> set[str]:
        """The comparable forms of every name that the municipality goes by."""
        return {_name_key(name) for name in (row.plain_name, *self.other_names.get(row.ibge, ()))}

    def slug(self, row: IbgeMunicipality) -> str:
        """`timoteo`; with the state (`bom-jesus-pi`) when several have the name. Never depends on how it was typed."""
        base = _base_slug(row.plain_name)
        return f"{base}-{row.uf.lower()}" if self._homonyms[base] > 1 else base

    @cached_property
    def _by_code(self) -> dict[str, IbgeMunicipality]:
        return {
            code: IbgeMunicipality(ibge=code, uf=uf, plain_name=name)
            for uf, codes in self.codes_by_uf.items()
            for name, code in codes.items()
        }

    @cached_property
    def _homonyms(self) -> dict[str, int]:
        count: dict[str, int] = {}
        for row in self._by_code.values():
            base = _base_slug(row.plain_name)
            count[base] = count.get(base, 0) + 1
        return count


def municipality_from(
    ibge: str,
    name: str,
    population: int,
    table: IbgeTable,
    contacts: Sequence[Contact] = (),
) -> Municipality:
    """The municipality of this code, with the name as typed (official accents) and its slug.

    Raises InvalidInputError for a malformed or unknown code, a name that is not the code's, characters that SEI cannot
    store, or a population of less than one inhabitant.
    """
    row = _known(ibge.strip(), table)
    name = " ".join(name.split())
    if _name_key(name) not in table.name_keys(row):
        raise _wrong_name(row, name, table)
    if problem := cp1252_problem(name):
        raise InvalidInputError(f"O nome não pode ser gravado: {problem}", "campo nome", "Corrija o nome.")
    if population < 1:
        raise InvalidInputError(
            f"População {population} de {name}/{row.uf} não é válida",
            "campo população",
            "Informe o número de habitantes publicado pelo IBGE.",
        )
    return Municipality(
        ibge=row.ibge,
        name=name,
        uf=row.uf,
        slug=table.slug(row),
        population=population,
        contacts=tuple(contacts),
    )


def _known(ibge: str, table: IbgeTable) -> IbgeMunicipality:
    if not re.fullmatch(r"[0-9]{7}", ibge):
        what = f"O código IBGE {ibge!r} não tem 7 dígitos"
    elif ibge[:2] not in UF_BY_IBGE_PREFIX:
        what = f"O código IBGE {ibge} não começa com o código de uma UF"
    elif row := table.find(ibge):
        return row
    else:
        what = f"O código IBGE {ibge} não é de nenhum município de {UF_BY_IBGE_PREFIX[ibge[:2]]}"
    raise InvalidInputError(what, "campo código IBGE", "Confira o código no site do IBGE.")


def _wrong_name(row: IbgeMunicipality, name: str, table: IbgeTable) -> InvalidInputError:
    other = table.find_by_name(name, row.uf)
    hint = f" O código de {name}/{row.uf} é {other.ibge}." if other else ""
    return InvalidInputError(
        f"O código IBGE {row.ibge} é de {row.plain_name.title()}/{row.uf}, não de {name!r}",
        "campos código IBGE e nome",
        f"Corrija o código ou o nome.{hint}",
    )


def _name_key(name: str) -> str:
    # Olhos-d'Água, Olhos d’Água and OLHOS D AGUA are one name: only letters and digits tell names apart.
    return re.sub(r"[^a-z0-9]", "", unaccent(name).lower())


def _base_slug(name: str) -> str:
    # An apostrophe joins (d'Água → dagua); slugify alone would put a hyphen there. Named, the library that takes
    # accents away is not looked for on disk anew for each of the country's municipalities.
    return slugify(name.translate(_NO_APOSTROPHES), backend="text-unidecode")
