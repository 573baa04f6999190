"""The operator's directory: who somebody is, and whose groups they are in. Nothing is ever written to it."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from ldap3 import NONE, SAFE_SYNC, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars
from pydantic import SecretStr

from blocks.settings import Settings
from domain.errors import InvalidInputError, RetryableError

CONNECT_SECONDS, ANSWER_SECONDS = 5, 10
_SECURE_PORT, _PLAIN_PORT = 636, 389
_WRONG_PASSWORD = 49  # invalidCredentials, of RFC 4511


class OperatorDirectory:
    """One LDAP server, always over TLS: `ldaps://`, or `ldap://` with StartTLS before anything is said."""

    def __init__(self, settings: Settings) -> None:
        """Take the `operators_…` settings.

        Raises:
            InvalidInputError: one of them is missing, or the address is none.
        """
        address = urlsplit(settings.operators_url or "")
        needed = (settings.operators_account, settings.operators_people, settings.operators_groups)
        if address.scheme not in {"ldap", "ldaps"} or not address.hostname or not all(needed):
            raise InvalidInputError(
                "O diretório da operação não está configurado",
                "configuração operators_url, operators_account, operators_people e operators_groups",
                "Preencha-as no arquivo de configuração: sem elas ninguém entra no painel.",
            )
        self._secure = address.scheme == "ldaps"
        self._where = address.netloc
        authority = settings.operators_authority
        self._host, self._port = address.hostname, address.port or (_SECURE_PORT if self._secure else _PLAIN_PORT)
        self._tls = Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(authority) if authority else None)
        self._account, self._password = settings.operators_account, settings.operators_password
        self._people, self._groups = settings.operators_people, settings.operators_groups

    def authenticate(self, login: str, password: SecretStr) -> bool:
        """Whether this is the password of exactly one entry of that login. An empty password is nobody's.

        Raises:
            RetryableError: the directory does not answer.
            InvalidInputError: it refuses the board's own account.
        """
        if not password.get_secret_value():
            return False  # LDAP would take it for an anonymous visitor, and let that one in
        dn = self._find(login)
        if dn is None:
            return False
        with self._connected() as connection:
            return self._bind(connection, dn, password)

    def groups_of(self, login: str) -> frozenset[str]:
        """The names of the groups that the login is in; none for a login that is gone. Raises as `authenticate`."""
        dn = self._find(login)
        if dn is None:
            return frozenset()
        member = escape_filter_chars(dn)
        found = self._search(self._groups, f"(|(member={member})(uniqueMember={member}))", ["cn"])
        return frozenset(str(name) for entry in found for name in entry["attributes"].get("cn", ()))

    def _find(self, login: str) -> str | None:
        found = self._search(self._people, f"(uid={escape_filter_chars(login)})", ["uid"])
        return str(found[0]["dn"]) if len(found) == 1 else None

    def _search(self, base: str, wanted: str, attributes: list[str]) -> list[dict[str, dict[str, list[str]]]]:
        with self._connected() as connection:
            if not self._bind(connection, self._account, self._password):
                raise InvalidInputError(
                    "O diretório da operação recusou a conta do painel",
                    self._where,
                    "Confira operators_account e operators_password na configuração.",
                )
            _, _, response, _ = connection.search(base, wanted, attributes=attributes)
            return [entry for entry in response or () if entry.get("type") == "searchResEntry"]

    def _bind(self, connection: Connection, dn: str, password: SecretStr) -> bool:
        connection.user, connection.password = dn, password.get_secret_value()
        connection.authentication = "SIMPLE"
        accepted, result, _, _ = connection.bind()
        if not accepted and result.get("result") != _WRONG_PASSWORD:
            raise RetryableError(
                f"O diretório da operação não respondeu ({result.get('description', 'sem motivo')})",
                self._where,
                "Confira se ele está no ar e tente de novo.",
            )
        return bool(accepted)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        # A new one each time: the library's remembers that an address failed, and then does not try it for seconds.
        server = Server(
            self._host,
            port=self._port,
            use_ssl=self._secure,
            tls=self._tls,
            connect_timeout=CONNECT_SECONDS,
            get_info=NONE,
        )
        connection = Connection(server, client_strategy=SAFE_SYNC, receive_timeout=ANSWER_SECONDS)
        try:
            connection.open()
            if not self._secure:
                connection.start_tls()
            yield connection
        except (LDAPException, OSError) as error:
            raise RetryableError(
                f"O diretório da operação não respondeu ({type(error).__name__})",
                self._where,
                "Confira o endereço, o certificado e se ele está no ar, e tente de novo.",
            ) from None  # the error may quote the entry
        finally:
            with suppress(LDAPException, OSError):  # there may be nobody to say goodbye to
                connection.unbind()
