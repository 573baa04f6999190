"""Telling prefeituras of the night in which their environment stands still, once it is sure enough to be told."""

from pydantic import JsonValue
from slugify import slugify

from domain.campaign.facts import EnvironmentFacts
from domain.campaign.plan import PlannedUnit
from domain.change import Change
from domain.environment import EnvironmentName
from domain.message import Event, message_key
from tasks import doors
from tasks.messages import put_in_queue, withdraw

_LONGEST_PART = 60


def announce_night(campaign: str, release: str, unit: PlannedUnit, environment: EnvironmentFacts) -> Change:
    """Queue the message of an environment's window, once; another window corrects the entry in people's calendars."""
    name = EnvironmentName.parse(unit.environment)
    ibge = doors.registry().find_municipality(name.municipality).ibge
    key = message_key(Event.JANELA_MANUTENCAO, ibge, name.purpose.value, slugify(campaign)[:_LONGEST_PART])
    variables: dict[str, JsonValue] = {
        "ambiente": name.purpose.label,
        "pagina": f"{doors.edge().url(name)}/sei",
        "motivo": f"Atualização do SEI para a versão {release}.",
        "inicio": unit.begins_at.isoformat(),
        "fim": environment.closes_at(unit.night).isoformat(),
    }
    told = [one for one in doors.registry().messages(ibge) if one.key.partition("#")[0] == key]
    if told and told[-1].variables["inicio"] == variables["inicio"]:
        return Change(unchanged=1)
    withdraw(ibge, [one.key for one in told])
    return put_in_queue(name.municipality, Event.JANELA_MANUTENCAO, f"{key}#{len(told)}" if told else key, variables)
