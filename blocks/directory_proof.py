"""The segregation of a directory, proved by behaviour: every identity of an environment tries what it must not do."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal

from ldap3 import LEVEL, MODIFY_DELETE, SUBTREE, Connection
from ldap3.core.exceptions import LDAPOperationResult
from pydantic import SecretStr

from domain.errors import InvalidInputError

Open = Callable[[], AbstractContextManager[Connection]]

THROWAWAY = "implanta-prova-"
SECRET_ATTRIBUTES = ["userPassword", "pwdHistory"]
# With which a directory refuses; an entry that one may not see does not exist.
REFUSALS = frozenset(
    {"noSuchObject", "insufficientAccessRights", "strongerAuthRequired", "inappropriateAuthentication"}
)
PAGE = 50


@dataclass(frozen=True)
class Doors:
    """The ways into the directory: as its administrator, as SIP's search account, as a person, and without a name."""

    admin: Open
    account: Open
    person: Callable[[str, SecretStr], AbstractContextManager[Connection]]
    nobody: Open


def find_broken_promises(doors: Doors, *, base_dn: str, own_ou: str, with_person: bool) -> tuple[str, ...]:
    """What was not refused, in Portuguese; an empty tuple is the proof.

    `with_person` makes, uses and removes a throwaway person of the environment.
    """
    with doors.admin() as admin:
        foreign = list(_foreign_places(admin, base_dn, own_ou))
        people = f"ou=usuarios,{own_ou}"
        broken: list[str] = []
        with doors.account() as account:
            broken += _try_as("a conta de pesquisa", account, foreign=foreign, own=(own_ou, people), may_read=True)
        with doors.nobody() as nobody:
            broken += _try_as("quem não se identifica", nobody, foreign=foreign, own=(own_ou, people))
        if with_person:
            _remove_leftovers(admin, people)
            with _throwaway(admin, people) as (dn, password):
                broken += _try_as_person(doors, dn, password, foreign=foreign, own=(own_ou, people))
    return tuple(broken)


def _try_as(
    who: str, connection: Connection, *, foreign: list[str], own: tuple[str, str], may_read: bool = False
) -> Iterator[str]:
    own_ou, people = own
    found = (dn for place in foreign for dn in _search(connection, place))
    if any(not f",{dn}".lower().endswith(f",{own_ou}".lower()) for dn in found):
        yield f"{who} lê fora do próprio ambiente"
    if bool(_search(connection, people)) is not may_read:
        yield f"{who} não lê o próprio ambiente" if may_read else f"{who} lê as pessoas do ambiente"
    if _sees_secrets(connection, own_ou):
        yield f"{who} lê senhas"
    targets = [own_ou, people, f"cn=sip,{own_ou}"]
    if any(_may_write(connection, dn, "description") for dn in (*targets, *foreign)):
        yield f"{who} altera o que não é seu"
    if _may_write(connection, f"cn=sip,{own_ou}", "userPassword"):
        yield f"{who} troca a senha da conta de pesquisa"


def _try_as_person(
    doors: Doors, dn: str, password: SecretStr, *, foreign: list[str], own: tuple[str, str]
) -> Iterator[str]:
    try:
        with doors.person(dn, password) as person:
            yield from _try_as("uma pessoa", person, foreign=foreign, own=own)
            if not _may_write(person, dn, "userPassword"):
                yield "uma pessoa não consegue trocar a própria senha"
            if _may_write(person, dn, "description"):
                yield "uma pessoa altera o próprio registro"
    except InvalidInputError:
        yield "uma pessoa não consegue entrar"


def _foreign_places(admin: Connection, base_dn: str, own_ou: str) -> Iterator[str]:
    """The base, and of every other branch its top, its people and one of them: a leak may hide below a closed top."""
    yield base_dn
    branches = admin.extend.standard.paged_search(
        base_dn, "(objectClass=organizationalUnit)", LEVEL, attributes=["1.1"], generator=True
    )
    for top in [str(entry["dn"]) for entry in branches]:
        if top.lower() == own_ou.lower():
            continue
        people = f"ou=usuarios,{top}"
        yield from (top, people, f"cn=sip,{top}")
        yield from _search(admin, people, scope=LEVEL)[:1]


def _search(connection: Connection, base: str, *, scope: Literal["LEVEL", "SUBTREE"] = SUBTREE) -> list[str]:
    """The names of at most a page of entries that this identity finds; none when it is refused."""
    try:
        _ok, _result, found, _request = connection.search(
            base, "(objectClass=*)", scope, attributes=["1.1"], paged_size=PAGE
        )
    except LDAPOperationResult as e:
        if e.description in REFUSALS:
            return []
        raise
    return [str(entry["dn"]) for entry in found]


def _sees_secrets(connection: Connection, base: str) -> bool:
    try:
        _ok, _result, found, _request = connection.search(
            base, "(objectClass=*)", SUBTREE, attributes=SECRET_ATTRIBUTES, paged_size=PAGE
        )
    except LDAPOperationResult as e:
        if e.description in REFUSALS:
            return False
        raise
    return any(any(entry["attributes"].values()) for entry in found)


def _may_write(connection: Connection, dn: str, attribute: str) -> bool:
    """Whether a change would be allowed, found by removing a value that is not there: no right, or no such value."""
    try:
        connection.modify(dn, {attribute: [(MODIFY_DELETE, [secrets.token_hex(16)])]})
    except LDAPOperationResult as e:
        if e.description in REFUSALS:
            return False
        if e.description == "noSuchAttribute":
            return True
        raise
    return True


@contextmanager
def _throwaway(admin: Connection, people: str) -> Iterator[tuple[str, SecretStr]]:
    uid, password = f"{THROWAWAY}{secrets.token_hex(6)}", SecretStr(secrets.token_urlsafe(24))
    dn = f"uid={uid},{people}"
    # Not an inetOrgPerson: whoever lists the environment's people meanwhile does not meet it.
    admin.add(dn, ["account", "simpleSecurityObject"], {"uid": uid, "userPassword": password.get_secret_value()})
    try:
        yield dn, password
    finally:
        admin.delete(dn)


def _remove_leftovers(admin: Connection, people: str) -> None:
    """Remove what a killed proof left."""
    _ok, _result, found, _request = admin.search(people, f"(uid={THROWAWAY}*)", LEVEL, attributes=["1.1"])
    for entry in found:
        admin.delete(entry["dn"])
