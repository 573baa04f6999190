"""Many writes over one LDAP connection: sent without waiting for each answer, and every answer read."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from ldap3 import Connection
from ldap3.core.exceptions import LDAPOperationResult, LDAPSessionTerminatedByServerError
from ldap3.core.results import RESULT_SUCCESS
from ldap3.operation.delete import delete_operation
from ldap3.operation.modify import modify_operation
from ldap3.operation.modifyDn import modify_dn_operation
from ldap3.protocol.rfc4511 import (
    LDAPDN,
    AddRequest,
    Attribute,
    AttributeDescription,
    AttributeList,
    AttributeValue,
    LDAPMessage,
    MessageID,
    ProtocolOp,
    Vals,
)
from ldap3.utils.asn1 import decode_message_fast

from blocks.rehearsal import is_rehearsal

# More requests on their way gain nothing (measured).
WINDOW = 200
ALREADY_THERE, REFUSED, NOT_THERE = "entryAlreadyExists", "constraintViolation", "noSuchObject"


class Batch:
    """Writes that do not depend on one another: the server carries them out in any order.

    The library's own ASYNC strategy reads in a second thread, and two threads may not use one TLS session. Here one
    thread sends until the window is full, then reads what has arrived; `finish` reads the rest. In a rehearsal
    nothing is sent.

    Every method raises LDAPOperationResult, without the entry's name or the server's text, for an answer that is
    neither success nor in `expected`; what was sent before may still be carried out.
    """

    def __init__(self, connection: Connection, *, expected: Collection[str] = ()) -> None:
        self._connection = connection
        self._expected = frozenset(expected)
        self._outstanding: dict[int, str] = {}
        self._answered: dict[str, list[str]] = {}

    def add(self, dn: str, attributes: Mapping[str, str], key: str = "", *, alike: Mapping[str, str]) -> None:
        """Send a new entry; `key` is what `answered` calls it, and `alike` attributes that many entries share."""
        self._send("addRequest", _add_request(dn, attributes, alike), key)

    def modify(self, dn: str, changes: Mapping[str, Sequence[tuple[str, Sequence[str]]]], key: str = "") -> None:
        """Send changes of one entry's attributes, as the library writes them."""
        self._send("modifyRequest", modify_operation(dn, changes, auto_encode=True), key)

    def rename(self, dn: str, name: str, key: str = "") -> None:
        """Send another name, such as `uid=ana`, for an entry that stays where it is."""
        self._send("modDNRequest", modify_dn_operation(dn, name), key)

    def delete(self, dn: str, key: str = "") -> None:
        """Send the end of one entry, which has none below it."""
        self._send("delRequest", delete_operation(dn), key)

    def finish(self) -> None:
        """Read every answer that is still owed."""
        while self._outstanding:
            self._read()

    def answered(self, expected: str) -> list[str]:
        """The keys of the writes that were answered so, of those read until now."""
        return self._answered.get(expected, [])

    def _send(self, kind: str, request: object, key: str) -> None:
        if is_rehearsal():
            return
        while len(self._outstanding) >= WINDOW:
            self._read()
        message = LDAPMessage()
        message["messageID"] = MessageID(number := self._connection.server.next_message_id())
        message["protocolOp"] = ProtocolOp().setComponentByName(kind, request)
        # What `Connection.send` does besides is a readable copy of the request, for whoever asks it about the past.
        self._connection.strategy.sending(message)
        self._outstanding[number] = key

    def _read(self) -> None:
        messages = self._connection.strategy.receiving()
        if not messages:
            raise LDAPSessionTerminatedByServerError
        for message in messages:
            decoded = decode_message_fast(message)
            key = self._outstanding.pop(int(decoded["messageID"]), None)
            if key is None:  # the server's notice that it closes the connection
                raise LDAPSessionTerminatedByServerError
            answer = self._connection.strategy.decode_response_fast(decoded)
            if answer["result"] == RESULT_SUCCESS:
                continue
            if answer["description"] not in self._expected:
                raise LDAPOperationResult(
                    result=answer["result"], description=answer["description"], response_type=answer["type"]
                )
            self._answered.setdefault(answer["description"], []).append(key)


def _add_request(dn: str, attributes: Mapping[str, str], alike: Mapping[str, str]) -> AddRequest:
    """The library's own `add_operation`, in a third of its time: what is alike is made once, and nothing is checked
    against a schema that is not there."""
    listed = AttributeList()
    made = [*(_shared_attribute(*pair) for pair in alike.items()), *(_attribute(*pair) for pair in attributes.items())]
    for place, attribute in enumerate(made):
        listed.setComponentByPosition(place, attribute, verifyConstraints=False)
    request = AddRequest()
    request["entry"] = LDAPDN(dn)
    request["attributes"] = listed
    return request


def _attribute(name: str, value: str) -> Attribute:
    values = Vals()
    values.setComponentByPosition(0, AttributeValue(value), verifyConstraints=False)
    attribute = Attribute()
    attribute.setComponentByPosition(0, _description(name), verifyConstraints=False)
    attribute.setComponentByPosition(1, values, verifyConstraints=False)
    return attribute


_shared_attribute = lru_cache(maxsize=64)(_attribute)
_description = lru_cache(maxsize=64)(AttributeDescription)
