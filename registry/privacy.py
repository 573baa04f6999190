"""Keeps personal data out of what the registry tells everybody: events and counts."""

import re
from collections.abc import Mapping

from pydantic import JsonValue

from domain.errors import IntegrityError
from domain.text import unaccent

_PERSONAL_WORDS = frozenset(
    {"cpf", "nome", "name", "email", "mail", "senha", "password", "telefone", "celular", "endereco", "rg", "matricula"}
)
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_CPF = re.compile(r"(?<![0-9A-Za-z])\d{3}\.?\d{3}\.?\d{3}-?\d{2}(?![0-9A-Za-z])")


def refuse_personal_data(value: JsonValue, *, what: str) -> None:
    """Let only impersonal details through.

    Refused: a field named like personal data (`cpf`, `nome`, `email`, `senha`…; `sem_email: 3` is a count and passes),
    and any text or number that looks like an e-mail or a CPF. Sizes (`…_bytes`) are never taken for a CPF.

    Raises:
        IntegrityError: names the field that is wrong, never its value.
    """
    _search(value, what=what, path="")


HIDDEN = "motivo não exibido: o texto traz dado pessoal"


def without_person(text: str) -> str:
    """The text, or `HIDDEN` in the place of one that looks as if it held an e-mail or a CPF."""
    return HIDDEN if _looks_personal(text) else text


def _search(value: JsonValue, *, what: str, path: str) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if _looks_personal(key):
                raise _refusal(what, f"{path}.(nome do campo)")
            if _names_personal_data(key, item):
                raise _refusal(what, f"{path}.{key}")
            _search(item, what=what, path=f"{path}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _search(item, what=what, path=f"{path}[{number}]")
    elif isinstance(value, str):
        if _looks_personal(value):
            raise _refusal(what, path)
    elif isinstance(value, int) and not path.endswith("_bytes") and _valid_cpf(str(value)):
        raise _refusal(what, path)


def _names_personal_data(key: str, item: JsonValue) -> bool:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key)
    text = unaccent(spaced).casefold().replace("e-mail", "email")
    words = {word.removesuffix("s") for word in re.split(r"[^a-z0-9]+", text)}
    if not words & _PERSONAL_WORDS:
        return False
    is_count = isinstance(item, int | float)
    return not is_count or len(words) == 1


def _looks_personal(text: str) -> bool:
    if _EMAIL.search(text):
        return True
    # With its punctuation it is meant as a CPF, right or wrong; bare digits may be a number of another kind.
    return any(not found.isdigit() or _valid_cpf(found) for found in _CPF.findall(text))


def _valid_cpf(digits: str) -> bool:
    from brutils.cpf import is_valid  # noqa: PLC0415  # a tenth of a second that only writers need

    return bool(is_valid(digits))


def _refusal(what: str, path: str) -> IntegrityError:
    return IntegrityError(
        f"{what} traz dado pessoal",
        f"campo {path.lstrip('.') or 'de texto'}",
        "Corrija o programa: envie só contagens e referências.",
    )
