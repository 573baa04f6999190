"""One run of a campaign in a process of its own, so that it can be killed: `python -m tests.flows.campaign_process`.

What is patched here is patched in the test's own process as well: days of watching pass at once, the rest is as it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time

import pytest

from blocks.catalog import Catalog
from domain.calendar import BusinessCalendar
from domain.campaign import plan, promotion
from domain.campaign.rules import CampaignRules, SoakRule, StateRule, UseRule, Weekday, Window, WindowRule
from domain.campaign.waves import WaveKind
from domain.upgrade.release import Release
from tasks import campaign, campaign_decisions

STATE = "afonso-claudio"
_REAL = Catalog.campaigns


def rules_of_one_night(catalog: Catalog) -> CampaignRules:
    """Every day is worked on, at any hour; nobody decides by hand; some failures are borne."""
    rules = _REAL(catalog)
    always = Window(begins=time(12), ends=time(11, 59))
    soak = {name: one.model_copy(update={"person_decides": False}) for name, one in rules.soak.items()}
    nights = {"weekdays": tuple(Weekday), "minutes_per_server": 24 * 60 * 10}
    return rules.model_copy(
        update={
            "soak": soak,
            "state": StateRule(municipalities=(STATE,), received={}),
            "windows": WindowRule(usual=always, by_municipality={}),
            "nights": rules.nights.model_copy(update=nights),
            "failures": rules.failures.model_copy(update={"percent": 8.0}),
            "use": UseRule(sign_ins=0, documents_signed=0, processes_sent=0),
            "waves": rules.waves.model_copy(update={"first": 4, "growth": 2, "most": 10}),
            "duration_times": 100.0,
        }
    )


def _short(_: Release) -> int:
    # Nobody begins before the hour that was announced: with the real ones the last would wait until evening.
    return 1


def _at_once(night: date, kind: WaveKind, soak: SoakRule, calendar: BusinessCalendar) -> date:
    return night


@contextmanager
def in_one_night() -> Iterator[None]:
    """Whatever happens inside is watched for no time at all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Catalog, "campaigns", rules_of_one_night)
        patch.setattr(plan, "soaked_on", _at_once)
        patch.setattr(promotion, "soaked_on", _at_once)
        patch.setattr(campaign, "minutes_of", _short)
        patch.setattr(campaign_decisions, "minutes_of", _short)
        yield


if __name__ == "__main__":
    with in_one_night():
        from flows.upgrade_campaign import upgrade_campaign

        upgrade_campaign()
