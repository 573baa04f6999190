"""PostgreSQL's own programs as Debian installs them, and who may run its server."""

import os
import pwd
import shutil
from pathlib import Path

from domain.errors import InvalidInputError

PACKAGE = "postgresql"
ACCOUNT = "postgres"
"""The system's account of the Debian package: the server refuses to be root."""
_PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs of each version, outside of everybody's PATH."""


def postgres_program(name: str) -> str:
    """The path of one of the programs, of the newest version that is installed.

    Raises:
        InvalidInputError: none is.
    """
    found = [path for path in _PROGRAMS.glob(f"*/bin/{name}") if path.parent.parent.name.isdigit()]
    if not found:
        raise _missing(f"Falta o programa {name}")
    return str(max(found, key=lambda path: int(path.parent.parent.name)))


def as_postgres(*and_then: str) -> tuple[str, ...]:
    """What makes root somebody else, who may still go through the private directories that lead to the data.

    `and_then` are further options of setpriv, which others than root get alone.
    """
    if os.geteuid() != 0:
        return (_setpriv(), *and_then) if and_then else ()
    account, reading = _account(), "+dac_read_search"
    return (
        *(_setpriv(), f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"),
        *(f"--inh-caps={reading}", f"--ambient-caps={reading}", *and_then),
    )


def give_to_postgres(directory: Path) -> None:
    """Let the server's account write in a directory, where that is not this process's own."""
    if os.geteuid() == 0:
        shutil.chown(directory, _account().pw_uid, _account().pw_gid)


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        raise _missing(f"Falta a conta {ACCOUNT} do sistema") from None


def _setpriv() -> str:
    found = shutil.which("setpriv") or shutil.which("setpriv", path="/usr/bin:/bin")
    if found is None:
        raise InvalidInputError("Falta o programa setpriv", "PATH", "Instale o pacote util-linux.")
    return found


def _missing(what: str) -> InvalidInputError:
    return InvalidInputError(what, f"pacote Debian {PACKAGE}", f"Instale-o: apt-get install {PACKAGE}")
