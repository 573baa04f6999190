"""Who has still to finish what, by name: a workbook for the prefeitura's own eyes."""

from collections.abc import Iterable

from blocks.text_workbook import text_workbook
from domain.training_count import Missing

_HEADING = ("Unidade", "Nome", "E-mail", "Login", "Falta concluir")


def missing_sheet(people: Iterable[Missing]) -> bytes:
    """An XLSX with a row for each person, in the order of units and names."""
    rows = sorted(
        (
            ", ".join(missing.person.unidades),
            missing.person.shown_name,
            missing.person.email,
            missing.person.sigla,
            ", ".join(course.title for course in missing.courses),
        )
        for missing in people
    )
    return text_workbook("faltam", _HEADING, rows)
