"""The proof that an environment is what it should be."""

from blocks.structure import read_reference_rows, read_structure
from domain.errors import IntegrityError
from domain.reference import Database, missing_rows
from domain.structure import Structure, differences
from registry.records import ReferenceRecord
from tasks import doors
from tasks.instance import Instance, load_instance
from tasks.live import has_gone_live
from tasks.step import step

SHOWN = 5


@step("certificado")
def certify_environment(environment: str) -> tuple[str, ...]:
    """Prove the environment, and say in sentences what was proved.

    Both structures equal the reference's, measured on a copy of the reference that no flow ever touched; every
    reference row is there; the published keys, test user and example servers are closed; the application answers.
    Once the prefeitura is live it administers its own instance (a module's tables, a type that it removed): then
    differences from the reference are told, and only an open door or a silent application is a failure.

    Raises:
        IntegrityError: one of these is false; the message names the first differences.
    """
    instance = load_instance(environment)
    digest = instance.record.reference_digest
    pristine = doors.registry().reference(digest) if digest else None
    if pristine is None:
        raise IntegrityError(
            "O ambiente não tem referência registrada", environment, "Execute a criação do ambiente de novo."
        )
    live = has_gone_live(instance.municipality.ibge)
    drift = _drift(instance, pristine)
    health = doors.runtime().health(instance.name)
    problems = _open_doors(instance, others_may_have_keys=live) + ([] if live else drift)
    if not (health.serving or health.maintenance):
        problems.append(f"a aplicação não atende ({health.detail})")
    if problems:
        raise IntegrityError(
            f"O ambiente não passou na certificação: {_shown(problems)}",
            environment,
            "Compare o ambiente com a referência da versão antes de deixar alguém entrar.",
        )
    rows = {**pristine.rows["sip"].counts, **pristine.rows["sei"].counts}
    reference = (
        f"referência {pristine.version} ({'oficial' if pristine.kind == 'official' else 'reduzida'},"
        f" {pristine.digest[:12]})"
    )
    equal = (
        f"Estrutura igual à {reference}: {len(pristine.sei_fingerprint.tables)} tabelas no SEI e"
        f" {len(pristine.sip_fingerprint.tables)} no SIP.",
        f"Linhas de referência presentes: {rows['tipo_procedimento']} tipos de processo, {rows['serie']} tipos de "
        f"documento, {rows['assunto']} assuntos.",
    )
    return (
        *((f"{len(drift)} diferença(s) em relação à {reference}: {_shown(drift)}.",) if drift else equal),
        "Chaves publicadas trocadas, autenticação LDAP ligada, usuário de teste bloqueado.",
        f"Aplicação {'em manutenção' if health.maintenance else 'no ar'}: {doors.runtime().url(instance.name)}/sei",
    )


def _drift(instance: Instance, pristine: ReferenceRecord) -> list[str]:
    kinds: tuple[tuple[Database, str, Structure], ...] = (
        ("sei", instance.name.database_sei, pristine.sei_fingerprint),
        ("sip", instance.name.database_sip, pristine.sip_fingerprint),
    )
    found: list[str] = []
    for kind, database, structure in kinds:
        with instance.server.transaction(database) as cursor:
            found += [f"{kind}: {text}" for text in differences(structure, read_structure(cursor, database))]
            found += missing_rows(pristine.rows[kind], read_reference_rows(cursor, database, kind))
    return found


def _open_doors(instance: Instance, *, others_may_have_keys: bool) -> list[str]:
    problems = instance.sip.list_published_weaknesses()
    keys = doors.environment_secrets(instance.name.slug).access_keys()
    if not instance.sip.accepts(keys, others_allowed=others_may_have_keys):
        problems.append("chaves de acesso diferentes das do ambiente")
    return problems


def _shown(items: list[str]) -> str:
    more = f" e mais {len(items) - SHOWN}" if len(items) > SHOWN else ""
    return "; ".join(items[:SHOWN]) + more
