"""The probes of a sweep: what is shared once, each environment's own at once, all of them in a bounded time."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, TypeVar

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName
from prefect.client.schemas.sorting import FlowRunSort

from blocks.catalog import Catalog
from blocks.page_watch import look_at_pages
from blocks.server_watch import OnServer, read_server
from blocks.settings import load_settings
from domain.environment import EnvironmentName
from domain.errors import ImplantaError, InvalidInputError, RetryableError, told
from domain.monitoring.facts import Answer, Fleet, PageSeen, Seen, ServerFigures, Watched
from domain.monitoring.rules import MonitoringRule, Probe, SweepRule
from domain.monitoring.state import ProbeState, whose_turn
from domain.quota import RepositoryUsage, choose_quota, judge_quota
from tasks import clock, doors
from tasks.prefect_errors import explaining_prefect
from tasks.threads import begin

T = TypeVar("T")

_SERVER_SECONDS = 20
_MINUTE = timedelta(minutes=1)


def look_at_fleet(fleet: Fleet, states: Mapping[tuple[str, Probe], ProbeState], rule: MonitoringRule) -> Seen:
    """Make every probe that is due; what does not come back in time counts as no answer, and never delays the sweep."""
    began, now = monotonic(), clock.now()
    ends = began + rule.sweep.total_seconds
    servers: dict[str, list[Watched]] = {}
    for one in fleet.watched:
        servers.setdefault(one.server, []).append(one)
    sign_ins = _due(Probe.SIGN_IN, fleet.judged, states, rule, now)
    quotas = _due(Probe.QUOTA, [one for one in fleet.watched if one.plan is not None], states, rule, now)
    shared: dict[Probe, Callable[[], Answer]] = {
        Probe.EDGE: _edge,
        Probe.DIRECTORY: _directory,
        Probe.STORAGE: _storage,
        Probe.MAIL: _mail,
        Probe.ORCHESTRATOR: _orchestrator,
    }
    pool = ThreadPoolExecutor(max_workers=8 + len(servers), thread_name_prefix="sonda")
    try:
        pages = begin(pool, _pages, fleet.judged, rule.sweep)
        reads = {name: begin(pool, _server, name, of, rule) for name, of in servers.items()}
        answers = {probe: begin(pool, _answer, probing) for probe, probing in shared.items()}
        opened = {one.slug: begin(pool, _opens, one) for one in sign_ins}
        usages = {one.slug: begin(pool, _usage, one) for one in quotas}
        everything: list[Future[Any]] = [pages, *reads.values(), *answers.values(), *opened.values(), *usages.values()]
        wait(everything, timeout=max(ends - monotonic(), 0))
        late = f"sem resposta em {rule.sweep.total_seconds} s"
        storage = Catalog().storage().quota
        files = {slug: usage for slug, one in usages.items() if (usage := _result(one)) is not None}
        of = {one.slug: one for one in quotas}
        return Seen(
            pages=_result(pages) or {},
            servers={name: late if (found := _result(read)) is None else found for name, read in reads.items()},
            storage_gb=_disks(servers),
            shared={
                probe.value: _result(answer) or Answer(works=False, detail=late) for probe, answer in answers.items()
            },
            sign_ins={slug: opens for slug, one in opened.items() if (opens := _result(one)) is not None},
            quotas={
                slug: judge_quota(usage, choose_quota(plan, of[slug].purpose, storage))
                for slug, usage in files.items()
                if (plan := of[slug].plan) is not None
            },
            files_bytes={slug: usage.bytes for slug, usage in files.items()},
            seconds=monotonic() - began,
        )
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _result(future: Future[T]) -> T | None:
    return future.result() if future.done() and not future.cancelled() else None


def _due(
    probe: Probe,
    candidates: Sequence[Watched],
    states: Mapping[tuple[str, Probe], ProbeState],
    rule: MonitoringRule,
    now: datetime,
) -> list[Watched]:
    mine = {subject: state for (subject, of), state in states.items() if of is probe}
    by_slug = {one.slug: one for one in candidates}
    return [by_slug[slug] for slug in whose_turn(by_slug, mine, now, rule.probes[probe], rule.damping)]


def _pages(environments: Sequence[Watched], rule: SweepRule) -> dict[str, PageSeen]:
    edge = doors.edge()
    return look_at_pages(
        {one.slug: edge.address(EnvironmentName.parse(one.slug)) for one in environments},
        at_once=rule.at_once,
        seconds_each=rule.probe_seconds,
        # Before the sweep's own end: what was seen until then counts.
        seconds_in_all=rule.total_seconds - rule.probe_seconds / 2,
    )


def _server(name: str, environments: Sequence[Watched], rule: MonitoringRule) -> ServerFigures | str:
    schemas = [OnServer(one.slug, one.database_sei, one.database_sip) for one in environments]
    try:
        server = doors.mariadb_server(name).model_copy(update={"answer_timeout_seconds": _SERVER_SECONDS})
        return read_server(server, schemas, rule.session_minutes)
    except Exception as error:  # a defect that one server's answer meets hides no other server
        return told(error)


def _disks(servers: Collection[str]) -> dict[str, int]:
    found = {}
    for name in servers:
        try:
            found[name] = doors.mariadb_server(name).storage_gb
        except ImplantaError:  # told as the server's own failure
            continue
    return found


def _edge() -> Answer:
    health = doors.edge().probe()
    return Answer(works=health.serving, detail=health.detail)


def _directory() -> Answer:
    doors.directory().probe()
    return Answer(works=True)


def _storage() -> Answer:
    doors.object_storage().probe()
    return Answer(works=True)


def _mail() -> Answer:
    since = doors.registry().monitoring.mail_due_since(clock.now())
    minutes = 0.0 if since is None else (clock.now() - since) / _MINUTE
    with doors.mailer().open():
        return Answer(works=True, value=minutes, detail=f"uma mensagem espera a vez há {minutes:.0f} minuto(s)")


def _orchestrator() -> Answer:
    late = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Late"])))
    with explaining_prefect(load_settings().prefect_api_url), get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_run_filter=late, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=1)
    # By the server's own clock.
    minutes = max((run.estimated_start_time_delta / _MINUTE for run in runs), default=0.0)
    return Answer(works=True, value=minutes, detail=f"execução mais atrasada: {minutes:.0f} minuto(s)")


def _answer(probe: Callable[[], Answer]) -> Answer:
    try:
        return probe()
    except Exception as error:  # a defect in one probe hides no other
        return Answer(works=False, detail=told(error))


def _opens(one: Watched) -> bool | None:
    """Whether the account with which the environment's SIP looks people up is let in, as at each sign-in."""
    name = EnvironmentName.parse(one.slug)
    try:
        password = doors.environment_secrets(one.slug).directory_password
        return doors.directory().opens(doors.directory().search_dn(name), password)
    except (RetryableError, InvalidInputError):  # the directory is down, which has a probe of its own, or no secrets
        return None


def _usage(one: Watched) -> RepositoryUsage | None:
    try:
        return doors.runtime().repository_usage(EnvironmentName.parse(one.slug))
    except ImplantaError:  # a host that is down shows in the page
        return None
