"""The documents that a prefeitura signs: made of templates and of its own data, stored as versions."""

from typing import Annotated

from prefect import flow

from domain.instruments.version import InstrumentsReport
from flows.forms import asked
from flows.stage import MUNICIPALITY
from tasks.history import require_adhesion
from tasks.instruments import ensure_instruments, publish_instruments

Names = Annotated[
    list[str] | None,
    asked("Instrumentos", "Só estes instrumentos, como decreto; vazio: todos."),
]


@flow(name="instrumentos", flow_run_name="{municipality} · instrumentos")
def instruments(municipality: str = MUNICIPALITY, names: Names = None) -> InstrumentsReport:
    """Make the next version of every instrument whose template or data changed; the others stay as they are."""
    slug = require_adhesion(municipality)
    report = ensure_instruments(slug, tuple(names or ()))
    publish_instruments(slug, report)
    return report
