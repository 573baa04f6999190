"""A prefeitura's people: what a batch says, brought about in the directory, in SIP and in SEI, and proved."""

from collections.abc import Iterable

from blocks.rehearsal import is_rehearsal
from blocks.runtime import ScheduledTask
from domain.account import Account, AccountsRefusedError, PasswordPolicy
from domain.change import Change
from domain.errors import IntegrityError
from domain.sip_user import SipUser, UserState
from domain.users_batch import Batch, joiners, remaining
from domain.users_plan import Kept, StepKind, UserStep
from tasks import clock, doors
from tasks.instance import Instance, load_instance
from tasks.invitations import rows_of
from tasks.step import step
from tasks.users_batches import Outcome, close_batch, find_applied, find_open, load_batch
from tasks.users_channel import channel_of
from tasks.users_plan import look
from tasks.users_sheet import read_user_sheet


@step("contas no SSC")
def ensure_accounts(environment: str) -> Change:
    """Give everybody of the open batch, or of the spreadsheet, an account; close those of who leaves.

    Who leaves is shut out first. A new account has no password; who returns gets a new first one. A login that changes
    takes its password along.

    Raises:
        InvalidInputError: after all the others were written, that accounts were refused; their rows, not them.
    """
    instance = load_instance(environment)
    ssc = doors.ssc()
    batch = find_open(instance)
    steps = batch.steps if batch else ()
    original = load_batch(instance, batch.undoes) if batch and batch.undoes else None
    undone = {state.sigla for state in joiners(batch, original)} if batch else set()
    change = ssc.ensure_policy(PasswordPolicy())
    change += ssc.block_users(instance.name, _logins_to_close(steps))
    change += ssc.rename_users(instance.name, _renames(steps))
    try:
        change += ssc.ensure_users(instance.name, [*_changed_accounts(steps), *_kept_accounts(instance, batch)])
    except AccountsRefusedError as e:
        # Only another spreadsheet mends this, and an open batch would bar it.
        if batch is not None and not is_rehearsal():
            close_batch(instance, batch, Outcome.OVERTAKEN)
        raise AccountsRefusedError(e.what, rows_of(instance, e.uids), e.fix, uids=e.uids) from None
    change += _reopen(instance, steps, anew=original is None)
    return change + ssc.remove_users(instance.name, sorted(undone))


def _reopen(instance: Instance, steps: Iterable[UserStep], *, anew: bool) -> Change:
    """Open the accounts of those who return; `anew`: for a first password that they are to be sent."""
    returning = {step.after.sigla.lower() for step in steps if step.kind is StepKind.RETURN}
    if not returning:
        return Change()
    ssc = doors.ssc()
    # Of those only who is still shut out: a run that was cut off later may have sent the others their password.
    closed = [uid for uid, blocked in ssc.list_logins(instance.name).items() if blocked and uid in returning]
    marked = ssc.mark_uninvited(instance.name, closed) if anew else Change()
    return marked + ssc.unblock_users(instance.name, closed)


def _logins_to_close(steps: Iterable[UserStep]) -> set[str]:
    """Of who leaves, the login before and after: an undo may give another one back together with the leaving."""
    leaving = [step for step in steps if not step.after.ativo]
    return {step.after.sigla for step in leaving} | {step.before.state.sigla for step in leaving if step.before}


def _renames(steps: Iterable[UserStep]) -> dict[str, str]:
    return {
        step.before.state.sigla: step.after.sigla
        for step in steps
        if step.before and step.after.ativo and step.before.state.sigla.lower() != step.after.sigla.lower()
    }


def _changed_accounts(steps: Iterable[UserStep]) -> list[Account]:
    return [_account(step.after) for step in steps if step.after.ativo]


def _kept_accounts(instance: Instance, batch: Batch | None) -> list[Account]:
    """Accounts of the spreadsheet's people whom the batch leaves as they are: one may have been lost meanwhile."""
    if batch is not None and batch.undoes:
        return []
    read = read_user_sheet(instance)
    if batch is not None and batch.sheet_sha256 != read.sha256:
        return []  # the people of a newer spreadsheet have their turn when it has its own
    changed = {step.after.sigla for step in batch.steps} if batch else set()
    rest = {kept.sigla for kept in _kept(instance, batch)} - changed
    return [
        Account(uid=person.sigla, name=person.shown_name, email=person.email)
        for person in read.sheet.accepted
        if person.sigla in rest
    ]


def _kept(instance: Instance, batch: Batch | None) -> tuple[Kept, ...]:
    """Who stays or comes by the open batch; without one, by the spreadsheet, which then changes nobody."""
    known = batch or find_applied(instance)
    if known is not None and (batch or known.sheet_sha256 == read_user_sheet(instance).sha256):
        return known.kept
    return look(instance).plan.kept


def _account(state: UserState) -> Account:
    return Account(uid=state.sigla, name=state.shown_name, email=state.email or "")


@step("usuários no SIP")
def ensure_sip_users(environment: str) -> Change:
    """Bring about in SIP what is left of the open batch.

    Raises:
        IntegrityError: somebody changed its people in SIP meanwhile; the batch is closed, and the next run plans anew.
    """
    instance = load_instance(environment)
    batch = find_open(instance)
    if batch is None:
        return Change()
    try:
        return channel_of(instance).apply(batch.steps, today=batch.day)
    except IntegrityError:
        if not is_rehearsal():
            close_batch(instance, batch, Outcome.OVERTAKEN)
        raise


@step("replicação para o SEI")
def ensure_replicated(environment: str) -> Change:
    """Let SIP send every user to SEI, which is the only official way (`sei.md` 2.7)."""
    instance = load_instance(environment)
    return doors.runtime().run_scheduled(instance.name, ScheduledTask.REPLICATE_USERS)


@step("prova dos usuários")
def prove_users(environment: str) -> tuple[str, ...]:
    """Prove that the batch is done, and that everybody of the spreadsheet can sign in and work in a unit; close it.

    Raises:
        IntegrityError: something is not as it should be; the message has counts, not names.
    """
    instance = load_instance(environment)
    batch = find_open(instance)
    users = instance.users.list_users()
    problems = [f"{label}: {count}" for label, count in instance.users.count_replication_gaps().items() if count]
    if batch is not None and (rest := remaining(batch.steps, users)):
        problems.append(f"pessoas do lote que não ficaram como o plano diz: {len(rest)}")
    facts: tuple[str, ...] = ()
    if batch is None or not batch.undoes:
        people = _at_work(_kept(instance, batch), users)
        problems += _unready(instance, people)
        facts = (f"{len(people)} pessoas podem entrar e trabalhar em suas unidades.",)
    if problems:
        raise IntegrityError(
            f"A importação não se provou: {'; '.join(problems)}",
            environment,
            "Confira as diferenças com ./implanta users reconcile e execute de novo.",
        )
    if batch is not None:
        close_batch(instance, batch)
    return (*facts, "Verificações de replicação SIP → SEI: 0 diferenças.")


def _at_work(kept: Iterable[Kept], users: Iterable[SipUser]) -> set[str]:
    """The logins of a spreadsheet's people but for those whose every permission somebody ended by hand."""
    today = clock.today()
    working = {user.state.sigla.lower() for user in users if any(grant.in_force(today) for grant in user.state.grants)}
    return {person.sigla for person in kept if person.sigla} & working


def _unready(instance: Instance, people: set[str]) -> list[str]:
    ready = {login.lower() for login in instance.users.list_ready_logins()}
    accounts = doors.ssc().list_logins(instance.name)
    counts = {
        "pessoas sem condição de entrar em uma unidade": len(people - ready),
        "pessoas sem conta no SSC": len(people - set(accounts)),
        "pessoas com a conta bloqueada no SSC": sum(accounts[uid] for uid in people & set(accounts)),
    }
    return [f"{label}: {count}" for label, count in counts.items() if count]
