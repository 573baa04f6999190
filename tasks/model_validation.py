"""Whether a seeded instance holds what every suite of the document model demands."""

from pydantic import JsonValue

from blocks.model_files import load_model
from blocks.rehearsal import is_rehearsal
from blocks.suite_rows import read_suite_rows
from domain.change import Change
from domain.document_model.model import name_key
from domain.document_model.suites import Expected, expected_entries, key_text
from domain.document_model.verdict import ModelVerdict
from tasks import clock, doors
from tasks.document_model import layers_of, model_lock
from tasks.environment_events import tell_event
from tasks.instance import Instance, load_instance
from tasks.step import step
from tasks.units import brought_units, units_lock

VALIDATED = "model.validated"
_KEPT = 100


@step("validação do modelo")
def validate_document_model(environment: str) -> ModelVerdict:
    """Judge the instance by every suite and remember the verdict, whatever it is."""
    return _validate(load_instance(environment))


@step("modelo válido")
def require_valid_model(environment: str) -> Change:
    """Judge the instance, unless the model that was applied last passed before.

    Raises:
        IntegrityError: an entry of the programme breaks a rule.
    """
    instance = load_instance(environment)
    if _passed_before(instance) or is_rehearsal():
        return Change(unchanged=1)
    _validate(instance).raise_if_wrong()
    return Change(unchanged=1)


def _validate(instance: Instance) -> ModelVerdict:
    from blocks.expectations import judge_suites  # noqa: PLC0415  # importing its library takes seconds

    expected = expected_entries(load_model(layers_of(instance.municipality)))
    expected["unidades"] = {key_text((name_key(sigla),)): Expected(sigla, False) for sigla in brought_units(instance)}
    # Nothing is judged while it is written.
    with model_lock(instance.name.slug), units_lock(instance.name.slug):
        digest = _applied(instance)
        with (
            instance.server.transaction(instance.name.database_sei) as sei,
            instance.server.transaction(instance.name.database_sip) as sip,
        ):
            rows = read_suite_rows(sei, sip)
    verdict = ModelVerdict(
        environment=instance.name.slug,
        digest=digest,
        judged_at=clock.now(),
        suites=judge_suites(rows, expected),
    )
    tell_event(instance, VALIDATED, _remembered(verdict))
    return verdict


def _applied(instance: Instance) -> str:
    return doors.registry().model_memory(instance.name.slug).digest


def _passed_before(instance: Instance) -> bool:
    """Whether the newest verdict is a good one, of what was applied last."""
    last = doors.registry().newest_event(VALIDATED, ibge=instance.municipality.ibge, environment=instance.name.slug)
    if last is None:
        return False
    return bool(last.details["passed"]) and last.details["digest"] == _applied(instance)


def _remembered(verdict: ModelVerdict) -> dict[str, JsonValue]:
    """Counts of every suite, and what of the programme's broke a rule: how a prefeitura calls its own stays there."""
    return {
        "passed": verdict.passed,
        "digest": verdict.digest,
        "suites": [
            {
                "suite": suite.name,
                "rows": suite.rows,
                "rules": len(suite.rules),
                "broken": suite.broken,
                "local": suite.local,
            }
            for suite in verdict.suites
        ],
        "problems": list(verdict.problems[:_KEPT]),
    }
