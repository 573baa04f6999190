"""ChaveAcesso between SEI and SIP (`sei.md` 1.3), and the check that SEI's web-service keys share with it."""

from functools import lru_cache

from pymysql.cursors import DictCursor

from domain.access_key import AccessKey
from domain.errors import IntegrityError, InvalidInputError
from lab.sei_standin.database import Row, fetch_all, fetch_one
from lab.sei_standin.environments import SystemSession


def parse_key(text: str) -> AccessKey | None:
    """The key in a text, or None when the text is no key."""
    try:
        return AccessKey.parse(text, "ChaveAcesso")
    except InvalidInputError:
        return None


@lru_cache(maxsize=256)
def matches(key: AccessKey, stored_hash: str) -> bool:
    """Whether a key is the one that was hashed.

    Answers are remembered: the comparison takes a fifth of a second on purpose, and every call of a service makes it.
    """
    return key.matches(stored_hash)


def find_system(sip: DictCursor, session: SystemSession) -> Row:
    """The row of `sistema` that a `SessaoSEI` or `SessaoSip` names, its key checked.

    Raises:
        IntegrityError: SIP does not know the system, or the key is not its own.
    """
    row = fetch_one(
        sip,
        "SELECT s.id_sistema, s.id_orgao, s.id_hierarquia, s.sigla, s.crc, s.chave_acesso FROM sistema s"
        " JOIN orgao o ON o.id_orgao = s.id_orgao WHERE s.sigla = %s AND o.sigla = %s AND s.sin_ativo = 'S'",
        (session.sigla_sistema, session.sigla_orgao),
    )
    if row is None:
        raise IntegrityError(
            f"Sistema {session.sigla_sistema}/{session.sigla_orgao} não encontrado no SIP",
            "SiglaOrgaoSistema",
            "A sigla do órgão na configuração tem de ser a dos dois bancos.",
        )
    key = parse_key(session.access_key.get_secret_value())
    if key is None or key.crc != row["crc"] or not matches(key, row["chave_acesso"] or ""):
        raise IntegrityError(
            "Erro validando acesso no Sistema de Permissões",
            f"ChaveAcesso do {session.sigla_sistema}",
            "A chave da configuração não é a do banco do SIP: grave as duas de novo.",
        )
    return row


def find_calling_system(sip: DictCursor, text: str) -> Row:
    """The row of `sistema` whose key a caller of SIP's web service sent.

    Raises:
        InvalidInputError: no active system has this key, or none of SIP's services was released to it.
    """
    key = parse_key(text)
    candidates = fetch_all(
        sip,
        "SELECT id_sistema, id_orgao, id_hierarquia, sigla, servicos_liberados, chave_acesso FROM sistema"
        " WHERE crc = %s AND sin_ativo = 'S' AND chave_acesso IS NOT NULL",
        (key.crc if key else "",),
    )
    row = next((row for row in candidates if key and matches(key, row["chave_acesso"])), None)
    if row is None:
        raise InvalidInputError("Chave de acesso inválida", "ChaveAcesso", "Confira a chave do sistema no SIP.")
    # What each number of `servicos_liberados` means is not published (`sei.md` 9, question 4): any list will do.
    if row["sigla"] != "SIP" and not row["servicos_liberados"]:
        raise InvalidInputError(
            f"Nenhum serviço foi liberado para o sistema {row['sigla']}",
            "servicos_liberados",
            "Libere os serviços no cadastro do sistema no SIP.",
        )
    return row
