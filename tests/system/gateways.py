"""The gateways of deploy/, each started from a copy of its file with only the ports replaced."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.run import ROOT, patience, until
from tests.server import free_port

CLIENT, ELSEWHERE = (
    "127.0.0.2",
    "10.9.9.9",
)  # where requests come from, and where some say that they do
PAGES = "tokens.example.com"  # the name of Tokenry's own pages in the files
# The headers that Tokenry sets for the backend.
IDENTITY = {
    f"x-auth-{name}" for name in ("user", "email", "team", "token", "scopes", "environment")
}
# Ports in the files: of the gateway, Tokenry's two nodes, the backend, and Traefik itself.
LISTENS, TOKENRY, SECOND, BACKEND, INSIDE = "8080", "8000", "8002", "9000", "8001"
FILES = {
    "nginx": ["nginx.conf"],
    "caddy": ["Caddyfile"],
    "traefik": ["traefik.yml", "traefik-routes.yml"],
    "envoy": ["envoy.yaml"],
}
# nginx writes into its own folder alone, as whoever runs the tests.
NGINX_GLOBALS = "daemon off; pid nginx.pid; error_log stderr;" + (
    " user root;" if os.geteuid() == 0 else ""
)
NGINX_FOLDERS = "".join(
    f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)
COMMANDS = {
    "nginx": ["-p", "{folder}", "-c", "{folder}/nginx.conf", "-g", NGINX_GLOBALS],
    "caddy": ["run", "--adapter", "caddyfile", "--config", "Caddyfile"],
    "traefik": ["--configFile=traefik.yml"],
    "envoy": [
        "-c",
        "envoy.yaml",
        "--disable-hot-restart",
        "--concurrency",
        "1",
        "--log-level",
        "error",
    ],
}


def at_gateways(field: str, cases: Iterable[str]) -> pytest.MarkDecorator:
    """Parametrize a test by gateway and `field`: each case at the first gateway and one other.

    The other gateways take turns. All other pairs run only in `make test-all`.
    """
    first, *others = FILES
    pairs = [
        pytest.param(
            name,
            case,
            marks=[] if name in {first, others[number % len(others)]} else pytest.mark.long,
        )
        for number, case in enumerate(cases)
        for name in FILES
    ]
    return pytest.mark.parametrize(("name", field), pairs)


class Reply(NamedTuple):
    """What the client got; `body` is the text of the answer."""

    status: int
    headers: HTTPMessage
    body: str


class Gateway(NamedTuple):
    """One that runs."""

    name: str
    port: int

    def ask(
        self,
        path: str = "/",
        *headers: tuple[str, str],
        method: str = "GET",
        body: Any = None,
        version: int = 11,
        source: str = CLIENT,
    ) -> Reply:
        """Return the answer to exactly these bytes: no name or path is changed or removed."""
        connection = HTTPConnection(
            "127.0.0.1", self.port, timeout=patience(5), source_address=(source, 0)
        )
        text = f"HTTP/{version // 10}.{version % 10}"
        vars(connection).update(_http_vsn=version, _http_vsn_str=text)  # nothing public sets it
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in (*headers, *framing(body)):
                connection.putheader(name, value)
            connection.endheaders(body, encode_chunked=not isinstance(body, bytes))
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()


def framing(body: Any) -> list[tuple[str, str]]:
    """The headers that say how long the body is; one that comes in pieces is chunked."""
    if body is None:
        return []
    if isinstance(body, bytes):
        return [("Content-Length", str(len(body)))]
    return [("Transfer-Encoding", "chunked")]


def caddy_is_old(program: str) -> bool:
    """Whether it is Caddy 2.6, which has other names for some settings, as its file says."""
    version = subprocess.run(
        [program, "version"], capture_output=True, text=True, check=True
    ).stdout
    return version.lstrip("v").startswith("2.6.")


def find(program: str) -> str:
    """Return the path of `program`: beside Python, where wheels put programs, or on the PATH.

    Skip the test without the program.
    """
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])
    if found := shutil.which(program, path=places):
        return found
    pytest.skip(f"{program} is not installed: see docs/gateways.md")


def with_pages(text: str, port: int) -> str:
    """Return the file with the parts for Tokenry's own pages no longer comments, without TLS."""
    text = re.sub(
        r"(?<=under another name:\n)(?:[ \t]*#.*\n)+",
        lambda part: re.sub(r"(?m)^([ \t]*)#[ \t]?", r"\1", part[0]),
        text,
    )
    text = re.sub(r"(?m)^ +ssl_.*\n", "", text).replace(
        "listen 443 ssl;", f"listen 127.0.0.1:{port};"
    )
    text = text.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    return text.replace(f"\n{PAGES} {{", f"\nhttp://{PAGES}:{port} {{\nbind 127.0.0.1")


def with_ports(text: str, ports: dict[str, str]) -> str:
    return re.sub("|".join(ports), lambda found: ports[found[0]], text)


def adapted(text: str, program: str, pages_port: int | None) -> str:
    """Return a gateway's configuration for a test, with Tokenry's pages if there is a port."""
    if pages_port is not None:
        text = with_pages(text, pages_port)
        if program.endswith("caddy") and caddy_is_old(program):
            text = text.replace("request_buffers 4MB", "buffer_requests\nmax_buffer_size 4MB")
    return text.replace("\nhttp {", f"\nhttp {{ access_log off; {NGINX_FOLDERS}")


@contextmanager
def running(
    name: str,
    folder: Path,
    tokenry: int,
    backend: int,
    *,
    second: int | None = None,
    pages: bool = False,
) -> Iterator[Gateway]:
    """Run the gateway `name` in front of those ports; `pages` adds Tokenry's pages at host PAGES.

    Without a `second` node, both addresses in the file are those of the first.
    """
    program, port = find(name), free_port()
    ports = {
        LISTENS: str(port), TOKENRY: str(tokenry), SECOND: str(second or tokenry),
        BACKEND: str(backend), INSIDE: str(free_port()),
    }  # fmt: skip
    for file in FILES[name]:
        text = with_ports((ROOT / "deploy" / file).read_text(), ports)
        (folder / file).write_text(adapted(text, program, port if pages else None))
    # Caddy gets a folder for its state, and an address of its own for its administration.
    environment = {
        **os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder),
        "XDG_DATA_HOME": str(folder), "CADDY_ADMIN": "unix/admin",
    }  # fmt: skip
    command = [program, *(part.format(folder=folder) for part in COMMANDS[name])]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    gateway = Gateway(name, port)
    try:
        until(lambda: serves(gateway, process, folder / "log"), OSError)
        yield gateway
    finally:
        process.terminate()
        try:
            process.wait(timeout=patience(6))
        finally:
            process.kill()  # nothing where it has ended


def serves(gateway: Gateway, process: subprocess.Popen[bytes], log: Path) -> None:
    """Raises OSError until it does: Traefik reads its routes only once it listens."""
    assert process.poll() is None, log.read_text()
    if gateway.ask().status == 404:
        raise OSError


def bearer(value: str) -> tuple[str, str]:
    return "Authorization", f"Bearer {value}"


def named(got: dict[str, Any], name: str) -> list[str]:
    """Return the values of that header in the backend's request, with names read laxly."""
    return [
        value
        for header, value in got["headers"]
        if re.sub("[^a-z0-9]", "-", header.lower()) == name.lower()
    ]


def identity(got: dict[str, Any]) -> dict[str, list[str]]:
    """Everything in the request that a lax backend may take for whose it is."""
    names = {re.sub("[^a-z0-9]", "-", header.lower()) for header, _ in got["headers"]}
    return {name: named(got, name) for name in names if name.startswith("x-auth")}


def code(reply: Reply) -> str:
    """A refusal's, whose form is checked."""
    assert reply.headers.get_all("Content-Type") == ["application/problem+json"]
    assert reply.headers.get_all("Cache-Control") == ["no-store"]
    problem = json.loads(reply.body)
    assert problem["status"] == reply.status
    assert problem["instance"].startswith("urn:tokenry:denial:")
    return str(problem["code"])
