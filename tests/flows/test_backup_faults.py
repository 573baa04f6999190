"""One fault of each kind in a real backup, found and named; the whole catalogue is in `tests/slow`."""

import pytest

from blocks.settings import Settings
from tests.flows.backup_faults import CATALOGUE, problems_of
from tests.flows.backup_ground import Ground, lay, make_instance

REPRESENTATIVE = (
    "bancos truncado",
    "pacote com um bit trocado",
    "sem trava",
    "diretório com outra chave",
    "tabela ausente",
    "linha perdida já no despejo",
    "índice perdido",
    "gatilho alterado",
    "anexos trocados entre si",
    "manifesto editado",
    "manifesto de outro ambiente",
    "cópia do futuro",
)


@pytest.fixture(scope="module")
def ground(programme: Settings) -> Ground:
    assert programme
    return lay(make_instance("3100906", "Águas Formosas"))


@pytest.mark.parametrize("name", REPRESENTATIVE)
def test_a_fault_is_found_and_named_by_its_cause(ground: Ground, name: str) -> None:
    (fault,) = [fault for fault in CATALOGUE if fault.name == name]
    assert problems_of(fault, ground) == []
