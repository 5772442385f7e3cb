"""Traces of a server with several processes, as a collector of OpenTelemetry gets them."""

import gzip
import signal
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from tests.run import until, within
from tests.server import Installation
from tests.system.calls import call

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")


class Collector(ThreadingHTTPServer):
    """Keeps what it gets, unless it hangs."""

    daemon_threads = True

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.goes_on = Event()
        self.goes_on.set()
        super().__init__(("127.0.0.1", 0), Answer)


class Answer(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.goes_on.wait()
        packed = self.headers.get("Content-Encoding") == "gzip"
        self.server.bodies.append(gzip.decompress(body) if packed else body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        thread = Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.goes_on.set()
        made.shutdown()
        thread.join()


def test_no_secret_is_in_what_is_sent(collector: Collector, installation: Installation) -> None:
    server = installation.server()
    server.environment |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }  # fmt: skip
    server.start()
    value = installation.issue()
    headers = {
        "X-Secret": "hidden1",
        "tracestate": "a=hidden2",
        "baggage": "a=hidden3",
        "Cookie": "session=hidden4",
    }
    assert (
        call(server.port, value, f"/api/v1/token?q=hidden5&t={value}", headers=headers).status
        == 200
    )
    assert (
        call(
            server.port, value[:-1], f"/verify/{value}/x?scope=hidden:read", headers=headers
        ).status
        == 401
    )

    def sent() -> None:
        assert b"malformed_token" in b"".join(collector.bodies)

    until(sent, AssertionError)
    all_sent = b"".join(collector.bodies)
    assert value[:24].encode() in all_sent
    assert b"tokenry" in all_sent
    for secret in (value[24:], "hidden"):
        assert secret.encode() not in all_sent

    collector.goes_on.clear()  # a collector that hangs keeps no server from ending
    call(server.port, value)
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=within(8)) == 0
