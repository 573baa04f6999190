"""What a MariaDB error number means for the one who has to act; numbers of server and client alike.

Sources: MariaDB's list of error codes (https://mariadb.com/kb/en/mariadb-error-codes/) and the client's own
(`errmsg.h`, 2000 and up).
"""

import re
from enum import StrEnum, auto

NO_CODE = -1
"""For an error that came without a number; pymysql's own 0 means that the connection is closed already."""


class Failure(StrEnum):
    """One kind of failure; all that share a kind are mended the same way."""

    DENIED = auto()
    MISSING_DATABASE = auto()
    UNTRUSTED = auto()
    UNREACHABLE = auto()
    CONTENDED = auto()
    RESTRUCTURED = auto()
    DISK_FULL = auto()
    STORAGE = auto()
    READ_ONLY = auto()
    INTERRUPTED = auto()
    CONSTRAINT = auto()
    OTHER = auto()


_CODES: dict[Failure, tuple[int, ...]] = {
    # Login, schema, table, column, special privilege, routine, login without a password, locked account.
    Failure.DENIED: (1044, 1045, 1142, 1143, 1227, 1370, 1698, 4151),
    Failure.MISSING_DATABASE: (1049,),
    Failure.UNTRUSTED: (2026,),
    # Closed by the driver, too many connections (of all, of one user), shutdown, network; then the client's own:
    # socket, host, name, gone, lost.
    Failure.UNREACHABLE: (0, 1040, 1053, 1158, 1159, 1160, 1161, 1203, 1226, 2002, 2003, 2005, 2006, 2013),
    Failure.CONTENDED: (1205, 1213),
    Failure.RESTRUCTURED: (1412,),
    Failure.DISK_FULL: (1021, 1114),
    Failure.STORAGE: (3, 1026, 1030),
    Failure.READ_ONLY: (1290, 1836),
    # By a KILL of the statement, of the connection, or by its time limit.
    Failure.INTERRUPTED: (1317, 1927, 1969),
    Failure.CONSTRAINT: (1022, 1048, 1062, 1169, 1216, 1217, 1451, 1452, 1557, 1586, 4025),
}
_KINDS = {code: kind for kind, codes in _CODES.items() for code in codes}
# Files that could not be made or written, for whatever reason: of the server, of a table, of a schema.
_FILE_CODES = frozenset({1, *_CODES[Failure.STORAGE], 1005, 1006})
_NO_SPACE = re.compile(r"\b(?:error|errno:|Errcode:) (?:28|135)\b")  # ENOSPC of Linux, and what InnoDB makes of it
_OUT_OF_STEP = "Packet sequence number wrong"  # pymysql's, without a number: the connection died in mid-sentence
_BAD_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"  # pymysql tells it as a host that cannot be reached


def classify(code: int, text: str = "") -> Failure:
    """The kind of an error, by its number and, where that is not enough, by its English text."""
    kind = _KINDS.get(code, Failure.OTHER)
    if code in _FILE_CODES and _NO_SPACE.search(text):
        return Failure.DISK_FULL
    if kind is Failure.UNREACHABLE and _BAD_CERTIFICATE in text:
        return Failure.UNTRUSTED
    if code == NO_CODE and text.startswith(_OUT_OF_STEP):
        return Failure.UNREACHABLE
    return kind
