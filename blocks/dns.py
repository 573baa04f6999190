"""Public names: the zone below which every environment has its address, kept by us or by an operator's hand."""

import re
import socket
from abc import ABC, abstractmethod
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Annotated, ClassVar, Literal

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.resolver
import dns.tsig
import dns.update
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr, StringConstraints

from blocks.rehearsal import is_rehearsal
from domain.change import Change
from domain.drift import difference
from domain.errors import GateClosedError, ImplantaError, IntegrityError, InvalidInputError, RetryableError

DNS_PORT = 53
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_LABELS = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_MAX_NAME_LENGTH = 253
# What a public name may be: an address of either kind, or the alias that an operator may have made of it.
_TYPES = ("A", "AAAA", "CNAME")

Domain = Annotated[str, StringConstraints(pattern=rf"^{_LABEL}(\.{_LABEL})*$", max_length=_MAX_NAME_LENGTH)]


class DnsZone(Block, ABC):
    """One zone of the DNS, in which each environment's public name leads to the edge.

    In a rehearsal every method looks and counts, and none writes.
    """

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta DNS (interface)"
    _block_type_slug = "implanta-dns-zone"

    kept_by_hand: ClassVar[bool] = False
    """Whether only a person can change it."""

    zone: Domain = Field(description="Zona sob a qual cada ambiente tem seu nome público, como sei.exemplo.gov.br.")
    ttl_seconds: int = Field(default=300, ge=1, description="Segundos que os nomes podem ficar em cache.")

    @abstractmethod
    def lookup(self, name: str) -> tuple[str, ...]:
        """The addresses to which a name leads now, sorted; none when it does not exist.

        Of a name that is an alias for one outside the zone, that name.

        Raises:
            InvalidInputError: the name is not below the zone.
            RetryableError: nobody answers.
        """

    @abstractmethod
    def _point(self, name: str, addresses: Sequence[str]) -> None:
        """Make a name lead to these addresses alone; to none: make it vanish."""

    def ensure_record(self, name: str, targets: Iterable[str]) -> Change:
        """Let a name lead to the target addresses and to no other.

        Raises:
            InvalidInputError: the name is not below the zone, a target is not an IP address, or there is none.
            RetryableError: nobody answers.
            GateClosedError: a person has to do it.
        """
        wanted = _checked_addresses(targets, name)
        return self._converge(name, wanted)

    def remove_record(self, name: str) -> Change:
        """Let a name lead nowhere. Raises as `ensure_record` does."""
        return self._converge(name, ())

    def _converge(self, name: str, wanted: tuple[str, ...]) -> Change:
        found = self.lookup(name)
        if found == wanted:
            return Change(unchanged=1)
        if not is_rehearsal():
            self._point(name, wanted)
            now = self.lookup(name)
            if now == found and not wanted:
                return Change(unchanged=1)  # it has no record of its own: a wildcard of the zone answers
            if now != wanted:
                raise IntegrityError(
                    f"O DNS aceitou a mudança e ainda responde {_listed(now)}",
                    name,
                    f"Confira na zona {self.zone} se há outro registro desse nome.",
                )
        details = (difference(f"nome {name}", ", ".join(found), ", ".join(wanted)),)
        if not wanted:
            return Change(removed=1, details=details)
        return Change(updated=1, details=details) if found else Change(created=1, details=details)

    def _checked_name(self, name: str) -> dns.name.Name:
        if len(name) > _MAX_NAME_LENGTH or not _LABELS.fullmatch(name) or not name.endswith(f".{self.zone}"):
            raise InvalidInputError(
                f"O nome {name!r} não fica sob a zona {self.zone}",
                "DNS",
                "Confira o domínio público da borda e a zona do bloco de DNS: um fica sob o outro.",
            )
        return dns.name.from_text(name)


class Rfc2136Zone(DnsZone):
    """A zone whose server takes signed dynamic updates (RFC 2136, TSIG): BIND, Knot, PowerDNS, Windows.

    Everything is asked of that server itself, by TCP, so that no cache answers.
    """

    _block_type_name = "Implanta DNS (RFC 2136)"
    _block_type_slug = "implanta-rfc2136-zone"

    server: str = Field(description="Endereço do servidor DNS que aceita as atualizações da zona.")
    port: int = Field(default=DNS_PORT, description="Porta do servidor DNS.")
    key_name: Domain = Field(description="Nome da chave TSIG, como está no servidor.")
    key_secret: SecretStr = Field(description="Chave TSIG, em base64, como está no servidor.")
    key_algorithm: Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"] = Field(
        default="hmac-sha256", description="Algoritmo da chave TSIG."
    )
    timeout_seconds: float = Field(default=10, gt=0, description="Segundos que se espera por uma resposta.")

    def lookup(self, name: str) -> tuple[str, ...]:
        asked = self._checked_name(name)
        found: set[str] = set()
        aliases: set[str] = set()
        for kind in ("A", "AAAA"):
            answer = self._ask(dns.message.make_query(asked, kind))
            if answer.rcode() == dns.rcode.NXDOMAIN:
                return ()
            if answer.rcode() != dns.rcode.NOERROR:
                raise self._refused(answer.rcode())
            found |= {str(item) for rrset in answer.answer if rrset.rdtype.name == kind for item in rrset}
            aliases |= {
                str(item).rstrip(".") for rrset in answer.answer if rrset.rdtype.name == "CNAME" for item in rrset
            }
        return _sorted(found) or tuple(sorted(aliases))

    def _point(self, name: str, addresses: Sequence[str]) -> None:
        owner = self._checked_name(name)
        update = dns.update.UpdateMessage(self.zone, keyring=self._key())
        for kind in _TYPES:
            update.delete(owner, kind)
        for address in addresses:
            update.add(owner, self.ttl_seconds, "A" if ip_address(address).version == 4 else "AAAA", address)  # noqa: PLR2004
        answer = self._ask(update)
        if answer.rcode() != dns.rcode.NOERROR:
            raise self._refused(answer.rcode())

    def _key(self) -> dns.tsig.Key:
        try:
            secret = b64decode(self.key_secret.get_secret_value(), validate=True)
        except ValueError:  # without the cause, which may quote the key
            raise InvalidInputError(
                "A chave TSIG não é um texto em base64", self._where, "Corrija key_secret no bloco de DNS."
            ) from None
        return dns.tsig.Key(dns.name.from_text(self.key_name), secret, self.key_algorithm)

    @property
    def _where(self) -> str:
        return f"DNS {self.server}:{self.port}, zona {self.zone}"

    def _ask(self, message: dns.message.Message) -> dns.message.Message:
        try:
            # By number: a name of the server's is looked up here, where a failure can be told.
            address = socket.getaddrinfo(self.server, self.port, type=socket.SOCK_STREAM)[0][4][0]
            return dns.query.tcp(message, str(address), timeout=self.timeout_seconds, port=self.port)
        except dns.tsig.PeerBadTime:
            raise InvalidInputError(
                "O servidor DNS recusou a atualização: o relógio dele e o desta máquina diferem",
                self._where,
                "Acerte os relógios (NTP) e execute de novo.",
            ) from None
        except (dns.tsig.PeerError, dns.tsig.BadSignature) as e:
            raise InvalidInputError(
                f"O servidor DNS recusou a chave TSIG {self.key_name} ({type(e).__name__})",
                self._where,
                "Confira nome, chave e algoritmo no bloco de DNS e no servidor.",
            ) from None
        except (OSError, EOFError, dns.exception.Timeout) as e:
            raise RetryableError(
                f"O servidor DNS não respondeu ({type(e).__name__})",
                self._where,
                "Confira se o servidor está no ar e execute de novo.",
            ) from None
        except dns.exception.DNSException as e:
            raise IntegrityError(
                f"O servidor DNS deu uma resposta que não se entende ({type(e).__name__})",
                self._where,
                "Confira se o endereço é mesmo o do servidor da zona.",
            ) from None

    def _refused(self, rcode: dns.rcode.Rcode) -> ImplantaError:
        name = dns.rcode.to_text(rcode)
        if rcode == dns.rcode.SERVFAIL:
            return RetryableError(f"O servidor DNS falhou ({name})", self._where, "Espere e execute de novo.")
        if rcode in {dns.rcode.NOTAUTH, dns.rcode.NOTZONE}:
            what = f"O servidor não responde por esta zona, ou não conhece a chave TSIG {self.key_name}"
        else:
            what = "O servidor DNS recusou o pedido"
        return InvalidInputError(
            f"{what} ({name})", self._where, "Confira a zona, e no servidor se a chave pode atualizá-la."
        )


class ManualZone(DnsZone):
    """A zone that an operator changes by hand: what it answers is compared, and what is missing is asked for."""

    _block_type_name = "Implanta DNS (manual)"
    _block_type_slug = "implanta-manual-zone"

    kept_by_hand: ClassVar[bool] = True

    resolvers: tuple[str, ...] = Field(
        default=(), description="Servidores DNS a que perguntar, por número; vazio: os desta máquina."
    )
    port: int = Field(default=DNS_PORT, description="Porta desses servidores.")
    timeout_seconds: float = Field(default=10, gt=0, description="Segundos que se espera por uma resposta.")

    def lookup(self, name: str) -> tuple[str, ...]:
        asked = self._checked_name(name)
        found: set[str] = set()
        with self._explaining():
            resolver = dns.resolver.Resolver(configure=not self.resolvers)
            if self.resolvers:
                resolver.nameservers = list(self.resolvers)
                resolver.port = self.port
            for kind in ("A", "AAAA"):
                try:
                    found |= {str(item) for item in resolver.resolve(asked, kind, lifetime=self.timeout_seconds)}
                except dns.resolver.NXDOMAIN:
                    return ()
                except dns.resolver.NoAnswer:
                    continue
        return _sorted(found)

    def _point(self, name: str, addresses: Sequence[str]) -> None:
        records = "; ".join(
            f"{name}. {self.ttl_seconds} IN {'A' if ip_address(address).version == 4 else 'AAAA'} {address}"  # noqa: PLR2004
            for address in addresses
        )
        if records:
            fix = (
                f"Peça a quem cuida da zona {self.zone} que deixe só este registro: {records} . Depois execute de novo."
            )
        else:
            fix = f"Peça a quem cuida da zona {self.zone} que apague os registros de {name}. Depois execute de novo."
        raise GateClosedError(f"No DNS o nome leva a {_listed(self.lookup(name))}", name, fix)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except (OSError, dns.exception.DNSException) as e:
            raise RetryableError(
                f"O DNS não respondeu ({type(e).__name__})",
                ", ".join(self.resolvers) or "servidores DNS desta máquina",
                "Confira os servidores DNS e execute de novo.",
            ) from None


def _checked_addresses(targets: Iterable[str], name: str) -> tuple[str, ...]:
    addresses = set()
    for target in targets:
        try:
            addresses.add(str(ip_address(target)))
        except ValueError:
            raise InvalidInputError(f"{target!r} não é um endereço IP", name, "Corrija o endereço da borda.") from None
    if not addresses:
        raise InvalidInputError(
            "Não se sabe em que endereço o público alcança a borda",
            name,
            "Preencha public_addresses no bloco da borda.",
        )
    return _sorted(addresses)


def _sorted(addresses: Iterable[str]) -> tuple[str, ...]:
    parsed = sorted(map(ip_address, addresses), key=lambda address: (address.version, int(address)))
    return tuple(map(str, parsed))


def _listed(addresses: Sequence[str]) -> str:
    return ", ".join(addresses) or "lugar nenhum"
