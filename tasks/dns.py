"""STUB"""

from domain.change import Change
from tasks.step import step


@step("endereço público")
def ensure_public_name(environment: str) -> Change:
    return Change(unchanged=1)


@step("endereço público retirado")
def remove_public_name(environment: str) -> Change:
    return Change()
