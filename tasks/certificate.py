"""The proof that an environment is what it should be."""

from blocks.structure import read_reference_rows, read_structure
from domain.errors import IntegrityError
from domain.reference import missing_rows
from domain.structure import differences
from tasks import doors
from tasks.instance import load_instance
from tasks.step import step

SHOWN = 5


@step("certificado")
def certify_environment(environment: str) -> tuple[str, ...]:
    """Prove the environment, and say in sentences what was proved.

    Both structures equal the reference's, measured on a copy of the reference that no flow ever touched; every
    reference row is there; the published keys, test user and example servers are closed; the application answers.

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
    problems: list[str] = []
    for kind, database, structure in (
        ("sei", instance.name.database_sei, pristine.sei_fingerprint),
        ("sip", instance.name.database_sip, pristine.sip_fingerprint),
    ):
        with instance.server.transaction(database) as cursor:
            problems += [f"{kind}: {text}" for text in differences(structure, read_structure(cursor, database))]
            found = read_reference_rows(cursor, database, "sei" if kind == "sei" else "sip")
        problems += missing_rows(pristine.rows["sei" if kind == "sei" else "sip"], found)
    problems += instance.sip.list_published_weaknesses()
    if not instance.sip.accepts_only(doors.environment_secrets(environment).access_keys()):
        problems.append("chaves de acesso diferentes das do ambiente")
    health = doors.runtime().health(instance.name)
    if not (health.serving or health.maintenance):
        problems.append(f"a aplicação não atende ({health.detail})")
    if problems:
        more = f" e mais {len(problems) - SHOWN}" if len(problems) > SHOWN else ""
        raise IntegrityError(
            f"O ambiente não passou na certificação: {'; '.join(problems[:SHOWN])}{more}",
            environment,
            "Compare o ambiente com a referência da versão antes de deixar alguém entrar.",
        )
    rows = {**pristine.rows["sip"].counts, **pristine.rows["sei"].counts}
    return (
        f"Estrutura igual à referência {pristine.version} "
        f"({'oficial' if pristine.kind == 'official' else 'reduzida'}, {pristine.digest[:12]}): "
        f"{len(pristine.sei_fingerprint.tables)} tabelas no SEI e {len(pristine.sip_fingerprint.tables)} no SIP.",
        f"Linhas de referência presentes: {rows['tipo_procedimento']} tipos de processo, {rows['serie']} tipos de "
        f"documento, {rows['assunto']} assuntos.",
        "Chaves publicadas trocadas, autenticação LDAP ligada, usuário de teste bloqueado.",
        f"Aplicação {'em manutenção' if health.maintenance else 'no ar'}: {doors.runtime().url(instance.name)}/sei",
    )
