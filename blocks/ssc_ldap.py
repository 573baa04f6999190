"""The corporate security system where there is none but the LDAP directory itself."""

from collections.abc import Iterable
from contextlib import AbstractContextManager

from pydantic import Field, SecretStr

from blocks.directory import Directory
from blocks.ssc import Inviter, SecuritySystem
from domain.account import Account, PasswordPolicy, User
from domain.change import Change
from domain.environment import EnvironmentName


class LdapSsc(SecuritySystem):
    """Accounts and password policy kept by the directory: its ppolicy overlay and RFC 3062."""

    _block_type_name = "Implanta SSC (LDAP)"
    _block_type_slug = "implanta-ldap-ssc"

    directory: Directory = Field(description="O LDAP que guarda as contas.")

    def ensure_users(self, environment: EnvironmentName, accounts: Iterable[Account]) -> Change:
        return self.directory.ensure_accounts(environment, accounts)

    def list_users(self, environment: EnvironmentName) -> list[User]:
        return self.directory.list_users(environment)

    def inviting(self, environment: EnvironmentName) -> AbstractContextManager[Inviter]:
        return self.directory.inviting(environment)

    def block_user(self, environment: EnvironmentName, uid: str) -> Change:
        return self.directory.block(environment, uid)

    def unblock_user(self, environment: EnvironmentName, uid: str) -> Change:
        return self.directory.unblock(environment, uid)

    def reset_password(self, environment: EnvironmentName, uid: str) -> SecretStr:
        return self.directory.reset_password(environment, uid)

    def change_own_password(self, environment: EnvironmentName, uid: str, old: SecretStr, new: SecretStr) -> None:
        self.directory.change_own_password(environment, uid, old, new)

    def policy(self) -> PasswordPolicy | None:
        return self.directory.policy()

    def ensure_policy(self, minimum: PasswordPolicy) -> Change:
        return self.directory.ensure_policy(minimum)
