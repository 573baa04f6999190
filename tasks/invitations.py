"""First access: a provisional password by e-mail to everybody who has none yet."""

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from blocks.catalog_file import CATALOG_DIR
from blocks.rehearsal import is_rehearsal
from domain.change import Change
from domain.errors import InvalidInputError
from tasks import doors
from tasks.instance import load_instance
from tasks.step import step


@step("primeiro acesso")
def ensure_invitations(environment: str) -> Change:
    """Send a first password to everybody who has none yet.

    The mark of an account goes away only after the mail server took the message: a run that is killed in between
    sends that person a new password, never none. An address that the server refuses keeps nobody else waiting.

    Raises:
        InvalidInputError: after everybody else was written to, that addresses were refused; their rows, not them.
        RetryableError: the server does not answer or asks to come back later.
    """
    instance = load_instance(environment)
    ssc = doors.ssc()
    pending = ssc.list_uninvited(instance.name)
    if not pending or is_rehearsal():
        return Change(created=len(pending))
    template = Environment(
        loader=FileSystemLoader(CATALOG_DIR / "messages"),
        undefined=StrictUndefined,
        autoescape=select_autoescape(default=False),  # plain text: an escaped name would reach the person escaped
        keep_trailing_newline=True,
    ).get_template("primeiro_acesso.txt.j2")
    url = f"{doors.edge().url(instance.name)}/sei"
    refused: set[str] = set()
    with doors.mailer().open() as outbox, ssc.inviting(instance.name) as inviter:
        for account in pending:
            password = inviter.give_password(account)
            text = template.render(
                nome=account.name,
                municipio=instance.municipality.name,
                ambiente=instance.name.purpose.label,
                endereco=url,
                login=account.uid,
                senha=password.get_secret_value(),
            )
            subject = f"SEI {instance.municipality.name} ({instance.name.purpose.label}): seu primeiro acesso"
            try:
                outbox.send(account.email, subject, text)
            except InvalidInputError:
                refused.add(account.uid.lower())
                continue
            inviter.mark_invited(account)
    return Change(created=len(pending))
