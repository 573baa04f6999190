"""An LDAP directory: one subtree an environment, with a search account that sees nothing else."""

import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal

from ldap3 import (
    AUTO_BIND_NO_TLS,
    AUTO_BIND_NONE,
    AUTO_BIND_TLS_BEFORE_BIND,
    BASE,
    LEVEL,
    MODIFY_REPLACE,
    NONE,
    SAFE_SYNC,
    SUBTREE,
    SYNC,
    Connection,
    Server,
    Tls,
)
from ldap3.core.exceptions import (
    LDAPBindError,
    LDAPException,
    LDAPInvalidCredentialsResult,
    LDAPOperationResult,
    LDAPPasswordIsMandatoryError,
    LDAPSocketOpenError,
    LDAPStartTLSError,
)
from ldap3.utils.conv import escape_filter_chars
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr

from blocks.directory_batch import Batch
from blocks.directory_proof import Doors, find_broken_promises
from blocks.rehearsal import is_rehearsal
from domain.account import PasswordPolicy
from domain.change import Change
from domain.directory_access import access_rules, judge_access_rules
from domain.environment import EnvironmentName
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError

PAGE_SIZE = 500
PERSON = "(objectClass=inetOrgPerson)"
# The password policy's own mark of an account that an administrator closed; a lockout has the time of its beginning.
BLOCKED = "000001010000Z"
CHECK_QUALITY = "2"  # below it slapd lets pass what it cannot measure, such as a password that arrives hashed
POLICY_CLASSES = ["device", "pwdPolicy"]
SEARCH_CLASSES = frozenset({"organizationalrole", "simplesecurityobject"})
TECHNICAL_CLASSES = frozenset({"account", "simplesecurityobject"})
_HAS_PASSWORD = "(|(objectClass=inetOrgPerson)(objectClass=simpleSecurityObject))"  # noqa: S105  # a filter


def explain(error: LDAPException, where: str) -> ImplantaError:
    """Translate a driver error; entries' names and values stay out of the message."""
    if isinstance(error, LDAPStartTLSError) or "certificate" in str(error).lower():
        return InvalidInputError(
            "O LDAP não ofereceu TLS, ou o certificado dele não foi aceito",
            where,
            "Confira a criptografia e o arquivo da autoridade certificadora no bloco do LDAP.",
        )
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
    """The LDAP server that keeps the passwords of every environment's users; see `LdapSsc` for the accounts."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta LDAP"
    _block_type_slug = "implanta-directory"

    host: str = Field(description="Endereço do servidor LDAP.")
    port: int = Field(default=389, description="Porta do servidor LDAP.")
    encryption: Literal["none", "starttls", "ldaps"] = Field(
        default="none", description="Criptografia: nenhuma, StartTLS na mesma porta, ou LDAPS."
    )
    ca_file: Path | None = Field(
        default=None,
        description="Certificado da autoridade que assina o do servidor; sem ele, valem as do sistema.",
    )
    base_dn: str = Field(description="DN sob o qual ficam as árvores dos ambientes.")
    admin_dn: str = Field(description="DN da conta de serviço.")
    admin_password: SecretStr = Field(description="Senha da conta de serviço.")
    config_dn: str | None = Field(
        default=None,
        description="DN que administra a configuração (cn=config) do servidor; sem ele, as regras de acesso são de"
        " outra equipe, e o Implanta só as confere.",
    )
    config_password: SecretStr | None = Field(default=None, description="Senha de quem administra a configuração.")
    policy_dn: str | None = Field(
        default=None, description="DN da política de senhas; sem ele, cn=padrao,ou=politicas, sob o DN das árvores."
    )

    @property
    def where(self) -> str:
        """How errors name this server."""
        return f"ldap {self.host}:{self.port}"

    @property
    def manages_access(self) -> bool:
        """Whether this block may change the server's access rules."""
        return self.config_dn is not None and self.config_password is not None

    @contextmanager
    def connect(self, dn: str | None, password: SecretStr, *, in_bulk: bool = False) -> Iterator[Connection]:
        """A connection bound as `dn`, or not bound at all.

        One `in_bulk` is the library's SYNC: it copies no answer, which is half the time of reading 10,000 entries, and
        it returns whether it worked, not what it found.
        """
        tls = None
        if self.encryption != "none":
            tls = Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(self.ca_file) if self.ca_file else None)
        server = Server(
            self.host, self.port, use_ssl=self.encryption == "ldaps", tls=tls, get_info=NONE, connect_timeout=10
        )
        bind = AUTO_BIND_TLS_BEFORE_BIND if self.encryption == "starttls" else AUTO_BIND_NO_TLS
        try:
            with Connection(
                server,
                dn,
                password.get_secret_value() if dn else None,
                client_strategy=SYNC if in_bulk else SAFE_SYNC,
                check_names=not in_bulk,
                receive_timeout=30,
                raise_exceptions=True,
                auto_bind=bind if dn else AUTO_BIND_NONE,
            ) as connection:
                if not dn:
                    connection.open()
                    if self.encryption == "starttls":
                        connection.start_tls()
                yield connection
        except LDAPException as e:
            raise explain(e, self.where) from None  # the driver's text may hold an entry's name

    def as_admin(self, *, in_bulk: bool = False) -> AbstractContextManager[Connection]:
        """A connection of the service account; see `connect`."""
        return self.connect(self.admin_dn, self.admin_password, in_bulk=in_bulk)

    def environment_dn(self, environment: EnvironmentName) -> str:
        """The top of one environment's subtree."""
        return f"ou={environment.ou},{self.base_dn}"

    def people_dn(self, environment: EnvironmentName) -> str:
        """Where the accounts of one environment are: SIP's `contexto_pesquisa`."""
        return f"ou=usuarios,{self.environment_dn(environment)}"

    def account_dn(self, environment: EnvironmentName, uid: str) -> str:
        """One account's entry. Raises InvalidInputError when the login could be read as anything but a login."""
        # Logins are validated as [a-z0-9._-] before they come here; the check keeps a DN from being built of anything.
        if not uid or any(character in ',+"\\<>;=#' for character in uid):
            raise InvalidInputError("Login com caractere proibido no LDAP", "usuário", "Corrija o login na planilha.")
        return f"uid={uid},{self.people_dn(environment)}"

    def search_dn(self, environment: EnvironmentName) -> str:
        """The account with which one environment's SIP searches: SIP's `usuario_pesquisa`."""
        return f"cn=sip,{self.environment_dn(environment)}"

    def probe(self) -> None:
        """Bind with the service account, to know that the server answers."""
        with self.as_admin():
            pass

    def ensure_access_rules(self) -> Change:
        """Make the server's access rules those that segregation demands, all of them in one operation.

        Changes nothing where the rules are another team's; see `check_access_rules`.

        Raises:
            IntegrityError: the server has no database for `base_dn`.
        """
        if self.config_dn is None or self.config_password is None:
            return Change()
        with self.connect(self.config_dn, self.config_password) as connection:
            _status, _result, databases, _request = connection.search(
                "cn=config",
                f"(&(objectClass=olcDatabaseConfig)(olcSuffix={escape_filter_chars(self.base_dn)}))",
                attributes=["olcAccess", "olcRootDN"],
            )
            if len(databases) != 1:
                raise IntegrityError(
                    f"O LDAP tem {len(databases)} bancos com o sufixo {self.base_dn}, e não um",
                    self.where,
                    "Confira o DN das árvores no bloco do LDAP.",
                )
            found = databases[0]["attributes"]
            is_root = self.admin_dn.lower() in {str(dn).lower() for dn in found.get("olcRootDN") or ()}
            wanted = access_rules(self.base_dn, None if is_root else self.admin_dn)
            drift = judge_access_rules(wanted, [str(text) for text in found.get("olcAccess") or ()])
            if drift.details and not is_rehearsal():
                texts = [f"{{{number}}}{rule.text}" for number, rule in enumerate(wanted)]
                connection.modify(databases[0]["dn"], {"olcAccess": [(MODIFY_REPLACE, texts)]})
        return Change(
            created=len(drift.missing),
            updated=len(drift.changed),
            removed=len(drift.extra),
            unchanged=drift.unchanged,
            details=drift.details,
        )

    def check_access_rules(self, environment: EnvironmentName, search_password: SecretStr) -> None:
        """Try, as each identity of one environment, whatever segregation forbids; the proof that needs no rules read.

        A person of the environment is tried by a throwaway entry, which a rehearsal does without.

        Raises:
            IntegrityError: something was not refused; each broken promise is named.
        """
        if is_rehearsal() and not self.opens(self.search_dn(environment), search_password):
            return  # an environment that is only being planned has nobody yet
        doors = Doors(
            admin=self.as_admin,
            account=lambda: self.connect(self.search_dn(environment), search_password),
            person=self.connect,
            nobody=lambda: self.connect(None, SecretStr("")),
        )
        broken = find_broken_promises(
            doors, base_dn=self.base_dn, own_ou=self.environment_dn(environment), with_person=not is_rehearsal()
        )
        if broken:
            raise IntegrityError(
                f"O LDAP não segrega {environment.slug}: {'; '.join(broken)}",
                self.where,
                "Acerte as regras de acesso (olcAccess) do servidor antes de continuar.",
            )

    def ensure_environment(self, environment: EnvironmentName, search_password: SecretStr) -> Change:
        """Create what is missing of the environment's subtree; give its search account its class and password again."""
        change = Change()
        with self.as_admin() as connection:
            for dn, name in (
                (self.environment_dn(environment), environment.ou),
                (self.people_dn(environment), "usuarios"),
            ):
                if read_entry(connection, dn, ["1.1"]) is not None:
                    change += Change(unchanged=1)
                    continue
                if not is_rehearsal():
                    connection.add(dn, ["organizationalUnit"], {"ou": name})
                change += Change(created=1, details=(f"{environment.slug}: ramo ou={name} do LDAP",))
            change += self._ensure_search_account(connection, environment, search_password)
        return change

    def _ensure_search_account(
        self, connection: Connection, environment: EnvironmentName, password: SecretStr
    ) -> Change:
        return self._ensure_machine_account(
            connection,
            self.search_dn(environment),
            SEARCH_CLASSES,
            {"cn": "sip"},
            password,
            f"{environment.slug}: conta de pesquisa do LDAP",
        )

    def ensure_technical_account(self, environment: EnvironmentName, uid: str, password: SecretStr) -> Change:
        """An account among the environment's people that belongs to nobody, with a password that never expires.

        It is no inetOrgPerson: whoever lists, invites or counts people does not meet it.
        """
        with self.as_admin() as connection:
            return self._ensure_machine_account(
                connection,
                self.account_dn(environment, uid),
                TECHNICAL_CLASSES,
                {"uid": uid},
                password,
                f"{environment.slug}: conta técnica do LDAP",
            )

    def _ensure_machine_account(
        self,
        connection: Connection,
        dn: str,
        classes: frozenset[str],
        attributes: dict[str, str],
        password: SecretStr,
        what: str,
    ) -> Change:
        found = read_entry(connection, dn, ["objectClass", "pwdReset"])
        if found is not None and {name.lower() for name in found["objectClass"]} == classes:
            if not found.get("pwdReset") and self.opens(dn, password):
                return Change(unchanged=1)
            if not is_rehearsal():
                # A new password also ends a lockout; what remains is the mark of a provisional one.
                connection.modify(
                    dn,
                    {
                        "userPassword": [(MODIFY_REPLACE, [password.get_secret_value()])],
                        "pwdReset": [(MODIFY_REPLACE, [])],
                    },
                )
            return Change(updated=1, details=(f"{what}: senha",))
        if not is_rehearsal():
            if found is not None:  # what kind of entry it is cannot be changed, only made anew
                connection.delete(dn)
            connection.add(dn, sorted(classes), {**attributes, "userPassword": password.get_secret_value()})
        return Change(created=1, details=(what,)) if found is None else Change(updated=1, details=(f"{what}: classe",))

    def opens(self, dn: str, password: SecretStr) -> bool:
        """Whether this is the password of `dn`, and the account may sign in with it."""
        try:
            with self.connect(dn, password):
                return True
        except InvalidInputError:
            return False

    def list_logins(self, environment: EnvironmentName) -> set[str]:
        """The logins, in small letters, with which people may sign in to one environment."""
        with self.as_admin(in_bulk=True) as connection:
            found = connection.extend.standard.paged_search(
                self.people_dn(environment),
                PERSON,
                LEVEL,
                attributes=["uid"],
                paged_size=PAGE_SIZE,
                generator=True,
            )
            return {str(entry["attributes"]["uid"][0]).lower() for entry in found if entry["type"] == "searchResEntry"}

    def policy(self) -> PasswordPolicy | None:
        """The password policy in force, or None when the directory has none."""
        with self.as_admin() as connection:
            found = read_entry(connection, self._policy_dn, ["*"])
        return None if found is None else _policy_of(found)

    def ensure_policy(self, minimum: PasswordPolicy) -> Change:
        """Bring whatever the policy demands less than `minimum` up to it; what is stricter stays."""
        found = self.policy()
        wanted = minimum if found is None else found.reinforced(minimum)
        if found == wanted:
            return Change(unchanged=1)
        attributes = _policy_attributes(wanted)
        with self.as_admin() as connection:
            if found is None:
                self._add_policy(connection, attributes)
                return Change(created=1, details=("política de senhas do LDAP",))
            if not is_rehearsal():
                connection.modify(
                    self._policy_dn, {name: [(MODIFY_REPLACE, [value])] for name, value in attributes.items()}
                )
        return Change(updated=1, details=found.differences(wanted))

    @property
    def _policy_dn(self) -> str:
        return self.policy_dn or f"cn=padrao,ou=politicas,{self.base_dn}"

    def _add_policy(self, connection: Connection, attributes: dict[str, str]) -> None:
        if is_rehearsal():
            return
        name, _, parent = self._policy_dn.partition(",")
        if read_entry(connection, parent, ["1.1"]) is None:
            connection.add(parent, ["organizationalUnit"], {"ou": parent.partition(",")[0].partition("=")[2]})
        connection.add(
            self._policy_dn,
            POLICY_CLASSES,
            {"cn": name.partition("=")[2], "pwdAttribute": "userPassword", "pwdAllowUserChange": "TRUE", **attributes},
        )

    def export_subtree(self, environment: EnvironmentName) -> str:
        """Everything below the environment's OU as LDIF, parents first, with password hashes and operational values.

        For an archive that is encrypted; an environment without a subtree gives an LDIF without entries.
        """
        with self.as_admin() as connection:
            if read_entry(connection, self.environment_dn(environment), ["1.1"]) is None:
                return "version: 1\n"
            entries = [
                entry
                for entry in connection.extend.standard.paged_search(
                    self.environment_dn(environment),
                    "(objectClass=*)",
                    SUBTREE,
                    attributes=["*", "+"],
                    paged_size=PAGE_SIZE,
                    generator=True,
                )
                if entry["type"] == "searchResEntry"
            ]
            entries.sort(key=lambda entry: (_depth(entry["dn"]), entry["dn"]))
            return str(connection.response_to_ldif(entries))

    def ensure_locked(self, environment: EnvironmentName) -> Change:
        """Let nobody sign in with an account of the environment, its search account included; the entries stay."""
        wanted = f"(&{_HAS_PASSWORD}(!(pwdAccountLockedTime={BLOCKED})))"
        return self._set_lock(environment, wanted, [BLOCKED], "bloqueada")

    def ensure_unlocked(self, environment: EnvironmentName) -> Change:
        """Take back what `ensure_locked` did; passwords are the same as before."""
        wanted = f"(&{_HAS_PASSWORD}(pwdAccountLockedTime={BLOCKED}))"
        return self._set_lock(environment, wanted, [], "desbloqueada")

    def _set_lock(self, environment: EnvironmentName, search_filter: str, values: list[str], word: str) -> Change:
        with self.as_admin() as connection:
            if read_entry(connection, self.environment_dn(environment), ["1.1"]) is None:
                return Change(unchanged=1)
            found = connection.extend.standard.paged_search(
                self.environment_dn(environment),
                search_filter,
                SUBTREE,
                attributes=["1.1"],
                paged_size=PAGE_SIZE,
                generator=True,
            )
            names = [entry["dn"] for entry in found if entry["type"] == "searchResEntry"]
            if not names:
                return Change(unchanged=1)
            batch = Batch(connection)
            for dn in names:
                batch.modify(dn, {"pwdAccountLockedTime": [(MODIFY_REPLACE, values)]})
            batch.finish()
            plural = "" if len(names) == 1 else "s"
            return Change(updated=len(names), details=(f"{len(names)} conta{plural} {word}{plural} no LDAP",))

    def remove_environment(self, environment: EnvironmentName) -> Change:
        """Remove the environment's whole subtree, leaves first."""
        with self.as_admin() as connection:
            if read_entry(connection, self.environment_dn(environment), ["1.1"]) is None:
                return Change()
            entries = connection.extend.standard.paged_search(
                self.environment_dn(environment),
                "(objectClass=*)",
                SUBTREE,
                attributes=["1.1"],
                paged_size=PAGE_SIZE,
                generator=True,
            )
            names = [entry["dn"] for entry in entries if entry["type"] == "searchResEntry"]
            batch = Batch(connection)
            for depth in sorted({_depth(dn) for dn in names}, reverse=True):
                for dn in names:
                    if _depth(dn) == depth:
                        batch.delete(dn)
                batch.finish()  # an entry goes only when nothing is below it any more
        return Change(removed=len(names), details=(f"{environment.slug}: ramo ou={environment.ou} do LDAP",))


def _depth(dn: str) -> int:
    return dn.count(",")


def _policy_of(found: dict[str, list[str]]) -> PasswordPolicy:
    def number(name: str) -> int:
        return int((found.get(name) or ["0"])[0])

    def holds(name: str) -> bool:
        return (found.get(name) or ["FALSE"])[0] == "TRUE"

    measured = number("pwdCheckQuality") >= int(CHECK_QUALITY)
    return PasswordPolicy(
        min_length=number("pwdMinLength") if measured else 0,
        history=number("pwdInHistory"),
        max_failures=number("pwdMaxFailure") if holds("pwdLockout") else 0,
        lockout_seconds=number("pwdLockoutDuration"),
        failure_window_seconds=number("pwdFailureCountInterval"),
        first_access_changes=holds("pwdMustChange"),
    )


def _policy_attributes(policy: PasswordPolicy) -> dict[str, str]:
    return {
        "pwdCheckQuality": CHECK_QUALITY if policy.min_length else "0",
        "pwdMinLength": str(policy.min_length),
        "pwdInHistory": str(policy.history),
        "pwdLockout": "TRUE" if policy.max_failures else "FALSE",
        "pwdMaxFailure": str(policy.max_failures),
        "pwdLockoutDuration": str(policy.lockout_seconds),
        "pwdFailureCountInterval": str(policy.failure_window_seconds),
        "pwdMustChange": "TRUE" if policy.first_access_changes else "FALSE",
    }


def read_entry(connection: Connection, dn: str, attributes: list[str]) -> dict[str, list[str]] | None:
    """One entry's attributes, or None when there is no such entry."""
    try:
        _status, _result, entries, _request = connection.search(dn, "(objectClass=*)", BASE, attributes=attributes)
    except LDAPOperationResult as e:
        if e.description == "noSuchObject":
            return None
        raise
    if not entries:
        return None
    return {name: [str(value) for value in values] for name, values in entries[0]["attributes"].items()}
