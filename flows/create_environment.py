"""Create one environment of one prefeitura, from nothing to a certificate."""

from functools import partial

from domain.environment import EnvironmentName, Purpose
from domain.lifecycle import Stage
from domain.message import Event
from domain.report import StageReport
from flows.stage import Procedure, as_run_state, carry_out, stage_flow
from tasks.certificate import certify_environment
from tasks.certificates import ensure_certificate
from tasks.dns import ensure_public_name
from tasks.edge import ensure_edge_site
from tasks.environment import (
    ensure_access_keys,
    ensure_addresses,
    ensure_application,
    ensure_authentication,
    ensure_bucket,
    ensure_cities,
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
from tasks.neighbourhood import choose_neighbour
from tasks.seeding import ensure_holidays
from tasks.segregation import ensure_technical_account, probe_segregation
from tasks.storage import ensure_file_repository, ensure_storage_identity

STAGES = {Purpose.TREINAMENTO: Stage.ENVIRONMENT_TRAINING, Purpose.PRODUCAO: Stage.ENVIRONMENT_PRODUCTION}

PROCEDURE: Procedure = (
    ("segredos", ensure_secrets),
    ("bancos de referência", ensure_databases),
    ("usuário de banco", ensure_database_account),
    ("cidades", ensure_cities),
    ("identidade do órgão", ensure_orgao),
    ("chaves de acesso", ensure_access_keys),
    ("endereços", ensure_addresses),
    ("parâmetros", ensure_parameters),
    ("feriados", ensure_holidays),
    ("árvore LDAP", ensure_directory),
    ("autenticação LDAP", ensure_authentication),
    ("usuário de teste", ensure_test_user_disabled),
    ("serviço de verificação", ensure_service),
    ("tarefas agendadas", ensure_schedules),
    ("armazenamento", ensure_bucket),
    ("chave do S3", ensure_storage_identity),
    ("repositório de arquivos", ensure_file_repository),
    ("aplicação", ensure_application),
    ("nome público", ensure_public_name),  # an ACME authority asks for it by name
    ("certificado TLS", ensure_certificate),
    ("borda", ensure_edge_site),
    ("conta técnica", ensure_technical_account),
)


@stage_flow("ambiente")
def create_environment(municipality: str, purpose: Purpose, release: str | None = None) -> StageReport:
    """Converge everything that an environment is, then prove it.

    A production environment starts in maintenance and stays so until go-live; nothing here closes one that is open.
    """
    environment = EnvironmentName(municipality=municipality, purpose=purpose).slug
    record = ("registro do ambiente", partial(ensure_environment_record, release=release))
    steps = carry_out((record, *PROCEDURE), environment)
    segregation = probe_segregation(environment, choose_neighbour(environment))
    facts = certify_environment(environment, steps, segregation)
    stage = STAGES.get(purpose, Stage.ENVIRONMENT_TRAINING)
    return as_run_state(finish_stage(environment, stage, steps, facts, telling=Event.AMBIENTE_ENTREGUE))
