"""The production server as operators meet it: start, stop, several nodes on one database."""

import http.client
import json
import os
import shutil
import signal
import socket
import threading
import time
import urllib.request
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.run import patience, until, within
from tests.server import Installation, Server
from tokens.models import Token


def call(server: Server, value: str, method: str = "GET") -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=patience(3))
    connection.request(method, "/api/v1/token", headers={"Authorization": f"Bearer {value}"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if body else {}


def raw(server: Server, request: bytes) -> bytes:
    """What the server answers to these very bytes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=patience(3)) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def request(*headers: bytes, target: bytes = b"/api/v1/token") -> bytes:
    return b"\r\n".join(
        [
            b"GET " + target + b" HTTP/1.1",
            b"Host: localhost",
            b"Connection: close",
            *headers,
            b"",
            b"",
        ]
    )


def test_a_token_is_used_and_ends(shared: Installation) -> None:
    server = shared.servers[0]
    value = shared.issue("Production API")
    status, body = call(server, value)
    assert (status, body["name"]) == (200, "Production API")
    assert call(server, value, "DELETE") == (204, {})
    status, body = call(server, value)
    assert (status, body["code"]) == (401, "revoked_token")
    assert value[24:] not in server.log.read_text()


def test_every_bad_header_is_refused_and_none_is_a_500(shared: Installation) -> None:
    server = shared.servers[0]
    value = shared.issue().encode()
    good = b"Authorization: Bearer " + value
    changed = value[:-1] + (b"0" if value[-1:] != b"0" else b"1")
    for expected, sent in {
        b"missing_credentials": request(),
        b" missing_credentials": request(b"Authorization: Basic dXNlcjpwYXNz"),
        b"  missing_credentials": request(target=b"/api/v1/token?access_token=" + value),
        b"malformed_header": request(b"Authorization: Bearer"),
        b" malformed_header": request(b"Authorization: Bearer a b"),
        b"  malformed_header": request(good, good),
        b"   malformed_header": request("Authorization: Bearer tést".encode("latin-1")),
        b"    malformed_header": request(good + b"\r"),
        b"     malformed_header": request(good + b"\x00"),
        b"      malformed_header": request(good + b"\n"),
        b"       malformed_header": request(b"Authorization: Bearer\r\n " + value),
        b"malformed_token": request(b"Authorization: Bearer " + b"a" * 9216),
        b" malformed_token": request(b"Authorization: Bearer " + value[:-1]),
        b"  malformed_token": request(b"Authorization: Bearer " + changed),
    }.items():
        answer = raw(server, sent)
        assert b'"code": "' + expected.strip() + b'"' in answer, (sent, answer)
    assert value[24:].decode() not in server.log.read_text()
    assert raw(server, request(b"authorization: bEaReR " + value)).startswith(b"HTTP/1.1 200")


def test_a_header_that_the_server_can_not_read_is_found_again_by_its_reference(
    shared: Installation,
) -> None:
    server = shared.servers[0]
    answer = raw(server, request(b"Authorization: Bearer %s\r" % shared.issue().encode()))
    reference = json.loads(answer.partition(b"\r\n\r\n")[2])["instance"].rpartition(":")[2]

    def logged() -> None:
        [line] = [
            json.loads(line) for line in server.log.read_text().splitlines() if reference in line
        ]
        assert (line["path"], line["status"], line["code"]) == (
            "/api/v1/token",
            400,
            "malformed_header",
        )

    until(logged, ValueError)


def test_what_the_server_itself_logs_is_masked(shared: Installation) -> None:
    server = shared.servers[0]
    value = shared.issue().encode()
    for header in (
        b"Authorization Bearer " + value,
        b"Bearer " + value + b": x",
        b"Authorization: Bearer\r\n " + value,
    ):
        assert raw(server, request(header)).startswith(b"HTTP/1.1 400")
    raw(server, b"GET api/v1/token?access_token=" + value + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    log = server.log.read_text()
    assert value[24:].decode() not in log


def test_idle_connections_hold_no_thread_and_end_with_the_server(
    installation: Installation,
) -> None:
    server = installation.server().start()
    connections = [
        http.client.HTTPConnection("127.0.0.1", server.port, timeout=patience(3))
        for _ in range(12)
    ]
    for round_ in range(2):  # in the second, each connection is used again
        for connection in connections:
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b"ok\n", round_
            assert connection.sock
    assert server.stop(signal.SIGTERM) == 0
    for connection in connections:
        assert connection.sock.recv(1) == b""
        connection.close()


def test_sigterm_stops_cleanly_and_flushes(installation: Installation) -> None:
    server = installation.server().start(serve=True)
    value = installation.issue()
    assert call(server, value)[0] == 200
    assert server.stop(signal.SIGTERM) == 0
    used = server.run(
        "from tokens.models import Token; print(Token.objects.get().last_used_address)"
    )
    assert used == "127.0.0.1"


def check_use_is_written(installation: Installation) -> None:
    with databases.connected(installation.database_url):
        assert Token.objects.get(name="Used").last_used_at


@pytest.mark.parametrize(
    ("how", "hangs"),
    [
        (signal.SIGTERM, False),
        (signal.SIGINT, False),
        pytest.param(
            signal.SIGTERM, True, marks=pytest.mark.long, id="a worker that has to be killed"
        ),
    ],
)
def test_a_stopped_server_leaves_one_whole_file(
    tmp_path: Path, how: signal.Signals, hangs: bool
) -> None:
    """On SQLite a copy of the file has everything that each thread of the server wrote."""
    path = tmp_path / "tokenry.sqlite3"
    with closing(Installation(tmp_path, databases.sqlite(path))) as made:
        server = made.server().start()
        used, revoked = made.issue("Used"), made.issue("Revoked")
        assert call(server, used)[0] == 200
        assert call(server, revoked, "DELETE")[0] == 204
        assert call(server, revoked)[0] == 401  # of which the outbox's thread tells
        assert Path(f"{path}-wal").exists()
        if hangs:
            until(partial(check_use_is_written, made), AssertionError)
            os.kill(server.workers[0], signal.SIGSTOP)
        assert server.stop(how) == 0
        assert {found.name for found in tmp_path.glob("tokenry.sqlite3*")} == {path.name}
        with databases.connected(f"sqlite:///{shutil.copy(path, tmp_path / 'copy')}"):
            assert Token.objects.get(name="Used").last_used_at
            assert Token.objects.get(name="Revoked").revoked_at


def test_a_mail_server_that_hangs_holds_no_flush_up(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        installation.settings["EMAIL_URL"] = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        server = installation.server().start()
        used, ended = installation.issue("used"), installation.issue("ended")
        assert call(server, ended, "DELETE")[0] == 204
        assert call(server, ended)[0] == 401  # of which its owner hears by mail
        silent.settimeout(patience(4))
        with silent.accept()[0]:
            assert call(server, used)[0] == 200
            assert server.process
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)

            def written() -> None:
                at = server.run(
                    "from tokens.models import Token;"
                    " print(Token.objects.get(name='used').last_used_at)"
                )
                assert at != "None"

            until(written, AssertionError)
            assert time.monotonic() - began < within(2)
            server.kill()


def test_the_buffer_is_flushed_while_running(installation: Installation) -> None:
    installation.settings["TOKEN_RATE_LIMIT"] = "1000000/hour"
    server = installation.server().start()
    value = installation.issue()
    call(server, value)
    bodies = (call(server, value)[1] for _ in range(5000))
    assert any(body["last_used_at"] for body in bodies)


def test_a_second_node_refuses_as_soon_as_the_first_revoked(installation: Installation) -> None:
    installation.settings["FAILED_AUTH_LIMIT"] = "1000/second"
    first, second = installation.server().start(), installation.server().start()
    rounds = 10
    value = [installation.issue(f"round {n}") for n in range(rounds)]
    for token in value:
        revoked = threading.Event()
        late: list[int] = []

        def hammer(
            token: str = token, revoked: threading.Event = revoked, late: list[int] = late
        ) -> None:
            for _ in range(400):
                ended = revoked.is_set()  # read before the request begins
                status, _ = call(second, token)
                if ended:
                    late.append(status)
                    if len(late) == 20:
                        return

        thread = threading.Thread(target=hammer)
        thread.start()
        assert call(first, token, "DELETE")[0] == 204
        revoked.set()
        thread.join(timeout=patience(20))
        assert late
        assert set(late) == {401}


def test_more_workers_need_shared_counters(installation: Installation) -> None:
    server = installation.server()
    server.environment["WEB_WORKERS"] = "2"
    with pytest.raises(
        AssertionError, match="WEB_WORKERS is 2; it takes 1 while REDIS_URL is not set"
    ):
        server.start(serve=True)


def test_static_files_are_compressed_and_cached_for_ever(shared: Installation) -> None:
    server = shared.servers[0]
    with urllib.request.urlopen(f"{server.url}/accounts/login/", timeout=patience(3)) as page:
        html = page.read().decode()
    address = html.split('rel="stylesheet" href="')[1].split('"')[0]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=patience(3))
    connection.request("GET", address, headers={"Accept-Encoding": "br"})
    answer = connection.getresponse()
    assert answer.headers["Content-Encoding"] == "br"
    assert "immutable" in answer.headers["Cache-Control"]
    assert len(answer.read()) <= 8 * 1024
    connection.close()
