"""What each source of webhooks may say. References only: whom it is about lies in the prefeitura's own bucket."""

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, JsonValue, StringConstraints, TypeAdapter, ValidationError

from domain.environment import intake_bucket
from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.municipality import Slug
from domain.reference import Sha256
from domain.ticket import Ticket

Municipality = Annotated[Slug, Field(description="Nome curto do município, como timoteo.", title="Município")]
Digest = Annotated[Sha256, Field(description="SHA-256 do objeto que foi entregue, em hexadecimal.", title="SHA-256")]

WebhookId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""As the sender numbers its messages: the key by which a repeated one is known."""


_ANYTHING: TypeAdapter[object] = TypeAdapter(object)


class Source(StrEnum):
    """Who may send webhooks."""

    ADHESION = "adesao"
    HUMAN_RESOURCES = "rh"
    TRAINING = "capacitacao"
    TICKET = "chamado"
    BUCKET = "balde"
    RELEASE_PUBLISHED = "versao-publicada"
    STATE_UPGRADED = "versao-aplicada"


class Contract(Frozen):
    """One message of a source. `OFFERS` are the values that the catalog may give to a flow as parameters."""

    OFFERS: ClassVar[frozenset[str]] = frozenset()
    OF_A_REGISTERED_ONE: ClassVar[bool] = True
    """Whether its municipality has to be in the programme already."""

    @property
    def subject(self) -> str:
        """The slug of the municipality that it is about: those of one municipality are delivered in their order."""
        raise NotImplementedError

    def offered(self) -> dict[str, JsonValue]:
        """The values of `OFFERS`."""
        values = {name: getattr(self, name) for name in self.OFFERS}
        return {name: _ANYTHING.dump_python(value, mode="json") for name, value in values.items()}


class AboutMunicipality(Contract):
    """A message that says itself which municipality it is about."""

    municipality: Municipality

    @property
    def subject(self) -> str:
        """The municipality."""
        return self.municipality

    @property
    def municipalities(self) -> list[str]:
        """The municipality, for flows that take several."""
        return [self.municipality]


class AdhesionForm(AboutMunicipality):
    """Um município aderiu: o formulário está em adesao.json, no balde de entrada que ele terá."""

    OFFERS = frozenset({"municipality", "sha256"})
    OF_A_REGISTERED_ONE = False

    sha256: Digest


class HumanResourcesSheet(AboutMunicipality):
    """O RH entregou uma planilha de usuários, em rh/ no balde de entrada da prefeitura."""

    OFFERS = frozenset({"municipality", "object_key", "sha256"})

    object_key: Annotated[
        str,
        StringConstraints(pattern=r"^rh/[a-z0-9][a-z0-9_-]{0,79}\.(csv|xlsx)$"),
        Field(description="Onde a planilha está no balde: rh/2026-12-01.csv.", title="Objeto"),
    ]
    sha256: Digest


class TrainingChanged(AboutMunicipality):
    """Alguém de um município concluiu um curso; quem foi, a plataforma diz quando for perguntada."""

    OFFERS = frozenset({"municipality", "municipalities"})


class HelpDeskTicket(Ticket, Contract):
    """Um chamado da central; o pedido está em chamados/, no balde de entrada da prefeitura."""

    OFFERS = frozenset({"ticket"})

    @property
    def subject(self) -> str:
        """The municipality of the ticket."""
        return self.municipality

    @property
    def ticket(self) -> Ticket:
        """The ticket, as its flow takes it."""
        return Ticket.model_validate(self.model_dump())


_BUCKET_ENDING = intake_bucket("")


class ObjectCreated(Contract):
    """Uma planilha chegou ao balde de entrada de uma prefeitura."""

    OFFERS = frozenset({"municipality"})

    bucket: Annotated[
        str,
        StringConstraints(
            pattern=rf"^[a-z][a-z0-9]*(-[a-z0-9]+)*{_BUCKET_ENDING}$", max_length=40 + len(_BUCKET_ENDING)
        ),
        Field(description="Balde de entrada, como timoteo-entrada.", title="Balde"),
    ]
    object_key: Annotated[
        str,
        StringConstraints(pattern=r"^(unidades|usuarios|capacitacao|prefeitura)\.csv$"),
        Field(description="A planilha: unidades.csv, usuarios.csv, capacitacao.csv ou prefeitura.csv.", title="Objeto"),
    ]

    @property
    def municipality(self) -> str:
        """The municipality whose bucket it is."""
        return self.bucket.removesuffix(_BUCKET_ENDING)

    @property
    def subject(self) -> str:
        """The same."""
        return self.municipality


STATE = "estado"
"""Whose messages those about the state's own SEI are: they have an order of their own."""


class AboutStateRelease(Contract):
    """A message about the state's own SEI, which is no municipality's."""

    OF_A_REGISTERED_ONE = False

    release: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=40),
        Field(description="Código da versão, como em ./implanta release list: 4.1.0.", title="Versão"),
    ]

    @property
    def subject(self) -> str:
        """The state."""
        return STATE


class ReleasePublished(AboutStateRelease):
    """O estado publicou uma versão do SEI, uma correção ou um módulo."""

    OFFERS = frozenset({"release"})


class StateUpgraded(AboutStateRelease):
    """O SEI do estado, operado em outro lugar, terminou de receber uma versão."""

    OFFERS = frozenset({"release", "ready_on"})

    ready_on: Annotated[date, Field(description="Dia em que ficou pronta nele, como 2027-03-01.", title="Pronta em")]


CONTRACTS: dict[Source, type[Contract]] = {
    Source.ADHESION: AdhesionForm,
    Source.HUMAN_RESOURCES: HumanResourcesSheet,
    Source.TRAINING: TrainingChanged,
    Source.TICKET: HelpDeskTicket,
    Source.BUCKET: ObjectCreated,
    Source.RELEASE_PUBLISHED: ReleasePublished,
    Source.STATE_UPGRADED: StateUpgraded,
}


def read_contract(source: Source, body: bytes) -> Contract:
    """What a source says.

    Raises:
        InvalidInputError: it is no message of this source; the fields that are wrong are named, no value is shown.
    """
    contract = CONTRACTS[source]
    try:
        return contract.model_validate_json(body)
    except ValidationError as error:
        known = contract.model_fields
        # What else was sent may be somebody's data, names of fields included.
        wrong = sorted({str(problem["loc"][0]) for problem in error.errors() if problem["loc"]} & known.keys())
        told = ", ".join(wrong) or "um que não se conhece, ou a mensagem toda"
        raise InvalidInputError(
            f"A mensagem tem campos errados ou faltando: {told}",
            f"webhook {source.value}",
            f"Os campos são {', '.join(contract.model_fields)}: veja /webhooks/openapi.json.",
        ) from None
