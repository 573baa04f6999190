"""A browser's side of the edge, down to the bytes: what an attacker sends no library would let through."""

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Self
from urllib.parse import urlsplit

from blocks.edge import EdgeAddress

TIMEOUT_SECONDS = 120
CLOSED = 0
"""The status of a connection that the edge closed without an answer."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


class Browser:
    """One client of one environment; its connection is used again as long as the edge keeps it open."""

    def __init__(self, address: EdgeAddress, *, server_name: str | None = None) -> None:
        self._address = address
        self.host = address.host
        self._server_name = server_name or address.host.partition(":")[0]
        self._context = ssl.create_default_context(cafile=address.ca_file)
        self._connection: ssl.SSLSocket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> ssl.SSLSocket:
        target = urlsplit(self._address.connect_to)
        plain = socket.create_connection((target.hostname, target.port), timeout=TIMEOUT_SECONDS)
        try:
            return self._context.wrap_socket(plain, server_hostname=self._server_name)
        except BaseException:
            plain.close()
            raise

    def get(self, target: str, headers: dict[str, str] | None = None) -> Answer:
        return self.request("GET", target, headers=headers)

    def request(
        self, method: str, target: str, *, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Send one request as a browser would; the headers given replace or (when empty) drop the usual ones."""
        usual = {
            "Host": self.host,
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "Accept-Language": "pt-BR,pt;q=0.8,en;q=0.5",
        }
        if body is not None:
            usual["Content-Length"] = str(len(body))
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in (usual | (headers or {})).items() if value]
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        return self.send(head + (body or b""), method)

    def send(self, message: bytes, method: str = "GET") -> Answer:
        """Send bytes as they are."""
        for is_last in (False, True):
            fresh = self._connection is None
            connection = self._connection = self._connection or self._connect()
            answer = self._exchange(connection, message, method)
            # A connection that was kept may have been closed meanwhile: only a fresh one's silence is an answer.
            if answer.status != CLOSED or fresh or is_last:
                return answer
        raise AssertionError

    def _exchange(self, connection: ssl.SSLSocket, message: bytes, method: str) -> Answer:
        try:
            # A server that refuses early has answered before it closed.
            with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
                connection.sendall(message)
            response = HTTPResponse(connection, method=method)
            response.begin()
            body = response.read()
        except (OSError, ValueError, EOFError) as e:
            if isinstance(e, TimeoutError):
                raise
            self.close()
            return Answer(CLOSED)
        except Exception as e:  # http.client's own family has no common public base with the above
            if type(e).__module__ != "http.client":
                raise
            self.close()
            return Answer(CLOSED)
        headers = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close:
            self.close()
        return Answer(response.status, headers, body)
