"""An LDAP directory: one subtree an environment, with a search account that sees nothing else."""

import secrets
import ssl
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

from ldap3 import (
    BASE,
    LEVEL,
    MODIFY_DELETE,
    MODIFY_REPLACE,
    NONE,
    SAFE_SYNC,
    SUBTREE,
    Connection,
    Server,
    Tls,
)
from ldap3.core.exceptions import (
    LDAPBindError,
    LDAPConstraintViolationResult,
    LDAPException,
    LDAPInvalidCredentialsResult,
    LDAPOperationResult,
    LDAPPasswordIsMandatoryError,
    LDAPSocketOpenError,
)
from ldap3.utils.conv import escape_filter_chars
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr

from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError
from domain.model import Frozen

PAGE_SIZE = 500
# An account whose owner has not yet been sent a password carries this mark; see `Directory.list_uninvited`.
INVITATION_PENDING = "implanta: primeiro acesso pendente"


class Account(Frozen):
    """One person's account: `uid` is the login that SIP calls `sigla`."""

    uid: str = Field(repr=False)
    name: str = Field(repr=False)
    email: str = Field(repr=False)

    @property
    def attributes(self) -> dict[str, str]:
        """The entry's attributes in inetOrgPerson's terms."""
        parts = self.name.split()
        return {"cn": self.name, "sn": parts[-1], "mail": self.email}


def explain(error: LDAPException, where: str) -> ImplantaError:
    """Translate a driver error; entries' names and values stay out of the message."""
    if isinstance(error, LDAPSocketOpenError):
        return RetryableError("O LDAP não respondeu", where, "Confira se o servidor está no ar e execute de novo.")
    if isinstance(error, LDAPBindError | LDAPInvalidCredentialsResult | LDAPPasswordIsMandatoryError):
        return InvalidInputError("O LDAP recusou a conta de serviço", where, "Confira DN e senha no bloco do LDAP.")
    if isinstance(error, LDAPOperationResult):
        code = error.args[0] if error.args else type(error).__name__
        kind = RetryableError if error.result in {51, 52, 53} else IntegrityError  # busy, unavailable, unwilling
        return kind(
            f"O LDAP recusou uma operação ({error.description or code})",
            where,
            "Confira a árvore do ambiente no LDAP e execute de novo.",
        )
    return RetryableError(f"A conversa com o LDAP foi interrompida ({type(error).__name__})", where, "Execute de novo.")


class Directory(Block):
    """The LDAP server that keeps the passwords of every environment's users."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta LDAP"
    _block_type_slug = "implanta-directory"

    host: str = Field(description="Endereço do servidor LDAP.")
    port: int = Field(default=389, description="Porta do servidor LDAP.")
    encryption: Literal["none", "ldaps"] = Field(default="none", description="Criptografia: nenhuma ou LDAPS.")
    base_dn: str = Field(description="DN sob o qual ficam as árvores dos ambientes.")
    admin_dn: str = Field(description="DN da conta de serviço.")
    admin_password: SecretStr = Field(description="Senha da conta de serviço.")

    @contextmanager
    def _connect(self, dn: str, password: SecretStr) -> Iterator[Connection]:
        where = f"ldap {self.host}:{self.port}"
        tls = Tls(validate=ssl.CERT_REQUIRED) if self.encryption == "ldaps" else None
        server = Server(self.host, self.port, use_ssl=tls is not None, tls=tls, get_info=NONE, connect_timeout=10)
        try:
            with Connection(
                server,
                dn,
                password.get_secret_value(),
                client_strategy=SAFE_SYNC,
                receive_timeout=30,
                raise_exceptions=True,
                auto_bind=True,
            ) as connection:
                yield connection
        except LDAPException as e:
            raise explain(e, where) from None  # the driver's text may hold an entry's name

    def _admin(self) -> AbstractContextManager[Connection]:
        return self._connect(self.admin_dn, self.admin_password)

    def _ou(self, environment: EnvironmentName) -> str:
        return f"ou={environment.ou},{self.base_dn}"

    def people_dn(self, environment: EnvironmentName) -> str:
        """Where the accounts of one environment are: SIP's `contexto_pesquisa`."""
        return f"ou=usuarios,{self._ou(environment)}"

    def search_dn(self, environment: EnvironmentName) -> str:
        """The account with which one environment's SIP searches: SIP's `usuario_pesquisa`."""
        return f"cn=sip,{self._ou(environment)}"

    def probe(self) -> None:
        """Bind with the service account, to know that the server answers."""
        with self._admin():
            pass

    def ensure_environment(self, environment: EnvironmentName, search_password: SecretStr) -> Change:
        """Create the environment's subtree and its search account, or give that account its password again."""
        change = Change()
        with self._admin() as connection:
            for dn, classes, attributes in (
                (self._ou(environment), ["organizationalUnit"], {"ou": environment.ou}),
                (self.people_dn(environment), ["organizationalUnit"], {"ou": "usuarios"}),
                (
                    self.search_dn(environment),
                    ["organizationalRole", "simpleSecurityObject"],
                    {"cn": "sip", "userPassword": search_password.get_secret_value()},
                ),
            ):
                if _exists(connection, dn):
                    change += Change(unchanged=1)
                else:
                    connection.add(dn, classes, attributes)
                    change += Change(created=1)
        if not self._opens(self.search_dn(environment), search_password):
            with self._admin() as connection:
                connection.modify(
                    self.search_dn(environment),
                    {"userPassword": [(MODIFY_REPLACE, [search_password.get_secret_value()])]},
                )
            change += Change(updated=1)
        return change

    def _opens(self, dn: str, password: SecretStr) -> bool:
        try:
            with self._connect(dn, password):
                return True
        except InvalidInputError:
            return False

    def list_accounts(self, environment: EnvironmentName) -> list[Account]:
        """Every account of one environment, in no particular order."""
        with self._admin() as connection:
            return [
                Account(uid=str(entry["uid"][0]), name=str(entry["cn"][0]), email=str((entry.get("mail") or [""])[0]))
                for entry in self._search(connection, environment, "(objectClass=inetOrgPerson)")
            ]

    def _search(
        self, connection: Connection, environment: EnvironmentName, search_filter: str
    ) -> Iterator[dict[str, list[str]]]:
        for entry in connection.extend.standard.paged_search(
            self.people_dn(environment),
            search_filter,
            LEVEL,
            attributes=["uid", "cn", "mail"],
            paged_size=PAGE_SIZE,
            generator=True,
        ):
            yield entry["attributes"]

    def ensure_accounts(self, environment: EnvironmentName, wanted: Iterable[Account]) -> Change:
        """Create the missing accounts and correct names and e-mails; passwords and other accounts stay as they are.

        A new account has no password, so nobody can sign in with it, until `invite` gives it one.
        """
        existing = {account.uid.lower(): account for account in self.list_accounts(environment)}
        change = Change()
        with self._admin() as connection:
            for account in wanted:
                found = existing.get(account.uid.lower())
                if found is None:
                    connection.add(
                        self._account_dn(environment, account.uid),
                        ["inetOrgPerson"],
                        {"uid": account.uid, "description": INVITATION_PENDING, **account.attributes},
                    )
                    change += Change(created=1)
                elif found.attributes != account.attributes:
                    connection.modify(
                        self._account_dn(environment, found.uid),
                        {key: [(MODIFY_REPLACE, [value])] for key, value in account.attributes.items()},
                    )
                    change += Change(updated=1)
                else:
                    change += Change(unchanged=1)
        return change

    def _account_dn(self, environment: EnvironmentName, uid: str) -> str:
        # Logins are validated as [a-z0-9._-] before they come here; the check keeps a DN from being built of anything.
        if not uid or any(character in ',+"\\<>;=#' for character in uid):
            raise InvalidInputError("Login com caractere proibido no LDAP", "usuário", "Corrija o login na planilha.")
        return f"uid={uid},{self.people_dn(environment)}"

    def list_uninvited(self, environment: EnvironmentName) -> list[Account]:
        """The accounts whose owners were not yet sent a first password, sorted by login."""
        with self._admin() as connection:
            entries = self._search(connection, environment, f"(description={escape_filter_chars(INVITATION_PENDING)})")
            accounts = [
                Account(uid=str(entry["uid"][0]), name=str(entry["cn"][0]), email=str((entry.get("mail") or [""])[0]))
                for entry in entries
            ]
        return sorted(accounts, key=lambda account: account.uid)

    @contextmanager
    def inviting(self, environment: EnvironmentName) -> Iterator["Inviter"]:
        """A connection through which first passwords are given, one account at a time."""
        with self._admin() as connection:
            yield Inviter(connection, self.people_dn(environment))

    def change_own_password(self, environment: EnvironmentName, uid: str, old: SecretStr, new: SecretStr) -> None:
        """What a person does at the first access, in the corporate security system (SSC): bind and change it.

        Raises:
            InvalidInputError: the old password is wrong, or the policy refuses the new one.
        """
        dn = self._account_dn(environment, uid)
        with self._connect(dn, old) as connection:
            try:
                connection.extend.standard.modify_password(dn, old.get_secret_value(), new.get_secret_value())
            except LDAPConstraintViolationResult:
                raise InvalidInputError(
                    "A política de senhas do LDAP recusou a senha nova",
                    f"ldap {self.host}:{self.port}",
                    "Escolha uma senha mais longa e diferente da anterior.",
                ) from None

    def remove_environment(self, environment: EnvironmentName) -> Change:
        """Remove the environment's whole subtree, leaves first."""
        with self._admin() as connection:
            if not _exists(connection, self._ou(environment)):
                return Change()
            entries = connection.extend.standard.paged_search(
                self._ou(environment), "(objectClass=*)", SUBTREE, attributes=["1.1"], generator=True
            )
            names = sorted((entry["dn"] for entry in entries), key=lambda dn: -dn.count(","))
            for dn in names:
                connection.delete(dn)
            return Change(removed=len(names))


class Inviter:
    """Gives first passwords; see `Directory.inviting`."""

    def __init__(self, connection: Connection, people_dn: str) -> None:
        self._connection = connection
        self._people_dn = people_dn

    def give_password(self, account: Account) -> SecretStr:
        """Set a random first password which the directory's policy makes the person change at once."""
        password = secrets.token_urlsafe(12)
        self._connection.modify(
            f"uid={account.uid},{self._people_dn}",
            {
                "userPassword": [(MODIFY_REPLACE, [password])],
                # The policy overlay does not set it by itself on an administrator's change (measured on 2.5.13).
                "pwdReset": [(MODIFY_REPLACE, ["TRUE"])],
            },
        )
        return SecretStr(password)

    def mark_invited(self, account: Account) -> None:
        """Record that the first password is on its way, so that the next run does not send another."""
        self._connection.modify(
            f"uid={account.uid},{self._people_dn}", {"description": [(MODIFY_DELETE, [INVITATION_PENDING])]}
        )


def _exists(connection: Connection, dn: str) -> bool:
    try:
        _status, _result, entries, _request = connection.search(dn, "(objectClass=*)", BASE, attributes=["1.1"])
    except LDAPOperationResult as e:
        if e.description == "noSuchObject":
            return False
        raise
    return bool(entries)
