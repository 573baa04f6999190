"""A way to a server that a test may cut at any byte."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self


class Proxy:
    """Passes TCP connections on to a server until it has answered so many bytes; from then on it is down."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._left: int | None = None
        self._open: list[socket.socket] = []
        self._guard = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, answered_bytes: int) -> None:
        """Go down when that much more has been answered."""
        self._left = answered_bytes

    def cut(self) -> None:
        """Go down now: nobody gets in, and who is in is thrown out."""
        self._left = 0
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._guard:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def _accept(self) -> None:
        while True:
            try:
                inside, _ = self._listener.accept()
                outside = socket.create_connection(self._target)
            except OSError:
                return
            with self._guard:
                self._open += [inside, outside]
            threading.Thread(target=self._pass, args=(inside, outside, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(outside, inside, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if counted and self._left is not None:
                    if self._left < len(data):
                        self.cut()
                        return
                    self._left -= len(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()


@contextmanager
def proxied(host: str, port: int) -> Iterator[Proxy]:
    """A proxy that is down when the block ends."""
    with Proxy(host, port) as proxy:
        yield proxy
