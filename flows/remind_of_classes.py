"""Every night: remind the prefeituras of the training classes that are near."""

from prefect import flow

from domain.telling_report import TellingReport
from flows.stage import at_most, results_of
from tasks.classes import municipalities_with_classes, publish_reminders
from tasks.classes import remind_of_classes as remind_one

AT_ONCE = 4


@flow(name="lembretes das turmas", flow_run_name="lembretes das turmas", task_runner=at_most(AT_ONCE))
def remind_of_classes() -> TellingReport:
    """Queue the reminders that are due; one prefeitura's failure stops no other, and fails the run at its end."""
    municipalities = municipalities_with_classes()
    results = results_of(municipalities, remind_one.map(municipalities))
    report = TellingReport.of("Lembretes das turmas", results)
    publish_reminders(report)
    report.raise_if_any_failed()
    return report
