"""The adhesion form that a webhook announces: read from the municipality's bucket, and registered once."""

from pydantic import ConfigDict, Field, PositiveInt, ValidationError

from blocks.catalog import Catalog
from domain.change import Change
from domain.environment import intake_bucket
from domain.errors import InvalidInputError
from domain.lifecycle import Stage
from domain.model import Frozen
from domain.municipality import Contact, Municipality, municipality_from
from domain.plan import choose_plan
from tasks import doors
from tasks.adhesion import adhere
from tasks.intake import load_delivered
from tasks.step import step

ADHESION_FORM = "adesao.json"


class AdhesionFormContent(Frozen):
    """What the form says. Personal data: neither `repr` nor validation errors show it."""

    model_config = ConfigDict(hide_input_in_errors=True)

    ibge: str = Field(max_length=7)
    name: str = Field(min_length=1, max_length=100)
    population: PositiveInt
    contacts: tuple[Contact, ...] = Field(min_length=1, max_length=20)


@step("adesão do município")
def register_adhesion_form(municipality: str, sha256: str) -> Change:
    """Register the municipality of the form with the plan of the table; the same form again changes nothing.

    Raises:
        InvalidInputError: the form is not there, is another one or has errors; its municipality is another, has no plan
            in the table, or joined before with other facts.
    """
    where = f"{intake_bucket(municipality)}/{ADHESION_FORM}"
    form = _read(load_delivered(municipality, ADHESION_FORM, sha256), where)
    catalog = Catalog()
    wanted = municipality_from(form.ibge, form.name, form.population, catalog.ibge_table(), contacts=form.contacts)
    if wanted.slug != municipality:
        raise InvalidInputError(
            f"O formulário é de '{wanted.slug}', e não do município do aviso",
            where,
            "Corrija o formulário e avise de novo.",
        )
    plan = choose_plan(wanted.population, catalog.plans())
    if _has_joined(wanted):
        return Change(unchanged=1)
    return adhere(doors.registry(), wanted, plan)


def _has_joined(wanted: Municipality) -> bool:
    """Whether it joined with these very facts; contacts decide at gates, so no form changes those that are there."""
    registry = doors.registry()
    if Stage.ADHESION not in registry.stages_done().get(wanted.ibge, {}):
        return False
    known = registry.find_municipality(wanted.ibge)
    if known != wanted:
        raise InvalidInputError(
            "O município já aderiu, com outros dados",
            f"{intake_bucket(wanted.slug)}/{ADHESION_FORM}",
            "Mude contatos e plano com ./implanta municipality contact e plan.",
        )
    return True


def _read(content: bytes, where: str) -> AdhesionFormContent:
    try:
        return AdhesionFormContent.model_validate_json(content)
    except ValidationError as error:
        known = AdhesionFormContent.model_fields
        wrong = sorted({str(problem["loc"][0]) for problem in error.errors() if problem["loc"]} & known.keys())
        raise InvalidInputError(
            f"O formulário de adesão tem campos errados ou faltando: {', '.join(wrong) or 'um que não se conhece'}",
            where,
            f"Os campos são {', '.join(known)}; cada contato tem name, email e role.",
        ) from None
