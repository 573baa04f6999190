"""The number of a process: the órgão's mask (`sei.md` 6.2) filled in, with its check digits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from domain.errors import InvalidInputError

CounterScope = Literal["uni_sei", "uni_sip", "org_sei", "org_sip"]

_FIELD = re.compile(r"@([a-z0-9_]+)_(\d{1,2})d@")
_CHECK_DIGITS = "dv_mod11_executivo_federal"
_CODES: Mapping[str, CounterScope] = {
    "cod_orgao_sei": "org_sei",
    "cod_unidade_sei": "uni_sei",
    "cod_orgao_sip": "org_sip",
    "cod_unidade_sip": "uni_sip",
}
_SEQUENCES: Mapping[str, CounterScope] = {
    "seq_anual_cod_orgao_sei": "org_sei",
    "seq_anual_cod_unidade_sei": "uni_sei",
    "seq_anual_cod_orgao_sip": "org_sip",
    "seq_anual_cod_unidade_sip": "uni_sip",
}


@dataclass(frozen=True)
class Codes:
    """The codes of the unit that starts a process, and of its órgão; a code of SIP is its id there."""

    org_sei: str | None
    uni_sei: str | None
    org_sip: str
    uni_sip: str

    def require(self, scope: CounterScope) -> str:
        """One of the codes.

        Raises:
            InvalidInputError: the unit or the órgão has no numeric code yet.
        """
        code: str | None = getattr(self, scope)
        if code is None or not code.isdigit():
            name = "da unidade" if scope.startswith("uni") else "do órgão"
            raise InvalidInputError(
                f"O código {name} no SEI não foi preenchido ou não é numérico",
                "numeração do processo",
                "Preencha o código na administração do SEI.",
            )
        return code


def check_digits(base: str) -> str:
    """The two check digits of a process number, over all the digits before them.

    Modulo 11 twice, weights 2, 3, 4… from the right (Portaria SLTI/MP 3/2003); a result of 10 becomes 0 and 11
    becomes 1. Holds for the 15 digits of a federal NUP and for the 18 of a state's NIPE alike.
    """
    digits = base
    for _ in range(2):
        total = sum(int(digit) * weight for weight, digit in enumerate(reversed(digits), start=2))
        digits += str(11 - total % 11)[-1]
    return digits[-2:]


@dataclass(frozen=True)
class NumberMask:
    """The mask of `orgao.numeracao`, such as `@cod_orgao_sei_03d@….@ano_4d@-@dv_mod11_executivo_federal_2d@`.

    Raises:
        InvalidInputError: the mask has a field that is not known, or no yearly sequence.
    """

    text: str

    def __post_init__(self) -> None:
        for name in (match[1] for match in _FIELD.finditer(self.text)):
            if name not in {*_CODES, *_SEQUENCES, "ano", _CHECK_DIGITS}:
                raise self._refused(f"O campo {name} da máscara não é conhecido")
        if "@" in _FIELD.sub("", self.text):
            raise self._refused("A máscara tem um campo malformado")
        if not any(match[1] in _SEQUENCES for match in _FIELD.finditer(self.text)):
            raise self._refused("A máscara não tem uma sequência anual")

    def _refused(self, what: str) -> InvalidInputError:
        return InvalidInputError(
            what, f"máscara {self.text}", "Corrija a numeração do órgão antes do primeiro processo."
        )

    def digits_of(self, name: str) -> int | None:
        """How many digits a field has, or None when the mask does not carry it."""
        return next((int(match[2]) for match in _FIELD.finditer(self.text) if match[1] == name), None)

    def counter(self, codes: Codes, year: int) -> str:
        """The name of the mask's yearly counter in `infra_sequencia`; units that share a code share it."""
        scope = next(_SEQUENCES[match[1]] for match in _FIELD.finditer(self.text) if match[1] in _SEQUENCES)
        return f"seq_{year}_{scope}_{codes.require(scope)}"

    def fill(self, codes: Codes, year: int, sequence: int) -> str:
        """The formatted number of a process.

        Raises:
            InvalidInputError: a code is missing, or a value has more digits than its field.
        """
        number = ""
        position = 0
        for match in _FIELD.finditer(self.text):
            number += self.text[position : match.start()]
            position = match.end()
            name, width = match[1], int(match[2])
            if name == _CHECK_DIGITS:
                value = check_digits("".join(filter(str.isdigit, number)))
            elif name == "ano":
                value = str(year)
            elif name in _CODES:
                value = codes.require(_CODES[name])
            else:
                value = str(sequence)
            if len(value.lstrip("0")) > width:
                raise self._refused(f"O valor {value} não cabe no campo {name}, de {width} algarismos")
            number += value.lstrip("0").zfill(width)
        return number + self.text[position:]
