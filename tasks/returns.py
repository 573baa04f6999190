"""What came back of the messages to prefeituras: read in the programme's mailbox, kept beside each message."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.bounce import read_bounce
from domain.errors import ImplantaError, InvalidInputError, RetryableError, exit_code_of, told
from domain.mail_report import MailReport, Trouble
from registry import ReturnedMessage
from tasks import clock, doors

AT_MOST = 500
"""So many messages are read in one round, and the rest in the next ones: a flood keeps no letter waiting."""
MAILBOX = "caixa de retornos"


@task(name="retornos do correio", task_run_name="retornos do correio", cache_policy=NO_CACHE)
def read_returns(report: MailReport) -> MailReport:
    """Read what came back since the last round; the report of this one, with what did not arrive.

    A message is marked as read after what it says was kept: killed in between, it is read again, and nothing is told
    twice. A mailbox that does not answer is read in the next round.
    """
    troubles: list[Trouble] = []
    unread: ImplantaError | None = None
    try:
        mailbox = doors.returns_mailbox()
        if mailbox is None:
            return report
        with mailbox.open() as reader:
            for number in reader.unseen()[:AT_MOST]:
                found = _keep(reader.fetch(number))
                if found is not None:
                    troubles.append(found)
                reader.mark_seen(number)
    except ImplantaError as error:
        unread = error
    returned = len(troubles)
    if unread is not None and not isinstance(unread, RetryableError):
        troubles.append(Trouble(key=MAILBOX, reason=told(unread), exit_code=exit_code_of(unread)))
    return report.with_returns(returned, tuple(troubles), told(unread) if unread else None)


def _keep(content: bytes | None) -> Trouble | None:
    """Keep what a message says of one of our letters; what somebody has to do about it, told once."""
    bounce = read_bounce(content) if content is not None else None
    if bounce is None:
        return None
    returned = doors.registry().record_return(bounce.reference, bounce.status, clock.now())
    if returned is None or not returned.is_new:
        return None
    error = _did_not_arrive(returned, bounce.status)
    return Trouble(key=returned.key, reason=told(error), exit_code=exit_code_of(error))


def _did_not_arrive(returned: ReturnedMessage, status: str) -> InvalidInputError:
    return InvalidInputError(
        f"A mensagem voltou e não chegou a um endereço: {returned.role} (código {status})",
        f"município {returned.ibge}",
        "Corrija o contato com ./implanta municipality contact e avise-o de outro modo; ela não é enviada de novo.",
    )
