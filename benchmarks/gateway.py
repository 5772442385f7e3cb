"""Measure forward auth with wrk through nginx: a plain view, /verify, and a guarded backend.

`python -m benchmarks.gateway` measures them in turn, several times, and prints medians: for one
process on SQLite, and for two processes on PostgreSQL (BENCH_POSTGRESQL) and Redis (BENCH_REDIS)
if they are there. It needs nginx and wrk.
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

from benchmarks.endtoend import free_port, load, serving, wait_for
from benchmarks.run import say
from benchmarks.setups import DATABASES
from benchmarks.workshop import ROOT, Store, Workshop, missing

TARGET = 0.4  # the rate of /verify / the rate of a plain view of the same server
# In addition to deploy/nginx.conf: the same two servers without forward auth.
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
    """Start nginx, and yield the addresses to measure by name."""
    guarded, unguarded = free_port(), free_port()
    ports = {"8080": guarded, "8000": tokenry, "8002": tokenry, "9000": plain}
    text = re.sub(
        "|".join(ports),
        lambda found: str(ports[found[0]]),
        (ROOT / "deploy/nginx.conf").read_text(),
    )
    text = text.replace("\n    server {", "\n    access_log off;\n    server {", 1)
    (folder / "nginx.conf").write_text(
        text.rstrip().removesuffix("}") + UNGUARDED.format(port=unguarded)
    )
    options = "daemon off; pid nginx.pid; error_log stderr;" + (
        " user root;" if os.geteuid() == 0 else ""
    )
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
    process = subprocess.Popen(
        [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", options]
    )
    addresses = {
        name: f"http://127.0.0.1:{unguarded}/{name}" for name in ("plain", "verify", "bare")
    }
    try:
        wait_for(addresses["plain"], "", process)
        yield {**addresses, "guarded": f"http://127.0.0.1:{guarded}/plain"}
    finally:
        process.terminate()
        process.wait(timeout=20)


def measure(
    place: Workshop, store: Store, workers: int, rounds: int, seconds: int
) -> dict[str, list[float]]:
    """Return the requests per second of each address in each round."""
    with (
        serving(place, store, workers, bare=True) as plain,
        serving(place, store, workers) as tokenry,
        nginx(place.path, plain.port, tokenry.port) as addresses,
    ):
        rates: dict[str, list[float]] = {name: [] for name in addresses}
        for number in range(rounds + 1):
            for name, address in addresses.items():
                # Round 0 warms up.
                rate, _, _ = load(address, tokenry.token, seconds if number else 1)
                rates[name] += [rate] if number else []
    return rates


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
    """Print a line for each address.

    A ratio is the median of the ratios to the plain view in each round.
    """
    ratios = {
        name: median(one / plain for one, plain in zip(rates[name], rates["plain"], strict=True))
        for name in WORDS
    }
    processes = "two processes" if workers > 1 else "one process"
    say(f"Through nginx: {processes}, {DATABASES[store.database]}")
    for name, words in WORDS.items():
        say(f"{median(rates[name]):8,.0f}/s  {ratios[name]:5.2f}  {words}")
    result = "met" if ratios["verify"] >= TARGET else "not met"
    say(
        f"{result}: /verify reaches {ratios['verify']:.0%} of the plain view's rate; "
        f"the target is {TARGET:.0%}\n"
    )


if __name__ == "__main__":
    main()
