"""Accounts that people sign in with, and the rules for their passwords. Personal data: `repr` never shows it."""

from enum import StrEnum

from pydantic import ConfigDict, Field, NonNegativeInt

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
