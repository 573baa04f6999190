"""Every five minutes: send what is in the queue of messages to prefeituras, and read which of them came back."""

from prefect import flow

from domain.mail_report import MailReport
from tasks.messages import publish_mail, send_pending
from tasks.returns import read_returns


@flow(name="correio", flow_run_name="correio")
def send_messages() -> MailReport:
    """Send what is due; while the mail server is down everything waits. Fails when a person has to act."""
    report = read_returns(send_pending())
    if not report.is_empty:
        publish_mail(report)
    report.raise_if_somebody_must_act()
    return report
