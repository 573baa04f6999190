"""Every night: look at the certificate of every environment, and renew what is due."""

from typing import Annotated

from prefect import flow

from domain.calendar import local_day
from domain.certificate_renewal import RenewalReport
from flows.forms import asked
from flows.stage import at_most, results_of
from tasks.certificates import environments_to_renew, publish_renewals, renew_certificate
from tasks.clock import now

# An ACME authority takes seconds for each, and limits how many may be open.
AT_ONCE = 8

Environments = Annotated[
    list[str] | None,
    asked("Ambientes", "Só estes ambientes, como timoteo-producao; vazio: todos."),
]


@flow(
    name="renovação de certificados",
    flow_run_name="renovação de certificados",
    task_runner=at_most(AT_ONCE),
)
def renew_certificates(environments: Environments = None) -> RenewalReport:
    """Renew what is due in the whole fleet; one environment's failure stops no other, and fails the run at its end."""
    wanted = environments_to_renew(environments)
    runs = renew_certificate.map(wanted)
    results = results_of(wanted, runs)
    report = RenewalReport.of(results, now())
    publish_renewals(local_day(report.taken_at), report)
    report.raise_if_any_failed()
    return report
