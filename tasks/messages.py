"""Messages to prefeituras: put in the queue where something happens, sent from it once to each recipient."""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from pydantic import JsonValue

from blocks.catalog import Catalog
from blocks.mailer import Outbox
from blocks.message_templates import Told, write_letter
from blocks.rehearsal import is_rehearsal
from blocks.settings import load_settings
from domain.change import Change
from domain.errors import ImplantaError, InvalidInputError, RetryableError, exit_code_of, told
from domain.mail_report import MailReport, Trouble
from domain.message import TEAM_ROLE, Event, Letter, Recipient, message_key, next_attempt, recipients_of
from domain.municipality import Contact
from registry import MessageRecord, QueuedMessage
from tasks import clock, doors
from tasks.instance import Instance, load_instance
from tasks.live import number_of_openings
from tasks.prefect_errors import explaining_prefect
from tasks.step import step
from tasks.users_sheet import read_user_sheet

# So many conversations that broke off one after the other are no message's fault: the server is asked later.
BROKEN_IN_A_ROW = 3
_OF_AN_OPENING = frozenset({Event.ENTRADA_EM_PRODUCAO, Event.ENTRADA_DESFEITA})


@step("fila de mensagens")
def queue_message(municipality: str, event: Event, key: str, variables: Mapping[str, JsonValue]) -> Change:
    """Put a message in the queue, once for each key; no mail server is asked, so that none can make a stage fail.

    Raises:
        InvalidInputError: the variables are not those of the event, or the municipality is not registered.
        IntegrityError: they hold personal data.
    """
    return put_in_queue(municipality, event, key, variables)


def put_in_queue(municipality: str, event: Event, key: str, variables: Mapping[str, JsonValue]) -> Change:
    """As `queue_message`, inside of another step."""
    rule, now = Catalog().messages().rule(event), clock.now()
    accepted = rule.accept(variables)
    ibge = doors.registry().find_municipality(municipality).ibge
    if is_rehearsal():
        return Change(created=1)
    message = QueuedMessage(
        key=key, ibge=ibge, event=event.value, variables=accepted, expires_at=rule.expires_at(accepted, now)
    )
    added = doors.registry().queue_message(message, now)
    return Change(created=1) if added else Change(unchanged=1)


def withdraw(ibge: str, keys: Collection[str]) -> Change:
    """Take what became untrue out of the queue, unless it went out already."""
    if not keys or is_rehearsal():
        return Change()
    return Change(removed=len(doors.registry().withdraw_messages(ibge, keys, clock.now())))


def tell_of_environment(environment: str, event: Event) -> Change:
    """Queue what the end of a stage tells of one environment, once for each environment."""
    instance = load_instance(environment)
    name = instance.name
    variables: dict[str, JsonValue] = {"ambiente": name.purpose.label, "pagina": f"{doors.edge().url(name)}/sei"}
    if event is Event.USUARIOS_PRONTOS:
        variables["usuarios"] = len(read_user_sheet(instance).sheet.accepted)
    key = message_key(event, instance.municipality.ibge, name.purpose.value, *_which_opening(instance, event))
    return put_in_queue(name.municipality, event, key, variables)


def _which_opening(instance: Instance, event: Event) -> tuple[str, ...]:
    """An opening that was taken back may be followed by another, of which the prefeitura is told as well."""
    number = number_of_openings(instance)
    return (str(number),) if event in _OF_AN_OPENING and number > 1 else ()


@task(name="envio de mensagens", task_run_name="envio de mensagens", cache_policy=NO_CACHE)
def send_pending() -> MailReport:
    """Send what is due, each message once to each of its recipients, whoever else sends at the same time.

    A recipient's delivery is written, under the message's row lock, before the mail server is asked, and committed
    right after it said yes. So a run that dies leaves nothing undone and doubles nothing, but for one case that no
    order of the two can exclude: it dies, or the registry fails, between the server's yes and the commit that follows.
    That one letter is sent again, with the same Message-ID, by which servers and people know it for the same.

    While the mail server is down messages wait, longer each time. No failure of one message keeps another back. What is
    no longer worth sending when its turn comes leaves the queue, and somebody is told.

    Raises:
        RetryableError: the registry does not answer.
    """
    round_of_mail = _Round()
    waiting = deque(key for key in doors.registry().due_messages(clock.now()) if not _drop_expired(key, round_of_mail))
    broken = 0
    while waiting and broken < BROKEN_IN_A_ROW:
        is_open = False
        try:
            with doors.mailer().open() as outbox:
                is_open = True
                sender = parseaddr(doors.mailer().sender)[1]
                while waiting:
                    _send(waiting[0], outbox, sender, round_of_mail)
                    waiting.popleft()
                    broken = 0
        except ImplantaError as error:
            round_of_mail.outage = error
            if not is_open:
                break
            broken += 1
            _postpone(waiting.popleft(), round_of_mail, error)
    for key in waiting:
        _postpone(key, round_of_mail, round_of_mail.outage)
    return round_of_mail.report()


@task(name="resultado do correio", task_run_name="resultado do correio", cache_policy=NO_CACHE)
def publish_mail(report: MailReport) -> None:
    """Publish what one round did."""
    with explaining_prefect(load_settings().prefect_api_url):
        create_markdown_artifact(key="correio", markdown=report.markdown(), description=report.summary())


@dataclass
class _Round:
    """What one round did so far."""

    taken_at: datetime = field(default_factory=clock.now)
    sent: list[str] = field(default_factory=list)
    letters: int = 0
    refused: int = 0
    postponed: list[str] = field(default_factory=list)
    unaddressed: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    outage: ImplantaError | None = None

    def trouble(self, key: str, error: object) -> None:
        """Somebody has to act; a mail server that is away comes back by itself."""
        if not isinstance(error, RetryableError):
            self.troubles.append(Trouble(key=key, reason=told(error), exit_code=exit_code_of(error)))

    def report(self) -> MailReport:
        return MailReport(
            taken_at=self.taken_at,
            sent=tuple(self.sent),
            letters=self.letters,
            refused=self.refused,
            postponed=tuple(self.postponed),
            unaddressed=tuple(self.unaddressed),
            expired=tuple(self.expired),
            outage=str(self.outage) if self.outage else None,
            troubles=tuple(self.troubles),
        )


def _drop_expired(key: str, done: _Round) -> bool:
    """Whether a message is not worth sending any more; it is then out of the queue."""
    message, now = doors.registry().message(key), clock.now()
    if message.expires_at is None or message.expires_at > now:
        return False
    with doors.registry().claim_message(key, now) as claim:
        if claim is not None:
            claim.drop("expired", now)
            done.expired.append(key)
            done.trouble(key, _too_late(message))
    return True


def _send(key: str, outbox: Outbox, sender: str, done: _Round) -> None:
    """Send one message to everybody who does not have it; finish it, or put it back for later."""
    message = doors.registry().message(key)
    try:
        letters = _write(message, sender)
    except Exception as error:  # a template that is wrong, or a defect, keeps back its own message only
        _postpone(key, done, error)
        return
    later: ImplantaError | None = None
    refusals: list[str] = []
    for recipient, letter in letters:
        if recipient.digest in message.done:
            continue
        outbox.wait_turn()  # before the message is locked
        try:
            refused = _deliver(key, recipient, letter, outbox, done)
        except _Deferred as deferred:
            later = deferred.reason
        except _Elsewhere:
            return
        else:
            refusals += [recipient.role] if refused else []
    if refusals:
        done.trouble(key, _refusal(message, refusals))
    if later is not None:
        _postpone(key, done, later)
    else:
        _finish(key, letters, done)


class _Elsewhere(Exception):  # noqa: N818  # nothing is wrong
    """Another process works on the message, or has done so."""


class _Deferred(Exception):  # noqa: N818  # nothing is wrong yet
    """The mail server does not take the letter for this recipient now."""

    def __init__(self, reason: ImplantaError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _write(message: MessageRecord, sender: str) -> list[tuple[Recipient, Letter]]:
    """Everybody who is to have the message by now, as the contacts are, with what each of them gets."""
    table = Catalog().messages()
    rule = table.rule(message.event)
    municipality = doors.registry().find_municipality(message.ibge)
    all_alike = Told(
        key=message.key,
        rule=rule,
        variables=message.variables,
        municipality=municipality,
        programme=table.programme,
        created_at=message.created_at,
    )
    recipients = recipients_of(rule, message.key, (*municipality.contacts, *_team()))
    return [(recipient, write_letter(all_alike, recipient, sender)) for recipient in recipients]


def _team() -> tuple[Contact, ...]:
    """The programme's own mailbox, greeted by its role."""
    address = doors.mailer().team
    return (Contact(name=TEAM_ROLE, email=address, role=TEAM_ROLE),) if address else ()


def _deliver(key: str, recipient: Recipient, letter: Letter, outbox: Outbox, done: _Round) -> bool:
    """Hand one letter over, and keep that it was; whether the address was refused for good.

    What the connection itself throws passes, and the claim with it: nothing is kept of this letter.
    """
    now = clock.now()
    with doors.registry().claim_message(key, now) as claim:
        if claim is None:
            raise _Elsewhere
        if claim.is_done(recipient.digest):  # another process came between
            return False
        claim.record_delivery(recipient.digest, recipient.role, now)
        try:
            outbox.hand_over(letter)
        except InvalidInputError:
            claim.mark_refused(recipient.digest)
            refused = True
        except RetryableError as error:
            raise _Deferred(error) from None
        else:
            refused = False
    done.refused += refused
    done.letters += not refused
    return refused


def _finish(key: str, letters: Sequence[tuple[Recipient, Letter]], done: _Round) -> None:
    """Out of the queue, when somebody has it and nobody is due it; without anybody it waits for a contact."""
    now = clock.now()
    with doors.registry().claim_message(key, now) as claim:
        if claim is None:
            return
        if claim.has_reached_somebody and all(claim.is_done(recipient.digest) for recipient, _ in letters):
            claim.finish(now)
            done.sent.append(key)
            return
    done.unaddressed.append(key)
    _postpone(key, done, None)


def _postpone(key: str, done: _Round, error: object) -> None:
    """Back into the queue, later each time; nothing is lost, whatever the reason."""
    if error is not None:
        done.trouble(key, error)
    now = clock.now()
    attempts = doors.registry().message(key).attempts + 1
    with doors.registry().claim_message(key, now) as claim:
        if claim is not None:
            claim.postpone(next_attempt(attempts, now))
            done.postponed.append(key)


def _too_late(message: MessageRecord) -> InvalidInputError:
    return InvalidInputError(
        "A mensagem venceu antes de sair a todos",
        f"município {message.ibge}",
        f"Veja por que em ./implanta message list {message.ibge}, e avise a prefeitura de outro modo.",
    )


def _refusal(message: MessageRecord, roles: Sequence[str]) -> InvalidInputError:
    return InvalidInputError(
        f"O servidor de e-mail recusou {len(roles)} endereço{'s' if len(roles) > 1 else ''}: {', '.join(roles)}",
        f"município {message.ibge}",
        "Corrija o contato com ./implanta municipality contact; nada mais é enviado a esse endereço por esta mensagem.",
    )
