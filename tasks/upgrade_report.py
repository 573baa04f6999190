"""What operators read of an upgrade."""

from collections.abc import Sequence

from domain.errors import InvalidInputError
from domain.report import StepResult
from domain.upgrading import UpgradeReport
from tasks.closing import closing_of
from tasks.inspection import publish_markdown
from tasks.instance import load_instance
from tasks.step import step
from tasks.upgrade import list_logs
from tasks.upgrade_plan import reindexing_of
from tasks.upgrading import last_upgrade


@step("resultado da atualização")
def publish_upgrade(
    environment: str, steps: Sequence[StepResult], problem: str, closed_seconds: float, seconds: float
) -> UpgradeReport:
    """Publish what was done, and what is left to a person; `problem` is why it could not be certified."""
    instance = load_instance(environment)
    found = last_upgrade(instance)
    if found is None:
        raise InvalidInputError("Não houve atualização", environment, "Comece com ./implanta upgrade run.")
    left = [
        f"Confira o ambiente e deixe o público entrar: ./implanta environment maintenance {environment} off"
        for closing in [closing_of(instance)]
        if closing is not None
    ]
    if problem:
        left.append(f"O certificado de entrega ainda não é o da {found.to_version}. {problem}")
    if scripts := reindexing_of(found.to_version, found.from_version):
        left.append(f"Inicie a reindexação do Solr, que pode levar dias: {', '.join(scripts)}")
    report = UpgradeReport(
        environment=environment,
        from_version=found.from_version,
        to_version=found.to_version,
        role=found.role,
        reason=found.reason,
        window=found.window,
        stamp=found.stamp,
        steps=tuple(steps),
        logs=list_logs(instance, found),
        facts=tuple(f"Diferença aceita: {place}." for place in found.accepted),
        next_step=". ".join(left),
        closed_seconds=closed_seconds,
        seconds=seconds,
    )
    publish_markdown(f"atualizacao-{environment}", report.markdown(), f"Atualização de {environment}")
    return report
