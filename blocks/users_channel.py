"""How steps of an import reach SIP's users and permissions: by SQL here, or by SIP's own web service."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Protocol

from blocks.counters import lock_sequence, next_sequence_ids
from blocks.mariadb import MariaDBServer
from blocks.sip import ORGAO_ID
from blocks.sip_users import NOT_DELEGABLE, fetch_users
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import IntegrityError
from domain.sip_user import Grant, UserState
from domain.text import collation_key
from domain.users_batch import remaining
from domain.users_plan import UserStep

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

_SHOWN = 5


class UsersChannel(Protocol):
    """A way into SIP. Whatever was done before, by this call or one that was cut off, is found done."""

    def apply(self, steps: Sequence[UserStep], *, today: date) -> Change:
        """Bring users and permissions to what the steps say; nothing is ever deleted.

        Raises:
            IntegrityError: somebody changed a user since the steps were planned, or a login is taken.
            RetryableError: SIP does not answer.
        """


class SqlChannel:
    """Writes in SIP's database, all or nothing; SIP's scheduled replication then tells SEI (`sei.md` 2.7)."""

    def __init__(self, server: MariaDBServer, environment: EnvironmentName) -> None:
        self._server = server
        self._sip = environment.database_sip

    def apply(self, steps: Sequence[UserStep], *, today: date) -> Change:
        """Bring users and permissions to what the steps say, in one transaction.

        Raises:
            IntegrityError: somebody changed a user since the steps were planned, or a login is taken.
            RetryableError: the server does not answer, or somebody else is writing.
            InvalidInputError: a text has a character that SIP cannot store.
        """
        if not steps:
            return Change()
        kept = [keeping(step, today) for step in steps]
        with self._server.transaction(self._sip) as cursor:
            # SIP takes this counter for every new user: while we hold it, none comes.
            lock_sequence(cursor, "usuario")
            holders = _holders(cursor, kept)
            touched = (
                {step.before.id_usuario for step in kept if step.before} | set(holders) | _of_same_cpf(cursor, kept)
            )
            rest = remaining(kept, fetch_users(cursor, touched))
            refuse_taken_logins(rest, holders)
            known = [(step.before, step.after) for step in rest if step.before]
            _update_users(
                cursor,
                [(user.id_usuario, user.state, after) for user, after in known if _row(user.state) != _row(after)],
                {step.after.login_key for step in rest},
            )
            came = [step.after for step in rest if step.before is None]
            new_ids = next_sequence_ids(cursor, "usuario", len(came)) if came else []
            _insert_users(cursor, list(zip(new_ids, came, strict=True)))
            _write_grants(
                cursor,
                [
                    *((user_id, (), state.grants) for user_id, state in zip(new_ids, came, strict=True)),
                    *((user.id_usuario, user.state.grants, after.grants) for user, after in known),
                ],
            )
        return change_of(rest, today) + Change(unchanged=len(steps) - len(rest))


def keeping(step: UserStep, today: date) -> UserStep:
    """The step with the permissions that it leaves out ended instead: SIP's history keeps them."""
    if step.before is None:
        return step
    places = step.after.by_place
    left_out = [grant.ended(today) for grant in step.before.state.grants if grant.place not in places]
    if not left_out:
        return step
    return replace(step, after=step.after.with_grants((*step.after.grants, *left_out)))


def change_of(steps: Iterable[UserStep], today: date) -> Change:
    """What carrying out the steps changes: users, and their permissions."""
    created = updated = removed = 0
    for step in steps:
        before = step.before.state if step.before else None
        given, taken = len(step.given(today)), len(step.taken(today))
        created += given
        removed += taken
        if before is None:
            created += 1
        elif before.ativo and not step.after.ativo:
            removed += 1
        elif step.changed or not given + taken:
            updated += 1
    return Change(created=created, updated=updated, removed=removed)


def refuse_taken_logins(steps: Iterable[UserStep], holders: Mapping[int, tuple[str, bool]]) -> None:
    """Refuse what SIP's UNIQUE key (login, órgão, active or not) would: that key has room for one inactive user.

    `holders` are the users that have a login of the steps, with whether they are active. SIP's own screens refuse a
    login that an inactive user has, so two of them are a person's doing, and a person's to settle.

    Raises:
        IntegrityError: naming the users by id.
    """
    found = list(steps)
    moving = {step.before.id_usuario for step in found if step.before}
    standing = {(collation_key(sigla), active): user for user, (sigla, active) in holders.items() if user not in moving}
    wanted = Counter(step.after.login_key for step in found)
    taken = [
        f"{step.who} (o login já é do usuário {standing[key]}, {'ativo' if key[1] else 'inativo'})"
        if key in standing
        else f"{step.who} (outra pessoa do mesmo lote teria o mesmo login)"
        for step in found
        if (key := step.after.login_key) in standing or wanted[key] > 1
    ]
    if taken:
        raise IntegrityError(
            f"O SIP não aceita dois usuários com o mesmo login e a mesma situação: {'; '.join(taken[:_SHOWN])}",
            "sip.usuario",
            "Mude no SIP o login de um dos dois e execute de novo. Nada foi gravado.",
        )


def _holders(cursor: "Cursor", steps: Collection[UserStep]) -> dict[int, tuple[str, bool]]:
    cursor.execute(
        "SELECT id_usuario, sigla, sin_ativo = 'S' FROM usuario WHERE id_orgao = %s AND sigla IN %s",
        (ORGAO_ID, tuple({step.after.sigla for step in steps})),
    )
    return {int(user): (str(sigla), bool(active)) for user, sigla, active in cursor.fetchall()}


def _of_same_cpf(cursor: "Cursor", steps: Iterable[UserStep]) -> set[int]:
    """Who has the CPF of somebody who comes: an import of before, or somebody's own hand, was there first."""
    cpfs = {int(step.after.cpf) for step in steps if step.before is None and step.after.cpf}
    if not cpfs:
        return set()
    cursor.execute("SELECT id_usuario FROM usuario WHERE id_orgao = %s AND cpf IN %s", (ORGAO_ID, tuple(cpfs)))
    return {int(row[0]) for row in cursor.fetchall()}


def _row(state: UserState) -> tuple[str | int | None, ...]:
    """The columns of `usuario` that say what the state says, in the order of the statements below."""
    return (
        state.sigla,
        state.shown_name,
        state.nome,
        state.nome_social,
        int(state.cpf) if state.cpf else None,
        state.email,
        state.id_origem,
        "S" if state.ativo else "N",
    )


def _update_users(
    cursor: "Cursor", users: Sequence[tuple[int, UserState, UserState]], wanted: Collection[tuple[str, bool]]
) -> None:
    # Two who swap their logins would each be in the other's way: first whoever has one that is wanted lets it go.
    cursor.executemany(
        "UPDATE usuario SET sigla = %s WHERE id_usuario = %s",
        [
            (f"*{user_id}", user_id)
            for user_id, before, after in users
            if before.login_key != after.login_key and before.login_key in wanted
        ],
    )
    cursor.executemany(
        "UPDATE usuario SET sigla = %s, nome = %s, nome_registro_civil = %s, nome_social = %s, cpf = %s, email = %s,"
        " id_origem = %s, sin_ativo = %s WHERE id_usuario = %s",
        [(*_row(after), user_id) for user_id, _, after in users],
    )


def _insert_users(cursor: "Cursor", users: Sequence[tuple[int, UserState]]) -> None:
    cursor.executemany(
        "INSERT INTO usuario (sigla, nome, nome_registro_civil, nome_social, cpf, email, id_origem, sin_ativo,"
        " id_usuario, id_orgao, sin_bloqueado) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'N')",
        [(*_row(state), user_id, ORGAO_ID) for user_id, state in users],
    )


def _write_grants(cursor: "Cursor", users: Iterable[tuple[int, Sequence[Grant], Sequence[Grant]]]) -> None:
    cursor.executemany(
        "INSERT INTO permissao (dta_inicio, dta_fim, sin_subunidades, id_sistema, id_perfil, id_unidade, id_usuario,"
        " id_tipo_permissao) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
        " ON DUPLICATE KEY UPDATE dta_inicio = VALUES(dta_inicio), dta_fim = VALUES(dta_fim),"
        " sin_subunidades = VALUES(sin_subunidades)",
        [
            (*_columns(user_id, grant), NOT_DELEGABLE)
            for user_id, before, after in users
            for grant in changed_grants(before, after)
        ],
    )


def changed_grants(before: Sequence[Grant], after: Sequence[Grant]) -> list[Grant]:
    """The permissions that are new, or no longer as they were."""
    found = set(before)
    return [grant for grant in after if grant not in found]


def _columns(user_id: int, grant: Grant) -> tuple[date | str | int | None, ...]:
    place = grant.place
    return (
        grant.inicio,
        grant.fim,
        "S" if grant.subunidades else "N",
        place.id_sistema,
        place.id_perfil,
        place.id_unidade,
        user_id,
    )
