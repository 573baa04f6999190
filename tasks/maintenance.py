"""An operator's own closing of an environment, which nothing else opens: the edge has a switch of its own for it."""

from domain.change import Change
from domain.environment import Purpose
from domain.errors import GateClosedError, IntegrityError, InvalidInputError, RetryableError
from registry.privacy import refuse_personal_data
from tasks import doors
from tasks.closing import CLOSED, REOPENED, closing_of, closings
from tasks.edge import declared_site, try_public_address
from tasks.environment_events import tell_event
from tasks.instance import Instance, load_instance
from tasks.live import is_closing, is_open, is_public
from tasks.restoration import require_whole
from tasks.step import step


def require_impersonal(environment: str, *texts: str) -> None:
    """Refuse what was typed when it names a person: it goes through Prefect and into the registry's events.

    Raises:
        InvalidInputError: there is an e-mail address or a CPF in it.
    """
    try:
        refuse_personal_data(list(texts), what="O motivo")
    except IntegrityError:
        raise InvalidInputError(
            "O motivo ou o papel traz dado pessoal", environment, "Escreva-os sem e-mail e sem CPF."
        ) from None


@step("fechamento ao público")
def close_environment(environment: str, role: str, reason: str) -> Change:
    """Let the edge keep the public out until an operator lets it in again; what is closed keeps its reason.

    Raises:
        InvalidInputError: the environment has no place at the edge yet, or the reason names a person.
        GateClosedError: it is retired, or on its way out.
    """
    require_impersonal(environment, role, reason)
    instance = load_instance(environment)
    if declared_site(instance.name) is None:
        raise InvalidInputError(
            "O ambiente ainda não está na borda", environment, f"Crie-o com ./implanta environment apply {environment}."
        )
    if closing_of(instance) is None:
        _record(instance, CLOSED, role, reason)
    return doors.edge().switch_site(instance.name, closed=True)


@step("reabertura ao público")
def reopen_environment(environment: str, role: str, reason: str) -> Change:
    """Let the public in again, and see that it gets in; nobody is let in who was not before the closing.

    In a production that go-live has not opened, only the operator's own closing is lifted.

    Raises:
        GateClosedError: go-live has not opened this production and nobody closed it, or it is being closed; or a
            restoration was cut off in it.
        RetryableError: the application or the public address does not answer; it stays closed.
        IntegrityError: something else than the sign-in page answers there; it stays closed.
    """
    require_impersonal(environment, role, reason)
    instance = load_instance(environment)
    closed, before_go_live = closing_of(instance), _is_before_go_live(instance)
    require_whole(instance)
    if is_closing(instance):
        raise GateClosedError(
            "A produção está sendo fechada (volta da entrada)",
            environment,
            f"Termine com ./implanta go-live undo {instance.name.municipality}.",
        )
    if before_go_live and closed is None:
        raise GateClosedError(
            "A produção não foi aberta à prefeitura",
            environment,
            f"Quem a abre é a entrada em produção: veja ./implanta go-live check {instance.name.municipality}.",
        )
    _require_answer(instance, in_maintenance=before_go_live)
    change = doors.edge().switch_site(instance.name, closed=False)
    if not before_go_live:
        try:
            try_public_address(instance.name)
        except Exception:
            if closed is not None:
                doors.edge().switch_site(instance.name, closed=True)
            raise
    if closed is not None:
        _record(instance, REOPENED, role, reason)
    return change


def _is_before_go_live(instance: Instance) -> bool:
    return instance.name.purpose is Purpose.PRODUCAO and not (is_open(instance) and is_public(instance))


def _require_answer(instance: Instance, *, in_maintenance: bool) -> None:
    health = doors.runtime().health(instance.name)
    if not health.serving and not (in_maintenance and health.maintenance):
        raise RetryableError(
            f"A aplicação não atende ({health.detail})",
            instance.name.slug,
            "Veja os logs da aplicação e execute de novo.",
        )


def _record(instance: Instance, kind: str, role: str, reason: str) -> None:
    # Two that do the same at once tell it once.
    key = f"{kind}:{instance.name.slug}:{len(closings(instance)) + 1}"
    tell_event(instance, kind, {"reason": reason}, actor=role, key=key)
