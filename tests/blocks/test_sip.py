"""SIP's own settings: órgão, access keys, LDAP authentication, the published test user, the weaknesses left open."""

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from blocks.runtime import ScheduledTask
from blocks.secrets import EnvironmentSecrets
from blocks.sip import SEI_SYSTEM_ID, SIP_SYSTEM_ID, DirectoryServer, SipDatabase
from domain.access_key import AccessKey, system_crc
from domain.change import Change
from domain.errors import IntegrityError
from domain.schedule import Schedule
from tests.blocks.conftest import one_version
from tests.blocks.instance import Databases

KEYS = EnvironmentSecrets.generate().access_keys()
PUBLISHED_KEYS = {
    system: AccessKey(text=SecretStr(system_crc(system) + "0" * 64)) for system in (SEI_SYSTEM_ID, SIP_SYSTEM_ID)
}
DIRECTORY = DirectoryServer(
    name="blocos-a-treinamento",
    host="127.0.0.1",
    port=3890,
    search_dn="cn=sip,ou=blocos-a-treinamento,dc=implanta",
    search_password=SecretStr("senha-de-pesquisa"),
    people_dn="ou=usuarios,ou=blocos-a-treinamento,dc=implanta",
)
STEPS: dict[str, Callable[[SipDatabase], Change]] = {
    "órgão": lambda sip: sip.ensure_orgao("PM-BLOCOS", "Prefeitura Municipal de Blocos"),
    "endereços": lambda sip: sip.ensure_addresses("http://blocos-a-treinamento.localhost"),
    "chaves": lambda sip: sip.ensure_access_keys(KEYS),
    "autenticação": lambda sip: sip.ensure_directory_authentication(DIRECTORY),
    "usuário teste": lambda sip: sip.ensure_test_user_disabled(),
    "parâmetros": lambda sip: sip.ensure_parameters({"SIP_TIPO_CAPTCHA": "3", "SEI_VERSAO": "9.9.9"}),
    "agendamentos": lambda sip: sip.ensure_schedules(Schedule(command=task, active=True) for task in ScheduledTask),
}


def test_each_step_converges_once_and_again_changes_nothing(databases: Databases) -> None:
    for name, step in STEPS.items():
        first = step(databases.sip)
        assert first.total > 0, name
        again = step(databases.sip)
        assert (again.total, again.unchanged > 0) == (0, True), name


def test_the_orgao_gets_its_acronym_and_name(databases: Databases) -> None:
    databases.sip.ensure_orgao("PM-BLOCOS", "Prefeitura Municipal de Blocos")
    assert databases.rows("sip", "SELECT sigla, descricao FROM orgao") == [
        ("PM-BLOCOS", "Prefeitura Municipal de Blocos")
    ]


def test_both_systems_get_the_public_address(databases: Databases) -> None:
    databases.sip.ensure_addresses("https://sei.exemplo.mg.gov.br")
    assert databases.rows("sip", "SELECT sigla, pagina_inicial, web_service FROM sistema ORDER BY sigla") == [
        (
            "SEI",
            "https://sei.exemplo.mg.gov.br/sei/inicializar.php",
            "https://sei.exemplo.mg.gov.br/sei/controlador_ws.php?servico=sip",
        ),
        ("SIP", "https://sei.exemplo.mg.gov.br/sip", None),
    ]


def test_the_published_keys_work_until_the_environments_own_replace_them(databases: Databases) -> None:
    assert databases.sip.accepts(PUBLISHED_KEYS)
    databases.sip.ensure_access_keys(KEYS)
    assert databases.sip.accepts(KEYS)
    stored: dict[int, str] = dict(databases.rows("sip", "SELECT id_sistema, chave_acesso FROM sistema"))
    for system, published in PUBLISHED_KEYS.items():
        assert KEYS[system].matches(stored[system])
        assert not published.matches(stored[system])


@one_version
def test_a_key_that_somebody_rotated_by_hand_is_put_back(databases: Databases) -> None:
    databases.sip.ensure_access_keys(KEYS)
    stranger = AccessKey.generate(SEI_SYSTEM_ID)
    databases.rows(
        "sip", "UPDATE sistema SET chave_acesso = %s WHERE id_sistema = %s", (stranger.hash(), SEI_SYSTEM_ID)
    )
    assert not databases.sip.accepts(KEYS)
    assert databases.sip.ensure_access_keys(KEYS) == Change(
        updated=1, unchanged=1, details=(f"chave de acesso do sistema {SEI_SYSTEM_ID} trocada",)
    )
    assert databases.sip.accepts(KEYS)


@one_version
def test_a_third_system_with_a_key_of_its_own_is_noticed(databases: Databases) -> None:
    databases.sip.ensure_access_keys(KEYS)
    databases.rows(
        "sip",
        "INSERT INTO sistema (id_sistema, id_orgao, id_hierarquia, sigla, sin_ativo, sta_2_fatores, chave_acesso)"
        " SELECT 100000777, id_orgao, id_hierarquia, 'INTRUSO', 'S', 'P', chave_acesso FROM sistema LIMIT 1",
    )
    assert not databases.sip.accepts(KEYS)
    assert databases.sip.accepts(KEYS, others_allowed=True), "a live prefeitura may have systems of its own"


@one_version
def test_a_system_that_does_not_exist_stops_the_rotation_before_any_key_changes(databases: Databases) -> None:
    before = databases.contents()
    with pytest.raises(IntegrityError, match="Sistema 42 não existe no SIP"):
        databases.sip.ensure_access_keys({**KEYS, 42: AccessKey.generate(42)})
    assert databases.contents() == before


def test_passwords_are_checked_in_the_environments_directory_and_nowhere_else(databases: Databases) -> None:
    databases.sip.ensure_directory_authentication(DIRECTORY)
    (server_id,) = databases.row("sip", "SELECT id_servidor_autenticacao FROM rel_orgao_autenticacao")
    assert databases.row(
        "sip",
        "SELECT nome, sta_tipo, endereco, porta, sufixo, usuario_pesquisa, senha_pesquisa, contexto_pesquisa,"
        " atributo_filtro_pesquisa, versao FROM servidor_autenticacao WHERE id_servidor_autenticacao = %s",
        (server_id,),
    ) == (
        DIRECTORY.name,
        "LDAP",
        DIRECTORY.host,
        DIRECTORY.port,
        None,
        DIRECTORY.search_dn,
        DIRECTORY.search_password.get_secret_value(),
        DIRECTORY.people_dn,
        "uid",
        3,
    )
    assert databases.one("sip", "SELECT sin_autenticar FROM orgao") == "S"
    assert databases.one("sip", "SELECT COUNT(*) FROM servidor_autenticacao WHERE nome LIKE 'Exemplo%%'") == 2
    assert counter(databases, "servidor_autenticacao") == server_id


def test_a_new_directory_password_is_written_over_the_old_one(databases: Databases) -> None:
    databases.sip.ensure_directory_authentication(DIRECTORY)
    renewed = DIRECTORY.model_copy(update={"search_password": SecretStr("outra-senha")})
    assert databases.sip.ensure_directory_authentication(renewed).updated == 1
    assert databases.rows("sip", "SELECT senha_pesquisa FROM servidor_autenticacao WHERE sta_tipo = 'LDAP'") == [
        ("outra-senha",)
    ]


def test_the_published_user_loses_every_right_and_is_blocked(databases: Databases) -> None:
    databases.sip.ensure_test_user_disabled()
    for table in ("permissao", "administrador_sistema"):
        assert (
            databases.rows("sip", f"SELECT 1 FROM {table} JOIN usuario USING (id_usuario) WHERE sigla = 'teste'") == []
        )
    assert databases.one("sip", "SELECT sin_bloqueado FROM usuario WHERE sigla = 'teste'") == "S"
    assert databases.one("sip", "SELECT sin_bloqueado FROM usuario WHERE sigla = 'SIP'") == "N"


def test_parameters_of_both_version_lines_are_set_where_they_exist(databases: Databases, version: str) -> None:
    known = {"4.0.0": ["EMAIL_SISTEMA", "SIP_EMAIL_SISTEMA"], "4.1.0": ["SIP_EMAIL_SISTEMA"]}[version]
    databases.sip.ensure_parameters(dict.fromkeys(("EMAIL_SISTEMA", "SIP_EMAIL_SISTEMA"), "sei@blocos.mg.gov.br"))
    found = databases.rows("sip", "SELECT nome FROM infra_parametro WHERE valor = 'sei@blocos.mg.gov.br' ORDER BY nome")
    assert [name for (name,) in found] == known


WEAKNESSES = {
    "órgão sem autenticação (sin_autenticar N)": "UPDATE orgao SET sin_autenticar = 'N'",
    "órgão sem servidor LDAP": "DELETE FROM rel_orgao_autenticacao",
    "servidor de exemplo ligado ao órgão": "INSERT INTO rel_orgao_autenticacao VALUES (0, 1, 1)",
    "usuário teste com permissões": (
        "INSERT INTO permissao VALUES (100000938, 100000100, 100000001, 110000000, 1, '2026-01-01', NULL, 'N')"
    ),
    "usuário teste administrador": "INSERT INTO administrador_sistema VALUES (100000001, 100000099)",
    "usuário teste sem bloqueio": "UPDATE usuario SET sin_bloqueado = 'N' WHERE sigla = 'teste'",
}


def test_the_reference_is_published_with_its_weaknesses_and_each_is_seen_when_opened_again(
    databases: Databases,
) -> None:
    assert set(databases.sip.list_published_weaknesses()) == set(WEAKNESSES) - {"órgão sem servidor LDAP"}

    def close() -> None:
        databases.sip.ensure_directory_authentication(DIRECTORY)
        databases.sip.ensure_test_user_disabled()

    close()
    assert databases.sip.list_published_weaknesses() == []
    for weakness, opening in WEAKNESSES.items():
        databases.rows("sip", opening)
        assert databases.sip.list_published_weaknesses() == [weakness]
        close()
    assert databases.sip.list_published_weaknesses() == []


def counter(databases: Databases, name: str) -> int:
    value = databases.one("sip", "SELECT num_atual FROM infra_sequencia WHERE nome_tabela = %s", (name,))
    return int(value)
