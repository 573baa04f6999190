"""A prefeitura's people: account in the directory, rights in SIP, replication into SEI, first access."""

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from blocks.catalog_file import CATALOG_DIR
from blocks.rehearsal import is_rehearsal
from blocks.runtime import ScheduledTask
from domain.account import Account, PasswordPolicy
from domain.calendar import local_day
from domain.change import Change
from domain.errors import IntegrityError, InvalidInputError
from domain.spreadsheet import name_rows
from domain.user_import import plan_user_import
from tasks import clock, doors
from tasks.instance import Instance, load_instance
from tasks.intake import read_users, require_whole
from tasks.step import step


@step("contas LDAP")
def ensure_accounts(environment: str) -> Change:
    """Give everybody an account, under at least the programme's password policy; a new one has no password yet."""
    instance = load_instance(environment)
    people = require_whole(read_users(instance))
    ssc = doors.ssc()
    return ssc.ensure_policy(PasswordPolicy()) + ssc.ensure_users(
        instance.name, [Account(uid=person.sigla, name=person.nome, email=person.email) for person in people]
    )


@step("usuários no SIP")
def ensure_sip_users(environment: str) -> Change:
    """Create and correct the users in SIP, with their profiles in their units."""
    instance = load_instance(environment)
    people = require_whole(read_users(instance))
    plan = plan_user_import(people, instance.people.list_users())
    return instance.people.apply_users(plan, today=local_day(clock.now()))


@step("replicação para o SEI")
def ensure_replicated(environment: str) -> Change:
    """Let SIP send every user to SEI, which is the only official way (`sei.md` 2.7)."""
    instance = load_instance(environment)
    return doors.runtime().run_scheduled(instance.name, ScheduledTask.REPLICATE_USERS)


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
    if refused:
        raise _refusal(instance, refused, len(pending))
    return Change(created=len(pending))


def _refusal(instance: Instance, refused: set[str], pending: int) -> InvalidInputError:
    people = require_whole(read_users(instance))
    rows = sorted(person.linha for person in people if person.linha and person.sigla in refused)
    where = f"usuarios.csv, {name_rows(rows)}" if rows else instance.name.slug
    return InvalidInputError(
        f"O servidor de e-mail recusou {len(refused)} de {pending} destinatários do primeiro acesso",
        where,
        "Corrija o e-mail dessas pessoas na planilha e envie de novo; as demais já receberam.",
    )


@step("prova dos usuários")
def prove_users(environment: str) -> tuple[str, ...]:
    """Prove that everybody in the spreadsheet can sign in and work in a unit; tell how many others are active in SIP.

    Raises:
        IntegrityError: somebody cannot; the message has counts, not names.
    """
    instance = load_instance(environment)
    people = require_whole(read_users(instance))
    problems = [f"{label}: {count}" for label, count in instance.people.count_replication_gaps().items() if count]
    wanted = {person.sigla for person in people}
    unready = wanted - {login.lower() for login in instance.people.list_ready_logins()}
    if unready:
        problems.append(f"pessoas sem condição de entrar em uma unidade: {len(unready)}")
    without_account = wanted - {user.account.uid.lower() for user in doors.ssc().list_users(instance.name)}
    if without_account:
        problems.append(f"pessoas sem conta no SSC: {len(without_account)}")
    if problems:
        raise IntegrityError(
            f"A importação não se provou: {'; '.join(problems)}",
            environment,
            "Confira os usuários inativos, bloqueados ou com permissão encerrada no SIP e execute de novo.",
        )
    facts = (
        f"{len(people)} pessoas podem entrar e trabalhar em suas unidades.",
        "Verificações de replicação SIP → SEI: 0 diferenças.",
    )
    leavers = len(plan_user_import(people, instance.people.list_users()).leavers)
    if not leavers:
        return facts
    who = "1 usuário ativo no SIP não está" if leavers == 1 else f"{leavers} usuários ativos no SIP não estão"
    return (*facts, f"{who} na planilha.")
