"""SEI's SOAP services, as any integrated system calls them (`sei.md` 4.1)."""

from functools import cached_property

import requests
import zeep
from zeep.exceptions import Error as ZeepError
from zeep.transports import Transport

from blocks.runtime import ServiceAddress
from blocks.sei import SERVICE_NAME, SERVICE_USER
from domain.access_key import AccessKey
from domain.errors import IntegrityError, RetryableError


class SeiServices:
    """The services of one environment's SEI."""

    def __init__(self, address: ServiceAddress) -> None:
        self._address = address

    @cached_property
    def _client(self) -> "zeep.Client":
        session = requests.Session()
        session.trust_env = False
        session.headers["Host"] = self._address.host
        return zeep.Client(
            f"{self._address.connect_to}/sei/controlador_ws.php?servico=sei",
            transport=Transport(session=session, timeout=30, operation_timeout=60),
        )

    def list_units(self, key: AccessKey) -> list[str]:
        """The acronyms of the units that SEI offers to Implanta's own service.

        Raises:
            RetryableError: the service does not answer.
            IntegrityError: it answers with a fault, for instance because the key is wrong.
        """
        where = f"{self._address.host}/sei/ws/SeiWS.php"
        try:
            service = self._client.create_service(
                next(iter(self._client.wsdl.bindings)), f"{self._address.connect_to}/sei/ws/SeiWS.php"
            )
            answer = service.listarUnidades(SERVICE_USER, key.text.get_secret_value(), "", "")
        except requests.RequestException as e:
            raise RetryableError(
                f"O web service do SEI não respondeu ({type(e).__name__})",
                where,
                "Confira a aplicação e tente de novo.",
            ) from None
        except ZeepError as e:
            raise IntegrityError(
                f"O web service do SEI recusou a chamada ({type(e).__name__})",
                where,
                f"Confira o serviço {SERVICE_NAME} no SEI.",
            ) from None
        return [str(unit["Sigla"]) for unit in answer or ()]
