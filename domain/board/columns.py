"""The columns of the matrix: what programme managers ask of each prefeitura, in the order of the programme."""

from enum import StrEnum

from domain.lifecycle import Stage


class Column(StrEnum):
    """One column; its value is what addresses of the board say."""

    AMBIENTE = "ambiente"
    MAPEAMENTO = "mapeamento"
    NORMATIZACAO = "normatizacao"
    PARAMETRIZACAO = "parametrizacao"
    USUARIOS = "usuarios"
    COMUNICACAO = "comunicacao"
    CAPACITACAO = "capacitacao"
    PRODUCAO = "producao"
    ENTRADA = "entrada"

    @property
    def heading(self) -> str:
        """The heading."""
        return _HEADINGS[self]

    @property
    def activity(self) -> str:
        """The activity of `catalog/timetable.yaml` that plans it."""
        return _ACTIVITIES[self]

    @property
    def stage(self) -> Stage | None:
        """The stage of the lifecycle that ends it; None of what other facts prove."""
        return _STAGES.get(self)


_HEADINGS = {
    Column.AMBIENTE: "Ambiente",
    Column.MAPEAMENTO: "Mapeamento",
    Column.NORMATIZACAO: "Normatização",
    Column.PARAMETRIZACAO: "Parametrização",
    Column.USUARIOS: "Usuários",
    Column.COMUNICACAO: "Comunicação",
    Column.CAPACITACAO: "Capacitação",
    Column.PRODUCAO: "Produção",
    Column.ENTRADA: "Entrada",
}
_ACTIVITIES = {
    Column.AMBIENTE: "ambiente_de_treinamento",
    Column.MAPEAMENTO: "mapeamento",
    Column.NORMATIZACAO: "normatizacao",
    Column.PARAMETRIZACAO: "parametrizacao",
    Column.USUARIOS: "usuarios",
    Column.COMUNICACAO: "comunicacao",
    Column.CAPACITACAO: "capacitacao",
    Column.PRODUCAO: "ambiente_de_producao",
    Column.ENTRADA: "entrada_em_producao",
}
_STAGES = {
    Column.AMBIENTE: Stage.ENVIRONMENT_TRAINING,
    Column.PARAMETRIZACAO: Stage.SEEDING,
    Column.USUARIOS: Stage.USERS,
    Column.CAPACITACAO: Stage.TRAINING,
    Column.PRODUCAO: Stage.ENVIRONMENT_PRODUCTION,
    Column.ENTRADA: Stage.GO_LIVE,
}
