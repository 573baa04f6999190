"""How large an environment is, and on which database server a new one goes."""

from collections.abc import Iterable, Mapping

from blocks.catalog import Catalog
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError
from domain.municipality import Municipality
from domain.placement import Demand, Placed, Placement, beyond, choose_server
from domain.plan import Plan, choose_plan
from domain.sizing import Sizing, size_environment
from registry.records import ContractRecord, EnvironmentRecord
from tasks import doors
from tasks.instance import Instance


def size_of(instance: Instance) -> Sizing:
    """Every limit of one environment, from the plan that its municipality contracted."""
    return size_for(instance.name)


def size_for(environment: EnvironmentName) -> Sizing:
    """Every limit of an environment that need not exist yet."""
    municipality = doors.registry().find_municipality(environment.municipality)
    contract = doors.registry().contract(municipality.ibge)
    return size_environment(plan_of(municipality, contract), environment.purpose, Catalog().sizing())


def place(environment: EnvironmentName) -> Placement:
    """The server for an environment: its own, if it has one, or else the one that the rule chooses.

    Raises:
        InvalidInputError: no server takes it; the message names each and why.
    """
    records = doors.registry().list_environments()
    for record in records:
        if record.slug == environment.slug:
            kept = f"servidor de banco: {record.database_server}, onde o ambiente já está"
            return Placement(server=record.database_server, reasons=(kept,))
    mine = doors.registry().find_municipality(environment.municipality)
    servers = [server.capacity(name) for name, server in doors.mariadb_servers().items()]
    demands = _demands(
        [*((EnvironmentName.parse(record.slug), record.ibge) for record in records), (environment, mine.ibge)]
    )
    return choose_server(demands[environment], servers, _placed(records, demands))


def require_room(server: str, arriving: Iterable[str]) -> None:
    """Refuse to move environments to a server that would hold more than its block says.

    Raises:
        InvalidInputError: it would; the message names each limit.
    """
    records = doors.registry().list_environments()
    demands = _demands([(EnvironmentName.parse(record.slug), record.ibge) for record in records])
    coming = [demands[EnvironmentName.parse(slug)] for slug in arriving]
    capacity = doors.mariadb_server(server).capacity(server)
    if broken := beyond(capacity, coming, _placed(records, demands)):
        raise InvalidInputError(
            f"O servidor {server} ficaria com {', '.join(broken)}",
            f"bloco implanta-mariadb/{server}",
            "Mude só uma parte com --only e o resto para outro servidor, ou aumente no bloco o que este aguenta.",
        )


def _demands(environments: Iterable[tuple[EnvironmentName, str]]) -> dict[EnvironmentName, Demand]:
    """What each environment, with its municipality's IBGE code, asks of its server."""
    rules, contracts = Catalog().sizing(), doors.registry().contracts()
    municipalities = {municipality.ibge: municipality for municipality in doors.registry().list_municipalities()}
    return {
        name: Demand.of(name, size_environment(plan_of(municipalities[ibge], contracts.get(ibge)), name.purpose, rules))
        for name, ibge in environments
    }


def _placed(records: Iterable[EnvironmentRecord], demands: Mapping[EnvironmentName, Demand]) -> list[Placed]:
    return [
        Placed(server=record.database_server, demand=demands[EnvironmentName.parse(record.slug)]) for record in records
    ]


def plan_of(municipality: Municipality, contract: ContractRecord | None) -> Plan:
    """What was contracted, or what the price table gives.

    Raises:
        InvalidInputError: the population has no plan in the table, and none was negotiated.
    """
    # An environment may be asked for before its contract is entered: then the price table speaks.
    return contract.plan if contract else choose_plan(municipality.population, Catalog().plans())
