"""Whether the next wave may begin: never because time has passed alone."""

from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from statistics import median

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from domain.calendar import BusinessCalendar
from domain.campaign.history import CampaignState, Outcome
from domain.campaign.plan import PlannedWave, soaked_on
from domain.campaign.rules import CampaignRules
from domain.model import Frozen
from domain.report import first_of
from domain.upgrade.complexity import Complexity


class Verdict(StrEnum):
    """What is to be done, the least first."""

    GO_ON = "go_on"
    WAIT = "wait"
    PERSON = "person"
    STOP = "stop"

    @property
    def label(self) -> str:
        """The verdict as operators read it."""
        return {"go_on": "segue", "wait": "espera", "person": "uma pessoa decide", "stop": "para"}[self.value]


_GRAVITY = tuple(Verdict)


class Decision(Frozen):
    """What is to be done, and why; the gravest reason decides."""

    verdict: Verdict
    reasons: tuple[str, ...] = Field(min_length=1, description="Portuguese sentences, no personal data.")
    until: date | None = Field(default=None, description="Before this day it is not worth asking again.")


class RealUse(Frozen):
    """What people did in one environment since its upgrade."""

    sign_ins: NonNegativeInt = Field(default=0, description="People on days: who did anything on a day signed in.")
    documents_signed: NonNegativeInt = 0
    processes_sent: NonNegativeInt = 0


class UnitObservation(Frozen):
    """One environment of the wave since its upgrade."""

    outcome: Outcome
    minutes: NonNegativeFloat = Field(description="How long it really stood still.")
    predicted_minutes: NonNegativeFloat
    sign_ins: NonNegativeInt = 0
    documents_signed: NonNegativeInt = 0
    processes_sent: NonNegativeInt = 0
    open_incidents: NonNegativeInt = 0
    healthy: bool = Field(
        default=True, description="It answers, and its log has no kind of error that it had not before."
    )
    illness: str = Field(default="", description="What it lacks, as operators read it; no personal data.")


class Observations(Frozen):
    """What was seen of a wave, and how the campaign stands."""

    today: date
    complexity: Complexity
    calendar: BusinessCalendar
    units: Mapping[str, UnitObservation] = Field(description="By environment; who is missing is not done yet.")
    members: NonNegativeInt = Field(description="Environments of the campaign.")
    open_failures: frozenset[str] = Field(default=frozenset(), description="Environments in quarantine, of any wave.")
    approved: bool = Field(default=False, description="A person looked and let it go on.")


_Reason = tuple[Verdict, str]


def promote(wave: PlannedWave, observations: Observations, rules: CampaignRules) -> Decision:
    """Decide whether what came of a wave is good enough for the next one.

    A person's approval answers what asks for a person; it ends no waiting, and starts nothing that has to stop.
    """
    soak = rules.soak[observations.complexity]
    ready = soaked_on(wave.last_night, wave.kind, soak, observations.calendar)
    reasons = [
        *_failures(observations, rules),
        *_unfinished(wave, observations),
        *_time(ready, observations),
        *_bake(wave, observations, rules),
        *_durations(observations, rules),
    ]
    if soak.person_decides:
        label = observations.complexity.label
        reasons.append((Verdict.PERSON, f"a versão é de complexidade {label}: uma pessoa libera cada passagem"))
    if observations.approved:
        reasons = [reason for reason in reasons if reason[0] is not Verdict.PERSON]
    if not reasons:
        return Decision(verdict=Verdict.GO_ON, reasons=(_praise(wave, observations),))
    gravest = max((verdict for verdict, _ in reasons), key=_GRAVITY.index)
    # While something is still awaited a person cannot decide yet.
    if gravest is Verdict.PERSON and any(verdict is Verdict.WAIT for verdict, _ in reasons):
        gravest = Verdict.WAIT
    until = ready if gravest is Verdict.WAIT and ready > observations.today else None
    return Decision(verdict=gravest, reasons=tuple(why for verdict, why in reasons if verdict is gravest), until=until)


def over_budget(campaign: CampaignState, rules: CampaignRules) -> str | None:
    """Why the campaign has to stop now, asked after each single upgrade; None while it bears its failures."""
    return _over_budget(len(campaign.failures), len(campaign.members), rules)


def _over_budget(failures: int, members: int, rules: CampaignRules) -> str | None:
    limit = rules.failures.limit(members)
    if failures <= limit:
        return None
    return (
        f"{failures} ambientes com falha não encerrada ou doentes; em uma campanha de {members} o limite é {limit:.3g}"
        f" (o menor entre {rules.failures.percent:g} % e {rules.failures.environments})"
    )


def _failures(observations: Observations, rules: CampaignRules) -> Iterator[_Reason]:
    ill = {slug for slug, unit in observations.units.items() if not unit.healthy and unit.outcome is Outcome.UPGRADED}
    why = _over_budget(len(observations.open_failures | ill), observations.members, rules)
    if why:
        told = [f"{slug}: {observations.units[slug].illness or 'doente'}" for slug in sorted(ill)]
        yield Verdict.STOP, f"{why}; {first_of(told)}" if told else why


def _unfinished(wave: PlannedWave, observations: Observations) -> Iterator[_Reason]:
    missing = [unit.environment for unit in wave.units if unit.environment not in observations.units]
    if missing:
        yield Verdict.WAIT, f"faltam {len(missing)} ambientes: {first_of(missing)}"


def _time(ready: date, observations: Observations) -> Iterator[_Reason]:
    if observations.today < ready:
        yield Verdict.WAIT, f"a observação vai até {ready:%d/%m/%Y}"


def _bake(wave: PlannedWave, observations: Observations, rules: CampaignRules) -> Iterator[_Reason]:
    """Real use, health and incidents; what they lack for too long is a person's to judge."""
    units = {slug: unit for slug, unit in observations.units.items() if unit.outcome is Outcome.UPGRADED}
    waited = observations.calendar.business_days_between(wave.last_night, observations.today)
    tired = waited > rules.longest_wait_business_days
    verdict = Verdict.PERSON if tired else Verdict.WAIT
    so_long = f" depois de {waited} dias úteis" if tired else ""
    seen = (
        ("acessos", sum(unit.sign_ins for unit in units.values()), rules.use.sign_ins),
        ("documentos assinados", sum(unit.documents_signed for unit in units.values()), rules.use.documents_signed),
        ("processos enviados", sum(unit.processes_sent for unit in units.values()), rules.use.processes_sent),
    )
    short = [f"{number} de {wanted} {what}" for what, number, wanted in seen if number < wanted]
    if short:
        yield verdict, f"pouco uso de verdade{so_long}: {', '.join(short)}"
    ill = sorted(slug for slug, unit in units.items() if not unit.healthy)
    if ill:
        told = [f"{slug} ({units[slug].illness})" if units[slug].illness else slug for slug in ill]
        yield verdict, f"não estão sãos{so_long}: {first_of(told)}"
    troubled = sorted(slug for slug, unit in units.items() if unit.open_incidents)
    if troubled:
        yield Verdict.WAIT, f"têm incidente aberto: {first_of(troubled)}"


def _durations(observations: Observations, rules: CampaignRules) -> Iterator[_Reason]:
    times = [
        unit.minutes / unit.predicted_minutes
        for unit in observations.units.values()
        if unit.outcome is Outcome.UPGRADED and unit.predicted_minutes
    ]
    if times and (middle := median(times)) > rules.duration_times:
        yield (
            Verdict.PERSON,
            f"as atualizações levaram {middle:.1f} vezes o previsto (limite {rules.duration_times:g}): as próximas"
            " noites podem não caber",
        )


def _praise(wave: PlannedWave, observations: Observations) -> str:
    done = sum(unit.outcome is Outcome.UPGRADED for unit in observations.units.values())
    return f"{wave.title}: {done} ambientes atualizados, observados, em uso e sãos"
