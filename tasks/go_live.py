"""The last gate: what must hold before a prefeitura works in production, and the opening itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from blocks.catalog import Catalog
from blocks.paperwork import count_paperwork
from blocks.sei_services import SeiServices
from domain.change import Change
from domain.errors import GateClosedError, IntegrityError, InvalidInputError
from domain.go_live import CheckedItem, GoLiveVerdict, check_item, judge_go_live
from domain.party import Party
from domain.text import collation_key
from tasks import doors
from tasks.closing import closing_of
from tasks.configuration import apply_application
from tasks.edge import ensure_edge_maintenance, try_public_address
from tasks.go_live_checks import LOOKS, look_at
from tasks.history import ACTOR
from tasks.inspection import publish_markdown
from tasks.instance import Instance, load_instance
from tasks.live import LIVE, PUBLIC, is_open, is_public, number_of_openings
from tasks.step import step
from tasks.training import GateFinding
from tasks.units import brought_units
from tasks.waivers import find_waiver, item_gate

OPEN_ALREADY = "A produção já foi aberta à prefeitura."


@step("lista de verificação")
def judge_go_live_checklist(environment: str) -> GateFinding:
    """Check every item of the catalog's list on the real systems, publish the list, and say what fails."""
    instance = load_instance(environment)
    closed = closing_of(instance)
    kept_out = (closed.reopening(environment),) if closed and not is_public(instance) else ()
    if is_open(instance):
        return GateFinding(facts=(OPEN_ALREADY,), reasons=kept_out, owed_by=(Party.ESTADO,) * len(kept_out))
    _close(instance)
    verdict = run_checklist(instance)
    title = f"{environment}: lista de verificação da entrada em produção"
    publish_markdown(f"lista-de-verificacao-{environment}", verdict.markdown(title), title)
    return GateFinding(
        facts=tuple(
            f"{line.title}: {line.result.label if line.result else 'não verificado'}." for line in verdict.lines
        ),
        reasons=(*(f"{reason}." for reason in verdict.reasons), *kept_out),
        owed_by=(*verdict.owed_by, *(Party.ESTADO for _ in kept_out)),
    )


def run_checklist(instance: Instance) -> GoLiveVerdict:
    """Look at every item, in the catalog's order; what a person waived counts where something is lacking.

    Raises:
        InvalidInputError: the catalog names an item that nothing looks at.
        RetryableError: a system does not answer, so nothing can be said.
    """
    rule = Catalog().gates().go_live
    unknown = [item.code for item in rule.items if item.code not in LOOKS]
    if unknown:
        raise InvalidInputError(
            f"Item desconhecido na lista de verificação: {', '.join(unknown)}",
            "catalog/gates.yaml, entrada_em_producao",
            f"Use: {', '.join(LOOKS)}.",
        )
    checked: list[CheckedItem] = []
    for item in rule.items:
        waiver = find_waiver(instance.municipality, item_gate(item.code)) if item.waivable else None
        checked.append(check_item(item.code, look_at(instance, item.code), waiver))
    return judge_go_live(checked, rule)


def _close(instance: Instance) -> None:
    """Back to where an opening starts, wherever the last one was cut off: the application itself keeps people out."""
    apply_application(instance, doors.runtime(), maintenance=True)
    ensure_edge_maintenance.fn(instance.name.slug, active=False)


@step("borda fechada")
def close_edge(environment: str) -> Change:
    """Let the edge answer with its maintenance page while the application is opened behind it."""
    if is_public(load_instance(environment)):  # its users are in there
        return Change(unchanged=1)
    return ensure_edge_maintenance.fn(environment, active=True)


@step("abertura da aplicação")
def open_application(environment: str) -> Change:
    """Take the application out of maintenance behind the closed edge, and try it there.

    Raises:
        IntegrityError: it did not answer as it should, and is in maintenance again.
    """
    instance = load_instance(environment)
    if not is_public(instance):  # a retry of this step begins here, and must not begin with an open edge
        ensure_edge_maintenance.fn(environment, active=True)
    with _closing_what_does_not_work(instance):
        change = apply_application(instance, doors.runtime(), maintenance=False)
        _try_services(instance)
    return change


@step("registro da abertura")
def record_opening(environment: str) -> Change:
    """Tell the registry that the prefeitura is live, while nobody is in there yet.

    `paperwork` beside the event is what there was before: while nothing was added, the opening can be taken back.
    """
    instance = load_instance(environment)
    if is_open(instance):
        return Change(unchanged=1)
    before = count_paperwork(instance.server, instance.name.database_sei)
    number = number_of_openings(instance) + 1
    doors.registry().record_event(
        LIVE,
        ibge=instance.municipality.ibge,
        environment=environment,
        actor=ACTOR,
        details={"host": doors.edge().public_host(instance.name), "paperwork": before.model_dump(mode="json")},
        key=f"{LIVE}:{environment}" + (f":{number}" if number > 1 else ""),
    )
    return Change(created=1)


@step("abertura na borda")
def open_edge(environment: str) -> Change:
    """Let the public in, and see that it gets in. Afterwards closing and opening are an operator's (`maintenance`).

    Raises:
        GateClosedError: an operator closed the environment meanwhile.
        IntegrityError: the public address did not answer as it should; the edge is closed again.
        RetryableError: it did not answer at all, or the opening could not be recorded; the edge is closed again.
    """
    instance = load_instance(environment)
    if is_public(instance):  # recorded, by a run that perhaps never learnt of it and closed the edge again
        return ensure_edge_maintenance.fn(environment, active=False)
    if closed := closing_of(instance):
        raise GateClosedError(closed.told, environment, closed.way_back(environment))
    try:
        change = ensure_edge_maintenance.fn(environment, active=False)
        try_public_address(instance.name)
        doors.registry().record_event(
            PUBLIC,
            ibge=instance.municipality.ibge,
            environment=environment,
            actor=ACTOR,
            details={},
            key=f"{PUBLIC}:{environment}:{number_of_openings(instance)}",
        )
    except Exception:
        ensure_edge_maintenance.fn(environment, active=True)
        raise
    return change


@contextmanager
def _closing_what_does_not_work(instance: Instance) -> Iterator[None]:
    """Whatever it was: nobody has seen this production work, so it waits in maintenance behind the closed edge."""
    try:
        yield
    except Exception:
        if not is_open(instance):
            apply_application(instance, doors.runtime(), maintenance=True)
        raise


def _try_services(instance: Instance) -> None:
    """The read-only part of `sei.md` 4.3: sign-in page, and a listing through the web service with our own key."""
    health = doors.runtime().health(instance.name)
    service_id = instance.sei.service_id()
    if not health.serving or service_id is None:
        raise IntegrityError(
            f"A produção aberta não atende ({health.detail})", instance.name.slug, "Veja os logs da aplicação."
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
