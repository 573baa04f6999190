"""Whether an environment may be upgraded, and the beginning of it: nothing is touched before."""

from collections.abc import Sequence
from datetime import datetime

from domain.calendar import as_local, local_moment
from domain.environment import Purpose
from domain.errors import GateClosedError, InvalidInputError
from domain.upgrading import UpgradeEvent, UpgradeFailure, UpgradeHappening
from tasks import clock
from tasks.closing import closing_of
from tasks.instance import Instance, load_instance
from tasks.maintenance import require_impersonal
from tasks.restoration import require_whole
from tasks.step import step
from tasks.upgrade_plan import is_announced, judge_conditions, plan_upgrade
from tasks.upgrade_undo import record_failure
from tasks.upgrading import last_upgrade, remember_upgrade

DEFAULT_ROLE = "operação"


@step("atualização permitida")
def begin_upgrade(
    environment: str,
    version: str,
    role: str | None,
    reason: str | None,
    confirmation: str | None,
    accepted: Sequence[str],
    window_from: datetime | None,
    window_until: datetime | None,
) -> str:
    """See that the environment may go to this version, and say that its upgrade begins; how far it is.

    One that was cut off goes on, or back; before anything was saved it goes on only if it still may begin. Nothing is
    touched here.

    Raises:
        InvalidInputError: there is no way to the version, or another upgrade is not over.
        GateClosedError: conditions are not met (all are named), or nobody typed a production's name outside of its
            announced window.
    """
    require_impersonal(environment, role or "", reason or "", *accepted)
    instance = load_instance(environment)
    found = last_upgrade(instance)
    if found is not None and not found.is_over:
        if found.to_version != version:
            raise InvalidInputError(
                f"A atualização para a {found.to_version} não chegou ao fim",
                environment,
                f"Termine-a com ./implanta upgrade run {environment} --to {found.to_version}.",
            )
        if found.must_go_back or UpgradeEvent.SAVED in found.reached:
            return found.result
    else:
        found = None
        require_whole(instance)
    now = clock.now()
    plan = plan_upgrade(instance, version)
    window_from, window_until = as_local(window_from), as_local(window_until)
    announced = is_announced(window_from, window_until, now)
    consent = _lacking_consent(instance, announced, confirmation, role, reason)
    if accepted and not reason:
        consent = (*consent, "uma diferença se aceita com um motivo: --reason")
    problems = (*judge_conditions(instance, plan, found.accepted if found else accepted), *consent)
    if found:
        if problems:  # it may be closed already: it goes back
            cause = f"não pode continuar: {'; '.join(problems)}"
            record_failure(environment, UpgradeFailure(step="atualização permitida", cause=cause))
        return found.result
    if problems:
        raise GateClosedError(
            f"A atualização para a {version} não pode começar: {'; '.join(problems)}",
            environment,
            "Nada foi tocado. Resolva o que está apontado e execute de novo."
            " Uma diferença conhecida se aceita por nome, com motivo: --accept sei.tabela.",
        )
    happening = UpgradeHappening(
        kind=UpgradeEvent.BEGUN,
        at=now,
        from_version=instance.record.release_version,
        to_version=version,
        role=role or DEFAULT_ROLE,
        reason=reason or f"atualização para a {version}",
        window=_told_window(window_from, window_until) if announced else "",
        closed_before=closing_of(instance) is not None,
        accepted=tuple(accepted),
        reference=plan.after.digest,
    )
    remember_upgrade(instance, happening, role or DEFAULT_ROLE)
    return "em andamento"


def _lacking_consent(
    instance: Instance, announced: bool, confirmation: str | None, role: str | None, reason: str | None
) -> tuple[str, ...]:
    slug = instance.name.slug
    if instance.name.purpose is not Purpose.PRODUCAO or announced or (confirmation == slug and role and reason):
        return ()
    return (f"é produção, fora de janela anunciada: repita com --confirm {slug} --role PAPEL --reason MOTIVO",)


def _told_window(window_from: datetime | None, window_until: datetime | None) -> str:
    return f"{local_moment(window_from)} a {local_moment(window_until)}" if window_from and window_until else ""
