"""What one environment's search account reaches in the directory, beside its own subtree."""

import secrets
from collections.abc import Callable
from functools import partial

from ldap3 import BASE, MODIFY_DELETE, SUBTREE, Connection
from ldap3.core.exceptions import LDAPOperationResult
from pydantic import SecretStr

from blocks.directory import Directory
from blocks.directory_proof import PAGE, REFUSALS, SECRET_ATTRIBUTES
from blocks.probes.attempts import Attempt, RefusedError, count_seen, try_all, try_password
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError
from domain.segregation import ProbeResult, Way


def probe_ldap(
    directory: Directory,
    environment: EnvironmentName,
    password: SecretStr,
    neighbour: EnvironmentName | None,
    neighbour_password: SecretStr | None = None,
) -> list[ProbeResult]:
    """Try, as an environment's search account and as nobody, the neighbour's subtree and the directory as a whole.

    The neighbour's account is tried with a foreign password only when its own is given; see `try_password`.
    """
    own = directory.environment_dn(environment)
    entering = {"entrar na própria conta": partial(_enter, directory, directory.search_dn(environment), password)}
    results = try_all(Way.LDAP, entering, control=True)
    if not results[0].got_through:
        return results  # whoever cannot even come in is refused everything, which proves nothing
    with directory.connect(directory.search_dn(environment), password) as account:
        results += try_all(Way.LDAP, {"ler a própria árvore": partial(_see, account, own)}, control=True)
        results += try_all(
            Way.LDAP,
            {
                "ver entradas fora da própria árvore": partial(_see_beyond, account, directory.base_dn, own),
                "ler as senhas da própria árvore": partial(_see_secrets, account, own),
                "alterar a própria árvore": partial(_change, account, directory.people_dn(environment)),
                "trocar a própria senha": partial(_change, account, directory.search_dn(environment), "userPassword"),
                "ler a configuração do servidor": partial(_see, account, "cn=config"),
                "ler a política de senhas": partial(_see, account, f"ou=politicas,{directory.base_dn}"),
            },
        )
        if neighbour is not None:
            results += try_all(Way.LDAP, _neighbour_attempts(directory, account, neighbour))
    with directory.connect(None, SecretStr("")) as nobody:
        results += try_all(Way.LDAP, {"ler a árvore sem se identificar": partial(_see, nobody, own)})
    if neighbour is not None and neighbour_password is not None:
        enter = partial(_enter, directory, directory.search_dn(neighbour))
        results += try_password(
            Way.LDAP,
            "entrar na conta do vizinho com a própria senha",
            foreign=partial(enter, password),
            own=partial(enter, neighbour_password),
        )
    return results


def _neighbour_attempts(directory: Directory, account: Connection, neighbour: EnvironmentName) -> dict[str, Attempt]:
    top, people, search = (
        directory.environment_dn(neighbour),
        directory.people_dn(neighbour),
        directory.search_dn(neighbour),
    )
    return {
        "ler a árvore do vizinho": partial(_see, account, top),
        "ler as pessoas do vizinho": partial(_see, account, people),
        "ler a conta de pesquisa do vizinho": partial(_see, account, search),
        "ler as senhas do vizinho": partial(_see_secrets, account, top),
        "procurar e-mails do vizinho": partial(_see, account, people, "(mail=*)"),
        "comparar a senha do vizinho": partial(_compare, account, search),
        "alterar a árvore do vizinho": partial(_change, account, top),
        "alterar as pessoas do vizinho": partial(_change, account, people),
        "trocar a senha da conta do vizinho": partial(_change, account, search, "userPassword"),
        "mudar o nome da árvore do vizinho": partial(_rename, account, people),
    }


def _asking(work: Callable[[], object]) -> None:
    try:
        work()
    except LDAPOperationResult as e:
        if e.description in REFUSALS:
            raise RefusedError(str(e.description)) from None
        raise


def _search(connection: Connection, base: str, search_filter: str, attributes: list[str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []

    def search() -> None:
        _ok, _result, entries, _request = connection.search(
            base, search_filter, SUBTREE, attributes=attributes, paged_size=PAGE
        )
        found.extend(entries)

    _asking(search)
    return found


def _see(connection: Connection, base: str, search_filter: str = "(objectClass=*)") -> str:
    return count_seen(len(_search(connection, base, search_filter, ["1.1"])), "entradas")


def _see_beyond(connection: Connection, base: str, own: str) -> str:
    names = [f",{entry['dn']}".lower() for entry in _search(connection, base, "(objectClass=*)", ["1.1"])]
    return count_seen(sum(not name.endswith(f",{own.lower()}") for name in names), "entradas")


def _see_secrets(connection: Connection, base: str) -> str:
    entries = _search(connection, base, "(objectClass=*)", SECRET_ATTRIBUTES)
    return count_seen(sum(any(dict(entry["attributes"]).values()) for entry in entries), "senhas")  # type: ignore[call-overload]


def _compare(connection: Connection, dn: str) -> str:
    _asking(lambda: connection.compare(dn, "userPassword", secrets.token_hex(8)))
    return "o servidor comparou"


def _change(connection: Connection, dn: str, attribute: str = "description") -> str:
    """Remove a value that is not there: whoever has the right is told that there is no such value."""
    try:
        _asking(lambda: connection.modify(dn, {attribute: [(MODIFY_DELETE, [secrets.token_hex(16)])]}))
    except LDAPOperationResult as e:
        if e.description != "noSuchAttribute":
            raise
    return "alteração permitida"


def _rename(connection: Connection, dn: str) -> str:
    """Give an entry the name that it has: nothing changes, should it be allowed."""
    _asking(lambda: connection.modify_dn(dn, dn.partition(",")[0]))
    return "nome trocado"


def _enter(directory: Directory, dn: str, password: SecretStr) -> str:
    try:
        with directory.connect(dn, password) as connection:
            connection.search("", "(objectClass=*)", BASE, attributes=["1.1"])
    except InvalidInputError as e:
        raise RefusedError(e.what) from None
    return "entrou"
