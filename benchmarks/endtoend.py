"""End to end: the shipped server, as `make run` starts it, under wrk."""

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

from benchmarks.workshop import ROOT, Store, Workshop

CONNECTIONS = 16
START_SECONDS = 30


@dataclass(frozen=True)
class Served:
    """What is served: the plain view without middleware, or Tokenry on a database; by so many processes."""

    store: Store | None
    workers: int


@dataclass
class Rates:
    """What wrk saw in each round."""

    per_second: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)  # to the plain view's rate in the same round
    p50: list[float] = field(default_factory=list)  # milliseconds
    p99: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return median(self.ratios)


def missing() -> str:
    return "" if shutil.which("wrk") else "no wrk"


def served(stores: list[Store]) -> list[Served]:
    """The plain view comes first of those with as many processes."""
    listed = [Served(None, 1), *(Served(store, 1) for store in stores)]
    if shared := [store for store in stores if store.database == "postgresql"]:  # more processes need Redis
        listed += [Served(None, 2), *(Served(store, 2) for store in shared)]
    return listed


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(workshop: Workshop, what: Served, store: Store) -> Iterator[list[str]]:
    """The command that loads the server, which has started."""
    port = free_port()
    bare = {"BENCH_BARE": "" if what.store else "1"}
    environment = workshop.environment(store, PORT=str(port), HOST="127.0.0.1", WEB_WORKERS=str(what.workers), **bare)
    token = json.loads(workshop.populations[store])["tokenry"][0]
    url = f"http://127.0.0.1:{port}/{'api/bench' if what.store else 'plain'}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, stdout=workshop.log, stderr=workshop.log
    )
    try:
        wait_for(url, token, process)
        yield ["wrk", "-t1", f"-c{CONNECTIONS}", "--latency", "-H", f"Authorization: Bearer {token}", url]
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for(url: str, token: str, process: subprocess.Popen[bytes]) -> None:
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


def load(command: list[str], seconds: int) -> tuple[float, float, float]:
    """Requests per second, and the 50th and 99th percentile in milliseconds. All must be answered with 200."""
    said = subprocess.run(
        [*command, f"-d{seconds}s"], capture_output=True, text=True, check=True, timeout=seconds + 30
    ).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise AssertionError(said)
    scale = {"us": 0.001, "ms": 1, "s": 1000}
    rate = float(re.findall(r"Requests/sec: +([0-9.]+)", said)[0])
    times = {percent: float(number) * scale[unit] for percent, number, unit in re.findall(
        r"(50|99)% +([0-9.]+)(us|ms|s)\b", said)}  # fmt: skip
    return rate, times["50"], times["99"]


def measure(workshop: Workshop, rounds: int, seconds: int) -> dict[Served, Rates]:
    """Every server under load, one after the other, in rounds."""
    smallest = min(store.size for store in workshop.stores)
    stores = [store for store in workshop.stores if store.size == smallest]
    measured = {what: Rates() for what in served(stores)}
    with ExitStack() as running:
        commands = {
            what: running.enter_context(serving(workshop, what, what.store or stores[0 if what.workers == 1 else -1]))
            for what in measured
        }
        for command in commands.values():
            load(command, 1)  # warms up
        for _ in range(rounds):
            for what, rates in measured.items():
                rate, p50, p99 = load(commands[what], seconds)
                rates.per_second.append(rate)
                rates.p50.append(p50)
                rates.p99.append(p99)
                rates.ratios.append(rate / measured[Served(None, what.workers)].per_second[-1])
    return measured
