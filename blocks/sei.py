"""The SEI database of one environment (`sei.md` 2.5). Units and users come here by SIP's replication, never from us."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from blocks.counters import next_sequence_ids, next_table_id
from blocks.infra_rows import ensure_parameters, ensure_schedules, first_number, has_column
from blocks.mariadb import MariaDBServer
from blocks.sei_orgao import ensure_cities, ensure_orgao
from blocks.sip import ORGAO_ID
from domain.access_key import AccessKey
from domain.change import Change
from domain.city import City
from domain.environment import EnvironmentName
from domain.errors import IntegrityError
from domain.schedule import Schedule
from domain.spreadsheet_units import Unit
from domain.text import collation_key, search_text

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# A row that everything else hangs on, the same in every reference database (`sei.md` 2.4, 2.5).
SIP_USER_ID = 2
INTEGRATED_SYSTEM = "1"  # usuario.sta_tipo
SERVICE_USER = "IMPLANTA"
SERVICE_NAME = "implanta"


class SeiDatabase:
    """One environment's SEI."""

    def __init__(self, server: MariaDBServer, environment: EnvironmentName) -> None:
        self._server = server
        self._database = environment.database_sei

    def ensure_orgao(self, sigla: str, descricao: str, ibge: str) -> Change:
        """Give the órgão its acronym and name everywhere that the old ones are written.

        Renaming the órgão alone leaves the rest stale, and module scripts then create doubles (`sei.md` 2.5).
        """
        with self._server.transaction(self._database) as cursor:
            return ensure_orgao(cursor, self._database, sigla, descricao, ibge)

    def ensure_cities(self, cities: Iterable[City]) -> Change:
        """Insert the municipalities that the reference lacks."""
        with self._server.transaction(self._database) as cursor:
            return ensure_cities(cursor, cities)

    def ensure_parameters(self, values: dict[str, str]) -> Change:
        """Set parameters that this version knows; a name that it does not know is left out."""
        return ensure_parameters(self._server, self._database, values)

    def ensure_schedules(self, wanted: Iterable[Schedule]) -> Change:
        """Switch scheduled tasks on and off, and set their hours."""
        return ensure_schedules(self._server, self._database, wanted)

    def ensure_service(self, key_of: Callable[[int], AccessKey]) -> Change:
        """The web-service account with which Implanta probes this instance: an integrated system with a key.

        `key_of` gives the key of a service id. The service has no row in `operacao_servico`, so it may call only the
        listing operations, which need no grant.
        """
        with self._server.transaction(self._database) as cursor:
            change = Change()
            cursor.execute(
                "SELECT id_usuario FROM usuario WHERE sta_tipo = %s AND sigla = %s FOR UPDATE",
                (INTEGRATED_SYSTEM, SERVICE_USER),
            )
            row = cursor.fetchone()
            if row is None:
                user_id = self._insert_service_user(cursor)
                change += Change(created=1, details=(f"sistema {SERVICE_USER} incluído no SEI",))
            else:
                user_id = int(row[0])
            cursor.execute(
                "SELECT id_servico, chave_acesso FROM servico WHERE id_usuario = %s AND identificacao = %s FOR UPDATE",
                (user_id, SERVICE_NAME),
            )
            row = cursor.fetchone()
            if row is None:
                service_id = next_table_id(cursor, "servico")
                key = key_of(service_id)
                cursor.execute(
                    "INSERT INTO servico (id_servico, id_usuario, identificacao, descricao, sin_link_externo,"
                    " sin_ativo, sin_chave_acesso, sin_servidor, crc, chave_acesso)"
                    " VALUES (%s, %s, %s, %s, 'N', 'S', 'S', 'N', %s, %s)",
                    (service_id, user_id, SERVICE_NAME, "Verificações do Implanta", key.crc, key.hash()),
                )
                return change + Change(created=1, details=(f"serviço {SERVICE_NAME} incluído no SEI",))
            service_id = int(row[0])
            key = key_of(service_id)
            if key.matches(row[1]):
                return change + Change(unchanged=1)
            cursor.execute(
                "UPDATE servico SET crc = %s, chave_acesso = %s WHERE id_servico = %s",
                (key.crc, key.hash(), service_id),
            )
            return change + Change(updated=1, details=(f"chave do serviço {SERVICE_NAME} trocada",))

    def _insert_service_user(self, cursor: "Cursor") -> int:
        name = "Implanta"
        contact_id = next_table_id(cursor, "contato")
        index = search_text(SERVICE_USER, name)
        cursor.execute(
            "INSERT INTO contato (id_contato, nome, sigla, idx_contato, sin_ativo, dth_cadastro, sta_natureza,"
            " sin_endereco_associado, id_contato_associado, id_tipo_contato, id_usuario_cadastro)"
            " SELECT %s, %s, %s, %s, 'S', NOW(), 'J', 'N', %s, valor, %s FROM infra_parametro"
            " WHERE nome = 'ID_TIPO_CONTATO_SISTEMAS'",
            (contact_id, name, SERVICE_USER, index, contact_id, SIP_USER_ID),
        )
        (user_id,) = next_sequence_ids(cursor, "usuario_sistema", 1)
        values: dict[str, str | int] = {
            "id_usuario": user_id,
            "sin_ativo": "S",
            "sigla": SERVICE_USER,
            "nome": name,
            "nome_registro_civil": name,
            "id_contato": contact_id,
            "id_orgao": ORGAO_ID,
            "idx_usuario": index,
            "sta_tipo": INTEGRATED_SYSTEM,
        }
        if has_column(cursor, "usuario", "sin_acessibilidade"):  # SEI 4.0 demands it, 4.1 dropped it
            values["sin_acessibilidade"] = "N"
        cursor.execute(
            f"INSERT INTO usuario ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})",
            tuple(values.values()),
        )
        return user_id

    def service_id(self) -> int | None:
        """The id of Implanta's service, or None before `ensure_service`."""
        with self._server.transaction(self._database) as cursor:
            cursor.execute(
                "SELECT s.id_servico FROM servico s JOIN usuario u USING (id_usuario)"
                " WHERE u.sigla = %s AND u.sta_tipo = %s AND s.identificacao = %s",
                (SERVICE_USER, INTEGRATED_SYSTEM, SERVICE_NAME),
            )
            row = cursor.fetchone()
            return int(row[0]) if row else None

    def ensure_unit_codes(self) -> Change:
        """Number the units that have no code yet, in the order of their ids: the code is part of a process's number.

        The reference's own test units keep theirs; a code that is there is never changed.
        """
        with self._server.transaction(self._database) as cursor:
            cursor.execute("SELECT id_unidade, codigo_sei FROM unidade ORDER BY id_unidade FOR UPDATE")
            rows = [(int(unit_id), code) for unit_id, code in cursor.fetchall()]
            taken = {int(code) for _, code in rows if code and str(code).isdigit()}
            free = (number for number in range(1, 1000) if number not in taken)
            missing = [(f"{next(free):02d}", unit_id) for unit_id, code in rows if not code]
            cursor.executemany("UPDATE unidade SET codigo_sei = %s WHERE id_unidade = %s", missing)
            return Change(updated=len(missing), unchanged=len(rows) - len(missing))

    def ensure_unit_emails(self, units: Iterable[Unit]) -> Change:
        """Give units the e-mail that they send from, where one is wanted: a row described as the unit itself.

        That row gets a new address when the wanted one changes. Addresses that people added under other descriptions
        stay, and one of them that already is the wanted one is enough.

        Raises:
            IntegrityError: a unit is not in SEI; replication should have brought it.
        """
        change = Change()
        with self._server.transaction(self._database) as cursor:
            # An active unit wins; another órgão may have one of the same sigla.
            cursor.execute("SELECT sigla, id_unidade FROM unidade WHERE id_orgao = %s ORDER BY sin_ativo", (ORGAO_ID,))
            ids = {collation_key(str(sigla)): int(unit_id) for sigla, unit_id in cursor.fetchall()}
            for unit in units:
                if unit.email is None:
                    continue
                unit_id = ids.get(collation_key(unit.sigla))
                if unit_id is None:
                    raise IntegrityError(
                        f"A unidade {unit.sigla} não está no SEI", self._database, "Confira a replicação do SIP."
                    )
                change += _ensure_unit_email(cursor, unit_id, unit.descricao, unit.email)
        return change

    def list_holidays(self) -> set[tuple[date, str]]:
        """The holidays that hold for the órgão, its own and those of every órgão, as (day, description)."""
        with self._server.transaction(self._database) as cursor:
            cursor.execute(
                "SELECT dta_feriado, descricao FROM feriado WHERE id_orgao = %s OR id_orgao IS NULL", (ORGAO_ID,)
            )
            return {(_as_date(day), str(description)) for day, description in cursor.fetchall()}

    def insert_holidays(self, holidays: Iterable[tuple[date, str]]) -> Change:
        """Add holidays that hold for the órgão."""
        change = Change()
        with self._server.transaction(self._database) as cursor:
            for day, description in holidays:
                cursor.execute(
                    "INSERT INTO feriado (id_feriado, id_orgao, descricao, dta_feriado) VALUES (%s, %s, %s, %s)",
                    (next_table_id(cursor, "feriado"), ORGAO_ID, description, day),
                )
                change += Change(created=1, details=(f"feriado {day:%d/%m/%Y}: {description}",))
        return change

    def count_work(self) -> dict[str, int]:
        """How many processes, documents and files people have put in; zeros mean that nobody works here yet.

        A table that is not there, as after a load that was cut off, holds nobody's work.
        """
        counts = {}
        with self._server.transaction(self._database) as cursor:
            for table in ("procedimento", "documento", "anexo"):
                if has_column(cursor, table, f"id_{table}"):
                    cursor.execute(f"SELECT COUNT(*) FROM {table}")
                    counts[table] = first_number(cursor)
        return counts

    def heartbeat_age(self) -> timedelta | None:
        """How long ago the scheduler last ran its heartbeat task well, by the database's own clock; None if never."""
        with self._server.transaction(self._database) as cursor:
            cursor.execute(
                "SELECT TIMESTAMPDIFF(SECOND, dth_ultima_execucao, NOW()) FROM infra_agendamento_tarefa"
                " WHERE comando = 'AgendamentoRN::testarAgendamento' AND sin_sucesso = 'S'"
            )
            row = cursor.fetchone()
            return timedelta(seconds=int(row[0])) if row and row[0] is not None else None


def _ensure_unit_email(cursor: "Cursor", unit_id: int, descricao: str, email: str) -> Change:
    cursor.execute(
        "SELECT id_email_unidade, email, descricao FROM email_unidade WHERE id_unidade = %s"
        " ORDER BY id_email_unidade FOR UPDATE",
        (unit_id,),
    )
    rows = cursor.fetchall()
    if any(address == email for _, address, _ in rows):
        return Change(unchanged=1)
    ours = [row_id for row_id, _, description in rows if description == descricao]
    if ours:
        cursor.execute("UPDATE email_unidade SET email = %s WHERE id_email_unidade = %s", (email, ours[0]))
        return Change(updated=1)
    values: dict[str, str | int] = {
        "id_email_unidade": next_table_id(cursor, "email_unidade"),
        "id_unidade": unit_id,
        "email": email,
        "descricao": descricao,
    }
    if has_column(cursor, "email_unidade", "sequencia"):  # SEI 4.1 demands it, 4.0 has not got it
        values["sequencia"] = 0
    cursor.execute(
        f"INSERT INTO email_unidade ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})",
        tuple(values.values()),
    )
    return Change(created=1)


def _as_date(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value
