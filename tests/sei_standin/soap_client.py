"""zeep against the stand-in: proof that its WSDLs are what a real client expects."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import requests
import zeep
from zeep import xsd
from zeep.transports import Transport

from tests.sei_standin.instance import Instance, service_key


class SoapClient:
    """One of the two services of an environment."""

    def __init__(self, instance: Instance, system: str) -> None:
        base = f"http://127.0.0.1:{instance.port}"
        self._client = _load(base, f"{instance.host}:{instance.port}", system)
        names = {"sei": ("{Sei}SeiBinding", "SeiWS"), "sip": ("{sipns}sipBinding", "SipWS")}
        binding, page = names[system]
        self._namespace = binding.partition("}")[0] + "}"
        self._service = self._client.create_service(binding, f"{base}/{system}/ws/{page}.php")
        self._binding = self._service._binding

    def call(self, name: str, **parts: object) -> Any:  # noqa: ANN401  # zeep builds its types at run time
        """Call an operation; parts that are not given are left out of the message."""
        wanted = dict(self._binding.get(name).input.body.type.elements)
        return self._service[name](**{**dict.fromkeys(wanted, xsd.SkipValue), **parts})

    def array(self, kind: str, items: Iterable[object]) -> object:
        """An encoded array of a structure of the contract, or of texts."""
        item = xsd.String() if kind == "String" else self._client.get_type(f"{self._namespace}{kind}")
        array = self._client.get_type(f"{self._namespace}ArrayOf{kind}")
        return array([xsd.AnyObject(xsd.Element("item", item), value) for value in items])

    def make(self, kind: str, **fields: object) -> object:
        """A structure of the contract."""
        return self._client.get_type(f"{self._namespace}{kind}")(**fields)

    def address_in_wsdl(self) -> str:
        """Where the WSDL says that the service is."""
        (service,) = self._client.wsdl.services.values()
        (port,) = service.ports.values()
        return str(port.binding_options["address"])


@cache
def _load(base: str, host: str, system: str) -> zeep.Client:
    session = requests.Session()
    session.trust_env = False
    session.headers["Host"] = host
    return zeep.Client(f"{base}/{system}/controlador_ws.php?servico={system}", transport=Transport(session=session))


def caller() -> dict[str, str]:
    """The first two parts of every call to SEI, with the tests' key."""
    return {"SiglaSistema": "SISTEMA", "IdentificacaoServico": service_key()[0].text.get_secret_value()}
