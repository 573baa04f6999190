"""A municipality joins the programme by the form that another system put into its bucket."""

from typing import Annotated

from prefect import flow

from domain.change import Change
from domain.reference import Sha256
from flows.forms import asked
from flows.stage import MUNICIPALITY
from tasks.adhesion_form import register_adhesion_form

FormDigest = Annotated[Sha256, asked("SHA-256", "SHA-256 de adesao.json, no balde.")]


@flow(name="adesão", flow_run_name="{municipality} · adesão")
def adhesion(sha256: FormDigest, municipality: str = MUNICIPALITY) -> Change:
    """Register municipality, contacts and plan, and start the clock; no system is touched yet."""
    return register_adhesion_form(municipality, sha256)
