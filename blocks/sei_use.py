"""What people did in one environment's SEI."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta

from blocks.infra_rows import first_number
from blocks.mariadb import MariaDBServer, identifier
from domain.campaign.failure import signature_of
from domain.campaign.promotion import RealUse
from domain.environment import EnvironmentName
from domain.monthly_report import MonthOfUse
from domain.person import RESERVED_LOGINS
from domain.practice import PracticeStep, Practised
from domain.text import collation_key
from domain.use_count import UseCount

# protocolo.sta_protocolo: a generated document, and one that was registered from outside; sta_estado 2 is cancelled.
_DOCUMENTS = ("G", "R")
_CANCELLED = "2"
_INTERNAL_USER = "0"  # usuario.sta_tipo


# login.sta_login in SIP: V, SEI let the person in; R, who left since. C is a sign-in that SEI has not seen.
_LET_IN = ("V", "R")
# When each internal user last did something, by login. The table `login` is emptied at night (`sei.md` 2.6) and the
# audit now and then, so a sign-in is also known by what it was for.
_PRACTICE = {
    PracticeStep.SIGNED_IN: (
        "SELECT u.sigla, MAX(l.dth_login) FROM {sip}.login l JOIN usuario u ON u.id_usuario = l.id_usuario"
        " WHERE l.sta_login IN %(let_in)s AND u.sta_tipo = %(internal)s GROUP BY u.sigla"
        " UNION ALL SELECT u.sigla, MAX(i.dth_acesso) FROM infra_auditoria i"
        " JOIN usuario u ON u.id_usuario = i.id_usuario WHERE u.sta_tipo = %(internal)s GROUP BY u.sigla"
        " UNION ALL SELECT u.sigla, MAX(a.dth_abertura) FROM atividade a"
        " JOIN usuario u ON u.id_usuario = a.id_usuario_origem WHERE u.sta_tipo = %(internal)s GROUP BY u.sigla"
    ),
    PracticeStep.STARTED_PROCESS: (
        "SELECT u.sigla, MAX(p.dta_inclusao) FROM protocolo p JOIN usuario u ON u.id_usuario = p.id_usuario_gerador"
        " WHERE p.sta_protocolo = 'P' AND u.sta_tipo = %(internal)s GROUP BY u.sigla"
    ),
    # A signature has no day of its own: the history's entry has.
    PracticeStep.SIGNED_DOCUMENT: (
        "SELECT u.sigla, MAX(a.dth_abertura) FROM assinatura s JOIN atividade a ON a.id_atividade = s.id_atividade"
        " JOIN usuario u ON u.id_usuario = s.id_usuario"
        " WHERE s.sin_ativo = 'S' AND u.sta_tipo = %(internal)s GROUP BY u.sigla"
    ),
}


# `tarefa` 32, "Processo remetido pela unidade": a process sent to several units at once makes one entry for each.
_SENT = 32
_SINCE = "{} > NOW() - INTERVAL %(seconds)s SECOND"
# The table `login` is emptied at night: a day on which somebody did anything is one sign-in, at least.
_SIGN_INS = (
    "SELECT COUNT(*) FROM ("
    "SELECT l.id_usuario AS person, DATE(l.dth_login) AS day FROM {sip}.login l"
    f" WHERE l.sta_login IN %(let_in)s AND {_SINCE.format('l.dth_login')}"
    f" UNION SELECT i.id_usuario, DATE(i.dth_acesso) FROM infra_auditoria i WHERE {_SINCE.format('i.dth_acesso')}"
    " UNION SELECT a.id_usuario_origem, DATE(a.dth_abertura) FROM atividade a"
    f" WHERE {_SINCE.format('a.dth_abertura')}"
    ") seen JOIN usuario u ON u.id_usuario = seen.person WHERE u.sta_tipo = %(internal)s"
)
_SIGNED = (
    "SELECT COUNT(*) FROM assinatura s JOIN atividade a ON a.id_atividade = s.id_atividade"
    f" WHERE s.sin_ativo = 'S' AND {_SINCE.format('a.dth_abertura')}"
)
_SENDINGS = (
    "SELECT COUNT(DISTINCT a.id_protocolo, a.id_unidade_origem, a.dth_abertura) FROM atividade a"
    f" WHERE a.id_tarefa = %(sent)s AND {_SINCE.format('a.dth_abertura')}"
)
_MOST_ERRORS = 2000


class SeiUse:
    """The work in one environment's databases."""

    def __init__(self, server: MariaDBServer, environment: EnvironmentName) -> None:
        self._server = server
        self._database = environment.database_sei
        self._sip = environment.database_sip

    def count_month(self, first: date, after: date) -> MonthOfUse:
        """Processes and documents that came in from one day until before another, and how many people did anything.

        By `dta_inclusao`, which is when it came in: the day of a process (`dta_geracao`) may be written by hand.
        """
        between = (datetime.combine(first, time()), datetime.combine(after, time()))
        with self._server.transaction(self._database) as cursor:
            cursor.execute(
                "SELECT COUNT(*) FROM protocolo WHERE dta_inclusao >= %s AND dta_inclusao < %s AND sta_protocolo = 'P'",
                between,
            )
            processes = first_number(cursor)
            cursor.execute(
                "SELECT COUNT(*) FROM protocolo WHERE dta_inclusao >= %s AND dta_inclusao < %s"
                " AND sta_protocolo IN %s AND sta_estado <> %s",
                (*between, _DOCUMENTS, _CANCELLED),
            )
            documents = first_number(cursor)
            cursor.execute(
                "SELECT COUNT(DISTINCT a.id_usuario_origem) FROM atividade a"
                " JOIN usuario u ON u.id_usuario = a.id_usuario_origem"
                " WHERE a.dth_abertura >= %s AND a.dth_abertura < %s AND u.sta_tipo = %s",
                (*between, _INTERNAL_USER),
            )
            return MonthOfUse(users=first_number(cursor), processes=processes, documents=documents)

    def count_all(self) -> UseCount:
        """Everybody who may work there, and every process and document that there is."""
        with self._server.transaction(self._database) as cursor:
            cursor.execute("SELECT COUNT(*) FROM protocolo WHERE sta_protocolo = 'P'")
            processes = first_number(cursor)
            cursor.execute(
                "SELECT COUNT(*) FROM protocolo WHERE sta_protocolo IN %s AND sta_estado <> %s",
                (_DOCUMENTS, _CANCELLED),
            )
            documents = first_number(cursor)
            cursor.execute(
                "SELECT COUNT(*) FROM usuario WHERE sta_tipo = %s AND sin_ativo = 'S' AND sigla NOT IN %s",
                (_INTERNAL_USER, tuple(RESERVED_LOGINS)),
            )
            return UseCount(users=first_number(cursor), processes=processes, documents=documents)

    def list_practice(self, steps: Iterable[PracticeStep]) -> Iterator[Practised]:
        """When each person last did each of the steps; a person may come more than once for one. Personal data."""
        values = {"let_in": _LET_IN, "internal": _INTERNAL_USER}
        with self._server.transaction(self._database) as cursor:
            for step in steps:
                cursor.execute(_PRACTICE[step].format(sip=identifier(self._sip)), values)
                for login, moment in cursor.fetchall():
                    yield Practised(collation_key(str(login)), step, moment.date())

    def count_since(self, moment_ago: timedelta) -> RealUse:
        """What people did in the last so much time, by the database server's clock; counts only."""
        values = {
            "let_in": _LET_IN,
            "internal": _INTERNAL_USER,
            "sent": _SENT,
            "seconds": int(moment_ago.total_seconds()),
        }
        counts = []
        with self._server.transaction(self._database) as cursor:
            for query in (_SIGN_INS.replace("{sip}", identifier(self._sip)), _SIGNED, _SENDINGS):
                cursor.execute(query, values)
                counts.append(first_number(cursor))
        sign_ins, signed, sent = counts
        return RealUse(sign_ins=sign_ins, documents_signed=signed, processes_sent=sent)

    def new_kinds_of_errors(self, since: timedelta, before: timedelta) -> tuple[str, ...]:
        """The signatures of the errors that SEI logged in the last so much time and not in the time before that.

        Of each time the last two thousand are read (`infra_log`, `sei.md` 2.6).
        """
        edge, start = int(since.total_seconds()), int((since + before).total_seconds())
        after = "dth_log > NOW() - INTERVAL %s SECOND"
        query = "SELECT LEFT(texto_log, 2000) FROM infra_log WHERE sta_tipo = 'E' AND {} ORDER BY dth_log DESC LIMIT %s"
        with self._server.transaction(self._database) as cursor:
            cursor.execute(query.format(after), (edge, _MOST_ERRORS))
            new = {signature_of(str(text)) for (text,) in cursor.fetchall()}
            if not new:
                return ()
            cursor.execute(
                query.format(f"{after} AND dth_log <= NOW() - INTERVAL %s SECOND"), (start, edge, _MOST_ERRORS)
            )
            known = {signature_of(str(text)) for (text,) in cursor.fetchall()}
        return tuple(sorted(new - known))
