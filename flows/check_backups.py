"""Every morning: whose backup is missing, whether or not anything ran in the night."""

from prefect import flow

from domain.errors import IntegrityError
from domain.report import first_of
from tasks import clock
from tasks.backup_night import alert_of_missing


@flow(name="cópias em falta", flow_run_name="cópias em falta")
def check_backups() -> tuple[str, ...]:
    """Tell the programme's team of every environment without a recent proved backup; any of them fails the run."""
    missing = alert_of_missing(clock.now())
    if missing:
        raise IntegrityError(
            f"{len(missing)} ambientes sem cópia provada recente: {first_of(missing)}",
            "cópias da noite",
            "Veja por que a noite falhou, ou não começou, e execute cópias da noite só para eles.",
        )
    return missing
