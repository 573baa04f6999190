"""SOAP services of one environment's SEI and SIP, reached without asking the DNS for its name."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from http import HTTPStatus

import requests
import zeep
from zeep import xsd
from zeep.exceptions import Error as ZeepError
from zeep.exceptions import Fault, TransportError
from zeep.proxy import ServiceProxy
from zeep.transports import Transport

from blocks.runtime import ServiceAddress
from domain.errors import IntegrityError, RetryableError

LOAD_TIMEOUT_SECONDS = 30
_GONE_FOR_NOW = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}


class RefusedCallError(IntegrityError):
    """The service answered with a fault. Its text may quote what was sent, so nothing of it is kept."""


class SoapClient:
    """The web service of one system, `sei` or `sip`."""

    def __init__(self, address: ServiceAddress, system: str, page: str, *, timeout_seconds: int) -> None:
        self._address = address
        self._system = system
        self._page = page
        self._timeout_seconds = timeout_seconds

    @property
    def where(self) -> str:
        """The service's address, for messages."""
        return f"{self._address.host}/{self._system}/ws/{self._page}.php"

    @cached_property
    def _client(self) -> "zeep.Client":
        session = requests.Session()
        session.trust_env = False
        session.headers["Host"] = self._address.host
        return zeep.Client(
            f"{self._address.connect_to}/{self._system}/controlador_ws.php?servico={self._system}",
            transport=Transport(session=session, timeout=LOAD_TIMEOUT_SECONDS, operation_timeout=self._timeout_seconds),
        )

    @cached_property
    def _service(self) -> ServiceProxy:
        service: ServiceProxy = self._client.create_service(
            next(iter(self._client.wsdl.bindings)), f"{self._address.connect_to}/{self._system}/ws/{self._page}.php"
        )
        return service

    @contextmanager
    def calling(self, fix: str) -> Iterator[ServiceProxy]:
        """The service's operations; what goes wrong with them is told without what was sent or answered.

        Raises:
            RetryableError: the service does not answer.
            RefusedCallError: it answers with a fault, for instance because the key is wrong.
            IntegrityError: what answers is no such service.
        """
        what = f"O web service do {self._system.upper()}"
        try:
            yield self._service
        except requests.RequestException as e:
            raise self._silent(what, type(e).__name__) from None
        except TransportError as e:
            if e.status_code in _GONE_FOR_NOW:
                raise self._silent(what, f"HTTP {e.status_code}") from None
            raise IntegrityError(f"{what} não respondeu como tal (HTTP {e.status_code})", self.where, fix) from None
        except Fault as e:
            raise RefusedCallError(f"{what} recusou a chamada ({type(e).__name__})", self.where, fix) from None
        except ZeepError as e:
            raise IntegrityError(f"{what} recusou a chamada ({type(e).__name__})", self.where, fix) from None

    def _silent(self, what: str, reason: str) -> RetryableError:
        return RetryableError(f"{what} não respondeu ({reason})", self.where, "Confira a aplicação e tente de novo.")

    def structures(self, kind: str, items: Iterable[Mapping[str, str]]) -> object:
        """An encoded array of a structure of the contract."""
        structure = self._type(kind)
        return self._type(f"ArrayOf{kind}")(
            [xsd.AnyObject(xsd.Element("item", structure), structure(**item)) for item in items]
        )

    def texts(self, values: Iterable[str]) -> object:
        """An encoded array of texts."""
        item = xsd.Element("item", xsd.String())
        return self._type("ArrayOfString")([xsd.AnyObject(item, value) for value in values])

    def _type(self, name: str) -> Callable[..., object]:
        namespace = next(iter(self._client.wsdl.bindings)).partition("}")[0]
        found: Callable[..., object] = self._client.get_type(f"{namespace}}}{name}")
        return found
