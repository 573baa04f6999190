"""How a value that differs is told: old and new side by side, and nothing that only its owner may see."""

import re

MAX_SHOWN = 60

_SECRET_NAME = re.compile(r"SENHA|CHAVE|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
# From the beginning of a word only: within an image written in base64, one word of 100 kB, each letter would be tried.
_EMAIL = re.compile(r"(?<![^\s@,;<>])[^\s@,;<>]+@([^\s@,;<>]+\.[^\s@,;<>]+)")
_CPF = re.compile(r"(?<!\d)\d{3}\.?\d{3}\.?\d{3}-?\d{2}(?!\d)")


def difference(name: str, old: str | None, new: str | None) -> str:
    """`SEI_TAM_MB_DOC_EXTERNO: 200 → 50`; of an e-mail only its domain, of a secret and of a CPF nothing."""
    if _SECRET_NAME.search(name):
        return f"{name}: valor trocado, não mostrado"
    return f"{name}: {shown(old)} → {shown(new)}"


def shown(value: str | None) -> str:
    """The value without personal data, in one line of at most 60 characters; nothing at all is `vazio`."""
    if value is None or not value.strip():
        return "vazio"
    text = _CPF.sub("(número não mostrado)", _EMAIL.sub(r"(endereço de \1)", " ".join(value.split())))
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
