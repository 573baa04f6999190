"""Environments of a prefeitura and every name that derives from theirs."""

from enum import StrEnum
from typing import Self

from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.municipality import Municipality, Slug

MAX_ORGAO_SIGLA = 30  # sip.orgao.sigla and sei.orgao.sigla


class Purpose(StrEnum):
    """What an environment is for."""

    TREINAMENTO = "treinamento"
    HOMOLOGACAO = "homologacao"
    PRODUCAO = "producao"

    @property
    def label(self) -> str:
        """The word as operators read it."""
        return {"treinamento": "treinamento", "homologacao": "homologação", "producao": "produção"}[self.value]


class EnvironmentName(Frozen):
    """The identity of an environment. Everything derived is safe as an SQL identifier, DN part, bucket or host name."""

    municipality: Slug
    purpose: Purpose

    @classmethod
    def parse(cls, slug: str) -> Self:
        """The environment of a slug such as `rio-doce-producao`. Raises InvalidInputError."""
        municipality, _, purpose = slug.rpartition("-")
        try:
            return cls(municipality=municipality, purpose=Purpose(purpose))
        except ValueError as error:
            purposes = ", ".join(Purpose)
            raise InvalidInputError(
                f"{slug!r} não é nome de ambiente",
                "nome do ambiente",
                f"Escreva <município>-<finalidade>, como timoteo-treinamento (finalidades: {purposes}).",
            ) from error

    @property
    def slug(self) -> str:
        """`timoteo-treinamento`."""
        return f"{self.municipality}-{self.purpose.value}"

    @property
    def label(self) -> str:
        """`timoteo · produção`: how runs and reports call it."""
        return f"{self.municipality} · {self.purpose.label}"

    @property
    def database_sei(self) -> str:
        """`timoteo_treinamento_sei`."""
        return f"{self.database_user}_sei"

    @property
    def database_sip(self) -> str:
        """`timoteo_treinamento_sip`."""
        return f"{self.database_user}_sip"

    @property
    def database_user(self) -> str:
        """The application's user on the database server: `timoteo_treinamento`."""
        return self.slug.replace("-", "_")

    @property
    def database_migration_user(self) -> str:
        """The user of the upgrade scripts, locked except while one runs: `timoteo_treinamento_mig`."""
        return f"{self.database_user}_mig"

    @property
    def bucket(self) -> str:
        """The environment's bucket, its slug."""
        return self.slug

    @property
    def archive_bucket(self) -> str:
        """The bucket of what outlives the environment: `timoteo-treinamento-arquivo`, at most 60 of S3's 63."""
        return f"{self.slug}-arquivo"

    @property
    def backup_bucket(self) -> str:
        """The bucket of the environment's backups: `timoteo-treinamento-copias`, at most 59 of S3's 63."""
        return f"{self.slug}-copias"

    @property
    def ou(self) -> str:
        """The value of the environment's OU in the directory, its slug."""
        return self.slug

    def hostname(self, domain: str) -> str:
        """`timoteo-treinamento.<domain>`."""
        return f"{self.slug}.{domain}"

    def __str__(self) -> str:
        return self.slug


def intake_bucket(municipality_slug: str) -> str:
    """The bucket where a prefeitura's spreadsheets arrive: `timoteo-entrada`."""
    return f"{municipality_slug}-entrada"


def instruments_bucket(municipality_slug: str) -> str:
    """The bucket of the documents that are made for a prefeitura: `timoteo-instrumentos`, at most 53 of S3's 63."""
    return f"{municipality_slug}-instrumentos"


def orgao_sigla(municipality: Municipality) -> str:
    """The sigla of the prefeitura's órgão: `PM-RIO-DOCE`, at most 30 ASCII capitals, digits and hyphens.

    Unique in Brazil: hyphens keep Monte Negro (RO) and Montenegro (RS) apart, and a name too long is cut and closed
    with its IBGE code.
    """
    sigla = f"PM-{municipality.slug.upper()}"
    if len(sigla) <= MAX_ORGAO_SIGLA:
        return sigla
    ending = f"-{municipality.ibge}"
    return sigla[: MAX_ORGAO_SIGLA - len(ending)].rstrip("-") + ending


def orgao_description(municipality: Municipality) -> str:
    """The description of the prefeitura's órgão: `Prefeitura Municipal de Timóteo`."""
    return f"Prefeitura Municipal de {municipality.name}"
