"""What two failures have in common: an error text without whatever belongs to one environment or one person.

As in `domain.masking`, the rule is a list of what may stay: a word that is not one of error messages goes, so that no
login or name of a person, however it is written, reaches the registry. A word missing from the list makes two failures
alike, which holds an environment that could have gone; that is the safe side.
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
# Articles and what joins names: with them one name would be two.
_LITTLE = frozenset({"a", "o", "e", "da", "das", "de", "del", "do", "dos"})
_STAYS = frozenset(
    """
    aborted access after already alter an and any argument as at bad be been before begin block buffer by call can
    cannot cast charset check child class code collation column columns command commit communication conflict
    connect connection constraint contains corrupt corrupted could create data database deadlock default definer delete
    denied depth device directory disk does drop duplicate during empty encoding end entry error errno exception
    exceeded execute execution exist exists exit expected expired fail failed fails failure fatal field file filter for
    foreign format found from full function gone got group handle has host illegal in incompatible incorrect index
    insert integer integrity internal interrupted into invalid is it key killed large length limit line link list lock
    locked long loop lost many mapping maximum memory method missing mode module mount multiple must mysql near
    negative network no node not null number object of offset on only open operation option or out overflow packet
    parameter parent parse partition password path permission permissions php pool port primary privilege process
    property query range read reading record refused rejected required reset resource restart result return returned
    rollback row rows running schema script select sequence server session set should shutdown size socket space sql
    stack start state statement stop string support supported swap syntax system table tables tablespace temporary
    terminated the this thread time timed timeout to token too transaction trigger truncate truncated try trying type
    unable uncaught undefined unexpected unique unknown unreachable unsupported update upgrade use user using value
    values variable version view violation wait waiting warning was when while with write writing wrong you

    acesso agendamento ainda alterada alterado alterar ao aos aplicar arquivo arquivos as atributo atualizacao
    atualizada atualizado atualizar ausente banco base bloqueado bloqueio campo campos carregar chave codigo coluna
    colunas comando com compativel conexao configuracao consulta conta corrompido criar dados deve diretorio disco
    disponivel documento documentos duplicada duplicado durante em encontrada encontrado enviar erro erros esgotado
    espaco esperada esperado esta excecao excedido excluir executar execucao existe existem expirou extensao falha
    falhou faltando fila foi foram formato incluir inclusao incompativel indice indisponivel informada informado
    inserir instalacao instalada instalado invalida invalido ja leitura lida lido limite linha maior maxima maximo
    memoria menor mensagem migracao mais modulo na nao nas nenhum nenhuma nos nula nulo obrigatoria obrigatorio operacao
    os ou para parametro parametros pela pelo perfil permissao permitida permitido por porta possivel possui processo
    processos que recurso recursos registro registros remover repetida repetido restricao resultado retorno se sei sem
    sequencia ser servico servidor sessao sessoes sip sistema sobre supera tabela tabelas tamanho tarefa tem tempo
    tentativa tipo transacao unidade unidades usuario usuarios valor valores vazia vazio versao
    """.split()  # noqa: SIM905  # as a list it would be pages
)


def signature_of(text: str) -> str:
    """The signature of a failure, lower case and without accents: `duplicate entry * for key *`.

    Numbers, dates, identifiers, slugs, addresses, quoted values and names are gone. Empty when nothing else was there:
    such a failure is like no other.
    """
    plain = "".join(c for c in unicodedata.normalize("NFD", text[:10_000]) if not unicodedata.combining(c))
    words = _WORD.findall(_ADDRESS.sub(_GONE, _QUOTED.sub(_GONE, plain)))
    told = [_kept(word) for word in words if word not in _LITTLE]
    signature = " ".join(word for word, _ in groupby(told))[:LONGEST].strip()
    return signature if signature.strip("* ") else ""


def _kept(word: str) -> str:
    return word.lower() if word.lower() in _STAYS else _GONE


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
