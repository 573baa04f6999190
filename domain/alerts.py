"""What the orchestrator itself watches, of whose runs: `catalog/alerts.yaml`."""

from pydantic import Field, PositiveInt

from domain.catalog_entry import CatalogEntry


class AlertRule(CatalogEntry):
    """The deployments whose silence, and whose failure, is told to the programme's team."""

    silent_after_hours: PositiveInt = Field(alias="sem_noticia_apos_horas")
    silent: tuple[str, ...] = Field(alias="sem_noticia", min_length=1)
    silent_minutes: dict[str, PositiveInt] = Field(alias="sem_noticia_apos_minutos", default_factory=dict)
    """Of routines that run all day: after how many minutes without one that came to its end they are silent."""
    verifying: tuple[str, ...] = Field(alias="conferencias", min_length=1)

    @property
    def named(self) -> frozenset[str]:
        """Every deployment that the rule speaks of."""
        return frozenset((*self.silent, *self.silent_minutes, *self.verifying))
