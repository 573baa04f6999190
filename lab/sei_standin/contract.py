"""A SOAP contract as data: what the WSDL is written from, and what calls are read and answered by."""

from collections.abc import Mapping
from dataclasses import dataclass

# A type is a name of XML Schema ("string", "long", "boolean"), of a structure of the contract, "Map" (PHP's arrays with
# keys, as Apache's xml-soap names them), or any of these followed by "[]".
TypeName = str
Fields = Mapping[str, TypeName]

SIMPLE_TYPES = frozenset({"string", "long", "boolean"})
MAP = "Map"


@dataclass(frozen=True)
class Operation:
    """One operation: its parts in order, and the name and type of the one part of its answer."""

    name: str
    parts: Fields
    result_part: str
    result_type: TypeName


@dataclass(frozen=True)
class Contract:
    """One SOAP 1.1 service, RPC style, encoded."""

    name: str
    namespace: str
    port_type: str
    binding: str
    port: str
    soap_action: str
    path: str
    structures: Mapping[str, Fields]
    operations: Mapping[str, Operation]

    @property
    def array_items(self) -> Mapping[str, TypeName]:
        """The arrays that the contract uses: name of the array's own type, and the type of its items."""
        used = [kind for fields in self.structures.values() for kind in fields.values()]
        for operation in self.operations.values():
            used += [*operation.parts.values(), operation.result_type]
        return {array_name(kind): item_type(kind) for kind in used if is_array(kind)}


def is_array(kind: TypeName) -> bool:
    """Whether a type is an array."""
    return kind.endswith("[]")


def item_type(kind: TypeName) -> TypeName:
    """The type of an array's items."""
    return kind.removesuffix("[]")


def array_name(kind: TypeName) -> str:
    """The name of an array's own type: `Unidade[]` is `ArrayOfUnidade`, `string[][]` is `ArrayOfArrayOfString`."""
    item = item_type(kind)
    return "ArrayOf" + (array_name(item) if is_array(item) else item[0].upper() + item[1:])


def operations(*items: Operation) -> Mapping[str, Operation]:
    """Operations by name."""
    return {item.name: item for item in items}


def strings(*names: str) -> Fields:
    """Fields that are all texts, as nearly every field of both services is."""
    return dict.fromkeys(names, "string")
