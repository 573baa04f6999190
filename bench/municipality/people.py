"""People as an import and SEI's replication leave them (`sei.md` 2.7)."""

from datetime import datetime
from typing import TYPE_CHECKING

from bench.cpf import cpf
from bench.municipality.ground import Ground, choose
from bench.municipality.load import Row, load_rows
from bench.municipality.words import Generator, person_name
from blocks.counters import next_sequence_ids
from blocks.sip import ORGAO_ID, SEI_SYSTEM_ID
from domain.text import search_text

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# One in so many is such.
_IS_INACTIVE, _HAS_NO_CPF, _HAS_SOCIAL_NAME = 40, 25, 30
_NOT_DELEGABLE = 1  # tipo_permissao
_NINE_DIGITS = 999_999_999


def write_people(
    sip: "Cursor", sei: "Cursor", ground: Ground, generator: Generator, count: int, since: datetime, until: datetime
) -> None:
    """Users of both systems, each with the basic profile in one unit; of a few it ended at `until`."""
    people: list[Row] = [
        _person(id_usuario, number, generator)
        for number, id_usuario in enumerate(next_sequence_ids(sip, "usuario", count), start=1)
    ]
    shared = ("sigla", "nome", "nome_registro_civil", "nome_social", "sin_ativo")
    private = [
        {
            "cpf": int(cpf(base)) if number % _HAS_NO_CPF else None,
            "email": f"{person['sigla']!s}@prefeitura.example",
        }
        for number, (person, base) in enumerate(
            zip(people, generator.integers(1, _NINE_DIGITS, count).tolist(), strict=True), start=1
        )
    ]
    load_rows(
        sip,
        "usuario",
        ({**person, **own, "sin_bloqueado": "N"} for person, own in zip(people, private, strict=True)),
    )
    load_rows(
        sip,
        "permissao",
        (
            {
                "id_perfil": ground.id_perfil,
                "id_sistema": SEI_SYSTEM_ID,
                "id_usuario": person["id_usuario"],
                "id_unidade": id_unidade,
                "id_tipo_permissao": _NOT_DELEGABLE,
                "dta_inicio": since,
                "dta_fim": until if person["sin_ativo"] == "N" else None,
                "sin_subunidades": "N",
            }
            for person, id_unidade in zip(people, choose(generator, ground.unidades, count), strict=True)
        ),
    )
    id_contatos = ground.ids(sei, "contato", count)
    indexes = [search_text(str(person["sigla"]), str(person["nome"])) for person in people]
    load_rows(
        sei,
        "contato",
        (
            {
                "id_contato": id_contato,
                **{column: person[column] for column in shared},
                **own,
                "idx_contato": index,
                "sta_natureza": "F",
                "sin_endereco_associado": "S",
                "id_contato_associado": ground.id_contato_orgao,
                "id_tipo_contato": ground.id_tipo_contato,
                "id_unidade_cadastro": ground.id_unidade_teste,
                "id_usuario_cadastro": ground.id_usuario_sip,
                "dth_cadastro": since,
            }
            for id_contato, person, own, index in zip(id_contatos, people, private, indexes, strict=True)
        ),
    )
    load_rows(
        sei,
        "usuario",
        (
            {**person, "id_contato": id_contato, "idx_usuario": index, "sta_tipo": "0"}
            for person, id_contato, index in zip(people, id_contatos, indexes, strict=True)
        ),
    )


def _person(id_usuario: int, number: int, generator: Generator) -> Row:
    name = person_name(generator)
    return {
        "id_usuario": id_usuario,
        "id_orgao": ORGAO_ID,
        "sigla": f"servidor.{id_usuario}",
        "nome": name,
        "nome_registro_civil": name,
        "nome_social": None if number % _HAS_SOCIAL_NAME else person_name(generator),
        "sin_ativo": "S" if number % _IS_INACTIVE else "N",
        "id_origem": str(id_usuario),
    }
