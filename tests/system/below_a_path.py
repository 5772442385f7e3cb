"""An installation below the path /tokens of a host that it shares, behind nginx with TLS."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.run import ROOT, patience, until
from tests.server import Installation, free_port
from tests.system.gateways import NGINX_FOLDERS, NGINX_GLOBALS, find

# What the neighbour at the root of the host is told of the cookies of a browser.
NEIGHBOUR = 'location / { default_type text/plain; return 200 "$http_cookie"; }'


@contextmanager
def installation_below_path(folder: Path, **settings: str) -> Iterator[Installation]:
    """Run an installation with one server, and nginx with deploy/nginx-path.conf before it."""
    port = free_port()
    site_url = f"https://localhost:{port}/tokens"
    settings |= {"SITE_URL": site_url, "TRUSTED_PROXIES": "127.0.0.1"}
    with closing(Installation(folder, **settings)) as site:
        server = site.server().start()
        with nginx(folder, port, server.port):
            server.url = site_url
            yield site


@contextmanager
def nginx(folder: Path, port: int, tokenry: int) -> Iterator[None]:
    """Run nginx with deploy/nginx-path.conf on `port`, before the server at the port `tokenry`."""
    program, configuration = find("nginx"), folder / "nginx.conf"
    text = (ROOT / "deploy/nginx-path.conf").read_text()
    for written, here in {
        "443 ssl": f"127.0.0.1:{port} ssl", "127.0.0.1:8000": f"127.0.0.1:{tokenry}",
        "/etc/ssl/certs/intranet.example.com.pem": str(folder / "certificate"),
        "/etc/ssl/private/intranet.example.com.key": str(folder / "key"),
        "location / {\n            return 404;\n        }": NEIGHBOUR,
        "\nhttp {": f"\nhttp {{ access_log off; {NGINX_FOLDERS}",
    }.items():  # fmt: skip
        assert written in text
        text = text.replace(written, here)
    configuration.write_text(text)
    subprocess.run(
        [find("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes",
         "-subj", "/CN=localhost", "-keyout", folder / "key", "-out", folder / "certificate"],
        capture_output=True, check=True,
    )  # fmt: skip
    command = [program, "-p", str(folder), "-c", str(configuration), "-g", NGINX_GLOBALS]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ, stdout=log, stderr=log)
    try:
        until(lambda: answers(process, port, folder / "log"), OSError)
        yield
    finally:
        process.terminate()
        process.wait(timeout=patience(6))


def answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Raise OSError unless nginx listens."""
    assert process.poll() is None, log.read_text()
    socket.create_connection(("127.0.0.1", port), timeout=1).close()
