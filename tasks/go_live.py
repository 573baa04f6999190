"""The last gate: what must hold before a prefeitura works in production, and the opening itself."""

from collections.abc import Callable
from datetime import timedelta

from blocks.catalog import Catalog
from blocks.runtime import ScheduledTask
from blocks.sei_services import SeiServices
from blocks.structure import read_structure
from domain.change import Change
from domain.errors import IntegrityError
from domain.go_live import CheckedItem, ItemResult, judge_go_live
from domain.structure import differences
from domain.text import collation_key
from domain.units_import import plan_units
from tasks import clock, doors
from tasks.configuration import apply_application
from tasks.instance import Instance, load_instance
from tasks.intake import read_units
from tasks.live import LIVE, is_open
from tasks.step import step
from tasks.training import GateFinding
from tasks.units import brought_units
from tasks.users_plan import look
from tasks.waivers import GO_LIVE_GATE

HEARTBEAT_LIMIT = timedelta(minutes=12)  # the task runs every five minutes: two signs may be missed


@step("lista de verificação")
def judge_go_live_checklist(environment: str) -> GateFinding:
    """Check every item of the catalog's list on the real systems, and say what fails."""
    instance = load_instance(environment)
    if is_open(instance):
        return GateFinding(facts=("A produção já foi aberta à prefeitura.",), reasons=())
    checks: dict[str, Callable[[Instance], str | None]] = {
        "estrutura_conferida": _structure_problem,
        "chaves_trocadas": _keys_problem,
        "autenticacao_ligada": _authentication_problem,
        "usuario_teste_bloqueado": _test_user_problem,
        "unidades_conferidas": _units_problem,
        "usuarios_conferidos": _users_problem,
        "agendador_ativo": _scheduler_problem,
        "aprovacao_prefeitura": _approval_problem,
    }
    checked = []
    for code, check in checks.items():
        problem = check(instance)
        checked.append(
            CheckedItem(
                code=code,
                result=ItemResult.FAILED if problem else ItemResult.PASSED,
                evidence=problem or "conferido agora",
            )
        )
    verdict = judge_go_live(checked, Catalog().gates().go_live)
    return GateFinding(
        facts=tuple(
            f"{line.title}: {line.result.label if line.result else 'não verificado'}." for line in verdict.lines
        ),
        reasons=tuple(f"{reason}." for reason in verdict.reasons),
    )


def _structure_problem(instance: Instance) -> str | None:
    reference = doors.registry().reference(instance.record.reference_digest or "")
    if reference is None:
        return "sem referência registrada"
    found = []
    for structure, database in (
        (reference.sei_fingerprint, instance.name.database_sei),
        (reference.sip_fingerprint, instance.name.database_sip),
    ):
        with instance.server.transaction(database) as cursor:
            found += differences(structure, read_structure(cursor, database))
    return f"{len(found)} diferença(s): {found[0]}" if found else None


def _keys_problem(instance: Instance) -> str | None:
    keys = doors.environment_secrets(instance.name.slug).access_keys()
    return None if instance.sip.accepts(keys) else "as chaves em uso não são as do ambiente"


def _authentication_problem(instance: Instance) -> str | None:
    return _weaknesses(instance, of_test_user=False)


def _test_user_problem(instance: Instance) -> str | None:
    return _weaknesses(instance, of_test_user=True)


def _weaknesses(instance: Instance, *, of_test_user: bool) -> str | None:
    found = instance.sip.list_published_weaknesses()
    return "; ".join(label for label in found if label.startswith("usuário teste") == of_test_user) or None


def _units_problem(instance: Instance) -> str | None:
    plan = plan_units(read_units(instance.municipality.slug), instance.people.list_units())
    pending = len(plan.missing) + len(plan.changed)
    gaps = sum(instance.users.count_replication_gaps().values())
    return f"{pending} unidade(s) diferem da planilha, {gaps} sem replicação" if pending or gaps else None


def _users_problem(instance: Instance) -> str | None:
    pending = len(look(instance).plan.steps)
    gaps = sum(instance.users.count_replication_gaps().values())
    return f"{pending} usuário(s) diferem da planilha, {gaps} sem replicação" if pending or gaps else None


def _scheduler_problem(instance: Instance) -> str | None:
    """Alive is who gave a sign a short while ago; an environment younger than that is asked for its first sign."""
    age = instance.sei.heartbeat_age()
    created_at = instance.record.created_at
    is_young = created_at is not None and clock.now() - created_at < HEARTBEAT_LIMIT
    if is_young and (age is None or age > HEARTBEAT_LIMIT):  # the reference brings a sign of its own, years old
        try:
            doors.runtime().run_scheduled(instance.name, ScheduledTask.HEARTBEAT)
        except IntegrityError as e:
            return e.what
        age = instance.sei.heartbeat_age()
    if age is None:
        return "o agendador nunca deu sinal de vida"
    minutes = int(age.total_seconds() // 60)
    return f"o último sinal de vida do agendador foi há {minutes} minutos" if age > HEARTBEAT_LIMIT else None


def _approval_problem(instance: Instance) -> str | None:
    decisions = doors.registry().decisions(instance.municipality.ibge, GO_LIVE_GATE)
    if not decisions:
        return (
            f"falta a aprovação do ponto focal (./implanta approve {instance.municipality.slug} ou o formulário"
            " decisão no Prefect)"
        )
    return None if decisions[-1].decision == "approve" else "o ponto focal recusou"


@step("abertura da produção")
def open_production(environment: str) -> Change:
    """Take production out of maintenance and try it from outside; if it does not work, close it again.

    Raises:
        IntegrityError: the application did not answer as it should, and is in maintenance again.
    """
    instance = load_instance(environment)
    application = doors.runtime()
    change = apply_application(instance, application, maintenance=False)
    try:
        _smoke_test(instance)
    except Exception:  # whatever it was, nobody has seen this production work
        if not is_open(instance):
            apply_application(instance, application, maintenance=True)
        raise
    opened = doors.registry().record_event(
        LIVE,
        ibge=instance.municipality.ibge,
        environment=environment,
        actor="implanta",
        details={"host": doors.edge().public_host(instance.name)},
        key=f"{LIVE}:{environment}",
    )
    return change + (Change(created=1) if opened else Change(unchanged=1))


def _smoke_test(instance: Instance) -> None:
    """The read-only part of `sei.md` 4.3: sign-in page, and a listing through the web service with our own key."""
    health = doors.runtime().health(instance.name)
    service_id = instance.sei.service_id()
    if not health.serving or service_id is None:
        raise IntegrityError(
            f"A produção aberta não atende ({health.detail})", instance.name.slug, "Veja ./implanta lab logs sei."
        )
    key = doors.environment_secrets(instance.name.slug).service_key(service_id)
    listed = SeiServices(doors.runtime().address(instance.name)).list_units(key)
    # Of the units in force, not of the spreadsheet: once live a new one waits for an operator.
    brought = {collation_key(sigla) for sigla in brought_units(instance)}
    units = [unit for unit in instance.people.list_units() if unit.ativo and unit.in_hierarchy]
    expected = {unit.sigla for unit in units if collation_key(unit.sigla) in brought}
    if not expected <= set(listed):
        raise IntegrityError(
            f"O web service lista {len(listed)} unidades e faltam {len(expected - set(listed))} do SIP",
            instance.name.slug,
            "Execute a replicação de unidades e tente de novo.",
        )
