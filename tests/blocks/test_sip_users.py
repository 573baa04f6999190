"""What SIP's users are read as: whole, with both names and every permission, whoever wrote the rows."""

from dataclasses import replace
from datetime import date

import pytest

from blocks.sip import SEI_SYSTEM_ID, SIP_SYSTEM_ID
from blocks.users_channel import SqlChannel
from domain.change import Change
from domain.sip_user import UserState
from tests.blocks.conftest import ENVIRONMENT
from tests.blocks.instance import Databases
from tests.blocks.users import TODAY, change, find, granted, join, place, state_of
from tests.domain.examples import make_cpf, make_person

NAMES = ("nome", "nome_registro_civil", "nome_social")


def bring(databases: Databases, state: UserState) -> None:
    SqlChannel(databases.server, ENVIRONMENT).apply([join(state)], today=TODAY)


def test_a_user_is_read_as_it_was_written(databases: Databases) -> None:
    person = replace(make_person(1, cpf=make_cpf(12_345), matricula="0042"), nome_social="Ângela")
    state = state_of(person, granted(place(databases, "TESTE"), date(2026, 1, 2)))
    bring(databases, state)
    assert find(databases, "pessoa.1").state == state, "the zeros that a number loses come back"


def test_permissions_of_every_system_are_read_in_their_order(databases: Databases) -> None:
    bring(databases, state_of(make_person(1), granted(place(databases, "TESTE"))))
    databases.rows(
        "sip",
        "INSERT INTO permissao (id_perfil, id_sistema, id_usuario, id_unidade, id_tipo_permissao, dta_inicio, dta_fim,"
        " sin_subunidades) SELECT MIN(f.id_perfil), f.id_sistema, u.id_usuario, 110000002, 2, '2020-01-02',"
        " '2020-12-31', 'S' FROM perfil f JOIN usuario u ON u.sigla = 'pessoa.1' WHERE f.id_sistema = %s",
        (SIP_SYSTEM_ID,),
    )
    in_sip, in_sei = find(databases, "pessoa.1").state.grants
    assert (in_sip.place.id_sistema, in_sei.place.id_sistema) == (SIP_SYSTEM_ID, SEI_SYSTEM_ID)
    assert (in_sip.inicio, in_sip.fim, in_sip.subunidades) == (date(2020, 1, 2), date(2020, 12, 31), True)


@pytest.mark.parametrize(
    ("names", "read"),
    [
        (("Ana Civil", "Ana Civil", None), ("Ana Civil", None)),
        (("Ângela", "Ana Civil", "Ângela"), ("Ana Civil", "Ângela")),
        # The same name twice is still said twice, as a spreadsheet may.
        (("Ana Civil", "Ana Civil", "Ana Civil"), ("Ana Civil", "Ana Civil")),
        (("Ana Civil", "Ana Civil", "Ângela"), ("Ana Civil", None)),
        (("Outro Nome", "Ana Civil", None), ("Ana Civil", "Outro Nome")),
        (("Outro Nome", "Ana Civil", "Ângela"), ("Ana Civil", "Outro Nome")),
    ],
)
def test_the_name_that_sip_shows_counts_and_one_that_is_neither_is_put_right(
    databases: Databases, names: tuple[str, str, str | None], read: tuple[str, str | None]
) -> None:
    bring(databases, state_of(make_person(1)))
    databases.rows(
        "sip", f"UPDATE usuario SET {', '.join(f'{name} = %s' for name in NAMES)} WHERE sigla = 'pessoa.1'", names
    )
    user = find(databases, "pessoa.1")
    assert (user.state.nome, user.state.nome_social) == read
    assert user.state.shown_name == names[0]
    wanted = state_of(replace(make_person(1, nome="Ana Civil"), nome_social="Ângela"))
    told = SqlChannel(databases.server, ENVIRONMENT).apply([change(user, wanted)], today=TODAY)
    assert told == (Change(unchanged=1) if read == ("Ana Civil", "Ângela") else Change(updated=1))
    assert databases.row("sip", f"SELECT {', '.join(NAMES)} FROM usuario WHERE sigla = 'pessoa.1'") == (
        *("Ângela", "Ana Civil", "Ângela"),
    )


def test_a_blocked_user_stays_blocked(databases: Databases) -> None:
    bring(databases, state_of(make_person(1)))
    databases.rows("sip", "UPDATE usuario SET sin_bloqueado = 'S' WHERE sigla = 'pessoa.1'")
    user = find(databases, "pessoa.1")
    assert user.bloqueado
    wanted = state_of(make_person(1, nome="Outro Nome"))
    SqlChannel(databases.server, ENVIRONMENT).apply([change(user, wanted)], today=TODAY)
    assert find(databases, "pessoa.1").bloqueado


def test_who_may_sign_follows_the_right_to_sign_and_not_the_names(databases: Databases) -> None:
    ids = databases.users.profile_ids()
    signing = databases.users.signing_profiles()
    assert ids["Básico"] in signing
    assert ids["Colaborador (Básico sem Assinatura)"] not in signing
    databases.rows("sip", "UPDATE recurso SET sin_ativo = 'N' WHERE nome = 'documento_assinar'")
    assert databases.users.signing_profiles() == frozenset()


def test_the_administrators_are_those_of_sei(databases: Databases) -> None:
    assert databases.users.administrator_profiles() == {databases.users.profile_ids()["Administrador"]}


def test_who_left_in_sip_and_not_in_sei_is_a_gap(databases: Databases) -> None:
    gap = "usuários com outro login, nome ou situação no SEI"
    databases.rows("sip", "UPDATE usuario SET id_origem = 'teste' WHERE sigla = 'teste'")
    assert databases.users.count_replication_gaps()[gap] == 0
    databases.rows("sip", "UPDATE usuario SET sin_ativo = 'N' WHERE sigla = 'teste'")
    assert databases.users.count_replication_gaps()[gap] == 1
