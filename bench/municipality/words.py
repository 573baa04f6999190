"""The words of the synthetic municipality: documents, names and texts that are hard to copy. Nobody in it is real."""

import re
from collections.abc import Sequence
from functools import cache

import numpy as np

Generator = np.random.Generator

_ONSETS = re.findall(r"\w+", "b c d f g l m n p r s t v br cr dr fr gr pr tr cl fl pl qu lh nh ch")
_VOWELS = re.findall(r"\w+", "a e i o u a e o i ã é ó á í â ê ão ei ou")
_ENDINGS = re.findall(
    r"\w+", "ção mento dade ável ência eira ista ório agem ura ante oso ivo ar er ir ado ida os as es o a e"
)
# Measured: `zstd -3` makes a quarter of a text of so many words. Fewer words compress better, longer ones too.
_VOCABULARY = 30_000
_SYLLABLES = (2, 4)
_WORDS_OF_A_PARAGRAPH = 60
_PARAGRAPH = b'.</p>\r\n<p class="Texto_Justificado_Recuo_Primeira_Linha">'
_HEAD = (
    b'<!DOCTYPE html>\r\n<html lang="pt-br">\r\n<head>\r\n'
    b'<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1" />\r\n<title>'
)
_BODY = b'</title>\r\n</head>\r\n<body>\r\n<p class="Texto_Justificado_Recuo_Primeira_Linha">'
_TAIL = b".</p>\r\n</body>\r\n</html>\r\n"

FIRST_NAMES = (
    *("Abelina", "Bráulio", "Cândida", "Dorival", "Eulália", "Firmino", "Graça", "Hélio", "Iolanda", "Jairo"),
    *("Küssa", "Leôncio", "Marília", "Nélson", "Odaléia", "Plínio", "Quitéria", "Romão", "Sebastiana", "Tomé"),
)
SURNAMES = (
    *("Albernaz", "Bittencourt", "Corrêa", "D'Ávila", "Estêvão", "Frazão", "Guimarães", "Hipólito", "Inácio"),
    *("Junqueira", "Lustosa", "Magalhães", "Nóbrega", "Olivença", "Paixão", "Quaresma", "Sant'Anna", "Vilhena"),
)
# What a copy may lose: nothing at all, quotes, escapes, ends of lines, letters of cp1252 that ISO-8859-1 lacks, what
# looks like a dump's own lines, like LOAD DATA's mark of a NULL, or like trailing space.
ODD_TEXTS: tuple[str | None, ...] = (
    None,
    "",
    "aspas 'simples', \"duplas\" e `crases`; D'Ávila disse: ''não''",
    "barras \\ e \\\\ e \\n e \\N e \\",
    "\\N",
    "NULL",
    "linha um\nlinha dois\r\nlinha três\n",
    "tabulação\tno meio",
    "preço: € 12,50 – “entre aspas curvas” … œuvre ™ Š Ž",
    "ação, coração, à vista, índio, órgão, último, pinguim, ÁÉÍÓÚÂÊÔÃÕÇ",
    "fim\nUSE `mysql`;\nDROP TABLE usuario;\n-- Dump completed\n",
    "/*!40000 nada */; -- nada # nada",
    "espaços no fim   ",
    "%s %d {} $1 &amp; <b>negrito</b>",
)


@cache
def _tokens() -> "np.typing.NDArray[np.object_]":
    """The words, and after the last one what ends a paragraph and begins the next."""
    generator = np.random.default_rng(_VOCABULARY)
    words: dict[bytes, None] = {}
    while len(words) < _VOCABULARY:
        count = int(generator.integers(_SYLLABLES[0], _SYLLABLES[1] + 1))
        syllables = (_pick(generator, _ONSETS) + _pick(generator, _VOWELS) for _ in range(count))
        words["".join((*syllables, _pick(generator, _ENDINGS))).encode("cp1252")] = None
    return np.array([*words, _PARAGRAPH], dtype=object)


def _pick(generator: Generator, values: Sequence[str]) -> str:
    return values[int(generator.integers(len(values)))]


@cache
def _bytes_of_a_word() -> float:
    tokens = _tokens().tolist()
    return sum(map(len, tokens[:-1])) / _VOCABULARY + 1 + len(_PARAGRAPH) / _WORDS_OF_A_PARAGRAPH


def html_document(generator: Generator, title: str, size_bytes: int) -> bytes:
    """A document as SEI's editor leaves it, in cp1252, of about so many bytes."""
    count = max(int((size_bytes - len(_HEAD) - len(_BODY) - len(_TAIL)) / _bytes_of_a_word()), 1)
    chosen = generator.integers(0, _VOCABULARY, count)
    chosen[_WORDS_OF_A_PARAGRAPH::_WORDS_OF_A_PARAGRAPH] = _VOCABULARY
    return b"".join((_HEAD, title.encode("cp1252"), _BODY, b" ".join(_tokens()[chosen].tolist()), _TAIL))


def sentence(generator: Generator, words: int) -> str:
    """Some words."""
    chosen = _tokens()[generator.integers(0, _VOCABULARY, words)].tolist()
    return b" ".join(chosen).decode("cp1252").capitalize()


def person_name(generator: Generator) -> str:
    """An invented name."""
    return f"{_pick(generator, FIRST_NAMES)} {_pick(generator, SURNAMES)} {_pick(generator, SURNAMES)}"


def lengths(generator: Generator, count: int, total: int) -> list[int]:
    """So many lengths that add up to about `total`: many short, few long, none below 1."""
    drawn = generator.gamma(2.0, size=count)
    return [max(int(share * total), 1) for share in (drawn / drawn.sum()).tolist()] if count else []
