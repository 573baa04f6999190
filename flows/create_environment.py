"""Create one environment of one prefeitura, from nothing to a certificate."""

from prefect import flow

from domain.environment import EnvironmentName, Purpose
from domain.lifecycle import Stage
from domain.report import StageReport
from flows.stage import as_run_state, stage_run_name
from tasks.certificate import certify_environment
from tasks.environment import (
    ensure_access_keys,
    ensure_addresses,
    ensure_application,
    ensure_authentication,
    ensure_bucket,
    ensure_database_account,
    ensure_databases,
    ensure_directory,
    ensure_environment_record,
    ensure_orgao,
    ensure_parameters,
    ensure_schedules,
    ensure_secrets,
    ensure_service,
    ensure_test_user_disabled,
)
from tasks.history import finish_stage

STAGES = {Purpose.TREINAMENTO: Stage.ENVIRONMENT_TRAINING, Purpose.PRODUCAO: Stage.ENVIRONMENT_PRODUCTION}


@flow(name="ambiente", flow_run_name=stage_run_name)
def create_environment(municipality: str, purpose: Purpose, release: str | None = None) -> StageReport:
    """Converge everything that an environment is, then prove it.

    A production environment starts in maintenance and stays so until go-live; nothing here closes one that is open.
    """
    environment = EnvironmentName(municipality=municipality, purpose=purpose).slug
    changes = {
        "registro do ambiente": ensure_environment_record(environment, release),
        "segredos": ensure_secrets(environment),
        "bancos de referência": ensure_databases(environment),
        "usuário de banco": ensure_database_account(environment),
        "identidade do órgão": ensure_orgao(environment),
        "chaves de acesso": ensure_access_keys(environment),
        "endereços": ensure_addresses(environment),
        "parâmetros": ensure_parameters(environment),
        "árvore LDAP": ensure_directory(environment),
        "autenticação LDAP": ensure_authentication(environment),
        "usuário de teste": ensure_test_user_disabled(environment),
        "serviço de verificação": ensure_service(environment),
        "tarefas agendadas": ensure_schedules(environment),
        "armazenamento": ensure_bucket(environment),
        "aplicação": ensure_application(environment),
    }
    certificate = certify_environment(environment)
    return as_run_state(
        finish_stage(environment, STAGES.get(purpose, Stage.ENVIRONMENT_TRAINING), changes, certificate)
    )
