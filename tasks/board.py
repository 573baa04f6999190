"""What the board needs of each night: how much there is in every production, and the board's tables in Prefect."""

from datetime import date

from blocks.sei_use import SeiUse
from blocks.settings import load_settings
from domain.board.board import Board
from domain.board.tables import board_markdown
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.use_count import USE_COUNTED
from registry.board import BoardReader
from tasks import clock, doors
from tasks.board_reading import read_board
from tasks.history import ACTOR
from tasks.inspection import publish_markdown
from tasks.instance import load_instance
from tasks.neighbourhood import list_delivered
from tasks.step import step


def productions() -> list[str]:
    """The productions in service, by slug."""
    return [slug for slug in list_delivered() if EnvironmentName.parse(slug).purpose is Purpose.PRODUCAO]


@step("contagem de uso")
def count_use(environment: str, day: date) -> Change:
    """Count the users, processes and documents of a production for the board, once a day."""
    instance = load_instance(environment)
    found = SeiUse(instance.server, instance.name).count_all()
    is_new = doors.registry().record_event(
        USE_COUNTED,
        ibge=instance.municipality.ibge,
        environment=environment,
        actor=ACTOR,
        details=found.model_dump(mode="json"),
        key=f"{USE_COUNTED}:{environment}:{day}",
    )
    return Change(created=1) if is_new else Change(unchanged=1)


@step("painel da frota")
def publish_board(day: date) -> Board:
    """Publish the board's tables, as its own pages show them."""
    settings = load_settings()
    reader = BoardReader(settings.board_registry_url or settings.registry_url)
    try:
        board = read_board(reader, clock.now())
    finally:
        reader.dispose()
    publish_markdown("painel", board_markdown(board), f"Painel da frota em {day:%d/%m/%Y}")
    return board
