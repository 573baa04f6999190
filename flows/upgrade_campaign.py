"""One run of an upgrade campaign: as far as it may go now. Nothing of it waits; the next run goes on."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from queue import Empty, Queue
from typing import Annotated, Any

from prefect import flow
from prefect.futures import PrefectFuture

from domain.campaign.night import CampaignNight
from domain.campaign.plan import PlannedWave
from domain.campaign.promotion import Decision
from domain.campaign.tonight import next_unit
from flows.campaign_units import rehearse_one, upgrade_one
from flows.forms import asked
from flows.stage import at_most, one_heartbeat, results_of
from tasks import clock
from tasks.campaign import Night, View
from tasks.campaign_log import find_alive
from tasks.campaign_report import publish_campaign
from tasks.campaign_watch import observations, observe_unit

# The catalog says how many run at once; the pool only has to have room for them.
MOST_AT_ONCE = 32
_LOOK_AGAIN_SECONDS = 30.0

CampaignName = Annotated[
    str | None,
    asked("Campanha", "Vazio: a que está aberta."),
]


@flow(name="campanha de atualização", flow_run_name="campanha de atualização", task_runner=at_most(MOST_AT_ONCE))
def upgrade_campaign(campaign: CampaignName = None) -> CampaignNight | None:
    """Record what was left, judge the waves, agree on nights, rehearse, upgrade whose turn it is, and tell all of it.

    One environment's failure stops no other but over the budget, and fails the run at its end.
    """
    found = find_alive(campaign)
    if found is None:
        return None
    night, began = Night(found), clock.now()
    with night.alone(), one_heartbeat():
        finish_what_was_left(night)
        decisions = {wave.title: judge(night, wave) for wave in night.waves_to_judge()}
        view = night.agree()
        go_on(night, view)
        night.announce(night.agree())
        night.close()
        report = CampaignNight.of(night.name, night.campaign.lines, decisions, since=began)
        publish_campaign(night.name, report)
    report.raise_if_any_failed()
    return report


def finish_what_was_left(night: Night) -> None:
    """Go on with the upgrades under which a run died, whatever the hour: their environments are closed."""
    left = night.settle()
    runs = [upgrade_one.submit(name, night.release.code, night.reason) for name in left]
    for name, result in results_of(left, runs).items():
        night.record(name, None, result)


def judge(night: Night, wave: PlannedWave) -> Decision:
    """Look at everybody of a wave, and decide whether the next may begin."""
    units = night.units_of(wave)
    margin = night.rules.nights.margin_percent
    runs = [observe_unit.submit(name, unit, margin) for name, unit in units.items()]
    return night.judge(wave, observations(units, results_of(units, runs), margin))


def go_on(night: Night, view: View) -> None:
    """Upgrade whose turn it is and rehearse who is due, so many at once, until nobody is left for now.

    What operators decide meanwhile counts from the next turn on.
    """
    running: dict[str, tuple[str, datetime, PrefectFuture[Any]]] = {}
    rehearsing, rehearsed = dict[str, PrefectFuture[Any]](), set[str]()
    ended: Queue[str] = Queue()
    while True:
        night.begin_waves(view)
        turns = night.turns(view, {*running, *rehearsing}, rehearsed)
        servers = {name: server for name, (server, *_) in running.items()}
        while unit := next_unit(turns.tonight.ready, servers, turns.facts, night.rules.nights):
            name, server = unit.environment, turns.server_of(unit.environment)
            run = upgrade_one.submit(name, night.release.code, night.reason)
            running[name] = (server, clock.now(), run)
            servers[name] = server
            run.add_done_callback(partial(_tell, ended, name))
        for name in turns.rehearsals[: night.rules.rehearsals_at_once - len(rehearsing)]:
            rehearsed.add(name)
            rehearsing[name] = rehearse_one.submit(name, night.release.code)
            rehearsing[name].add_done_callback(partial(_tell, ended, name))
        if not running and not rehearsing:
            return
        for name in _ended(ended):
            if name in running:
                _, began, run = running.pop(name)
                night.record(name, began, run.result(raise_on_failure=False))
            else:
                night.rehearsed(name, rehearsing.pop(name).result(raise_on_failure=False))


def _tell(ended: Queue[str], environment: str, _: PrefectFuture[Any]) -> None:
    ended.put(environment)


def _ended(ended: Queue[str]) -> Iterable[str]:
    """Who has ended; nobody after a while, for somebody else's turn may have come."""
    try:
        return (ended.get(timeout=_LOOK_AGAIN_SECONDS),)
    except Empty:
        return ()
