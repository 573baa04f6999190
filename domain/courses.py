"""The courses of a training and who must finish which, as `catalog/training.yaml` says."""

from collections.abc import Collection
from typing import Self

from pydantic import Field, PositiveInt, model_validator

from domain.catalog_entry import CatalogEntry
from domain.text import collation_key


class Course(CatalogEntry):
    """One course: without `perfis` everybody's, with them of who has one; `unidades` narrow it likewise."""

    code: str = Field(alias="codigo", pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)
    title: str = Field(alias="titulo", min_length=1)
    profiles: tuple[str, ...] = Field(default=(), alias="perfis")
    units: tuple[str, ...] = Field(default=(), alias="unidades")

    def is_for(self, perfis: Collection[str], unidades: Collection[str]) -> bool:
        """Whether who has these perfis in these unidades must finish it."""
        return _meets(self.profiles, perfis) and _meets(self.units, unidades)


class CourseTable(CatalogEntry):
    """Every course, in the order in which people are told of them, and when a class of one is reminded of."""

    courses: tuple[Course, ...] = Field(alias="cursos", min_length=1)
    reminder_business_days: PositiveInt = Field(alias="lembrete_da_turma", default=2)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [name for course in self.courses for name in {collation_key(course.code), collation_key(course.title)}]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            msg = f"curso repetido: {', '.join(twice).lower()}"
            raise ValueError(msg)
        if not any(not course.profiles and not course.units for course in self.courses):
            msg = "nenhum curso é de todos: quem não tem curso contaria como capacitado"
            raise ValueError(msg)
        return self

    def find(self, name: str) -> Course | None:
        """The course of a code or a title, as the collation compares them."""
        key = collation_key(name)
        found = (course for course in self.courses if key in {collation_key(course.code), collation_key(course.title)})
        return next(found, None)

    def required_of(self, perfis: Collection[str], unidades: Collection[str]) -> tuple[Course, ...]:
        """What who has these perfis in these unidades must finish; never nothing."""
        return tuple(course for course in self.courses if course.is_for(perfis, unidades))


def _meets(wanted: Collection[str], has: Collection[str]) -> bool:
    return not wanted or bool({collation_key(name) for name in wanted} & {collation_key(name) for name in has})
