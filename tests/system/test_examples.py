"""The code examples do what they say, in the languages themselves."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest

from tests.run import patience, until
from tests.system.calls import call
from tests.system.conftest import Site, Sites
from tokens.pages.code_examples import VARIABLE, examples

PROGRAMS = {
    "cURL": ["sh", "-c"],
    "Python": [sys.executable, "-c"],
    "JavaScript": ["node", "--input-type=module", "--eval"],
}
HARDENED = [("cURL", ""), ("Python", "requests"), ("Python", "httpx"), ("JavaScript", "")]
NEEDED = {"cURL": "curl", "JavaScript": "node"}
WINDOW = 3  # seconds: longer than a language takes to start
TRIES = 4


@pytest.fixture(scope="module")
def site(sites: Sites) -> Site:
    return sites()


def skip_if_missing(language: str) -> None:
    if language in NEEDED and shutil.which(NEEDED[language]) is None:
        pytest.skip(f"{NEEDED[language]} is not installed")


@pytest.fixture(params=PROGRAMS)
def language(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    skip_if_missing(chosen)
    return chosen


@pytest.fixture(params=HARDENED, ids=" ".join)
def hardened(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Return a language, and the library of a hardened example in that language."""
    language, library = request.param
    skip_if_missing(language)
    return language, library


def run(
    language: str, url: str, value: str, *, library: str | None = None, more: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run an example and then `more`, with only the token in the environment.

    Run the hardened example with that library, or the short one if `library` is None.
    """
    example = next(
        example for example in examples(url, "/api/v1/token") if example.language == language
    )
    code = example.code
    if library is not None:
        code = next(robust.code for robust in example.hardened if robust.library == library)
    return subprocess.run(
        [*PROGRAMS[language], code + more],
        env={"PATH": os.environ["PATH"], VARIABLE: value}, capture_output=True, text=True,
        check=False, timeout=patience(20),
    )  # fmt: skip


def test_each_language_has_one() -> None:
    shown = examples("http://localhost", "/api/v1/token")
    assert [example.language for example in shown] == list(PROGRAMS)
    assert [
        (example.language, robust.library) for example in shown for robust in example.hardened
    ] == HARDENED


def test_it_works(site: Site, language: str) -> None:
    value = site.console.issue()
    done = run(language, site.server.url, value)
    assert done.returncode == 0, done.stderr
    assert value[:24] in done.stdout
    assert value[24:] not in done.stdout


def test_the_hardened_one_works(site: Site, hardened: tuple[str, str]) -> None:
    value = site.console.issue()
    done = run(hardened[0], site.server.url, value, library=hardened[1])
    assert (done.returncode, done.stderr) == (0, "")
    assert value[:24] in done.stdout
    assert value[24:] not in done.stdout


@pytest.mark.long
def test_it_waits_for_a_limit(site: Site, hardened: tuple[str, str]) -> None:
    value = site.console.issue()
    site.console.change(value, f"set_rate_limit('1/{WINDOW}second')")
    refused = refusals(site)
    assert call(site.server.port, value).status == 200
    done = run(hardened[0], site.server.url, value, library=hardened[1])
    assert done.returncode == 0, done.stderr
    assert value[:24] in done.stdout

    def logged() -> None:
        assert refusals(site) == refused + 1

    until(logged, AssertionError)


def refusals(site: Site) -> int:
    """How many requests the server refused because of a limit."""
    return site.server.log.read_text().count('"code": "rate_limited"')


def test_it_says_why_it_was_refused(site: Site, hardened: tuple[str, str]) -> None:
    value = site.console.issue()
    assert site.console.change(value, "revoke()")
    done = run(hardened[0], site.server.url, value, library=hardened[1])
    assert done.returncode != 0
    assert "The token was revoked on " in done.stdout + done.stderr
    assert value[24:] not in done.stdout + done.stderr


class Busy(BaseHTTPRequestHandler):
    """Refuses whatever it is asked, and says only the first time for how long."""

    server: "BusyServer"

    def do_GET(self) -> None:
        self.server.times.append(time.monotonic())
        asked = self.server.asked
        self.send_response(429 if asked % 2 else 503)
        self.send_header("Content-Type", "application/problem+json")
        if asked == 1:
            self.send_header("Retry-After", self.server.wait)
        self.end_headers()
        self.wfile.write(json.dumps({"detail": "Not now."}).encode())

    def log_message(self, *args: object) -> None:
        pass


class BusyServer(ThreadingHTTPServer):
    """Knows when it was asked."""

    wait = "1"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Busy)
        self.times: list[float] = []

    @property
    def asked(self) -> int:
        return len(self.times)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def busy() -> Iterator[BusyServer]:
    with BusyServer() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.long
def test_it_gives_up(busy: BusyServer, hardened: tuple[str, str]) -> None:
    done = run(hardened[0], busy.url, "tkn_live_" + "0" * 64, library=hardened[1])
    assert done.returncode != 0
    assert "Not now." in done.stdout + done.stderr
    assert busy.asked == TRIES
    waits = [round(later - earlier) for earlier, later in pairwise(busy.times)]
    assert waits == [1, 2, 4]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_does_not_wait_in_silence_for_an_hour(busy: BusyServer) -> None:
    busy.wait = "3600"
    done = run("cURL", busy.url, "tkn_live_" + "0" * 64, library="")
    assert (done.returncode != 0, busy.asked) == (True, 1)
    assert "Not now." in done.stdout


@pytest.mark.long
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_keeps_the_last_answer_alone(busy: BusyServer, tmp_path: Path) -> None:
    kept = tmp_path / "answer.json"
    run("cURL", busy.url, "tkn_live_" + "0" * 64, library="", more=f" --output {kept}")
    assert json.loads(kept.read_text()) == {"detail": "Not now."}
    assert busy.asked == TRIES
