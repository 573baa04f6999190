"""What is looked at to prove an environment: structure, reference rows, doors, application, edge, certificate."""

from dataclasses import dataclass, field

from blocks.probes.waf import probe_waf
from blocks.structure import read_reference_rows, read_structure
from domain.delivery import Check, ReferenceProof
from domain.errors import IntegrityError
from domain.reference import Database, missing_rows
from domain.report import first_of
from domain.segregation import SegregationReport
from domain.upgrade.conditions import own_differences
from registry.records import ReferenceRecord
from tasks import doors
from tasks.certificates import certificate_problems
from tasks.instance import Instance
from tasks.live import has_gone_live
from tasks.modules import installed_versions


@dataclass
class Proof:
    """What was found so far; it proves the environment when no problem is left."""

    reference: ReferenceProof
    checks: list[Check] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, title: str, evidence: str, problems: list[str]) -> None:
        """Keep one look's outcome."""
        if problems:
            self.problems += problems
        else:
            self.checks.append(Check(title=title, evidence=evidence))


def prove(instance: Instance, segregation: SegregationReport) -> Proof:
    """Look at everything; problems are gathered, not raised.

    Once the prefeitura is live it administers its own instance (a module's tables, a type that it removed): then
    differences from the reference are told, and only an open door or a silent application is a problem.

    Raises:
        IntegrityError: the environment was never loaded from a reference, so there is nothing to hold it against.
    """
    pristine = _pristine(instance)
    live = has_gone_live(instance.municipality.ibge)
    proof = Proof(reference=_reference_proof(pristine))
    _prove_reference(proof, instance, pristine, live=live)
    _prove_closed_doors(proof, instance, others_may_have_keys=live)
    health = doors.runtime().health(instance.name)
    proof.add(
        "Aplicação",
        f"{'em manutenção' if health.maintenance else 'no ar'} ({health.detail})",
        [] if health.serving or health.maintenance else [f"a aplicação não atende ({health.detail})"],
    )
    schedulers = doors.runtime().schedulers(instance.name)
    proof.add(
        "Agendador",
        "exatamente um, com as tarefas do catálogo",
        [] if schedulers == 1 else [f"{schedulers} agendadores em execução, e não um"],
    )
    address = doors.edge().address(instance.name)
    waf = SegregationReport(environment=instance.name.slug, neighbour=None, results=tuple(probe_waf(address)))
    stopped = f"{waf.refused} ataques de prova barrados em https://{address.host}; página de entrada atendida"
    proof.add("Borda e WAF", stopped, waf.problems())
    proof.add(
        "Certificado TLS",
        "cadeia, nome, chave e validade conferidos",
        certificate_problems(instance.name.slug),
    )
    proof.add("Segregação", " ".join(segregation.facts()), segregation.problems())
    return proof


def differences_from_reference(instance: Instance) -> list[str]:
    """Where the environment's databases are not as the reference that it was made of; empty when they are.

    Raises:
        IntegrityError: it has no registered reference.
    """
    return _drift(instance, _pristine(instance))


def _pristine(instance: Instance) -> ReferenceRecord:
    digest = instance.record.reference_digest
    pristine = doors.registry().reference(digest) if digest else None
    if pristine is None:
        raise IntegrityError(
            "O ambiente não tem referência registrada", instance.name.slug, "Execute a criação do ambiente de novo."
        )
    return pristine


def _reference_proof(pristine: ReferenceRecord) -> ReferenceProof:
    return ReferenceProof(
        version=pristine.version,
        kind=pristine.kind,
        digest=pristine.digest,
        sei_fingerprint=pristine.sei_fingerprint.digest,
        sip_fingerprint=pristine.sip_fingerprint.digest,
        tables=len(pristine.sei_fingerprint.tables) + len(pristine.sip_fingerprint.tables),
        rows={**pristine.rows["sip"].counts, **pristine.rows["sei"].counts},
    )


def _prove_reference(proof: Proof, instance: Instance, pristine: ReferenceRecord, *, live: bool) -> None:
    reference = (
        f"referência {pristine.version} ({'oficial' if pristine.kind == 'official' else 'reduzida'},"
        f" {pristine.digest[:12]})"
    )
    drift = _drift(instance, pristine)
    if drift and live:
        proof.checks.append(
            Check(
                title="Banco de dados",
                evidence=f"{len(drift)} diferença(s) em relação à {reference}: {first_of(drift)}",
            )
        )
        return
    rows = proof.reference.rows
    proof.add(
        "Banco de dados",
        f"Estrutura igual à {reference}: {len(pristine.sei_fingerprint.tables)} tabelas no SEI e"
        f" {len(pristine.sip_fingerprint.tables)} no SIP. Linhas de referência presentes:"
        f" {rows['tipo_procedimento']} tipos de processo, {rows['serie']} tipos de documento,"
        f" {rows['assunto']} assuntos",
        drift,
    )


def _drift(instance: Instance, pristine: ReferenceRecord) -> list[str]:
    kinds: tuple[tuple[Database, str], ...] = (
        ("sei", instance.name.database_sei),
        ("sip", instance.name.database_sip),
    )
    structures = {"sei": pristine.sei_fingerprint, "sip": pristine.sip_fingerprint}
    found: list[str] = []
    has_modules = bool(installed_versions(instance).modules)
    for kind, database in kinds:
        with instance.server.transaction(database) as cursor:
            there = read_structure(cursor, database)
            drift = own_differences(structures[kind], there, has_modules=has_modules)
            found += [f"{kind}: {text}" for text in drift]
            rows = read_reference_rows(cursor, database, kind, like=pristine.rows[kind])
            found += missing_rows(pristine.rows[kind], rows)
    return found


def _prove_closed_doors(proof: Proof, instance: Instance, *, others_may_have_keys: bool) -> None:
    problems = instance.sip.list_published_weaknesses()
    keys = doors.environment_secrets(instance.name.slug).access_keys()
    if not instance.sip.accepts(keys, others_allowed=others_may_have_keys):
        problems.append("chaves de acesso diferentes das do ambiente")
    proof.add(
        "Portas publicadas",
        "Chaves publicadas trocadas, autenticação LDAP ligada, usuário de teste bloqueado",
        problems,
    )
