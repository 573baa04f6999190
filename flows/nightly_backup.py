"""Every night: each environment backed up, restored and compared, the riskiest first, inside the window."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from queue import Queue
from typing import Annotated, Any

from prefect import flow
from prefect.futures import PrefectFuture

from blocks.catalog import Catalog
from domain.backup.certificate import BackupCertificate
from domain.backup.night import Candidate, NightReport, NightRule, first_free, forecast, in_order
from domain.calendar import local_day
from domain.errors import RetryableError
from domain.fleet_parts import PartLimits
from flows.fleet import in_parts, parts_per_server
from flows.forms import asked
from flows.stage import at_most, results_of
from tasks.backup_night import (
    back_up_environment,
    candidates,
    drop_old_backups,
    environments_out_of_use,
    newest_certificate,
    publish_night,
    publish_night_forecast,
)
from tasks.clock import now

# The catalog says how many run at once; the pool only has to have room for them.
MOST_AT_ONCE = 16

Environments = Annotated[
    list[str] | None,
    asked("Ambientes", "Só estes ambientes, como timoteo-producao, e sem esperar a janela; vazio: todos."),
]


@flow(name="cópias da noite", flow_run_name="cópias da noite", task_runner=at_most(MOST_AT_ONCE))
def nightly_backup(environments: Environments = None) -> NightReport:
    """Back the fleet up; one environment's failure stops no other, and fails the run at its end.

    What has not begun when the window ends does not begin: SEI's own tasks delete files then.
    """
    rule, started_at = Catalog().backup().night, now()
    due = in_order(candidates(environments), started_at)
    expected = forecast(due, rule, started_at)
    publish_night_forecast(local_day(started_at), expected)
    run = _run if parts_per_server() is None else _run_in_parts
    results = run(due, rule, None if environments else expected.window_ends_at)
    if environments is None:
        gone = environments_out_of_use()
        swept = results_of(gone, drop_old_backups.map(gone))
        results |= {name: result for name, result in swept.items() if isinstance(result, BaseException)}
    report = NightReport.of(results, started_at=started_at, ended_at=now(), forecast=expected)
    publish_night(local_day(started_at), report)
    report.raise_if_any_failed()
    return report


def _run(due: Sequence[Candidate], rule: NightRule, until: datetime | None) -> dict[str, Any]:
    """Start each as soon as its turn comes and its database server is free enough; what came of each."""
    waiting, running = list(due), dict[str, tuple[Candidate, PrefectFuture[BackupCertificate]]]()
    results: dict[str, Any] = {}
    ended: Queue[str] = Queue()
    while waiting or running:
        while len(running) < rule.at_once and (chosen := _next(waiting, running, rule)):
            waiting.remove(chosen)
            if until is not None and now() >= until:
                results[chosen.environment] = _out_of_time(chosen.environment)
                continue
            run = back_up_environment.submit(chosen.environment)
            running[chosen.environment] = (chosen, run)
            run.add_done_callback(partial(_tell, ended, chosen.environment))
        if running:
            name = ended.get()
            results[name] = running.pop(name)[1].result(raise_on_failure=False)
    return results


def _tell(ended: Queue[str], environment: str, _: PrefectFuture[BackupCertificate]) -> None:
    ended.put(environment)


def _next(
    waiting: Sequence[Candidate], running: Mapping[str, tuple[Candidate, object]], rule: NightRule
) -> Candidate | None:
    return first_free(waiting, [candidate for candidate, _ in running.values()], rule)


def _run_in_parts(due: Sequence[Candidate], rule: NightRule, until: datetime | None) -> dict[str, Any]:
    """The same, each on a worker of its database server: a backup takes minutes, and is worth a run of its own."""
    limits = PartLimits(per_server=rule.per_server, in_all=rule.at_once, least=1, most=1)
    names = [candidate.environment for candidate in due]
    results = in_parts(back_up_environment, names, limits, until=until, late=_out_of_time)
    return {name: newest_certificate(name) if error is None else error for name, error in results.items()}


def _out_of_time(environment: str) -> RetryableError:
    return RetryableError(
        "A janela das cópias acabou antes da vez deste ambiente",
        environment,
        "Execute cópias da noite só para ele, ou aumente a janela em catalog/backup.yaml.",
    )
