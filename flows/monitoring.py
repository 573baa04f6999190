"""Every five minutes: how all environments are, and what they share."""

from prefect import flow

from domain.monitoring.report import SweepReport
from tasks.monitoring import publish_sweep, sweep


@flow(name="monitoração", flow_run_name="monitoração")
def monitoring() -> SweepReport:
    """Look once; an incident fails no run, for it is told by itself. Fails while the registry is away."""
    report = sweep()
    publish_sweep(report)
    return report
