"""Valid things to put into a registry; a test states only what matters to it."""

from domain.environment import Purpose
from domain.municipality import Contact, Municipality
from domain.reference import ReferenceRows
from domain.structure import Structure
from registry import EnvironmentRecord, ReferenceRecord

TIMOTEO = "3168705"
DIGEST = "a" * 64


def make_contact(
    name: str = "Pessoa de Teste", email: str = "ponto.focal@example.org", role: str = "ponto focal"
) -> Contact:
    return Contact(name=name, email=email, role=role)


def make_municipality(
    ibge: str = TIMOTEO,
    name: str = "Timóteo",
    slug: str = "timoteo",
    population: int = 91268,
    contacts: tuple[Contact, ...] = (),
) -> Municipality:
    return Municipality(ibge=ibge, name=name, uf="MG", slug=slug, population=population, contacts=contacts)


def make_environment(
    *,
    slug: str = "timoteo-treinamento",
    ibge: str = TIMOTEO,
    purpose: Purpose = Purpose.TREINAMENTO,
    release_version: str = "4.1.0",
    reference_digest: str | None = None,
    hostname: str = "timoteo-treinamento.localhost",
) -> EnvironmentRecord:
    return EnvironmentRecord(
        slug=slug,
        ibge=ibge,
        purpose=purpose,
        release_version=release_version,
        reference_digest=reference_digest,
        hostname=hostname,
        database_server="principal",
        database_sei="timoteo_treinamento_sei",
        database_sip="timoteo_treinamento_sip",
        directory_ou="ou=timoteo-treinamento,dc=implanta",
        bucket="timoteo-treinamento",
        orgao_sigla="PMTIMOTEO",
    )


def make_reference(digest: str = DIGEST, version: str = "4.1.0", coluna: str = "int(11) not null") -> ReferenceRecord:
    structure = Structure(tables={"serie": {"coluna id_serie": coluna, "opções": "motor InnoDB"}}, definitions={})
    return ReferenceRecord(
        digest=digest,
        version=version,
        kind="reduced",
        sei_fingerprint=structure,
        sip_fingerprint=structure,
        rows={
            "sei": ReferenceRows(keys={"serie": frozenset(str(n) for n in range(50))}),
            "sip": ReferenceRows(keys={"perfil": frozenset({"1", "2"})}),
        },
    )
