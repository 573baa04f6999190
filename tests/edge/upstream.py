"""An application behind the edge that answers anything and remembers what reached it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass(frozen=True)
class Received:
    """One request as it reached the application."""

    method: str
    target: str
    headers: dict[str, str]
    body_bytes: int


@dataclass
class Upstream:
    """A running application: its port, and what it received."""

    port: int
    received: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def running_upstream(label: str = "aplicação") -> Iterator[Upstream]:
    """Serve on a port of its own until the block ends."""
    known = Upstream(0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            known.received.append(Received(self.command, self.path, headers, len(body)))
            text = label.encode()
            if self.path.startswith("/redireciona"):
                self.send_response(302)
                self.send_header("Location", f"http://{self.headers['Host']}/sip/login.php")
            elif self.path.startswith("/recusa"):
                self.send_response(403)
            else:
                self.send_response(200)
            self.send_header("Set-Cookie", "PHPSESSID=abc; path=/; HttpOnly")
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_POST = do_HEAD = do_OPTIONS = do_PUT = do_DELETE = do_TRACE = _answer  # noqa: N815  # http.server's

        def log_message(self, format: str, *args: object) -> None:
            return

    server = _Server(("127.0.0.1", 0), Handler)
    known.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
