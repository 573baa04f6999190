"""What two failures have in common: an error text without whatever belongs to one environment or one person.

As in `domain.masking`, the rule is a list of what may stay: a word that looks like a name, and that is not one of the
words of error messages below, goes.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from itertools import groupby

from domain.campaign.facts import EnvironmentFacts

LONGEST = 200
_GONE = "*"
# Up to the end of the text where a quotation is not closed.
_QUOTED = re.compile(
    r"\"[^\"]*(?:\"|$)|`[^`]*(?:`|$)|“[^”]*(?:”|$)|‘[^’]*(?:’|$)|(?<!\w)'(?:[^']|(?<=\w)'(?=\w))*(?:'|$)"
)
_ADDRESS = re.compile(r"\w+://\S+|\S+@\S+|(?:[\w.:~-]*[/\\][\w.~-]+)+[/\\]?")
_WORD = re.compile(r"\*|[^\W_](?:[\w.:$-]*\w)?|_\w+")
_JOINS_NAMES = frozenset({"da", "das", "de", "del", "do", "dos"})
_STAYS = frozenset(
    """
    access already argument cannot class column command connection constraint could data database
    deadlock denied disk duplicate entry error errno exception fatal failed failure field foreign full got illegal
    incorrect index integrity invalid key lock lost maximum memory missing mysql no not null out packet parse
    permission php query row server sql statement syntax table timeout too uncaught unable undefined unexpected
    unknown value violation wait warning wrong you acesso arquivo atualizacao banco chave coluna comando conexao
    dados disco erro excecao falha falhou foi inclusao indice instalada instalado invalida invalido ja memoria
    modulo nao nenhum nenhuma parametro permissao processo recurso script sei sem servidor sip sistema tabela tempo
    usuario valor versao
    """.split()  # noqa: SIM905  # as a list it would be a page
)


def signature_of(text: str) -> str:
    """The signature of a failure, lower case and without accents: `duplicate entry * for key *`.

    Numbers, dates, identifiers, slugs, addresses, quoted values and names are gone. Empty when nothing else was there:
    such a failure is like no other.
    """
    plain = "".join(c for c in unicodedata.normalize("NFD", text[:10_000]) if not unicodedata.combining(c))
    words = [_kept(word) for word in _WORD.findall(_ADDRESS.sub(_GONE, _QUOTED.sub(_GONE, plain)))]
    told = [word for word in words if word == _GONE or (len(word) > 1 and word not in _JOINS_NAMES)]
    signature = " ".join(word for word, _ in groupby(told))[:LONGEST].strip()
    return signature if signature.strip("* ") else ""


def _kept(word: str) -> str:
    if word.lower() in _STAYS:
        return word.lower()
    return word if word.isascii() and word.islower() and word.isalpha() else _GONE


def hold(failures: Collection[str], waiting: Iterable[EnvironmentFacts]) -> dict[str, str]:
    """Who is held, and by which failure's signature: whose own rehearsal met the error with which another failed.

    `failures` are the signatures of failures that nobody has explained yet. All others go on.
    """
    open_failures = {signature for signature in failures if signature}
    held = {}
    for environment in waiting:
        met = environment.rehearsal.signatures if environment.rehearsal else ()
        shared = sorted(open_failures.intersection(met))
        if shared:
            held[environment.slug] = shared[0]
    return held
