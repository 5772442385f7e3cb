"""What a gateway costs: wrk through nginx to a plain view, to /verify, and to a backend that /verify guards.

python -m benchmarks.gateway alternates between them, several times, and prints medians: for one process on SQLite, and
for two on PostgreSQL (BENCH_POSTGRESQL) and Redis (BENCH_REDIS) where they are there. It needs nginx and wrk.
"""

import argparse
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.endtoend import Served, free_port, load, serving, wait_for
from benchmarks.run import say
from benchmarks.targets import NAMES
from benchmarks.workshop import ROOT, Store, Workshop, missing

TARGET = 0.4  # of the rate of a plain view of the same server
# Beside what deploy/nginx.conf guards: the same two servers, asked without a question before.
UNGUARDED = """
    server {{
        listen 127.0.0.1:{port};
        access_log off;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host localhost;
        location /plain {{ proxy_pass http://tokenry; }}
        location /verify {{ proxy_pass http://tokenry; }}
        location /bare {{ proxy_pass http://backend/plain; }}
    }}
}}
"""
WORDS = {
    "plain": "a plain view of the same server, without a token",
    "verify": "/verify with a good token",
    "guarded": "a backend that /verify guards, with deploy/nginx.conf",
    "bare": "a plain Django view without any middleware",
}


@contextmanager
def nginx(folder: Path, plain: int, tokenry: int) -> Iterator[dict[str, str]]:
    """The address of each thing that is measured."""
    guarded, unguarded = free_port(), free_port()
    ports = {"8080": guarded, "8000": tokenry, "9000": plain}
    text = re.sub("|".join(ports), lambda found: str(ports[found[0]]), (ROOT / "deploy/nginx.conf").read_text())
    text = text.replace("\n    server {", "\n    access_log off;\n    server {", 1)
    (folder / "nginx.conf").write_text(text.rstrip().removesuffix("}") + UNGUARDED.format(port=unguarded))
    options = "daemon off; pid nginx.pid; error_log stderr;" + (" user root;" if os.geteuid() == 0 else "")
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", options])
    addresses = {name: f"http://127.0.0.1:{unguarded}/{name}" for name in ("plain", "verify", "bare")}
    try:
        wait_for(addresses["plain"], "", process)
        yield {**addresses, "guarded": f"http://127.0.0.1:{guarded}/plain"}
    finally:
        process.terminate()
        process.wait(timeout=20)


def measure(place: Workshop, store: Store, workers: int, rounds: int, seconds: int) -> dict[str, list[float]]:
    """Requests per second of each thing in each round."""
    with (
        serving(place, Served(None, workers), store) as plain,
        serving(place, Served(store, workers), store) as tokenry,
        nginx(place.path, port_of(plain), port_of(tokenry)) as addresses,
    ):
        rates: dict[str, list[float]] = {name: [] for name in addresses}
        for number in range(rounds + 1):
            for name, address in addresses.items():
                rate, _, _ = load([*tokenry[:-1], address], seconds if number else 1)  # the first one warms up
                rates[name] += [rate] if number else []
    return rates


def port_of(command: list[str]) -> int:
    """Where the server listens that this wrk would load."""
    return int(re.findall(r":([0-9]+)/", command[-1])[0])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    chosen = parser.parse_args()
    stores = {Store("sqlite", 1000): 1} | ({} if missing() else {Store("postgresql", 1000): 2})
    with Workshop(list(stores)) as place:
        place.fill()
        for store, workers in stores.items():
            report(store, workers, measure(place, store, workers, chosen.rounds, chosen.seconds))


def report(store: Store, workers: int, rates: dict[str, list[float]]) -> None:
    """One line for each thing; ratios are medians of those to the plain view in the same round."""
    ratios = {
        name: median(one / plain for one, plain in zip(rates[name], rates["plain"], strict=True)) for name in WORDS
    }
    say(f"Through nginx: {'two processes' if workers > 1 else 'one process'}, {NAMES[store.database]}")
    for name, words in WORDS.items():
        say(f"{median(rates[name]):8,.0f}/s  {ratios[name]:5.2f}  {words}")
    verdict = "met" if ratios["verify"] >= TARGET else "not met"
    say(f"{verdict}: /verify reaches {ratios['verify']:.0%} of the plain view; wanted are {TARGET:.0%}\n")


if __name__ == "__main__":
    main()
