"""Who may read what in the directory: the access rules that segregation demands, and how a server's own differ.

The rules are OpenLDAP's `olcAccess`, in the spelling that slapd itself gives back. The order matters: the first rule
whose target matches decides, and inside it the first `by`.
"""

import re
from collections.abc import Sequence

from domain.model import Frozen

_POSITION = re.compile(r"^\{\d+\}")
_SPECIAL = re.compile(r"([.\[\]()*+?{}|^$\\])")


class AccessRule(Frozen):
    """One rule: what it promises, for people, and its text, for slapd."""

    promise: str
    text: str


class AccessDrift(Frozen):
    """How the rules of a server differ from the wanted ones; each tuple has what an operator reads."""

    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    unchanged: int = 0

    @property
    def details(self) -> tuple[str, ...]:
        """Every difference, in one list."""
        return self.missing + self.changed + self.extra


def access_rules(base_dn: str, administrator: str | None = None) -> tuple[AccessRule, ...]:
    """The rules of the database that holds `base_dn`, in their order.

    `administrator` is the service account's DN where it is an ordinary entry: no rule may lock it out. The database's
    own root account needs no rule.
    """
    base = ",".join(part.strip() for part in base_dn.split(","))
    pattern = _SPECIAL.sub(r"\\\1", base)
    admin = f'by dn.base="{administrator}" manage ' if administrator else ""
    return (
        AccessRule(
            promise="cada pessoa troca só a própria senha",
            text=f'to dn.regex="^uid=[^,]+,ou=usuarios,ou=[^,]+,{pattern}$" attrs=userPassword '
            f"{admin}by self =wx by anonymous auth by * none",
        ),
        AccessRule(
            # Old passwords too: the history keeps the first of them as it was typed (measured on 2.5.13).
            promise="ninguém lê senhas, nem as antigas",
            text=f"to attrs=userPassword,pwdHistory {admin}by anonymous auth by * none",
        ),
        AccessRule(
            promise="a conta de pesquisa lê só o próprio ambiente",
            text=f'to dn.regex="^(.+,)?(ou=[^,]+,{pattern})$" {admin}by dn.base,expand="cn=sip,$2" read by * none',
        ),
        AccessRule(promise="o que não é permitido é recusado", text=f"to * {admin}by * none"),
    )


def judge_access_rules(wanted: Sequence[AccessRule], found: Sequence[str]) -> AccessDrift:
    """Compare the wanted rules with the values of a server's `olcAccess`, in their order.

    What a foreign rule says is not repeated: its text may name a person.
    """
    present = [_plain(text) for text in found]
    if present == [_plain(rule.text) for rule in wanted]:
        return AccessDrift(unchanged=len(wanted))
    texts = {_plain(rule.text) for rule in wanted}
    targets = {_target(text) for text in present}
    missing, changed = [], []
    for rule in wanted:
        if _plain(rule.text) in present:
            continue
        if _target(_plain(rule.text)) in targets:
            changed.append(f"regra de acesso do LDAP alterada: {rule.promise}")
        else:
            missing.append(f"regra de acesso do LDAP ausente: {rule.promise}")
    replaced = {_target(_plain(rule.text)) for rule in wanted if _plain(rule.text) not in present}
    extra = [
        f"regra de acesso do LDAP a mais, na posição {number}"
        for number, text in enumerate(present)
        if present.index(text) != number or (text not in texts and _target(text) not in replaced)
    ]
    if not (missing or changed or extra):
        changed.append("regras de acesso do LDAP fora de ordem")
    return AccessDrift(
        missing=tuple(missing),
        changed=tuple(changed),
        extra=tuple(extra),
        unchanged=sum(_plain(rule.text) in present for rule in wanted),
    )


def _plain(text: str) -> str:
    """A rule without its position, with single spaces: what slapd was given and what it gives back differ in these."""
    return " ".join(_POSITION.sub("", text).split())


def _target(text: str) -> str:
    return text.partition(" by ")[0]
