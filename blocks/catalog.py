"""The only door to `catalog/` and to the tables that come inside packages. Reads and validates; never writes."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from blocks.catalog_file import CATALOG_DIR, read_catalog_file, shown
from domain.alerts import AlertRule
from domain.backup.retention import BackupRule
from domain.billing import BillingRule
from domain.board.access import BoardRule
from domain.calendar import HolidayCatalog
from domain.campaign.rules import CampaignRules
from domain.catalog_entry import CatalogEntry
from domain.catalog_problem import field_at, problem_in
from domain.certificate import CertificateRule
from domain.city import City
from domain.courses import CourseTable
from domain.errors import IntegrityError, InvalidInputError
from domain.freeze import FreezeRule
from domain.gate_notices import GateNoticeRule
from domain.go_live import GoLiveRule
from domain.instruments.communication import CommunicationRule
from domain.instruments.instrument import Instrument, InstrumentTable
from domain.instruments.timetable import TimetableRule
from domain.message import MessageTable
from domain.monitoring.rules import MonitoringRule
from domain.municipality import IbgeTable
from domain.parameter import ParameterTable
from domain.plan import PlanTable
from domain.planning.rules import Rules
from domain.planning.teams import TeamTable
from domain.prefect_access import PrefectAccessRule
from domain.retirement import RetentionRule
from domain.schedule import ScheduleTable
from domain.sizing import SizingRules
from domain.sla import SlaRule
from domain.storage import StorageRule
from domain.ticket import SupportRule
from domain.training import TrainingRule
from domain.upgrade.modules import ModuleTable
from domain.upgrade.release import Release, ReleaseTable
from domain.user_table import UserSheetRule
from domain.users_guard import UsersRule
from domain.webhook.outgoing_rule import OutgoingRule
from domain.webhook.rule import WebhookTable

MUNICIPALITIES_OF_BRAZIL = 5_570

T = TypeVar("T")


class Gates(CatalogEntry):
    """The rules of the gates, as `gates.yaml` holds them."""

    training: TrainingRule = Field(alias="capacitacao")
    training_notices: GateNoticeRule = Field(alias="avisos_da_capacitacao")
    go_live: GoLiveRule = Field(alias="entrada_em_producao")


@dataclass(frozen=True)
class Catalog:
    """The catalog's files, each as the domain's own type.

    Every method gives what its file says now, and raises InvalidInputError naming file, line and field of each problem.
    """

    directory: Path = CATALOG_DIR

    def releases(self) -> ReleaseTable:
        """What can be installed (`releases.yaml`), of modules of `modules.yaml`, each with its notes."""
        table = _load(self.directory / "releases.yaml", ReleaseTable)
        modules = self.modules()
        problems = [
            f"{release.code} é do módulo {release.module}, que não está em modules.yaml"
            for release in table.releases
            if release.module and modules.find(release.module) is None
        ]
        problems += [
            f"{release.code} não tem notas em {release.notes_file}"
            for release in table.releases
            if not (self.directory / release.notes_file).is_file()
        ]
        if problems:
            raise InvalidInputError(
                f"Catálogo de versões incompleto: {' | '.join(problems)}",
                shown(self.directory / "releases.yaml"),
                "Acerte os códigos e escreva as notas.",
            )
        return table

    def release_notes(self, release: Release) -> str:
        """What a prefeitura is told about a release, in Markdown."""
        path = self.directory / release.notes_file
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(
                "Não consegui ler as notas da versão", shown(path), "Restaure o arquivo do repositório, em UTF-8."
            ) from error

    def modules(self) -> ModuleTable:
        """The modules of SEI that prefeituras may have (`modules.yaml`)."""
        return _load(self.directory / "modules.yaml", ModuleTable)

    def plans(self) -> PlanTable:
        """The price table (`plans.yaml`)."""
        return _load(self.directory / "plans.yaml", PlanTable)

    def billing(self) -> BillingRule:
        """When another faixa is proposed (`billing.yaml`)."""
        return _load(self.directory / "billing.yaml", BillingRule)

    def monitoring(self) -> MonitoringRule:
        """What the monitoring probes and how it is damped (`monitoring.yaml`)."""
        return _load(self.directory / "monitoring.yaml", MonitoringRule)

    def sla(self) -> SlaRule:
        """The agreed time to deliver an environment (`sla.yaml`)."""
        return _load(self.directory / "sla.yaml", SlaRule)

    def certificates(self) -> CertificateRule:
        """How long certificates last and when they are replaced (`certificates.yaml`)."""
        return _load(self.directory / "certificates.yaml", CertificateRule)

    def gates(self) -> Gates:
        """The rules of the gates (`gates.yaml`)."""
        return _load(self.directory / "gates.yaml", Gates)

    def courses(self) -> CourseTable:
        """The courses of the training and whose they are (`training.yaml`)."""
        return _load(self.directory / "training.yaml", CourseTable)

    def storage(self) -> StorageRule:
        """What environments store, for how long and how much (`storage.yaml`)."""
        return _load(self.directory / "storage.yaml", StorageRule)

    def retention(self) -> RetentionRule:
        """How long retired environments and their archives stay (`retention.yaml`)."""
        return _load(self.directory / "retention.yaml", RetentionRule)

    def alerts(self) -> AlertRule:
        """Whose silence and whose failure Prefect tells of (`alerts.yaml`)."""
        return _load(self.directory / "alerts.yaml", AlertRule)

    def backup(self) -> BackupRule:
        """How long backups are kept, and how much may change between two (`backup.yaml`)."""
        return _load(self.directory / "backup.yaml", BackupRule)

    def board(self) -> BoardRule:
        """Whose groups may see the board (`board.yaml`)."""
        return _load(self.directory / "board.yaml", BoardRule)

    def prefect_access(self) -> PrefectAccessRule:
        """Who may ask what of the Prefect server through the door (`prefect_access.yaml`)."""
        return _load(self.directory / "prefect_access.yaml", PrefectAccessRule)

    def campaigns(self) -> CampaignRules:
        """In which order environments are upgraded, and what has to be before the next (`campaigns.yaml`)."""
        return _load(self.directory / "campaigns.yaml", CampaignRules)

    def holidays(self) -> HolidayCatalog:
        """State and municipal holidays (`holidays.yaml`)."""
        return _load(self.directory / "holidays.yaml", HolidayCatalog)

    def freezes(self) -> FreezeRule:
        """The days on which no prefeitura goes live (`freezes.yaml`)."""
        return _load(self.directory / "freezes.yaml", FreezeRule)

    def parameters(self) -> ParameterTable:
        """The values of `infra_parametro` that the programme decides (`parameters.yaml`)."""
        return _load(self.directory / "parameters.yaml", ParameterTable)

    def schedules(self) -> ScheduleTable:
        """The scheduled tasks of SEI and SIP (`schedules.yaml`)."""
        return _load(self.directory / "schedules.yaml", ScheduleTable)

    def sizing(self) -> SizingRules:
        """How large an environment is made (`sizing.yaml`)."""
        return _load(self.directory / "sizing.yaml", SizingRules)

    def cities(self) -> tuple[City, ...]:
        """The municipalities that the reference databases lack (`cities.yaml`)."""
        return _load(self.directory / "cities.yaml", tuple[City, ...])

    def instruments(self) -> InstrumentTable:
        """The documents that are made for prefeituras, and who signs them (`instruments.yaml`)."""
        return _load(self.directory / "instruments.yaml", InstrumentTable)

    def users(self) -> UsersRule:
        """How much a spreadsheet of users may change by itself (`users.yaml`)."""
        return _load(self.directory / "users.yaml", UsersRule)

    def template(self, instrument: Instrument) -> Path:
        """The Word template of an instrument, in `instruments/`."""
        return self.directory / "instruments" / instrument.template

    def timetable(self) -> TimetableRule:
        """The activities of an implantation and how long each takes (`timetable.yaml`)."""
        return _load(self.directory / "timetable.yaml", TimetableRule)

    def teams(self) -> TeamTable:
        """How many prefeituras each team works for at once (`capacity.yaml`), at activities of `timetable.yaml`."""
        table = _load(self.directory / "capacity.yaml", TeamTable)
        self._require_activities("Equipes", table.unknown_activities(self._activities()), "capacity.yaml")
        return table

    def planning(self) -> Rules:
        """All that the catalog says of the programme in time."""
        return Rules(
            timetable=self.timetable(),
            teams=self.teams(),
            freezes=self.freezes(),
            environment_business_days=self.sla().agreed_business_days,
        )

    def communication(self) -> CommunicationRule:
        """Who is told what, and when (`communication.yaml`), about activities of `timetable.yaml`."""
        rule = _load(self.directory / "communication.yaml", CommunicationRule)
        self._require_activities("Mensagens", rule.unknown_activities(self._activities()), "communication.yaml")
        return rule

    def _activities(self) -> list[str]:
        return [activity.code for activity in self.timetable().activities]

    def _require_activities(self, whose: str, unknown: Collection[str], file: str) -> None:
        if unknown:
            raise InvalidInputError(
                f"{whose} falam de atividades que não existem: {', '.join(unknown)}",
                shown(self.directory / file),
                "Use os códigos de timetable.yaml.",
            )

    def support(self) -> SupportRule:
        """Which tickets of the help desk are answered, for whom and after whose yes (`support.yaml`)."""
        return _load(self.directory / "support.yaml", SupportRule)

    def webhooks(self) -> WebhookTable:
        """Which deployment the webhooks of each source start (`webhooks.yaml`)."""
        return _load(self.directory / "webhooks.yaml", WebhookTable)

    def webhook_events(self) -> OutgoingRule:
        """Which events other systems are told, and how hard it is tried (`webhook_events.yaml`)."""
        return _load(self.directory / "webhook_events.yaml", OutgoingRule)

    def messages(self) -> MessageTable:
        """What prefeituras are written about, and to whom (`messages.yaml`)."""
        return _load(self.directory / "messages.yaml", MessageTable)

    def users_sheet(self) -> UserSheetRule:
        """What prefeituras call the columns of the users' spreadsheet (`users_sheet.yaml`)."""
        return _load(self.directory / "users_sheet.yaml", UserSheetRule)

    def ibge_table(self) -> IbgeTable:
        """Every municipality's code, from brutils, with the other names of `municipality_names.yaml`."""
        other = _load(self.directory / "municipality_names.yaml", dict[str, tuple[str, ...]])
        return IbgeTable(codes_by_uf=_packaged_ibge_codes(), other_names=other)


@cache
def _packaged_ibge_codes() -> dict[str, dict[str, str]]:
    source = files("brutils") / "data" / "cities_code.json"
    codes = TypeAdapter(dict[str, dict[str, str]]).validate_python(json.loads(source.read_text(encoding="utf-8")))
    found = sum(map(len, codes.values()))
    if found != MUNICIPALITIES_OF_BRAZIL:
        raise IntegrityError(
            f"A tabela do IBGE tem {found} municípios, e não {MUNICIPALITIES_OF_BRAZIL}",
            "pacote brutils",
            "Reinstale as dependências com ./implanta.",
        )
    return codes


def _load(path: Path, shape: type[T]) -> T:
    file = read_catalog_file(path)
    try:
        return TypeAdapter(shape).validate_python(file.value)
    except ValidationError as error:
        problems = [f"linha {file.line_of(e['loc'])}, {field_at(e['loc'])}: {problem_in(e)}" for e in error.errors()]
        raise InvalidInputError(
            f"{len(problems)} problema{'s' if len(problems) > 1 else ''} no catálogo: {' | '.join(problems)}",
            shown(path),
            "Corrija o arquivo.",
        ) from error
