"""The environments of a database server that is lost, found and moved to another; `tasks.restore` does the rest."""

from collections.abc import Sequence

from blocks.mariadb import MariaDBServer
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import GateClosedError, IntegrityError, InvalidInputError, RetryableError
from domain.rebuild import RebuildReport, in_order_of_rebuilding
from registry import EnvironmentRecord
from tasks import doors
from tasks.backup_night import candidates
from tasks.capacity import require_room
from tasks.inspection import publish_markdown
from tasks.instance import load_instance
from tasks.maintenance import require_impersonal
from tasks.restoration import last_restoration, require_begun
from tasks.step import step


@step("ambientes do servidor perdido")
def plan_rebuild(
    server: str, on: str, confirmation: str, role: str, reason: str, only: Sequence[str] | None
) -> tuple[str, ...]:
    """Whose turn it is, in order: the environments that are still there, and those that a killed run did not finish.

    Raises:
        InvalidInputError: there is no such server, the two are one, an environment is not of it, or the other server
            has no room for all.
        GateClosedError: the server's name was not typed again, or it still has an environment's databases.
        RetryableError: the other server does not answer.
    """
    require_impersonal(server, role, reason)
    servers = doors.mariadb_servers()
    for name in (server, on):
        if name not in servers:
            raise InvalidInputError(
                f"O servidor {name} não está cadastrado", "blocos do Prefect", f"Há estes: {', '.join(servers)}."
            )
    if server == on:
        raise InvalidInputError("Os dois servidores são o mesmo", server, "Dê em --on o servidor que os recebe.")
    servers[on].probe()
    names = in_order_of_rebuilding(candidates([name for name in _of_server(server) if not only or name in only]))
    if strangers := set(only or ()) - set(names):
        raise InvalidInputError(
            f"Não são ambientes deste servidor: {', '.join(sorted(strangers))}", server, "Confira os nomes."
        )
    for name in names:
        _refuse_if_there(servers[server], load_instance(name).record, server)
    require_room(on, names)
    if confirmation != server:
        raise GateClosedError(
            f"{len(names)} ambientes seriam restaurados em {on}, da última cópia provada de cada um:"
            f" {', '.join(names) or 'nenhum'}",
            server,
            f"Se o servidor está mesmo perdido, repita com --confirm {server}.",
        )
    return names


def _of_server(server: str) -> list[str]:
    found = []
    for candidate in candidates(None):
        instance = load_instance(candidate.environment)
        restoration = last_restoration(instance)
        unfinished = restoration is not None and not restoration.finished and restoration.lost_server == server
        if candidate.server == server or unfinished:
            found.append(candidate.environment)
    return found


def _refuse_if_there(lost: MariaDBServer, record: EnvironmentRecord, server: str) -> None:
    """Two servers with one environment's data would both be written to, each by somebody."""
    try:
        present = lost.list_databases(EnvironmentName.parse(record.slug).database_user + "_")
    except RetryableError:
        return
    if record.database_server == server and record.database_sei in present:
        raise GateClosedError(
            f"O servidor responde e ainda tem os bancos de {record.slug}: não está perdido",
            server,
            f"Para voltar a uma cópia nele mesmo, use ./implanta backup restore {record.slug}.",
        )


@step("mudança de servidor")
def move_to_server(environment: str, on: str) -> Change:
    """Let the registry say that the environment's databases are on another server from now on.

    Raises:
        IntegrityError: it belongs to a server that nobody said is lost.
    """
    instance = load_instance(environment)
    if instance.record.database_server == on:
        return Change(unchanged=1)
    if instance.record.database_server != require_begun(instance).lost_server:
        raise IntegrityError(
            f"O registro diz que o ambiente está em {instance.record.database_server}", environment, "Confira o nome."
        )
    change = doors.registry().ensure_environment(instance.record.model_copy(update={"database_server": on}))
    return change.model_copy(update={"details": (f"servidor de banco: {instance.record.database_server} → {on}",)})


@step("resultado da reconstrução")
def publish_rebuild(server: str, report: RebuildReport) -> None:
    """Publish the table of the drill, or of the day on which it was none."""
    publish_markdown(f"reconstrucao-{server}", report.markdown(), f"Servidor {server} reconstruído em {report.on}")
