"""From what was seen to answers, good or bad."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from domain.backup.sizes import shown_size
from domain.monitoring.facts import Expectation, Fleet, PageSeen, Seen, ServerFigures, Watched
from domain.monitoring.rules import EXPLAINED_BY, OF_SERVER, MonitoringRule, Probe
from domain.monitoring.state import Observation
from domain.quota import GIGABYTE
from domain.report import first_of

_OF_ALL = "principal"


def subject_of(probe: Probe, name: str = _OF_ALL) -> str:
    """The subject of a shared system's states: `banco/principal`."""
    return f"{probe.value}/{name}"


def judge(fleet: Fleet, seen: Seen, rule: MonitoringRule, now: datetime) -> list[Observation]:
    """Every answer of a sweep, without those that something below them explains."""
    answers = [*_shared(seen, rule), *_servers(seen, rule), _sweep(fleet, seen)]
    broken = {answer.subject for answer in answers if answer.bad}
    for environment in fleet.watched:
        answers += _unexplained(environment, _environment(environment, seen, rule, now), broken)
    return answers


def _unexplained(environment: Watched, answers: Iterable[Observation], broken: set[str]) -> Iterator[Observation]:
    for answer in answers:
        below = EXPLAINED_BY.get(answer.probe, ())
        subjects = {subject_of(probe, environment.server if probe in OF_SERVER else _OF_ALL) for probe in below}
        if not (answer.bad and subjects & broken):
            yield answer


def _shared(seen: Seen, rule: MonitoringRule) -> Iterator[Observation]:
    for code, answer in seen.shared.items():
        probe = Probe(code)
        passed = answer.value is not None and answer.value > rule.limit(probe)
        yield Observation.of(
            subject_of(probe), probe, good=answer.works and not passed, value=answer.value, detail=answer.detail
        )


def _sweep(fleet: Fleet, seen: Seen) -> Observation:
    unreached = fleet.unreached(seen)
    return Observation.of(
        subject_of(Probe.SWEEP),
        Probe.SWEEP,
        good=not unreached,
        value=seen.seconds,
        detail=f"não alcançados no prazo: {first_of(unreached)}" if unreached else f"{len(fleet.watched)} ambientes",
    )


def _servers(seen: Seen, rule: MonitoringRule) -> Iterator[Observation]:
    for name, figures in seen.servers.items():
        if isinstance(figures, str):
            yield Observation.of(subject_of(Probe.DATABASE, name), Probe.DATABASE, good=False, detail=figures)
            continue
        yield from _server(name, figures, seen.storage_gb.get(name), rule)


def _server(name: str, figures: ServerFigures, storage_gb: int | None, rule: MonitoringRule) -> Iterator[Observation]:
    used = 100 * figures.connections / max(figures.max_connections, 1)
    yield Observation.of(
        subject_of(Probe.DATABASE, name),
        Probe.DATABASE,
        good=used <= rule.limit(Probe.DATABASE),
        value=used,
        detail=f"{figures.connections} de {figures.max_connections} conexões",
    )
    if figures.replicates:
        lag = figures.lag_seconds
        yield Observation.of(
            subject_of(Probe.REPLICATION, name),
            Probe.REPLICATION,
            good=lag is not None and lag <= rule.limit(Probe.REPLICATION),
            value=lag,
            detail="a réplica está parada" if lag is None else f"{lag} s de atraso",
        )
    if fullness := _fullness(figures, storage_gb):
        full, detail = max(fullness)
        yield Observation.of(
            subject_of(Probe.DISK, name), Probe.DISK, good=full <= rule.limit(Probe.DISK), value=full, detail=detail
        )


def _fullness(figures: ServerFigures, storage_gb: int | None) -> list[tuple[float, str]]:
    """How full each real disk is, and what is declared of it by what the environments take, in percent and in words."""
    found = [
        (disk.percent, f"{disk.percent:.0f} % do disco em {disk.path}, restam {shown_size(disk.free_bytes)}")
        for disk in figures.disks
    ]
    if storage_gb is not None:
        full = 100 * figures.stored_bytes / (storage_gb * GIGABYTE)
        found.append((full, f"os bancos ocupam {full:.0f} % dos {storage_gb} GB declarados"))
    return found


def _environment(one: Watched, seen: Seen, rule: MonitoringRule, now: datetime) -> Iterator[Observation]:
    if one.expectation is not Expectation.CLOSED:
        if one.slug in seen.pages:
            yield from _page(one, seen.pages[one.slug], rule, now)
        figures = seen.servers.get(one.server)
        if isinstance(figures, ServerFigures):
            yield from _figures(one, figures, rule, now)
        if one.slug in seen.sign_ins:
            opens = seen.sign_ins[one.slug]
            detail = "" if opens else "o LDAP recusa a conta de busca do SIP: ninguém entra"
            yield Observation.of(one.slug, Probe.SIGN_IN, good=opens, detail=detail)
    if one.slug in seen.quotas:
        quota = seen.quotas[one.slug]
        good = quota.percent <= rule.limit(Probe.QUOTA)
        yield Observation.of(one.slug, Probe.QUOTA, good=good, value=quota.percent, detail=quota.detail)


def _page(one: Watched, page: PageSeen, rule: MonitoringRule, now: datetime) -> Iterator[Observation]:
    if page.certificate_problem:
        yield Observation.of(one.slug, Probe.CERTIFICATE, good=False, detail=page.certificate_problem)
    elif page.certificate_until is not None:
        days = (page.certificate_until - now) / timedelta(days=1)
        good = days >= rule.limit(Probe.CERTIFICATE)
        detail = f"vale por mais {days:.0f} dia(s)"
        yield Observation.of(one.slug, Probe.CERTIFICATE, good=good, value=days, detail=detail)
    answers = page.signs_in or (page.maintenance and one.expectation is Expectation.BEFORE_LIVE)
    slow = page.seconds > rule.limit(Probe.PAGE)
    if answers:
        detail = f"{page.seconds:.1f} s até a página de entrada"
    else:
        detail = page.problem or "a página de manutenção, sem que ninguém a tenha pedido"
    yield Observation.of(one.slug, Probe.PAGE, good=answers and not slow, value=page.seconds, detail=detail)


def _figures(one: Watched, server: ServerFigures, rule: MonitoringRule, now: datetime) -> Iterator[Observation]:
    figures = server.environments.get(one.slug)
    if figures is None:
        return
    missing = f"{one.database_sei} ou {one.database_sip} falta no servidor {one.server}, ou não se lê"
    detail = "" if figures.present else missing
    yield Observation.of(one.slug, Probe.SCHEMAS, good=figures.present, detail=detail)
    if not figures.present:
        return
    yield from _scheduler(one, figures.heartbeat_seconds, rule, now)
    if one.plan is None:
        return
    for probe, used, limit in (
        (Probe.CONCURRENT, figures.concurrent_users, one.plan.concurrent_users),
        (Probe.USERS, figures.users, one.plan.users),
    ):
        if used is not None:
            good = 100 * used <= limit * rule.limit(probe)
            yield Observation.of(one.slug, probe, good=good, value=used, detail=f"{used} de {limit} do plano")


def _scheduler(one: Watched, age_seconds: int | None, rule: MonitoringRule, now: datetime) -> Iterator[Observation]:
    limit = rule.limit(Probe.SCHEDULER)
    # The reference brings a sign of life of its own, years old: a new environment has had no turn yet.
    is_young = one.created_at is not None and now - one.created_at < timedelta(minutes=limit)
    if is_young and (age_seconds is None or age_seconds > limit * 60):
        return
    if age_seconds is None:
        yield Observation.of(one.slug, Probe.SCHEDULER, good=False, detail="o agendador nunca deu sinal de vida")
        return
    minutes = age_seconds / 60
    yield Observation.of(
        one.slug,
        Probe.SCHEDULER,
        good=minutes <= limit,
        value=minutes,
        detail=f"último sinal de vida há {minutes:.0f} minuto(s)",
    )
