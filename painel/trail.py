"""Who changed what through the door: one line a request, in a private file that only grows."""

import json
import os
from datetime import datetime
from pathlib import Path

from domain.errors import RetryableError
from domain.person import CPF_DIGITS, cpf_digits


class Trail:
    """The file; another program may move it away at any time, and a new one is begun."""

    def __init__(self, path: Path) -> None:
        """Take where it is."""
        self._path = path

    def write(self, moment: datetime, login: str, **facts: str | bool | None) -> None:
        """Append what somebody asked.

        Raises:
            RetryableError: it cannot be written; then nothing may be changed.
        """
        line = {"quando": moment.isoformat(timespec="milliseconds"), "quem": _covered(login), **facts}
        text = json.dumps(line, ensure_ascii=False) + "\n"
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise RetryableError(
                f"A trilha da porta não pôde ser escrita ({error.strerror})",
                str(self._path),
                "Libere espaço ou acerte as permissões: até lá ninguém muda nada por ela.",
            ) from None


def _covered(login: str) -> str:
    """A login that is a CPF, as the public reads it: the middle digits only."""
    digits = cpf_digits(login) if len(login) >= CPF_DIGITS else None
    return f"***.{digits[3:6]}.{digits[6:9]}-**" if digits else login
