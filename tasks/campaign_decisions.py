"""What people decide about a campaign: with role and reason, before anything is done and while it goes on."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from blocks.catalog import Catalog
from domain.campaign.facts import CampaignFacts, night_of
from domain.campaign.history import CampaignEvent, CampaignState, Status
from domain.campaign.plan import plan
from domain.campaign.promotion import Decision
from domain.campaign.tonight import outlook
from domain.errors import GateClosedError, InvalidInputError
from tasks import clock
from tasks.campaign import Night, View
from tasks.campaign_facts import campaign_facts, find_release, minutes_of, require_state
from tasks.campaign_log import Campaign, campaigns, open_campaign, quarantined, resume_campaign
from tasks.campaign_watch import observations, observe_unit
from tasks.instance import environments_in_use
from tasks.maintenance import require_impersonal
from tasks.threads import begin

_LOOKS_AT_ONCE = 8


def plan_before(code: str) -> View:
    """The plan of a release as it stands, or as it would be if a campaign of the whole fleet began today.

    Raises:
        InvalidInputError: the catalog does not know the release, or says no way to it.
        GateClosedError: nothing is known of the state's own SEI.
    """
    release, rules = find_release(code), Catalog().campaigns()
    alive = [one for one in campaigns() if one.state.release == code and one.state.status is not Status.ABORTED]
    facts = campaign_facts(release, quarantined(alive[-1] if alive else None))
    require_state(facts)
    state = alive[-1].state if alive else CampaignState(release=code, members=members_of(facts))
    found = plan(state, outlook(facts, minutes_of(release)), rules, night_of(clock.now()))
    return View(facts, found)


def members_of(facts: CampaignFacts) -> frozenset[str]:
    """The environments that a campaign of the whole fleet has; a state's own SEI elsewhere is nobody's to upgrade."""
    return frozenset(one.slug for one in facts.environments if one.server)


def start_campaign(code: str, only: Collection[str], role: str, reason: str) -> Campaign:
    """Open a campaign of the whole fleet, or of the state's environments and the given ones.

    Raises:
        InvalidInputError: the catalog does not know the release, or one of the environments is not of the fleet.
        GateClosedError: nothing is known of the state's own SEI, or another campaign goes on.
    """
    require_impersonal(f"campanha da {code}", role, reason)
    release = find_release(code)
    if not release.can_be_installed:
        raise InvalidInputError(
            f"{code} é {release.kind.label} sem número: não há como saber quem já a tem",
            "catalog/releases.yaml",
            "Veja quem a receberia com ./implanta upgrade plan.",
        )
    facts = campaign_facts(release)
    require_state(facts)
    fleet = members_of(facts)
    unknown = sorted(set(only) - fleet)
    if unknown:
        raise InvalidInputError(
            f"{unknown[0]} não está entre os ambientes em uso",
            f"campanha da {code}",
            "Veja ./implanta environment list.",
        )
    state = {one.slug for one in facts.environments if one.of_the_state and one.slug in fleet}
    return open_campaign(code, {*only, *state} if only else fleet, role, reason)


def decide(
    campaign: Campaign, kind: CampaignEvent, environments: Collection[str], role: str, reason: str, **told: object
) -> CampaignState:
    """A person's decision, told to the campaign with role and reason.

    Raises:
        InvalidInputError: role or reason names a person, or an environment that joins is not of the fleet.
        GateClosedError: the campaign does not allow it as it stands.
    """
    where = f"campanha {campaign.name}"
    require_impersonal(where, role, reason)
    if kind is CampaignEvent.JOINED:
        fleet = {record.slug for record in environments_in_use()}
        if unknown := sorted(set(environments) - fleet):
            raise InvalidInputError(
                f"{unknown[0]} não está entre os ambientes em uso", where, "Veja ./implanta environment list."
            )
    if kind is CampaignEvent.RESUMED:
        return resume_campaign(campaign, role, reason)
    return campaign.tell(kind, *environments, actor=role, reason=reason, **told)


def promote_by_hand(night: Night, role: str, reason: str) -> dict[str, Decision]:
    """Let every wave go on that only waits for a person; each is looked at now.

    Raises:
        GateClosedError: no wave has begun that was not let go on, or one may not, with what is missing.
    """
    require_impersonal(f"campanha {night.name}", role, reason)
    waves, margin = night.waves_to_judge(), night.rules.nights.margin_percent
    if not waves:
        raise GateClosedError("Nenhuma onda espera", f"campanha {night.name}", "Veja ./implanta upgrade status.")
    decisions = {}
    for wave in waves:
        units = night.units_of(wave)
        with ThreadPoolExecutor(_LOOKS_AT_ONCE) as pool:
            looks = {name: begin(pool, observe_unit.fn, name, unit, margin) for name, unit in units.items()}
        results = {name: look.exception() or look.result() for name, look in looks.items()}
        seen = observations(units, results, margin)
        decisions[wave.title] = night.judge(wave, seen, role=role, reason=reason)
    return decisions
