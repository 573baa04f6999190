"""Who takes part in a campaign today, and why each of the others does not."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import StrEnum

from domain.campaign.facts import CampaignFacts, EnvironmentFacts, RehearsalOutcome
from domain.campaign.failure import hold
from domain.campaign.history import CampaignState, Status
from domain.campaign.rules import CampaignRules
from domain.environment import Purpose
from domain.model import Frozen
from domain.reference import minor_line


class Exclusion(StrEnum):
    """Kinds of reasons for which an environment is not in the plan."""

    ABORTED = "aborted"
    UNKNOWN = "unknown"
    LEFT = "left"
    SKIPPED = "skipped"
    ALREADY = "already"
    UNSOUND = "unsound"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    START_LINE = "start_line"
    MODULE = "module"
    NO_REHEARSAL = "no_rehearsal"
    REHEARSAL_FAILED = "rehearsal_failed"
    HELD = "held"
    CERTIFICATE = "certificate"
    NO_NIGHT = "no_night"
    SIBLING = "sibling"
    STATE_FIRST = "state_first"


SETTLED = frozenset({Exclusion.LEFT, Exclusion.SKIPPED, Exclusion.ALREADY})
"""Decided or done: nobody has to wait for these."""


class LeftOut(Frozen):
    """One environment that is not in the plan."""

    environment: str
    kind: Exclusion
    reason: str


Reason = tuple[Exclusion, str] | None


def left_out(campaign: CampaignState, facts: CampaignFacts, rules: CampaignRules) -> dict[str, LeftOut]:
    """Each member that is neither done nor to be planned today, with the first reason that holds."""
    known = {
        environment.slug: environment for environment in facts.environments if environment.slug in campaign.members
    }
    held = hold(set(campaign.failures.values()), known.values())
    found = {
        slug: LeftOut(environment=slug, kind=Exclusion.UNKNOWN, reason="não está entre os ambientes da frota")
        for slug in sorted(campaign.members - known.keys())
    }
    for slug, environment in known.items():
        if campaign.upgraded(slug):
            continue
        reason = next(_own_reasons(environment, campaign, facts, rules, held), None)
        if reason:
            found[slug] = LeftOut(environment=slug, kind=reason[0], reason=reason[1])
    return found | follow(campaign, known, found)


def follow(
    campaign: CampaignState, known: Mapping[str, EnvironmentFacts], found: Mapping[str, LeftOut]
) -> dict[str, LeftOut]:
    """Who has to wait for one of those that are left out: prefeituras for the state, productions for their others."""
    waiting = {slug for slug, one in found.items() if one.kind not in SETTLED and slug in known}
    blocking = sorted(slug for slug in waiting if known[slug].of_the_state)
    troubled = sorted(slug for slug, one in known.items() if one.of_the_state and one.open_incidents)
    others: dict[str, list[str]] = defaultdict(list)
    for slug in sorted(waiting):
        if known[slug].purpose is not Purpose.PRODUCAO:
            others[known[slug].municipality].append(slug)
    more = {}
    for slug, environment in known.items():
        if slug in found or campaign.upgraded(slug):
            continue
        reason: Reason = None
        if not environment.of_the_state and blocking:
            reason = Exclusion.STATE_FIRST, f"primeiro o estado: {blocking[0]} ficou de fora"
        elif not environment.of_the_state and troubled:
            reason = Exclusion.STATE_FIRST, f"primeiro o estado: {troubled[0]} tem incidente aberto"
        elif environment.purpose is Purpose.PRODUCAO and others[environment.municipality]:
            reason = (
                Exclusion.SIBLING,
                f"espera {others[environment.municipality][0]}, do mesmo município, que ficou de fora",
            )
        if reason:
            more[slug] = LeftOut(environment=slug, kind=reason[0], reason=reason[1])
    return more


def _own_reasons(
    environment: EnvironmentFacts,
    campaign: CampaignState,
    facts: CampaignFacts,
    rules: CampaignRules,
    held: Mapping[str, str],
) -> Iterator[tuple[Exclusion, str]]:
    """Every reason that lies in the environment itself, what is decided or done first."""
    slug, release = environment.slug, facts.release
    if campaign.status is Status.ABORTED:
        yield Exclusion.ABORTED, "a campanha foi encerrada"
    if slug in campaign.left:
        yield Exclusion.LEFT, f"saiu da campanha: {campaign.left[slug]}"
    if slug in campaign.skipped:
        yield Exclusion.SKIPPED, f"pulado: {campaign.skipped[slug]}"
    if release.reached_by(environment):
        what = f"{release.module} {environment.modules[release.module]}" if release.module else environment.version
        yield Exclusion.ALREADY, f"já está na versão {what}"
    if slug in campaign.failures or (slug, campaign.release) in facts.quarantined:
        yield Exclusion.QUARANTINED, f"em quarentena: falhou ao receber a {release.told} e ninguém encerrou a falha"
    if slug in campaign.units:
        yield Exclusion.FAILED, "falhou; espera que alguém peça nova tentativa"
    if environment.unsound:
        yield Exclusion.UNSOUND, environment.unsound
    if minor_line(environment.version) not in release.start_lines:
        lines = ", ".join(release.start_lines)
        yield Exclusion.START_LINE, f"está na {environment.version}, e a {release.told} parte só de: {lines}"
    if environment.version in release.unfit_versions:
        yield Exclusion.MODULE, f"está na {environment.version}, para a qual a {release.told} não foi publicada"
    if modules := release.incompatible_modules(environment.modules):
        yield Exclusion.MODULE, f"módulo sem compatibilidade conhecida com a {release.told}: {', '.join(modules)}"
    yield from _unproved(environment, rules, held)


def _unproved(
    environment: EnvironmentFacts, rules: CampaignRules, held: Mapping[str, str]
) -> Iterator[tuple[Exclusion, str]]:
    rehearsal, age = environment.rehearsal, environment.certificate_age_hours
    if rehearsal is None:
        yield Exclusion.NO_REHEARSAL, "a atualização não foi ensaiada em uma cópia sua"
    elif rehearsal.outcome is RehearsalOutcome.FAILED:
        yield Exclusion.REHEARSAL_FAILED, f"o ensaio falhou: {', '.join(rehearsal.signatures) or 'sem assinatura'}"
    elif rehearsal.age_hours > rules.rehearsal_hours:
        yield (
            Exclusion.NO_REHEARSAL,
            f"o ensaio tem {rehearsal.age_hours:.0f} h; o limite são {rules.rehearsal_hours} h",
        )
    if environment.slug in held:
        yield Exclusion.HELD, f"retido: o ensaio encontrou o erro com que outro falhou ({held[environment.slug]})"
    if age is None:
        yield Exclusion.CERTIFICATE, "não tem cópia provada"
    elif age > rules.certificate_hours:
        yield Exclusion.CERTIFICATE, f"a cópia provada tem {age:.0f} h; o limite são {rules.certificate_hours} h"
    room = min(environment.hours.last_minute - environment.hours.first_minute, rules.nights.minutes_per_server)
    needed = environment.reserved_minutes(rules.nights.margin_percent)
    if needed > room:
        yield Exclusion.NO_NIGHT, f"precisa de {needed} min e a janela ou o servidor dá {room} min por noite"
