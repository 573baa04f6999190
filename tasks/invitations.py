"""First access: a provisional password by e-mail for everybody who was never sent one."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from blocks.catalog_file import CATALOG_DIR
from blocks.rehearsal import is_rehearsal
from blocks.settings import load_settings
from domain.account import Account
from domain.change import Change
from domain.errors import InvalidInputError
from domain.spreadsheet import name_rows
from tasks import doors
from tasks.history import ACTOR
from tasks.instance import Instance, load_instance
from tasks.prefect_errors import explaining_prefect
from tasks.step import step
from tasks.users_sheet import read_user_sheet

INVITED = "users.invited"
FIRST_ACCESS, NEW_PASSWORD = "primeiro_acesso", "senha_nova"  # templates of catalog/messages
_SUBJECTS = {FIRST_ACCESS: "seu primeiro acesso", NEW_PASSWORD: "sua senha provisória"}
PROGRESS_UPDATES = 20


@step("primeiro acesso")
def ensure_invitations(environment: str) -> Change:
    """Send a first password to everybody who has none yet, no faster than the mail server's block says.

    The mark of an account goes away only after the mail server took the message: a run that is killed in between
    sends that person a new password, never none. An address that the server refuses keeps nobody else waiting, and
    gets nothing more until the spreadsheet brings another.

    Raises:
        InvalidInputError: after everybody else was written to, that addresses were refused, now or in an earlier run;
            their rows, not them.
        RetryableError: the server does not answer or asks to come back later.
    """
    instance = load_instance(environment)
    users = [user for user in doors.ssc().list_users(instance.name) if not user.blocked]
    pending = [user.account for user in users if user.uninvited]
    if is_rehearsal():
        return Change(created=len(pending))
    refused = invite(instance, pending)
    _require_delivered(instance, refused | {user.account.uid.lower() for user in users if user.bounced})
    return Change(created=len(pending))


def invite(instance: Instance, pending: Collection[Account], template: str = FIRST_ACCESS) -> set[str]:
    """Write to each; the logins whose address was refused. What was done is counted even when the rest fails."""
    sent = 0
    refused: set[str] = set()
    if not pending:
        return refused
    edge = doors.edge()
    address, page = f"{edge.url(instance.name)}/sei", edge.access_url(instance.name)
    subject = f"SEI {instance.municipality.name} ({instance.name.purpose.label}): {_SUBJECTS[template]}"
    try:
        with (
            _progress(instance, len(pending)) as tell,
            doors.mailer().open() as outbox,
            doors.ssc().inviting(instance.name) as inviter,
        ):
            for account in pending:
                outbox.wait_turn()  # before a password is made that nobody would have, were the run to end meanwhile
                password = inviter.give_password(account)
                text = access_text(template, instance, account, password.get_secret_value(), address, page)
                try:
                    outbox.send(account.email, subject, text)
                except InvalidInputError:
                    inviter.mark_bounced(account)
                    refused.add(account.uid.lower())
                else:
                    inviter.mark_invited(account)
                    sent += 1
                tell.done(sent, len(refused))
    finally:
        if sent or refused:
            doors.registry().record_event(
                INVITED,
                ibge=instance.municipality.ibge,
                environment=instance.name.slug,
                actor=ACTOR,
                details={"sent": sent, "refused": len(refused)},
            )
    return refused


def access_text(
    template: str, instance: Instance, account: Account, password: str, address: str, change_page: str | None
) -> str:
    """The message. `change_page` is where a person chooses the password without anybody's help, where there is one."""
    return (
        Environment(
            loader=FileSystemLoader(CATALOG_DIR / "messages"),
            undefined=StrictUndefined,
            autoescape=select_autoescape(default=False),  # plain text: an escaped name would reach the person escaped
            keep_trailing_newline=True,
            trim_blocks=True,
        )
        .get_template(f"{template}.txt.j2")
        .render(
            nome=account.name,
            municipio=instance.municipality.name,
            ambiente=instance.name.purpose.label,
            endereco=address,
            login=account.uid,
            senha=password,
            troca=change_page,
        )
    )


class _Teller:
    """Tells Prefect how far the messages are: often enough to follow, seldom enough not to slow them down."""

    def __init__(self, artifact: UUID, total: int) -> None:
        self._artifact = artifact
        self._total = total
        self._every = max(1, total // PROGRESS_UPDATES)

    def done(self, sent: int, refused: int) -> None:
        """So many messages were taken, and so many refused."""
        count = sent + refused
        if count % self._every and count != self._total:
            return
        text = f"{count} de {self._total} mensagens; {refused} endereços recusados"
        with explaining_prefect(load_settings().prefect_api_url):
            update_progress_artifact(self._artifact, 100 * count / self._total, description=text)


@contextmanager
def _progress(instance: Instance, total: int) -> Iterator[_Teller]:
    with explaining_prefect(load_settings().prefect_api_url):
        artifact = create_progress_artifact(
            progress=0.0, key=f"primeiro-acesso-{instance.name.slug}", description=f"0 de {total} mensagens"
        )
    assert isinstance(artifact, UUID)  # noqa: S101  # Prefect types the call for async callers too
    yield _Teller(artifact, total)


def _require_delivered(instance: Instance, refused: Collection[str]) -> None:
    if not refused:
        return
    people = {person.sigla for person in read_user_sheet(instance).sheet.accepted} & set(refused)
    if people:
        raise InvalidInputError(
            f"O servidor de e-mail recusou o endereço de {len(people)} pessoas no primeiro acesso"
            if len(people) > 1
            else "O servidor de e-mail recusou o endereço de 1 pessoa no primeiro acesso",
            rows_of(instance, people),
            "Corrija o e-mail dessas pessoas na planilha e envie de novo; as demais já receberam.",
        )


def rows_of(instance: Instance, uids: Collection[str]) -> str:
    """Where these people are in the spreadsheet: rows, for whoever reads a message may not be shown people."""
    people = read_user_sheet(instance).sheet.accepted
    rows = sorted(person.linha for person in people if person.linha and person.sigla in uids)
    return f"usuarios.csv, {name_rows(rows)}" if rows else instance.name.slug
