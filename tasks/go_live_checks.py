"""The items of the go-live checklist, each looked up on the real systems at the moment it is asked."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import timedelta

from blocks.catalog import Catalog
from blocks.probes.waf import probe_waf
from blocks.rehearsal import rehearsing
from blocks.runtime import ScheduledTask
from blocks.structure import read_structure
from domain.act import Act
from domain.calendar import local_day
from domain.certificate import served_certificate
from domain.errors import GateClosedError, IntegrityError, InvalidInputError
from domain.freeze import freeze_on, next_free_day
from domain.go_live import Evidence, lacking, proved
from domain.quota import QuotaLevel
from domain.report import first_of
from domain.segregation import SegregationReport
from domain.text import collation_key
from domain.units_import import plan_units
from domain.upgrade.conditions import own_differences
from tasks import clock, doors
from tasks.acts import find_acts
from tasks.announcements import list_announced_days
from tasks.backup_recent import prove_recent_backup
from tasks.capacity import plan_of
from tasks.certificate import find_certificate
from tasks.certificates import certificate_problems
from tasks.dns import ensure_public_name
from tasks.document_model import inspect_document_model
from tasks.edge import environment_certificate
from tasks.instance import Instance
from tasks.intake import read_units
from tasks.live import last_closing
from tasks.modules import installed_versions
from tasks.storage import judge_repository
from tasks.training import judge_training_gate
from tasks.use_test import prove_use
from tasks.users_plan import look
from tasks.users_sheet import read_user_sheet
from tasks.waivers import GO_LIVE_GATE

HEARTBEAT_LIMIT = timedelta(minutes=12)  # the task runs every five minutes: two signs may be missed

Look = Callable[[Instance], Evidence]


def look_at(instance: Instance, code: str) -> Evidence:
    """What one item of the checklist shows now.

    A spreadsheet or a setting that is refused on the way is a finding like any other: it must not hide the other items.

    Raises:
        RetryableError: a system does not answer, so nothing can be said.
    """
    try:
        return LOOKS[code](instance)
    except (InvalidInputError, GateClosedError, IntegrityError) as e:
        return lacking(f"{e.what}: {e.fix}".removesuffix("."))


def _certified(instance: Instance) -> Evidence:
    kept = find_certificate(instance.name.slug)
    if kept is None:
        return lacking("sem certificado de entrega: execute a criação do ambiente de novo")
    if kept.reference.digest != instance.record.reference_digest:
        return lacking("o certificado de entrega é de outra referência: execute a criação do ambiente de novo")
    return proved(f"certificado de {local_day(kept.issued_at):%d/%m/%Y}, {len(kept.checks)} provas")


def _structure(instance: Instance) -> Evidence:
    reference = doors.registry().reference(instance.record.reference_digest or "")
    if reference is None:
        return lacking("sem referência registrada")
    found, has_modules = [], bool(installed_versions(instance).modules)
    tables = 0
    for structure, database in (
        (reference.sei_fingerprint, instance.name.database_sei),
        (reference.sip_fingerprint, instance.name.database_sip),
    ):
        tables += len(structure.tables)
        with instance.server.transaction(database) as cursor:
            found += own_differences(structure, read_structure(cursor, database), has_modules=has_modules)
    if found:
        return lacking(f"{len(found)} diferença(s): {found[0]}")
    return proved(f"{tables} tabelas iguais às da referência {reference.version}")


def _keys(instance: Instance) -> Evidence:
    keys = doors.environment_secrets(instance.name.slug).access_keys()
    if not instance.sip.accepts(keys):
        return lacking("as chaves em uso não são as do ambiente")
    return proved("as chaves do SEI e do SIP são as do ambiente")


def _authentication(instance: Instance) -> Evidence:
    found = _weaknesses(instance, of_test_user=False)
    return lacking(found) if found else proved("o SIP confere a senha no diretório")


def _test_user(instance: Instance) -> Evidence:
    found = _weaknesses(instance, of_test_user=True)
    return lacking(found) if found else proved("bloqueado, sem permissões")


def _weaknesses(instance: Instance, *, of_test_user: bool) -> str:
    found = instance.sip.list_published_weaknesses()
    return "; ".join(label for label in found if label.startswith("usuário teste") == of_test_user)


def _units(instance: Instance) -> Evidence:
    units = read_units(instance.municipality.slug)
    plan = plan_units(units, instance.people.list_units())
    pending = len(plan.missing) + len(plan.changed)
    gaps = sum(instance.users.count_replication_gaps().values())
    if pending or gaps:
        return lacking(f"{pending} unidade(s) diferem da planilha, {gaps} sem replicação")
    return proved(f"{len(units.units)} unidades conferidas")


def _users(instance: Instance) -> Evidence:
    pending = len(look(instance).plan.steps)
    gaps = sum(instance.users.count_replication_gaps().values())
    if pending or gaps:
        return lacking(f"{pending} usuário(s) diferem da planilha, {gaps} sem replicação")
    return proved(f"{len(read_user_sheet(instance).sheet.accepted)} usuários conferidos")


def _model(instance: Instance) -> Evidence:
    drift = inspect_document_model.fn(instance.name.slug)
    if drift.drifted:
        return lacking(f"{len(drift.missing)} item(ns) faltam e {len(drift.changed)} diferem do modelo")
    return proved(f"{drift.unchanged} itens iguais ao modelo")


def _training(instance: Instance) -> Evidence:
    finding = judge_training_gate(instance.municipality.slug)
    if finding.reasons:
        return lacking(" ".join(finding.reasons).removesuffix("."))
    return proved(" ".join(finding.facts).removesuffix("."))


def _scheduler(instance: Instance) -> Evidence:
    """Alive is who gave a sign a short while ago; an environment younger than that is asked for its first sign."""
    age = instance.sei.heartbeat_age()
    created_at = instance.record.created_at
    is_young = created_at is not None and clock.now() - created_at < HEARTBEAT_LIMIT
    if is_young and (age is None or age > HEARTBEAT_LIMIT):  # the reference brings a sign of its own, years old
        try:
            doors.runtime().run_scheduled(instance.name, ScheduledTask.HEARTBEAT)
        except IntegrityError as e:
            return lacking(e.what)
        age = instance.sei.heartbeat_age()
    if age is None:
        return lacking("o agendador nunca deu sinal de vida")
    minutes = int(age.total_seconds() // 60)
    if age > HEARTBEAT_LIMIT:
        return lacking(f"o último sinal de vida do agendador foi há {minutes} minutos")
    return proved(f"sinal de vida há {minutes} minuto(s)")


def _certificate(instance: Instance) -> Evidence:
    problems = certificate_problems(instance.name.slug)
    if problems:
        return lacking(first_of(problems))
    until = served_certificate(environment_certificate(instance.name.slug).chain_pem).not_after
    days = (until - clock.now()).days
    wanted = Catalog().gates().go_live.certificate_days
    text = f"vale até {local_day(until):%d/%m/%Y}: {days} dias"
    return proved(text) if days >= wanted else lacking(f"{text}, e são precisos {wanted}")


def _public_name(instance: Instance) -> Evidence:
    """A zone that a person keeps is changed before the opening: its change is not for the night of it."""
    zone, name = doors.dns_zone(), doors.edge().public_host(instance.name)
    if zone is None:
        return proved(f"{name}: um registro curinga atende")
    with nullcontext() if zone.kept_by_hand else rehearsing():
        change = ensure_public_name.fn(instance.name.slug)
    return proved(f"{name}: {'será apontado na abertura' if change.total else 'leva à borda'}")


def _waf(instance: Instance) -> Evidence:
    results = tuple(probe_waf(doors.edge().address(instance.name)))
    report = SegregationReport(environment=instance.name.slug, neighbour=None, results=results)
    problems = report.problems()
    return lacking(first_of(problems)) if problems else proved(f"{report.refused} ataques de prova barrados")


def _capacity(instance: Instance) -> Evidence:
    municipality = instance.municipality
    plan = plan_of(municipality, doors.registry().contract(municipality.ibge))
    users = len(read_user_sheet(instance).sheet.accepted)  # which refuses more than the plan has
    files = judge_repository.fn(instance.name.slug)
    if files is not None and files.level is not QuotaLevel.OK:
        return lacking(f"repositório de arquivos: {files.detail}")
    return proved(f"{users} de {plan.users} usuários do plano")


def _acts(instance: Instance) -> Evidence:
    known = find_acts(instance.municipality.ibge)
    missing = [act for act in Catalog().gates().go_live.required_acts if act not in known]
    if missing:
        return lacking(f"falta registrar: {_listed(missing)} (./implanta instrument register)")
    return proved("; ".join(str(act) for act in known.values()))


def _listed(acts: list[Act]) -> str:
    return " e ".join(act.value for act in acts)


def _contacts(instance: Instance) -> Evidence:
    wanted = Catalog().gates().go_live.required_roles
    present = {collation_key(contact.role) for contact in instance.municipality.contacts}
    missing = [role for role in wanted if collation_key(role) not in present]
    if missing:
        return lacking(f"falta contato: {', '.join(missing)} (./implanta municipality contact)")
    return proved(", ".join(wanted))


def _freeze(instance: Instance) -> Evidence:
    rule, today = Catalog().freezes(), clock.today()
    freeze = freeze_on(today, rule, instance.municipality.ibge)
    if freeze is None:
        return proved(f"{today:%d/%m/%Y} está fora de toda janela de congelamento")
    free = next_free_day(today, rule, instance.municipality.ibge)
    return lacking(f"{freeze}: a entrada pode ser em {free:%d/%m/%Y}")


def _announced_day(instance: Instance) -> Evidence:
    """Nobody is let in before the day that the whole prefeitura was told."""
    days = list_announced_days(instance.municipality.ibge)
    if not days:
        return proved("nenhuma data foi anunciada")
    text = f"anunciada para {days[-1]:%d/%m/%Y}"
    return proved(text) if days[-1] <= clock.today() else lacking(text)


def _backup(instance: Instance) -> Evidence:
    return prove_recent_backup(instance, timedelta(hours=Catalog().gates().go_live.backup_hours))


def _use(instance: Instance) -> Evidence:
    return prove_use(instance)


def _approval(instance: Instance) -> Evidence:
    """An approval is of one opening: what was closed again is approved again."""
    since = last_closing(instance)
    decisions = doors.registry().decisions(instance.municipality.ibge, GO_LIVE_GATE)
    answers = [decision for decision in decisions if decision.decision in {"approve", "reject"}]
    fresh = [answer for answer in answers if since is None or answer.decided_at > since]
    if not fresh:
        return lacking(
            f"falta a aprovação do ponto focal (./implanta approve {instance.municipality.slug} ou o formulário"
            " decisão no Prefect)"
        )
    if fresh[-1].decision != "approve":
        return lacking("o ponto focal recusou")
    return proved(f"aprovada em {local_day(fresh[-1].decided_at):%d/%m/%Y}")


LOOKS: Mapping[str, Look] = {
    "producao_certificada": _certified,
    "estrutura_conferida": _structure,
    "chaves_trocadas": _keys,
    "autenticacao_ligada": _authentication,
    "usuario_teste_bloqueado": _test_user,
    "unidades_conferidas": _units,
    "usuarios_conferidos": _users,
    "modelo_sem_desvio": _model,
    "capacitacao": _training,
    "agendador_ativo": _scheduler,
    "certificado_valido": _certificate,
    "nome_publico": _public_name,
    "waf_atuante": _waf,
    "capacidade": _capacity,
    "atos_registrados": _acts,
    "contatos_presentes": _contacts,
    "fora_de_congelamento": _freeze,
    "data_anunciada": _announced_day,
    "copia_provada": _backup,
    "teste_de_uso": _use,
    "aprovacao_prefeitura": _approval,
}
"""What is looked at for each code of `catalog/gates.yaml`; a test holds the two against each other."""
