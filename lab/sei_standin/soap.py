"""SOAP 1.1 in RPC style with encoding, as PHP's own SOAP server speaks it: calls in, answers and faults out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined
from lxml import etree

from domain.errors import InvalidInputError
from lab.sei_standin.contract import MAP, SIMPLE_TYPES, Contract, Operation, TypeName, array_name, is_array, item_type

# What a call carries and an answer holds: texts, structures, arrays; integers only as keys of a Map.
Content = str | int | bool | None | Sequence["Content"] | Mapping[str, "Content"] | Mapping[int, "Content"]

ENCODING = "ISO-8859-1"
_LONGEST_ID = 18  # digits of a bigint
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_SOAP_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
_SCHEMA = "http://www.w3.org/2001/XMLSchema"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_APACHE = "http://xml.apache.org/xml-soap"

_templates = Templates(
    loader=PackageLoader("lab.sei_standin"), autoescape=True, undefined=StrictUndefined, trim_blocks=False
)


@dataclass(frozen=True)
class Call:
    """One call: the operation and its parts; a part that was nil or left out is None."""

    operation: Operation
    arguments: Mapping[str, Content]

    def text(self, name: str) -> str:
        """A part of a simple type without the spaces around it; empty when there is none."""
        return text_of(self.arguments, name)

    def structure(self, name: str) -> Mapping[str, Content]:
        """A part that is a structure.

        Raises:
            InvalidInputError: it is missing.
        """
        value = self.arguments.get(name)
        if not isinstance(value, Mapping):
            raise InvalidInputError(f"Parâmetro {name} não informado", self.operation.name, "Informe a estrutura.")
        return {str(key): item for key, item in value.items()}

    def structures(self, name: str) -> list[Mapping[str, Content]]:
        """A part that is an array of structures; empty when there is none."""
        return structures_of(self.arguments, name)


def text_of(fields: Mapping[str, Content], name: str) -> str:
    """A simple field without the spaces around it; empty when there is none."""
    value = fields.get(name)
    return value.strip() if isinstance(value, str) else ""


def structures_of(fields: Mapping[str, Content], name: str) -> list[Mapping[str, Content]]:
    """A field that is an array of structures; empty when there is none."""
    value = fields.get(name)
    if not isinstance(value, list):
        return []
    return [{str(key): content for key, content in item.items()} for item in value if isinstance(item, Mapping)]


def optional_int(fields: Mapping[str, Content], name: str) -> int | None:
    """A field that is an id, or None when it is empty.

    Raises:
        InvalidInputError: it is not a number.
    """
    text = text_of(fields, name)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _LONGEST_ID:
        raise InvalidInputError(f"{name} inválido", name, "Informe um número.")
    return int(text)


def require_int(fields: Mapping[str, Content], name: str) -> int:
    """A field that is an id.

    Raises:
        InvalidInputError: it is missing, or not a number.
    """
    value = optional_int(fields, name)
    if value is None:
        raise InvalidInputError(f"{name} não informado", name, "Informe um número.")
    return value


def optional_date(fields: Mapping[str, Content], name: str) -> datetime | None:
    """A field that is a day, as the midnight that `dta_…` columns hold; None when it is empty.

    Raises:
        InvalidInputError: it is not written as dd/mm/aaaa.
    """
    text = text_of(fields, name)
    if not text:
        return None
    try:
        return datetime.strptime(text, "%d/%m/%Y")  # noqa: DTZ007  # a day has no time zone
    except ValueError as e:
        raise InvalidInputError(f"Data {text!r} inválida", name, "Use dd/mm/aaaa.") from e


def wsdl(contract: Contract, address: str) -> bytes:
    """The contract's WSDL, with the address at which the service answers."""
    text = _templates.get_template("wsdl.xml.j2").render(contract=contract, address=address, qname=_wsdl_name)
    return text.encode(ENCODING)


def _wsdl_name(kind: TypeName) -> str:
    if kind in SIMPLE_TYPES:
        return f"xsd:{kind}"
    if kind == MAP:
        return "apache:Map"
    return f"tns:{array_name(kind) if is_array(kind) else kind}"


def parse_call(body: bytes, contract: Contract) -> Call:
    """Read a call.

    Raises:
        InvalidInputError: it is not a SOAP envelope, or asks for an operation that the contract does not have.
    """
    # No entities, no network: the body comes from anyone. Documents in base64 are longer than libxml2's default.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as e:
        raise InvalidInputError("A mensagem não é XML", "SOAP", "Envie um envelope SOAP 1.1.") from e
    element = root.find(f"{{{_ENVELOPE}}}Body/*")
    if element is None:
        raise InvalidInputError("A mensagem não tem corpo", "SOAP", "Envie um envelope SOAP 1.1.")
    name = etree.QName(element).localname
    operation = contract.operations.get(name)
    if operation is None:
        raise InvalidInputError(f"Operação {name} não existe", contract.name, "Confira o WSDL do serviço.")
    parts = {etree.QName(child).localname: child for child in element.iterchildren(tag=etree.Element)}
    return Call(
        operation,
        {part: _read(parts.get(part), kind, contract) for part, kind in operation.parts.items()},
    )


def _read(element: etree._Element | None, kind: TypeName, contract: Contract) -> Content:
    if element is None or element.get(f"{{{_INSTANCE}}}nil") in {"true", "1"}:
        return None
    children = list(element.iterchildren(tag=etree.Element))
    if is_array(kind):
        return [_read(child, item_type(kind), contract) for child in children]
    if kind in contract.structures:
        fields = contract.structures[kind]
        found = {etree.QName(child).localname: child for child in children}
        return {name: _read(found.get(name), field_kind, contract) for name, field_kind in fields.items()}
    return element.text or ""


def render_answer(contract: Contract, operation: Operation, value: Content) -> bytes:
    """The envelope that answers a call."""
    envelope, body = _envelope(contract)
    response = etree.SubElement(body, f"{{{contract.namespace}}}{operation.name}Response")
    response.set(f"{{{_ENVELOPE}}}encodingStyle", _SOAP_ENCODING)
    _write(etree.SubElement(response, operation.result_part), value, operation.result_type, contract)
    return _serialise(envelope)


def render_fault(message: str, *, callers_fault: bool) -> bytes:
    """A SOAP fault; it goes out with HTTP 500, as SEI's do (`sei.md` 4.2)."""
    envelope = etree.Element(f"{{{_ENVELOPE}}}Envelope", nsmap={"SOAP-ENV": _ENVELOPE})
    fault = etree.SubElement(etree.SubElement(envelope, f"{{{_ENVELOPE}}}Body"), f"{{{_ENVELOPE}}}Fault")
    etree.SubElement(fault, "faultcode").text = "SOAP-ENV:Client" if callers_fault else "SOAP-ENV:Server"
    etree.SubElement(fault, "faultstring").text = message
    return _serialise(envelope)


def _serialise(envelope: etree._Element) -> bytes:
    document = etree.tostring(envelope, encoding=ENCODING, xml_declaration=True)
    return document if isinstance(document, bytes) else document.encode(ENCODING)


def _envelope(contract: Contract) -> tuple[etree._Element, etree._Element]:
    envelope = etree.Element(
        f"{{{_ENVELOPE}}}Envelope",
        nsmap={
            "SOAP-ENV": _ENVELOPE,
            "ns1": contract.namespace,
            "ns2": _APACHE,
            "xsd": _SCHEMA,
            "xsi": _INSTANCE,
            "SOAP-ENC": _SOAP_ENCODING,
        },
    )
    return envelope, etree.SubElement(envelope, f"{{{_ENVELOPE}}}Body")


def _write(element: etree._Element, value: Content, kind: TypeName, contract: Contract) -> None:
    if value is None:
        element.set(f"{{{_INSTANCE}}}nil", "true")
        return
    element.set(f"{{{_INSTANCE}}}type", _wire_name(kind))
    if is_array(kind) and isinstance(value, Sequence) and not isinstance(value, str):
        element.set(f"{{{_SOAP_ENCODING}}}arrayType", f"{_wire_name(item_type(kind))}[{len(value)}]")
        for item in value:
            _write(etree.SubElement(element, "item"), item, item_type(kind), contract)
    elif kind == MAP and isinstance(value, Mapping):
        for key, item in value.items():
            entry = etree.SubElement(element, "item")
            _write(etree.SubElement(entry, "key"), key, "long", contract)
            _write(etree.SubElement(entry, "value"), item, _guess_type(item), contract)
    elif isinstance(value, Mapping):
        fields = {str(name): content for name, content in value.items()}
        for name, field_kind in contract.structures[kind].items():
            _write(etree.SubElement(element, name), fields.get(name), field_kind, contract)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    else:
        element.text = str(value)


def _guess_type(value: Content) -> TypeName:
    if isinstance(value, Mapping):
        return MAP
    return "string[]" if isinstance(value, list) else "string"


def _wire_name(kind: TypeName) -> str:
    if kind in SIMPLE_TYPES:
        return f"xsd:{kind}"
    if kind == MAP:
        return "ns2:Map"
    return f"ns1:{array_name(kind) if is_array(kind) else kind}"
