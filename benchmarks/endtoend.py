"""Measure the server, as `make run` starts it, with wrk."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from benchmarks.setups import COLUMNS, HOT, OFF, Setup
from benchmarks.workshop import ROOT, Store, Workshop

CONNECTIONS = 16
START_SECONDS = 30
VIEW, VERIFY, PLAIN = "api/bench", "verify?scope=bench:read", "plain"


@dataclass(frozen=True)
class Served:
    """A path of a server with `workers` processes. Without a setup it is the plain view."""

    setup: Setup | None
    workers: int
    path: str = PLAIN


@dataclass
class Rates:
    """wrk's measurements in each round."""

    per_second: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)  # to the plain view's rate in the same round
    p50: list[float] = field(default_factory=list)  # milliseconds
    p99: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return median(self.ratios)


class Site(NamedTuple):
    """A running server, and a token that it knows."""

    port: int
    token: str

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"


def missing() -> str:
    """Return why the server can't be measured, or ""."""
    return "" if shutil.which("wrk") else "no wrk"


def served(databases: set[str]) -> list[Served]:
    """Return what to measure. For each number of workers the plain view is first."""
    setups = [setup for setup in COLUMNS if setup.database in databases]
    listed = [Served(None, 1)]
    listed += [Served(setup, 1, path) for setup in setups for path in (VIEW, VERIFY)]
    if "postgresql" in databases:  # several workers need Redis
        listed += [Served(None, 2), *(Served(setup, 2, VIEW) for setup in (HOT, OFF))]
    return listed


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    workshop: Workshop, store: Store, workers: int, *, bare: bool = False, leases: str = "on"
) -> Iterator[Site]:
    """Start a server, and yield its site. A bare server has the plain view only."""
    site = Site(free_port(), json.loads(workshop.populations[store])["tokenry"][0])
    environment = workshop.environment(
        store,
        PORT=str(site.port),
        HOST="127.0.0.1",
        WEB_WORKERS=str(workers),
        TOKEN_LEASES=leases,
        BENCH_BARE="1" if bare else "",
    )
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=environment,
        stdout=workshop.log,
        stderr=workshop.log,
    )
    try:
        wait_for(site.url(PLAIN if bare else VIEW), site.token, process)
        yield site
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for(url: str, token: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers 200. Raise OSError if it ends, or after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    while True:
        try:
            urllib.request.urlopen(request, timeout=2).close()
        except OSError as error:
            ended = process.poll() is not None or isinstance(error, urllib.error.HTTPError)
            if ended or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def load(url: str, token: str, seconds: int) -> tuple[float, float, float]:
    """Return the requests per second, and the 50th and 99th percentile in milliseconds.

    Raise AssertionError unless all responses are 200.
    """
    authorization = f"Authorization: Bearer {token}"
    output = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-H", authorization, url],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 30,
    ).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise AssertionError(output)
    scale = {"us": 0.001, "ms": 1, "s": 1000}
    rate = float(re.findall(r"Requests/sec: +([0-9.]+)", output)[0])
    found = re.findall(r"(50|99)% +([0-9.]+)(us|ms|s)\b", output)
    times = {percent: float(number) * scale[unit] for percent, number, unit in found}
    return rate, times["50"], times["99"]


def measure(workshop: Workshop, rounds: int, seconds: int) -> dict[Served, Rates]:
    """Load each server in turn, in several rounds, and return the rates."""
    stores = {store.database: store for store in sorted(workshop.stores, reverse=True)}
    measured = {what: Rates() for what in served(set(stores))}
    with ExitStack() as running:
        sites: dict[tuple[Setup | None, int], Site] = {}
        for what in measured:
            if (what.setup, what.workers) not in sites:
                default = "sqlite" if what.workers == 1 else "postgresql"
                setup = what.setup
                sites[setup, what.workers] = running.enter_context(
                    serving(
                        workshop,
                        stores[setup.database if setup else default],
                        what.workers,
                        bare=setup is None,
                        leases=setup.leases if setup else "on",
                    )
                )
        for number in range(rounds + 1):
            for what, rates in measured.items():
                site = sites[what.setup, what.workers]
                rate, p50, p99 = load(site.url(what.path), site.token, seconds if number else 1)
                if number:  # round 0 warms up
                    rates.per_second.append(rate)
                    rates.p50.append(p50)
                    rates.p99.append(p99)
                    rates.ratios.append(rate / measured[Served(None, what.workers)].per_second[-1])
    return measured
