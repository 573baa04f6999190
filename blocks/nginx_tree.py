"""The files of one generation of an nginx edge's configuration: reading, writing, naming them to operators."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import RetryableError

Tree = dict[str, bytes]
"""The files of one generation of the configuration: relative path and content."""

SITE_FILES = {".conf": "configuração", ".pem": "certificado", ".key": "chave do certificado"}


def describe(name: str) -> str:
    """What a file of the tree is, in Portuguese."""
    folder, _, file = name.partition("/")
    stem, ending = Path(file).stem, Path(file).suffix
    if folder == "sites":
        return f"site {stem}: {SITE_FILES[ending]}"
    if folder == "pages":
        return "página de pedido recusado" if file == "bloqueio.html" else f"site {stem}: página de manutenção"
    return f"regras do WAF: {file}" if folder == "waf" else f"configuração comum da borda: {name}"


def read(path: Path) -> bytes | None:
    """What the file holds; None when there is none."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def write(path: Path, content: bytes, *, public: bool = False) -> None:
    """Write a file that its owner alone may read, for some hold keys; a `public` one holds what the public is shown."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if public:
            os.fchmod(descriptor, 0o644)


def make_directory(path: Path, *, searched: bool = False) -> None:
    """Make a directory for its owner alone; where it is `searched`, others may open what they know the name of."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if searched:
        path.chmod(0o711)


@contextmanager
def explaining_disk_errors(home: Path) -> Iterator[None]:
    """Raise a RetryableError for what the disk refuses inside the block."""
    try:
        yield
    except OSError as e:
        raise RetryableError(
            f"Não foi possível gravar a configuração da borda ({e.strerror})",
            str(e.filename or home),
            "Libere espaço ou acerte as permissões e execute de novo.",
        ) from e
