"""The courses of a training and who must finish which, as `catalog/training.yaml` says."""

from collections.abc import Collection
from typing import Self

from pydantic import Field, PositiveInt, model_validator

from domain.catalog_entry import CatalogEntry
from domain.practice import PRACTICE, PracticeRule, PracticeWorth
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
    practice: PracticeRule = Field(alias="pratica", default=PracticeRule())

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

    @model_validator(mode="after")
    def _practice_is_of_a_course(self) -> Self:
        codes = {course.code for course in self.courses}
        if PRACTICE in codes:
            msg = f"o código {PRACTICE!r} é o da prática no ambiente de treinamento, e não pode ser de um curso"
            raise ValueError(msg)
        if self.practice.worth is not PracticeWorth.IGNORED and self.practice.course not in codes:
            msg = f"a prática é do curso {self.practice.course!r}, que não existe"
            raise ValueError(msg)
        return self

    def find(self, name: str) -> Course | None:
        """The course of a code or a title, as the collation compares them."""
        key = collation_key(name)
        found = (course for course in self.courses if key in {collation_key(course.code), collation_key(course.title)})
        return next(found, None)

    def required_of(self, perfis: Collection[str], unidades: Collection[str]) -> tuple[Course, ...]:
        """What who has these perfis in these unidades must finish; never nothing.

        Where practice is required it comes after the courses, with the code that its completions have.
        """
        owed = tuple(course for course in self.courses if course.is_for(perfis, unidades))
        rule = self.practice
        if rule.worth is not PracticeWorth.REQUIRED or all(course.code != rule.course for course in owed):
            return owed
        return (*owed, Course(code=PRACTICE, title="Prática no ambiente de treinamento"))


def _meets(wanted: Collection[str], has: Collection[str]) -> bool:
    return not wanted or bool({collation_key(name) for name in wanted} & {collation_key(name) for name in has})
