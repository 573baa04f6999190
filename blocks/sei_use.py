"""What people did in one environment's SEI: counts, and nobody's name."""

from datetime import date, datetime, time

from blocks.infra_rows import first_number
from blocks.mariadb import MariaDBServer
from domain.environment import EnvironmentName
from domain.monthly_report import MonthOfUse

# protocolo.sta_protocolo: a generated document, and one that was registered from outside; sta_estado 2 is cancelled.
_DOCUMENTS = ("G", "R")
_CANCELLED = "2"
_INTERNAL_USER = "0"  # usuario.sta_tipo


class SeiUse:
    """The work in one environment's SEI database."""

    def __init__(self, server: MariaDBServer, environment: EnvironmentName) -> None:
        self._server = server
        self._database = environment.database_sei

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
