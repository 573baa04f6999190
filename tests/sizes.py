"""The sizes of an environment, as the product derives them from the catalog."""

from blocks.catalog import Catalog
from domain.environment import Purpose
from domain.plan import Plan
from domain.runtime_resources import RuntimeResources
from domain.sizing import size_environment


def resources_for(plan: Plan) -> RuntimeResources:
    """The sizes of a production environment of this plan."""
    return RuntimeResources.of(size_environment(plan, Purpose.PRODUCAO, Catalog().sizing()), files_gb=20)
