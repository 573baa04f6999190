"""What is told to somebody who chooses a password of their own, before the security system is asked."""

import unicodedata
from typing import Literal

from pydantic import ConfigDict, Field, SecretStr

from domain.account import PasswordPolicy
from domain.model import Frozen
from domain.person import MAX_LOGIN
from domain.text import cp1252_problem

MAX_PASSWORD = 128

FormField = Literal["login", "current", "new", "repeated"]


class PasswordForm(Frozen):
    """What a person typed; `repr` shows none of it."""

    model_config = ConfigDict(hide_input_in_errors=True)

    login: str = Field(repr=False)
    current: SecretStr
    new: SecretStr
    repeated: SecretStr


class Problem(Frozen):
    """One thing to correct, in Portuguese; it never repeats what was typed."""

    field: FormField
    text: str


def find_problems(form: PasswordForm, policy: PasswordPolicy | None) -> tuple[Problem, ...]:
    """Everything that is wrong with the form, at most one problem a field, in the order of the fields."""
    current, new = form.current.get_secret_value(), form.new.get_secret_value()
    found: dict[FormField, str | None] = {
        "login": _login_problem(form.login),
        "current": _current_problem(current),
        "new": _new_problem(new, current, policy),
    }
    if not found["new"] and form.repeated.get_secret_value() != new:
        found["repeated"] = "As duas senhas novas são diferentes. Digite a mesma nos dois campos."
    return tuple(Problem(field=field, text=text) for field, text in found.items() if text)


def rules_of(policy: PasswordPolicy | None) -> tuple[str, ...]:
    """What is demanded of a new password, one sentence a rule, to be read before choosing."""
    rules = []
    if policy and policy.min_length > 1:
        rules.append(f"Ter pelo menos {policy.min_length} caracteres.")
    if policy and policy.history > 1:
        rules.append(f"Ser diferente da atual e das {policy.history} anteriores.")
    else:
        rules.append("Ser diferente da atual.")
    return tuple(rules)


def _login_problem(login: str) -> str | None:
    if not login.strip():
        return "Digite o seu usuário."
    return f"O usuário tem no máximo {MAX_LOGIN} caracteres." if len(login) > MAX_LOGIN else None


def _current_problem(current: str) -> str | None:
    if not current:
        return "Digite a senha atual."
    return f"A senha atual tem no máximo {MAX_PASSWORD} caracteres." if len(current) > MAX_PASSWORD else None


def _new_problem(new: str, current: str, policy: PasswordPolicy | None) -> str | None:
    if not new:
        return "Digite a senha nova."
    if len(new) > MAX_PASSWORD:
        return f"A senha nova pode ter no máximo {MAX_PASSWORD} caracteres."
    if policy and len(new) < policy.min_length:
        return f"A senha nova precisa ter pelo menos {policy.min_length} caracteres."
    if new == current:
        return "A senha nova precisa ser diferente da atual."
    if not _can_be_typed_into_sei(new):
        return (
            "A senha nova tem um caractere que a tela de entrada do SEI não envia. Use letras, números e sinais comuns."
        )
    return None


def _can_be_typed_into_sei(password: str) -> bool:
    """Whether SEI's sign-in will send exactly what the directory keeps.

    Its page is ISO-8859-1 (`sei.md` 1.1): a browser sends anything else as `&#…;`. And LDAP clients prepare passwords
    by RFC 4013, which makes an `o` of `º`: whoever sends the `º` as it is would be refused for ever.
    """
    return (
        unicodedata.normalize("NFKC", password) == password
        and cp1252_problem(password) is None
        and "\u00ad" not in password  # the soft hyphen: RFC 4013 drops it
    )
