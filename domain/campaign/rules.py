"""What the catalog says of upgrade campaigns (`campaigns.yaml`)."""

from datetime import date, time
from enum import StrEnum
from typing import Self

from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from domain.campaign.facts import NightHours
from domain.catalog_entry import CatalogEntry
from domain.municipality import IbgeCode, Slug
from domain.upgrade.complexity import Complexity


class Weekday(StrEnum):
    """A day of the week, in the order of `date.weekday`."""

    MONDAY = "segunda"
    TUESDAY = "terca"
    WEDNESDAY = "quarta"
    THURSDAY = "quinta"
    FRIDAY = "sexta"
    SATURDAY = "sabado"
    SUNDAY = "domingo"


_WEEKDAYS = tuple(Weekday)


class SoakRule(CatalogEntry):
    """How long an upgrade of one complexity is watched before others follow, and who lets them."""

    state_business_days: PositiveInt = Field(alias="estado_dias_uteis")
    wave_business_days: PositiveInt = Field(alias="onda_dias_uteis")
    person_decides: bool = Field(alias="pessoa_decide")


class WaveRule(CatalogEntry):
    """How waves grow."""

    first: PositiveInt = Field(alias="primeira")
    growth: PositiveInt = Field(alias="cresce_vezes")
    most: PositiveInt = Field(alias="maximo")

    def size(self, place: int) -> int:
        """How many environments the growing wave of this place may have; the first is 0."""
        size = self.first
        for _ in range(place):
            if size >= self.most or self.growth == 1:
                break
            size *= self.growth
        return min(size, self.most)


class CampaignNightRule(CatalogEntry):
    """On which nights upgrades run, and how much a night and a server take."""

    weekdays: tuple[Weekday, ...] = Field(alias="dias", min_length=1)
    at_once: PositiveInt = Field(alias="ao_mesmo_tempo")
    per_server: PositiveInt = Field(alias="por_servidor")
    minutes_per_server: PositiveInt = Field(alias="minutos_por_servidor")
    margin_percent: NonNegativeInt = Field(alias="folga_percentual")
    longest_search_days: PositiveInt = Field(alias="procura_dias")

    def works_on(self, night: date) -> bool:
        """Whether upgrades run in the night that begins on this day."""
        return _WEEKDAYS[night.weekday()] in self.weekdays


class FailureBudget(CatalogEntry):
    """How many failures a campaign bears; the lower of the two holds."""

    percent: NonNegativeFloat = Field(alias="percentual", le=100)
    environments: NonNegativeInt = Field(alias="ambientes")

    def limit(self, members: int) -> float:
        """How many failures a campaign of so many environments bears; one more stops it."""
        return min(self.percent * members / 100, float(self.environments))


class UseRule(CatalogEntry):
    """The real use that a wave has to have seen, of all its environments together."""

    sign_ins: NonNegativeInt = Field(alias="acessos")
    documents_signed: NonNegativeInt = Field(alias="documentos_assinados")
    processes_sent: NonNegativeInt = Field(alias="processos_enviados")


class Window(CatalogEntry):
    """From when to when an environment may stand still; not past noon."""

    begins: time = Field(alias="inicio")
    ends: time = Field(alias="fim")

    @model_validator(mode="after")
    def _is_in_one_night(self) -> Self:
        assert self.hours  # noqa: S101  # says itself what is wrong
        return self

    @property
    def hours(self) -> NightHours:
        """The same in the night that it lies in."""
        return NightHours(begins=self.begins, ends=self.ends)


class WindowRule(CatalogEntry):
    """Everybody's window, and those that prefeituras agreed on, by IBGE code."""

    model_config = ConfigDict(coerce_numbers_to_str=True)  # an IBGE code is a number to YAML

    usual: Window = Field(alias="padrao")
    by_municipality: dict[IbgeCode, Window] = Field(alias="municipais")

    def hours_of(self, ibge: str) -> NightHours:
        """The hours in which an environment of a municipality may stand still."""
        return self.by_municipality.get(ibge, self.usual).hours


class StateRule(CatalogEntry):
    """Which environments are the state's own, and what the state's SEI got where it is operated elsewhere."""

    municipalities: tuple[Slug, ...] = Field(alias="municipios")
    received: dict[str, date] = Field(alias="recebidas", description="Code of a release to the day it was ready.")


class CampaignRules(CatalogEntry):
    """The campaigns' own file of the catalog, `campaigns.yaml`."""

    soak: dict[Complexity, SoakRule] = Field(alias="espera")
    longest_wait_business_days: PositiveInt = Field(alias="espera_maxima_dias_uteis")
    waves: WaveRule = Field(alias="ondas")
    nights: CampaignNightRule = Field(alias="noites")
    certificate_hours: PositiveInt = Field(alias="certificado_horas")
    rehearsal_hours: PositiveInt = Field(alias="ensaio_horas")
    rehearsals_at_once: PositiveInt = Field(alias="ensaios_ao_mesmo_tempo")
    state: StateRule = Field(alias="estado")
    windows: WindowRule = Field(alias="janelas")
    failures: FailureBudget = Field(alias="falhas")
    use: UseRule = Field(alias="uso")
    duration_times: float = Field(alias="duracao_vezes", ge=1)

    @model_validator(mode="after")
    def _knows_every_complexity(self) -> Self:
        missing = [complexity.value for complexity in Complexity if complexity not in self.soak]
        if missing:
            msg = f"falta a espera da complexidade {', '.join(missing)}"
            raise ValueError(msg)
        return self
