"""Bring one environment to the next version of SEI, or leave it as it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from time import monotonic
from typing import Annotated

from prefect import flow

from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import ImplantaError, kind_of
from domain.report import StepResult
from domain.upgrading import UpgradeEvent, UpgradeReport
from flows.create_environment import create_environment
from flows.forms import WaitSeconds, asked
from flows.stage import Procedure, carry_out, tagged
from flows.verify_environment import ENVIRONMENT
from tasks.history import exclusive
from tasks.instance import load_instance
from tasks.upgrade import (
    apply_release,
    close_for_upgrade,
    converge_upgraded,
    deploy_target,
    finish_upgrade,
    prove_version,
    settle_upgrade,
    stop_for_upgrade,
)
from tasks.upgrade_begin import begin_upgrade
from tasks.upgrade_report import publish_upgrade
from tasks.upgrade_save import save_ahead, save_moment
from tasks.upgrade_steps import failure_of
from tasks.upgrade_undo import (
    CUT_OFF,
    finish_undo,
    put_back_code,
    put_back_data,
    record_failure,
    undone,
)
from tasks.upgrading import require_upgrading

WHILE_OPEN: Procedure = (("cópia antes do fechamento", save_ahead),)
UNTIL_PROVED: Procedure = (
    ("borda fechada", close_for_upgrade),
    ("manutenção nativa e parada", stop_for_upgrade),
    ("cópia deste momento", save_moment),
    ("código da versão", deploy_target),
    ("passos da versão", apply_release),
    ("conferência e teste de uso", prove_version),
    ("versão registrada", settle_upgrade),
)
AFTER_THE_PROOF: Procedure = (("convergência", converge_upgraded), ("reabertura", finish_upgrade))
GOING_BACK: Procedure = (
    ("bancos e arquivos de antes", put_back_data),
    ("código de antes", put_back_code),
    ("convergência", converge_upgraded),
)

TO_VERSION = asked("Versão", "Versão de destino, como em ./implanta release list: 4.1.0.")
Confirmation = Annotated[
    str | None,
    asked("Confirmação", "Nome do ambiente, digitado de novo, se é produção fora de janela anunciada."),
]
Role = Annotated[
    str | None,
    asked("Papel", "Equipe ou papel de quem decide: infraestrutura. Não escreva o nome."),
]
Reason = Annotated[
    str | None,
    asked("Motivo", "Fica no registro. Não escreva nomes."),
]
Accepted = Annotated[
    list[str] | None,
    asked("Diferenças aceitas", "Diferenças da referência que se aceitam, por nome: sei.protocolo. Pede motivo."),
]
Window = Annotated[
    datetime | None,
    asked(
        "Janela anunciada",
        "Começo ou fim da janela anunciada à prefeitura: dentro dela a produção não pede confirmação.",
    ),
]


@flow(name="atualização", flow_run_name="{environment} · atualização para {version}")
def upgrade_environment(
    environment: str = ENVIRONMENT,
    version: str = TO_VERSION,
    role: Role = None,
    reason: Reason = None,
    confirmation: Confirmation = None,
    accept: Accepted = None,
    window_from: Window = None,
    window_until: Window = None,
    wait_seconds: WaitSeconds = 0,
) -> UpgradeReport:
    """Close, save, run the version's steps, prove what came of it, open again; whatever goes wrong leads back.

    Killed anywhere, the next run ends it: nothing is opened between two versions. What was proved goes on to its end;
    what was cut off before goes back to the moment before, and the run fails with the cause.
    """
    started = monotonic()
    name = EnvironmentName.parse(environment)
    with exclusive(name.municipality, wait_seconds), tagged(name.municipality, name.purpose):
        begin_upgrade(environment, version, role, reason, confirmation, accept or [], window_from, window_until)
        return carry_through(name, started)


def carry_through(name: EnvironmentName, started: float) -> UpgradeReport:
    """Everything after the beginning, from wherever it was cut off."""
    found = require_upgrading(load_instance(name.slug))
    if found.must_go_back:
        record_failure(name.slug, CUT_OFF)
        raise _go_back(name)
    steps: tuple[StepResult, ...] = ()
    if UpgradeEvent.PROVED not in found.reached:
        steps += _forward(name, WHILE_OPEN)
    closed = monotonic()
    if UpgradeEvent.PROVED not in found.reached:
        steps += _forward(name, UNTIL_PROVED)
    steps += carry_out(AFTER_THE_PROOF, name.slug)
    closed_seconds = monotonic() - closed
    certified, problem = _certified(name)
    return publish_upgrade(name.slug, (*steps, certified), problem, closed_seconds, monotonic() - started)


def _forward(name: EnvironmentName, procedure: Procedure) -> tuple[StepResult, ...]:
    """Step after step; the first that fails leads back."""
    steps: tuple[StepResult, ...] = ()
    for one in procedure:
        with _going_back(name, one[0]):
            steps += carry_out((one,), name.slug)
    return steps


@contextmanager
def _going_back(name: EnvironmentName, step: str) -> Iterator[None]:
    """Undo the upgrade when something goes wrong inside, and raise its cause; a kill leaves that to the next run."""
    try:
        yield
    except Exception as error:
        record_failure(name.slug, failure_of(step, error))
        raise _go_back(name) from error


def _go_back(name: EnvironmentName) -> ImplantaError:
    """Bring the moment before back, and give what is to be raised."""
    found = require_upgrading(load_instance(name.slug))
    try:
        carry_out(GOING_BACK, name.slug)
        failure = finish_undo(name.slug)
    except ImplantaError as error:
        by_hand = f" Se repetir, restaure outra cópia com ./implanta backup restore {name.slug} --backup." * bool(
            found.backup
        )
        return kind_of(error.exit_code)(
            f"A volta da atualização não chegou ao fim: {error.what}",
            error.where,
            f"O ambiente continua fechado. {error.fix} Depois execute ./implanta upgrade run {name.slug} --to"
            f" {found.to_version} de novo: a volta continua de onde parou.{by_hand}",
        )
    return undone(name.slug, failure, found.from_version)


def _certified(name: EnvironmentName) -> tuple[StepResult, str]:
    """The whole of the environment converged and certified for the version that it is of, and what speaks against it.

    People are in again: what an upgrade can break was examined before. So this fails no upgrade, and is told.
    """
    begun = monotonic()
    change, problem = Change(), ""
    try:
        change = create_environment(name.municipality, name.purpose).change.model_copy(update={"details": ()})
    except ImplantaError as error:
        problem = str(error)
    return StepResult(name="ambiente certificado", change=change, seconds=monotonic() - begun), problem
