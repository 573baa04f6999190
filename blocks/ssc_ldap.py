"""The corporate security system where there is none but the LDAP directory itself."""

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ldap3 import LEVEL, MODIFY_ADD, MODIFY_DELETE, MODIFY_REPLACE, Connection
from ldap3.core.exceptions import LDAPConstraintViolationResult
from ldap3.utils.conv import escape_filter_chars
from pydantic import Field, SecretStr

from blocks.directory import BLOCKED, PAGE_SIZE, PERSON, Directory, read_entry
from blocks.directory_batch import ALREADY_THERE, NOT_THERE, REFUSED, Batch
from blocks.rehearsal import is_rehearsal
from blocks.ssc import Inviter, SecuritySystem
from domain.account import Account, PasswordPolicy, PasswordRefusal, User, accounts_refused, plan_renames, require_all
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError

# An account whose owner has not yet been sent a password carries this mark; see `User.uninvited`.
INVITATION_PENDING = "implanta: primeiro acesso pendente"
# And this one when the mail server refused its address; see `User.bounced`.
ADDRESS_REFUSED = "implanta: endereço recusado"
LOGIN_ATTRIBUTES = ("uid", "pwdAccountLockedTime")
ACCOUNT_ATTRIBUTES = ("uid", "cn", "mail", "description")
ATTRIBUTES = (*ACCOUNT_ATTRIBUTES, "pwdReset", "pwdAccountLockedTime")
NEW_ACCOUNT = {"objectClass": "inetOrgPerson", "description": INVITATION_PENDING}
FEW = 100

Entry = dict[str, list[str]]
Changes = dict[str, list[tuple[str, list[str]]]]


class LdapSsc(SecuritySystem):
    """Accounts and password policy kept by the directory: its ppolicy overlay and RFC 3062."""

    _block_type_name = "Implanta SSC (LDAP)"
    _block_type_slug = "implanta-ldap-ssc"

    directory: Directory = Field(description="O LDAP que guarda as contas.")

    def ensure_users(self, environment: EnvironmentName, accounts: Iterable[Account]) -> Change:
        wanted = list(accounts)
        created = updated = 0
        with self.directory.as_admin(in_bulk=True) as connection:
            existing = {
                _uid(entry): entry for entry in self._entries(connection, environment, PERSON, ACCOUNT_ATTRIBUTES)
            }
            batch = Batch(connection, expected={ALREADY_THERE, REFUSED})
            for account in wanted:
                found = existing.get(account.uid.lower())
                dn = self.directory.account_dn(environment, found["uid"][0] if found else account.uid)
                if found is None:
                    # No password: nobody can sign in until an invitation gives one.
                    own = {"uid": account.uid, **account.attributes}
                    batch.add(dn, own, account.uid, alike=NEW_ACCOUNT)
                    created += 1
                elif changes := _corrections(found, account):
                    batch.modify(dn, changes, account.uid)
                    updated += 1
            batch.finish()
        refused = batch.answered(REFUSED)
        if refused:
            raise accounts_refused(refused, len(wanted), self.directory.where)
        # Somebody else, who imports the same people, was faster.
        created -= len(batch.answered(ALREADY_THERE))
        return Change(created=created, updated=updated, unchanged=len(wanted) - created - updated)

    def list_users(self, environment: EnvironmentName) -> list[User]:
        with self.directory.as_admin(in_bulk=True) as connection:
            users = [_user_of(entry) for entry in self._entries(connection, environment, PERSON)]
        return sorted(users, key=lambda user: user.account.uid)

    def list_logins(self, environment: EnvironmentName) -> dict[str, bool]:
        # What is not asked for is not decoded: of ten thousand accounts that is half the time.
        with self.directory.as_admin(in_bulk=True) as connection:
            entries = self._entries(connection, environment, PERSON, LOGIN_ATTRIBUTES)
            return {_uid(entry): _is_blocked(entry) for entry in entries}

    def _entries(
        self,
        connection: Connection,
        environment: EnvironmentName,
        search_filter: str,
        attributes: Sequence[str] = ATTRIBUTES,
    ) -> Iterator[Entry]:
        for entry in connection.extend.standard.paged_search(
            self.directory.people_dn(environment),
            search_filter,
            LEVEL,
            attributes=attributes,
            paged_size=PAGE_SIZE,
            generator=True,
        ):
            if entry["type"] == "searchResEntry":
                yield {name: [str(value) for value in values] for name, values in entry["attributes"].items()}

    def _find(self, connection: Connection, environment: EnvironmentName, uids: Collection[str]) -> dict[str, Entry]:
        """The entries of those logins that there are, by login in small letters."""
        logins = {uid.lower() for uid in uids}
        if not logins:
            return {}
        search = PERSON
        if len(logins) <= FEW:  # composing and reading a longer question takes longer than reading everybody
            search = f"(&{PERSON}(|{''.join(f'(uid={escape_filter_chars(uid)})' for uid in sorted(logins))}))"
        found = {_uid(entry): entry for entry in self._entries(connection, environment, search)}
        return {uid: entry for uid, entry in found.items() if uid in logins}

    def _find_all(
        self, connection: Connection, environment: EnvironmentName, uids: Collection[str]
    ) -> dict[str, Entry]:
        found = self._find(connection, environment, uids)
        require_all(uids, found, self.directory.where)
        return found

    @contextmanager
    def inviting(self, environment: EnvironmentName) -> Iterator[Inviter]:
        with self.directory.as_admin(in_bulk=True) as connection:
            yield _LdapInviter(connection, self.directory, environment)

    def rename_users(self, environment: EnvironmentName, renames: Mapping[str, str]) -> Change:
        with self.directory.as_admin(in_bulk=True) as connection:
            found = self._find(connection, environment, {*renames, *renames.values()})
            moves = plan_renames(renames, found, self.directory.where)
            batch = Batch(connection)
            for old, new in moves.items():
                name, _, _ = self.directory.account_dn(environment, new).partition(",")
                batch.rename(self.directory.account_dn(environment, found[old]["uid"][0]), name)
            batch.finish()
        return Change(updated=len(moves), unchanged=len(renames) - len(moves))

    def block_users(self, environment: EnvironmentName, uids: Collection[str]) -> Change:
        with self.directory.as_admin(in_bulk=True) as connection:
            found = self._find(connection, environment, uids)
            block: Changes = {"pwdAccountLockedTime": [(MODIFY_REPLACE, [BLOCKED])]}
            changes = {uid: block for uid, entry in found.items() if not _is_blocked(entry)}
            return self._modify(connection, environment, found, changes, of=uids)

    def unblock_users(self, environment: EnvironmentName, uids: Collection[str]) -> Change:
        with self.directory.as_admin(in_bulk=True) as connection:
            found = self._find_all(connection, environment, uids)
            # A deletion, unlike a replacement by nothing, also makes the overlay forget the wrong passwords.
            unlock: Changes = {"pwdAccountLockedTime": [(MODIFY_DELETE, [])]}
            changes = {uid: unlock for uid, entry in found.items() if entry.get("pwdAccountLockedTime")}
            return self._modify(connection, environment, found, changes, of=uids)

    def mark_uninvited(self, environment: EnvironmentName, uids: Collection[str]) -> Change:
        with self.directory.as_admin(in_bulk=True) as connection:
            found = self._find_all(connection, environment, uids)
            changes = {
                uid: _pending(entry)
                for uid, entry in found.items()
                if INVITATION_PENDING not in entry.get("description", ())
            }
            return self._modify(connection, environment, found, changes, of=uids)

    def remove_users(self, environment: EnvironmentName, uids: Collection[str]) -> Change:
        with self.directory.as_admin(in_bulk=True) as connection:
            found = self._find(connection, environment, uids)
            batch = Batch(connection, expected={NOT_THERE})
            for entry in found.values():
                batch.delete(self.directory.account_dn(environment, entry["uid"][0]))
            batch.finish()
        return Change(removed=len(found), unchanged=_count(uids) - len(found))

    def _modify(
        self,
        connection: Connection,
        environment: EnvironmentName,
        found: Mapping[str, Entry],
        changes: Mapping[str, Changes],
        *,
        of: Collection[str],
    ) -> Change:
        batch = Batch(connection)
        for uid, change in changes.items():
            batch.modify(self.directory.account_dn(environment, found[uid]["uid"][0]), change)
        batch.finish()
        return Change(updated=len(changes), unchanged=_count(of) - len(changes))

    def reset_password(self, environment: EnvironmentName, uid: str) -> SecretStr:
        dn = self.directory.account_dn(environment, uid)
        with self.directory.as_admin() as connection:
            found = read_entry(connection, dn, ["pwdAccountLockedTime"])
            require_all([uid], [] if found is None else [uid], self.directory.where)
            if found and _is_blocked(found):
                raise InvalidInputError(
                    "A conta está bloqueada", self.directory.where, "Desbloqueie-a antes de dar outra senha."
                )
            return _give_password(connection, dn)

    def change_own_password(self, environment: EnvironmentName, uid: str, old: SecretStr, new: SecretStr) -> None:
        dn = self.directory.account_dn(environment, uid)
        if not self.directory.opens(dn, old):
            raise _refused(PasswordRefusal.CURRENT, self.directory.where)
        with self.directory.connect(dn, old) as connection:
            try:
                connection.extend.standard.modify_password(dn, old.get_secret_value(), new.get_secret_value())
            except LDAPConstraintViolationResult:
                raise _refused(PasswordRefusal.POLICY, self.directory.where) from None

    def policy(self) -> PasswordPolicy | None:
        return self.directory.policy()

    def ensure_policy(self, minimum: PasswordPolicy) -> Change:
        return self.directory.ensure_policy(minimum)


class _LdapInviter:
    """Gives first passwords over one connection."""

    def __init__(self, connection: Connection, directory: Directory, environment: EnvironmentName) -> None:
        self._connection = connection
        self._directory = directory
        self._environment = environment

    def give_password(self, account: Account) -> SecretStr:
        return _give_password(self._connection, self._directory.account_dn(self._environment, account.uid))

    def mark_invited(self, account: Account) -> None:
        self._mark(account, [(MODIFY_DELETE, [INVITATION_PENDING])])

    def mark_bounced(self, account: Account) -> None:
        self._mark(account, [(MODIFY_DELETE, [INVITATION_PENDING]), (MODIFY_ADD, [ADDRESS_REFUSED])])

    def _mark(self, account: Account, changes: list[tuple[str, list[str]]]) -> None:
        if not is_rehearsal():
            dn = self._directory.account_dn(self._environment, account.uid)
            self._connection.modify(dn, {"description": changes})


def _uid(entry: Entry) -> str:
    return entry["uid"][0].lower()


def _count(uids: Collection[str]) -> int:
    return len({uid.lower() for uid in uids})


def _is_blocked(entry: Entry) -> bool:
    return BLOCKED in entry.get("pwdAccountLockedTime", ())


def _user_of(entry: Entry) -> User:
    return User(
        account=Account(uid=entry["uid"][0], name=entry["cn"][0], email=(entry.get("mail") or [""])[0]),
        blocked=_is_blocked(entry),
        must_change="TRUE" in entry.get("pwdReset", ()),
        uninvited=INVITATION_PENDING in entry.get("description", ()),
        bounced=ADDRESS_REFUSED in entry.get("description", ()),
    )


def _corrections(entry: Entry, wanted: Account) -> Changes:
    """What to change of an entry; a new address is worth another try."""
    found = _user_of(entry)
    if found.account.attributes == wanted.attributes:
        return {}
    changes: Changes = {key: [(MODIFY_REPLACE, [value])] for key, value in wanted.attributes.items()}
    is_worth_a_try = found.bounced and found.account.email != wanted.email
    return changes | _pending(entry) if is_worth_a_try else changes


def _pending(entry: Entry) -> Changes:
    """Put the mark of an invitation that is owed in the place of the other, beside whatever others have written."""
    bounced = [(MODIFY_DELETE, [ADDRESS_REFUSED])] if ADDRESS_REFUSED in entry.get("description", ()) else []
    return {"description": [*bounced, (MODIFY_ADD, [INVITATION_PENDING])]}


def _give_password(connection: Connection, dn: str) -> SecretStr:
    password = secrets.token_urlsafe(12)
    if not is_rehearsal():
        connection.modify(
            dn,
            {
                "userPassword": [(MODIFY_REPLACE, [password])],
                # The policy overlay does not set it by itself on an administrator's change (measured on 2.5.13).
                "pwdReset": [(MODIFY_REPLACE, ["TRUE"])],
            },
        )
    return SecretStr(password)


def _refused(reason: PasswordRefusal, where: str) -> InvalidInputError:
    fixes = {
        PasswordRefusal.CURRENT: "Digite a senha atual, ou peça outra e o desbloqueio da conta.",
        PasswordRefusal.POLICY: "Escolha uma senha mais longa e diferente das anteriores.",
    }
    return InvalidInputError(f"Senha não trocada: {reason}", where, fixes[reason])
