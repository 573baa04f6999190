"""The environments of a lost database server, each from its last proved backup, on another server."""

from time import monotonic
from typing import Annotated

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from domain.environment import EnvironmentName
from domain.rebuild import RebuildReport
from domain.report import StepResult
from domain.restoration import RestoreReport
from flows.forms import asked
from flows.restore_environment import bring_back
from flows.stage import at_most, one_heartbeat, results_of, tagged
from tasks.history import exclusive
from tasks.rebuild import move_to_server, plan_rebuild, publish_rebuild
from tasks.restore_begin import begin_restoration

AT_ONCE = 2
# The other environment of a municipality may have its turn at this moment.
WAIT_SECONDS = 4 * 3600

Server = Annotated[
    str,
    asked("Servidor perdido", "Servidor perdido, como no bloco implanta-mariadb: principal."),
]
Other = Annotated[
    str,
    asked("Servidor que os recebe", "Servidor que recebe os ambientes."),
]
Confirmation = Annotated[
    str,
    asked("Confirmação", "Nome do servidor perdido, digitado de novo."),
]
Role = Annotated[
    str,
    asked("Papel", "Equipe ou papel de quem decide: infraestrutura. Não escreva o nome.", min_length=3),
]
Reason = Annotated[
    str,
    asked("Motivo", "Fica no registro. Não escreva nomes.", min_length=5),
]
Only = Annotated[
    list[str] | None,
    asked("Ambientes", "Só estes ambientes, como timoteo-producao; vazio: todos."),
]


@flow(name="reconstrução", flow_run_name="{server} · reconstrução em {on}", task_runner=at_most(AT_ONCE))
def rebuild_server(
    server: Server,
    on: Other,
    confirmation: Confirmation,
    role: Role = "infraestrutura",
    reason: Reason = "servidor de banco perdido",
    only: Only = None,
) -> RebuildReport:
    """Productions first; one environment's failure stops no other, and fails the run at its end."""
    started = monotonic()
    names = plan_rebuild(server, on, confirmation, role, reason, only)
    with one_heartbeat():
        runs = [rebuild_one.submit(name, server, on, role, reason) for name in names]
        results = results_of(names, runs)
    report = RebuildReport.of(server, on, results, monotonic() - started)
    publish_rebuild(server, report)
    report.raise_if_any_failed()
    return report


@task(task_run_name="reconstrução · {environment}", cache_policy=NO_CACHE)
def rebuild_one(environment: str, server: str, on: str, role: str, reason: str) -> RestoreReport:
    """One environment, moved and restored."""
    name, started = EnvironmentName.parse(environment), monotonic()
    with exclusive(name.municipality, WAIT_SECONDS), tagged(name.municipality, name.purpose):
        begun = monotonic()
        begin_restoration(environment, None, None, environment, role, reason, server)
        moved = move_to_server(environment, on)
        step = StepResult(name="mudança de servidor", change=moved, seconds=monotonic() - begun)
        return bring_back(name, (step,), started)
