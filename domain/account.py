"""Accounts that people sign in with, and the rules for their passwords. Personal data: `repr` never shows it."""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum

from pydantic import ConfigDict, Field, NonNegativeInt

from domain.errors import InvalidInputError
from domain.model import Frozen


class Account(Frozen):
    """One person's account: `uid` is the login that SIP calls `sigla`."""

    model_config = ConfigDict(hide_input_in_errors=True)

    uid: str = Field(repr=False)
    name: str = Field(repr=False)
    email: str = Field(repr=False)

    @property
    def attributes(self) -> dict[str, str]:
        """The entry's attributes in inetOrgPerson's terms."""
        parts = self.name.split()
        return {"cn": self.name, "sn": parts[-1], "mail": self.email}


class User(Frozen):
    """An account as the security system has it."""

    account: Account
    blocked: bool = Field(description="Somebody blocked it; a lockout by wrong passwords is not a block.")
    must_change: bool = Field(description="The password is a provisional one, good only for choosing another.")
    uninvited: bool = Field(description="The owner was not sent a first password yet.")
    bounced: bool = Field(
        default=False, description="The first password's address was refused; nothing is sent until it changes."
    )


class AccountsRefusedError(InvalidInputError):
    """The security system refused some accounts, after it took all the others.

    `uids` says whose they are to whoever catches it, to turn them into rows of a spreadsheet; no text shows them, and
    they do not travel to another process, where Prefect would keep them.
    """

    def __init__(self, what: str, where: str, fix: str, *, uids: Collection[str] = ()) -> None:
        super().__init__(what, where, fix)
        self.uids = frozenset(uid.lower() for uid in uids)

    def __reduce__(self) -> tuple[Callable[..., "AccountsRefusedError"], tuple[str, str, str]]:
        return type(self), (self.what, self.where, self.fix)


def accounts_refused(uids: Collection[str], total: int, where: str) -> AccountsRefusedError:
    """The refusal of some of `total` accounts, told by their number."""
    return AccountsRefusedError(
        f"O sistema de segurança recusou {len(uids)} de {total} contas: o e-mail já é de outra conta, ou foge às"
        " regras do servidor",
        where,
        "Corrija o e-mail dessas pessoas na planilha e envie de novo; as demais contas já estão certas.",
        uids=uids,
    )


def require_all(uids: Collection[str], existing: Collection[str], where: str) -> None:
    """Raise InvalidInputError when some of the accounts are not among the existing ones; counts only."""
    absent = len({uid.lower() for uid in uids} - {uid.lower() for uid in existing})
    if absent:
        what = "A conta não existe" if absent == 1 else f"{absent} contas não existem"
        raise InvalidInputError(f"{what} neste ambiente", where, "Confira o login e o ambiente.")


def plan_renames(renames: Mapping[str, str], existing: Collection[str], where: str) -> dict[str, str]:
    """The renames still to make, from login to login; the others were made already. Capitals make no difference.

    Raises:
        InvalidInputError: an account is there under neither login or under both, or a login is taken that another
            rename gives up or takes too: run again after half of it, nobody could tell who is who. Counts only.
    """
    there = {uid.lower() for uid in existing}
    wanted = {old.lower(): new.lower() for old, new in renames.items()}
    moving = {old: new for old, new in wanted.items() if old != new}
    taken = set(moving.values())
    tangled = len(moving) - len(taken) + len(taken & set(moving))
    doubled = sum(1 for old, new in moving.items() if old in there and new in there)
    absent = sum(1 for old, new in wanted.items() if old not in there and new not in there)
    problems = [
        f"{label}: {count}"
        for label, count in (
            ("logins que duas trocas disputam", tangled),
            ("o login novo já tem outra conta", doubled),
            ("contas que não existem", absent),
        )
        if count
    ]
    if len(wanted) != len(renames):
        problems.append("logins repetidos")
    if problems:
        raise InvalidInputError(
            f"Logins não trocados: {'; '.join(problems)}", where, "Corrija os logins na planilha e envie de novo."
        )
    return {old: new for old, new in moving.items() if old in there}


class PasswordRefusal(StrEnum):
    """Why a person could not change their own password."""

    CURRENT = "senha atual incorreta, ou conta bloqueada"
    POLICY = "a política recusou a senha nova"


class PasswordPolicy(Frozen):
    """What a security system demands of passwords; the defaults are the programme's minimum."""

    min_length: NonNegativeInt = Field(default=8, description="Fewest characters; 0: any password will do.")
    history: NonNegativeInt = Field(default=3, description="How many earlier passwords may not come back.")
    max_failures: NonNegativeInt = Field(default=5, description="Wrong passwords until the lockout; 0: no lockout.")
    lockout_seconds: NonNegativeInt = Field(default=900, description="How long a lockout lasts; 0: until unblocked.")
    failure_window_seconds: NonNegativeInt = Field(
        default=900, description="After how long a wrong password is forgotten; 0: only after a right one."
    )
    first_access_changes: bool = Field(default=True, description="A provisional password is good only for changing it.")

    def reinforced(self, minimum: "PasswordPolicy") -> "PasswordPolicy":
        """This policy with whatever is weaker than `minimum` brought up to it; nothing is ever weakened."""
        failures = [limit for limit in (self.max_failures, minimum.max_failures) if limit]
        return PasswordPolicy(
            min_length=max(self.min_length, minimum.min_length),
            history=max(self.history, minimum.history),
            max_failures=min(failures, default=0),
            lockout_seconds=_longer(self.lockout_seconds, minimum.lockout_seconds),
            failure_window_seconds=_longer(self.failure_window_seconds, minimum.failure_window_seconds),
            first_access_changes=self.first_access_changes or minimum.first_access_changes,
        )

    def differences(self, wanted: "PasswordPolicy") -> tuple[str, ...]:
        """What has to change for this policy to become `wanted`, one item a rule."""
        return tuple(
            f"política de senhas: {label}: {_said(getattr(self, field))} → {_said(getattr(wanted, field))}"
            for field, label in _LABELS.items()
            if getattr(self, field) != getattr(wanted, field)
        )


_LABELS = {
    "min_length": "tamanho mínimo",
    "history": "senhas anteriores recusadas",
    "max_failures": "erros até travar",
    "lockout_seconds": "segundos travada",
    "failure_window_seconds": "segundos até esquecer um erro",
    "first_access_changes": "troca no primeiro acesso",
}


def _longer(one: int, other: int) -> int:
    return 0 if 0 in {one, other} else max(one, other)  # 0 is for ever


def _said(value: bool | int) -> str:
    return ("sim" if value else "não") if isinstance(value, bool) else str(value)
