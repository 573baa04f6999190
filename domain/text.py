"""What SEI's databases can store, how they compare it, and how SEI writes its search texts.

SEI keeps everything in `latin1` columns (MariaDB's latin1 is cp1252) under the collation `latin1_swedish_ci`.
"""

import re
import unicodedata

from domain.errors import InvalidInputError

# Letters that latin1_swedish_ci gives one weight, read from MariaDB 10.11 with WEIGHT_STRING over the 256 bytes.
# Swedish order puts Å, Ä and Ö after Z, on the weights of `[`, `\` and `]`; Ü shares the weight of Y.
_LETTERS_OF_ONE_WEIGHT = {
    "A": "ÀÁÂÃ",
    "C": "Ç",
    "D": "Ð",
    "E": "ÈÉÊË",
    "I": "ÌÍÎÏ",
    "N": "Ñ",
    "O": "ÒÓÔÕ",
    "U": "ÙÚÛ",
    "Y": "ÜÝ",
    "[": "Å",
    "\\": "ÄÆ",
    "]": "Ö",
}
_CASED_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞ"  # Š, Œ, Ž and Ÿ have no case there
_WEIGHTS = {letter: weight for weight, letters in _LETTERS_OF_ONE_WEIGHT.items() for letter in letters}
_COLLATION = str.maketrans(
    {letter.lower(): _WEIGHTS.get(letter, letter) for letter in _CASED_LETTERS} | _WEIGHTS,
)

# Signs without width, which copying from web pages and PDFs brings along, and punctuation that cp1252 lacks.
_NO_WIDTH = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_DASHES = "\u2010\u2011\u2012\u2015\u2043\u2212\ufe58\ufe63\uff0d"
_QUOTES = {"'": "\u02b9\u02bb\u02bc\u201b\u2032\u2035\uff07", '"': "\u201f\u2033\u2036\uff02"}
_PLAIN = str.maketrans(
    dict.fromkeys(_NO_WIDTH, "")
    | dict.fromkeys(_DASHES, "-")
    | {sign: key for key, signs in _QUOTES.items() for sign in signs}
)

_EMAIL = re.compile(
    r"[a-z0-9_%+-]+(\.[a-z0-9_%+-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}",
    re.IGNORECASE | re.ASCII,
)

# What UTF-8's two bytes of an accented letter, and its three of a dash or quote, look like when read as cp1252. A word
# that ends in Ã before a closing quote, a dash or a space that does not break is not one of them.
_MISREAD = re.compile(
    rb"\xc2[\xa1-\xbf]|\xc3[\x80-\x93\x95\x98-\x9f\xa1-\xbf]|\xc3[\x94\x96\x97](?=[A-Za-z\xc0-\xff])"
    rb"|\xe2\x80[\x90-\xbf]"
)


def clean(value: str | None) -> str:
    """The value in composed Unicode, without spaces around and with single spaces inside; nothing becomes ''.

    Spreadsheets made on macOS come decomposed: `a` + U+0301 is not in cp1252, `á` is.
    """
    return " ".join(unicodedata.normalize("NFC", value or "").split())


def plain(value: str) -> str:
    """The value as somebody sees it: cleaned, and without signs that have no width.

    Dashes and quotes that cp1252 lacks become those of the keyboard.
    """
    if value.isascii():
        return " ".join(value.split())
    return clean(value.translate(_PLAIN))


def unaccent(value: str) -> str:
    """The value without its diacritics: `ação` becomes `acao`. Signs such as `º` stay."""
    if value.isascii():
        return value
    decomposed = unicodedata.normalize("NFD", value)
    # Nothing below U+0300 combines: asking by character takes its time over the texts of a whole model.
    kept = [c for c in decomposed if c < "\u0300" or not unicodedata.combining(c)]
    return unicodedata.normalize("NFC", "".join(kept))


def searchable(value: str) -> str:
    """The value as names are compared with what somebody typed: no accents, no case, no spaces around."""
    return unaccent(value.strip()).casefold()


def search_text(*parts: str | None) -> str:
    """The text of SEI's `idx_*` columns: lower case, unaccented, single spaces, empty parts left out.

    Inner dots and underscores stay, other punctuation separates words. Source: rows of the reference databases, such
    as `teste_1_1 unidade de testes 1.1` and `sei sistema eletronico de informacoes`.
    """
    text = unaccent(" ".join(part for part in parts if part).lower())
    words = (word.rstrip(".") for word in re.sub(r"[,;()/]", " ", text).split())
    return " ".join(word for word in words if word)


def collation_key(value: str) -> str:
    """A key that is equal for two values exactly when `latin1_swedish_ci` finds them equal, as UNIQUE keys do.

    Case does not count, nor do the accents of Portuguese, nor spaces at the end (PAD SPACE); Å, Ä and Ö are letters
    of their own and `ü` equals `y`.
    """
    return value.rstrip(" ").translate(_COLLATION)


def is_email(value: str) -> bool:
    """Whether the value has the shape of an ASCII e-mail address, the only one that SEI and its mailer handle."""
    return _EMAIL.fullmatch(value) is not None


def cp1252_problem(value: str) -> str | None:
    """Why SEI's databases cannot store the value, in Portuguese, or None. Only the offending character is shown."""
    if value.isprintable() and _fits_cp1252(value):
        return None
    for position, character in enumerate(value, start=1):
        if unicodedata.category(character) == "Cc":
            return f"caractere de controle na posição {position}"
        if not _fits_cp1252(character):
            return f"o caractere U+{ord(character):04X} na posição {position} não existe no alfabeto do SEI (cp1252)"
    return None


def _fits_cp1252(value: str) -> bool:
    try:
        value.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def is_misread(value: str) -> bool:
    """Whether the value was UTF-8 that some program on the way took for cp1252: `TimÃ³teo` instead of `Timóteo`."""
    return _MISREAD.search(value.encode("cp1252", "replace")) is not None


def storage_problem(value: str, max_length: int) -> str | None:
    """Why a column of `max_length` characters cannot store the value, in Portuguese, or None."""
    if len(value) > max_length:
        return f"tem {len(value)} caracteres e o SEI aceita {max_length}"
    return cp1252_problem(value)


def fits(value: str, max_length: int, field: str, where: str) -> str:
    """The value itself, when a column of `max_length` characters can store it.

    Raises InvalidInputError naming the field, never the value: it may be personal data.
    """
    if problem := storage_problem(value, max_length):
        raise InvalidInputError(f"O campo {field} não pode ser gravado: {problem}", where, "Corrija o texto.")
    return value
