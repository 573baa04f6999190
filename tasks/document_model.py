"""The document model of one environment: what its layers declare, what applying them would change, applying them."""

from contextlib import AbstractContextManager
from pathlib import Path

from blocks.model_export import write_layer
from blocks.model_files import client_of, load_model
from blocks.rehearsal import is_rehearsal
from blocks.sei_model import Outcome, SeiModel
from domain.change import Change
from domain.document_model.drift import ModelDrift, judge_drift
from domain.document_model.export import export_model
from domain.document_model.memory import Memory
from domain.document_model.model import Model, layer_names
from domain.document_model.plan import ModelPlan, PlanReport, report_plan
from domain.municipality import Municipality
from tasks import doors
from tasks.instance import Instance, load_instance
from tasks.live import has_gone_live
from tasks.neighbourhood import list_delivered
from tasks.step import step

LOCK_WAIT_SECONDS = 60


def layers_of(municipality: Municipality) -> tuple[str, ...]:
    """The layers of a client, the most general first."""
    contract = doors.registry().contract(municipality.ibge)
    return layer_names(
        client=client_of(municipality.slug),
        uf=municipality.uf,
        faixa=contract.plan.faixa if contract else None,
        slug=municipality.slug,
    )


def effective_model(environment: str) -> tuple[tuple[str, ...], Model]:
    """The layers of an environment, and the model that they declare together."""
    names = layers_of(load_instance(environment).municipality)
    return names, load_model(names)


@step("modelo de documentos")
def ensure_document_model(environment: str) -> Change:
    """Apply the catalog's document model; once live, only an operator changes it, with a plan that was read."""
    was_applied = doors.registry().model_memory(environment).was_applied
    if was_applied and has_gone_live(load_instance(environment).municipality.ibge):
        return Change()
    return _apply(environment, None).plan.change


@step("plano do modelo")
def plan_document_model(environment: str) -> PlanReport:
    """What applying the model would change now, entry by entry; nothing is written."""
    return report_plan(environment, _plan(environment))


@step("aplicação do modelo")
def apply_document_model(environment: str, digest: str | None = None) -> PlanReport:
    """Apply the model, and only the plan of this digest where one is given; what was done."""
    return report_plan(environment, _apply(environment, digest).plan)


@step("desvio do modelo")
def inspect_document_model(environment: str) -> ModelDrift:
    """How far the environment is from its model: missing, changed, local."""
    return judge_drift(environment, _plan(environment))


def model_lock(environment: str) -> AbstractContextManager[None]:
    """What whoever changes an environment's document model holds."""
    return doors.registry().lock(f"modelo:{environment}", wait_seconds=LOCK_WAIT_SECONDS)


def export_document_model(environment: str, folder: Path) -> list[Path]:
    """Write the environment's own model as the files of a layer; the files.

    Raises:
        InvalidInputError: the folder already holds a layer.
    """
    found = _model(load_instance(environment)).read()
    about = f"Exportado de {environment}; revise antes de usar."
    return write_layer(folder, export_model(found.current, found.units), about)


@step("ambientes com modelo")
def list_seeded(fleet: str = "frota") -> list[str]:  # noqa: ARG001  # names the run, as every step's first argument
    """The environments in service whose model was applied."""
    return [slug for slug in list_delivered() if doors.registry().model_memory(slug).was_applied]


def _model(instance: Instance) -> SeiModel:
    return SeiModel(instance.server, instance.name)


def _plan(environment: str) -> ModelPlan:
    instance = load_instance(environment)
    memory = doors.registry().model_memory(environment)
    return _model(instance).plan(load_model(layers_of(instance.municipality)), memory.applied, memory.before).plan


def _apply(environment: str, digest: str | None) -> Outcome:
    instance, registry = load_instance(environment), doors.registry()
    with model_lock(environment):
        memory = registry.model_memory(environment)
        if not memory.before and not is_rehearsal():
            # Before anything is written: after a kill nobody could tell any more what came with the release.
            memory = Memory().after({}, _model(instance).read().current)
            registry.remember_model(environment, memory)
        outcome = _model(instance).apply(
            load_model(layers_of(instance.municipality)), memory.applied, memory.before, digest=digest
        )
        # A run that is killed in between finds everything as declared and remembers it then.
        if not is_rehearsal():
            registry.remember_model(environment, memory.after(outcome.wanted, outcome.instance.current))
    return outcome
