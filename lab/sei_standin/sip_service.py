"""SIP's web service: queries, and the writes that create users and permissions (`sei.md` 4.2)."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pymysql.cursors import DictCursor

from domain.errors import InvalidInputError
from domain.text import fits
from lab.sei_standin.database import Row, Value, fetch_all, fetch_one, insert, next_sip_id
from lab.sei_standin.environments import Environment
from lab.sei_standin.keys import find_calling_system
from lab.sei_standin.permissions import list_grants, load_organization, midnight
from lab.sei_standin.replication import replicate_users
from lab.sei_standin.soap import (
    Call,
    Content,
    optional_date,
    optional_int,
    require_int,
    text_of,
)

_SEI = "SEI"  # sistema.sigla
_NOT_DELEGABLE = 1  # tipo_permissao
_MAX_SIGLA = 100
_MAX_NAME = 100
_MAX_EMAIL = 100
_MAX_ORIGIN = 50
_CPF_DIGITS = 11


@dataclass
class _Context:
    sip: DictCursor
    system: Row
    call: Call
    now: datetime
    # Users that SEI has to know, and those whose change concerns it if it does, once SIP's own transaction is through.
    to_create: set[int] = field(default_factory=set)
    to_refresh: set[int] = field(default_factory=set)


def answer(environment: Environment, call: Call, now: datetime) -> Content:
    """Do what a call asks, and let SEI know of the users that concern it.

    Raises:
        InvalidInputError: the key is wrong, or what was sent is.
    """
    with environment.sip() as sip:
        system = find_calling_system(sip, call.text("ChaveAcesso"))
        context = _Context(sip, system, call, now)
        content = _OPERATIONS[call.operation.name](context)
    replicate_users(environment, context.to_create, now, create=True)
    replicate_users(environment, context.to_refresh - context.to_create, now, create=False)
    return content


def _list_orgaos(context: _Context) -> Content:
    rows = fetch_all(
        context.sip,
        "SELECT id_orgao, sigla, descricao, sin_ativo FROM orgao WHERE sin_ativo = 'S' OR %s = 'S'"
        " ORDER BY ordem, sigla",
        (context.call.text("SinTodos"),),
    )
    return [[str(row["id_orgao"]), row["sigla"], row["descricao"], row["sin_ativo"]] for row in rows]


def _list_users(context: _Context) -> Content:
    call = context.call
    id_sistema = require_int(call.arguments, "IdSistema")
    system = fetch_one(context.sip, "SELECT id_hierarquia FROM sistema WHERE id_sistema = %s", (id_sistema,))
    if system is None:
        raise InvalidInputError(f"Sistema {id_sistema} não encontrado", "IdSistema", "Confira o id do sistema.")
    grants = list_grants(context.sip, id_sistema, context.now)
    organization = load_organization(context.sip, system["id_hierarquia"], context.now)
    organization.require_grants_inside(grants)
    by_user = defaultdict(list)
    for grant in grants:
        by_user[grant.id_usuario].append(grant)
    wanted_unit = optional_int(call.arguments, "IdUnidade")
    found: dict[int, Content] = {}
    for row in _matching_users(context, id_sistema):
        units = organization.workplaces(by_user.get(row["id_usuario"], ())) & organization.in_hierarchy
        if not units or (wanted_unit is not None and wanted_unit not in units):
            continue
        found[row["id_usuario"]] = {
            0: str(row["id_usuario"]),
            1: row["id_origem"],
            2: str(row["id_orgao"]),
            3: row["sigla"],
            4: row["nome"],
            7: row["nome_social"],
            8: None if row["cpf"] is None else str(row["cpf"]).zfill(_CPF_DIGITS),
            9: row["email"],
            5: row["sin_ativo"],
            6: [str(unit) for unit in sorted(units)],
        }
    return found


def _matching_users(context: _Context, id_sistema: int) -> list[Row]:
    call = context.call
    id_orgao, id_usuario = (call.text(part) for part in ("IdOrgaoUsuario", "IdUsuario"))
    origin, sigla = (call.text(part) for part in ("IdOrigemUsuario", "SiglaUsuario"))
    profile, resource = (call.text(part) for part in ("Perfil", "Recurso"))
    return fetch_all(
        context.sip,
        "SELECT u.* FROM usuario u WHERE u.sin_ativo = 'S'"
        " AND (%s = '' OR u.id_orgao = %s) AND (%s = '' OR u.id_usuario = %s)"
        " AND (%s = '' OR u.id_origem = %s) AND (%s = '' OR u.sigla = %s)"
        " AND (%s = '' OR EXISTS (SELECT 1 FROM permissao p JOIN perfil f USING (id_perfil, id_sistema)"
        " WHERE p.id_usuario = u.id_usuario AND p.id_sistema = %s AND f.nome = %s))"
        " AND (%s = '' OR EXISTS (SELECT 1 FROM permissao p JOIN rel_perfil_recurso r USING (id_perfil, id_sistema)"
        " JOIN recurso c USING (id_recurso, id_sistema)"
        " WHERE p.id_usuario = u.id_usuario AND p.id_sistema = %s AND c.nome = %s)) ORDER BY u.id_usuario",
        (
            *(id_orgao, id_orgao, id_usuario, id_usuario, origin, origin, sigla, sigla),
            *(profile, id_sistema, profile, resource, id_sistema, resource),
        ),
    )


def _replicate_users(context: _Context) -> Content:
    systems = context.call.arguments.get("SistemasReplicacao")
    reaches_sei = isinstance(systems, list) and _sei_id(context.sip) in systems
    for position, asked in enumerate(context.call.structures("Usuarios"), start=1):
        where = f"Usuarios, item {position}"
        operation = text_of(asked, "StaOperacao")
        if operation not in {"C", "A", "E", "D", "R"}:
            raise InvalidInputError(f"Operação {operation!r} inválida", where, "Use C, A, E, D ou R.")
        id_usuario = _write_user(context, operation, asked, where)
        if operation != "E":
            (context.to_create if reaches_sei else context.to_refresh).add(id_usuario)
    return True


def _write_user(context: _Context, operation: str, asked: Mapping[str, Content], where: str) -> int:
    sip = context.sip
    id_orgao = require_int(asked, "IdOrgao")
    origin = fits(text_of(asked, "IdOrigem"), _MAX_ORIGIN, "IdOrigem", where)
    if not origin:
        raise InvalidInputError("IdOrigem não informado", where, "Informe a matrícula ou outro id da origem.")
    if fetch_one(sip, "SELECT 1 FROM orgao WHERE id_orgao = %s AND sin_ativo = 'S'", (id_orgao,)) is None:
        raise InvalidInputError(f"Órgão {id_orgao} não encontrado", where, "Confira com carregarOrgaos.")
    row = fetch_one(
        sip,
        "SELECT id_usuario FROM usuario WHERE id_origem = %s AND (%s <> 'S' OR id_orgao = %s) FOR UPDATE",
        (origin, context.call.text("SinConsiderarOrgao"), id_orgao),
    )
    if operation == "C":
        if row is not None:
            raise InvalidInputError("Já existe usuário com este IdOrigem", where, "Use a operação A para alterar.")
        return _insert_user(context, id_orgao, origin, asked, where)
    if row is None:
        raise InvalidInputError("Não existe usuário com este IdOrigem", where, "Use a operação C para cadastrar.")
    id_usuario = int(row["id_usuario"])
    if operation == "A":
        columns = _user_columns(asked, where)
        _refuse_double(sip, columns["sigla"], id_orgao, where, id_usuario)
        sip.execute(
            "UPDATE usuario SET sigla = %s, nome = %s, nome_registro_civil = %s, nome_social = %s, cpf = %s,"
            " email = %s, id_orgao = %s WHERE id_usuario = %s",
            (*columns.values(), id_orgao, id_usuario),
        )
    elif operation == "E":
        if fetch_one(sip, "SELECT 1 FROM permissao WHERE id_usuario = %s LIMIT 1", (id_usuario,)):
            raise InvalidInputError("O usuário tem permissões", where, "Retire as permissões ou use D para desativar.")
        sip.execute("DELETE FROM usuario WHERE id_usuario = %s", (id_usuario,))
    else:
        sip.execute(
            "UPDATE usuario SET sin_ativo = %s WHERE id_usuario = %s", ("N" if operation == "D" else "S", id_usuario)
        )
    return id_usuario


def _insert_user(context: _Context, id_orgao: int, origin: str, asked: Mapping[str, Content], where: str) -> int:
    columns = _user_columns(asked, where)
    _refuse_double(context.sip, columns["sigla"], id_orgao, where)
    id_usuario = next_sip_id(context.sip, "usuario")
    insert(
        context.sip,
        "usuario",
        [
            {
                "id_usuario": id_usuario,
                "id_orgao": id_orgao,
                "id_origem": origin,
                "sin_ativo": "S",
                "sin_bloqueado": "N",
                **columns,
            }
        ],
    )
    return id_usuario


def _user_columns(asked: Mapping[str, Content], where: str) -> dict[str, Value]:
    sigla = fits(text_of(asked, "Sigla"), _MAX_SIGLA, "Sigla", where)
    civil = fits(text_of(asked, "Nome"), _MAX_NAME, "Nome", where)
    if not sigla or not civil:
        raise InvalidInputError("Sigla ou Nome não informado", where, "Informe os dois.")
    social = fits(text_of(asked, "NomeSocial"), _MAX_NAME, "NomeSocial", where)
    return {
        "sigla": sigla,
        "nome": social or civil,
        "nome_registro_civil": civil,
        "nome_social": social or None,
        "cpf": optional_int(asked, "Cpf"),
        "email": fits(text_of(asked, "Email"), _MAX_EMAIL, "Email", where) or None,
    }


def _refuse_double(sip: DictCursor, sigla: Value, id_orgao: int, where: str, besides: int | None = None) -> None:
    row = fetch_one(
        sip,
        "SELECT 1 FROM usuario WHERE sigla = %s AND id_orgao = %s AND sin_ativo = 'S' AND NOT (id_usuario <=> %s)",
        (sigla, id_orgao, besides),
    )
    if row is not None:
        raise InvalidInputError("Já existe usuário ativo com esta Sigla no órgão", where, "Use outra sigla.")


def _replicate_permissions(context: _Context) -> Content:
    sei = _sei_id(context.sip)
    for position, asked in enumerate(context.call.structures("Permissoes"), start=1):
        where = f"Permissoes, item {position}"
        operation = text_of(asked, "StaOperacao")
        key = _permission_key(context.sip, asked, where)
        if operation == "E":
            context.sip.execute(
                "DELETE FROM permissao WHERE id_perfil = %s AND id_sistema = %s AND id_usuario = %s"
                " AND id_unidade = %s",
                (key["id_perfil"], key["id_sistema"], key["id_usuario"], key["id_unidade"]),
            )
        elif operation == "A":
            _grant(context, key, asked)
            if str(key["id_sistema"]) == sei:
                context.to_create.add(int(str(key["id_usuario"])))
        else:
            raise InvalidInputError(f"Operação {operation!r} inválida", where, "Use A ou E.")
    return True


def _permission_key(sip: DictCursor, asked: Mapping[str, Content], where: str) -> dict[str, Value]:
    id_sistema, id_perfil = require_int(asked, "IdSistema"), require_int(asked, "IdPerfil")
    profile = fetch_one(
        sip,
        "SELECT 1 FROM perfil WHERE id_sistema = %s AND id_perfil = %s AND sin_ativo = 'S'",
        (id_sistema, id_perfil),
    )
    if profile is None:
        raise InvalidInputError(
            f"Perfil {id_perfil} não encontrado no sistema {id_sistema}", where, "Confira o perfil."
        )
    return {
        "id_perfil": id_perfil,
        "id_sistema": id_sistema,
        "id_usuario": _find(sip, asked, "Usuario", where),
        "id_unidade": _find(sip, asked, "Unidade", where),
    }


_LOOKUPS = {
    "Usuario": "SELECT id_usuario AS id FROM usuario WHERE (id_usuario = %s OR id_origem = %s)"
    " AND (%s IS NULL OR id_orgao = %s) AND sin_ativo = 'S'",
    "Unidade": "SELECT id_unidade AS id FROM unidade WHERE (id_unidade = %s OR id_origem = %s)"
    " AND (%s IS NULL OR id_orgao = %s) AND sin_ativo = 'S'",
}


def _find(sip: DictCursor, asked: Mapping[str, Content], name: str, where: str) -> int:
    id_orgao, given = optional_int(asked, f"IdOrgao{name}"), optional_int(asked, f"Id{name}")
    origin = text_of(asked, f"IdOrigem{name}") if given is None else ""
    rows = fetch_all(sip, _LOOKUPS[name], (given, origin or None, id_orgao, id_orgao))
    if len(rows) != 1:
        raise InvalidInputError(
            f"{name} não encontrado, inativo ou com origem repetida", where, f"Informe Id{name} ou IdOrigem{name}."
        )
    return int(rows[0]["id"])


def _grant(context: _Context, key: Mapping[str, Value], asked: Mapping[str, Content]) -> None:
    start = optional_date(asked, "DataInicial") or midnight(context.now)
    end = optional_date(asked, "DataFinal")
    below = "S" if text_of(asked, "SinSubunidades") == "S" else "N"
    context.sip.execute(
        "INSERT INTO permissao (id_perfil, id_sistema, id_usuario, id_unidade, id_tipo_permissao, dta_inicio, dta_fim,"
        " sin_subunidades) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
        " ON DUPLICATE KEY UPDATE dta_inicio = VALUES(dta_inicio), dta_fim = VALUES(dta_fim),"
        " sin_subunidades = VALUES(sin_subunidades)",
        (*key.values(), _NOT_DELEGABLE, start, end, below),
    )


def _sei_id(sip: DictCursor) -> str:
    row = fetch_one(sip, "SELECT MIN(id_sistema) AS id FROM sistema WHERE sigla = %s AND sin_ativo = 'S'", (_SEI,))
    return str(row["id"]) if row else ""


_OPERATIONS: Mapping[str, Callable[[_Context], Content]] = {
    "carregarOrgaos": _list_orgaos,
    "carregarUsuarios": _list_users,
    "replicarUsuario": _replicate_users,
    "replicarPermissao": _replicate_permissions,
}
