"""Streams encrypted in records: AES-256-GCM of the `cryptography` library, in the layout of its own STREAM recipe.

A stream starts with a mark and eight random bytes; each record is its length (4 bytes) and its ciphertext. The nonce
is those eight bytes and the record's number, so no two records of a key share one. The additional data binds every
record to the stream's name, to its place and to whether it is the last: a record that is changed, moved, dropped or
taken from another stream does not open.
"""

import secrets
import struct
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretBytes

from blocks.streams import CHUNK_BYTES, as_file
from domain.errors import IntegrityError

_MARK = b"IMPLAES1"
_PREFIX_BYTES = 8
_LENGTH = struct.Struct(">I")
_TAG_BYTES = 16


def generate_key() -> bytes:
    """A new random key."""
    return AESGCM.generate_key(bit_length=256)


def sealed(chunks: Iterable[bytes], key: SecretBytes, name: str) -> Iterator[bytes]:
    """The stream encrypted for whoever has the key; `name` must be given again to open it."""
    cipher = AESGCM(key.get_secret_value())
    prefix = secrets.token_bytes(_PREFIX_BYTES)
    yield _MARK + prefix
    # Always one record ahead, because the last one has to say that it is.
    pending = b""
    number = 0
    for record in _in_records(chunks):
        if number or pending:
            yield _seal(cipher, prefix, number, pending, name, last=False)
            number += 1
        pending = record
    yield _seal(cipher, prefix, number, pending, name, last=True)


def unsealed(chunks: Iterable[bytes], key: SecretBytes, name: str, where: str) -> Iterator[bytes]:
    """What `sealed` encrypted under the same name.

    Raises:
        IntegrityError: it was changed or cut, or the key or the name is another.
    """
    cipher = AESGCM(key.get_secret_value())
    file = as_file(chunks)
    if file.read(len(_MARK)) != _MARK:
        raise _broken(where)
    prefix = file.read(_PREFIX_BYTES)
    number = 0
    header = file.read(_LENGTH.size)
    while header:
        if len(header) < _LENGTH.size:
            raise _broken(where)
        (length,) = _LENGTH.unpack(header)
        if not _TAG_BYTES <= length <= CHUNK_BYTES + _TAG_BYTES:
            raise _broken(where)
        record = file.read(length)
        if len(record) < length:
            raise _broken(where)
        header = file.read(_LENGTH.size)
        try:
            opened = cipher.decrypt(_nonce(prefix, number), record, _context(name, number, last=not header))
        except InvalidTag:
            raise _broken(where) from None
        if opened:
            yield opened
        number += 1
    if number == 0:
        raise _broken(where)


def _in_records(chunks: Iterable[bytes]) -> Iterator[bytes]:
    file = as_file(chunks)
    while record := file.read(CHUNK_BYTES):
        yield record


def _seal(cipher: AESGCM, prefix: bytes, number: int, record: bytes, name: str, *, last: bool) -> bytes:
    encrypted = cipher.encrypt(_nonce(prefix, number), record, _context(name, number, last=last))
    return _LENGTH.pack(len(encrypted)) + encrypted


def _nonce(prefix: bytes, number: int) -> bytes:
    return prefix + struct.pack(">I", number)


def _context(name: str, number: int, *, last: bool) -> bytes:
    return f"{name}\n{number}\n{'fim' if last else 'segue'}".encode()


def _broken(where: str) -> IntegrityError:
    return IntegrityError(
        "O conteúdo cifrado não abre: foi alterado, cortado, ou a chave é outra",
        where,
        "Não use esta cópia; confira a chave do arquivo no Prefect e a origem do objeto.",
    )
