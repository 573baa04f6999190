"""Telling the programme's team of what went wrong with Implanta itself: straight by mail.

The queue of messages is in the registry, which may be what failed.
"""

from domain.change import Change
from tasks import doors
from tasks.step import step


@step("aviso à equipe")
def tell_team(subject: str, situation: str, detail: str = "") -> Change:
    """Send one mail to the team's box; an empty change where the mail block names none.

    Raises:
        RetryableError: the mail server does not answer.
    """
    mailer = doors.mailer()
    if mailer.team is None:
        return Change()
    lines = [f"{subject}: {situation}.", detail, "Veja a execução na tela do Prefect."]
    with mailer.open() as outbox:
        outbox.send(mailer.team, f"Implanta: {situation} ({subject})", "\n\n".join(filter(None, lines)) + "\n")
    return Change(created=1)
