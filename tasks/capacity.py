"""How large an environment is, and on which database server a new one goes."""

from blocks.catalog import Catalog
from domain.environment import EnvironmentName
from domain.municipality import Municipality
from domain.placement import Demand, Placed, Placement, choose_server
from domain.plan import Plan, choose_plan
from domain.sizing import Sizing, size_environment
from registry.records import ContractRecord
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
    catalog, registry = Catalog(), doors.registry()
    rules = catalog.sizing()
    records, contracts = registry.list_environments(), registry.contracts()
    for record in records:
        if record.slug == environment.slug:
            kept = f"servidor de banco: {record.database_server}, onde o ambiente já está"
            return Placement(server=record.database_server, reasons=(kept,))
    municipalities = {municipality.ibge: municipality for municipality in registry.list_municipalities()}

    def demand(name: EnvironmentName, ibge: str) -> Demand:
        plan = plan_of(municipalities[ibge], contracts.get(ibge))
        return Demand.of(name, size_environment(plan, name.purpose, rules))

    placed = [
        Placed(server=record.database_server, demand=demand(EnvironmentName.parse(record.slug), record.ibge))
        for record in records
    ]
    mine = registry.find_municipality(environment.municipality)
    servers = [server.capacity(name) for name, server in doors.mariadb_servers().items()]
    return choose_server(demand(environment, mine.ibge), servers, placed)


def plan_of(municipality: Municipality, contract: ContractRecord | None) -> Plan:
    """What was contracted, or what the price table gives.

    Raises:
        InvalidInputError: the population has no plan in the table, and none was negotiated.
    """
    # An environment may be asked for before its contract is entered: then the price table speaks.
    return contract.plan if contract else choose_plan(municipality.population, Catalog().plans())
