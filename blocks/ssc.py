"""The corporate security system (SSC): who may sign in, with which password, by which rules."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from prefect.blocks.core import Block
from pydantic import ConfigDict, SecretStr

from domain.account import Account, PasswordPolicy, User
from domain.change import Change
from domain.environment import EnvironmentName


class Inviter(Protocol):
    """Gives first passwords over one open conversation."""

    def give_password(self, account: Account) -> SecretStr:
        """Set a provisional password, good only for choosing another."""

    def mark_invited(self, account: Account) -> None:
        """Record that the password is on its way, so that the next run does not send another."""

    def mark_bounced(self, account: Account) -> None:
        """Record that the address was refused: nothing more is sent to it until `ensure_users` gives another."""


class SecuritySystem(Block, ABC):
    """The system that keeps the accounts of every environment's people.

    Every method raises InvalidInputError for an account or environment that does not exist, before it writes anything,
    or when these credentials are refused, and RetryableError when the system does not answer: what was written until
    then stays, and the same call again completes it. In a rehearsal none of them writes.
    """

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta SSC (interface)"
    _block_type_slug = "implanta-ssc"

    @abstractmethod
    def ensure_users(self, environment: EnvironmentName, accounts: Iterable[Account]) -> Change:
        """Create the missing accounts, without any password, and correct names and e-mails; other accounts stay.

        An e-mail that changes makes an account whose address was refused wait for its first password again.

        Raises:
            AccountsRefusedError: after all the others were written, that the system refuses some of them.
        """

    @abstractmethod
    def list_users(self, environment: EnvironmentName) -> list[User]:
        """Every account of one environment, sorted by login."""

    def list_logins(self, environment: EnvironmentName) -> dict[str, bool]:
        """Whether each account is blocked, by its login in small letters."""
        return {user.account.uid.lower(): user.blocked for user in self.list_users(environment)}

    @abstractmethod
    def inviting(self, environment: EnvironmentName) -> AbstractContextManager[Inviter]:
        """A conversation through which first passwords are given, one account at a time."""

    @abstractmethod
    def rename_users(self, environment: EnvironmentName, renames: Mapping[str, str]) -> Change:
        """Give accounts another login, from old to new; password, marks and history stay. See `plan_renames`."""

    @abstractmethod
    def block_users(self, environment: EnvironmentName, uids: Collection[str]) -> Change:
        """Let nobody sign in with these accounts until they are unblocked; one that does not exist is unchanged."""

    @abstractmethod
    def unblock_users(self, environment: EnvironmentName, uids: Collection[str]) -> Change:
        """Open accounts that were blocked, or that wrong passwords locked; their passwords stay."""

    @abstractmethod
    def mark_uninvited(self, environment: EnvironmentName, uids: Collection[str]) -> Change:
        """Let the next invitations give these people, who come back, a new first password."""

    @abstractmethod
    def remove_users(self, environment: EnvironmentName, uids: Collection[str]) -> Change:
        """Take accounts away, only to undo the import that made them; one that does not exist is unchanged."""

    @abstractmethod
    def reset_password(self, environment: EnvironmentName, uid: str) -> SecretStr:
        """Give a password good only for choosing another; a blocked account gets none (InvalidInputError)."""

    @abstractmethod
    def change_own_password(self, environment: EnvironmentName, uid: str, old: SecretStr, new: SecretStr) -> None:
        """What a person does at the first access, and later.

        Raises:
            InvalidInputError: the old password is wrong, or the policy refuses the new one.
        """

    @abstractmethod
    def policy(self) -> PasswordPolicy | None:
        """What is demanded of passwords; None when nothing is."""

    @abstractmethod
    def ensure_policy(self, minimum: PasswordPolicy) -> Change:
        """Bring whatever the policy demands less than `minimum` up to it; what is stricter stays."""

    def list_uninvited(self, environment: EnvironmentName) -> list[Account]:
        """The accounts, not blocked, whose owners were not yet sent a first password, sorted by login."""
        return [user.account for user in self.list_users(environment) if user.uninvited and not user.blocked]
