"""How the states of the probes are called where they are scraped: names and units as Prometheus wants them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from domain.monitoring.causes import scope_of
from domain.monitoring.rules import SHARED, Probe
from domain.monitoring.state import ProbeState, Verdict


class Metric(NamedTuple):
    """One gauge: its name, what it says and the labels that its samples carry."""

    name: str
    documentation: str
    labels: tuple[str, ...]


class Sample(NamedTuple):
    """One value of a gauge, with the value of each of its labels."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


_ENVIRONMENT = ("environment",)

UP = Metric("implanta_probe_up", "Se a última resposta da sonda foi boa.", ("environment", "probe"))
SHARED_UP = Metric(
    "implanta_shared_up", "Se a última resposta do que é comum a vários ambientes foi boa.", ("probe", "name")
)
INCIDENT = Metric(
    "implanta_incident_open", "Sondas com incidente aberto, pela causa e por onde ela está.", ("probe", "scope")
)
SEEN = Metric(
    "implanta_probe_seen_timestamp_seconds", "Quando o ambiente respondeu pela última vez, bem ou mal.", _ENVIRONMENT
)
LAST_SWEEP = Metric("implanta_sweep_timestamp_seconds", "Quando a última varredura terminou.", ())
WATCHED = Metric("implanta_environments_watched", "Ambientes dos quais a monitoração sabe algo.", ())

_VALUES: dict[Probe, tuple[Metric, float]] = {
    Probe.PAGE: (Metric("implanta_page_seconds", "Segundos até a página de entrada.", _ENVIRONMENT), 1),
    Probe.CERTIFICATE: (
        Metric("implanta_certificate_remaining_seconds", "Por quanto tempo o certificado ainda vale.", _ENVIRONMENT),
        86_400,
    ),
    Probe.SCHEDULER: (
        Metric("implanta_scheduler_heartbeat_age_seconds", "Idade do último sinal do agendador.", _ENVIRONMENT),
        60,
    ),
    Probe.QUOTA: (Metric("implanta_files_quota_ratio", "Parte da cota de arquivos em uso.", _ENVIRONMENT), 0.01),
    Probe.CONCURRENT: (
        Metric("implanta_concurrent_users", "Pessoas com sessão aberta no SEI.", _ENVIRONMENT),
        1,
    ),
    Probe.USERS: (Metric("implanta_users", "Usuários ativos no SEI.", _ENVIRONMENT), 1),
    Probe.DATABASE: (
        Metric("implanta_database_connections_ratio", "Parte das conexões que o servidor aceita em uso.", ("name",)),
        0.01,
    ),
    Probe.REPLICATION: (
        Metric("implanta_replication_lag_seconds", "Atraso da réplica do servidor de banco.", ("name",)),
        1,
    ),
    Probe.DISK: (
        Metric("implanta_database_disk_ratio", "Parte do disco do servidor de banco em uso.", ("name",)),
        0.01,
    ),
    Probe.MAIL: (
        Metric("implanta_mail_queue_age_seconds", "Há quanto tempo espera a mensagem mais antiga da fila.", ("name",)),
        60,
    ),
    Probe.ORCHESTRATOR: (
        Metric("implanta_late_runs_age_seconds", "Atraso da execução mais atrasada do Prefect.", ("name",)),
        60,
    ),
    Probe.SWEEP: (Metric("implanta_sweep_duration_seconds", "Quanto durou a última varredura.", ("name",)), 1),
}
"""The gauge of each probe's value, and by what its own unit is multiplied to be Prometheus'."""

METRICS = (UP, SHARED_UP, INCIDENT, SEEN, LAST_SWEEP, WATCHED, *(metric for metric, _ in _VALUES.values()))


def samples_of(states: Iterable[ProbeState]) -> Iterator[Sample]:
    """Every sample; environments are named by their slugs, and nobody else is named."""
    seen: dict[str, datetime] = {}
    incidents: dict[tuple[str, str], int] = {}
    for state in states:
        up = float(state.verdict is Verdict.GOOD)
        if state.probe in SHARED:
            name = state.subject.rpartition("/")[2]
            yield Sample(SHARED_UP, (state.probe.value, name), up)
            if state.probe is Probe.SWEEP:
                yield Sample(LAST_SWEEP, (), state.seen_at.timestamp())
        else:
            name = state.subject
            yield Sample(UP, (name, state.probe.value), up)
            seen[name] = max(seen.get(name, state.seen_at), state.seen_at)
        if state.incident is not None:
            key = state.probe.value, scope_of(state.incident, state)
            incidents[key] = incidents.get(key, 0) + 1
        if state.value is not None and state.probe in _VALUES:
            metric, factor = _VALUES[state.probe]
            yield Sample(metric, (name,), state.value * factor)
    for key, number in incidents.items():
        yield Sample(INCIDENT, key, number)
    for name, at in seen.items():
        yield Sample(SEEN, (name,), at.timestamp())
    yield Sample(WATCHED, (), len(seen))
