"""A service behind a gateway: it remembers what it was asked, and tells it in its answer."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Answers each method with the request, with headers as pairs because names may repeat."""

    protocol_version = "HTTP/1.1"
    server: "Backend"

    def parse_request(self) -> bool:
        parsed = super().parse_request()
        self.server.begun.append(f"{self.command} {self.path}")
        return parsed

    def echo(self) -> None:
        got = {
            "method": self.command,
            "path": self.path,
            "headers": list(self.headers.items()),
            "body": self.body().decode(),
        }
        self.server.received.append(got)
        content = json.dumps(got).encode()
        self.send_response(200)
        for name, value in {"Content-Length": str(len(content)), **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = echo  # noqa: N815

    def body(self) -> bytes:
        """All of it, in chunks too (RFC 9112 section 7.1)."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def log_message(self, *_: Any) -> None:
        pass


class Backend(ThreadingHTTPServer):
    """On a free port, until it is closed."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, headers: dict[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.headers = headers or {}  # of each answer
        self.begun: list[str] = []  # requests of which the headers are here
        self.received: list[dict[str, Any]] = []
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def close(self) -> None:
        self.shutdown()
        self.server_close()
