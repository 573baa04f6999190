"""SEI's SOAP services, as any integrated system calls them (`sei.md` 4.1)."""

from blocks.runtime import ServiceAddress
from blocks.sei import SERVICE_NAME, SERVICE_USER
from blocks.soap_client import SoapClient
from domain.access_key import AccessKey

TIMEOUT_SECONDS = 60


class SeiServices:
    """The services of one environment's SEI."""

    def __init__(self, address: ServiceAddress) -> None:
        self._client = SoapClient(address, "sei", "SeiWS", timeout_seconds=TIMEOUT_SECONDS)

    def list_units(self, key: AccessKey) -> list[str]:
        """The acronyms of the units that SEI offers to Implanta's own service.

        Raises:
            RetryableError: the service does not answer.
            IntegrityError: it answers with a fault, for instance because the key is wrong.
        """
        with self._client.calling(f"Confira o serviço {SERVICE_NAME} no SEI.") as service:
            answer = service.listarUnidades(SERVICE_USER, key.text.get_secret_value(), "", "")
        return [str(unit["Sigla"]) for unit in answer or ()]
