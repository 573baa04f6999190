"""The HR system delivered a spreadsheet of users: what it would change, environment by environment."""

from typing import Annotated

from prefect import flow

from domain.reference import Sha256
from domain.users_report import UsersReport
from flows.forms import asked
from flows.stage import MUNICIPALITY
from flows.users import plan_users
from tasks.received_sheet import environments_in_service, receive_users_sheet

ObjectKey = Annotated[
    str,
    asked("Objeto", "Onde está no balde de entrada: rh/2026-12-01.csv."),
]
SheetDigest = Annotated[Sha256, asked("SHA-256", "SHA-256 da planilha.")]


@flow(name="planilha do RH", flow_run_name="{municipality} · planilha do RH")
def receive_users(object_key: ObjectKey, sha256: SheetDigest, municipality: str = MUNICIPALITY) -> list[UsersReport]:
    """Take the spreadsheet in if it can be read, and show each environment's plan; who applies it is a person."""
    receive_users_sheet(municipality, object_key, sha256)
    return [plan_users(environment) for environment in environments_in_service(municipality)]
