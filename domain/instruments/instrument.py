"""What the catalog says of each instrument: its template, what it tells, who signs it."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, StringConstraints, model_validator

from domain.catalog_entry import CatalogEntry
from domain.errors import InvalidInputError
from domain.municipality import Contact
from domain.text import collation_key

InstrumentSlug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]


class Part(StrEnum):
    """A part of a prefeitura's data that an instrument may tell; every one also has `programa`, `municipio` and
    `assinaturas`."""

    PREFEITURA = "prefeitura"
    PLANO = "plano"
    CRONOGRAMA = "cronograma"
    CLASSIFICACAO = "classificacao"
    COMUNICACAO = "comunicacao"


class Programme(CatalogEntry):
    """How the documents call the programme and those who run it."""

    nome: str = Field(min_length=1)
    gestor: str = Field(min_length=1, description="Who manages the programme and is the other party of an adhesion.")
    executor: str = Field(min_length=1, description="Who hosts and operates the environments.")


class Office(CatalogEntry):
    """An office and its article, as a document writes them: O Prefeito Municipal."""

    cargo: str = Field(min_length=1)
    artigo: Literal["O", "A", "O(A)"]


class Signer(Office):
    """Who signs: the contact in one of these roles, or a blank line over the office."""

    contatos: dict[str, Office] = Field(default_factory=dict, description="Role of a contact to its office.")

    def person_among(self, contacts: tuple[Contact, ...]) -> tuple[Office, str] | None:
        """The office and the name of who signs, or None when no contact has such a role.

        Raises:
            InvalidInputError: several contacts have one; the message tells no names.
        """
        offices = {collation_key(role): office for role, office in self.contatos.items()}
        found = [contact for contact in contacts if collation_key(contact.role) in offices]
        if len(found) > 1:
            roles = ", ".join(sorted(contact.role for contact in found))
            raise InvalidInputError(
                f"{len(found)} contatos podem assinar como {self.cargo}: não se sabe quem assina",
                f"contatos do município, papéis {roles}",
                "Deixe um só com ./implanta municipality contact.",
            )
        return (offices[collation_key(found[0].role)], found[0].name) if found else None


class Instrument(CatalogEntry):
    """One document that is made for prefeituras; `versao` is the template's, told in the document."""

    slug: InstrumentSlug
    title: str = Field(alias="titulo", min_length=1, max_length=100)
    template: str = Field(alias="modelo", pattern=r"^[a-z0-9][a-z0-9_-]*\.docx$")
    template_version: PositiveInt = Field(alias="versao")
    signers: tuple[str, ...] = Field(alias="assinam", min_length=1)
    parts: tuple[Part, ...] = Field(alias="dados", default=())
    landscape: bool = Field(
        alias="paisagem", default=False, description="Whether a section of the template lies on its side."
    )
    clients: tuple[Literal["prefeitura", "camara"], ...] = Field(alias="clientes", default=("prefeitura",))


class InstrumentTable(CatalogEntry):
    """Every instrument, and what all of them have in common."""

    programme: Programme = Field(alias="programa")
    signers: dict[str, Signer] = Field(alias="assinaturas")
    instruments: tuple[Instrument, ...] = Field(alias="instrumentos", min_length=1)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        slugs = [instrument.slug for instrument in self.instruments]
        repeated = sorted({slug for slug in slugs if slugs.count(slug) > 1})
        if repeated:
            msg = f"o instrumento {repeated[0]!r} aparece duas vezes"
            raise ValueError(msg)
        for instrument in self.instruments:
            unknown = [signer for signer in instrument.signers if signer not in self.signers]
            if unknown:
                msg = f"{instrument.slug!r} é assinado por {unknown[0]!r}, que não está em assinaturas"
                raise ValueError(msg)
        return self

    def choose(self, names: tuple[str, ...], client: str) -> tuple[Instrument, ...]:
        """The instruments of these slugs in the order of the catalog; of a kind of client all, when none is named.

        Raises:
            InvalidInputError: there is no such instrument for that kind of client.
        """
        offered = tuple(instrument for instrument in self.instruments if client in instrument.clients)
        slugs = [instrument.slug for instrument in offered]
        unknown = [name for name in names if name not in slugs]
        if unknown or not offered:
            raise InvalidInputError(
                f"Não há instrumento {', '.join(map(repr, unknown))} para {client}"
                if unknown
                else f"Não há instrumentos para {client}",
                "catalog/instruments.yaml",
                f"Use um destes: {', '.join(slugs)}." if slugs else "Inclua o cliente em clientes de um instrumento.",
            )
        return tuple(instrument for instrument in offered if not names or instrument.slug in names)
