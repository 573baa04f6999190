"""A spreadsheet of users that the HR system delivered: judged before it takes the place of the one that counts."""

from blocks.catalog import Catalog
from blocks.workbook import user_sheet_as_csv
from domain.change import Change
from domain.environment import intake_bucket
from tasks import doors
from tasks.intake import USERS, judge_sheet, load_delivered
from tasks.neighbourhood import list_delivered
from tasks.step import step


@step("planilha entregue pelo RH")
def receive_users_sheet(municipality: str, object_key: str, sha256: str) -> Change:
    """Put a delivered spreadsheet in the place of `usuarios.csv`; one that is refused leaves that as it is.

    Raises:
        InvalidInputError: it is not there, is not the one that was announced, or cannot be read; with every problem.
    """
    doors.registry().find_municipality(municipality)
    content = load_delivered(municipality, object_key, sha256)
    if object_key.endswith(".xlsx"):
        content = user_sheet_as_csv(content, object_key, Catalog().users_sheet())
    notes = judge_sheet(USERS, content, object_key)
    return doors.object_storage().ensure_object(intake_bucket(municipality), USERS, content) + Change(details=notes)


@step("ambientes em serviço")
def environments_in_service(municipality: str) -> list[str]:
    """The municipality's environments that can be looked into, by slug."""
    own = {record.slug for record in doors.registry().list_environments(_ibge(municipality))}
    return [slug for slug in list_delivered() if slug in own]


def _ibge(municipality: str) -> str:
    return doors.registry().find_municipality(municipality).ibge
