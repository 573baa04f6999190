"""The fleet's nights of backups: who is due, whom nobody backed up, and what operators are told."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from slugify import slugify

from blocks.catalog import Catalog
from domain.backup.certificate import BackupCertificate
from domain.backup.cost import BackupCost
from domain.backup.drill import DrillReport
from domain.backup.night import Candidate, NightForecast, NightReport
from domain.calendar import BRASILIA, local_day, local_moment
from domain.change import Change
from domain.environment import EnvironmentName
from domain.message import Event, message_key
from domain.retirement import Standing, retirement_of
from registry import EnvironmentRecord
from tasks import doors
from tasks.backup_cycle import back_up, drop_expired, lock_name
from tasks.backup_history import backups_of, newest_proved
from tasks.inspection import publish_markdown
from tasks.instance import happenings, load_any_instance, load_instance
from tasks.messages import put_in_queue
from tasks.step import step


@step("cópia provada")
def back_up_environment(environment: str) -> BackupCertificate:
    """One environment's backup of the night, proved; one that is refused is told to the programme's team."""
    certificate = back_up(load_instance(environment))
    if not certificate.proved:
        reasons = [str(finding) for finding in certificate.findings]
        _alert(environment, "recusada", reasons, certificate.backup.sha256)
    return certificate


def newest_certificate(environment: str) -> BackupCertificate | None:
    """What the registry knows of an environment's last backup."""
    return next((one.certificate for one in reversed(backups_of(load_instance(environment))) if one.certificate), None)


def candidates(wanted: Sequence[str] | None) -> tuple[Candidate, ...]:
    """The given environments, or every one that is in use, each with what its last backup tells of the next."""
    rule = Catalog().backup().night
    found = []
    for record in _fleet(wanted):
        good = newest_proved(record)
        found.append(
            Candidate(
                environment=record.slug,
                purpose=EnvironmentName.parse(record.slug).purpose,
                server=record.database_server,
                proved_at=good.backup.taken_at if good else None,
                expected_seconds=good.whole_seconds if good else rule.expected_seconds,
            )
        )
    return tuple(found)


def environments_in_use(wanted: Sequence[str] | None) -> list[str]:
    """The given environments, or those that hold somebody's data."""
    return [record.slug for record in _fleet(wanted)]


def _fleet(wanted: Sequence[str] | None) -> list[EnvironmentRecord]:
    """The given environments, or those that hold somebody's data."""
    if wanted is not None:
        return [load_instance(name).record for name in dict.fromkeys(wanted)]
    return [
        record
        for record in doors.registry().list_environments()
        if record.reference_digest is not None
        and retirement_of(happenings(record.ibge, record.slug)).standing is Standing.ACTIVE
    ]


def environments_out_of_use() -> list[str]:
    """Those on their way out or destroyed, of which backups are left."""
    return [
        record.slug
        for record in doors.registry().list_environments()
        if retirement_of(happenings(record.ibge, record.slug)).standing is not Standing.ACTIVE
        and backups_of(load_any_instance(record.slug))
    ]


@step("cópias vencidas")
def drop_old_backups(environment: str) -> Change:
    """Remove what has had its time of an environment that is backed up no more; of a destroyed one, the last too."""
    instance = load_any_instance(environment)
    standing = retirement_of(happenings(instance.municipality.ibge, environment)).standing
    with doors.registry().lock(lock_name(instance)):
        return drop_expired(instance, keep_last=standing is not Standing.DESTROYED)


@step("previsão da noite")
def publish_night_forecast(day: date, forecast: NightForecast) -> None:
    """Say before the first backup when the last will be done, and who will not be in time."""
    end = f"{forecast.window_ends_at.astimezone(BRASILIA):%H:%M}"
    finish = f"{forecast.finishes_at.astimezone(BRASILIA):%H:%M}"
    lines = [f"# Previsão da noite de cópias\n\nTermina às {finish}; a janela vai até {end}."]
    if not forecast.fits:
        lines += [
            f"\n**Não cabe na janela:** {len(forecast.late)} ambientes ficariam para depois das {end}. Aumente a janela"
            " ou as cópias simultâneas em catalog/backup.yaml, ou mude ambientes para outro servidor.\n",
            *(f"- {name}" for name in forecast.late),
        ]
    publish_markdown("previsao-das-copias", lines, f"Cópias da noite de {day:%d/%m/%Y}: termina às {finish}")


@step("resultado da noite")
def publish_night(day: date, report: NightReport) -> None:
    """Publish the table of the night."""
    publish_markdown("copias-da-noite", report.markdown(), f"Cópias da noite de {day:%d/%m/%Y}")


@step("cópias em falta")
def alert_of_missing(now: datetime) -> tuple[str, ...]:
    """Tell the programme's team of every environment without a recent proved backup, whyever there is none.

    It looks at what is there, not at what ran: a night that never began is seen as well. Each is told once a day.
    """
    limit = timedelta(hours=Catalog().backup().night.late_after_hours)
    missing = []
    for record in _fleet(None):
        good = newest_proved(record)
        since = good.backup.taken_at if good else record.created_at
        if since is None or now - since <= limit:
            continue
        hours = (now - since) / timedelta(hours=1)
        reason = f"Sem cópia provada há {hours:.0f} horas."
        _alert(record.slug, "em falta", [reason], f"{local_day(now):%Y%m%d}")
        missing.append(record.slug)
    lines = ["# Cópias em falta\n", *(f"- {name}" for name in missing)] if missing else ["# Nenhuma cópia em falta"]
    publish_markdown("copias-em-falta", lines, f"{len(missing)} ambientes sem cópia provada recente")
    return tuple(missing)


def _alert(environment: str, situation: str, reasons: Sequence[str], key: str) -> Change:
    instance = load_instance(environment)
    good = newest_proved(instance.record)
    last = local_moment(good.backup.taken_at) if good else "nenhuma"
    return put_in_queue(
        instance.name.municipality,
        Event.ALERTA_COPIA,
        message_key(
            Event.ALERTA_COPIA, instance.municipality.ibge, instance.name.purpose.value, slugify(situation), key
        ),
        {
            "ambiente": instance.name.purpose.label,
            "situacao": situation,
            "ultima": last,
            "motivos": list(reasons[:10]),
        },
    )


def costs() -> tuple[BackupCost, ...]:
    """What every environment's backups take in S3, the largest first."""
    rule = Catalog().backup().keeping
    found = [
        BackupCost.of(
            record.slug, backups_of(load_any_instance(record.slug)), rule[EnvironmentName.parse(record.slug).purpose]
        )
        for record in doors.registry().list_environments()
    ]
    return tuple(sorted(found, key=lambda one: (-one.stored_bytes, one.environment)))


def environments_to_drill(wanted: Sequence[str] | None, day: date) -> list[str]:
    """The given environments, or a few of those with a proved backup: others each month."""
    if wanted is not None:
        return [EnvironmentName.parse(name).slug for name in wanted]
    able = sorted(record.slug for record in _fleet(None) if newest_proved(record))
    number = Catalog().backup().drill_environments
    first = (day.year * 12 + day.month) * number
    return list(dict.fromkeys(able[(first + place) % len(able)] for place in range(number))) if able else []


@step("resultado do exercício")
def publish_drill(day: date, report: DrillReport) -> None:
    """Publish what was damaged, and what was seen."""
    publish_markdown("exercicio-das-copias", report.markdown(), f"Exercício das cópias de {day:%d/%m/%Y}")
